use std::future::poll_fn;
use std::sync::atomic::Ordering;

use ropewalk_core::Fault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use super::scripted::{Scripted, answered, truncated};
use super::*;
use crate::wire::{Flags, Type};

fn client_of(server: &Scripted) -> Client {
    let options = Options { timeout: Duration::from_millis(300), ..Options::default() };
    Client::with(server.at, Via::Udp, options)
}

fn ask() -> Ask {
    Ask::new("www.Example.org".parse().unwrap(), Type::A)
}

/// The last octet of each address in the answer.
fn last(reply: &Reply) -> Vec<u8> {
    reply.message.answer.iter().map(|record| record.rdata[3]).collect()
}

#[tokio::test]
async fn a_question_is_answered_over_udp() {
    let server = Scripted::new(|_, request| vec![answered(request, &[[192, 0, 2, 1]])], |_| vec![]).await;
    let reply = client_of(&server).ask(&ask()).await.unwrap();
    assert_eq!((reply.transport, last(&reply)), (Transport::Udp, vec![1]));
    assert_eq!(reply.message.question.unwrap(), ask().question);
}

#[tokio::test]
async fn what_is_cut_short_is_asked_again_over_tcp() {
    let tcp = |request: &[u8]| vec![answered(request, &[[192, 0, 2, 7]; 3])];
    let server = Scripted::new(|_, request| vec![truncated(request)], tcp).await;
    let client = client_of(&server);
    let reply = client.ask(&ask()).await.unwrap();
    assert_eq!((reply.transport, last(&reply)), (Transport::Tcp, vec![7, 7, 7]));
    // The connection is used again.
    assert_eq!(client.kept.lock().unwrap().len(), 1);
    assert_eq!(last(&client.ask(&ask()).await.unwrap()), [7, 7, 7]);
    assert_eq!(client.kept.lock().unwrap().len(), 1);
    let options = Options { keep_truncated: true, ..client.options.clone() };
    let reply = Client::with(server.at, Via::Udp, options).ask(&ask()).await.unwrap();
    assert!(reply.message.flags.has(Flags::TC));
}

#[tokio::test]
async fn more_than_was_asked_for_is_asked_again_over_tcp() {
    let tcp = |request: &[u8]| vec![answered(request, &[[192, 0, 2, 7]])];
    let server = Scripted::new(|_, request| vec![answered(request, &[[192, 0, 2, 1]; 80])], tcp).await;
    assert_eq!(last(&client_of(&server).ask(&ask()).await.unwrap()), [7]);
}

#[tokio::test]
async fn lies_are_not_heard() {
    let lies = |_, request: &[u8]| {
        let lie = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut reply = answered(request, &[[192, 0, 2, 66]]);
            change(&mut reply);
            reply
        };
        vec![
            lie(&|reply| reply[0] ^= 1),
            lie(&|reply| reply[13] ^= 1),
            lie(&|reply| reply[2] &= 0x7f),
            lie(&|reply| reply.truncate(9)),
            request.to_vec(),
            answered(request, &[[192, 0, 2, 1]]),
        ]
    };
    let server = Scripted::new(lies, |_| vec![]).await;
    assert_eq!(last(&client_of(&server).ask(&ask()).await.unwrap()), [1]);
}

#[tokio::test]
async fn many_lies_are_escaped_by_tcp() {
    let lies = |_, request: &[u8]| {
        let lie = |id: u8| {
            let mut reply = answered(request, &[[192, 0, 2, 66]]);
            reply[0] = reply[0].wrapping_add(id);
            reply
        };
        (1..=32).map(lie).collect()
    };
    let server = Scripted::new(lies, |request| vec![answered(request, &[[192, 0, 2, 7]])]).await;
    assert_eq!(last(&client_of(&server).ask(&ask()).await.unwrap()), [7]);
}

#[tokio::test]
async fn a_reply_from_another_port_is_not_heard() {
    let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let options = Options { timeout: Duration::from_millis(100), tries: 1, ..Options::default() };
    let client = Client::with(datagrams.local_addr().unwrap(), Via::Udp, options);
    let liar = async {
        let mut room = [0; 1500];
        let (length, peer) = datagrams.recv_from(&mut room).await.unwrap();
        other.send_to(&answered(&room[..length], &[[192, 0, 2, 66]]), peer).unwrap();
        poll_fn(|_| std::task::Poll::<()>::Pending).await;
    };
    let ask = ask();
    tokio::select! {
        asked = client.ask(&ask) => assert_eq!(asked.unwrap_err().fault(), Fault::Limit),
        () = liar => {}
    }
}

#[tokio::test]
async fn letters_that_were_changed_are_asked_for_over_tcp() {
    let lower = |_, request: &[u8]| vec![answered(&request.to_ascii_lowercase(), &[[192, 0, 2, 66]])];
    let server = Scripted::new(lower, |request| vec![answered(request, &[[192, 0, 2, 7]])]).await;
    let mut client = client_of(&server);
    // The ID is in letters too, sometimes: it is asked until one came through.
    client.options.exact_case = true;
    client.options.tries = 100;
    client.options.timeout = Duration::from_millis(50);
    assert_eq!(last(&client.ask(&ask()).await.unwrap()), [7]);
    client.options.exact_case = false;
    assert_eq!(last(&client.ask(&ask()).await.unwrap()), [66]);
}

#[tokio::test]
async fn silence_is_asked_again_and_then_an_error() {
    let late = |number, request: &[u8]| match number {
        0 | 1 => vec![],
        _ => vec![answered(request, &[[192, 0, 2, 1]])],
    };
    let server = Scripted::new(late, |_| vec![]).await;
    let mut client = client_of(&server);
    client.options.timeout = Duration::from_millis(50);
    assert_eq!(last(&client.ask(&ask()).await.unwrap()), [1]);
    assert_eq!(server.heard.load(Ordering::Relaxed), 3);

    let silent = Scripted::new(|_, _| vec![], |_| vec![]).await;
    let mut client = client_of(&silent);
    client.options.timeout = Duration::from_millis(20);
    let error = client.ask(&ask()).await.unwrap_err();
    assert_eq!((error.fault(), error.to_string()), (Fault::Limit, "no answer within 0.02 s".into()));
    assert_eq!(silent.heard.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn who_does_not_know_edns_is_asked_without_it() {
    let old = |_, request: &[u8]| {
        let mut reply = answered(request, &[[192, 0, 2, 1]]);
        if request[11] > 0 {
            reply.truncate(12);
            reply[4..12].fill(0);
            reply[3] |= 1;
        }
        vec![reply]
    };
    let server = Scripted::new(old, |_| vec![]).await;
    assert_eq!(last(&client_of(&server).ask(&ask()).await.unwrap()), [1]);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_made_anew() {
    // Each connection is for one message.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(listener.local_addr().unwrap(), Via::Tcp);
    let serve = async {
        for last in [1, 2] {
            let (mut conn, _) = listener.accept().await.unwrap();
            let length = conn.read_u16().await.unwrap();
            let mut request = vec![0; length.into()];
            conn.read_exact(&mut request).await.unwrap();
            let reply = answered(&request, &[[192, 0, 2, last]]);
            conn.write_all(&[&(reply.len() as u16).to_be_bytes(), &reply[..]].concat()).await.unwrap();
        }
    };
    let both = async {
        assert_eq!(last(&client.ask(&ask()).await.unwrap()), [1]);
        assert_eq!(last(&client.ask(&ask()).await.unwrap()), [2]);
    };
    tokio::join!(serve, both);
}

#[tokio::test]
async fn over_a_connection_a_reply_to_something_else_is_an_error() {
    let lie = |request: &[u8]| {
        let mut reply = answered(request, &[]);
        reply[13] ^= 1;
        vec![reply]
    };
    let server = Scripted::new(|_, _| vec![], lie).await;
    let client = Client::new(server.at, Via::Tcp);
    assert_eq!(client.ask(&ask()).await.unwrap_err().to_string(), "the server replies to something else");
    assert!(client.kept.lock().unwrap().is_empty());
}

/// One message of a transfer of `example.`: S is its SOA, s another one, A an address in it, X one outside.
fn part(request: &[u8], records: &str) -> Vec<u8> {
    let mut out = answered(request, &[]);
    out[7] = records.len() as u8;
    for record in records.chars() {
        let owner: &[u8] = if record == 'X' { b"\x05other\0" } else { b"\xc0\x0c" };
        out.extend_from_slice(owner);
        match record {
            'S' | 's' => {
                out.extend_from_slice(b"\0\x06\0\x01\0\0\0\x3c\0\x18\xc0\x0c\xc0\x0c\0\0\0");
                out.push(record as u8);
                out.extend_from_slice(&[0; 16]);
            }
            _ => out.extend_from_slice(b"\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"),
        }
    }
    out
}

async fn transferred(parts: &'static [&'static str]) -> Result<(u64, u64), String> {
    let tcp = |request: &[u8]| parts.iter().map(|records| part(request, records)).collect();
    let server = Scripted::new(|_, _| vec![], tcp).await;
    let options = Options { timeout: Duration::from_millis(200), ..Options::default() };
    let client = Client::with(server.at, Via::Udp, options);
    let mut records = 0;
    let count = |_| {
        records += 1;
        Ok(())
    };
    let done =
        client.transfer(&"example".parse().unwrap(), count).await.map_err(|error| error.to_string())?;
    assert_eq!(done.records, records);
    Ok((done.records, done.messages))
}

#[tokio::test]
async fn a_zone_is_transferred_from_soa_to_soa() {
    assert_eq!(transferred(&["SAAS"]).await, Ok((4, 1)));
    assert_eq!(transferred(&["S", "A", "AA", "S"]).await, Ok((5, 4)));
}

#[tokio::test]
async fn what_is_no_transfer_of_the_zone_is_refused() {
    let cases: [(&'static [&'static str], &str); 6] = [
        (&["AS"], "does not begin with its SOA"),
        (&["SA", "s"], "another SOA"),
        (&["SX"], "not in the zone"),
        (&["SASA"], "after the end"),
        (&["S", ""], "without records"),
        (&["SA"], "no answer within"),
    ];
    for (parts, says) in cases {
        let error = transferred(parts).await.unwrap_err();
        assert!(error.contains(says), "{parts:?}: {error}");
    }
}
