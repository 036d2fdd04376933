//! Changes of fields that do not say how long the content is.

use super::{Parts, Random};

pub(super) fn names(parts: &mut Parts, random: &mut Random) {
    let name = &mut parts.field(random)[0];
    let place = random.below(name.len() + 1);
    match random.below(6) {
        0 => *name = name.to_ascii_uppercase(),
        1 => *name = name.iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect(),
        2 => name.clear(),
        3 => name.insert(place, random.pick(b"()<>@,;\\\"/[]?={}")),
        4 => name.insert(place, random.pick(b"!#$%&'*+-.^_`|~")),
        _ => name.insert(place, random.pick(b"\x80\xe9\xff:")),
    }
}

pub(super) fn hosts(parts: &mut Parts, random: &mut Random) {
    let hosts: &[&[u8]] = &[
        b"",
        b" ",
        b"a",
        b"A.EXAMPLE",
        b"a:80",
        b"a:",
        b":80",
        b"a:b",
        b"a:99999",
        b"a:-1",
        b"a b",
        b"a,b",
        b"a/b",
        b"u@a",
        b"u:p@a",
        b"[::1]",
        b"[::1]:80",
        b"[::1",
        b"::1",
        b"[zz]",
        b"[v1.a]",
        b"1.2.3.4",
        b"a_b",
        b"a..b",
        b".",
        b"a.",
        b"-a",
        b"a%20b",
        b"a%zz",
        b"a?b",
        b"a#b",
        b"a\\b",
        b"a\x00b",
        b"\xc3\xa9",
        b"a\tb",
        b"*",
        b"a|b",
        b"<a>",
        b"a;b",
        b"a:80:80",
    ];
    match random.below(8) {
        0 => parts.fields.retain(|field| field[0] != b"Host"),
        1 => parts.add("Host", random.pick(hosts)),
        2 => parts.add("host", b"www.example"),
        _ => parts.set("Host", random.pick(hosts)),
    }
}

pub(super) fn connections(parts: &mut Parts, random: &mut Random) {
    let options: &[&[u8]] = &[
        b"close",
        b"Close",
        b"keep-alive",
        b"close, keep-alive",
        b"keep-alive, close",
        b"x",
        b"x, close",
        b"close,",
        b", close",
        b"closed",
        b"",
        b"upgrade",
        b"host",
        b"\"close\"",
        b"close;a",
        b"content-length",
        b"te",
        b"clo se",
    ];
    match random.below(6) {
        0 => parts.set(
            "Expect",
            random.pick::<&[u8]>(&[b"100-continue", b"100-Continue", b"x", b"", b"100-continue, x"]),
        ),
        1 => parts.add("Connection", random.pick(options)),
        2 => {
            parts.line[4] = b"HTTP/1.0".into();
            parts.set("Connection", random.pick(options));
        }
        _ => parts.set("Connection", random.pick(options)),
    }
}

pub(super) fn folds(parts: &mut Parts, random: &mut Random) {
    let fold: &[u8] = random.pick(&[b"\r\n ", b"\r\n\t", b"\n ", b"\r\n  b: c\r\n ", b"\r ", b"\r\n \r\n "]);
    let field = parts.field(random);
    match random.below(3) {
        0 => field[1] = [b":", fold].concat(),
        1 => field[2].extend(fold.iter().chain(b"x")),
        _ => field[0].insert(0, random.pick(b" \t")),
    }
}

pub(super) fn duplicates(parts: &mut Parts, random: &mut Random) {
    let mut field = parts.field(random).clone();
    if random.below(2) == 0 {
        field[0] = field[0].to_ascii_lowercase();
    }
    if random.below(2) == 0 {
        field[2] =
            random.pick::<&[u8]>(&[b"", b"x", b"6", b"chunked", b"www.example", b"a", b"close"]).into();
    }
    let place = random.below(parts.fields.len() + 1);
    parts.fields.insert(place, field);
}
