use super::fault::Fault;

/// Whether these octets are UTF-8; where the text is not `whole`, it may end amid a character.
pub(super) fn is_text(octets: &[u8], whole: bool, fault: Option<Fault>) -> bool {
    let is = |f| fault == Some(f);
    if is(Fault::TextUnchecked) {
        return true;
    }
    if is(Fault::TakesOverlong) || is(Fault::TakesSurrogates) || is(Fault::TakesAboveLast) {
        return lenient(octets, whole, fault);
    }
    match std::str::from_utf8(octets) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && (!whole || is(Fault::TakesCutText)),
    }
}

/// A decoder that takes what one of the faults is about.
fn lenient(octets: &[u8], whole: bool, fault: Option<Fault>) -> bool {
    let is = |f| fault == Some(f);
    let mut rest = octets.iter().copied();
    while let Some(first) = rest.next() {
        let (more, bits) = match first {
            0..0x80 => continue,
            0xc0..0xe0 => (1, first & 0x1f),
            0xe0..0xf0 => (2, first & 0xf),
            0xf0..0xf8 => (3, first & 7),
            _ => return false,
        };
        let mut scalar = u32::from(bits);
        for _ in 0..more {
            match rest.next() {
                Some(octet @ 0x80..0xc0) => scalar = scalar << 6 | u32::from(octet & 0x3f),
                Some(_) => return false,
                None => return !whole,
            }
        }
        let least = [0x80, 0x800, 0x1_0000].get(more - 1).copied().unwrap_or(0);
        let surrogate = (0xd800..0xe000).contains(&scalar);
        if (scalar < least && !is(Fault::TakesOverlong))
            || (surrogate && !is(Fault::TakesSurrogates))
            || (scalar > 0x0010_ffff && !is(Fault::TakesAboveLast))
        {
            return false;
        }
    }
    true
}
