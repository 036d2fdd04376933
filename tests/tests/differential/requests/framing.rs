//! Changes of how long the content is, and of the content.

use super::{Parts, Random};

pub(super) fn lengths(parts: &mut Parts, random: &mut Random) {
    let lengths: &[&[u8]] = &[
        b"0",
        b"5",
        b"05",
        b"+5",
        b"-5",
        b"5 ",
        b"5,5",
        b"5, 5",
        b"5, 6",
        b"5 5",
        b"0x5",
        b"5.0",
        b"5e0",
        b"",
        b"five",
        b"4",
        b"3",
        b"99999999999999999999",
        b"18446744073709551616",
        b"000000000000000000000000005",
        b"\xd9\xa5",
        b"5;a",
        b"\"5\"",
        b"5\x00",
    ];
    match random.below(4) {
        0 => parts.add("Content-Length", random.pick(lengths)),
        _ => parts.set("Content-Length", random.pick(lengths)),
    }
    if random.below(3) > 0 {
        parts.fields.retain(|field| field[0] != b"Transfer-Encoding");
        parts.body = b"hello".into();
    }
}

pub(super) fn codings(parts: &mut Parts, random: &mut Random) {
    let codings: &[&[u8]] = &[
        b"chunked",
        b"Chunked",
        b"CHUNKED",
        b" chunked",
        b"chunked ",
        b"chunked,",
        b",chunked",
        b", , chunked",
        b"gzip",
        b"gzip, chunked",
        b"chunked, gzip",
        b"chunked, chunked",
        b"identity",
        b"identity, chunked",
        b"xchunked",
        b"chunkedx",
        b"chunked;a=b",
        b"\"chunked\"",
        b"chunked\x0b",
        b"\x0bchunked",
        b"",
        b"x",
        b"chu nked",
        b"trailers",
        b"chunked\x00",
    ];
    match random.below(4) {
        0 => parts.add("Transfer-Encoding", random.pick(codings)),
        1 => parts.add("transfer-encoding", b"chunked"),
        _ => parts.set("Transfer-Encoding", random.pick(codings)),
    }
    if random.below(3) > 0 {
        parts.fields.retain(|field| field[0] != b"Content-Length");
        parts.body = b"5\r\nhello\r\n0\r\n\r\n".into();
    }
}

pub(super) fn both_framings(parts: &mut Parts, random: &mut Random) {
    parts.set("Transfer-Encoding", random.pick::<&[u8]>(&[b"chunked", b"identity", b"x"]));
    parts.set("Content-Length", random.pick::<&[u8]>(&[b"5", b"15", b"0"]));
    parts.body = b"5\r\nhello\r\n0\r\n\r\n".into();
}

pub(super) fn chunks(parts: &mut Parts, random: &mut Random) {
    let bodies: &[&str] = &[
        "0\r\n\r\n",
        "00000\r\n\r\n",
        "5\r\nhello\r\n0\r\n",
        "5\r\nhello\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\rhello\r0\r\r",
        "5\r\nhello\r\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\t\r\nhello\r\n0\r\n\r\n",
        "005\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "5h\r\nhello\r\n0\r\n\r\n",
        "A\r\nhellohello\r\n0\r\n\r\n",
        "a\r\nhellohello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "00000000000000000005\r\nhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n",
        "5;a\r\nhello\r\n0\r\n\r\n",
        "5;a=b\r\nhello\r\n0\r\n\r\n",
        "5 ; a = b\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b\r\nhello\r\n0\r\n\r\n",
        "5;=b\r\nhello\r\n0\r\n\r\n",
        "5;a b\r\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;\u{e9}\r\nhello\r\n0\r\n\r\n",
        "5;\0\r\nhello\r\n0\r\n\r\n",
        "5,a\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0;a=b\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\r\nB: c\r\n\r\n",
        "5\r\nhello\r\n0\r\nA : b\r\n\r\n",
        "5\r\nhello\r\n0\r\nA\r\n\r\n",
        "5\r\nhello\r\n0\r\n A: b\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: \0\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\n\r\n",
        "5\r\nhello\r\n0\r\n: b\r\n\r\n",
        "5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
        "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "5\r\nhello\r\n0\r\nHost: y\r\n\r\n",
    ];
    parts.set("Transfer-Encoding", b"chunked");
    if random.below(8) > 0 {
        parts.fields.retain(|field| field[0] != b"Content-Length");
    }
    parts.body = random.pick(bodies).into();
}
