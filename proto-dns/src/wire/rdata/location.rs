//! Locations (RFC 1876).

use super::RdataError;

/// How many octets at the start of `rest` are a location.
pub(super) fn check(rest: &[u8]) -> Result<usize, RdataError> {
    let wrong = RdataError::Value("a location is not on the Earth");
    match rest {
        // Other versions may have any form (RFC 1876 §2).
        [1..=255, ..] => Ok(rest.len()),
        &[0, size, horizontal, vertical, a, b, c, d, e, f, g, h, _, _, _, _, ..] => {
            let precise = [size, horizontal, vertical].iter().all(|size| size >> 4 <= 9 && size & 15 <= 9);
            let [latitude, longitude] = [[a, b, c, d], [e, f, g, h]].map(u32::from_be_bytes);
            let near =
                latitude.abs_diff(EQUATOR) <= 90 * DEGREE && longitude.abs_diff(EQUATOR) <= 180 * DEGREE;
            if precise && near { Ok(16) } else { Err(wrong) }
        }
        _ => Err(RdataError::Truncated),
    }
}

/// The equator, and the prime meridian.
const EQUATOR: u32 = 1 << 31;
/// A degree in thousandths of a second of arc.
const DEGREE: u32 = 3_600_000;
