//! Locations (RFC 1876).

use std::fmt::{self, Write};

use super::RdataError;
use crate::wire::lexer::{Fault, Lexer, Word};

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

/// Whether the text of it would be read as the same: a size of nothing has many forms and one text.
pub(super) fn has_text(rdata: &[u8]) -> bool {
    let canonical = |size: &u8| *size == 0 || size >> 4 != 0;
    matches!(rdata, [0, sizes @ ..] if sizes.iter().take(3).all(canonical))
}

/// The equator, and the prime meridian.
const EQUATOR: u32 = 1 << 31;
/// A degree in thousandths of a second of arc.
const DEGREE: u32 = 3_600_000;
/// The level that altitudes are above, in centimetres below the sea.
const BASE: i64 = 10_000_000;

/// Reads the rest of an entry as a location: `51 30 12.748 N 0 7 39.611 W 15m 1m 10000m 10m`, where minutes, seconds
/// and what follows the altitude may be absent (RFC 1876 §3).
pub(super) fn parse(lexer: &mut Lexer<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let latitude = angle(lexer, b"NS", 90)?;
    let longitude = angle(lexer, b"EW", 180)?;
    let word = lexer.need("an altitude")?;
    let altitude = metres(&word).and_then(|altitude| u32::try_from(altitude + BASE).ok());
    let altitude =
        altitude.ok_or_else(|| word.fault("an altitude from -100000.00m to 42849672.95m is expected"))?;
    let mut sizes = [0x12, 0x16, 0x13];
    for size in &mut sizes {
        let Some(word) = lexer.word()? else { break };
        let metres = metres(&word).and_then(|metres| u64::try_from(metres).ok());
        *size =
            metres.and_then(precision).ok_or_else(|| word.fault("a size up to 90000000.00m is expected"))?;
    }
    out.push(0);
    out.extend(sizes);
    [latitude, longitude, altitude].iter().for_each(|number| out.extend(number.to_be_bytes()));
    Ok(())
}

/// Degrees, minutes, seconds, and a hemisphere: the first adds to the equator, the second takes from it.
fn angle(lexer: &mut Lexer<'_>, hemispheres: &[u8; 2], most: u32) -> Result<u32, Fault> {
    let word = lexer.need("degrees")?;
    let degrees =
        decimal(word.text, 0).and_then(|degrees| u32::try_from(degrees).ok()).filter(|&it| it <= most);
    let mut angle =
        degrees.ok_or_else(|| word.fault(format!("degrees from 0 to {most} are expected")))? * DEGREE;
    for (what, digits, unit, most) in
        [("minutes, or a hemisphere", 0, 60_000, 59), ("seconds, or a hemisphere", 3, 1, 59_999)]
    {
        let word = lexer.need(what)?;
        if let Some(angle) = hemisphere(&word, hemispheres, angle) {
            return Ok(angle);
        }
        let part =
            decimal(word.text, digits).and_then(|part| u32::try_from(part).ok()).filter(|&it| it <= most);
        angle += part.ok_or_else(|| word.fault(format!("{what}, is expected")))? * unit;
    }
    let word = lexer.need("a hemisphere")?;
    let [north, south] = hemispheres.map(char::from);
    hemisphere(&word, hemispheres, angle).ok_or_else(|| word.fault(format!("{north} or {south} is expected")))
}

fn hemisphere(word: &Word<'_>, hemispheres: &[u8; 2], angle: u32) -> Option<u32> {
    match word.text {
        [letter] if letter.to_ascii_uppercase() == hemispheres[0] => EQUATOR.checked_add(angle),
        [letter] if letter.to_ascii_uppercase() == hemispheres[1] => EQUATOR.checked_sub(angle),
        _ => None,
    }
}

/// Centimetres of a number of metres, with or without the unit.
fn metres(word: &Word<'_>) -> Option<i64> {
    let text = word.text.strip_suffix(b"m").or_else(|| word.text.strip_suffix(b"M")).unwrap_or(word.text);
    match text.strip_prefix(b"-") {
        Some(text) => decimal(text, 2).map(|number| -number),
        None => decimal(text, 2),
    }
}

/// A number with at most `digits` digits after its point, times as many powers of ten.
fn decimal(text: &[u8], digits: usize) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let all = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.is_empty() || whole.len() > 10 || part.len() > digits || !all(whole) || !all(part) {
        return None;
    }
    format!("{whole}{part:0<digits$}").parse().ok()
}

/// Centimetres as a digit and a power of ten, cut down to that (RFC 1876 §2).
fn precision(mut centimetres: u64) -> Option<u8> {
    let mut power = 0;
    while centimetres > 9 {
        centimetres /= 10;
        power += 1;
    }
    (power <= 9).then_some((centimetres as u8) << 4 | power)
}

pub(super) fn write(rdata: &[u8], out: &mut dyn Write) -> fmt::Result {
    let Some(([0, sizes @ ..], rest)) = rdata.split_first_chunk::<4>() else { return Err(fmt::Error) };
    let (numbers, _) = rest.as_chunks::<4>();
    let &[latitude, longitude, altitude] = numbers else { return Err(fmt::Error) };
    for (number, hemispheres) in [(latitude, ['N', 'S']), (longitude, ['E', 'W'])] {
        let number = u32::from_be_bytes(number);
        let angle = number.abs_diff(EQUATOR);
        let letter = if number >= EQUATOR { hemispheres[0] } else { hemispheres[1] };
        let (degrees, minutes) = (angle / DEGREE, angle / 60_000 % 60);
        let (seconds, thousandths) = (angle / 1000 % 60, angle % 1000);
        write!(out, "{degrees} {minutes} {seconds}.{thousandths:03} {letter} ")?;
    }
    let altitude = i64::from(u32::from_be_bytes(altitude)) - BASE;
    let sign = if altitude < 0 { "-" } else { "" };
    let altitude = altitude.unsigned_abs();
    write!(out, "{sign}{}.{:02}m", altitude / 100, altitude % 100)?;
    for size in sizes {
        let centimetres = u64::from(size >> 4) * 10_u64.pow(u32::from(size & 15));
        match centimetres % 100 {
            0 => write!(out, " {}m", centimetres / 100)?,
            part => write!(out, " {}.{part:02}m", centimetres / 100)?,
        }
    }
    Ok(())
}
