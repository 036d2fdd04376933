//! FTP: a session, and what its client reads.

use ropewalk_ftp::{fuzzing, wire};

/// However the network cuts the commands, the replies are the same; each of their lines ends in CRLF and holds no other CR or LF, but for
/// refusals of telnet's options between them. What reads
/// addresses, times and facts does not panic.
pub(crate) fn run(bytes: &[u8]) {
    let sent = fuzzing::session(bytes, usize::MAX);
    assert_eq!(sent, fuzzing::session(bytes, 1));
    let replies = without_refusals(&sent);
    for line in replies.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\r\n").expect("a whole line");
        assert!(!text.contains(&b'\r') && !text.contains(&b'\n'), "{line:?}");
    }
    let _ =
        (wire::parse_port(bytes), wire::parse_eprt(bytes), wire::parse_time(bytes), wire::parse_facts(bytes));
    let _ = (wire::parse_pasv_reply(bytes), wire::parse_epsv_reply(bytes));
}

/// What is sent without `IAC WONT` and `IAC DONT` with their option (RFC 854).
fn without_refusals(sent: &[u8]) -> Vec<u8> {
    let mut rest = sent;
    let mut kept = Vec::with_capacity(sent.len());
    while let Some((&first, after)) = rest.split_first() {
        match rest {
            [0xff, 0xfc | 0xfe, _, after @ ..] => rest = after,
            _ => {
                kept.push(first);
                rest = after;
            }
        }
    }
    kept
}
