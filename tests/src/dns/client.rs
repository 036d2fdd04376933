//! Messages to a subject and back, by each transport.

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::quic::Line;
use super::web::{self, Asked, Web};
use super::wire::{Message, OPCODE, QR, Z};
use crate::case::{Verdict, check};
use crate::datagrams::Datagrams;
use crate::doors::Door;
use crate::peer::{Filled, quote};
use crate::{Broken, Outcome, Peer};

/// How long silence is listened to.
const MOMENT: Duration = Duration::from_millis(300);

/// A number for a message that no other case uses soon.
pub(super) fn id() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0x1a2b);
    // A step that is prime to 2^16, so that neighbours differ in both octets.
    NEXT.fetch_add(0x3c35, Ordering::Relaxed)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Udp,
    Tcp,
    /// DNS over TLS.
    Tls,
    /// DNS over HTTPS, by GET.
    Get,
    /// DNS over HTTPS, by POST.
    Post,
    /// DNS over QUIC.
    Quic,
}

impl Over {
    /// Where messages go that are framed by their lengths.
    fn door(self) -> Door {
        if self == Self::Tls { Door::Tls } else { Door::Front }
    }

    /// The message with the ID that it is to have: 0 where streams tell messages apart (RFC 8484 §4.1, RFC 9250 §4.2.1).
    pub(super) fn numbered(self, message: Message) -> Message {
        let is_zero = matches!(self, Self::Get | Self::Post | Self::Quic);
        Message { id: if is_zero { 0 } else { message.id }, ..message }
    }
}

/// The transports that every server has.
pub(super) const BOTH: [Over; 2] = [Over::Udp, Over::Tcp];

/// Sends octets as one message on a fresh socket or connection; gives the first that come back.
pub(super) async fn exchange(peer: &mut Peer, over: Over, wire: &[u8]) -> Result<Vec<u8>, Broken> {
    match over {
        Over::Udp => {
            let mut socket = open(peer).await?;
            // A datagram may be lost.
            for _ in 0..3 {
                send(&mut socket, wire).await?;
                if let Some(came) = receive(&mut socket, peer.patience() / 3).await? {
                    return Ok(came);
                }
            }
            Err(Broken::new("an answer by UDP", "silence"))
        }
        Over::Tcp | Over::Tls => {
            peer.reconnect_at(over.door());
            again(peer, wire).await
        }
        Over::Get | Over::Post => {
            let asked = Asked::new(peer, over, wire);
            web::message(Web::open(peer).await?.ask(&asked).await?)
        }
        Over::Quic => Line::open(peer).await?.ask(wire).await,
    }
}

/// Sends octets as one message on the present connection; gives the first that come back.
pub(super) async fn again(peer: &mut Peer, wire: &[u8]) -> Result<Vec<u8>, Broken> {
    peer.send(framed(wire)).await?;
    let ended = || Broken::new("an answer", "the end of the connection");
    frame(peer).await?.ok_or_else(ended)
}

/// Whether nothing comes back for these octets, while the server goes on to answer others.
pub(super) async fn silence(peer: &mut Peer, over: Over, wire: &[u8]) -> Verdict {
    let came = match over {
        Over::Udp => {
            let mut socket = open(peer).await?;
            send(&mut socket, wire).await?;
            receive(&mut socket, MOMENT).await?
        }
        Over::Get | Over::Post | Over::Quic => {
            return Err(Broken::new("a transport that can be silent", format!("{over:?}")));
        }
        Over::Tcp | Over::Tls => {
            peer.reconnect_at(over.door());
            peer.send(framed(wire)).await?;
            match peer.fill_within(MOMENT).await? {
                Filled::Some => Some(peer.buffer.to_vec()),
                Filled::Ended(_) | Filled::Silent => None,
            }
        }
    };
    check(came.is_none(), format!("silence by {over:?}"), quote(&came.unwrap_or_default()))?;
    is_alive(peer, over).await
}

/// The server answers a usual query.
pub(super) async fn is_alive(peer: &mut Peer, over: Over) -> Verdict {
    let query = over.numbered(super::query("rope.test. SOA")?);
    let answer = ask(peer, over, &query).await?;
    check(answer.rcode() == 0, "NOERROR to a usual query", &answer)
}

pub(super) async fn open(peer: &mut Peer) -> Result<Datagrams, Broken> {
    peer.subject().datagrams().await.map_err(|error| Broken::new("a socket", error.to_string()))
}

pub(super) async fn send(socket: &mut Datagrams, wire: &[u8]) -> Result<(), Broken> {
    socket.send(wire).await.map_err(|error| Broken::new("a datagram sent", error.to_string()))
}

/// The next datagram, or none within this time.
pub(super) async fn receive(socket: &mut Datagrams, patience: Duration) -> Result<Option<Vec<u8>>, Broken> {
    match timeout(patience, socket.receive()).await {
        Err(_) => Ok(None),
        Ok(Ok(datagram)) => Ok(Some(datagram)),
        Ok(Err(error)) => Err(Broken::new("an answer by UDP", error.to_string())),
    }
}

/// RFC 1035 §4.2.2: with its length in front.
pub(super) fn framed(wire: &[u8]) -> Vec<u8> {
    let length = u16::try_from(wire.len()).unwrap_or(u16::MAX);
    [length.to_be_bytes().as_slice(), wire].concat()
}

/// The next message on the connection, or none where it ends.
pub(super) async fn frame(peer: &mut Peer) -> Result<Option<Vec<u8>>, Broken> {
    loop {
        if let [high, low, rest @ ..] = peer.buffer.as_ref() {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if let Some(message) = rest.get(..length) {
                let message = message.to_vec();
                drop(peer.buffer.split_to(length + 2));
                return Ok(Some(message));
            }
        }
        match peer.fill().await? {
            Filled::Some => {}
            Filled::Ended(_) if peer.buffer.is_empty() => return Ok(None),
            Filled::Ended(_) => return Err(Broken::new("a whole message", quote(&peer.buffer))),
            Filled::Silent => {
                let had = quote(&peer.buffer);
                return Err(Broken::new("a message by TCP", format!("silence after {had}")));
            }
        }
    }
}

/// Reads an answer, and sees that it belongs to the query: its ID, QR, opcode, question and the bit that is reserved.
pub(super) fn read(query: &Message, wire: &[u8]) -> Result<Message, Broken> {
    let unreadable =
        |why: String| Broken::new("a message that can be read", format!("{why} in {}", quote(wire)));
    let answer = Message::read(wire).map_err(unreadable)?;
    let wrong = |expected: &str| Err(Broken::new(expected, answer.to_string()));
    if answer.id != query.id {
        return wrong("the ID of the query");
    }
    if !answer.has(QR) {
        return wrong("QR");
    }
    if answer.flags & OPCODE != query.flags & OPCODE {
        return wrong("the opcode of the query");
    }
    if answer.has(Z) {
        return wrong("no Z bit");
    }
    Ok(answer)
}

/// Asks, and sees that the answer belongs to the query, whose question it repeats, letter by letter.
pub(super) async fn ask(peer: &mut Peer, over: Over, query: &Message) -> Result<Message, Broken> {
    let wire = exchange(peer, over, &query.to_wire()).await?;
    let answer = read(query, &wire)?;
    same_question(query, &answer)?;
    Ok(answer)
}

/// RFC 1035 §4.1.2, RFC 5452 §9.1: the question as it was sent, with the case of its letters.
pub(super) fn same_question(query: &Message, answer: &Message) -> Verdict {
    let labels = |message: &Message| {
        message.question.iter().map(|it| (it.name.0.clone(), it.kind, it.class)).collect::<Vec<_>>()
    };
    check(
        labels(query) == labels(answer),
        format!("the question {:?}", labels(query)),
        format!("{:?}", labels(answer)),
    )
}

/// Asks by UDP and by TCP, which must say the same where UDP is not truncated.
pub(super) async fn ask_both(peer: &mut Peer, query: &Message) -> Result<Message, Broken> {
    let udp = ask(peer, Over::Udp, query).await?;
    let tcp = ask(peer, Over::Tcp, query).await?;
    if !udp.has(super::wire::TC) {
        check((udp.flags, udp.rcode()) == (tcp.flags, tcp.rcode()), format!("{udp}, as by UDP"), &tcp)?;
        for (by_udp, by_tcp) in [(&udp.answer, &tcp.answer), (&udp.authority, &tcp.authority)] {
            check(is_same_set(by_udp, by_tcp), format!("{udp}, as by UDP"), &tcp)?;
        }
    }
    Ok(tcp)
}

/// The same flags and records, in any order.
pub(super) fn is_like(one: &Message, other: &Message) -> bool {
    one.flags == other.flags
        && one.rcode() == other.rcode()
        && is_same_set(&one.answer, &other.answer)
        && is_same_set(&one.authority, &other.authority)
}

/// The same records, in any order.
pub(super) fn is_same_set(one: &[super::wire::Record], other: &[super::wire::Record]) -> bool {
    one.len() == other.len() && one.iter().all(|record| count(one, record) == count(other, record))
}

fn count(records: &[super::wire::Record], record: &super::wire::Record) -> usize {
    records.iter().filter(|other| *other == record).count()
}

/// The answer has this code, and repeats no data of a refused query.
pub(super) fn is_error(answer: &Message, codes: &[u16]) -> Verdict {
    let names: Vec<_> = codes.iter().map(|code| super::text::rcode(*code)).collect();
    check(codes.contains(&answer.rcode()), names.join(" or "), answer)?;
    check(answer.answer.is_empty(), "no answer beside the error", answer)?;
    Ok(Outcome::Pass)
}
