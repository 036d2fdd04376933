use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy_bidirectional};
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use tokio::time::{sleep, timeout};

use super::change;
use super::fault::Fault;
use crate::dns::client::{Over, framed};
use crate::dns::fixture::{KEY, OTHER};
use crate::dns::rdata::{AXFR, IXFR};
use crate::dns::transfer::is_complete;
use crate::dns::tsig::{Key, Signature};
use crate::dns::web::{self, Asked, Web};
use crate::dns::wire::{Message, QR, TC};
use crate::doors::Door;
use crate::{Io, Need, Peer, Subject};

/// The code of the option that pads.
const PADDING: u16 = 12;
/// How long the server is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Relay {
    pub(super) right: Subject,
    pub(super) fault: Option<Fault>,
    keys: Vec<Key>,
    pub(super) gone: AtomicBool,
    turn: Mutex<()>,
    /// Where it speaks QUIC.
    pub(super) place: OnceCell<SocketAddr>,
}

impl Relay {
    pub(super) fn new(right: Subject, fault: Option<Fault>) -> Self {
        let keys = [KEY, OTHER].into_iter().filter_map(|key| Key::of(key).ok()).collect();
        Self {
            right,
            fault,
            keys,
            gone: AtomicBool::new(false),
            turn: Mutex::new(()),
            place: OnceCell::new(),
        }
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// A connection to its end.
    pub(super) async fn serve(&self, over: Over, mut io: DuplexStream) {
        let _turn = self.turn().await;
        let mut buffer = Vec::new();
        loop {
            let mut whole = 0;
            while let Some(query) = first_frame(&mut buffer) {
                whole += 1;
                if self.is(Fault::OnePerSegment) && whole > 1 {
                    continue;
                }
                for answer in self.answer(over, &query).await {
                    if io.write_all(&framed(&answer)).await.is_err() {
                        return;
                    }
                }
                if self.is(Fault::OneQuery) || self.gone.load(Ordering::Relaxed) {
                    return;
                }
            }
            let cut = !buffer.is_empty() && self.is(Fault::WholeSegments);
            if cut || !matches!(io.read_buf(&mut buffer).await, Ok(1..)) {
                if self.is(Fault::NeverCloses) {
                    sleep(Duration::from_secs(30)).await;
                }
                return;
            }
            if self.is(Fault::ForgetsHalfClosed) {
                // What comes within a moment of the query is its end.
                let mut more = Vec::new();
                if let Ok(Ok(0)) = timeout(Duration::from_millis(50), io.read_buf(&mut more)).await {
                    return;
                }
                buffer.extend(more);
            }
        }
    }

    /// Waits for its turn, where connections are served one after the other.
    pub(super) async fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        if self.is(Fault::OneConnection) { Some(self.turn.lock().await) } else { None }
    }

    /// A connection to the port of TLS, before its handshake, to its end.
    pub(super) async fn serve_bare(&self, mut io: DuplexStream) {
        let _turn = self.turn().await;
        if !self.is(Fault::ClearAnswers) {
            if let Ok(mut right) = self.right.dial_at(Door::Bare).await {
                let _ended = copy_bidirectional(&mut io, &mut right).await;
            }
            return;
        }
        let mut buffer = Vec::new();
        while matches!(io.read_buf(&mut buffer).await, Ok(1..)) {
            let begun = |at: usize| first_frame(&mut buffer.get(at..)?.to_vec());
            let Some(query) = (0..buffer.len()).filter_map(begun).find(|query| Message::read(query).is_ok())
            else {
                continue;
            };
            for answer in self.answer(Over::Tcp, &query).await {
                let _unsent = io.write_all(&framed(&answer)).await;
            }
            buffer.clear();
        }
    }

    /// What is sent back for one message.
    pub(super) async fn answer(&self, over: Over, wire: &[u8]) -> Vec<Vec<u8>> {
        if self.gone.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let query = Message::read(wire);
        let odd = query.as_ref().map_or(true, |query| query.has(QR) || query.question.len() != 1);
        if self.is(Fault::Fragile) && odd {
            self.gone.store(true, Ordering::Relaxed);
            return Vec::new();
        }
        if let Some(made) = self.fault.and_then(|fault| change::unread(fault, query.as_ref().ok(), wire)) {
            return made;
        }
        let Ok(query) = query else { return self.forward(over, wire, None).await };
        let signature = query.tsig().and_then(|record| Signature::read(record).ok());
        let changed = self.fault.and_then(|fault| change::query(fault, &query));
        let over_there = if self.is(Fault::IgnoresSize) && over == Over::Udp { Over::Tcp } else { over };
        let came = match &changed {
            None if self.is(Fault::AnySignature) => {
                self.forward(over_there, &self.sign(&query, None), Some(&query)).await
            }
            None => self.forward(over_there, wire, Some(&query)).await,
            Some(changed) => {
                self.forward(over_there, &self.sign(changed, signature.as_ref()), Some(changed)).await
            }
        };
        let came = self.by_transport(over, &query, came);
        let resign = changed.is_some() || self.is(Fault::AnySignature);
        self.changed(&query, signature, resign, came)
    }

    /// The answers with the faults in them that are about what they come by.
    fn by_transport(&self, over: Over, query: &Message, came: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let size = query.opt().map_or(512, |edns| usize::from(edns.size).max(512));
        let change = |wire: Vec<u8>| match Message::read(&wire) {
            Ok(message)
                if self.is(Fault::SizeEverywhere) && over != Over::Udp && wire.len() > size
                    || self.is(Fault::SmallDatagrams) && over == Over::Udp && wire.len() > 512 =>
            {
                let additional = message.opt().map(|edns| edns.record()).into_iter().collect();
                let (answer, authority) = (Vec::new(), Vec::new());
                Message { answer, authority, additional, ..message.with(TC) }.to_wire()
            }
            Ok(mut message) if self.is(Fault::OtherByTransport) && !matches!(over, Over::Udp | Over::Tcp) => {
                message.answer.iter_mut().for_each(|record| record.ttl = record.ttl.saturating_add(1));
                message.to_wire()
            }
            _ => wire,
        };
        came.into_iter().map(change).collect()
    }

    /// The query with the signature of the key that it had, or of the first.
    fn sign(&self, query: &Message, signature: Option<&Signature>) -> Vec<u8> {
        let named = |key: &&Key| signature.is_some_and(|signature| signature.key == key.name);
        let key = match (self.keys.iter().find(named), self.keys.first()) {
            (Some(key), _) => key,
            (None, Some(key)) if self.is(Fault::AnySignature) => key,
            _ => return query.to_wire(),
        };
        let mut bare = query.clone();
        bare.additional.retain(|record| record.kind != crate::dns::wire::TSIG);
        key.sign(&bare, key.signature(&bare), |_| {}).0
    }

    /// The answers with the fault in them, signed again where they were changed.
    fn changed(
        &self,
        query: &Message,
        signature: Option<Signature>,
        resign: bool,
        came: Vec<Vec<u8>>,
    ) -> Vec<Vec<u8>> {
        let read = |wire: &Vec<u8>| Message::read(wire).ok();
        let Some(messages) = came.iter().map(read).collect::<Option<Vec<_>>>() else { return came };
        let made = self.fault.and_then(|fault| change::answers(fault, query, &messages));
        let Some(fault) = self.fault.filter(|_| made.is_some() || resign) else { return came };
        let mut made = made.unwrap_or(messages);
        let key =
            signature.as_ref().and_then(|signature| self.keys.iter().find(|key| key.name == signature.key));
        let mut prior = signature.map(|signature| signature.mac).unwrap_or_default();
        let last = made.len().saturating_sub(1);
        let mut out = Vec::new();
        for (at, message) in made.iter_mut().enumerate() {
            let refused = message
                .tsig()
                .and_then(|record| Signature::read(record).ok())
                .is_some_and(|it| it.error != 0);
            if refused || (message.tsig().is_none() && !resign) {
                out.push(message.to_wire());
                continue;
            }
            // The query was not signed by anybody whom the server knows.
            let Some(key) = key else {
                out.push(message.to_wire());
                continue;
            };
            message.additional.retain(|record| record.kind != crate::dns::wire::TSIG);
            if fault == Fault::NoSignature || fault == Fault::FewSignatures && at != 0 && at != last {
                out.push(message.to_wire());
                continue;
            }
            let before = if fault == Fault::SignsAlone { &[][..] } else { prior.as_slice() };
            let (wire, mac) = key.answer(message, before, at > 0);
            prior = mac;
            out.push(wire);
        }
        out
    }

    /// What the server sends back.
    async fn forward(&self, over: Over, wire: &[u8], query: Option<&Message>) -> Vec<Vec<u8>> {
        match over {
            Over::Udp => self.datagram(wire).await.into_iter().collect(),
            Over::Tcp | Over::Tls | Over::Quic => {
                let mut answers = Vec::new();
                // What is padded is to come by what is padded for.
                let pads = query.and_then(Message::opt).is_some_and(|edns| edns.find(PADDING).is_some());
                let pads = pads && over == Over::Quic && self.right.lacks(&[Need::Dot]).is_none();
                let by_tls = over == Over::Tls || pads;
                let door = if by_tls { Door::Tls } else { Door::Front };
                let _rest = timeout(PATIENCE * 2, self.connection(door, wire, query, &mut answers)).await;
                answers
            }
            Over::Get | Over::Post => {
                let peer = Peer::new(self.right.clone(), PATIENCE);
                let (asked, opening) = (Asked::new(&peer, over, wire), Web::open(&peer));
                drop(peer);
                let Ok(mut web) = opening.await else { return Vec::new() };
                web.ask(&asked).await.and_then(web::message).into_iter().collect()
            }
        }
    }

    async fn datagram(&self, wire: &[u8]) -> Option<Vec<u8>> {
        let mut socket = self.right.datagrams().await.ok()?;
        socket.send(wire).await.ok()?;
        timeout(PATIENCE, socket.receive()).await.ok()?.ok()
    }

    async fn connection(
        &self,
        door: Door,
        wire: &[u8],
        query: Option<&Message>,
        answers: &mut Vec<Vec<u8>>,
    ) -> Option<()> {
        let mut io: Box<dyn Io> = self.right.dial_at(door).await.ok()?;
        io.write_all(&framed(wire)).await.ok()?;
        let kind = query.and_then(|query| query.question.first()).map_or(0, |question| question.kind);
        let (mut buffer, mut records) = (Vec::new(), Vec::new());
        loop {
            while let Some(answer) = first_frame(&mut buffer) {
                let message = Message::read(&answer).ok();
                answers.push(answer);
                let failed =
                    message.as_ref().is_none_or(|message| message.flags & 0xf != 0 || message.opcode() != 0);
                records.extend(message.into_iter().flat_map(|message| message.answer));
                if failed || !matches!(kind, AXFR | IXFR) || is_complete(&records, kind) {
                    return Some(());
                }
            }
            if timeout(PATIENCE, io.read_buf(&mut buffer)).await.ok()?.ok()? == 0 {
                return None;
            }
        }
    }
}

/// Takes the first message that is whole.
pub(super) fn first_frame(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let [high, low, rest @ ..] = buffer.as_slice() else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let frame = rest.get(..length)?.to_vec();
    buffer.drain(..length + 2);
    Some(frame)
}
