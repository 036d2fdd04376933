//! FTP: a session, and what its client reads.

use ropewalk_ftp::{fuzzing, wire};

/// However the network cuts the commands, the replies are the same; each of their lines ends in CRLF and holds no other CR or LF. What reads
/// addresses, times and facts does not panic.
pub(crate) fn run(bytes: &[u8]) {
    let sent = fuzzing::session(bytes, usize::MAX);
    assert_eq!(sent, fuzzing::session(bytes, 1));
    for line in sent.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\r\n").expect("a whole line");
        assert!(!text.contains(&b'\r') && !text.contains(&b'\n'), "{line:?}");
    }
    let _ = (wire::parse_port(bytes), wire::parse_eprt(bytes), wire::parse_time(bytes), wire::parse_facts(bytes));
    let _ = (wire::parse_pasv_reply(bytes), wire::parse_epsv_reply(bytes));
}
