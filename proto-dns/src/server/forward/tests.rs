use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use tokio::sync::mpsc;

use super::*;
use crate::client::scripted::{Scripted, answered, truncated};
use crate::server::testing::{OPT, peer, request, short, zone};
use crate::server::{Answering, Desk, Transport};
use crate::wire::Message;

mod ours;

/// A forwarder at its desk, with a zone of ours.
struct Served(Desk);

impl Served {
    fn new(forwarder: Forwarder) -> Self {
        let answering = Answering { recursion: Some(Forwarder::private()), ..Answering::default() };
        let engine = Engine::new([zone(OURS)].into_iter().collect(), answering);
        Self(Desk::new(Arc::new(engine)).forwarder(forwarder))
    }

    async fn forward(&self, request: &[u8], from: &Peer) -> Option<Vec<u8>> {
        let mut reply = Vec::new();
        let verdict = self.0.respond(request, from, &mut reply);
        if !verdict.is_later() {
            return (verdict == Verdict::Reply).then_some(reply);
        }
        let (replies, mut ready) = mpsc::channel(1);
        self.0.answer(verdict, request, from, &replies).await;
        ready.try_recv().ok()
    }
}

impl Deref for Served {
    type Target = Forwarder;

    fn deref(&self) -> &Forwarder {
        self.0.forwards().unwrap()
    }
}

const OURS: &str = "ours. 60 IN SOA ns.ours. h.ours. 1 2 3 4 5\nours. 60 IN NS ns.ours.\nns.ours. 60 IN A 192.0.2.53\n\
    www.ours. 60 IN CNAME cdn.example.\nfar.ours. 60 IN CNAME www.ours.\nlost.ours. 60 IN CNAME nobody.elsewhere.\n";

fn forwarder(servers: &[&Scripted]) -> Served {
    routed(vec![route(".", servers)])
}

fn route(name: &str, servers: &[&Scripted]) -> Route {
    let upstreams = servers.iter().map(|server| server.at.to_string().parse().unwrap()).collect();
    Route { name: name.parse().unwrap(), upstreams }
}

fn routed(routes: Vec<Route>) -> Served {
    Served::new(Forwarder::new(routes, Options::default()).unwrap())
}

/// The reply to a question over TCP, in short.
async fn ask(forwarder: &Served, question: &str) -> String {
    let peer = peer(Transport::Tcp);
    short(&forwarder.forward(&request(question, &[]), &peer).await.unwrap())
}

/// A server that answers with one address over both.
async fn serving(last: u8) -> Scripted {
    let answer = move |request: &[u8]| vec![answered(request, &[[192, 0, 2, last]])];
    Scripted::new(move |_, request| answer(request), answer).await
}

async fn silent() -> Scripted {
    Scripted::new(|_, _| vec![], |_| vec![]).await
}

fn asked(server: &Scripted) -> usize {
    server.heard.load(Ordering::Relaxed)
}

/// A reply with this code, and the SOA of `example.` if it is to have one.
fn negative(request: &[u8], rcode: u8, soa: bool) -> Vec<u8> {
    let mut out = answered(request, &[]);
    out[3] |= rcode;
    if soa {
        out[9] = 1;
        out.extend_from_slice(b"\x07example\0\0\x06\0\x01\0\0\x03\x84\0\x16\0\0");
        out.extend_from_slice(&[0; 16]);
        out.extend_from_slice(&300_u32.to_be_bytes());
    }
    out
}

#[tokio::test]
async fn a_question_is_asked_once_and_then_known() {
    let server = serving(1).await;
    let forwarder = forwarder(&[&server]);
    let said = ask(&forwarder, "www.example A").await;
    assert!(said.starts_with("NOERROR") && said.contains("A"), "{said}");
    assert_eq!(ask(&forwarder, "WWW.Example A").await.to_lowercase(), said.to_lowercase());
    assert_eq!(asked(&server), 1);
    ask(&forwarder, "www.example TXT").await;
    assert_eq!(asked(&server), 2);
}

#[tokio::test]
async fn replies_are_in_the_letters_of_the_client_and_grow_old() {
    let server = serving(1).await;
    let forwarder = forwarder(&[&server]);
    let ask = async || {
        let octets =
            forwarder.forward(&request("wWw.Example A", &[OPT]), &peer(Transport::Udp)).await.unwrap();
        Message::read(&octets).unwrap()
    };
    let message = ask().await;
    assert_eq!(message.question.unwrap().name.wire(), b"\x03wWw\x07Example\0");
    assert_eq!(message.flags.to_string(), "qr rd ra");
    assert_eq!((message.id, message.answer[0].ttl, message.edns.unwrap().size), (7, 60, 1232));
    let known =
        cache::Question { name: "www.example".parse().unwrap(), qtype: Type::A, dnssec: false, cd: false };
    let later = Instant::now() + Duration::from_secs(20);
    let (outcome, age) = forwarder.cache.get(&known, later).unwrap();
    assert_eq!(outcome.answer[0].aged(age).ttl, 40);
    assert!(forwarder.cache.get(&known, later + Duration::from_secs(41)).is_none());
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_fails_and_the_first_rests() {
    let (failing, good) =
        (Scripted::new(|_, request| vec![negative(request, 2, false)], |_| vec![]).await, serving(1).await);
    let forwarder = forwarder(&[&failing, &good]);
    assert!(ask(&forwarder, "a.example A").await.starts_with("NOERROR"));
    assert_eq!((asked(&failing), asked(&good)), (1, 1));

    let closed: Upstream = "127.0.0.1:1".parse().unwrap();
    let upstreams = vec![closed, good.at.to_string().parse().unwrap()];
    let forwarder = routed(vec![Route { name: Name::root(), upstreams }]);
    assert!(ask(&forwarder, "a.example A").await.starts_with("NOERROR"));
    let [closed, good] = &forwarder.routes[0].upstreams[..] else { panic!() };
    assert!(closed.rests_until(Instant::now()).is_some());
    assert!(good.rests_until(Instant::now()).is_none());
}

#[tokio::test]
async fn where_nobody_answers_it_failed() {
    let server = silent().await;
    let options = Options { timeout: Duration::from_millis(50), ..Options::default() };
    let forwarder = Served::new(Forwarder::new(vec![route(".", &[&server])], options).unwrap());
    assert!(ask(&forwarder, "a.example A").await.starts_with("SERVFAIL"));
    // For a second nobody is asked again.
    assert!(ask(&forwarder, "a.example A").await.starts_with("SERVFAIL"));
    assert_eq!(asked(&server), 1);
    assert!(forwarder.flights.lock().unwrap().is_empty());
}

#[tokio::test]
async fn equal_questions_that_come_together_are_asked_once() {
    let server = serving(1).await;
    let forwarder = forwarder(&[&server]);
    let one = || ask(&forwarder, "a.example A");
    let (a, b, c) = tokio::join!(one(), one(), one());
    assert!(a.starts_with("NOERROR") && a == b && b == c);
    assert_eq!(asked(&server), 1);
    assert!(forwarder.flights.lock().unwrap().is_empty());
}

#[tokio::test]
async fn who_goes_away_leaves_nothing_behind() {
    let server = silent().await;
    let forwarder = forwarder(&[&server]);
    let late = timeout(Duration::from_millis(30), ask(&forwarder, "a.example A")).await;
    assert!(late.is_err() && forwarder.flights.lock().unwrap().is_empty());
    assert_eq!(forwarder.room.available_permits(), Options::default().in_flight);
}

#[tokio::test]
async fn a_circle_of_forwarders_ends() {
    // The upstream of this forwarder is the forwarder itself.
    let datagrams = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let upstreams = vec![datagrams.local_addr().unwrap().to_string().parse().unwrap()];
    let options = Options { timeout: Duration::from_millis(150), ..Options::default() };
    let forwarder = Forwarder::new(vec![Route { name: Name::root(), upstreams }], options).unwrap();
    let forwarder = Arc::new(Served::new(forwarder));
    let (cx, came) = (Context::root(Limits::default()), Arc::new(AtomicUsize::new(0)));
    let (looped, counted, inner) = (Arc::clone(&forwarder), Arc::clone(&came), cx.clone());
    let serve = cx.spawn(async move {
        let mut room = [0; 1500];
        loop {
            let (length, _) = datagrams.recv_from(&mut room).await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            let (request, looped) = (room[..length].to_vec(), Arc::clone(&looped));
            let again = async move { looped.forward(&request, &peer(Transport::Udp)).await };
            inner.spawn(again).detach();
        }
    });
    let said = ask(&forwarder, "a.example A").await;
    assert!(said.starts_with("SERVFAIL"), "{said}");
    assert_eq!(came.load(Ordering::Relaxed), 1);
    drop(serve);
    cx.end();
}

#[tokio::test]
async fn too_many_at_once_fail() {
    let server = silent().await;
    let options = Options { in_flight: 1, timeout: Duration::from_millis(100), ..Options::default() };
    let forwarder = Served::new(Forwarder::new(vec![route(".", &[&server])], options).unwrap());
    let begun = Instant::now();
    let second = async {
        let said = ask(&forwarder, "b.example A").await;
        assert!(begun.elapsed() < Duration::from_millis(90));
        said
    };
    let (_, second) = tokio::join!(biased; ask(&forwarder, "a.example A"), second);
    assert!(second.starts_with("SERVFAIL"), "{second}");
}

#[tokio::test]
async fn that_there_is_nothing_is_known_as_long_as_the_soa_says() {
    for rcode in [0, 3] {
        let server = Scripted::new(move |_, request| vec![negative(request, rcode, true)], |_| vec![]).await;
        let forwarder = forwarder(&[&server]);
        let octets = forwarder.forward(&request("a.example A", &[]), &peer(Transport::Udp)).await.unwrap();
        let message = Message::read(&octets).unwrap();
        assert_eq!((message.rcode.0, message.authority[0].ttl), (rcode.into(), 300));
        ask(&forwarder, "a.example A").await;
        assert_eq!(asked(&server), 1);
    }
    let server = Scripted::new(|_, request| vec![negative(request, 3, false)], |_| vec![]).await;
    let forwarder = forwarder(&[&server]);
    ask(&forwarder, "a.example A").await;
    ask(&forwarder, "a.example A").await;
    assert_eq!(asked(&server), 2);
}

#[tokio::test]
async fn lies_are_not_taken_and_not_kept() {
    let lies = |_, request: &[u8]| {
        let lie = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut reply = answered(request, &[[192, 0, 2, 66]]);
            change(&mut reply);
            reply
        };
        // Another ID, another question, an answer for another name.
        let mut other = answered(request, &[]);
        other[7] = 1;
        other.extend_from_slice(b"\x04bank\x07example\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x42");
        vec![lie(&|reply| reply[1] ^= 1), lie(&|reply| reply[14] = b'?'), other]
    };
    let server = Scripted::new(lies, |_| vec![]).await;
    let forwarder = forwarder(&[&server]);
    let octets = forwarder.forward(&request("www.example A", &[]), &peer(Transport::Udp)).await.unwrap();
    assert!(Message::read(&octets).unwrap().answer.is_empty());
    assert_eq!(asked(&server), 1);
    ask(&forwarder, "bank.example A").await;
    assert_eq!(asked(&server), 2);
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_over_tcp_both_ways() {
    let many = |request: &[u8]| vec![answered(request, &[[192, 0, 2, 1]; 100])];
    let server = Scripted::new(|_, request| vec![truncated(request)], many).await;
    let forwarder = forwarder(&[&server]);
    let read = async |transport| {
        let octets = forwarder.forward(&request("a.example A", &[OPT]), &peer(transport)).await.unwrap();
        let message = Message::read(&octets).unwrap();
        (octets.len() <= 1232, message.flags.has(Flags::TC), message.answer.len())
    };
    assert_eq!(read(Transport::Udp).await, (true, true, 0));
    assert_eq!(read(Transport::Tcp).await, (false, false, 100));
}

#[tokio::test]
async fn the_longest_name_says_who_is_asked() {
    let (all, corp, lab) = (serving(1).await, serving(2).await, serving(3).await);
    let forwarder = routed(vec![
        route(".", &[&all]),
        route("lab.corp.example", &[&lab]),
        route("corp.example", &[&corp]),
    ]);
    for name in ["www.example", "corp.example", "a.corp.example", "LAB.corp.example", "x.lab.corp.example"] {
        ask(&forwarder, &format!("{name} A")).await;
    }
    assert_eq!((asked(&all), asked(&corp), asked(&lab)), (1, 2, 2));

    let forwarder = routed(vec![route("corp.example", &[&corp])]);
    assert!(ask(&forwarder, "www.example A").await.starts_with("REFUSED"));
}

#[tokio::test]
async fn only_who_is_allowed_and_wishes_recursion_is_answered() {
    let server = serving(1).await;
    let forwarder = forwarder(&[&server]);
    let from = async |address: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut asked = request("a.example A", &[]);
        change(&mut asked);
        let peer = Peer { addr: (address.parse::<IpAddr>().unwrap(), 9).into(), ..peer(Transport::Tcp) };
        forwarder.forward(&asked, &peer).await.map(|octets| short(&octets))
    };
    for stranger in ["198.51.100.1", "2001:db8::1", "172.32.0.1"] {
        assert!(from(stranger, &|_| {}).await.unwrap().starts_with("REFUSED"), "{stranger}");
    }
    assert_eq!(asked(&server), 0);
    for friend in ["127.0.0.1", "10.1.2.3", "192.168.7.7", "fd00::1", "fe80::1", "::1"] {
        assert!(from(friend, &|_| {}).await.unwrap().starts_with("NOERROR"), "{friend}");
    }
    // No recursion, another class, a transfer, another opcode, a reply, nonsense.
    assert!(from("::1", &|asked| asked[2] = 0).await.unwrap().starts_with("REFUSED"));
    assert!(from("::1", &|asked| asked[26] = 3).await.unwrap().starts_with("REFUSED"));
    assert!(from("::1", &|asked| asked[24] = 252).await.unwrap().starts_with("REFUSED"));
    assert!(from("::1", &|asked| asked[2] |= 0x10).await.unwrap().starts_with("NOTIMP"));
    assert!(from("::1", &|asked| asked.push(0)).await.unwrap().starts_with("FORMERR"));
    assert!(from("::1", &|asked| asked[2] |= 0x80).await.is_none());
    assert_eq!(asked(&server), 1);
}

#[test]
fn a_share_is_enough_for_one() {
    assert_eq!([4096, 1000, 64, 2, 0].map(share), [256, 64, 64, 2, 0]);
}

#[test]
fn routes_are_told_apart_and_lead_somewhere() {
    let route = |name: &str, servers: &[&str]| Route {
        name: name.parse().unwrap(),
        upstreams: servers.iter().map(|server| server.parse().unwrap()).collect(),
    };
    let new =
        |routes| Forwarder::new(routes, Options::default()).map(|_| ()).map_err(|error| error.to_string());
    assert!(new(vec![route("a", &["192.0.2.1"]), route(".", &["192.0.2.1"])]).is_ok());
    let twice = new(vec![route("A", &["192.0.2.1"]), route("b", &["192.0.2.1"]), route("a", &["192.0.2.1"])]);
    assert!(twice.unwrap_err().contains("twice"));
    assert!(new(vec![route("a", &[])]).unwrap_err().contains("nobody"));
}

#[tokio::test]
async fn nobody_is_asked_for_special_names_unless_a_route_is_for_them() {
    let server = serving(1).await;
    let forwarder = forwarder(&[&server]);
    for (question, said) in [
        ("localhost A", "NOERROR AA: localhost. A"),
        ("www.localhost AAAA", "NOERROR AA: www.localhost. AAAA"),
        ("1.0.0.127.in-addr.arpa PTR", "NOERROR AA: 1.0.0.127.in-addr.arpa. PTR"),
        ("printer.local A", "NXDOMAIN AA / local. SOA"),
        ("7.1.168.192.in-addr.arpa PTR", "NXDOMAIN AA / 168.192.in-addr.arpa. SOA"),
        ("test TXT", "NOERROR AA / test. SOA"),
    ] {
        assert_eq!(ask(&forwarder, question).await, said);
    }
    assert_eq!(asked(&server), 0);
    let router = serving(2).await;
    let forwarder = routed(vec![route(".", &[&server]), route("168.192.in-addr.arpa", &[&router])]);
    ask(&forwarder, "7.1.168.192.in-addr.arpa PTR").await;
    assert_eq!(asked(&router), 1);
    let options = Options { special: false, ..Options::default() };
    let forwarder = Served::new(Forwarder::new(vec![route(".", &[&server])], options).unwrap());
    ask(&forwarder, "printer.local A").await;
    assert_eq!(asked(&server), 1);
}

#[tokio::test]
async fn what_nobody_could_say_is_told_with_its_reason() {
    let server = Scripted::new(|_, request| vec![negative(request, 5, false)], |_| vec![]).await;
    let forwarder = forwarder(&[&server]);
    let octets = forwarder.forward(&request("a.example A", &[OPT]), &peer(Transport::Udp)).await.unwrap();
    let message = Message::read(&octets).unwrap();
    assert_eq!(message.rcode, Rcode::SERVFAIL);
    assert_eq!(message.edns.unwrap().options, [(15, Box::from(&b"\0\x16"[..]))]);
}

#[tokio::test]
async fn who_asks_for_what_nobody_answers_takes_no_room_of_others() {
    let silent = silent().await;
    let forwarder = forwarder(&[&silent]);
    let of = |last: u8| Peer { addr: ([10, 0, 0, last], 5300).into(), ..peer(Transport::Tcp) };
    let (greedy, other) = (of(1), of(2));
    let all: Vec<_> = (0..300).map(|n| request(&format!("a{n}.example A"), &[])).collect();
    let mut waiting: futures_util::stream::FuturesUnordered<_> =
        all.iter().map(|request| forwarder.forward(request, &greedy)).collect();
    // What is above its share is told so at once.
    for _ in 256..300 {
        let reply = futures_util::StreamExt::next(&mut waiting).await.unwrap().unwrap();
        assert_eq!(short(&reply), "SERVFAIL");
    }
    let question = request("b.example A", &[]);
    let mut asks = std::pin::pin!(forwarder.forward(&question, &other));
    let waits = timeout(Duration::from_millis(300), &mut asks).await.is_err();
    assert!(waits, "it is asked");
}
