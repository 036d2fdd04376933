use std::collections::HashMap;

use crate::wire::{Class, Message, Name, NameRef, Rcode, Rrset, Type};
use crate::zone::Record;

/// Aliases that are followed.
const HOPS: usize = 16;
/// The longest that anything is kept, in seconds.
const LONGEST: u32 = 24 * 60 * 60;
/// The longest that it is kept that there is nothing (RFC 2308 §5).
const NOTHING: u32 = 60 * 60;
/// How long it is kept that nobody could say (RFC 9520 §3.2).
const FAILURE: u32 = 1;

/// What came of a question, without what does not belong to it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) rcode: Rcode,
    pub(super) answer: Vec<Set>,
    pub(super) authority: Vec<Set>,
    /// How long it counts, in seconds.
    pub(super) life: u32,
}

/// An RRset with its owner.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) name: Name,
    rtype: Type,
    covers: Type,
    ttl: u32,
    records: Vec<u8>,
}

impl Outcome {
    /// That nobody could say.
    pub(super) fn failure() -> Self {
        Self { rcode: Rcode::SERVFAIL, answer: Vec::new(), authority: Vec::new(), life: FAILURE }
    }

    /// What a reply says of this name and type: the records of the name and of those that it is an alias of, and for what there
    /// is not, the SOA of its zone. With `dnssec`, also what proves that. All else is nobody's question here.
    pub(super) fn of(message: &Message, name: NameRef<'_>, qtype: Type, dnssec: bool) -> Self {
        // What is kept has no class of its own.
        let is_in = |record: &&Record| record.class == Class::IN;
        let (answer, end) =
            answer(&message.answer.iter().filter(is_in).collect::<Vec<_>>(), name, qtype, dnssec);
        let found = answer
            .iter()
            .any(|set| set.name.view() == end.view() && (set.rtype == qtype || qtype == Type::ANY));
        let is_of_zone = |record: &&Record| match record.rtype {
            Type::SOA => end.view().is_within(record.name.view()),
            Type::NSEC | Type::NSEC3 | Type::RRSIG | Type::DS => dnssec,
            _ => false,
        };
        let mut authority = sets(message.authority.iter().filter(is_in).filter(is_of_zone));
        let mut life = answer.iter().chain(&authority).map(|set| set.ttl).min().unwrap_or_default();
        if !found || message.rcode != Rcode::NOERROR {
            let negative = authority.iter_mut().find(|set| set.rtype == Type::SOA).map(Set::limit_negative);
            // RFC 2308 §5: without an SOA it is not kept.
            life = life.min(negative.unwrap_or_default());
        }
        Self { rcode: message.rcode, answer, authority, life }
    }

    /// About the octets that it takes.
    pub(super) fn octets(&self) -> usize {
        let sets = self.answer.iter().chain(&self.authority);
        sets.map(|set| size_of::<Set>() + set.name.wire().len() + set.records.capacity()).sum()
    }
}

/// The sets of the name and of its aliases, and the last name.
fn answer(records: &[&Record], name: NameRef<'_>, qtype: Type, dnssec: bool) -> (Vec<Set>, Name) {
    let mut kept: Vec<&Record> = Vec::new();
    let mut at = name.to_name();
    let mut seen = vec![at.clone()];
    for _ in 0..HOPS {
        let here = records.iter().copied().filter(|record| {
            let rtype = if record.rtype == Type::RRSIG && dnssec { covers(record) } else { record.rtype };
            if record.name == at {
                rtype == qtype || record.rtype == qtype || rtype == Type::CNAME || qtype == Type::ANY
            } else {
                rtype == Type::DNAME && at.view().is_within(record.name.view())
            }
        });
        kept.extend(here);
        let alias = records.iter().find(|record| record.rtype == Type::CNAME && record.name == at);
        let target = match alias.filter(|_| !matches!(qtype, Type::CNAME | Type::ANY)) {
            Some(alias) => NameRef::from_wire(&alias.rdata).ok().map(NameRef::to_name),
            None => None,
        };
        match target {
            Some(target) if !seen.contains(&target) => {
                seen.push(target.clone());
                at = target;
            }
            _ => break,
        }
    }
    (sets(kept), at)
}

/// What an RRSIG is of.
fn covers(record: &Record) -> Type {
    record.rdata.first_chunk().map_or(Type(0), |octets| Type(u16::from_be_bytes(*octets)))
}

/// Records as sets, in the order of the first of each. The lifetime of a set is its shortest (RFC 2181 §5.2).
fn sets<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    let mut places = HashMap::new();
    for record in records {
        let covers = if record.rtype == Type::RRSIG { covers(record) } else { Type(0) };
        let place = *places.entry((&record.name, record.rtype, covers)).or_insert(sets.len());
        // RFC 2181 §8: what has the highest bit set is 0.
        let ttl = if record.ttl > i32::MAX as u32 { 0 } else { record.ttl.min(LONGEST) };
        if place == sets.len() {
            let (name, rtype) = (record.name.clone(), record.rtype);
            sets.push(Set { name, rtype, covers, ttl, records: Vec::new() });
        }
        if let Some(set) = sets.get_mut(place) {
            set.ttl = set.ttl.min(ttl);
            set.records.extend((record.rdata.len() as u16).to_be_bytes());
            set.records.extend_from_slice(&record.rdata);
        }
    }
    sets
}

impl Set {
    /// What it is after so many seconds.
    pub(super) fn aged(&self, age: u32) -> Rrset<'_> {
        Rrset::new(self.rtype, self.covers, self.ttl.saturating_sub(age), &self.records)
    }

    /// Of an SOA: makes it last no longer than that there is nothing does, and says how long that is.
    fn limit_negative(&mut self) -> u32 {
        let minimum = self.records.last_chunk().map_or(0, |octets| u32::from_be_bytes(*octets));
        self.ttl = self.ttl.min(minimum).min(NOTHING);
        self.ttl
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Asked, Flags};
    use crate::zone::testing::records;

    /// What is kept of these records, and for how long.
    fn kept(question: &str, rcode: Rcode, answer: &str, authority: &str) -> (Vec<String>, u32) {
        let (name, qtype) = question.split_once(' ').unwrap();
        let asked = Asked { name: name.parse().unwrap(), qtype: qtype.parse().unwrap(), qclass: Class::IN };
        let mut octets = vec![0, 0, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        asked.write(&mut octets);
        let mut message = Message::read(&octets).unwrap();
        assert_eq!(message.flags, Flags::QR);
        message.rcode = rcode;
        message.answer = records(answer);
        message.authority = records(authority);
        let outcome = Outcome::of(&message, asked.name.view(), asked.qtype, false);
        let names = outcome.answer.iter().chain(&outcome.authority);
        (names.map(|set| format!("{}{} {}", set.name, set.rtype, set.ttl)).collect(), outcome.life)
    }

    const SOA: &str = "example. 900 IN SOA ns.example. h.example. 1 2 3 4 300\n";

    #[test]
    fn only_what_was_asked_for_is_kept() {
        let answer = "a.example. 60 IN CNAME b.example.\nb.example. 50 IN A 192.0.2.1\nb.example. 40 IN A 192.0.2.2\n\
                      bank.example. 60 IN A 192.0.2.66\nb.example. 60 IN TXT x\n";
        let authority = "example. 9 IN NS ns.example.\n";
        assert_eq!(
            kept("a.example A", Rcode::NOERROR, answer, authority),
            (vec!["a.example.CNAME 60".into(), "b.example.A 40".into()], 40)
        );
        assert_eq!(kept("c.example A", Rcode::NOERROR, answer, authority), (vec![], 0));
    }

    #[test]
    fn what_is_of_another_class_is_of_another_question() {
        let mut octets = vec![0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        octets.extend_from_slice(b"\x01a\0\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01");
        let name: Name = "a".parse().unwrap();
        let sets = |octets: &[u8]| {
            Outcome::of(&Message::read(octets).unwrap(), name.view(), Type::A, false).answer.len()
        };
        assert_eq!(sets(&octets), 1);
        octets[12 + 3 + 3] = 3;
        assert_eq!(sets(&octets), 0);
    }

    #[test]
    fn signatures_that_are_asked_for_are_kept() {
        let (name, text) = (
            "a.".parse::<Name>().unwrap(),
            "a. 60 IN RRSIG A 13 1 60 20300101000000 20200101000000 1 a. AAAA",
        );
        let mut message = Message::read(&[0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        message.answer = records(text);
        for (qtype, dnssec, kept) in
            [(Type::RRSIG, true, 1), (Type::RRSIG, false, 1), (Type::A, true, 1), (Type::A, false, 0)]
        {
            let outcome = Outcome::of(&message, name.view(), qtype, dnssec);
            assert_eq!(outcome.answer.len(), kept, "{qtype} {dnssec}");
        }
    }

    #[test]
    fn that_there_is_nothing_is_kept_as_long_as_the_soa_says() {
        for rcode in [Rcode::NXDOMAIN, Rcode::NOERROR] {
            assert_eq!(kept("a.example A", rcode, "", SOA), (vec!["example.SOA 300".into()], 300));
        }
        let days = "example. 900000 IN SOA ns.example. h.example. 1 2 3 4 900000\n";
        assert_eq!(kept("a.example A", Rcode::NXDOMAIN, "", days).1, NOTHING);
        assert_eq!(kept("a.example A", Rcode::NXDOMAIN, "", ""), (vec![], 0));
        // The SOA of somebody else.
        assert_eq!(kept("a.other A", Rcode::NXDOMAIN, "", SOA), (vec![], 0));
        // An alias of what is not.
        let alias = "a.other. 60 IN CNAME b.example.\n";
        assert_eq!(kept("a.other A", Rcode::NXDOMAIN, alias, SOA).1, 60);
    }

    #[test]
    fn what_is_never_kept() {
        assert_eq!(kept("a.example A", Rcode::NOERROR, "a.example. 0 IN A 192.0.2.1\n", "").1, 0);
        assert_eq!(kept("a.example A", Rcode::NOERROR, "a.example. 900000 IN A 192.0.2.1\n", "").1, LONGEST);
    }

    #[test]
    fn aliases_in_a_circle_end() {
        let circle = "a.example. 60 IN CNAME b.example.\nb.example. 60 IN CNAME a.example.\n";
        assert_eq!(kept("a.example A", Rcode::NOERROR, circle, "").0.len(), 2);
    }

    #[test]
    fn a_dname_is_kept_with_what_it_makes() {
        let answer = "old.example. 60 IN DNAME new.example.\na.old.example. 60 IN CNAME a.new.example.\n\
                      a.new.example. 60 IN A 192.0.2.1\n";
        assert_eq!(kept("a.old.example A", Rcode::NOERROR, answer, "").0.len(), 3);
    }
}
