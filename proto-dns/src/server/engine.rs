use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ropewalk_core::Address;

use super::answer::{Answers, Asker, answer};
use super::policy::Why;
use super::rrl::Act;
use super::signed::Signed;
use super::{Acl, Policies};
use crate::wire::{Class, Encoder, Head, Key, Opcode, Opt, Part, Query, Question, Rcode, Type};
use crate::zone::{Best, ZoneSet};

/// What a reply over UDP may have without EDNS (RFC 1035 §4.2.1).
const PLAIN: u16 = 512;
/// What fits into one packet on nearly every path.
const UNFRAGMENTED: u16 = 1232;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Where from.
    pub addr: SocketAddr,
    /// By what.
    pub transport: Transport,
    /// How long its connection lasts without a request, where it is told so (RFC 7828).
    pub idle: Option<Duration>,
}

/// What a request comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A connection (RFC 7766).
    Tcp,
    /// A connection with TLS (RFC 7858).
    Tls,
    /// A request to a web server (RFC 8484).
    Https,
    /// A stream of QUIC (RFC 9250).
    Quic,
}

/// What is to be done about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Nothing: it does not deserve a reply.
    Silence,
    /// The reply was added to the buffer: send it.
    Reply,
    /// It asks for a zone, by AXFR or IXFR, over what can carry one; nothing was added.
    Transfer,
    /// It tells of a change of a zone (RFC 1996); nothing was added.
    Notify,
    /// It asks for a change of a zone (RFC 2136); nothing was added.
    Update,
    /// It is of no zone of ours, or an alias of ours leads to such a one, and such questions are for somebody else; nothing was
    /// added.
    Forward,
    /// It is signed (RFC 8945), and nothing else is known about it before that is checked; nothing was added.
    Signed,
}

/// How an [`Engine`] answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answering {
    /// The largest reply over UDP, and what we tell clients that we take, in octets.
    pub udp_size: u16,
    /// Only what an answer needs: no NS records of the zone with a positive one, no addresses but glue.
    pub minimal: bool,
    /// Whose questions of no zone of ours are for somebody else ([`Verdict::Forward`]); nobody's, where there is none.
    pub recursion: Option<Acl>,
}

/// A request, who sent it, and what vouches for it.
#[derive(Clone, Copy)]
struct Request<'a> {
    query: &'a Query<'a>,
    from: &'a Peer,
    signed: &'a Signed,
}

/// Answers requests from zones, without I/O, clock or, once its buffers have grown, allocation.
#[derive(Debug)]
pub struct Engine {
    zones: ArcSwap<ZoneSet>,
    answering: Answering,
    policies: Policies,
}

impl Peer {
    /// Who is at this address; who has none, as by a UNIX socket, is on this machine.
    pub fn new(address: &Address, transport: Transport) -> Self {
        let addr = match address {
            Address::Ip(addr) => *addr,
            _ => (Ipv4Addr::LOCALHOST, 0).into(),
        };
        Self { addr, transport, idle: None }
    }
}

impl Verdict {
    /// Whether there is to be a reply that takes longer: see [`Desk::answer`](super::Desk::answer).
    pub fn is_later(self) -> bool {
        !matches!(self, Self::Silence | Self::Reply)
    }
}

impl Default for Answering {
    fn default() -> Self {
        Self { udp_size: UNFRAGMENTED, minimal: false, recursion: None }
    }
}

impl Engine {
    /// An engine with these zones.
    pub fn new(zones: ZoneSet, answering: Answering) -> Self {
        Self { zones: ArcSwap::from_pointee(zones), answering, policies: Policies::default() }
    }

    /// With this around its answers.
    #[must_use]
    pub fn with(self, policies: Policies) -> Self {
        Self { policies, ..self }
    }

    /// What is around its answers.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The largest reply over UDP, in octets.
    pub(super) fn udp_size(&self) -> u16 {
        self.answering.udp_size
    }

    /// The zones as they are now.
    pub fn zones(&self) -> Arc<ZoneSet> {
        self.zones.load_full()
    }

    /// Replaces the zones by what `change` makes of them; it is called again if another came between. A request is
    /// answered either from all the old ones or from all the new ones.
    pub fn update(&self, change: impl FnMut(&Arc<ZoneSet>) -> ZoneSet) {
        self.zones.rcu(change);
    }

    /// Answers `request`: the reply, if there is one, is added to `out`.
    pub fn respond(&self, request: &[u8], from: &Peer, out: &mut Vec<u8>) -> Verdict {
        let Some(head) = Head::read(request) else { return Verdict::Silence };
        if !matches!(head.opcode, Opcode::QUERY | Opcode::NOTIFY | Opcode::UPDATE) {
            return bare(&head, Rcode::NOTIMP, out);
        }
        let query = match Query::read(head, request) {
            Ok(query) => query,
            Err(rcode) => return bare(&head, rcode, out),
        };
        if query.tsig.is_some() {
            return Verdict::Signed;
        }
        self.dispatch(&Request { query: &query, from, signed: &Signed::default() }, out)
    }

    /// The same of a request whose signature was checked: each reply keeps room for its own.
    pub(super) fn respond_signed(
        &self,
        query: &Query<'_>,
        from: &Peer,
        signed: &Signed,
        out: &mut Vec<u8>,
    ) -> Verdict {
        self.dispatch(&Request { query, from, signed }, out)
    }

    /// Answers a request that is not done with this code.
    pub(super) fn decline(
        &self,
        query: &Query<'_>,
        rcode: Rcode,
        why: Option<Why>,
        from: &Peer,
        signed: &Signed,
        out: &mut Vec<u8>,
    ) -> Verdict {
        self.say(rcode, why, &Request { query, from, signed }, out)
    }

    /// Replies with what `fill` writes, of the size that the client takes, and with the reason that it gives for an error.
    pub(super) fn compose<'b>(
        &self,
        query: &Query<'_>,
        from: &Peer,
        signed: &Signed,
        out: &'b mut Vec<u8>,
        fill: impl FnOnce(&mut Encoder<'b>) -> Option<Why>,
    ) -> Verdict {
        self.reply(&Request { query, from, signed }, out, fill)
    }

    fn dispatch(&self, request: &Request<'_>, out: &mut Vec<u8>) -> Verdict {
        if request.query.edns.is_some_and(|edns| edns.version > 0) {
            return self.say(Rcode::BADVERS, None, request, out);
        }
        match request.query.head.opcode {
            Opcode::NOTIFY => Verdict::Notify,
            Opcode::UPDATE => Verdict::Update,
            _ => self.query(request, out),
        }
    }

    fn say(&self, rcode: Rcode, why: Option<Why>, request: &Request<'_>, out: &mut Vec<u8>) -> Verdict {
        self.reply(request, out, |reply| {
            reply.rcode = rcode;
            why
        })
    }

    fn query(&self, request: &Request<'_>, out: &mut Vec<u8>) -> Verdict {
        let Request { query, from, signed } = *request;
        // A request for a cookie only.
        let Some(question) = query.question else { return self.reply(request, out, |_| None) };
        match (question.qtype, from.transport) {
            (Type::AXFR | Type::IXFR, Transport::Tcp | Transport::Tls | Transport::Quic)
            | (Type::IXFR, Transport::Udp) => return Verdict::Transfer,
            // RFC 5936 §4.2; and a reply over HTTPS is one message.
            (Type::AXFR | Type::IXFR, _) => {
                return self.say(Rcode::REFUSED, Some(Why::NotSupported), request, out);
            }
            _ => {}
        }
        match question.qclass {
            Class::IN | Class::ANY => {}
            Class::CH => return self.reply(request, out, |reply| self.chaos(&question, reply)),
            _ => return self.say(Rcode::REFUSED, None, request, out),
        }
        let zones = self.zones.load();
        if self.is_for_others(request, &question) && matches!(best(&zones, &question), Best::Foreign) {
            return Verdict::Forward;
        }
        let dnssec = query.edns.is_some_and(|edns| edns.dnssec);
        let asker = Asker { policies: &self.policies, from, key: signed.name() };
        let asker = Some(asker).filter(|_| self.policies.restrict());
        let how = Answers { minimal: self.answering.minimal, dnssec, continued: false, asker };
        let (start, mut is_elsewhere) = (out.len(), false);
        let verdict = self.reply(request, out, |reply| {
            if self.policies.restrict() && !self.admits(&zones, &question, request) {
                reply.rcode = Rcode::REFUSED;
            } else {
                is_elsewhere = answer(&zones, question.name, question.qtype, how, reply).is_some();
            }
            match reply.rcode {
                Rcode::REFUSED => Some(self.why_refused(request)),
                Rcode::SERVFAIL => Some(Why::InvalidData),
                _ => None,
            }
        });
        if is_elsewhere && self.is_for_others(request, &question) {
            out.truncate(start);
            return Verdict::Forward;
        }
        verdict
    }

    /// Whether a question goes to others if no zone of ours is for it. Who wishes no recursion wants to know what we know
    /// ourselves.
    fn is_for_others(&self, request: &Request<'_>, question: &Question<'_>) -> bool {
        let Request { query, from, signed } = *request;
        self.recurses(request)
            && query.head.rd
            && question.qclass == Class::IN
            && self.policies.admits(None, from, signed.name())
            && self.policies.read(query, from).1.is_ok()
    }

    /// Whether this client is told what others know.
    fn recurses(&self, request: &Request<'_>) -> bool {
        let Request { from, signed, .. } = *request;
        let allowed = self.answering.recursion.as_ref();
        allowed.is_some_and(|allowed| allowed.admits(&Address::from(from.addr), signed.name()))
    }

    /// Why a question is refused: of a zone that is not for this client the same as of one that there is not, which nobody is
    /// to be told apart by.
    fn why_refused(&self, request: &Request<'_>) -> Why {
        let may_ask = self.policies.admits(None, request.from, request.signed.name());
        let may_ask = may_ask && !(request.query.head.rd && self.is_refused_recursion(request));
        if may_ask { Why::NotAuthoritative } else { Why::Prohibited }
    }

    fn is_refused_recursion(&self, request: &Request<'_>) -> bool {
        self.answering.recursion.is_some() && !self.recurses(request)
    }

    /// Whether this peer may ask this question.
    fn admits(&self, zones: &ZoneSet, question: &Question<'_>, request: &Request<'_>) -> bool {
        let zone = match best(zones, question) {
            Best::Zone(zone) => Some(zone.origin()),
            Best::Unavailable(origin) => Some(origin),
            Best::Foreign => None,
        };
        self.policies.admits(zone, request.from, request.signed.name())
    }

    /// What the server says of itself (RFC 4892).
    fn chaos(&self, question: &Question<'_>, reply: &mut Encoder<'_>) -> Option<Why> {
        let text = self.policies.chaos(question.name);
        match text.filter(|_| matches!(question.qtype, Type::TXT | Type::ANY)) {
            Some(text) => {
                reply.authoritative = true;
                reply.text(Class::CH, text.as_bytes());
                None
            }
            None => {
                reply.rcode = Rcode::REFUSED;
                text.is_none().then_some(Why::Prohibited)
            }
        }
    }

    /// A reply with the question and what `fill` adds, of the size that the client takes, and with EDNS if it has EDNS.
    fn reply<'b>(
        &self,
        request: &Request<'_>,
        out: &'b mut Vec<u8>,
        fill: impl FnOnce(&mut Encoder<'b>) -> Option<Why>,
    ) -> Verdict {
        let Request { query, from, signed } = *request;
        let size = match (from.transport, query.edns) {
            (Transport::Udp, Some(edns)) => edns.size.clamp(PLAIN, self.answering.udp_size.max(PLAIN)),
            (Transport::Udp, None) => PLAIN,
            _ => u16::MAX,
        };
        // In 512 octets there is room for any signature.
        let size = usize::from(size).saturating_sub(signed.length());
        let (asked, read) = self.policies.read(query, from);
        let mut reply = Encoder::new(out, &query.head, size);
        if let Some(question) = &query.question {
            reply.question(question);
        }
        reply.recursion = query.head.opcode == Opcode::QUERY && self.recurses(request);
        let empty = reply.size();
        let opt = query.edns.map(|edns| Opt { size: self.answering.udp_size, dnssec: edns.dnssec });
        reply.reserve(if opt.is_some() { Opt::LENGTH + self.policies.reserve(&asked) } else { 0 });
        let why = match read {
            Ok(()) => fill(&mut reply),
            Err(rcode) => {
                reply.rcode = rcode;
                None
            }
        };
        let counted = match signed.key() {
            // Who signs is who it says.
            Some(_) => Act::Send,
            None => self.policies.count(&asked, from, reply.rcode, reply.count(Part::Answer)),
        };
        match counted {
            Act::Send => {}
            Act::Slip => reply.cut(empty),
            Act::Drop => {
                reply.undo();
                return Verdict::Silence;
            }
        }
        if let Some(opt) = opt {
            let sizes = (reply.size() + Opt::LENGTH, size);
            reply.opt(opt, |out| self.policies.write(&asked, why, from, sizes, out));
        }
        reply.finish();
        Verdict::Reply
    }
}

/// The zone that a question is about.
fn best<'z>(zones: &'z ZoneSet, question: &Question<'_>) -> Best<'z> {
    zones.best(&Key::new(question.name), question.qtype == Type::DS)
}

/// A reply without anything but a header.
fn bare(head: &Head, rcode: Rcode, out: &mut Vec<u8>) -> Verdict {
    let mut reply = Encoder::new(out, head, PLAIN.into());
    reply.rcode = rcode;
    reply.finish();
    Verdict::Reply
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
