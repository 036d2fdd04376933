//! What a signed zone answers: the same as without signatures, every RRset of it verified, and what it denies.

use super::denial::Denial;
use super::signature::{Key, Rrsig};
use crate::case::{Verdict, check};
use crate::dns::client::{Over, ask, ask_both};
use crate::dns::expect::{self, ZONES};
use crate::dns::rdata::{self, CNAME, DNAME, DNSKEY, DS, NS, NSEC, NSEC3, RRSIG};
use crate::dns::text;
use crate::dns::wire::{DO, Edns, Message, Name, Question, Record};
use crate::{Broken, Outcome, Peer};

/// The zones of the suite that are signed, by what they deny with.
pub(super) const BY_NSEC: &str = "nsec.test.";
pub(super) const BY_NSEC3: &str = "nsec3.test.";
pub(super) const BOTH: [&str; 2] = [BY_NSEC, BY_NSEC3];

/// A zone and its keys, as the server says them.
pub(super) struct Signed {
    pub(super) apex: Name,
    pub(super) keys: Vec<Key>,
}

/// The query of `name type`, the name below the zone's unless a dot ends it, by a client that has room for this much.
pub(super) fn query(zone: &str, asked: &str, edns: Option<&Edns>) -> Result<Message, Broken> {
    let apex = crate::dns::name(zone)?;
    let (owner, kind) = asked.rsplit_once(' ').ok_or_else(|| Broken::new("a name and a type", asked))?;
    let kind = rdata::kind(kind).ok_or_else(|| Broken::new("a type", kind))?;
    let owner = text::name(owner, &apex).map_err(|why| Broken::new("a name", why))?;
    let query = Message::query(owner, kind);
    Ok(if let Some(edns) = edns { query.edns(edns) } else { query })
}

/// What asks for signatures.
pub(super) fn asking(size: u16) -> Edns {
    Edns { flags: DO, ..Edns::of(size) }
}

impl Signed {
    /// Gets the keys, by TCP.
    pub(super) async fn open(peer: &mut Peer, zone: &str) -> Result<Self, Broken> {
        let answer = ask(peer, Over::Tcp, &query(zone, "@ DNSKEY", Some(&asking(1232)))?).await?;
        let unreadable = |why| Broken::new("a key that can be read", format!("{why}: {answer}"));
        let of_zone = answer.answer.iter().filter(|record| record.kind == DNSKEY);
        let keys = of_zone.map(|record| Key::read(&record.data)).collect::<Result<Vec<_>, _>>();
        let zone = Self { apex: crate::dns::name(zone)?, keys: keys.map_err(unreadable)? };
        check(!zone.keys.is_empty(), format!("the keys of {}", zone.apex), &answer)?;
        Ok(zone)
    }

    /// Asks for `name type` and signatures, by UDP and by TCP; gives what has come by TCP, verified.
    pub(super) async fn ask(&self, peer: &mut Peer, asked: &str) -> Result<Message, Broken> {
        let answer = ask_both(peer, &query(&self.apex.to_string(), asked, Some(&asking(1232)))?).await?;
        self.verify(&answer)?;
        Ok(answer)
    }

    /// Sees that an answer is as `wanted`, but for what signing has added.
    pub(super) fn is(&self, answer: &Message, wanted: &str) -> Verdict {
        let mut bare = answer.clone();
        for section in [&mut bare.answer, &mut bare.authority, &mut bare.additional] {
            section.retain(|record| !matches!(record.kind, RRSIG | NSEC | NSEC3));
        }
        expect::is_in(&self.apex, &bare, wanted)
    }

    /// What the authority section denies.
    pub(super) fn denial(&self, answer: &Message) -> Result<Denial, Broken> {
        Denial::read(&self.apex, &answer.authority)
    }

    /// Every RRset of the zone is signed, in the section where it is, and what is not the zone's is not.
    pub(super) fn verify(&self, answer: &Message) -> Verdict {
        let extra: Vec<_> = answer.extra().cloned().collect();
        for section in [&answer.answer, &answer.authority, &extra] {
            self.verify_all(section, answer.question.first())?;
        }
        Ok(Outcome::Pass)
    }

    /// The same for records that are together. Signatures that were asked for by their type may be alone.
    pub(super) fn verify_all(&self, records: &[Record], question: Option<&Question>) -> Verdict {
        let mut sets: Vec<Vec<&Record>> = Vec::new();
        let mut signatures = Vec::new();
        for record in records.iter().filter(|record| record.name.is_under(&self.apex)) {
            if record.kind == RRSIG {
                signatures.push((record, read(record)?));
                continue;
            }
            let is_its = |set: &&mut Vec<&Record>| {
                set.first().is_some_and(|first| (&first.name, first.kind) == (&record.name, record.kind))
            };
            match sets.iter_mut().find(is_its) {
                Some(set) => set.push(record),
                None => sets.push(vec![record]),
            }
        }
        for set in &sets {
            let Some(first) = set.first() else { continue };
            let what = format!("{} {}", first.name, rdata::mnemonic(first.kind));
            let its = signatures
                .iter()
                .filter(|(record, signature)| record.name == first.name && signature.covered == first.kind);
            let its: Vec<_> = its.collect();
            let signed = self.is_own(first) && !is_synthesized(first, records);
            check(signed != its.is_empty(), if signed { "a signature" } else { "no signature" }, &what)?;
            for (_, signature) in its {
                let verified = signature.verify(&self.apex, set, &self.keys);
                verified.map_err(|why| Broken::new(format!("a signature of {what}"), why))?;
            }
        }
        let is_asked = question.is_some_and(|question| question.kind == RRSIG);
        let alone = signatures.iter().find(|(record, signature)| {
            let covers = |first: &&&Record| first.name == record.name && first.kind == signature.covered;
            !sets.iter().filter_map(|set| set.first()).any(|first| covers(&first))
        });
        check(
            is_asked || alone.is_none(),
            "signatures of what is there",
            format!("{:?}", alone.map(|it| it.0)),
        )
    }

    /// Whether this zone is the authority for a record: at a delegation for DS and NSEC alone, and below it for nothing.
    pub(super) fn is_own(&self, record: &Record) -> bool {
        let zone = ZONES.iter().find(|zone| zone.apex == self.apex);
        let mut records = zone.into_iter().flat_map(|zone| &zone.records);
        !records.any(|cut| {
            let at = cut.kind == NS && cut.name != self.apex && record.name.is_under(&cut.name);
            at && !(record.name == cut.name && matches!(record.kind, DS | NSEC))
        })
    }
}

/// RFC 6672 §5.3.1: whether it is an alias that was made from a DNAME record beside it.
fn is_synthesized(record: &Record, beside: &[Record]) -> bool {
    let makes = |it: &Record| it.kind == DNAME && record.name != it.name && record.name.is_under(&it.name);
    record.kind == CNAME && beside.iter().any(makes)
}

/// What an RRSIG record says.
pub(super) fn read(record: &Record) -> Result<Rrsig, Broken> {
    Rrsig::read(&record.data)
        .map_err(|why| Broken::new("a signature that can be read", format!("{why}: {record}")))
}

/// The signatures of an answer, each with its record.
pub(super) fn signatures(answer: &Message) -> Result<Vec<(Record, Rrsig)>, Broken> {
    let all = answer.answer.iter().chain(&answer.authority).chain(&answer.additional);
    all.filter(|record| record.kind == RRSIG).map(|record| Ok((record.clone(), read(record)?))).collect()
}

/// Whether there is anything that only who asks for signatures gets.
pub(super) fn is_bare(answer: &Message) -> Verdict {
    let mut all = answer.answer.iter().chain(&answer.authority).chain(&answer.additional);
    check(!all.any(|record| matches!(record.kind, RRSIG | NSEC | NSEC3)), "no RRSIG, NSEC and NSEC3", answer)
}

/// Asks for something in a zone, sees that the answer is as wanted and verified, and gives what it denies.
pub(super) async fn denied(peer: &mut Peer, zone: &str, asked: &str, wanted: &str) -> Result<Denial, Broken> {
    let zone = Signed::open(peer, zone).await?;
    let answer = zone.ask(peer, asked).await?;
    zone.is(&answer, wanted)?;
    zone.denial(&answer)
}

/// Asks the same of both zones, and sees that the answer is as wanted and verified.
pub(super) async fn answered(peer: &mut Peer, asked: &str, wanted: &str) -> Verdict {
    for zone in BOTH {
        let zone = Signed::open(peer, zone).await?;
        let answer = zone.ask(peer, asked).await?;
        zone.is(&answer, wanted)?;
    }
    Ok(Outcome::Pass)
}
