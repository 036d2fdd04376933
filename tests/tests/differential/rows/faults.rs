//! What nobody is to read.

use super::grammar::{is_chunked, is_control, is_host, is_target, is_token, members};
use super::{BOTH, Fault, HYPER, NGINX, NONE, Request};

/// What we refuse by 400. No request that we read has any of it.
pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "a line feed alone",
        peers: BOTH,
        why: "RFC 9112 §2.2: it may be taken for a line end; who does not take it so sees other lines",
        is: |it| Request::has_bare_lf(it.head),
    },
    Fault {
        name: "a carriage return alone",
        peers: NGINX,
        why: "RFC 9112 §2.2: invalid, or to be replaced",
        is: |it| Request::has_bare_cr(it.head),
    },
    Fault {
        name: "many empty lines before",
        peers: BOTH,
        why: "RFC 9112 §2.2: one is to be passed over; more than four are no accident",
        is: |it| it.head.starts_with(b"\r\n\r\n\r\n\r\n\r\n"),
    },
    Fault {
        name: "other than three words",
        peers: NGINX,
        why: "RFC 9112 §3: three, with one space between them",
        is: |it| it.words().len() != 3 || it.words().contains(&&b""[..]),
    },
    Fault { name: "no method", peers: NONE, why: "RFC 9110 §9.1: a token", is: |it| !is_token(it.method()) },
    Fault {
        name: "a version that is none",
        peers: NGINX,
        why: "RFC 9112 §2.3: one digit, a dot, one digit",
        is: |it| !matches!(it.version(), [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']),
    },
    Fault {
        name: "a folded field",
        peers: NONE,
        why: "RFC 9112 §5.2: 400, or spaces in its place",
        is: |it| it.field(|name, _| name.starts_with(b" ") || name.starts_with(b"\t")),
    },
    Fault {
        name: "white space before a colon",
        peers: NONE,
        why: "RFC 9112 §5.1: 400",
        is: |it| it.field(|name, value| !value.is_empty() && name.trim_ascii_end() != name),
    },
    Fault {
        name: "a name that is none",
        peers: NGINX,
        why: "RFC 9110 §5.1: a token; who passes over such a line hides from itself what others see",
        is: |it| it.field(|name, value| value.is_empty() || !is_token(name)),
    },
    Fault {
        name: "a control in a value",
        peers: NGINX,
        why: "RFC 9110 §5.5: CR, LF and NUL are to be refused or replaced; the others are invalid, and of no use",
        is: |it| it.field(|_, value| value.iter().any(is_control)),
    },
    Fault {
        name: "no host",
        peers: HYPER,
        why: "RFC 9112 §3.2: 400",
        is: |it| it.version() != b"HTTP/1.0" && !it.has("host"),
    },
    Fault { name: "two hosts", peers: HYPER, why: "RFC 9112 §3.2: 400", is: |it| it.all("host").len() > 1 },
    Fault {
        name: "a host that is none",
        peers: BOTH,
        why: "RFC 9112 §3.2: 400",
        is: |it| it.all("host").iter().any(|host| !is_host(host)),
    },
    Fault {
        name: "a length and a coding",
        peers: HYPER,
        why: "RFC 9112 §6.3: ought to be handled as an error; it is how requests are smuggled",
        is: |it| it.has("content-length") && it.has("transfer-encoding"),
    },
    Fault {
        name: "two lengths",
        peers: HYPER,
        why: "RFC 9112 §6.3: to be refused, unless both are the same; who said it twice has merged two messages",
        is: |it| {
            it.all("content-length").len() > 1 || it.all("content-length").iter().any(|it| it.contains(&b','))
        },
    },
    Fault {
        name: "a length that is none",
        peers: NONE,
        why: "RFC 9112 §6.3: 400",
        is: |it| {
            it.all("content-length").iter().any(|it| it.is_empty() || !it.iter().all(u8::is_ascii_digit))
        },
    },
    Fault {
        name: "a coding in 1.0",
        peers: NONE,
        why: "RFC 9112 §6.1: to be treated as faulty framing",
        is: |it| it.version() == b"HTTP/1.0" && it.has("transfer-encoding"),
    },
    Fault {
        name: "codings that do not end in chunked",
        peers: NONE,
        why: "RFC 9112 §6.3: 400",
        is: |it| {
            it.has("transfer-encoding")
                && members(&it.all("transfer-encoding")).last().is_none_or(|it| it != b"chunked")
        },
    },
    Fault {
        name: "chunked twice",
        peers: HYPER,
        why: "RFC 9112 §6.1: never applied twice",
        is: |it| members(&it.all("transfer-encoding")).iter().filter(|it| *it == b"chunked").count() > 1,
    },
    Fault {
        name: "chunked content that is none",
        peers: BOTH,
        why: "RFC 9112 §7.1: sizes, extensions, line ends and trailers have one form",
        is: |it| it.has("transfer-encoding") && !is_chunked(it.body),
    },
    Fault {
        name: "a target that is none",
        peers: BOTH,
        why: "RFC 9112 §3.2: 400; who guesses what was meant guesses otherwise than the next",
        is: |it| !is_target(it.method(), it.target()),
    },
    Fault {
        name: "a path of doubtful escapes or dots",
        peers: BOTH,
        why: "RFC 3986 §2.1, §6.2.2: two programs make two paths of it",
        is: |it| it.has_doubtful_path(),
    },
    Fault {
        name: "a name longer than any file's",
        peers: BOTH,
        why: "no file system has a name of more than 255 octets",
        is: |it| it.target().len() > 255,
    },
];
