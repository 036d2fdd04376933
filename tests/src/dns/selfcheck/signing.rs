//! Faults about signed zones: in what is signed, and in what is denied.

use super::fault::Fault;
use crate::dns::rdata::{AXFR, DNSKEY, DS, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG};
use crate::dns::wire::{DO, Edns, Message, OPT, Record};

/// The query with the fault in it, where it has one.
pub(super) fn query(fault: Fault, query: &Message) -> Option<Message> {
    let mut made = query.clone();
    let asks = query.opt().is_some_and(|opt| opt.flags & DO != 0);
    match fault {
        Fault::AlwaysSigns if !asks => {
            let opt = query.opt().unwrap_or_else(|| Edns::of(1232));
            made.additional.retain(|record| record.kind != OPT);
            made.additional.insert(0, Edns { flags: opt.flags | DO, ..opt }.record());
        }
        Fault::DeniesAnother if asks => {
            let first = made.question.first_mut().and_then(|question| question.name.0.first_mut())?;
            match first.as_slice() {
                b"www" => *first = b"mail".to_vec(),
                b"nothing" => *first = b"zzz".to_vec(),
                _ => return None,
            }
        }
        _ => return None,
    }
    Some(made)
}

/// An answer with the fault in it.
pub(super) fn answer(fault: Fault, query: &Message, message: &mut Message) {
    let transfers = query.question.iter().any(|question| question.kind == AXFR);
    match fault {
        Fault::AlwaysSigns if query.opt().is_none() => message.additional.retain(|record| record.kind != OPT),
        Fault::DeniesAnother => message.question.clone_from(&query.question),
        Fault::NoSignatures => message.answer.retain(|record| record.kind != RRSIG),
        Fault::NoSignaturesBelow => message.authority.retain(|record| record.kind != RRSIG),
        Fault::NoSignaturesBeside => message.additional.retain(|record| record.kind != RRSIG),
        Fault::SignsAll if !transfers => {
            for section in [&mut message.answer, &mut message.authority, &mut message.additional] {
                sign_all(section);
            }
        }
        Fault::NoDs => message.authority.retain(|record| !is_of(record, &[DS])),
        Fault::NoDenial => {
            message.answer.retain(|record| !is_of(record, &[NSEC, NSEC3]));
            message.authority.retain(|record| !is_of(record, &[NSEC, NSEC3]));
        }
        Fault::OneDenial => {
            let mut denies = message.authority.iter().filter(|record| matches!(record.kind, NSEC | NSEC3));
            let Some(first) = denies.next().map(|record| record.name.clone()) else { return };
            message.authority.retain(|record| !is_of(record, &[NSEC, NSEC3]) || record.name == first);
        }
        Fault::DenialTwice => {
            let denies = message.authority.iter().find(|record| record.kind == NSEC).cloned();
            message.authority.extend(denies);
        }
        Fault::DenialFirst => message.authority.sort_by_key(|record| record.kind == NS),
        Fault::DenialTtl => {
            let denies = |record: &&mut Record| matches!(record.kind, NSEC | NSEC3);
            message.authority.iter_mut().filter(denies).for_each(|record| record.ttl -= 1);
        }
        _ => {
            let sections = [&mut message.answer, &mut message.authority, &mut message.additional];
            sections.into_iter().flatten().for_each(|record| data(fault, record));
        }
    }
}

/// Whether it is of one of these types, or signs one.
fn is_of(record: &Record, kinds: &[u16]) -> bool {
    let covered = |kind: &u16| record.kind == RRSIG && record.data.starts_with(&kind.to_be_bytes());
    kinds.contains(&record.kind) || kinds.iter().any(covered)
}

/// Puts a signature that is of something else beside what has none.
fn sign_all(section: &mut Vec<Record>) {
    let Some(other) = section.iter().find(|record| record.kind == RRSIG).cloned() else { return };
    let signed = |it: &Record| {
        section.iter().any(|by| by.name == it.name && by.kind == RRSIG && is_of(by, &[it.kind]))
    };
    let bare: Vec<_> = section.iter().filter(|it| !matches!(it.kind, RRSIG | OPT) && !signed(it)).collect();
    let sign = |it: &&Record| {
        let data = it.kind.to_be_bytes().into_iter().chain(other.data.iter().skip(2).copied()).collect();
        Record { name: it.name.clone(), data, ..other.clone() }
    };
    let made: Vec<_> = bare.iter().map(sign).collect();
    section.extend(made);
}

/// Faults within the data of one record (RFC 4034 §2.1, §3.1; RFC 5155 §4.2).
fn data(fault: Fault, record: &mut Record) {
    if fault == Fault::SignatureTtl && record.kind == RRSIG {
        record.ttl = record.ttl.saturating_sub(1);
    }
    let last = record.data.len().saturating_sub(1);
    let (kind, changes): (u16, &[(usize, u8)]) = match fault {
        Fault::OtherCovered => (RRSIG, &[(0, 1)]),
        Fault::OtherAlgorithm => (RRSIG, &[(2, 2)]),
        Fault::OtherLabels => (RRSIG, &[(3, 1)]),
        Fault::OtherOriginalTtl => (RRSIG, &[(7, 1)]),
        // Both times in one half of the range, whatever they were.
        Fault::Expired => (RRSIG, &[(8, 0x80), (12, 0x80)]),
        Fault::OtherTag => (RRSIG, &[(17, 1)]),
        // The second letter of the first label.
        Fault::OtherSigner => (RRSIG, &[(20, 1)]),
        Fault::BadSignature => (RRSIG, &[(last, 1)]),
        Fault::NoZoneKey => (DNSKEY, &[(0, 1)]),
        Fault::OtherParameters => (NSEC3PARAM, &[(1, 1), (3, 1)]),
        _ => return,
    };
    if record.kind == kind {
        for (at, bits) in changes {
            record.data.get_mut(*at).into_iter().for_each(|octet| *octet ^= bits);
        }
    }
}
