use std::sync::atomic::Ordering;

use ropewalk_core::Limits;
use ropewalk_core::app::Task;
use tokio::io::DuplexStream;
use tokio::time::timeout;

use super::*;
use crate::client::scripted::{Scripted, answered};
use crate::server::asking::{engine, query, zone};
use crate::server::forward::{Forwarder, Options, Route};
use crate::server::{Acl, Answering, Engine, Rules};
use crate::zone::ZoneSet;

/// A client, and the server that it talks to.
struct Client {
    io: DuplexStream,
    cx: Context,
    server: Task<Result<()>>,
}

impl Client {
    fn new() -> Self {
        Self::of(Desk::new(Arc::new(engine())))
    }

    fn of(desk: Desk) -> Self {
        Self::at(Arc::new(desk))
    }

    fn at(desk: Arc<Desk>) -> Self {
        let stream = Stream {
            views: Arc::new(Views::new(desk)),
            idle: Duration::from_secs(30),
            query: Duration::from_secs(10),
        };
        let cx = Context::root(Limits::default());
        let (conn, io) = Connection::pair();
        let own = cx.clone();
        let server = cx.spawn(async move { stream.serve(conn, own).await });
        Self { io, cx, server }
    }

    async fn send(&mut self, message: &[u8]) {
        self.io.write_all(&framed(message)).await.unwrap();
    }

    async fn reply(&mut self) -> Vec<u8> {
        let length = self.io.read_u16().await.unwrap();
        let mut reply = vec![0; length.into()];
        self.io.read_exact(&mut reply).await.unwrap();
        reply
    }

    /// What comes before the server closes.
    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        timeout(Duration::from_secs(1000), self.io.read_to_end(&mut rest)).await.unwrap().unwrap();
        rest
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

#[tokio::test(start_paused = true)]
async fn queries_that_come_at_once_are_all_answered() {
    let mut client = Client::new();
    let all: Vec<u8> = (0..100).flat_map(|id| framed(&query(id, "www.example.", 1))).collect();
    client.io.write_all(&all).await.unwrap();
    for id in 0..100_u16 {
        let reply = client.reply().await;
        assert_eq!((&reply[..2], reply[3] & 15, reply[7]), (&id.to_be_bytes()[..], 0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_may_come_octet_by_octet() {
    let mut client = Client::new();
    for octet in framed(&query(7, "www.example.", 1)) {
        client.io.write_all(&[octet]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(client.reply().await[1], 7);
}

#[tokio::test(start_paused = true)]
async fn a_length_and_then_silence_ends_in_time_and_takes_no_memory() {
    let mut client = Client::new();
    client.io.write_all(&[0xff, 0xff]).await.unwrap();
    let began = Instant::now();
    assert_eq!(client.rest().await, b"");
    assert_eq!(began.elapsed().as_secs(), 10);
    let error = (&mut client.server).await.unwrap().unwrap_err();
    assert_eq!(error.limit_name(), Some("query"));
}

#[tokio::test(start_paused = true)]
async fn an_octet_now_and_then_does_not_put_off_the_end() {
    let mut client = Client::new();
    let began = Instant::now();
    let message = framed(&query(7, "www.example.", 1));
    for octet in message.iter().take(4) {
        client.io.write_all(&[*octet]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    assert_eq!(client.rest().await, b"");
    assert!(began.elapsed() < Duration::from_secs(13));
}

#[tokio::test(start_paused = true)]
async fn who_asks_nothing_is_let_go_quietly() {
    let mut client = Client::new();
    client.send(&query(7, "www.example.", 1)).await;
    client.reply().await;
    let began = Instant::now();
    // What is not answered is no reason to stay.
    tokio::time::sleep(Duration::from_secs(20)).await;
    client.send(&[0x80; 12]).await;
    assert_eq!(client.rest().await, b"");
    assert_eq!(began.elapsed().as_secs(), 30);
    (&mut client.server).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_the_end_is_answered() {
    let mut client = Client::new();
    client.send(&query(7, "www.example.", 1)).await;
    client.io.shutdown().await.unwrap();
    assert_eq!(client.rest().await[3], 7);
    (&mut client.server).await.unwrap().unwrap();
    let mut cut = Client::new();
    cut.io.write_all(&[0, 20, 1]).await.unwrap();
    cut.io.shutdown().await.unwrap();
    assert_eq!(cut.rest().await, b"");
    assert!((&mut cut.server).await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_lets_idle_clients_go() {
    let mut client = Client::new();
    client.send(&query(7, "www.example.", 1)).await;
    client.reply().await;
    client.cx.stop();
    assert_eq!(client.rest().await, b"");
}

/// A desk at which a request for a transfer waits for who takes it.
fn patient() -> Client {
    let rules = Rules { transfers: Acl::new(["loopback".parse().unwrap()]), ..Rules::default() };
    let desk = Desk::new(Arc::new(engine()))
        .rules(vec![("example.".parse().unwrap(), Arc::new(rules))])
        .transfers(1000);
    Client::of(desk)
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_does_not_hold_up_what_comes_after_it() {
    let mut client = patient();
    let (axfr, www) = (query(1, "example.", 252), query(2, "www.example.", 1));
    client.io.write_all(&[framed(&axfr), framed(&www)].concat()).await.unwrap();
    let (first, second) = (client.reply().await, client.reply().await);
    // Both came in one piece: what is answered at once is written before the transfer goes on.
    assert_eq!((first[1], second[1]), (2, 1));
    // And it is used again.
    client.send(&www).await;
    assert_eq!(client.reply().await[1], 2);
}

#[tokio::test(start_paused = true)]
async fn what_runs_still_is_done_before_the_end() {
    let mut client = patient();
    let all: Vec<u8> = (0..100).flat_map(|id| framed(&query(id, "example.", 252))).collect();
    client.io.write_all(&all).await.unwrap();
    client.io.shutdown().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(client.reply().await[1]);
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..100).collect::<Vec<_>>());
    assert_eq!(client.rest().await, b"");
    (&mut client.server).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_much_at_once_and_takes_nothing_is_not_read_any_more() {
    let mut client = patient();
    let one = framed(&query(7, "example.", 252));
    let mut sent = 0;
    while let Ok(written) = timeout(Duration::from_secs(1), client.io.write_all(&one)).await {
        written.unwrap();
        sent += 1;
        assert!(sent < 20_000, "all are taken");
    }
}

/// Who takes no answers gets no further questions in: the answers that wait are bounded.
#[tokio::test(start_paused = true)]
async fn who_does_not_read_cannot_make_answers_pile_up() {
    let mut client = Client::new();
    let one = framed(&query(7, "www.example.", 1));
    let mut sent = 0;
    while let Ok(written) = timeout(Duration::from_secs(1), client.io.write_all(&one)).await {
        written.unwrap();
        sent += 1;
        assert!(sent < 20_000, "all are taken");
    }
}

/// Passes on what is not of `example.`, to a server that does not hear the first datagram.
async fn forwarding() -> (Arc<Desk>, Scripted) {
    let hard_of_hearing = |number, request: &[u8]| match number {
        0 => vec![],
        _ => vec![answered(request, &[[192, 0, 2, 1]])],
    };
    let server = Scripted::new(hard_of_hearing, |_| vec![]).await;
    let to = Route { name: ".".parse().unwrap(), upstreams: vec![server.at.to_string().parse().unwrap()] };
    let forwarder = Forwarder::new(vec![to], Options::default()).unwrap();
    let mut set = ZoneSet::default();
    set.insert(zone(1).into());
    let answering = Answering { recursion: Some(Forwarder::private()), ..Answering::default() };
    let desk = Desk::new(Arc::new(Engine::new(set, answering))).forwarder(forwarder);
    (Arc::new(desk), server)
}

#[tokio::test]
async fn who_takes_no_answers_holds_up_nobody_who_waits_for_the_same() {
    let (desk, server) = forwarding().await;
    let (mut greedy, mut other) = (Client::at(Arc::clone(&desk)), Client::at(desk));
    greedy.send(&query(1, "www.elsewhere.", 1)).await;
    while server.heard.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let large = framed(&query(2, "large.example.", 16));
    // It asks for so much that it cannot be written, and reads nothing of it.
    while let Ok(sent) = timeout(Duration::from_millis(200), greedy.io.write_all(&large)).await {
        sent.unwrap();
    }
    other.send(&query(3, "www.elsewhere.", 1)).await;
    let reply = timeout(Duration::from_secs(5), other.reply()).await.expect("it waits for the other");
    assert_eq!((reply[1], reply[3] & 15, reply[7]), (3, 0, 1));
}

#[tokio::test]
async fn the_time_of_a_query_does_not_count_for_the_next() {
    let (desk, _server) = forwarding().await;
    let stream = Stream {
        views: Arc::new(Views::new(desk)),
        idle: Duration::from_secs(30),
        query: Duration::from_millis(2500),
    };
    let cx = Context::root(Limits::default());
    let (conn, io) = Connection::pair();
    let own = cx.clone();
    let server = cx.spawn(async move { stream.serve(conn, own).await });
    let mut client = Client { io, cx, server };
    let message = framed(&query(1, "www.elsewhere.", 1));
    for number in 0..2 {
        // In two pieces; the first answer takes a second try.
        client.io.write_all(&message[..5]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(800)).await;
        client.io.write_all(&message[5..]).await.unwrap();
        assert_eq!(client.reply().await[3] & 15, 0, "{number}");
    }
}
