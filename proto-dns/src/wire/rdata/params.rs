//! Service parameters (RFC 9460).

use super::RdataError;

/// Keys whose values have a form (RFC 9460 §14.3.2).
pub(super) mod key {
    pub(in super::super) const MANDATORY: u16 = 0;
    pub(in super::super) const ALPN: u16 = 1;
    pub(in super::super) const NO_DEFAULT_ALPN: u16 = 2;
    pub(in super::super) const PORT: u16 = 3;
    pub(in super::super) const IPV4HINT: u16 = 4;
    pub(in super::super) const ECH: u16 = 5;
    pub(in super::super) const IPV6HINT: u16 = 6;
}

/// How many octets at the start of `rest` are service parameters: all, or it is an error.
pub(super) fn check(rest: &[u8]) -> Result<usize, RdataError> {
    let mut last = None;
    for param in params(rest) {
        let (key, value) = param?;
        if last >= Some(key) {
            return Err(RdataError::Value("service parameters are not in the order of their keys"));
        }
        last = Some(key);
        value_of(key, value)?;
        if key == key::MANDATORY && !mandatory(value, rest) {
            return Err(RdataError::Value("a mandatory parameter is absent"));
        }
    }
    Ok(rest.len())
}

/// The keys and values, until the end or an error.
pub(super) fn params(rest: &[u8]) -> impl Iterator<Item = Result<(u16, &[u8]), RdataError>> {
    let mut next = rest;
    std::iter::from_fn(move || {
        if next.is_empty() {
            return None;
        }
        let param = split(next);
        next = param.as_ref().map_or(&[][..], |&(_, _, after)| after);
        Some(param.map(|(key, value, _)| (key, value)))
    })
}

fn split(next: &[u8]) -> Result<(u16, &[u8], &[u8]), RdataError> {
    let &[a, b, c, d, ref after @ ..] = next else { return Err(RdataError::Truncated) };
    let length = usize::from(u16::from_be_bytes([c, d]));
    let (value, after) = after.split_at_checked(length).ok_or(RdataError::Truncated)?;
    Ok((u16::from_be_bytes([a, b]), value, after))
}

/// Whether the value is of the form of its key (RFC 9460 §7, §8).
fn value_of(key: u16, value: &[u8]) -> Result<(), RdataError> {
    let good = match key {
        key::MANDATORY => {
            let (keys, odd) = value.as_chunks::<2>();
            odd.is_empty()
                && !keys.is_empty()
                && keys.is_sorted_by(|a, b| a < b)
                && keys.first() != Some(&[0, 0])
        }
        key::ALPN => protocols(value),
        key::NO_DEFAULT_ALPN => value.is_empty(),
        key::PORT => value.len() == 2,
        key::IPV4HINT => !value.is_empty() && value.len().is_multiple_of(4),
        key::IPV6HINT => !value.is_empty() && value.len().is_multiple_of(16),
        _ => true,
    };
    if good { Ok(()) } else { Err(RdataError::Value("a service parameter's value is wrong")) }
}

/// One or more protocols, none of them empty.
fn protocols(mut value: &[u8]) -> bool {
    let mut some = false;
    while let Some((&length, after)) = value.split_first() {
        match after.split_at_checked(usize::from(length)) {
            Some((_, after)) if length > 0 => value = after,
            _ => return false,
        }
        some = true;
    }
    some
}

/// Whether all the keys that `value` lists are in `rest`.
fn mandatory(value: &[u8], rest: &[u8]) -> bool {
    let (keys, _) = value.as_chunks::<2>();
    keys.iter().all(|&key| params(rest).flatten().any(|(present, _)| present == u16::from_be_bytes(key)))
}
