//! What an answer is to be, in words: a code and flags, then a line for each record that a section has.
//!
//! The answer section is exactly what is listed, and so is the authority section where the answer is negative or a
//! referral; a positive answer may have the NS records of the zone there. Additional records are to be there where they are
//! listed; others may be, as long as the zone has them.

use std::sync::LazyLock;

use super::client::{ask_both, is_same_set};
use super::wire::{AA, Message, Name, RA, Record, TC};
use super::{fixture, name, rdata, text};
use crate::case::{Verdict, check};
use crate::{Broken, Outcome, Peer};

/// A zone of the suite, read.
pub(super) struct Zone {
    pub(super) apex: Name,
    pub(super) records: Vec<Record>,
}

/// The zones of the suite, without signatures. One that cannot be read is missing, which its cases show.
pub(super) static ZONES: LazyLock<Vec<Zone>> = LazyLock::new(|| {
    let read = |zone: fixture::Zone| text::zone(&zone.text).ok();
    fixture::plain()
        .into_iter()
        .chain(fixture::sources())
        .filter_map(read)
        .map(|(apex, records)| Zone { apex, records })
        .collect()
});

/// What an answer is to be.
struct Want {
    rcode: String,
    authoritative: bool,
    answer: Vec<Record>,
    authority: Vec<Record>,
    additional: Vec<Record>,
    no_additional: bool,
}

/// The SOA record of a zone as negative answers have it: RFC 2308 §3, with the lesser of its TTL and its last number.
pub(super) fn negative_soa(apex: &str) -> Result<Record, Broken> {
    let apex = name(apex)?;
    let zone = ZONES.iter().find(|zone| zone.apex == apex);
    let soa = zone.and_then(|zone| zone.records.iter().find(|record| record.kind == rdata::SOA)).cloned();
    let mut soa = soa.ok_or_else(|| Broken::new("a zone of the suite", apex.to_string()))?;
    let minimum = rdata::soa(&soa.data).map_or(0, |[.., minimum]| minimum);
    soa.ttl = soa.ttl.min(minimum);
    Ok(soa)
}

impl Want {
    /// Names are below the origin, unless a dot ends them.
    fn read(wanted: &str, origin: &Name) -> Result<Self, Broken> {
        let mut lines = wanted.lines().map(str::trim);
        let mut first = lines.next().unwrap_or_default().split(' ');
        let mut want = Self {
            rcode: first.next().unwrap_or_default().into(),
            authoritative: first.next() == Some("aa"),
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            no_additional: false,
        };
        for line in lines {
            let (section, rest) = line.split_once(' ').unwrap_or((line, ""));
            let record = || {
                text::record(rest, origin, 3600).map_err(|why| Broken::new("a case that can be read", why))
            };
            match section {
                "answer" => want.answer.push(record()?),
                "authority" => want.authority.push(record()?),
                "additional" => want.additional.push(record()?),
                "no-additional" => want.no_additional = true,
                "soa" => {
                    let apex = if rest.is_empty() { origin.to_string() } else { rest.into() };
                    want.authority.push(negative_soa(&apex)?);
                }
                _ => return Err(Broken::new("a case that can be read", line)),
            }
        }
        Ok(want)
    }

    fn judge(&self, wanted: &str, answer: &Message) -> Verdict {
        let wrong = |what: &str| {
            Err(Broken::new(
                format!("{what} of: {}", wanted.split('\n').map(str::trim).collect::<Vec<_>>().join("; ")),
                answer.to_string(),
            ))
        };
        if text::rcode(answer.rcode()) != self.rcode {
            return wrong("the code");
        }
        if answer.has(AA) != self.authoritative {
            return wrong("the flag aa");
        }
        if answer.has(TC)
            || answer.has(RA) && self.authoritative && self.answer.is_empty() && self.rcode == "REFUSED"
        {
            return wrong("no flag tc");
        }
        if !is_same_set(&answer.answer, &self.answer) {
            return wrong("the answer section");
        }
        let apex_ns = |record: &Record| record.kind == rdata::NS && is_in_zones(record);
        let positive = self.authoritative && self.authority.is_empty() && !self.answer.is_empty();
        let well = if positive {
            answer.authority.iter().all(apex_ns)
        } else {
            is_same_set(&answer.authority, &self.authority)
        };
        if !well {
            return wrong("the authority section");
        }
        let extra: Vec<_> = answer.extra().collect();
        if !self.additional.iter().all(|record| extra.contains(&record)) {
            return wrong("the additional section");
        }
        if !extra.iter().all(|record| is_in_zones(record)) || self.no_additional && !extra.is_empty() {
            return wrong("no other additional records than those");
        }
        Ok(Outcome::Pass)
    }
}

/// Whether a zone of the suite has this record, with this TTL.
pub(super) fn is_in_zones(record: &Record) -> bool {
    ZONES.iter().any(|zone| zone.records.contains(record))
}

/// Asks `name type`, by UDP and by TCP, and compares the answer.
pub(super) async fn answers(peer: &mut Peer, asked: &str, wanted: &str) -> Verdict {
    let want = Want::read(wanted, &name("rope.test.")?)?;
    let answer = ask_both(peer, &super::query(asked)?).await?;
    want.judge(wanted, &answer)
}

/// Compares an answer that a case has got in its own way.
pub(super) fn is(answer: &Message, wanted: &str) -> Verdict {
    is_in(&name("rope.test.")?, answer, wanted)
}

/// [`is`], with names below this one.
pub(super) fn is_in(origin: &Name, answer: &Message, wanted: &str) -> Verdict {
    Want::read(wanted, origin)?.judge(wanted, answer)
}

/// Chains that do not end are cut off after a few records.
pub(super) async fn is_bounded(peer: &mut Peer, asked: &str, first: &str) -> Verdict {
    let answer = ask_both(peer, &super::query(asked)?).await?;
    let origin = name("rope.test.")?;
    let first =
        text::record(first, &origin, 3600).map_err(|why| Broken::new("a case that can be read", why))?;
    let code = text::rcode(answer.rcode());
    let well = match code.as_str() {
        "NOERROR" | "YXDOMAIN" => answer.answer.contains(&first) && answer.answer.len() <= 300,
        "SERVFAIL" => true,
        _ => false,
    };
    check(well, "NOERROR or YXDOMAIN with the first records of the chain, or SERVFAIL", &answer)
}

/// Declares cases of one question each: `"name type" => "what comes"`.
macro_rules! answer_cases {
    ($(
        $(#[doc = $demand:literal])+
        $level:ident $id:literal: $asked:literal => $wanted:literal
    )*) => {
        $crate::case::cases! {
            $(
                $(#[doc = $demand])+
                $level $id [Fixture] = async |peer| { $crate::dns::expect::answers(peer, $asked, $wanted).await }
            )*
        }
    };
}
pub(super) use answer_cases;
