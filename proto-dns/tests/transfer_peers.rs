//! Zones that go to servers of others and come from them, each time that they change.
//!
//! Each server runs on a port of the loopback. One that is not installed is left out, unless `ROPEWALK_REQUIRE_PEERS` is 1.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its peer has failed")]

#[path = "../../tests/tests/foreign/mod.rs"]
mod foreign;
#[path = "../../tests/tests/foreign/dns.rs"]
mod servers;

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use foreign::{Running, free_ports, is_there};
use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Prepare, Server, Service as _};
use ropewalk_core::net::Sockets;
use ropewalk_dns::client::{Client, Options, Via};
use ropewalk_dns::server::{Acl, Dns, Partner, Rules, Setup, Source, Zones};
use ropewalk_dns::wire::Name;
use ropewalk_dns::wire::tsig::{Algorithm, TsigKey};
use ropewalk_dns::zone::load;
use tokio::time::{sleep, timeout};

const ZONE: &str = "example.test";
const KEY: &str = "rope-key";
const SECRET: &[u8] = b"ropewalk key for tests only!!!!!";
/// Longer than a test lasts: what comes sooner, comes of a NOTIFY.
const TIMERS: &str = "7200 3600 1209600 300";

/// How a server is set up, beside what [`servers`] says. In its texts `@DIR` is a folder of its own, `@OURS` our port.
struct Peer {
    name: &'static str,
    options: &'static str,
    /// What follows, up to the zone.
    config: &'static str,
    /// The zone of which it is the primary, and we a secondary.
    primary: &'static str,
    /// The other way round.
    secondary: &'static str,
}

const NSD: Peer = Peer {
    name: "nsd",
    options: "",
    config: "zone:
  name: @ZONE
  zonefile: zone
  provide-xfr: 127.0.0.1 rope-key
",
    primary: "  notify: 127.0.0.1@@OURS rope-key
  notify-retry: 3
",
    secondary: "  request-xfr: 127.0.0.1@@OURS rope-key
  allow-notify: 127.0.0.1 rope-key
",
};

const KNOT: Peer = Peer {
    name: "knot",
    options: "",
    config: "remote:
- id: ours
  address: 127.0.0.1@@OURS
  key: rope-key
acl:
- id: all
  key: rope-key
  action: [transfer, notify]
zone:
- domain: @ZONE
  storage: @DIR
  file: zone
  acl: all
",
    primary: "  notify: ours
  zonefile-sync: -1
",
    secondary: "  master: ours
",
};

const BIND: Peer = Peer {
    name: "named",
    options: "  notify explicit; notify-delay 0;
",
    config: "",
    primary: "zone @ZONE { type primary; file \"zone\"; check-names ignore; allow-transfer { key rope-key; };
  also-notify { 127.0.0.1 port @OURS key rope-key; }; };
",
    secondary:
        "zone @ZONE { type secondary; file \"fetched\"; check-names ignore; allow-transfer { key rope-key; };
  primaries { 127.0.0.1 port @OURS key rope-key; }; allow-notify { key rope-key; }; };
",
};

/// What a test has: a folder, and a port for each of both.
struct Place {
    dir: tempfile::TempDir,
    theirs: SocketAddr,
    ours: SocketAddr,
}

impl Place {
    fn new() -> Self {
        let [theirs, ours] = free_ports().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        Self { dir: tempfile::tempdir().unwrap(), theirs, ours }
    }

    fn start(&self, peer: &Peer, zone: &str) -> Running {
        let (ours, rest) = (self.ours.port().to_string(), peer.config.to_owned() + zone);
        let put = [("@OURS", ours.as_str()), ("@ZONE", ZONE)];
        servers::server(peer.name).start(self.dir.path(), self.theirs.port(), peer.options, &rest, &put)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn partner(&self) -> Partner {
        Partner::new(self.theirs, Some(key()))
    }

    /// Serves these zones until the context ends.
    fn serve(&self, source: Source, rules: Rules) -> (Arc<Zones>, Context) {
        let setup = Setup { keys: [key()].into_iter().collect(), ..Setup::default() };
        let zones = Arc::new(Zones::load(vec![(source, rules)], setup).unwrap().0);
        let dns = Dns::new(Arc::clone(&zones));
        let server = Server::new("dns", dns.stream());
        let listen =
            |proto: &str| format!("{proto}:{}:interface=127.0.0.1", self.ours.port()).parse().unwrap();
        let mut server = dns.serve(server.listen(listen("udp")).listen(listen("tcp")));
        let (mut sockets, cx) = (Sockets::default(), Context::root(Limits::default()));
        server.prepare(&mut Prepare::new(&mut sockets)).unwrap();
        let own = cx.clone();
        cx.spawn(async move { server.run(own).await }).detach();
        (zones, cx)
    }

    fn output(&self) -> String {
        fs::read_to_string(self.path("output")).unwrap_or_default()
    }
}

fn origin() -> Name {
    ZONE.parse().unwrap()
}

fn key() -> Arc<TsigKey> {
    let name: Name = KEY.parse().unwrap();
    Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, SECRET))
}

/// A zone that no single message holds.
fn text(serial: u32) -> String {
    let mut text = format!(
        "$ORIGIN {ZONE}.
$TTL 3600
@ SOA ns hostmaster {serial} {TIMERS}
@ NS ns
@ NS ns.elsewhere.test.
@ MX 10 Mail
@ CAA 0 issue \"ca.test\"
ns A 192.0.2.1
ns AAAA 2001:db8::1
*.Wild TXT \"a b\" \"\\\"c\\\\\" d
deep.empty.under A 192.0.2.{serial}
child NS ns.child
ns.child A 192.0.2.3
alias CNAME ns
old DNAME elsewhere.test.
_svc._tcp SRV 1 2 3 ns
service HTTPS 1 . alpn=h2,h3 port=8443
a\\.dot\\000 TXT name
unknown TYPE65280 \\# 4 01020304
"
    );
    for number in 0..3000 {
        writeln!(text, "host{number} {number} TXT \"some text of host {number} in {serial}\"").unwrap();
    }
    text
}

/// The records of a file as text, in order. NSD and Knot keep names in small letters.
fn records(file: &Path) -> Vec<String> {
    let (zone, reading) = load(file, Some(&origin()));
    let zone = zone.unwrap_or_else(|| panic!("{:?}", reading.problems));
    let mut all: Vec<_> = zone.records().map(|record| record.to_string().to_lowercase()).collect();
    all.sort();
    all
}

/// The serial and the records that a server gives, once it has this serial.
async fn transferred(at: SocketAddr, serial: u32) -> Vec<String> {
    let mut options = Options::default();
    options.key = Some(key());
    let (client, origin) = (Client::with(at, Via::Tcp, options), origin());
    loop {
        let mut all = Vec::new();
        let done = client.transfer(&origin, |record| {
            all.push(record.to_string().to_lowercase());
            Ok(())
        });
        if done.await.is_ok() && all.first().is_some_and(|soa| soa.contains(&format!(" {serial} {TIMERS}"))) {
            all.pop();
            all.sort();
            return all;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Fails with what the other server has said if this takes too long.
async fn in_time<T>(place: &Place, what: &str, work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(40), work).await.unwrap_or_else(|_| panic!("{what}: {}", place.output()))
}

/// Told in short, as there are many.
fn assert_same(theirs: &[String], ours: &[String]) {
    let different = theirs.iter().zip(ours).find(|(theirs, ours)| theirs != ours);
    assert_eq!((different, theirs.len()), (None, ours.len()));
}

/// We have the zone, they fetch it, and fetch it again when we say that it has changed.
async fn gives(peer: &Peer) {
    if !is_there(servers::server(peer.name).program) {
        return;
    }
    let place = Place::new();
    let file = place.path("ours");
    fs::write(&file, text(1)).unwrap();
    let rules = Rules {
        transfers: Acl::new([format!("key:{KEY}").parse().unwrap()]),
        notify: vec![place.partner()],
        ..Rules::default()
    };
    let (_zones, cx) = place.serve(Source::zone(&file, Some(origin())), rules);
    let _running = place.start(peer, peer.secondary);
    let theirs = in_time(&place, "not fetched", transferred(place.theirs, 1)).await;
    assert_same(&theirs, &records(&file));
    fs::write(place.path("ours.new"), text(2)).unwrap();
    fs::rename(place.path("ours.new"), &file).unwrap();
    let theirs = in_time(&place, "not fetched again", transferred(place.theirs, 2)).await;
    assert_same(&theirs, &records(&file));
    cx.end();
}

/// They have the zone, we fetch it, and fetch it again when they say that it has changed.
async fn takes(peer: &Peer) {
    if !is_there(servers::server(peer.name).program) {
        return;
    }
    let place = Place::new();
    fs::write(place.path("zone"), text(1)).unwrap();
    let running = place.start(peer, peer.primary);
    let rules = Rules { transfers: Acl::new([format!("key:{KEY}").parse().unwrap()]), ..Rules::default() };
    let source = Source::secondary(place.path("kept"), origin(), vec![place.partner()]);
    let (_zones, cx) = place.serve(source, rules);
    let ours = in_time(&place, "not fetched", transferred(place.ours, 1)).await;
    assert_same(&ours, &records(&place.path("zone")));
    fs::write(place.path("zone"), text(2)).unwrap();
    running.signal("-HUP");
    let ours = in_time(&place, "not fetched again", transferred(place.ours, 2)).await;
    assert_same(&ours, &records(&place.path("zone")));
    let is_kept = async {
        while !fs::read_to_string(place.path("kept")).is_ok_and(|text| text.contains(&format!(" 2 {TIMERS}")))
        {
            sleep(Duration::from_millis(50)).await;
        }
    };
    in_time(&place, "not kept", is_kept).await;
    assert_same(&records(&place.path("kept")), &ours);
    cx.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn nsd_takes_our_zones() {
    gives(&NSD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn knot_takes_our_zones() {
    gives(&KNOT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bind_takes_our_zones() {
    gives(&BIND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_of_nsd_are_taken() {
    takes(&NSD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_of_knot_are_taken() {
    takes(&KNOT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_of_bind_are_taken() {
    takes(&BIND).await;
}
