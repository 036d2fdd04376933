use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::testing::{OPT, engine, peer, request, short};
use crate::server::{Acl, Desk, Limiter, Peer, Policies, RrlOptions, Rules, Transport, Verdict};
use crate::wire::Name;
use crate::wire::tsig::{Algorithm, Signer, TsigKey};

const ZONE: &str = "
    example. 60 IN SOA ns.example. root.example. 7 2 3 4 300
    example. 60 IN NS ns.example.
    ns.example. 60 IN A 192.0.2.1
";

fn key(name: &str) -> Arc<TsigKey> {
    let name: Name = name.parse().unwrap();
    Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, b"a secret of thirty-two octets!!!"))
}

/// A desk where these may have `example.`
fn desk(text: &str, who: &[&str], most: usize) -> Desk {
    let transfers = Acl::new(who.iter().map(|who| who.parse().unwrap()));
    let rules = Rules { transfers, ..Rules::default() };
    let keys = [key("one."), key("two.")].into_iter().collect();
    let rules = Arc::new(rules);
    let rules = ["example.", "lost."].map(|name| (name.parse().unwrap(), Arc::clone(&rules))).into();
    Desk::new(Arc::new(engine(&[text]))).keys(keys).rules(rules).transfers(most)
}

async fn ask(desk: &Desk, request: &[u8]) -> Vec<Vec<u8>> {
    let (replies, mut ready) = mpsc::channel(100);
    let peer = peer(Transport::Tcp);
    let verdict = desk.engine().respond(request, &peer, &mut Vec::new());
    assert!(verdict.is_later());
    desk.answer(verdict, request, &peer, &replies).await;
    drop(replies);
    let mut all = Vec::new();
    while let Some(message) = ready.recv().await {
        all.push(message);
    }
    all
}

/// All messages in short.
async fn told(desk: &Desk, request: &[u8]) -> String {
    ask(desk, request).await.iter().map(|message| short(message)).collect::<Vec<_>>().join("; ")
}

fn axfr() -> Vec<u8> {
    request("example AXFR", &[])
}

fn signed(mut request: Vec<u8>, name: &str) -> Vec<u8> {
    Signer::new(key(name)).sign(&mut request, 0, crate::server::now());
    request
}

/// A request for IXFR of a client that has this serial.
fn ixfr(serial: u8) -> Vec<u8> {
    let soa = [&[0, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 0, serial][..], &[0; 16]].concat();
    let mut request = request("example IXFR", &[&soa]);
    request[9] = 1;
    request[11] = 0;
    request
}

const WHOLE: &str = "NOERROR AA: example. SOA, example. NS, ns.example. A, example. SOA";

#[tokio::test]
async fn who_is_not_named_gets_no_zone() {
    for (who, request, expected) in [
        (&[][..], axfr(), "REFUSED"),
        (&["192.0.2.0/24"], axfr(), "REFUSED"),
        (&["loopback"], axfr(), WHOLE),
        (&["key:one"], axfr(), "REFUSED"),
        (&["key:one"], signed(axfr(), "two."), "REFUSED + two. TSIG"),
        (&["key:one"], signed(axfr(), "one."), &format!("{WHOLE} + one. TSIG")),
        (&["key:one"], signed(axfr(), "three."), "NOTAUTH + three. TSIG"),
        (&["192.0.2.0/24", "key:two"], signed(axfr(), "two."), &format!("{WHOLE} + two. TSIG")),
    ] {
        assert_eq!(told(&desk(ZONE, who, 10), &request).await, expected, "{who:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_transferred_is_told() {
    let desk = desk(ZONE, &["loopback"], 10);
    desk.engine().update(|set| {
        let mut set = (**set).clone();
        set.insert_unavailable("lost.".parse().unwrap());
        set
    });
    for (question, expected) in [
        ("ns.example AXFR", "NOTAUTH"),
        ("elsewhere AXFR", "NOTAUTH"),
        ("lost AXFR", "SERVFAIL"),
        ("example IXFR", "FORMERR"),
    ] {
        assert_eq!(told(&desk, &request(question, &[])).await, expected, "{question}");
    }
    let mut other = axfr();
    let at = other.len() - 1;
    other[at] = 255;
    assert_eq!(told(&desk, &other).await, "NOTAUTH");
}

#[tokio::test]
async fn who_may_have_no_zone_is_not_told_which_ones_there_are() {
    for who in ["192.0.2.0/24", "key:one"] {
        let desk = desk(ZONE, &[who], 10);
        for question in ["example AXFR", "elsewhere AXFR", "ns.example AXFR"] {
            assert_eq!(told(&desk, &request(question, &[])).await, "REFUSED", "{who} {question}");
        }
        assert_eq!(told(&desk, &signed(request("elsewhere AXFR", &[]), "one.")).await, "NOTAUTH + one. TSIG");
    }
}

#[tokio::test]
async fn who_is_up_to_date_gets_the_soa() {
    let desk = desk(ZONE, &["loopback"], 10);
    for (serial, expected) in
        [(7, "NOERROR AA: example. SOA"), (8, "NOERROR AA: example. SOA"), (6, WHOLE), (0, WHOLE)]
    {
        assert_eq!(told(&desk, &ixfr(serial)).await, expected, "{serial}");
    }
}

#[tokio::test]
async fn over_udp_who_may_have_the_zone_is_told_to_ask_over_tcp() {
    for (who, expected) in [("loopback", "NOERROR AA: example. SOA"), ("192.0.2.0/24", "REFUSED")] {
        let desk = desk(ZONE, &[who], 10);
        let (replies, mut ready) = mpsc::channel(1);
        desk.answer(Verdict::Transfer, &ixfr(0), &peer(Transport::Udp), &replies).await;
        assert_eq!(short(&ready.try_recv().unwrap()), expected);
    }
}

#[tokio::test]
async fn the_first_message_has_edns_and_each_is_signed() {
    let mut text = ZONE.to_owned();
    for n in 0..2000 {
        text += &format!("n{n}.example. 60 IN TXT some-text-that-takes-room\n");
    }
    let desk = desk(&text, &["key:one"], 10);
    let messages = ask(&desk, &signed(request("example AXFR", &[OPT]), "one.")).await;
    assert!(messages.len() > 4);
    for (at, message) in messages.iter().enumerate() {
        let end = if at == 0 { " + . OPT, one. TSIG" } else { " + one. TSIG" };
        assert!(short(message).ends_with(end), "{at}");
        assert!(message.len() <= 16 * 1024, "{at}: {}", message.len());
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_loses_the_transfer_and_others_come_again() {
    let mut text = ZONE.to_owned();
    for n in 0..2000 {
        text += &format!("n{n}.example. 60 IN TXT some-text-that-takes-room\n");
    }
    let desk = desk(&text, &["loopback"], 1);
    let (replies, _ready) = mpsc::channel(1);
    let (request, peer) = (axfr(), peer(Transport::Tcp));
    let began = Instant::now();
    let lazy = async {
        assert_eq!(desk.answer(Verdict::Transfer, &request, &peer, &replies).await.unwrap().0, 0);
        began.elapsed().as_secs()
    };
    let other = async {
        tokio::task::yield_now().await;
        told(&desk, &request).await
    };
    assert_eq!(tokio::join!(lazy, other), (60, "SERVFAIL".to_owned()));
    assert!(told(&desk, &request).await.starts_with("NOERROR"));
    let counted: Vec<_> = desk.counted().collect();
    assert_eq!(counted, [("transfer", "whole", 1), ("transfer", "cut", 1), ("transfer", "busy", 1)]);
}

#[tokio::test(start_paused = true)]
async fn one_client_leaves_turns_to_others() {
    let mut text = ZONE.to_owned();
    for n in 0..2000 {
        text += &format!("n{n}.example. 60 IN TXT some-text-that-takes-room\n");
    }
    let desk = desk(&text, &["loopback", "192.0.2.0/24"], 4);
    let (replies, _ready) = mpsc::channel(1);
    let (request, greedy) = (axfr(), Peer { addr: ([192, 0, 2, 1], 53).into(), ..peer(Transport::Tcp) });
    let lazy = || desk.answer(Verdict::Transfer, &request, &greedy, &replies);
    let test = async {
        tokio::task::yield_now().await;
        let (replies, mut ready) = mpsc::channel(1);
        desk.answer(Verdict::Transfer, &request, &greedy, &replies).await;
        assert_eq!(short(&ready.try_recv().unwrap()), "SERVFAIL");
        desk.answer(Verdict::Transfer, &ixfr(7), &greedy, &replies).await;
        assert_eq!(short(&ready.try_recv().unwrap()), "NOERROR AA: example. SOA", "nothing new");
        assert!(told(&desk, &request).await.starts_with("NOERROR"), "another one");
    };
    tokio::join!(lazy(), lazy(), test);
}

#[tokio::test]
async fn what_is_told_over_udp_is_limited_as_all_answers_are() {
    let limiter = Limiter::new(RrlOptions { rate: 5, slip: 0, ..RrlOptions::default() });
    let policies = Policies { limiter: Some(limiter), ..Policies::default() };
    let transfers = Acl::new(["192.0.2.0/24".parse().unwrap()]);
    let rules = Arc::new(Rules { transfers, ..Rules::default() });
    let desk =
        Desk::new(Arc::new(engine(&[ZONE]).with(policies))).rules(vec![("example.".parse().unwrap(), rules)]);
    let forged = Peer { addr: ([192, 0, 2, 1], 5300).into(), ..peer(Transport::Udp) };
    let (replies, mut ready) = mpsc::channel(100);
    for _ in 0..50 {
        desk.answer(Verdict::Transfer, &ixfr(0), &forged, &replies).await;
    }
    let mut count = 0;
    while let Ok(reply) = ready.try_recv() {
        assert_eq!(short(&reply), "NOERROR AA: example. SOA");
        count += 1;
    }
    assert_eq!(count, 5);
}
