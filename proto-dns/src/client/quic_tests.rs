use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Prepare, Server, Service as _};
use ropewalk_core::net::{Connection, Sockets};
use ropewalk_core::tls::{Authorities, Certificates, ClientAuth, LocalCa, ServerTls};

use super::*;
use crate::client::scripted::answered;
use crate::client::{Ask, Options, Update, Via};
use crate::wire::{Flags, Type};
use crate::zone::testing::record;

/// A server that says on each stream what it is told to.
struct Scripted {
    client: Client,
    cx: Context,
    _sockets: Sockets,
}

impl Scripted {
    /// Each request is answered by these octets.
    async fn new(says: impl Fn(&[u8]) -> Vec<u8> + Clone + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(dir.path()).unwrap();
        let certificate = ca.issue(&["localhost".to_owned()]).unwrap().certificate().unwrap();
        let tls =
            ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).unwrap().with_alpn(["doq"]);
        let serve = move |conn: Connection, _: Context| {
            let says = says.clone();
            async move {
                let quic = conn.into_quic()?;
                while let Some(mut stream) = quic.accept().await? {
                    let mut heard = Vec::new();
                    while let Some(octets) = stream.read(READ).await? {
                        heard.extend_from_slice(&octets);
                    }
                    stream.write_all(&says(&heard[2..])).await?;
                    stream.finish();
                }
                Ok(())
            }
        };
        let mut server = Server::new("test", |_: Connection, _: Context| async { Ok(()) })
            .listen_tls("quic:0:interface=127.0.0.1".parse().unwrap(), tls)
            .quic(QuicOptions::default(), serve);
        let (mut sockets, cx) = (Sockets::default(), Context::root(Limits::default()));
        server.prepare(&mut Prepare::new(&mut sockets)).unwrap();
        let own = cx.clone();
        cx.spawn(async move { server.run(own).await }).detach();
        cx.until_ready().await;
        let at = cx.health().addresses("test")[0].split(' ').next().unwrap().parse().unwrap();
        let trusted = Authorities::none().and_pem(ca.pem().as_bytes()).unwrap();
        let tls = ClientTls::new(&trusted).unwrap().with_alpn(["doq"]);
        let options = Options { timeout: Duration::from_secs(2), ..Options::default() };
        let client = Client::with(at, Via::Quic(tls, "localhost".parse().unwrap()), options);
        Self { client, cx, _sockets: sockets }
    }

    fn connections(&self) -> usize {
        self.cx.live().count()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.cx.end();
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

fn ask() -> Ask {
    Ask::new("www.example.org".parse().unwrap(), Type::A)
}

#[tokio::test]
async fn questions_are_asked_on_one_connection_with_an_id_of_0_and_padded() {
    let server = Scripted::new(|request| {
        assert_eq!((&request[..2], request.len() % 128), (&[0, 0][..], 0));
        framed(&answered(request, &[[192, 0, 2, 1]]))
    })
    .await;
    for _ in 0..3 {
        let reply = server.client.ask(&ask()).await.unwrap();
        assert_eq!((reply.transport, reply.message.answer.len()), (Transport::Quic, 1));
    }
    assert_eq!(server.connections(), 1);
    let all = (0..20).map(|_| async { server.client.ask(&ask()).await });
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    assert_eq!(server.connections(), 1);
    server.client.leave().await;
    let left = async {
        while server.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), left).await.unwrap();
    assert!(server.client.ask(&ask()).await.is_ok());
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_and_ends_the_connection() {
    type Says = fn(&[u8]) -> Vec<u8>;
    let cases: [(Says, &str); 5] = [
        (|request| framed(&answered(request, &[])).repeat(2), "more than was asked"),
        (|request| framed(&answered(request, &[]))[..20].to_vec(), "ends the stream"),
        (|_| Vec::new(), "ends the stream"),
        (
            |request| {
                let mut reply = answered(request, &[]);
                reply[1] = 7;
                framed(&reply)
            },
            "something else",
        ),
        (|_| framed(&[0; 5]), "cut short"),
    ];
    for (says, why) in cases {
        let server = Scripted::new(says).await;
        let error = server.client.ask(&ask()).await.unwrap_err();
        assert!(error.to_string().contains(why), "{why}: {}", error.chain());
        assert!(server.client.kept_session().is_none(), "{why}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_made_anew() {
    let server = Scripted::new(|request| framed(&answered(request, &[[192, 0, 2, 1]]))).await;
    server.client.ask(&ask()).await.unwrap();
    let [one] = &server.cx.live().list()[..] else { panic!("one is open") };
    server.cx.live().kill(one.id);
    assert_eq!(server.client.ask(&ask()).await.unwrap().message.answer.len(), 1);
}

#[tokio::test]
async fn silence_is_an_error_in_time() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let tls = ClientTls::danger_accept_any().unwrap().with_alpn(["doq"]);
    let options = Options { timeout: Duration::from_millis(50), ..Options::default() };
    let via = Via::Quic(tls, "localhost".parse().unwrap());
    let error = Client::with(silent.local_addr().unwrap(), via, options).ask(&ask()).await.unwrap_err();
    assert_eq!(error.limit_name(), Some("timeout"));
}

/// S is the SOA of `example.`, A an address in it.
fn part(request: &[u8], records: &str) -> Vec<u8> {
    let mut out = answered(request, &[]);
    out[7] = records.len() as u8;
    for record in records.chars() {
        out.extend_from_slice(b"\xc0\x0c");
        match record {
            'S' => {
                out.extend_from_slice(b"\0\x06\0\x01\0\0\0\x3c\0\x18\xc0\x0c\xc0\x0c");
                out.extend_from_slice(&[0; 20]);
            }
            _ => out.extend_from_slice(b"\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"),
        }
    }
    framed(&out)
}

#[tokio::test]
async fn a_zone_is_transferred_on_one_stream() {
    for (parts, result) in [
        (&["S", "A", "AA", "S"][..], Ok(5)),
        (&["SAAS", "S"], Err("more than was asked")),
        (&["SA"], Err("ends the stream")),
    ] {
        let says = move |request: &[u8]| {
            assert_eq!(&request[..2], &[0, 0]);
            parts.iter().flat_map(|records| part(request, records)).collect()
        };
        let server = Scripted::new(says).await;
        let done = server.client.transfer(&"example".parse().unwrap(), |_| Ok(())).await;
        match (done, result) {
            (Ok(done), Ok(records)) => {
                assert_eq!((done.records, done.transport), (records, Transport::Quic));
            }
            (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{}", error.chain()),
            (done, _) => panic!("{parts:?}: {done:?}"),
        }
    }
}

#[tokio::test]
async fn an_update_has_an_id_of_0_too() {
    let server = Scripted::new(|request| {
        let mut reply = request[..12].to_vec();
        reply[2] |= 0x80;
        reply[4..12].fill(0);
        framed(&reply)
    })
    .await;
    let update = Update::new("example".parse().unwrap()).with(record("new.example. 60 IN A 192.0.2.9"));
    let reply = server.client.update(&update).await.unwrap();
    assert_eq!((reply.message.id, reply.message.flags), (0, Flags::QR));
}
