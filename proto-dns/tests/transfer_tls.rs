//! Zones that go to servers of others over TLS, and come from them so (RFC 9103).
//!
//! Each server runs on ports of the loopback. One that is not installed is left out, unless `ROPEWALK_REQUIRE_PEERS` is 1.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its peer has failed")]

#[path = "../../tests/tests/foreign/mod.rs"]
mod foreign;
#[path = "../../tests/tests/foreign/dns.rs"]
mod servers;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use foreign::{Running, free_ports, is_there};
use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Prepare, Server, Service as _};
use ropewalk_core::net::Sockets;
use ropewalk_core::tls::{Authorities, Certificates, ClientAuth, ClientTls, LocalCa, ServerTls};
use ropewalk_dns::client::{Ask, Client, Via};
use ropewalk_dns::server::{Acl, Dns, Partner, Rules, Setup, Source, Zones};
use ropewalk_dns::wire::tsig::{Algorithm, TsigKey};
use ropewalk_dns::wire::{Name, Type};
use tokio::time::{sleep, timeout};

const SECRET: &[u8] = b"ropewalk key for tests only!!!!!";
/// The zone of which they are the primary, and the one of which we are.
const ZONES: [&str; 2] = ["theirs.test.", "ours.test."];

/// How a server is set up, beside what [`servers`] says. In its texts `@DIR` is a folder of its own, `@TLS` is its port, `@OURS` ours.
struct Peer {
    name: &'static str,
    options: &'static str,
    config: &'static str,
}

const NSD: Peer = Peer {
    name: "nsd",
    options: "  ip-address: 127.0.0.1@@TLS
  tls-port: @TLS
  tls-service-key: \"@DIR/key.pem\"
  tls-service-pem: \"@DIR/cert.pem\"
  tls-cert-bundle: \"@DIR/ca.pem\"
",
    config: "tls-auth:
  name: ours
  auth-domain-name: localhost
zone:
  name: theirs.test
  zonefile: theirs.test.zone
  provide-xfr: 127.0.0.1 rope-key
zone:
  name: ours.test
  request-xfr: AXFR 127.0.0.1@@OURS rope-key ours
",
};

const BIND: Peer = Peer {
    name: "named",
    options: "  listen-on port @TLS tls here { 127.0.0.1; }; notify no;
",
    config: "tls here { cert-file \"@DIR/cert.pem\"; key-file \"@DIR/key.pem\"; };
tls ours { ca-file \"@DIR/ca.pem\"; remote-hostname \"localhost\"; };
zone theirs.test { type primary; file \"theirs.test.zone\"; allow-transfer port @TLS transport tls { key rope-key; }; };
zone ours.test { type secondary; file \"fetched\"; primaries { 127.0.0.1 port @OURS key rope-key tls ours; }; };
",
};

fn key() -> Arc<TsigKey> {
    let name: Name = "rope-key".parse().unwrap();
    Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, SECRET))
}

/// The folder of a test, and the ports: theirs, theirs for TLS, ours.
struct Place {
    dir: tempfile::TempDir,
    ca: LocalCa,
    ports: [u16; 3],
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(&dir.path().join("ca")).unwrap();
        let place = Self { dir, ca, ports: free_ports() };
        fs::write(place.path("ca.pem"), place.ca.pem()).unwrap();
        let issued = place.ca.issue(&["localhost".to_owned()]).unwrap();
        issued.write(&place.path("cert.pem"), &place.path("key.pem")).unwrap();
        for zone in ZONES {
            let text = format!(
                "$ORIGIN {zone}\n$TTL 300\n@ SOA ns h 7 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n"
            );
            fs::write(place.path(&format!("{zone}zone")), text).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn start(&self, peer: &Peer) -> Running {
        let [port, tls, ours] = self.ports;
        let (tls, ours) = (tls.to_string(), ours.to_string());
        let put = [("@TLS", tls.as_str()), ("@OURS", ours.as_str())];
        servers::server(peer.name).start(self.dir.path(), port, peer.options, peer.config, &put)
    }

    /// Serves our zone over TLS and nothing else, and fetches theirs.
    fn serve(&self) -> (Arc<Zones>, Context) {
        let trusted = Authorities::none().and_pem(self.ca.pem().as_bytes()).unwrap();
        let tls = ClientTls::new(&trusted).unwrap().with_alpn(["dot"]);
        let mut partner = Partner::new(at(self.ports[1]), Some(key()));
        partner.via = Via::Tls(tls, "localhost".parse().unwrap());
        let transfers = Acl::new(["key:rope-key".parse().unwrap()]);
        let [theirs, ours] = ZONES.map(|zone| zone.parse::<Name>().unwrap());
        let sources = vec![
            (Source::secondary(self.path("kept"), theirs, vec![partner]), Rules::default()),
            (Source::zone(self.path("ours.test.zone"), Some(ours)), Rules { transfers, ..Rules::default() }),
        ];
        let setup = Setup { keys: [key()].into_iter().collect(), ..Setup::default() };
        let zones = Arc::new(Zones::load(sources, setup).unwrap().0);
        let dns = Dns::new(Arc::clone(&zones));
        let certificate = self.ca.issue(&["localhost".to_owned()]).unwrap().certificate().unwrap();
        let tls =
            ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).unwrap().with_alpn(["dot"]);
        let endpoint = format!("tcp:{}:interface=127.0.0.1", self.ports[2]);
        let server = Server::new("dns", dns.stream()).listen_tls(endpoint.parse().unwrap(), tls);
        let mut server = dns.serve(server);
        let (mut sockets, cx) = (Sockets::default(), Context::root(Limits::default()));
        server.prepare(&mut Prepare::new(&mut sockets)).unwrap();
        let own = cx.clone();
        cx.spawn(async move { server.run(own).await }).detach();
        (zones, cx)
    }

    /// Fails with what the other server has said if this takes too long.
    async fn in_time(&self, what: &str, work: impl Future<Output = ()>) {
        let output = || fs::read_to_string(self.path("output")).unwrap_or_default();
        timeout(Duration::from_secs(40), work).await.unwrap_or_else(|_| panic!("{what}: {}", output()));
    }
}

fn at(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

async fn both_ways(peer: &Peer) {
    if !is_there(servers::server(peer.name).program) {
        return;
    }
    let place = Place::new();
    let (zones, cx) = place.serve();
    let _running = place.start(peer);
    let [theirs, ours] = ZONES.map(|zone| zone.parse::<Name>().unwrap());
    let taken = async {
        while zones.engine().zones().zone(theirs.view()).and_then(|zone| zone.serial()) != Some(7) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    place.in_time("their zone does not come", taken).await;
    let client = Client::new(at(place.ports[0]), Via::Udp);
    let given = async {
        let ask = Ask::new(ours, Type::SOA);
        while !client.ask(&ask).await.is_ok_and(|reply| reply.message.answer.len() == 1) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    place.in_time("our zone does not come to them", given).await;
    cx.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn nsd_and_we_exchange_zones_over_tls() {
    both_ways(&NSD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bind_and_we_exchange_zones_over_tls() {
    both_ways(&BIND).await;
}
