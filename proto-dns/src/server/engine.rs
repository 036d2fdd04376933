use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ropewalk_core::Address;

use super::Policies;
use super::answer::{Answers, answer};
use super::policy::Why;
use super::rrl::Act;
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
}

/// How an [`Engine`] answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answering {
    /// The largest reply over UDP, and what we tell clients that we take, in octets.
    pub udp_size: u16,
    /// Only what an answer needs: no NS records of the zone with a positive one, no addresses but glue.
    pub minimal: bool,
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

impl Default for Answering {
    fn default() -> Self {
        Self { udp_size: UNFRAGMENTED, minimal: false }
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
        let unknown_version = query.edns.is_some_and(|edns| edns.version > 0);
        match head.opcode {
            _ if unknown_version => self.say(Rcode::BADVERS, None, &query, from, out),
            Opcode::NOTIFY => Verdict::Notify,
            Opcode::UPDATE => Verdict::Update,
            _ => self.query(&query, from, out),
        }
    }

    /// Answers a request that is not done with this code, as for what a verdict names and nobody does.
    pub fn decline(&self, request: &[u8], rcode: Rcode, from: &Peer, out: &mut Vec<u8>) -> Verdict {
        let Some(head) = Head::read(request) else { return Verdict::Silence };
        match Query::read(head, request) {
            Ok(query) => self.say(rcode, Some(Why::NotSupported), &query, from, out),
            Err(rcode) => bare(&head, rcode, out),
        }
    }

    fn say(
        &self,
        rcode: Rcode,
        why: Option<Why>,
        query: &Query<'_>,
        from: &Peer,
        out: &mut Vec<u8>,
    ) -> Verdict {
        self.reply(query, from, out, |reply| {
            reply.rcode = rcode;
            why
        })
    }

    fn query(&self, query: &Query<'_>, from: &Peer, out: &mut Vec<u8>) -> Verdict {
        // A request for a cookie only.
        let Some(question) = query.question else { return self.reply(query, from, out, |_| None) };
        let qtype = match question.qtype {
            Type::AXFR | Type::IXFR if from.transport != Transport::Udp => return Verdict::Transfer,
            // RFC 5936 §4.2.
            Type::AXFR => return self.say(Rcode::REFUSED, Some(Why::NotSupported), query, from, out),
            // "Ask again over TCP" is the SOA alone (RFC 1995 §2).
            Type::IXFR => Type::SOA,
            qtype => qtype,
        };
        match question.qclass {
            Class::IN | Class::ANY => {}
            Class::CH => return self.reply(query, from, out, |reply| self.chaos(&question, reply)),
            _ => return self.say(Rcode::REFUSED, None, query, from, out),
        }
        let dnssec = query.edns.is_some_and(|edns| edns.dnssec);
        let minimal = self.answering.minimal || question.qtype == Type::IXFR;
        let how = Answers { minimal, dnssec };
        self.reply(query, from, out, |reply| {
            let zones = self.zones.load();
            if self.policies.restrict() && !self.admits(&zones, &question, from) {
                reply.rcode = Rcode::REFUSED;
                return Some(Why::Prohibited);
            }
            answer(&zones, question.name, qtype, how, reply);
            (reply.rcode == Rcode::REFUSED).then_some(Why::NotAuthoritative)
        })
    }

    /// Whether this peer may ask this question.
    fn admits(&self, zones: &ZoneSet, question: &Question<'_>, from: &Peer) -> bool {
        let zone = match zones.best(&Key::new(question.name), question.qtype == Type::DS) {
            Best::Zone(zone) => Some(zone.origin()),
            Best::Unavailable | Best::Foreign => None,
        };
        self.policies.admits(zone, from)
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
        query: &Query<'_>,
        from: &Peer,
        out: &'b mut Vec<u8>,
        fill: impl FnOnce(&mut Encoder<'b>) -> Option<Why>,
    ) -> Verdict {
        let size = match (from.transport, query.edns) {
            (Transport::Udp, Some(edns)) => edns.size.clamp(PLAIN, self.answering.udp_size.max(PLAIN)),
            (Transport::Udp, None) => PLAIN,
            _ => u16::MAX,
        };
        let (asked, read) = self.policies.read(query, from);
        let mut reply = Encoder::new(out, &query.head, size.into());
        if let Some(question) = &query.question {
            reply.question(question);
        }
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
        match self.policies.count(&asked, from, reply.rcode, reply.count(Part::Answer)) {
            Act::Send => {}
            Act::Slip => reply.cut(empty),
            Act::Drop => {
                reply.undo();
                return Verdict::Silence;
            }
        }
        if let Some(opt) = opt {
            let sizes = (reply.size() + Opt::LENGTH, usize::from(size));
            reply.opt(opt, |out| self.policies.write(&asked, why, from, sizes, out));
        }
        reply.finish();
        Verdict::Reply
    }
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
