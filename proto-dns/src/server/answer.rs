use super::proof::{Claim, Proofs};
use super::{Peer, Policies};
use crate::wire::key::Key;
use crate::wire::name::MAX_NAME;
use crate::wire::{Encoder, NameBuf, NameRef, Owner, Part, Rcode, Rrset, Type};
use crate::zone::{Best, Found, Node, Zone, ZoneSet};

/// How often a question is asked again for another name.
const STEPS: usize = 8;
/// The sets that are remembered as written, so that none is written twice.
const WRITTEN: usize = 24;

/// How much an answer tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers<'a> {
    /// Only what is needed.
    pub(crate) minimal: bool,
    /// Signatures too.
    pub(crate) dnssec: bool,
    /// Whether somebody else goes on where an alias leads to a name that is in no zone.
    pub(crate) continued: bool,
    /// Who asks, where not everybody may ask about every zone: whether the question may be asked was seen already.
    pub(super) asker: Option<Asker<'a>>,
}

/// Who asks, and whom that is asked of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    pub(super) policies: &'a Policies,
    pub(super) from: &'a Peer,
    pub(super) key: Option<NameRef<'a>>,
}

/// Where an alias leads to a name that is in no zone.
#[derive(Debug)]
pub(crate) struct Elsewhere<'z> {
    /// That name.
    pub(crate) name: NameBuf,
    /// Of an answer that is to be continued, what belongs into its authority section.
    pub(crate) proofs: Proofs<'z>,
}

/// Answers the question for `qtype` at `name` from the zones (RFC 1034 §4.3.2): pure, without I/O or a clock.
///
/// An alias is followed within the zones, as far as who asks may ask about them, and the answer has the code of the last step (RFC 6604). If it leads to a name that is
/// in no zone, that comes back; where the answer is to be continued, nothing was written but the answer section then.
pub(crate) fn answer<'z>(
    zones: &'z ZoneSet,
    name: NameRef<'_>,
    qtype: Type,
    how: Answers<'_>,
    reply: &mut Encoder<'_>,
) -> Option<Elsewhere<'z>> {
    let key = Key::new(name);
    reply.point_to_question(&key);
    let of_parent = qtype == Type::DS;
    let zone = match zones.best(&key, of_parent) {
        Best::Zone(zone) => zone,
        Best::Unavailable(_) => {
            reply.rcode = Rcode::SERVFAIL;
            return None;
        }
        Best::Foreign => {
            reply.rcode = Rcode::REFUSED;
            return None;
        }
    };
    reply.authoritative = true;
    let mut answer =
        Answer { how, qtype, reply, written: [None; WRITTEN], count: 0, proofs: Proofs::default() };
    let mut next = NameBuf::new();
    let mut step = answer.step(zone, &key, true, &mut next);
    // Where we have been: by hash, as going round in a circle is all that must not happen.
    let mut seen = [key.whole().hash; STEPS];
    let mut elsewhere = None;
    for at in 0..STEPS {
        if step == Step::End {
            break;
        }
        let target = next.clone();
        let target = Key::new(target.view());
        let hash = target.whole().hash;
        if seen.contains(&hash) {
            break;
        }
        let zone = match zones.best(&target, of_parent) {
            // Who may change an alias could have read by it what they may not ask.
            Best::Zone(zone) if !how.may_see(zone) => break,
            Best::Zone(zone) => zone,
            Best::Unavailable(_) => break,
            Best::Foreign => {
                elsewhere = Some(next.clone());
                break;
            }
        };
        if let Some(place) = seen.get_mut(at) {
            *place = hash;
        }
        step = answer.step(zone, &target, false, &mut next);
    }
    let mut proofs = std::mem::take(&mut answer.proofs);
    if !(how.continued && elsewhere.is_some()) {
        std::mem::take(&mut proofs).write(answer.reply);
    }
    answer.additional();
    elsewhere.map(|name| Elsewhere { name, proofs })
}

impl Answers<'_> {
    /// Whether who asks may ask about this zone.
    fn may_see(&self, zone: &Zone) -> bool {
        let admits = |asker: Asker<'_>| asker.policies.admits(Some(zone.origin()), asker.from, asker.key);
        self.asker.is_none_or(admits)
    }
}

/// An answer that is being written.
struct Answer<'z, 'r, 'b> {
    how: Answers<'r>,
    qtype: Type,
    reply: &'r mut Encoder<'b>,
    /// The sets in it, the first of them, for what is to be added about them.
    written: [Option<Written<'z>>; WRITTEN],
    count: usize,
    proofs: Proofs<'z>,
}

/// A set that an answer has.
#[derive(Clone, Copy)]
struct Written<'z> {
    zone: &'z Zone,
    /// Its name; none if it was made up from a wildcard.
    node: Option<&'z Node>,
    set: Rrset<'z>,
    /// For the NS of a referral: the labels of the cut. What is below it can be found by this reply only.
    cut: Option<usize>,
}

/// What follows after a name was looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The answer has all that it will have.
    End,
    /// The question is asked again for another name.
    Alias,
}

impl<'z> Answer<'z, '_, '_> {
    /// Writes what `zone` has for a name; if that is an alias, `next` becomes what it stands for.
    fn step(&mut self, zone: &'z Zone, name: &Key<'_>, is_question: bool, next: &mut NameBuf) -> Step {
        let owner = if is_question { Owner::Question } else { Owner::Name(name, name.labels()) };
        match zone.find(name, self.qtype == Type::DS) {
            Found::Exact(node) => self.found(zone, node, Some(node), name, owner, next),
            Found::Wildcard(node) => self.found(zone, node, None, name, owner, next),
            Found::Cut(node, labels) => self.refer(zone, node, Owner::Name(name, labels), labels),
            Found::Redirect(node, labels) => self.redirect(zone, node, name, labels, owner, next),
            Found::Missing => {
                self.reply.rcode = Rcode::NXDOMAIN;
                self.negative(zone, name, Claim::Name)
            }
        }
    }

    /// The name exists, or a wildcard for it, `node`; `itself` if it is the former.
    fn found(
        &mut self,
        zone: &'z Zone,
        node: &'z Node,
        itself: Option<&'z Node>,
        name: &Key<'_>,
        owner: Owner<'_>,
        next: &mut NameBuf,
    ) -> Step {
        let set = match self.qtype {
            Type::ANY => any(node),
            qtype => node.set(qtype),
        };
        let written = |set| Written { zone, node: itself, set, cut: None };
        if let Some(set) = set {
            if self.write(Part::Answer, owner, written(set), node) {
                self.closer(zone, node, itself, name);
                self.name_servers(zone, name);
            }
            return Step::End;
        }
        let Some(set) = node.set(Type::CNAME) else {
            let claim = if itself.is_some() { Claim::Type } else { Claim::WildcardType(node) };
            return self.negative(zone, name, claim);
        };
        let target = set.rdata().next().and_then(|rdata| NameRef::from_wire(rdata).ok());
        match target {
            Some(target) if self.write(Part::Answer, owner, written(set), node) => next.set(target),
            _ => return Step::End,
        }
        self.closer(zone, node, itself, name);
        Step::Alias
    }

    /// Where a wildcard answers for a name: that this is not there itself (RFC 4035 §3.1.3.3).
    fn closer(&mut self, zone: &'z Zone, node: &'z Node, itself: Option<&'z Node>, name: &Key<'_>) {
        if itself.is_none() {
            self.deny(zone, name, Claim::Closer(node));
        }
    }

    /// The zone ends above the name: others answer for it.
    fn refer(&mut self, zone: &'z Zone, node: &'z Node, owner: Owner<'_>, labels: usize) -> Step {
        if self.reply.count(Part::Answer) == 0 {
            self.reply.authoritative = false;
        }
        if let Some(set) = node.set(Type::NS) {
            self.write(
                Part::Authority,
                owner,
                Written { zone, node: Some(node), set, cut: Some(labels) },
                node,
            );
        }
        match node.set(Type::DS).filter(|_| self.how.dnssec) {
            Some(set) => {
                self.write(Part::Authority, owner, Written { zone, node: Some(node), set, cut: None }, node);
            }
            None => self.deny(zone, &Key::new(node.name()), Claim::Type),
        }
        Step::End
    }

    /// A name above, of so many labels, has DNAME: the CNAME that it makes of this one is written for those who do not
    /// know DNAME (RFC 6672 §3.1).
    fn redirect(
        &mut self,
        zone: &'z Zone,
        node: &'z Node,
        name: &Key<'_>,
        labels: usize,
        owner: Owner<'_>,
        next: &mut NameBuf,
    ) -> Step {
        let Some(set) = node.set(Type::DNAME) else { return Step::End };
        let target = set.rdata().next().and_then(|rdata| NameRef::from_wire(rdata).ok());
        let written = Written { zone, node: Some(node), set, cut: None };
        if self.has(node, Type::DNAME) {
            // One that leads to below itself makes the name longer each time, and never ends.
            if target.is_some_and(|target| target.is_within(node.name())) {
                return Step::End;
            }
        } else if !self.write(Part::Answer, Owner::Name(name, labels), written, node) {
            return Step::End;
        }
        if !target.is_some_and(|target| join(next, name, labels, target)) {
            self.reply.rcode = Rcode::YXDOMAIN;
            return Step::End;
        }
        let wire = next.view().wire();
        let mut record = [0; 2 + MAX_NAME];
        let length = 2 + wire.len();
        let [_, low] = (wire.len() as u16).to_be_bytes();
        for (place, octet) in record.iter_mut().zip([0, low].iter().chain(wire)) {
            *place = *octet;
        }
        let made = Rrset::new(Type::CNAME, Type(0), set.ttl, record.get(..length).unwrap_or_default());
        if !self.reply.rrset(Part::Answer, owner, made) {
            self.reply.truncated = true;
            return Step::End;
        }
        if self.qtype == Type::CNAME { Step::End } else { Step::Alias }
    }

    /// The SOA record, which says for how long there is nothing (RFC 2308 §3).
    fn negative(&mut self, zone: &'z Zone, name: &Key<'_>, claim: Claim<'z>) -> Step {
        self.deny(zone, name, claim);
        if let Some(set) = zone.negative() {
            let written = Written { zone, node: Some(zone.apex()), set, cut: None };
            self.write(Part::Authority, Owner::Name(name, zone.labels()), written, zone.apex());
        }
        Step::End
    }

    /// The servers of the zone, beside an answer: if there is room.
    fn name_servers(&mut self, zone: &'z Zone, name: &Key<'_>) {
        let Some(set) = zone.apex().set(Type::NS) else { return };
        let owner = Owner::Name(name, zone.labels());
        if self.how.minimal || self.has(zone.apex(), Type::NS) {
            return;
        }
        let signatures = zone.apex().signatures(Type::NS).filter(|_| self.how.dnssec);
        // Without its signatures it is of no use to who asks for them.
        let room = signatures.map_or(0, octets);
        self.reply.reserve(room);
        let fits = self.reply.rrset(Part::Authority, owner, set);
        self.reply.release(room);
        if fits {
            let _fits = signatures.is_none_or(|set| self.reply.rrset(Part::Authority, owner, set));
            self.note(Written { zone, node: Some(zone.apex()), set, cut: None });
        }
    }

    fn deny(&mut self, zone: &'z Zone, name: &Key<'_>, claim: Claim<'z>) {
        if self.how.dnssec {
            self.proofs.deny(zone, name, claim);
        }
    }

    /// Writes a set that belongs to the answer; if it does not fit, the client is told.
    fn write(&mut self, part: Part, owner: Owner<'_>, written: Written<'z>, node: &'z Node) -> bool {
        let signatures = node.signatures(written.set.rtype).filter(|_| self.how.dnssec);
        let mut fits = self.reply.rrset(part, owner, written.set);
        if let Some(signatures) = signatures.filter(|_| fits) {
            // They count for as long as what they sign (RFC 4034 §3).
            let ttl = signatures.ttl.min(written.set.ttl);
            fits = self.reply.rrset(part, owner, signatures.with_ttl(ttl));
        }
        if fits {
            self.note(written);
        } else {
            self.reply.truncated = true;
        }
        fits
    }

    fn note(&mut self, written: Written<'z>) {
        if let Some(place) = self.written.get_mut(self.count) {
            *place = Some(written);
            self.count += 1;
        }
    }

    fn has(&self, node: &Node, rtype: Type) -> bool {
        let is = |written: &Written<'_>| {
            written.set.rtype == rtype
                && written.node.is_some_and(|other| other.identity() == node.identity())
        };
        self.written.iter().take(self.count).flatten().any(is)
    }

    /// The addresses of the names that the answer speaks of: first those that it is of no use without (RFC 9471 §3).
    fn additional(&mut self) {
        let count = self.count;
        for needed in [true, false] {
            for at in 0..count {
                let Some(written) = self.written.get(at).copied().flatten() else { continue };
                let Some(before) = before_name(written.set.rtype) else { continue };
                let is_extra = written.cut.is_none();
                if self.reply.truncated || is_extra && (needed || self.how.minimal) {
                    continue;
                }
                for rdata in written.set.rdata() {
                    let Ok((target, _)) = NameRef::split(rdata.get(before..).unwrap_or_default()) else {
                        continue;
                    };
                    if !self.addresses(&written, target, needed) {
                        break;
                    }
                }
            }
        }
    }

    /// Writes the addresses of a name, if it is as `needed` as that; whether there may be room for more.
    fn addresses(&mut self, of: &Written<'z>, target: NameRef<'_>, needed: bool) -> bool {
        let target = match (of.set.rtype, of.node) {
            // The service is at the owner itself (RFC 9460 §2.5.2).
            (Type::SVCB | Type::HTTPS, Some(node)) if target.is_root() => node.name(),
            _ => target,
        };
        if !target.is_within(of.zone.origin()) {
            return true;
        }
        let key = Key::new(target);
        let below = |labels| {
            let cut = of.node.map(Node::name).unwrap_or(NameRef::ROOT);
            key.suffix(labels).wire.eq_ignore_ascii_case(cut.wire())
        };
        if of.cut.is_some_and(below) != needed {
            return true;
        }
        let node = match of.set.rtype {
            Type::NS => of.zone.at(key.whole()),
            _ => match of.zone.find(&key, false) {
                Found::Exact(node) => Some(node),
                _ => None,
            },
        };
        let Some(node) = node else { return true };
        for set in [Type::A, Type::AAAA].into_iter().filter_map(|rtype| node.set(rtype)) {
            let owner = Owner::Name(&key, key.labels());
            if self.has(node, set.rtype) {
                continue;
            }
            if !self.reply.rrset(Part::Additional, owner, set) {
                self.reply.truncated |= needed;
                return false;
            }
            if let Some(signatures) = node.signatures(set.rtype).filter(|_| self.how.dnssec) {
                // Those of addresses may be missing.
                let _ = self.reply.rrset(Part::Additional, owner, signatures);
            }
            self.note(Written { zone: of.zone, node: Some(node), set, cut: None });
        }
        true
    }
}

/// One set is as much of all as must be told (RFC 8482 §4.1): one of those that somebody asks for.
fn any(node: &Node) -> Option<Rrset<'_>> {
    let mut sets = node.sets();
    sets.find(|set| !matches!(set.rtype, Type::RRSIG | Type::NSEC | Type::NSEC3))
        .or_else(|| node.sets().next())
}

/// The octets that a set takes whose name was written before.
fn octets(set: Rrset<'_>) -> usize {
    set.rdata().map(|rdata| 12 + rdata.len()).sum()
}

/// Where in RDATA the name is whose addresses are of use with it, if there is one.
fn before_name(rtype: Type) -> Option<usize> {
    match rtype {
        Type::NS => Some(0),
        Type::MX | Type::KX | Type::AFSDB | Type::SVCB | Type::HTTPS => Some(2),
        Type::SRV => Some(6),
        _ => None,
    }
}

/// Makes `next` the name with its last labels replaced by `target`; says if that is too long.
fn join(next: &mut NameBuf, name: &Key<'_>, labels: usize, target: NameRef<'_>) -> bool {
    *next = NameBuf::new();
    let kept = name.name().labels().take(name.labels() - labels);
    kept.map(|label| next.push(label)).all(|pushed| pushed.is_ok()) && next.finish(target).is_ok()
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
