//! The cases of DNS against servers of others: one that only our server passes is a case to doubt.
//!
//! Each server runs with the suite's zones on a port of the loopback, and fails what its file in `expectations/` says,
//! and nothing else. A server that is not installed is left out, unless `ROPEWALK_REQUIRE_PEERS` is 1.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its peer has failed")]

mod foreign;
#[path = "foreign/dns.rs"]
mod servers;

use std::fs;
use std::path::Path;
use std::time::Duration;

use foreign::{Running, free_ports, is_there};
use ropewalk_conformance::dns::fixture::{self, KEY, OTHER};
use ropewalk_conformance::selfcheck::{selfcheck_behind, selfcheck_by};
use ropewalk_conformance::{Expectations, Need, Options, Subject, suite};
use ropewalk_core::tls::self_signed;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How a server is set up, beside what [`servers`] says. In its texts `@DIR` is a directory with the folder `dns` of the suite's zones and with
/// `cert.pem` and `key.pem`, `@ZONE` the name of a zone, and `@TLS` and `@WEB` are ports.
struct Peer {
    name: &'static str,
    /// Whether it answers over TLS at `@TLS`, and over HTTPS at `@WEB`.
    tls: bool,
    web: bool,
    /// What it is known to fail, in `expectations/`.
    expectations: &'static str,
    options: &'static str,
    config: &'static str,
    /// What the configuration has for each zone.
    zone: &'static str,
    /// The same for zones that the key may update; empty for a server without UPDATE.
    updated: &'static str,
    /// How many cases it is tried on at the same time.
    at_once: usize,
}

const NSD: Peer = Peer {
    name: "nsd",
    tls: true,
    web: false,
    expectations: "nsd.toml",
    options: "  ip-address: 127.0.0.1@@TLS
  tls-port: @TLS
  tls-service-key: \"@DIR/key.pem\"
  tls-service-pem: \"@DIR/cert.pem\"
  answer-cookie: yes
  nsid: ascii_rope
",
    config: "key:
  name: @OTHER
  algorithm: hmac-sha256
  secret: \"@SECOND\"
",
    zone: "zone:
  name: @ZONE
  zonefile: dns/@ZONE.zone
  provide-xfr: 127.0.0.1 rope-key
",
    updated: "",
    at_once: 8,
};

const KNOT: Peer = Peer {
    name: "knot",
    tls: false,
    web: false,
    expectations: "knot.toml",
    options: "  nsid: rope
",
    config: "mod-cookies:
- id: default
  badcookie-slip: 1
key:
- id: @OTHER
  algorithm: hmac-sha256
  secret: @SECOND
acl:
- id: transfer
  key: rope-key
  action: transfer
- id: update
  key: rope-key
  action: [transfer, update]
template:
- id: default
  storage: @DIR/dns
  file: \"%s.zone\"
  zonefile-sync: -1
  global-module: mod-cookies/default
zone:
",
    zone: "- domain: @ZONE
  acl: transfer
",
    updated: "- domain: @ZONE
  acl: update
",
    // It does updates that come together together, and none of them where one is wrong.
    at_once: 1,
};

const BIND: Peer = Peer {
    name: "named",
    tls: true,
    web: true,
    expectations: "named.toml",
    options: "  listen-on port @TLS tls rope { 127.0.0.1; };
  listen-on port @WEB tls rope http default { 127.0.0.1; };
  notify no; allow-transfer { none; }; server-id \"rope\";
  response-padding { any; } block-size 468; transfers-out 100; max-ixfr-ratio unlimited;
",
    config: "tls rope { cert-file \"@DIR/cert.pem\"; key-file \"@DIR/key.pem\"; };
key @OTHER { algorithm hmac-sha256; secret \"@SECOND\"; };
",
    zone: "zone @ZONE { type primary; file \"dns/@ZONE.zone\"; check-names ignore; allow-transfer { key rope-key; }; };
",
    updated: "zone @ZONE { type primary; file \"dns/@ZONE.zone\"; check-names ignore; allow-transfer { key rope-key; };
  allow-update { key rope-key; }; };
",
    at_once: 8,
};

impl Peer {
    fn known(&self) -> Expectations {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("expectations").join(self.expectations);
        Expectations::parse(&fs::read_to_string(file).unwrap()).unwrap()
    }

    /// Starts it with the suite's zones, and waits until it listens.
    async fn start(&self, dir: &Path) -> Started {
        let ports = free_ports();
        let [port, tls, web] = ports;
        let (tls, web) = (tls.to_string(), web.to_string());
        let put = [("@TLS", tls.as_str()), ("@WEB", web.as_str()), ("@OTHER", OTHER.0), ("@SECOND", OTHER.1)];
        fixture::write(dir).unwrap();
        let issued = self_signed(&["conform.test".into()]).unwrap();
        fs::write(dir.join("cert.pem"), &issued.cert).unwrap();
        fs::write(dir.join("key.pem"), issued.key.as_bytes()).unwrap();
        let mut config = self.config.to_owned();
        for zone in fixture::zones() {
            let updated = matches!(zone.name, "update.test" | "ixfr.test") && !self.updated.is_empty();
            let text = if updated { self.updated } else { self.zone };
            config += &text.replace("@ZONE", zone.name);
        }
        let running = servers::server(self.name).start(dir, port, self.options, &config, &put);
        let started = Started { _running: running, ports };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return started;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("{} does not listen: {}", self.name, fs::read_to_string(dir.join("output")).unwrap());
    }
}

/// A server of others, and its ports.
struct Started {
    _running: Running,
    ports: [u16; 3],
}

impl Started {
    fn subject(&self, peer: &Peer) -> Subject {
        let [port, tls, web] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let mut subject = Subject::at(&port).unwrap().named(peer.name);
        if peer.tls {
            subject = subject.dot(&tls).unwrap();
        }
        if peer.web {
            subject = subject.doh(&web).unwrap();
        }
        let subject = subject.user(KEY.0, KEY.1).other(OTHER.0, OTHER.1).with(Need::Transfer);
        if peer.updated.is_empty() { subject } else { subject.with(Need::Update) }
    }
}

/// A folder, in memory where there is such a place: BIND writes changes down before it does anything else, and on a disk that is
/// busy nobody gets an answer meanwhile.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// What is failed now and then: NSD closes the connection on which the first comes, and its answer to what came before is
/// there or not; BIND cuts answers off where many are sent at once.
const RACES: [&str; 2] = ["dns/1035/4.1.1/opcodes", "dns/8484/4.2/streams"];

async fn fails_what_is_known(peer: &Peer) {
    if !is_there(servers::server(peer.name).program) {
        return;
    }
    let dir = folder();
    let running = peer.start(dir.path()).await;
    let subject = running.subject(peer);
    let known = peer.known();
    let options = Options::default()
        .at_once(peer.at_once)
        .patience(Duration::from_secs(3))
        .deadline(Duration::from_secs(40));
    let report = suite("dns").unwrap().run(&subject, &options).await.judged_by(&known);
    let text = report.text();
    println!("{text}");
    let unknown = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    let races = |line: &str| RACES.iter().any(|id| line.contains(id));
    let surprises = text.lines().filter(|line| line.starts_with("SURPRISE") && !races(line)).count();
    assert_eq!((unknown, surprises), (0, 0), "{text}");
}

#[tokio::test]
async fn nsd_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&NSD).await;
}

#[tokio::test]
async fn knot_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&KNOT).await;
}

#[tokio::test]
async fn bind_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&BIND).await;
}

/// What fails which case: a line for each case, and more where a fault would have none. The long test prints it.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dns_selfcheck.txt");

/// BIND is the right server here, since it fails the least.
#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_dns_can_fail_as_the_table_says() {
    if !is_there(servers::server(BIND.name).program) {
        return;
    }
    let dir = folder();
    let running = BIND.start(dir.path()).await;
    let known = BIND.known();
    let table = fs::read_to_string(TABLE).unwrap();
    let check = selfcheck_by(&suite("dns").unwrap(), &running.subject(&BIND), &known, &table).await;
    assert!(check.errors().is_empty(), "{}", check.errors().join("\n"));
}

/// The same without the table, which it prints: every fault, on every case that none before has failed.
#[ignore = "a proof that takes a quarter of an hour, and prints the table that the short one reads"]
#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_dns_can_fail_and_every_fault_is_found() {
    if !is_there(servers::server(BIND.name).program) {
        return;
    }
    let dirs = [(); LANES].map(|()| folder());
    let mut running = Vec::new();
    for dir in &dirs {
        running.push(BIND.start(dir.path()).await);
    }
    let rights: Vec<_> = running.iter().map(|it| it.subject(&BIND)).collect();
    let tell = |line: &str| println!("{line}");
    let check = selfcheck_behind(&suite("dns").unwrap(), &rights, &BIND.known(), tell).await;
    assert!(check.errors().is_empty(), "{}", check.errors().join("\n"));
}

/// How many servers the faults are tried on at once.
const LANES: usize = 6;
