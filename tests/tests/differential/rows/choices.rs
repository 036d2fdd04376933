//! What the RFCs leave a choice in, or one of the peers does otherwise.

use super::grammar::{holds, is_token, members};
use super::{BOTH, HYPER, NGINX, Row};

/// Where we refuse otherwise than they do, or read what they refuse.
pub(super) const ROWS: &[Row] = &[
    Row {
        name: "nothing said to half a request",
        peers: NGINX,
        why: "RFC 9112 §8: an answer is allowed, and tells the client more than none",
        fits: |it| it.ours.refusal() == Some(400) && it.theirs.0.is_empty() && it.at.is_cut(),
    },
    Row {
        name: "HTTP/0.9",
        peers: NGINX,
        why: "RFC 9112 §3: a request line has a version; 0.9, to which nginx answers without a head, has neither hosts nor lengths",
        fits: |it| it.ours.refusal().is_some() && it.theirs.0.is_empty() && it.at.version().is_empty(),
    },
    Row {
        name: "another status for a coding",
        peers: NGINX,
        why: "RFC 9112 §6.3: 400 where chunked is not the last, or a length is said too; 501 is for codings that are not known",
        fits: |it| it.statuses(400, 501) && it.at.has("transfer-encoding"),
    },
    Row {
        name: "several faults",
        peers: NGINX,
        why: "a status tells one of them",
        fits: |it| {
            (it.statuses(400, 505) && !it.at.version().starts_with(b"HTTP/1."))
                || (it.statuses(400, 405) && it.at.method() == b"CONNECT")
        },
    },
    Row {
        name: "the path refused, the connection closed",
        peers: NGINX,
        why: "RFC 9112 §9.6 lets a server close; where only the path is bad the next request can be found",
        fits: |it| it.statuses(400, 400) && it.at.has_doubtful_path(),
    },
    Row {
        name: "path and coding",
        peers: HYPER,
        why: "what is refused for its path is refused before its coding is looked at by the other",
        fits: |it| it.statuses(400, 400) && it.at.has_doubtful_path() && it.at.has("transfer-encoding"),
    },
    Row {
        name: "https in the clear",
        peers: BOTH,
        why: "RFC 9110 §7.4: a request for an https resource is rejected unless it came over a secured connection",
        fits: |it| {
            it.ours.refusal() == Some(421) && it.at.target().to_ascii_lowercase().starts_with(b"https://")
        },
    },
    Row {
        name: "a method of more than 32 octets",
        peers: BOTH,
        why: "RFC 9112 §3: 501 for a method longer than any that is implemented",
        fits: |it| it.ours.refusal() == Some(501) && it.at.method().len() > 32,
    },
    Row {
        name: "codings before chunked",
        peers: BOTH,
        why: "RFC 9112 §6.1: 501 for a coding that is not understood, also if it has a line of its own",
        fits: |it| it.ours.refusal() == Some(501) && members(&it.at.all("transfer-encoding")).len() > 1,
    },
    Row {
        name: "a tunnel",
        peers: BOTH,
        why: "RFC 9110 §9.3.6: 501, as for any method that is not implemented",
        fits: |it| it.ours.refusal() == Some(501) && it.at.method() == b"CONNECT",
    },
    Row {
        name: "another major version",
        peers: BOTH,
        why: "RFC 9110 §15.6.6: 505 for a major version that is not spoken",
        fits: |it| it.statuses(505, 400),
    },
    Row {
        name: "empty members of a list",
        peers: BOTH,
        why: "RFC 9110 §5.6.1.2: to be passed over",
        fits: |it| {
            it.is_laxer(&[400, 501])
                && it.at.all("transfer-encoding").iter().any(|it| it.starts_with(b",") || it.ends_with(b","))
        },
    },
    Row {
        name: "minor versions above 1",
        peers: HYPER,
        why: "RFC 9110 §6.2: to be read as the highest that is known",
        fits: |it| {
            it.is_laxer(&[400])
                && matches!(it.at.version(), [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'])
        },
    },
    Row {
        name: "the server as a whole",
        peers: BOTH,
        why: "RFC 9110 §9.3.7: `OPTIONS *` is answered by the server itself, which passes over the content; nginx has no such target",
        fits: |it| it.ours.refusal().is_none() && it.at.target() == b"*" && it.at.method() == b"OPTIONS",
    },
    Row {
        name: "a method beyond A to Z",
        peers: NGINX,
        why: "RFC 9110 §9.1: any token",
        fits: |it| {
            it.is_laxer(&[400])
                && is_token(it.at.method())
                && !it.at.method().iter().all(u8::is_ascii_uppercase)
        },
    },
    Row {
        name: "TRACE",
        peers: NGINX,
        why: "RFC 9110 §9.3.8: a method like others, which a handler may have",
        fits: |it| it.is_laxer(&[405]) && it.at.method() == b"TRACE",
    },
    Row {
        name: "a host of dots, or empty",
        peers: NGINX,
        why: "RFC 3986 §3.2.2: a name may have them, and may be empty",
        fits: |it| {
            it.is_laxer(&[400])
                && it
                    .at
                    .all("host")
                    .iter()
                    .any(|host| host.is_empty() || host.starts_with(b".") || holds(host, ".."))
        },
    },
    Row {
        name: "a tab around a value",
        peers: NGINX,
        why: "RFC 9110 §5.6.3: optional white space is spaces and tabs",
        fits: |it| {
            it.is_laxer(&[400]) && it.at.field(|_, value| value.starts_with(b":\t") || value.ends_with(b"\t"))
        },
    },
    Row {
        name: "a list in two lines",
        peers: NGINX,
        why: "RFC 9110 §5.3: the same as in one",
        fits: |it| it.is_laxer(&[400]) && it.at.all("if-match").len() > 1,
    },
    Row {
        name: "a part of a connection option",
        peers: NGINX,
        why: "RFC 9110 §7.6.1: options are whole tokens",
        fits: |it| {
            it.at.line.starts_with(b"GET /after")
                && it
                    .first
                    .all("connection")
                    .iter()
                    .any(|value| holds(value, "close") || holds(value, "keep-alive"))
        },
    },
];
