//! Changes of octets anywhere, whatever they mean.

use super::{Parts, Random};

pub(super) fn white_space(parts: &mut Parts, random: &mut Random) {
    let spaces: &[&[u8]] = &[b"", b"  ", b"\t", b" \t", b"\x0b", b"\x0c", b"\xa0", b"   "];
    match random.below(7) {
        0 => parts.line[1] = random.pick(spaces).into(),
        1 => parts.line[3] = random.pick(spaces).into(),
        2 => parts.line[0].insert(0, random.pick(b" \t")),
        3 => parts.line[4].push(random.pick(b" \t")),
        4 => parts.field(random)[1] = random.pick::<&[u8]>(&[b" : ", b"\t: ", b" :", b"\x0b: "]).into(),
        5 => {
            parts.field(random)[1] = random.pick::<&[u8]>(&[b":", b":\t", b":   ", b":\x0b", b":\xa0"]).into()
        }
        _ => parts.field(random)[3].insert(0, random.pick(b" \t\x0b\x0c\xa0")),
    }
}

pub(super) fn line_ends(parts: &mut Parts, random: &mut Random) {
    let ends: &[&[u8]] = &[b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n\r", b"\n\n", b"\0\r\n", b"\x85", b""];
    match random.below(6) {
        0 => parts.line[5] = random.pick(ends).into(),
        1 | 2 => parts.field(random)[3] = random.pick(ends).into(),
        3 => parts.last = random.pick(ends).into(),
        4 => parts.before = b"\r\n".repeat(1 + random.below(6)),
        _ => parts.before = random.pick::<&[u8]>(&[b"\n", b"\n\n", b"\r", b" ", b"\r\n\n", b" \r\n"]).into(),
    }
}

pub(super) fn controls(parts: &mut Parts, random: &mut Random) {
    let byte = random.pick(b"\0\x01\x08\x0b\x0c\x1b\x1f\x7f\x80\xff\r\n\t");
    let part = parts.any(random);
    part.insert(random.below(part.len() + 1), byte);
}

/// Ends the request in its midst, or puts something behind it.
pub(super) fn cuts(parts: &mut Parts, random: &mut Random) {
    match random.below(4) {
        0 => parts.body.truncate(random.below(parts.body.len())),
        1 => {
            parts.body.extend(random.pick::<&[u8]>(&[b"x", b"\r\n", b"\n", b"GET / HTTP/1.1\r\n\r\n", b"\0"]))
        }
        2 => parts.last.clear(),
        _ => {
            let part = parts.any(random);
            part.truncate(random.below(part.len()));
        }
    }
}

pub(super) fn noise(parts: &mut Parts, random: &mut Random) {
    let byte = random.next() as u8;
    let part = parts.any(random);
    let place = random.below(part.len());
    match (random.below(4), part.get_mut(place)) {
        (0, Some(found)) => *found = byte,
        (1, Some(_)) => {
            part.remove(place);
        }
        (2, Some(_)) => part.swap(place, 0),
        _ => part.insert(place, byte),
    }
}
