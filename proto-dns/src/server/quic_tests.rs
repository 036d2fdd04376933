use std::net::SocketAddr;

use ropewalk_core::Limits;
use ropewalk_core::app::{Prepare, Server, Service as _, Task};
use ropewalk_core::net::Sockets;
use ropewalk_core::tls::{Authorities, Certificates, ClientAuth, ClientTls, LocalCa, ServerTls};

use super::*;
use crate::server::asking::{asks, engine, options, query};
use crate::wire::tsig::{Algorithm, Signer, TsigKey};
use crate::wire::{Flags, Message, Name};

const LONG: Duration = Duration::from_secs(10);

/// A server, and a client that is connected to it.
struct Asking {
    client: Session,
    cx: Context,
    running: Task<Result<()>>,
    at: SocketAddr,
    tls: ClientTls,
    _sockets: Sockets,
}

impl Asking {
    async fn new() -> Self {
        Self::with(Desk::new(Arc::new(engine())), Duration::from_secs(30), LONG).await
    }

    async fn with(desk: Desk, idle: Duration, query: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(dir.path()).unwrap();
        let certificate = ca.issue(&["localhost".to_owned()]).unwrap().certificate().unwrap();
        let tls =
            ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).unwrap().with_alpn(["doq"]);
        let quic = Quic { views: Arc::new(Views::new(Arc::new(desk))), idle, query };
        let mut server = Server::new("dns", |_: Connection, _: Context| async { Ok(()) })
            .listen_tls("quic:0:interface=127.0.0.1".parse().unwrap(), tls)
            .quic(quic.options(), quic);
        let (mut sockets, cx) = (Sockets::default(), Context::root(Limits::default()));
        server.prepare(&mut Prepare::new(&mut sockets)).unwrap();
        let own = cx.clone();
        let running = cx.spawn(async move { server.run(own).await });
        cx.until_ready().await;
        let at = cx.health().addresses("dns");
        let at = at[0].split(' ').next().unwrap().parse().unwrap();
        let trusted = Authorities::none().and_pem(ca.pem().as_bytes()).unwrap();
        let tls = ClientTls::new(&trusted).unwrap().with_alpn(["doq"]);
        let client = connect(at, &tls).await.unwrap();
        Self { client, cx, running, at, tls, _sockets: sockets }
    }

    /// A stream on which this was said.
    async fn said(&self, octets: &[u8]) -> QuicStream {
        let mut stream = self.client.open().await.unwrap();
        stream.write_all(octets).await.unwrap();
        stream
    }

    /// All replies to a query.
    async fn ask(&self, message: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut stream = self.said(&framed(message)).await;
        stream.finish();
        replies(&mut stream).await
    }

    /// With which code, and why, the server closes the connection.
    async fn closed(&self) -> String {
        timeout(LONG, self.client.closed()).await.unwrap().chain()
    }
}

async fn connect(at: SocketAddr, tls: &ClientTls) -> Result<Session> {
    let name = "localhost".parse().unwrap();
    timeout(LONG, Session::connect(at, tls, &name, QuicOptions::default())).await.unwrap()
}

async fn replies(stream: &mut QuicStream) -> Result<Vec<Vec<u8>>> {
    let (mut heard, mut all) = (Vec::new(), Vec::new());
    while let Some(octets) = timeout(LONG, stream.read(1 << 16)).await.unwrap()? {
        heard.extend_from_slice(&octets);
    }
    let mut rest = heard.as_slice();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (message, after) = after.split_at(u16::from_be_bytes(*length).into());
        all.push(message.to_vec());
        rest = after;
    }
    assert!(rest.is_empty());
    Ok(all)
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

#[tokio::test]
async fn each_query_is_answered_on_its_stream() {
    let asking = Asking::new().await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut stream = asking.said(&framed(&query(0, "www.example.", 1))).await;
        stream.finish();
        streams.push(stream);
    }
    for mut stream in streams.into_iter().rev() {
        let all = replies(&mut stream).await.unwrap();
        let message = Message::read(&all[0]).unwrap();
        assert_eq!((all.len(), message.id, message.answer.len()), (1, 0, 1));
    }
    let counted = async {
        while !asking.cx.metrics().render().contains("command=\"A\",result=\"NOERROR\"} 50") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, counted).await.unwrap();
}

#[tokio::test]
async fn an_answer_may_be_as_long_as_over_tcp() {
    let asking = Asking::new().await;
    let all = asking.ask(&query(0, "large.example.", 16)).await.unwrap();
    let message = Message::read(&all[0]).unwrap();
    assert_eq!((message.answer.len(), message.flags.has(Flags::TC)), (40, false));
}

#[tokio::test]
async fn a_query_may_come_in_pieces() {
    let asking = Asking::new().await;
    let mut stream = asking.client.open().await.unwrap();
    for octet in framed(&query(0, "www.example.", 1)) {
        stream.write_all(&[octet]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    stream.finish();
    assert_eq!(replies(&mut stream).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_padded_is_answered_padded() {
    let asking = Asking::new().await;
    let padded = asks(0, "www.example.", 1, 1, Some(&[(12, &[0; 20])]));
    let all = asking.ask(&padded).await.unwrap();
    assert_eq!(all[0].len() % 468, 0);
    assert_eq!(options(&all[0])[0].0, 12);
}

#[tokio::test]
async fn what_no_client_may_do_ends_its_connection() {
    let www = query(0, "www.example.", 1);
    let mut reply = www.clone();
    reply[2] |= 0x80;
    let cases: [(Vec<u8>, &str); 8] = [
        (framed(&query(7, "www.example.", 1)), "ID of a query is not 0"),
        ([framed(&www), framed(&www)].concat(), "more than one query"),
        ([framed(&www), vec![0]].concat(), "more than one query"),
        (framed(&www)[..20].to_vec(), "in the middle"),
        (vec![0], "in the middle"),
        (vec![], "in the middle"),
        (framed(&asks(0, "www.example.", 1, 1, Some(&[(11, &[])]))), "over TCP"),
        (framed(&reply), "no query"),
    ];
    for (octets, why) in cases {
        let asking = Asking::new().await;
        let mut stream = asking.said(&octets).await;
        stream.finish();
        let closed = asking.closed().await;
        // RFC 9250 §4.3: DOQ_PROTOCOL_ERROR.
        assert!(closed.contains("with 2:") && closed.contains(why), "{why}: {closed}");
        assert!(replies(&mut stream).await.is_err());
        connect(asking.at, &asking.tls).await.unwrap();
    }
}

#[tokio::test]
async fn a_query_without_its_end_is_not_waited_for() {
    let desk = || Desk::new(Arc::new(engine()));
    for octets in [framed(&query(0, "www.example.", 1)), vec![0xff, 0xff]] {
        let asking = Asking::with(desk(), LONG, Duration::from_millis(200)).await;
        let mut stream = asking.said(&octets).await;
        let closed = asking.closed().await;
        assert!(closed.contains("with 2:") && closed.contains("in time"), "{closed}");
        assert!(replies(&mut stream).await.is_err());
        assert!(asking.cx.metrics().render().contains("limit=\"query\"} 1"));
    }
}

#[tokio::test]
async fn a_query_that_is_cancelled_is_not_answered_and_the_others_are() {
    let asking = Asking::new().await;
    let stream = asking.said(&framed(&query(0, "www.example.", 1))[..10]).await;
    drop(stream.dropped_with(code::REQUEST_CANCELLED));
    assert_eq!(asking.ask(&query(0, "www.example.", 1)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_asks_nothing_is_let_go() {
    let desk = Desk::new(Arc::new(engine()));
    let asking = Asking::with(desk, Duration::from_millis(300), LONG).await;
    assert_eq!(asking.ask(&query(0, "www.example.", 1)).await.unwrap().len(), 1);
    let error = timeout(LONG, asking.client.closed()).await.unwrap();
    // Whichever of both sides is the first to look.
    assert!(error.to_string().contains("with 0") || error.limit_name() == Some("idle"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_stops_answers_what_has_come_and_lets_its_clients_go() {
    let asking = Asking::new().await;
    let whole = framed(&query(0, "www.example.", 1));
    let mut stream = asking.said(&whole[..10]).await;
    assert_eq!(asking.ask(&query(0, "www.example.", 1)).await.unwrap().len(), 1);
    asking.cx.stop();
    stream.write_all(&whole[10..]).await.unwrap();
    stream.finish();
    assert_eq!(replies(&mut stream).await.unwrap().len(), 1);
    assert!(asking.closed().await.contains("with 0"));
    timeout(LONG, asking.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn what_the_desk_works_off_comes_back_on_the_stream() {
    let name: Name = "ours.example.".parse().unwrap();
    let key = Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, b"a secret of thirty-two octets!!!"));
    let desk = Desk::new(Arc::new(engine())).keys([Arc::clone(&key)].into_iter().collect());
    let asking = Asking::with(desk, LONG, LONG).await;
    let mut signed = query(0, "www.example.", 1);
    Signer::new(key).sign(&mut signed, 0, crate::server::signed::now());
    let all = asking.ask(&signed).await.unwrap();
    let message = Message::read(&all[0]).unwrap();
    assert_eq!((all.len(), message.rcode, message.answer.len()), (1, Rcode::NOERROR, 1));
    // What nobody does here is refused, and not left unanswered.
    let all = asking.ask(&query(0, "example.", 252)).await.unwrap();
    assert_eq!(Message::read(&all[0]).unwrap().rcode, Rcode::REFUSED);
}
