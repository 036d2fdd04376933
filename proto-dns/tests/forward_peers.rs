//! Questions that are passed on to unbound, which resolves them by asking a server of ours.
//!
//! Where unbound is not installed nothing is tried, unless `ROPEWALK_REQUIRE_PEERS` is 1.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its peer has failed")]

#[path = "../../tests/tests/foreign/mod.rs"]
mod foreign;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foreign::{Running, free_ports, is_there};
use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Prepare, Server, Service as _};
use ropewalk_core::net::Sockets;
use ropewalk_dns::client::{Ask, Client, Options, Reply, Via, Wants};
use ropewalk_dns::server::forward::{Forwarder, Options as Forwarding, Route};
use ropewalk_dns::server::{Answering, Dns, Rules, Setup, Source, Transport, Zones};
use ropewalk_dns::wire::{Flags, Name, Rcode};
use tokio::time::sleep;

const UNBOUND: &str = "/usr/sbin/unbound";
/// What it knows itself, and whom it asks for the rest; a reply over UDP may have 1232 octets.
const CONFIG: &str = "server:
  directory: \"@DIR\"
  chroot: \"\"
  username: \"\"
  pidfile: \"@DIR/pid\"
  interface: 127.0.0.1@@PORT
  do-daemonize: no
  use-syslog: no
  do-not-query-localhost: no
  module-config: \"iterator\"
  max-udp-size: 1232
  local-zone: \"known.test.\" static
  local-data: \"www.known.test. 60 IN A 192.0.2.77\"
  local-zone: \"test.\" nodefault
stub-zone:
  name: \"example.test\"
  stub-addr: 127.0.0.1@@OURS
";
/// The longest that a server may take to begin, or to be asked again.
const LONG: Duration = Duration::from_secs(30);

/// A server of ours of these zones.
async fn serve(sources: Vec<(Source, Rules)>, port: u16, setup: Setup) -> Context {
    let zones = Arc::new(Zones::load(sources, setup).unwrap().0);
    let dns = Dns::new(zones);
    let server = Server::new("dns", dns.stream());
    let listen = |proto: &str| format!("{proto}:{port}:interface=127.0.0.1").parse().unwrap();
    let mut server = dns.serve(server.listen(listen("udp")).listen(listen("tcp")));
    let (mut sockets, cx) = (Sockets::default(), Context::root(Limits::default()));
    server.prepare(&mut Prepare::new(&mut sockets)).unwrap();
    let own = cx.clone();
    cx.spawn(async move { server.run(own).await.map(|()| drop(sockets)) }).detach();
    cx.until_ready().await;
    cx
}

/// A zone, of which one answer is longer than a datagram.
fn zone(dir: &Path) -> (Source, Rules) {
    let large: String = (0..40)
        .map(|at| format!("large TXT \"the text of number {at}, which is of some length, as are all\"\n"))
        .collect();
    let text = format!(
        "$ORIGIN example.test.\n$TTL 300\n@ SOA ns hostmaster 1 7200 900 1209600 60\n@ NS ns\nns A 127.0.0.1\n\
         www A 192.0.2.1\nalias CNAME www\nlater A 192.0.2.2\n{large}"
    );
    let file = dir.join("zone");
    fs::write(&file, text).unwrap();
    (Source::zone(&file, Some("example.test.".parse().unwrap())), Rules::default())
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

async fn ask(client: &Client, question: &str, size: u16) -> Reply {
    let (name, qtype) = question.split_once(' ').unwrap();
    let mut ask = Ask::new(name.parse::<Name>().unwrap(), qtype.parse().unwrap());
    let mut wants: Wants = ask.edns.unwrap();
    wants.size = size;
    ask.edns = Some(wants);
    client.ask(&ask).await.unwrap()
}

/// The code, and the data of the answer in order.
fn short(reply: &Reply) -> (Rcode, Vec<String>) {
    let mut all: Vec<_> = reply.message.answer.iter().map(|record| record.to_string()).collect();
    all.iter_mut().for_each(|record| *record = record.split(' ').skip(3).collect::<Vec<_>>().join(" "));
    all.sort();
    (reply.message.rcode, all)
}

/// The codes of extended errors (RFC 8914 §2).
fn extended(reply: &Reply) -> Vec<u16> {
    let options = reply.message.edns.iter().flat_map(|edns| &edns.options);
    let errors = options.filter(|(code, _)| *code == 15);
    errors.filter_map(|(_, data)| Some(u16::from_be_bytes(*data.first_chunk()?))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn unbound_is_asked_and_may_go_and_come() {
    if !is_there(UNBOUND) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let [ours, theirs, asked] = free_ports();
    let authority = serve(vec![zone(dir.path())], ours, Setup::default()).await;
    let text = CONFIG.replace("@DIR", dir.path().to_str().unwrap());
    let text = text.replace("@PORT", &theirs.to_string()).replace("@OURS", &ours.to_string());
    fs::write(dir.path().join("config"), text).unwrap();
    let config = dir.path().join("config");
    let args = ["-d".into(), "-c".into(), config.into_os_string()];
    let start = || Running::start(UNBOUND, &args, &dir.path().join("output"));
    let unbound = start();
    let upstreams = vec![address(theirs).to_string().parse().unwrap()];
    let mut forwarding = Forwarding::default();
    forwarding.timeout = Duration::from_secs(2);
    let route = Route { name: "test.".parse().unwrap(), upstreams };
    let mut answering = Answering::default();
    answering.recursion = Some(Forwarder::private());
    let setup = Setup {
        answering,
        forwarder: Some(Forwarder::new(vec![route], forwarding).unwrap()),
        ..Setup::default()
    };
    let forwarder = serve(Vec::new(), asked, setup).await;
    let mut options = Options::default();
    options.keep_truncated = true;
    let udp = Client::with(address(asked), Via::Udp, options);
    let begun = Instant::now();
    while ask(&udp, "www.known.test. A", 1232).await.message.rcode != Rcode::NOERROR {
        assert!(begun.elapsed() < LONG, "{}", fs::read_to_string(dir.path().join("output")).unwrap());
        sleep(Duration::from_millis(100)).await;
    }

    // What it knows, what it asks us for, and what nobody knows.
    let reply = ask(&udp, "www.known.test. A", 1232).await;
    assert_eq!(short(&reply), (Rcode::NOERROR, vec!["A 192.0.2.77".into()]));
    assert!(reply.message.flags.has(Flags::RA) && !reply.message.flags.has(Flags::AA));
    let www = (Rcode::NOERROR, vec!["A 192.0.2.1".to_owned()]);
    assert_eq!(short(&ask(&udp, "www.example.test. A", 1232).await), www);
    let alias = ask(&udp, "alias.example.test. A", 1232).await;
    assert_eq!(short(&alias).1, ["A 192.0.2.1", "CNAME www.example.test."]);
    let nothing = ask(&udp, "nothing.example.test. A", 1232).await;
    assert_eq!(short(&nothing), (Rcode::NXDOMAIN, Vec::new()));
    assert_eq!(nothing.message.authority.len(), 1);

    // What does not fit into a datagram came from there by TCP, and goes to who asks by TCP.
    let cut = ask(&udp, "large.example.test. TXT", 1232).await;
    assert!(cut.message.flags.has(Flags::TC) && cut.transport == Transport::Udp);
    let tcp = Client::new(address(asked), Via::Tcp);
    let whole = ask(&tcp, "large.example.test. TXT", 1232).await;
    assert_eq!((whole.message.answer.len(), whole.message.flags.has(Flags::TC)), (40, false));

    // Without it, what was said is said for as long as it counts, and the rest cannot be.
    drop(unbound);
    assert_eq!(short(&ask(&udp, "www.example.test. A", 1232).await), www);
    assert_eq!(ask(&tcp, "large.example.test. TXT", 1232).await.message.answer.len(), 40);
    assert_eq!(ask(&udp, "nothing.example.test. A", 1232).await.message.rcode, Rcode::NXDOMAIN);
    let later = ask(&udp, "later.example.test. A", 1232).await;
    // RFC 8914 §4.23: No Reachable Authority.
    assert_eq!((later.message.rcode, extended(&later)), (Rcode::SERVFAIL, vec![22]));

    // It comes back.
    let _unbound = start();
    let begun = Instant::now();
    loop {
        let later = ask(&udp, "later.example.test. A", 1232).await;
        if later.message.rcode == Rcode::NOERROR {
            assert_eq!(short(&later).1, ["A 192.0.2.2"]);
            break;
        }
        assert!(begun.elapsed() < LONG, "{later:?}");
        sleep(Duration::from_millis(100)).await;
    }
    forwarder.end();
    authority.end();
}

/// A stub such as systemd-resolved learns what a server can by asking it: with DO and large datagrams, then with less, and at
/// last without EDNS; a name that it may ask for has whatever letters.
#[tokio::test(flavor = "multi_thread")]
async fn a_stub_that_tries_what_a_server_can_is_answered_at_each_step() {
    let dir = tempfile::tempdir().unwrap();
    let [port] = free_ports();
    let cx = serve(vec![zone(dir.path())], port, Setup::default()).await;
    let (udp, tcp) = (Client::new(address(port), Via::Udp), Client::new(address(port), Via::Tcp));
    let base = Ask::new("WwW.eXample.TEST.".parse().unwrap(), "A".parse().unwrap());
    let wants = base.edns.unwrap();
    let mut steps = Vec::new();
    for (size, dnssec) in [(65_494, true), (4096, true), (512, true), (4096, false), (512, false)] {
        let (mut ask, mut wants) = (base.clone(), wants);
        (wants.size, wants.dnssec) = (size, dnssec);
        ask.edns = Some(wants);
        steps.push(ask);
    }
    let mut plain = base.clone();
    plain.edns = None;
    steps.push(plain);
    for ask in &steps {
        for client in [&udp, &tcp] {
            let reply = client.ask(ask).await.unwrap();
            assert_eq!(short(&reply), (Rcode::NOERROR, vec!["A 192.0.2.1".to_owned()]), "{ask:?}");
            // What EDNS asks for is answered with it, DO included, and nobody else gets it.
            let said = reply.message.edns.as_ref().map(|edns| edns.dnssec);
            assert_eq!(said, ask.edns.map(|wants| wants.dnssec), "{ask:?}");
            assert_eq!(reply.message.question.as_ref().unwrap().name.to_string(), "WwW.eXample.TEST.");
        }
    }
    cx.end();
}
