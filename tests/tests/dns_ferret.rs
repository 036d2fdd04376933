//! The runner of Ferret's vectors: on our own server, by every transport; and on NSD and Knot, which are two of the servers
//! whose answers they have.

#![expect(clippy::unwrap_used, reason = "a test that cannot start its server has failed")]

mod serve;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ropewalk_conformance::Subject;
use ropewalk_conformance::dns::everywhere::compare;
use ropewalk_conformance::dns::ferret::{Difference, Server, Vector, judge, read};
use ropewalk_core::app::{BoxProtocol, Context, Protocol};
use ropewalk_core::net::{Connection, Handshake};
use ropewalk_core::tls::{Certificates, ClientAuth, ServerTls, self_signed};
use ropewalk_core::{Limits, Result};
use ropewalk_dns::server::{Dns, Peer, Setup, Transport, Verdict, Zones};
use ropewalk_dns::wire::{NameRef, Type};
use ropewalk_dns::zone::{Zone, text};
use ropewalk_http::{Doh, Http, Routes};
use tokio::net::TcpStream;
use tokio::time::sleep;

const VECTORS: &str = include_str!("../vectors/ferret/cases.jsonl");

fn vectors() -> Vec<Vector> {
    read(VECTORS).unwrap()
}

/// Our server, in this process: by TCP, TLS and HTTPS over sockets, and datagrams as they would come from one.
struct Ours {
    zones: Arc<Zones>,
    subject: Subject,
    _context: Context,
}

/// A protocol inside TLS.
struct Secured(ServerTls, BoxProtocol);

impl Protocol for Secured {
    async fn serve(&self, conn: Connection, cx: Context) -> Result<()> {
        self.1.serve(conn.start_tls(&self.0, Handshake::default()).await?, cx).await
    }
}

impl Ours {
    async fn new() -> Self {
        let (zones, _) = Zones::load(Vec::new(), Setup::default()).unwrap();
        let zones = Arc::new(zones);
        let context = Context::root(Limits::default());
        let certificate = self_signed(&["conform.test".into()]).unwrap().certificate().unwrap();
        let tls = ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).unwrap();
        let stream = || Dns::new(Arc::clone(&zones)).stream();
        let routes = Routes::new().mount("/dns-query", Doh::new(Arc::<Zones>::clone(&zones))).unwrap();
        let plain = serve::listening(stream(), &context).await;
        let dot = serve::listening(Secured(tls.clone(), stream().boxed()), &context).await;
        let web = Secured(tls.with_alpn(["h2"]), Http::new(routes).boxed());
        let doh = serve::listening(web, &context).await;
        let subject = Subject::at(&plain.to_string()).unwrap().dot(&dot.to_string()).unwrap();
        let subject = subject.doh(&doh.to_string()).unwrap();
        let engine = Arc::clone(zones.engine());
        let subject = subject.answering_datagrams(move |query| {
            let peer = Peer { addr: ([127, 0, 0, 1], 5300).into(), transport: Transport::Udp, idle: None };
            let mut reply = Vec::new();
            let replies = engine.respond(&query, &peer, &mut reply) == Verdict::Reply;
            Box::pin(async move { Vec::from_iter(replies.then_some(reply)) })
        });
        Self { zones, subject, _context: context }
    }
}

impl Server for Ours {
    async fn load(&mut self, _: &str, zone: &str) -> Result<(), String> {
        let records = text::records("case", zone.as_bytes(), Some(NameRef::ROOT));
        let records = records.map_err(|problems| format!("{problems:?}"))?;
        let soa = records.iter().find(|record| record.rtype == Type::SOA).ok_or("no SOA record")?;
        let origin = soa.name.clone();
        let (zone, _) = Zone::build(origin.view(), records).map_err(|problems| format!("{problems:?}"))?;
        self.zones.engine().update(|_| FromIterator::from_iter([zone.clone()]));
        Ok(())
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }
}

#[tokio::test]
async fn every_answer_is_that_of_the_four_servers_or_of_one_of_them() {
    let judgement = judge(&vectors(), &mut Ours::new().await).await;
    assert!(judgement.differences.is_empty(), "{judgement}");
    assert_eq!((judgement.agreed, judgement.disputed, judgement.repeating), (1703, 434, 0));
}

#[tokio::test]
async fn every_transport_brings_the_same_octets() {
    let sameness = compare(&vectors(), &mut Ours::new().await).await;
    assert!(sameness.differences.is_empty(), "{sameness}");
    // With and without EDNS; by UDP, by TLS, and by HTTPS in two ways.
    assert_eq!((sameness.queries, sameness.compared), (2 * 2137, 4 * 2 * 2137));
}

/// A server of others, with one zone at a time, on one port.
struct Foreign {
    name: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    /// `@DIR`, `@PORT` and `@ZONE` are put in.
    config: &'static str,
    dir: tempfile::TempDir,
    running: Option<Child>,
    port: u16,
    subject: Subject,
}

impl Foreign {
    fn new(
        name: &'static str,
        program: &'static str,
        args: &'static [&'static str],
        config: &'static str,
    ) -> Option<Self> {
        if !Path::new(program).is_file() {
            let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
            assert!(!required, "missing peer: {name}");
            println!("missing peer: {name}");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let subject = Subject::at(&format!("127.0.0.1:{port}")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        Some(Self { name, program, args, config, dir, running: None, port, subject })
    }

    fn nsd() -> Option<Self> {
        let config = "server:
  ip-address: 127.0.0.1@@PORT
  server-count: 1
  username: \"\"
  zonesdir: \"@DIR\"
  database: \"\"
  pidfile: \"@DIR/pid\"
  xfrdfile: \"@DIR/xfrd.state\"
  zonelistfile: \"@DIR/zone.list\"
  xfrdir: \"@DIR\"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: @ZONE
  zonefile: zone
";
        Self::new("nsd", "/usr/sbin/nsd", &["-d", "-c", "@DIR/config"], config)
    }

    fn knot() -> Option<Self> {
        let config = "server:
  listen: 127.0.0.1@@PORT
  rundir: @DIR
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: @DIR
template:
- id: default
  storage: @DIR
  file: zone
  zonefile-sync: -1
zone:
- domain: @ZONE
";
        Self::new("knot", "/usr/sbin/knotd", &["-c", "@DIR/config"], config)
    }

    fn placed(&self, text: &str, zone: &str) -> String {
        let text = text.replace("@DIR", self.dir.path().to_str().unwrap());
        text.replace("@PORT", &self.port.to_string()).replace("@ZONE", zone)
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.running.take() {
            // NSD has children of its own, which a kill of the first would leave.
            let _ended = Command::new("kill").arg(child.id().to_string()).status();
            let _ended = child.wait();
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server for Foreign {
    async fn load(&mut self, name: &str, zone: &str) -> Result<(), String> {
        self.stop();
        fs::write(self.dir.path().join("zone"), zone).unwrap();
        fs::write(self.dir.path().join("config"), self.placed(self.config, name)).unwrap();
        let mut command = Command::new(self.program);
        command.args(self.args.iter().map(|arg| self.placed(arg, name)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(command.spawn().map_err(|error| error.to_string())?);
        for _ in 0..500 {
            // Knot listens before it has read its zones, and then says SERVFAIL.
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() && serves(self.port, name).await {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Err(format!("{} does not answer", self.name))
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }
}

/// Whether NOERROR comes to a query for the SOA record of this name.
async fn serves(port: u16, name: &str) -> bool {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let name = labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    let header = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let query: Vec<u8> = header.into_iter().chain(name).chain([0, 0, 6, 0, 1]).collect();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(("127.0.0.1", port)).await.unwrap();
    let mut answer = [0; 512];
    let asked = socket.send(&query).await.is_ok();
    let came = tokio::time::timeout(Duration::from_secs(1), socket.recv(&mut answer)).await;
    asked && matches!(came, Ok(Ok(12..))) && answer[3] & 15 == 0
}

/// The vectors with what this server answered alone.
async fn gives_its_own_answers(server: Option<Foreign>, vectors: Vec<Vector>) {
    let Some(mut server) = server else { return };
    let vectors: Vec<_> = vectors.into_iter().map(|vector| vector.only(server.name)).collect();
    let judgement = judge(&vectors, &mut server).await;
    println!("{}: {judgement}", server.name);
    // The Knot of Debian 12 sends no NS records of the zone with an answer; the one of the vectors did.
    let bare = |expected: &String| {
        let answer = expected.split_once(": ").map_or("", |(_, answer)| answer);
        answer.split("; ").filter(|part| !part.starts_with("authority: ")).collect::<Vec<_>>().join("; ")
    };
    let is_known = |it: &&Difference| it.expected.iter().map(bare).any(|expected| expected == it.actual);
    let known = judgement.differences.iter().filter(is_known).count();
    let differ = judgement.differences.len() - if server.name == "knot" { known } else { 0 };
    assert!(judgement.agreed * 10 > vectors.len() * 9 && differ == 0, "{judgement}");
}

/// Starting a server takes a moment, so that it is tried on some only.
fn some() -> Vec<Vector> {
    vectors().into_iter().step_by(40).collect()
}

#[tokio::test]
async fn nsd_gives_its_own_answers_to_some() {
    gives_its_own_answers(Foreign::nsd(), some()).await;
}

#[tokio::test]
async fn knot_gives_its_own_answers_to_some() {
    gives_its_own_answers(Foreign::knot(), some()).await;
}

#[ignore = "takes minutes"]
#[tokio::test]
async fn nsd_gives_its_own_answers_to_all() {
    gives_its_own_answers(Foreign::nsd(), vectors()).await;
}

#[ignore = "takes minutes"]
#[tokio::test]
async fn knot_gives_its_own_answers_to_all() {
    gives_its_own_answers(Foreign::knot(), vectors()).await;
}

/// Servers of others need not send the same octets by every transport; NSD does.
#[tokio::test]
async fn nsd_sends_the_same_octets_by_both_transports() {
    let Some(mut nsd) = Foreign::nsd() else { return };
    let sameness = compare(&some(), &mut nsd).await;
    assert!(sameness.compared > 80 && sameness.differences.is_empty(), "{sameness}");
}
