use ropewalk_core::Result;

use super::SigningKey;
use crate::wire::rdata::{NameUse, Piece, pieces};
use crate::wire::{Class, NameRef, Type};
use crate::zone::DraftSet;

/// From when to when signatures count, in seconds since 1970 (RFC 4034 §3.1.5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) inception: u32,
    pub(crate) expiration: u32,
}

/// The RDATA of the RRSIG over a set at `owner`, in the zone at `origin`.
///
/// # Errors
/// If the key does not sign.
pub(crate) fn rrsig(
    key: &SigningKey,
    origin: NameRef<'_>,
    owner: NameRef<'_>,
    set: &DraftSet<'_>,
    times: Times,
) -> Result<Vec<u8>> {
    let labels = owner.labels().count() - usize::from(owner.is_wildcard());
    let mut rdata = Vec::with_capacity(18 + origin.wire().len() + 64);
    rdata.extend(set.rtype.0.to_be_bytes());
    rdata.extend([key.algorithm().number(), labels as u8]);
    rdata.extend(set.ttl.to_be_bytes());
    rdata.extend(times.expiration.to_be_bytes());
    rdata.extend(times.inception.to_be_bytes());
    rdata.extend(key.tag().to_be_bytes());
    rdata.extend(origin.wire().iter().map(u8::to_ascii_lowercase));
    let mut signed = rdata.clone();
    canonical_set(owner, set, &mut signed);
    rdata.extend(key.sign(&signed)?.as_ref());
    Ok(rdata)
}

/// When a signature counts, by the RDATA of its RRSIG.
pub(crate) fn times(rrsig: &[u8]) -> Option<Times> {
    let [expiration, inception] = rrsig.get(8..16)?.as_chunks().0.try_into().ok()?;
    Some(Times { inception: u32::from_be_bytes(inception), expiration: u32::from_be_bytes(expiration) })
}

/// The records of a set in their canonical form and order (RFC 4034 §6.2, §6.3).
fn canonical_set(owner: NameRef<'_>, set: &DraftSet<'_>, out: &mut Vec<u8>) {
    let mut records: Vec<_> = set.rdata.iter().map(|rdata| canonical(set.rtype, rdata)).collect();
    records.sort_unstable();
    records.dedup();
    for rdata in records {
        out.extend(owner.wire().iter().map(u8::to_ascii_lowercase));
        out.extend(set.rtype.0.to_be_bytes());
        out.extend(Class::IN.0.to_be_bytes());
        out.extend(set.ttl.to_be_bytes());
        out.extend((rdata.len() as u16).to_be_bytes());
        out.extend(rdata);
    }
}

/// RDATA in its canonical form: names are in small letters in the types that RFC 4034 §6.2 lists.
fn canonical(rtype: Type, rdata: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rdata.len());
    for piece in pieces(rtype, rdata) {
        match piece {
            Piece::Octets(octets) => out.extend(octets),
            Piece::Name(name, usage) if usage == NameUse::Plain || rtype == Type::NSAP_PTR => {
                out.extend(name.wire());
            }
            Piece::Name(name, _) => out.extend(name.wire().iter().map(u8::to_ascii_lowercase)),
        }
    }
    out
}

#[cfg(test)]
#[path = "rrsig_tests.rs"]
mod tests;
