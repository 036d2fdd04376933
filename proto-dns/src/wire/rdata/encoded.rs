//! Octets in zone text: hexadecimal digits, base32 and base64.

use std::ops::RangeInclusive;

use data_encoding::{Encoding, HEXLOWER_PERMISSIVE};

use crate::wire::lexer::{Fault, Lexer, Spot, Word};

/// What is wrong with digits that are not pairs.
pub(super) const HEX: &str = "pairs of hexadecimal digits are expected";

/// The rest of the entry as one text in an encoding, after its first word.
pub(super) fn encoded(
    first: Option<Word<'_>>,
    lexer: &mut Lexer<'_>,
    encoding: &Encoding,
    what: &'static str,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let mut text = Vec::new();
    let (mut next, mut last) = (first, first);
    while let Some(word) = next {
        collect(&word, encoding, what, &mut text)?;
        last = Some(word);
        next = lexer.word()?;
    }
    match (decode(&text, encoding), last) {
        (Some(octets), _) => out.extend(octets),
        (None, Some(word)) => return Err(word.fault(what)),
        (None, None) => {}
    }
    Ok(())
}

/// Adds a word to the text, and tells which octet of it cannot be there.
pub(super) fn collect(
    word: &Word<'_>,
    encoding: &Encoding,
    what: &'static str,
    text: &mut Vec<u8>,
) -> Result<(), Fault> {
    let symbols = encoding.specification().symbols;
    let known = |octet: u8| octet == b'=' || symbols.as_bytes().contains(&octet);
    if let Some(at) = word.text.iter().position(|&octet| !known(octet) && !known(octet.to_ascii_lowercase()))
    {
        let at = Spot { offset: word.at.offset + usize::from(word.quoted) + at, ..word.at };
        return Err(at.fault(what));
    }
    text.extend_from_slice(word.text);
    Ok(())
}

pub(super) fn decode(text: &[u8], encoding: &Encoding) -> Option<Vec<u8>> {
    encoding.decode(text).ok()
}

/// At most 255 octets, after their number.
pub(super) fn short(
    word: &Word<'_>,
    octets: Option<Vec<u8>>,
    what: &'static str,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let octets = octets.ok_or_else(|| word.fault(what))?;
    out.push(u8::try_from(octets.len()).map_err(|_| word.fault("longer than 255 octets"))?);
    out.extend(octets);
    Ok(())
}

pub(super) fn nsap(word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let digits = word.text.strip_prefix(b"0x").or_else(|| word.text.strip_prefix(b"0X"));
    let digits: Option<Vec<u8>> =
        digits.map(|text| text.iter().copied().filter(|&octet| octet != b'.').collect());
    let octets =
        digits.and_then(|digits| decode(&digits, &HEXLOWER_PERMISSIVE)).filter(|octets| !octets.is_empty());
    out.extend(octets.ok_or_else(|| word.fault("0x and pairs of hexadecimal digits are expected"))?);
    Ok(())
}

/// `count` groups of hexadecimal digits, each of them `octets` octets.
pub(super) fn groups(
    word: &Word<'_>,
    separator: u8,
    count: usize,
    digits: RangeInclusive<usize>,
    octets: usize,
    what: &'static str,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let start = out.len();
    for group in word.text.split(|&octet| octet == separator) {
        let hex = std::str::from_utf8(group).ok().filter(|group| {
            digits.contains(&group.len()) && group.bytes().all(|octet| octet.is_ascii_hexdigit())
        });
        let value = hex.and_then(|hex| u16::from_str_radix(hex, 16).ok()).ok_or_else(|| word.fault(what))?;
        out.extend_from_slice(value.to_be_bytes().get(2 - octets..).unwrap_or_default());
    }
    if out.len() == start + count * octets { Ok(()) } else { Err(word.fault(what)) }
}
