use crate::wire::{HEADER, NameBuf, Raw};

/// Seconds for which an answer may be kept: the shortest lifetime of what it says, where SOA stands for what is not there
/// (RFC 8484 §5.1, RFC 2308 §5); 0 where it says nothing.
pub(super) fn max_age(message: &[u8]) -> u32 {
    shortest(message).unwrap_or(0)
}

fn shortest(message: &[u8]) -> Option<u32> {
    let count = |at: usize| Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?));
    let mut pos = HEADER;
    for _ in 0..count(4)? {
        NameBuf::new().read(message, &mut pos).ok()?;
        pos += 4;
    }
    let records = u32::from(count(6)?) + u32::from(count(8)?);
    let mut shortest = None;
    for _ in 0..records {
        let ttl = Raw::read(message, &mut pos)?.ttl;
        shortest = Some(shortest.map_or(ttl, |other: u32| other.min(ttl)));
    }
    shortest
}
