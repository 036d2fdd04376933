//! DNS: what comes of requests. Messages are compared with what another implementation reads.

use std::sync::{Arc, LazyLock};

use domain::base::Message as Theirs;
use domain::base::iana::Opcode as TheirOpcode;
use domain::base::name::ToName as _;
use ropewalk_core::app::{ConnId, Context, Protocol as _};
use ropewalk_core::net::Connection;
use ropewalk_core::{Address, Limits};
use ropewalk_dns::server::{Dns, Engine, Peer, Setup, Transport, Updated, Verdict, Zones};
use ropewalk_dns::wire::tsig::{Algorithm, Check, Signer, TsigKey};
use ropewalk_dns::wire::{Flags, Head, Message, Name, NameRef, Query, Type};
use ropewalk_dns::zone::{Record, RecordRef, Zone, ZoneSet, text};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};

/// A zone with what makes answers differ.
const ZONE: &str = "a. 60 SOA n.a. h.a. 1 2 3 4 5\na. 60 NS n.a.\na. 60 MX 1 n.a.\nn.a. 60 A 192.0.2.1\nn.a. 60 AAAA ::1\n\
    *.w.a. 60 TXT \"w\"\nc.a. 60 CNAME n.a.\nd.a. 60 DNAME w.a.\ns.a. 60 NS n.s.a.\nn.s.a. 60 A 192.0.2.2\n\
    l.a. 60 CNAME m.a.\nm.a. 60 CNAME l.a.\nx.y.a. 60 SRV 1 2 3 n.a.\nt.a. 60 TYPE65280 \\# 2 0102\n";
/// Seconds since 1970 at which signatures are checked.
const NOW: u64 = 1_800_000_000;

static ZONES: LazyLock<ZoneSet> = LazyLock::new(|| [zone(ZONE)].into_iter().collect());
static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let engine = Zones::load(Vec::new(), Setup::default()).expect("no zones").0;
    engine.engine().update(|_| ZONES.clone());
    Arc::clone(engine.engine())
});
static KEY: LazyLock<Arc<TsigKey>> = LazyLock::new(|| {
    let name: Name = "key.a".parse().expect("a name");
    Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, b"0123456789abcdef"))
});

fn zone(content: &str) -> Zone {
    let records = text::records("zone", content.as_bytes(), Some(NameRef::ROOT)).expect("records");
    let origin = records.first().expect("an SOA").name.clone();
    Zone::build(origin.view(), records).expect("a zone").0
}

/// A message that is read has what another implementation reads from it. A request has at most one reply at once, which is one to it,
/// is a message of the size that it may have, and is the same over every transport but for its end.
pub(crate) fn message(bytes: &[u8]) {
    if let Ok(ours) = Message::read(bytes) {
        compare(bytes, &ours);
    }
    let reply = |transport| {
        let mut reply = Vec::new();
        let verdict = ENGINE.respond(bytes, &Peer::new(&Address::Memory, transport), &mut reply);
        assert_eq!(verdict == Verdict::Reply, !reply.is_empty());
        reply
    };
    let (datagram, stream) = (reply(Transport::Udp), reply(Transport::Tcp));
    for octets in [&datagram, &stream].into_iter().filter(|octets| !octets.is_empty()) {
        let reply = Message::read(octets).expect("a reply is a message");
        compare(octets, &reply);
        assert!(reply.flags.has(Flags::QR) && octets.first_chunk::<2>() == bytes.first_chunk());
    }
    assert!(datagram.len() <= 1232);
}

/// All records of both are the same.
fn compare(bytes: &[u8], ours: &Message) {
    let theirs = Theirs::from_octets(bytes).expect("a message");
    assert_eq!(theirs.header().id(), ours.id);
    let mut question = theirs.question();
    let asked = question.next().transpose().expect("a question");
    assert_eq!(asked.is_some(), ours.question.is_some());
    if let (Some(theirs), Some(ours)) = (asked, &ours.question) {
        assert_eq!(theirs.qtype().to_int(), ours.qtype.0);
        assert_eq!(theirs.qclass().to_int(), ours.qclass.0);
        assert_eq!(theirs.qname().to_vec().as_slice(), ours.name.wire());
    }
    let sections =
        [theirs.answer(), theirs.authority(), theirs.additional()].map(|section| section.expect("a section"));
    for (theirs, ours) in sections.into_iter().zip([&ours.answer, &ours.authority, &ours.additional]) {
        let theirs: Vec<_> = theirs.map(|record| record.expect("a record")).collect();
        let theirs = theirs.iter().filter(|record| record.rtype().to_int() != Type::OPT.0);
        let mut count = 0;
        for (theirs, ours) in theirs.zip(ours) {
            assert_eq!(theirs.rtype().to_int(), ours.rtype.0);
            assert_eq!(theirs.class().to_int(), ours.class.0);
            assert_eq!(theirs.ttl().as_secs(), ours.ttl);
            assert_eq!(theirs.owner().to_vec().as_slice(), ours.name.wire());
            count += 1;
        }
        assert_eq!(count, ours.len());
    }
}

/// An UPDATE is done as a whole or not at all; what comes of it is a zone, whose serial has grown if anything changed; and the difference
/// that is told is the one there is. The first three octets count the records of its sections.
pub(crate) fn update(bytes: &[u8]) {
    let [required, changed, added, rest @ ..] = bytes else { return };
    let head = [0, 7, TheirOpcode::UPDATE.to_int() << 3, 0, 0, 1, 0, *required, 0, *changed, 0, *added];
    let request = [&head, &b"\x01a\0\0\x06\0\x01"[..], rest].concat();
    let Some(Ok(query)) = Head::read(&request).map(|head| Query::read(head, &request)) else { return };
    let before = zone(ZONE);
    let Ok(updated) = Updated::new(&ZONES, &query, &|_, _| true) else { return };
    let set = |records: &mut dyn Iterator<Item = RecordRef<'_>>| -> Vec<Record> {
        let mut records: Vec<_> = records.map(|record| record.to_record()).collect();
        records.sort_by_cached_key(|record| record.to_string().to_lowercase());
        records
    };
    let (old, new) = (set(&mut before.records()), set(&mut updated.zone.records()));
    let again = Zone::build(before.origin(), new.clone()).expect("what comes of it is a zone").0;
    assert_eq!(set(&mut again.records()), new);
    assert_eq!(updated.is_change(), old != new, "{old:?} {new:?}");
    let (serial, than) = (updated.zone.serial().expect("an SOA"), before.serial().expect("an SOA"));
    assert_eq!(updated.is_change(), serial != than);
    assert!(serial.wrapping_sub(than) < 1 << 31);
    let mut made: Vec<_> = old.into_iter().filter(|record| !updated.removed.contains(record)).collect();
    made.extend(updated.added.iter().cloned());
    assert_eq!(set(&mut made.iter().map(Record::view)), new, "the difference is another");
    // Who may nothing changes nothing.
    assert!(!Updated::new(&ZONES, &query, &|_, _| false).is_ok_and(|updated| updated.is_change()));
}

/// What was signed is good, and whatever is changed then is not, but for the ID, and for the case of names that nobody minds. The first two
/// octets say what is changed.
pub(crate) fn signature(bytes: &[u8]) {
    let [place, flip, rest @ ..] = bytes else { return };
    let is_good = |message: &[u8]| {
        let Some(Ok(query)) = Head::read(message).map(|head| Query::read(head, message)) else {
            return false;
        };
        let key = |name: NameRef<'_>| (name == KEY.name()).then(|| Arc::clone(&KEY));
        matches!(Check::new(&query, key, NOW), Ok(Check::Good(_)))
    };
    assert!(!is_good(rest), "nobody knows the key");
    let Some(Ok(_)) = Head::read(rest).map(|head| Query::read(head, rest)) else { return };
    let mut signed = rest.to_vec();
    let has_another = !is_unsigned(rest);
    Signer::new(Arc::clone(&KEY)).sign(&mut signed, 0, NOW);
    assert_eq!(is_good(&signed), !has_another);
    let at = usize::from(*place) * signed.len() / 256;
    let mut changed = signed.clone();
    changed[at] ^= flip;
    let is_case = *flip == 0x20 && at >= rest.len() && signed[at].is_ascii_alphabetic();
    assert!(!is_good(&changed) || *flip == 0 || at < 2 || is_case, "{at}");
    // The end of it is missing, or something is added.
    assert!(!is_good(&signed[..at]));
    signed.push(*flip);
    assert!(!is_good(&signed));
}

fn is_unsigned(message: &[u8]) -> bool {
    let Some(Ok(query)) = Head::read(message).map(|head| Query::read(head, message)) else { return false };
    query.tsig.is_none()
}

/// However the network cuts the requests, the replies are the same, each behind its length; what takes longer may come later. The first octet
/// says how they are cut.
pub(crate) fn stream(bytes: &[u8]) {
    let Some((&cut, bytes)) = bytes.split_first() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let replies = |piece| {
        let said = runtime.block_on(talk(bytes, piece));
        let (mut replies, rest) = frames(&said);
        assert!(rest.is_empty());
        for reply in &replies {
            assert!(Message::read(reply).expect("a reply").flags.has(Flags::QR));
        }
        replies.sort();
        replies
    };
    let whole = replies(usize::MAX);
    let again = replies(usize::from(cut % 32) + 1);
    // Who leaves in the middle of a request may miss what was not ready.
    assert!(again == whole || !frames(bytes).1.is_empty(), "{again:?} {whole:?}");
}

/// Messages behind their lengths, and what is left.
fn frames(mut bytes: &[u8]) -> (Vec<Vec<u8>>, &[u8]) {
    let mut frames = Vec::new();
    while let Some((length, after)) = bytes.split_first_chunk() {
        let Some((frame, after)) = after.split_at_checked(u16::from_be_bytes(*length).into()) else { break };
        frames.push(frame.to_vec());
        bytes = after;
    }
    (frames, bytes)
}

/// All that the server says to requests in pieces of this size.
async fn talk(bytes: &[u8], piece: usize) -> Vec<u8> {
    let zones = Zones::load(Vec::new(), Setup::default()).expect("no zones").0;
    zones.engine().update(|_| ZONES.clone());
    let stream = Dns::new(Arc::new(zones)).stream();
    let root = Context::root(Limits::default());
    let cx = root.connection(tracing::Span::none(), ConnId::next());
    let (conn, io) = Connection::pair();
    let serving = root.spawn(async move { stream.serve(conn, cx).await });
    let (mut read, mut write) = split(io);
    let speak = async {
        for piece in bytes.chunks(piece) {
            if write.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        let _ = write.shutdown().await;
    };
    let mut said = Vec::new();
    let hear = async {
        // Who is cut off in the middle of a request hears no more.
        let _ = read.read_to_end(&mut said).await;
    };
    tokio::join!(speak, hear);
    let _ = serving.await;
    root.end();
    said
}
