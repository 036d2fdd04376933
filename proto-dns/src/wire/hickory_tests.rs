use std::net::SocketAddr;
use std::time::Duration;

use hickory_net::client::{Client, ClientHandle as _};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::udp::UdpClientStream;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, SOA};
use hickory_server::Server;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use proptest::prelude::*;
use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::*;
use crate::server::testing::{OPT, engine, request};
use crate::wire::Flags;
use crate::wire::Rcode;

/// Names that are compressed and such that are not, a referral, a wildcard, and types that hickory does not know.
const ZONE: &str = "example. 60 IN SOA Ns.Example. h.example. 1 2 3 4 5\n\
    example. 60 IN NS ns.example.\n\
    example. 60 IN MX 10 mail.example.\n\
    example. 60 IN MX 20 mail.elsewhere.test.\n\
    example. 60 IN LOC 42 21 54 N 71 06 18 W -24m 30m\n\
    example. 60 IN TYPE65280 \\# 3 010203\n\
    example. 60 IN CAA 0 issue \"ca.example\"\n\
    example. 60 IN RP hostmaster.example. text.example.\n\
    example. 60 IN AFSDB 1 ns.example.\n\
    example. 60 IN TXT \"a\" \"\" \"b\"\n\
    example. 60 IN SVCB 1 . alpn=h2 port=853\n\
    example. 60 IN RRSIG A 8 1 60 20300101000000 20200101000000 7 example. AAAA\n\
    ns.example. 60 IN A 192.0.2.1\n\
    ns.example. 60 IN AAAA 2001:db8::1\n\
    mail.example. 60 IN A 192.0.2.2\n\
    alias.example. 60 IN CNAME deep.alias2.example.\n\
    alias2.example. 60 IN DNAME example.\n\
    *.wild.example. 60 IN TXT \"wild\"\n\
    sub.example. 60 IN NS ns.sub.example.\n\
    ns.sub.example. 60 IN A 192.0.2.3\n\
    _dns._tcp.example. 60 IN SRV 1 2 53 ns.example.\n\
    \\000\\.\\255.example. 60 IN HINFO \"x\" \"y\"\n";

/// A server of hickory's with our zones, and one of its own.
struct Mounted {
    at: SocketAddr,
    desk: Arc<Desk>,
    _server: Server<Handler<Catalog>>,
}

impl Mounted {
    async fn new() -> Self {
        let many: String = (1..=200).map(|n| format!("many.big. 60 IN A 192.0.2.{n}\n")).collect();
        let big = format!("big. 60 IN SOA ns.big. h.big. 1 2 3 4 5\nbig. 60 IN NS ns.big.\n{many}");
        let desk = Arc::new(Desk::new(Arc::new(engine(&[ZONE, &big]))));
        let mut server = Server::new(Handler::new(Arc::clone(&desk)).or(catalog()));
        let (datagrams, listener) = loop {
            let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(listener) = TcpListener::bind(datagrams.local_addr().unwrap()).await {
                break (datagrams, listener);
            }
        };
        let at = datagrams.local_addr().unwrap();
        server.register_socket(datagrams);
        server.register_listener(listener, Duration::from_secs(5), 16);
        Self { at, desk, _server: server }
    }

    /// What comes over UDP or TCP, and what the engine says by itself.
    async fn ask(&self, transport: Transport, request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let came = match transport {
            Transport::Udp => self.datagram(request).await,
            _ => self.stream(request).await,
        };
        let mut ours = Vec::new();
        let peer = Peer { addr: self.at, transport, idle: None };
        let verdict = self.desk.respond(request, &peer, &mut ours);
        if verdict.is_later() {
            let (replies, mut ready) = mpsc::channel(1);
            let (_, reply) = tokio::join!(self.desk.answer(verdict, request, &peer, &replies), ready.recv());
            ours = reply.unwrap();
        }
        (came, ours)
    }

    async fn datagram(&self, request: &[u8]) -> Vec<u8> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(request, self.at).await.unwrap();
        let mut room = vec![0; 4096];
        let length =
            tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut room)).await.unwrap().unwrap();
        room.truncate(length);
        room
    }

    async fn stream(&self, request: &[u8]) -> Vec<u8> {
        let mut conn = TcpStream::connect(self.at).await.unwrap();
        conn.write_u16(request.len() as u16).await.unwrap();
        conn.write_all(request).await.unwrap();
        let length = conn.read_u16().await.unwrap();
        let mut reply = vec![0; length.into()];
        conn.read_exact(&mut reply).await.unwrap();
        reply
    }
}

/// `other.test` with one address.
fn catalog() -> Catalog {
    let name = |text: &str| HickoryName::from_ascii(text).unwrap();
    let mut zone = InMemoryZoneHandler::<TokioRuntimeProvider>::empty(
        name("other.test."),
        ZoneType::Primary,
        AxfrPolicy::Deny,
    );
    let soa = SOA::new(name("ns.other.test."), name("h.other.test."), 1, 2, 3, 4, 5);
    zone.upsert_mut(HickoryRecord::from_rdata(name("other.test."), 60, RData::SOA(soa)), 0);
    zone.upsert_mut(
        HickoryRecord::from_rdata(name("www.other.test."), 60, RData::A(A::new(192, 0, 2, 99))),
        0,
    );
    let mut catalog = Catalog::new();
    catalog.upsert(name("other.test.").into(), vec![Arc::new(zone)]);
    catalog
}

#[tokio::test]
async fn what_its_server_sends_is_what_we_say() {
    let mounted = Mounted::new().await;
    let questions = [
        "example SOA",
        "eXample MX",
        "example LOC",
        "example TYPE65280",
        "example CAA",
        "example RP",
        "example AFSDB",
        "example TXT",
        "example SVCB",
        "example RRSIG",
        "example ANY",
        "example NS",
        "ns.example AAAA",
        "alias.example A",
        "x.alias2.example A",
        "a.b.wild.example TXT",
        "www.sub.example A",
        "sub.example DS",
        "_dns._tcp.example SRV",
        "_tcp.example A",
        "none.example A",
        "ns.example MX",
        "\\000\\.\\255.example HINFO",
        "example AXFR",
        "many.big A",
        "none.big A",
    ];
    for question in questions {
        for transport in [Transport::Udp, Transport::Tcp] {
            for additional in [&[][..], &[OPT]] {
                let (came, ours) = mounted.ask(transport, &request(question, additional)).await;
                let read = |octets: &[u8]| Message::read(octets).unwrap();
                let (came, mut ours) = (read(&came), read(&ours));
                if ours.flags.has(Flags::TC) {
                    // A reply that was cut may be written with fewer octets, and never with more records.
                    assert!(came.flags.has(Flags::TC) && came.answer.len() <= ours.answer.len());
                    ours.answer.clone_from(&came.answer);
                }
                assert_eq!(came, ours, "{question} {transport:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_its_server_sends_is_no_larger_than_what_the_client_takes() {
    let mounted = Mounted::new().await;
    let (short, _) = mounted.ask(Transport::Udp, &request("many.big A", &[])).await;
    let (edns, _) = mounted.ask(Transport::Udp, &request("many.big A", &[OPT])).await;
    let (whole, _) = mounted.ask(Transport::Tcp, &request("many.big A", &[OPT])).await;
    assert!(short.len() <= 512 && edns.len() <= 1232, "{} {}", short.len(), edns.len());
    assert_eq!(Message::read(&whole).unwrap().answer.len(), 200);
}

#[tokio::test]
async fn errors_of_requests_are_ours() {
    let mounted = Mounted::new().await;
    let version = b"\0\0\x29\x04\xd0\0\x01\0\0\0\0";
    let (came, ours) = mounted.ask(Transport::Udp, &request("example A", &[version])).await;
    assert_eq!(Message::read(&came).unwrap(), Message::read(&ours).unwrap());
    assert_eq!(Message::read(&came).unwrap().rcode, Rcode::BADVERS);
    let mut update = request("example SOA", &[]);
    update[2] = 5 << 3;
    let (came, _) = mounted.ask(Transport::Tcp, &update).await;
    assert_eq!(Message::read(&came).unwrap().rcode, Rcode::REFUSED);
}

#[tokio::test]
async fn its_client_is_answered_by_us_and_by_the_other_handler() {
    let mounted = Mounted::new().await;
    let udp = UdpClientStream::builder(mounted.at, TokioRuntimeProvider::default()).build();
    let (mut client, exchange) = Client::<TokioRuntimeProvider>::from_sender(udp);
    let cx = Context::root(Limits::default());
    cx.spawn(exchange).detach();
    let mut ask = async |name: &str, rtype| {
        let name = HickoryName::from_ascii(name).unwrap();
        client.query(name, DNSClass::IN, rtype).await.unwrap()
    };
    let reply = ask("alias.example.", RecordType::A).await;
    assert!(reply.metadata.authoritative);
    let reply = ask("ns.example.", RecordType::A).await;
    assert_eq!(reply.answers[0].data, RData::A(A::new(192, 0, 2, 1)));
    let reply = ask("none.example.", RecordType::A).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain);
    let reply = ask("www.other.test.", RecordType::A).await;
    assert_eq!(reply.answers[0].data, RData::A(A::new(192, 0, 2, 99)));
    let reply = ask("www.nobody.test.", RecordType::A).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::Refused);
    cx.end();
}

#[tokio::test]
async fn without_another_handler_what_is_not_ours_is_refused() {
    let mut server = Server::new(Handler::new(Arc::new(Desk::new(Arc::new(engine(&[ZONE]))))));
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    server.register_socket(socket);
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(&request("www.other.test A", &[]), at).await.unwrap();
    let mut room = [0; 512];
    let length = client.recv(&mut room).await.unwrap();
    assert_eq!(Message::read(&room[..length]).unwrap().rcode, Rcode::REFUSED);
}

proptest! {
    /// Whatever the data of a record, it comes out as it went in.
    #[test]
    fn no_data_is_changed(rtype in 1_u16..300, octets in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assume!(!matches!(Type(rtype), Type::NS | Type::CNAME | Type::PTR | Type::MX | Type::SOA));
        let ours = Record {
            name: "a.example".parse().unwrap(),
            class: Class::IN,
            rtype: Type(rtype),
            ttl: 7,
            rdata: octets.clone().into(),
        };
        let mut out = Vec::new();
        let mut encoder = hickory_proto::serialize::binary::BinEncoder::new(&mut out);
        hickory_proto::serialize::binary::BinEncodable::emit(&record(&ours).unwrap(), &mut encoder).unwrap();
        prop_assert!(out.ends_with(&octets));
        prop_assert_eq!(out.len(), 11 + 10 + octets.len());
    }
}
