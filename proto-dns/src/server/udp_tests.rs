use std::sync::atomic::Ordering;
use std::time::Duration;

use ropewalk_core::Limits;
use ropewalk_core::app::Task;
use ropewalk_core::net::BoundDatagrams;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::*;
use crate::client::scripted::{Scripted, answered};
use crate::server::asking::{asks, engine, query};
use crate::server::forward::{Forwarder, Options, Route};
use crate::server::{Answering, Engine};
use crate::zone::ZoneSet;

/// A client, and the server that it asks.
struct Asking {
    client: UdpSocket,
    cx: Context,
    servers: Vec<Task<Result<()>>>,
}

impl Asking {
    async fn new() -> Self {
        Self::of(Desk::new(Arc::new(engine()))).await
    }

    async fn of(desk: Desk) -> Self {
        let port = BoundDatagrams::claim(&"udp:0:interface=127.0.0.1".parse().unwrap()).unwrap();
        let cx = Context::root(Limits::default());
        let views = Arc::new(Views::new(Arc::new(desk)));
        let serve = |socket| cx.spawn(serve(Arc::clone(&views), socket, cx.clone()));
        let servers = port.open().unwrap().into_iter().map(serve).collect();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(port.local()[0].to_string()).await.unwrap();
        Self { client, cx, servers }
    }

    async fn reply(&self) -> Option<Vec<u8>> {
        let mut reply = vec![0; 65_535];
        let octets = timeout(Duration::from_millis(500), self.client.recv(&mut reply)).await.ok()?.unwrap();
        Some(reply[..octets].to_vec())
    }

    async fn ask(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.client.send(message).await.unwrap();
        self.reply().await
    }
}

#[tokio::test]
async fn many_at_once_are_all_answered_and_counted() {
    let asking = Asking::new().await;
    for id in 0..100_u16 {
        asking.client.send(&query(id, "www.example.", 1)).await.unwrap();
    }
    let mut ids = Vec::new();
    for _ in 0..100 {
        let reply = asking.reply().await.unwrap();
        assert_eq!((reply[3] & 15, reply[7]), (0, 1));
        ids.push(u16::from_be_bytes([reply[0], reply[1]]));
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..100).collect::<Vec<_>>());
    asking.ask(&query(1, "none.example.", 28)).await.unwrap();
    // The metrics are told after the answers are sent.
    let counted = async {
        let page = || asking.cx.metrics().render();
        let has = |line: &str| page().contains(line);
        while !has("command=\"A\",result=\"NOERROR\"} 100") || !has("command=\"AAAA\",result=\"NXDOMAIN\"} 1")
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), counted).await.unwrap();
}

#[tokio::test]
async fn what_is_no_request_gets_nothing_and_hurts_nobody() {
    let asking = Asking::new().await;
    let mut reply = query(9, "www.example.", 1);
    reply[2] |= 0x80;
    for garbage in [&b""[..], b"x", &[0; 11], &reply] {
        assert_eq!(asking.ask(garbage).await, None);
    }
    assert!(asking.ask(&query(7, "www.example.", 1)).await.is_some());
    // Longer than we read: it cannot be whole.
    let long = [query(8, "www.example.", 1), vec![0; 5000]].concat();
    assert_eq!(asking.ask(&long).await.unwrap()[3] & 15, 1);
}

#[tokio::test]
async fn an_answer_is_as_long_as_the_client_takes_and_else_truncated() {
    let asking = Asking::new().await;
    for message in [query(1, "large.example.", 16), asks(1, "large.example.", 16, 1, Some(&[]))] {
        let reply = asking.ask(&message).await.unwrap();
        assert!(reply[2] & 2 != 0 && reply.len() <= 1232, "{}", reply.len());
        assert_eq!(reply[7], 0, "whole sets or none");
    }
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let asking = Asking::new().await;
    asking.cx.stop();
    for server in asking.servers {
        timeout(Duration::from_secs(5), server).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_was_begun_is_answered_also_when_the_server_stops() {
    // It answers when it is asked again.
    let slow = |number: usize, request: &[u8]| match number {
        0 => vec![],
        _ => vec![answered(request, &[[192, 0, 2, 7]])],
    };
    let slow = Scripted::new(slow, |_| vec![]).await;
    let asking = Asking::of(forwarding(&slow)).await;
    asking.client.send(&query(1, "www.elsewhere.", 1)).await.unwrap();
    while slow.heard.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asking.cx.stop();
    let mut reply = None;
    for _ in 0..20 {
        reply = reply.or(asking.reply().await);
    }
    assert_eq!(reply.unwrap()[7], 1);
    for server in asking.servers {
        timeout(Duration::from_secs(5), server).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_takes_longer_is_answered_too() {
    let asking = Asking::new().await;
    let mut notify = query(9, "example.", 6);
    notify[2] = 0x24;
    for id in 0..50_u8 {
        notify[1] = id;
        asking.client.send(&notify).await.unwrap();
    }
    let mut ids = Vec::new();
    for _ in 0..50 {
        let reply = asking.reply().await.unwrap();
        assert_eq!(reply[3] & 15, 5);
        ids.push(reply[1]);
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..50).collect::<Vec<_>>());
}

/// A desk where this server is asked for all.
fn forwarding(server: &Scripted) -> Desk {
    let to = Route { name: ".".parse().unwrap(), upstreams: vec![server.at.to_string().parse().unwrap()] };
    let answering = Answering { recursion: Some(Forwarder::private()), ..Answering::default() };
    let engine = Arc::new(Engine::new(ZoneSet::default(), answering));
    Desk::new(engine).forwarder(Forwarder::new(vec![to], Options::default()).unwrap())
}

#[tokio::test]
async fn questions_that_others_do_not_answer_hold_up_nothing_of_ours() {
    let silent = Scripted::new(|_, _| vec![], |_| vec![]).await;
    let asking = Asking::of(forwarding(&silent)).await;
    for id in 0..2000_u16 {
        asking.client.send(&query(id, "www.elsewhere.", 1)).await.unwrap();
        if id % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut notify = query(9999, "example.", 6);
    notify[2] = 0x24;
    asking.client.send(&notify).await.unwrap();
    // Before it come those that there is no room for.
    let mut reply = asking.reply().await.unwrap();
    while reply[..2] != notify[..2] {
        assert_eq!(reply[3] & 15, 2);
        reply = asking.reply().await.unwrap();
    }
    assert_eq!(reply[3] & 15, 5);
}
