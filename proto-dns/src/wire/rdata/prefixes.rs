//! Lists of address prefixes (RFC 3123).

use super::RdataError;

/// How many octets at the start of `rest` are address prefixes: all, or it is an error.
pub(super) fn check(rest: &[u8]) -> Result<usize, RdataError> {
    let mut next = rest;
    while !next.is_empty() {
        let &[high, low, prefix, length, ref after @ ..] = next else { return Err(RdataError::Truncated) };
        let (address, after) =
            after.split_at_checked(usize::from(length & 0x7f)).ok_or(RdataError::Truncated)?;
        let (bits, octets) = match u16::from_be_bytes([high, low]) {
            1 => (32, 4),
            2 => (128, 16),
            _ => (255, 127),
        };
        if prefix > bits || address.len() > octets || address.last() == Some(&0) {
            return Err(RdataError::Value("an address prefix is too long, or ends in zeros"));
        }
        next = after;
    }
    Ok(rest.len())
}
