//! Servers of QUIC, over real sockets of this machine.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::*;
use crate::app::{Defend, Next, Offence, Policy};
use crate::net::{Connection, Quic, QuicStream, Sockets};
use crate::tls::{Authorities, CertSource, Certificate, Certificates, ClientAuth, ClientTls, LocalCa};

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);

/// Answers each stream with what it said and who it was, a stream at a time; one that says `drop` is dropped in the middle,
/// one that says `much` gets more than anybody wants, and one that says `wait` nothing.
async fn echo(conn: Connection, cx: Context) -> Result<()> {
    let quic = conn.into_quic()?;
    loop {
        let stream = tokio::select! {
            stream = quic.accept() => stream?,
            () = cx.stopping() => None,
        };
        let Some(mut stream) = stream else { break };
        let mut said = Vec::new();
        while let Some(octets) = stream.read(1000).await? {
            said.extend_from_slice(&octets);
        }
        if said == b"wait" {
            stream.unwanted().await;
            continue;
        }
        if said == b"much" {
            stream.write_all(&vec![0; 2 << 20]).await?;
        }
        let tls = quic.info().tls.as_ref().unwrap();
        said.extend_from_slice(format!(" to {}", tls.server_name.as_deref().unwrap()).as_bytes());
        stream.write_all(&said).await?;
        if said.starts_with(b"drop") {
            drop(stream.dropped_with(7));
            continue;
        }
        stream.finish();
        stream.delivered().await;
    }
    quic.close(3, "stopping");
    Ok(())
}

struct House {
    cx: Context,
    at: SocketAddr,
    ca: LocalCa,
    sockets: Sockets,
    running: crate::app::Task<Result<()>>,
    dir: tempfile::TempDir,
}

fn certificates(ca: &LocalCa) -> Certificates {
    Certificates::load([("main".to_owned(), ca.keep(&["localhost".into()]).unwrap())]).unwrap()
}

fn server(certificates: &Certificates) -> Server {
    let tls = ServerTls::new(certificates, ClientAuth::Off).unwrap().with_alpn(["echo"]);
    let at = "quic:0:interface=127.0.0.1".parse().unwrap();
    Server::new("test", |_: Connection, _: Context| async { Ok(()) })
        .quic(QuicOptions { streams: 2, ..QuicOptions::default() }, echo)
        .listen_tls(at, tls)
}

fn start(mut server: Server, sockets: &mut Sockets, cx: &Context) -> crate::app::Task<Result<()>> {
    server.prepare(&mut Prepare::new(sockets)).unwrap();
    let own = cx.clone();
    cx.spawn(async move { server.run(own).await.map(|()| drop(server)) })
}

impl House {
    async fn new(limits: Limits, change: impl FnOnce(Server) -> Server) -> Self {
        Self::defended(limits, None, change).await
    }

    async fn defended(
        limits: Limits,
        defender: Option<Arc<dyn Defend>>,
        change: impl FnOnce(Server) -> Server,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(dir.path()).unwrap();
        let (mut sockets, cx) = (Sockets::default(), Context::over(limits, Vec::new(), defender));
        let running = start(change(server(&certificates(&ca))), &mut sockets, &cx);
        cx.until_ready().await;
        let at = cx.health().addresses("test");
        let (at, how) = at.first().unwrap().split_once(' ').unwrap();
        assert_eq!(how, "(QUIC)");
        Self { at: at.parse().unwrap(), cx, ca, sockets, running, dir }
    }

    fn tls(&self) -> ClientTls {
        let trusted = Authorities::none().and_pem(self.ca.pem().as_bytes()).unwrap();
        ClientTls::new(&trusted).unwrap().with_alpn(["echo"])
    }

    async fn connect(&self) -> Result<Quic> {
        let (tls, name) = (self.tls(), "localhost".parse().unwrap());
        timeout(LONG, Quic::connect(self.at, &tls, &name, QuicOptions::default())).await.unwrap()
    }
}

async fn read(stream: &mut QuicStream) -> Result<Vec<u8>> {
    let mut heard = Vec::new();
    while let Some(octets) = timeout(LONG, stream.read(1000)).await.unwrap()? {
        heard.extend_from_slice(&octets);
    }
    Ok(heard)
}

async fn ask(quic: &Quic, text: &[u8]) -> Result<Vec<u8>> {
    let mut stream = quic.open().await?;
    stream.write_all(text).await?;
    stream.finish();
    read(&mut stream).await
}

#[tokio::test]
async fn streams_are_served_and_both_ends_know_what_was_agreed() {
    let house = House::new(Limits::default(), |server| server).await;
    let quic = house.connect().await.unwrap();
    for text in ["a", "b", "c"] {
        assert_eq!(ask(&quic, text.as_bytes()).await.unwrap(), format!("{text} to localhost").as_bytes());
    }
    let tls = quic.info().tls.as_ref().unwrap();
    assert_eq!((tls.alpn.as_deref(), tls.version), (Some(&b"echo"[..]), crate::tls::Version::Tls13));
    assert_eq!(quic.info().peer, house.at.into());
    assert!(tls.exporter.is_some());
    let metrics = house.cx.metrics().render();
    for line in [
        "ropewalk_connections_active{proto=\"test\",tls=\"yes\"} 1",
        "ropewalk_bytes_total{proto=\"test\",dir=\"in\"} 3",
        "ropewalk_bytes_total{proto=\"test\",dir=\"out\"} 42",
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
}

#[tokio::test]
async fn who_speaks_another_protocol_or_trusts_others_does_not_connect() {
    let house = House::new(Limits::default(), |server| server).await;
    let name = "localhost".parse().unwrap();
    for alpn in [&["h3"][..], &[]] {
        let tls = house.tls().with_alpn(alpn);
        let error = timeout(LONG, Quic::connect(house.at, &tls, &name, QuicOptions::default()))
            .await
            .unwrap()
            .unwrap_err();
        assert!(error.chain().contains("peer"), "{}", error.chain());
    }
    let error = Quic::connect(house.at, &house.tls(), &"other".parse().unwrap(), QuicOptions::default())
        .await
        .unwrap_err();
    assert!(error.chain().contains("certificate"), "{}", error.chain());
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_no_whole_answer() {
    let house = House::new(Limits::default(), |server| server).await;
    let quic = house.connect().await.unwrap();
    let error = ask(&quic, b"drop").await.unwrap_err();
    assert!(error.to_string().contains("gave the stream up with 7"), "{error}");
    assert_eq!(ask(&quic, b"a").await.unwrap(), b"a to localhost");
}

#[tokio::test]
async fn a_server_sees_that_nobody_wants_its_answer() {
    let house = House::new(Limits::default(), |server| server).await;
    let quic = house.connect().await.unwrap();
    let mut stream = quic.open().await.unwrap();
    stream.write_all(b"wait").await.unwrap();
    stream.finish();
    tokio::time::sleep(SHORT).await;
    drop(stream);
    // Streams are served one after the other.
    assert_eq!(timeout(LONG, ask(&quic, b"a")).await.unwrap().unwrap(), b"a to localhost");
}

#[tokio::test]
async fn a_peer_opens_no_more_streams_than_it_may() {
    let house = House::new(Limits::default(), |server| server).await;
    let quic = house.connect().await.unwrap();
    let mut first = quic.open().await.unwrap();
    let _second = quic.open().await.unwrap();
    assert!(timeout(SHORT, quic.open()).await.is_err());
    first.write_all(b"a").await.unwrap();
    first.finish();
    read(&mut first).await.unwrap();
    drop(first);
    timeout(LONG, quic.open()).await.unwrap().unwrap();
}

#[tokio::test]
async fn one_connection_too_many_is_refused_and_the_others_go_on() {
    let house = House::new(Limits { connections: 1, ..Limits::default() }, |server| server).await;
    let quic = house.connect().await.unwrap();
    assert_eq!(ask(&quic, b"a").await.unwrap(), b"a to localhost");
    assert!(house.connect().await.is_err());
    assert!(house.cx.metrics().render().contains("limit=\"connections\"} 1"));
    assert_eq!(ask(&quic, b"b").await.unwrap(), b"b to localhost");
}

/// Lets nobody in.
struct Shut;

impl Policy for Shut {
    async fn apply(&self, _: Connection, _: Context, _: Next<'_>) -> Result<()> {
        Err(Error::limit("access", "nobody is let in"))
    }
}

#[tokio::test]
async fn who_is_denied_is_refused_before_a_handshake() {
    let house = House::new(Limits::default(), |server| server.outer(Shut)).await;
    let error = house.connect().await.unwrap_err();
    assert!(error.chain().contains("refuse"), "{}", error.chain());
}

/// Bans everybody.
#[derive(Debug)]
struct Nobody;

impl Defend for Nobody {
    fn report(&self, _: &Address, _: Offence) -> bool {
        true
    }

    fn shuts_out(&self, _: &Address) -> bool {
        true
    }
}

#[tokio::test]
async fn who_is_banned_hears_nothing() {
    let house = House::defended(Limits::default(), Some(Arc::new(Nobody)), |server| server).await;
    let (tls, name) = (house.tls(), "localhost".parse().unwrap());
    assert!(timeout(SHORT, Quic::connect(house.at, &tls, &name, QuicOptions::default())).await.is_err());
    assert!(house.cx.metrics().render().contains("limit=\"banned\""));
}

#[tokio::test]
async fn a_connection_that_is_killed_ends() {
    let house = House::new(Limits::default(), |server| server).await;
    let quic = house.connect().await.unwrap();
    assert_eq!(ask(&quic, b"a").await.unwrap(), b"a to localhost");
    let [one] = &house.cx.live().list()[..] else { panic!("one is open") };
    assert!(house.cx.live().kill(one.id));
    timeout(LONG, quic.closed()).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_not_waited_for() {
    let limits = Limits { write: Duration::from_millis(100), ..Limits::default() };
    let house = House::new(limits, |server| server).await;
    let quic = house.connect().await.unwrap();
    let mut stream = quic.open().await.unwrap();
    stream.write_all(b"much").await.unwrap();
    stream.finish();
    let error = timeout(LONG, quic.closed()).await.unwrap();
    assert_eq!(error.to_string(), "the peer closed the connection with 0");
    assert!(house.cx.metrics().render().contains("limit=\"write\"} 1"));
}

#[tokio::test]
async fn a_connection_has_its_time() {
    let limits = Limits { connection: Duration::from_millis(300), ..Limits::default() };
    let house = House::new(limits, |server| server).await;
    let quic = house.connect().await.unwrap();
    assert_eq!(ask(&quic, b"a").await.unwrap(), b"a to localhost");
    timeout(LONG, quic.closed()).await.unwrap();
    assert!(house.cx.metrics().render().contains("limit=\"connection\"} 1"));
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_its_peers() {
    let house = House::new(Limits::default(), |server| server).await;
    let quic = house.connect().await.unwrap();
    assert_eq!(ask(&quic, b"a").await.unwrap(), b"a to localhost");
    house.cx.stop();
    let error = timeout(LONG, quic.closed()).await.unwrap();
    assert_eq!(error.to_string(), "the peer closed the connection with 3");
    timeout(LONG, house.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_next_generation_takes_the_port_over_and_the_old_one_ends_in_its_time() {
    let mut house = House::new(Limits::default(), |server| server).await;
    let old = house.connect().await.unwrap();
    assert_eq!(ask(&old, b"a").await.unwrap(), b"a to localhost");
    let mut waiting = old.open().await.unwrap();
    waiting.write_all(b"wa").await.unwrap();
    // The server reads it by now.
    tokio::time::sleep(SHORT).await;

    let next = Context::root(Limits::default());
    house.sockets.begin();
    let other = LocalCa::open(&house.dir.path().join("other")).unwrap();
    let _running = start(server(&certificates(&other)), &mut house.sockets, &next);
    next.until_ready().await;
    house.sockets.commit();
    house.cx.stop();

    let trusted = Authorities::none().and_pem(other.pem().as_bytes()).unwrap();
    let tls = ClientTls::new(&trusted).unwrap().with_alpn(["echo"]);
    for _ in 0..3 {
        let name = "localhost".parse().unwrap();
        let new = timeout(LONG, Quic::connect(house.at, &tls, &name, QuicOptions::default()))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(ask(&new, b"n").await.unwrap(), b"n to localhost");
    }
    waiting.write_all(b"iting").await.unwrap();
    waiting.finish();
    assert_eq!(read(&mut waiting).await.unwrap(), b"waiting to localhost");
    timeout(LONG, house.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_renewed_is_shown_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let (one, two) = (LocalCa::open(&one).unwrap(), LocalCa::open(&two).unwrap());
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let issue = |ca: &LocalCa| {
        let _ = (std::fs::remove_file(&cert), std::fs::remove_file(&key));
        ca.issue(&["localhost".to_owned()]).unwrap().write(&cert, &key).unwrap();
    };
    issue(&one);
    let all = Certificates::load([("main".to_owned(), CertSource::files(&cert, &key))]).unwrap();
    let own = all.clone();
    let house = House::new(Limits::default(), move |_| server(&own)).await;
    let by = |ca: &LocalCa| {
        let trusted = Authorities::none().and_pem(ca.pem().as_bytes()).unwrap();
        ClientTls::new(&trusted).unwrap().with_alpn(["echo"])
    };
    let name = "localhost".parse().unwrap();
    let old = Quic::connect(house.at, &by(&one), &name, QuicOptions::default()).await.unwrap();
    assert!(Quic::connect(house.at, &by(&two), &name, QuicOptions::default()).await.is_err());
    issue(&two);
    all.reload().unwrap();
    assert!(Quic::connect(house.at, &by(&two), &name, QuicOptions::default()).await.is_ok());
    assert_eq!(ask(&old, b"a").await.unwrap(), b"a to localhost");
}

/// The first datagram of a handshake that is never gone on with.
async fn beginning(tls: &ClientTls) -> Vec<u8> {
    let hole = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (at, name) = (hole.local_addr().unwrap(), "localhost".parse().unwrap());
    let mut room = [0; 2000];
    tokio::select! {
        _ = Quic::connect(at, tls, &name, QuicOptions::default()) => panic!("nobody answers"),
        octets = hole.recv(&mut room) => room[..octets.unwrap()].to_vec(),
    }
}

#[tokio::test]
async fn many_handshakes_at_once_make_a_peer_show_its_address_first() {
    let limits = Limits { handshake: Duration::from_secs(60), ..Limits::default() };
    let house = House::new(limits, |server| server).await;
    let tls = house.tls();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut room = [0; 2000];
    let mut before = 0;
    // What tells a Retry from others (RFC 9000 §17.2).
    let is_retry = loop {
        socket.send_to(&beginning(&tls).await, house.at).await.unwrap();
        match timeout(LONG, socket.recv(&mut room)).await.unwrap() {
            Ok(_) if room[0] & 0xf0 == 0xf0 => break true,
            Ok(_) => before += 1,
            Err(error) => panic!("{error}"),
        }
        if before > 10_000 {
            break false;
        }
    };
    assert!(is_retry && before >= 32, "{before} answers before a Retry");
    let quic = house.connect().await.unwrap();
    assert_eq!(ask(&quic, b"a").await.unwrap(), b"a to localhost");
}

#[test]
fn a_protocol_that_is_not_spoken_over_quic_has_no_such_port() {
    let dir = tempfile::tempdir().unwrap();
    let certificate: Certificate =
        LocalCa::open(dir.path()).unwrap().issue(&["localhost".to_owned()]).unwrap().certificate().unwrap();
    let tls = ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).unwrap();
    let protocol = |_: Connection, _: Context| async { Ok(()) };
    let mut server = Server::new("test", protocol).listen_tls("quic:0".parse().unwrap(), tls);
    let error = server.prepare(&mut Prepare::new(&mut Sockets::default())).unwrap_err();
    assert!(error.to_string().contains("not spoken over QUIC"), "{error}");
}
