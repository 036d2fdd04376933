use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::subject::{Subject, answer, closes_within};

const REQUEST: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const HEADER: &[u8] = b"PROXY TCP4 198.51.100.7 203.0.113.1 4000 80\r\n";

fn trusting(network: &str) -> Subject {
    Subject::web("[limits]\nhandshake = \"2s\"", &format!("proxy_protocol = [\"{network}\"]"))
}

#[test]
fn a_header_from_a_stranger_is_not_believed_and_the_stranger_closed() {
    let subject = trusting("192.0.2.0/24");
    for sent in [&[HEADER, REQUEST].concat(), REQUEST] {
        let mut socket = subject.connect();
        // It may be closed before we have spoken.
        let _ = socket.write_all(sent);
        let mut all = Vec::new();
        let _ = socket.read_to_end(&mut all);
        assert!(all.is_empty(), "{}", String::from_utf8_lossy(&all));
    }
    super::subject::until("it is told", || subject.log().contains("offence"));
    assert!(!subject.log().contains("198.51.100.7"), "{}", subject.log());
}

#[test]
fn a_header_where_none_is_spoken_is_no_request() {
    let subject = Subject::web("", "");
    let mut socket = subject.connect();
    socket.write_all(&[HEADER, REQUEST].concat()).unwrap();
    assert_eq!(answer(socket).0, 400);
}

#[test]
fn a_trusted_proxy_is_heard() {
    let subject = trusting("127.0.0.0/8");
    let mut socket = subject.connect();
    socket.write_all(&[HEADER, REQUEST].concat()).unwrap();
    assert_eq!(answer(socket).0, 200);
}

#[test]
fn a_trusted_proxy_with_garbage_is_closed_at_once_and_a_silent_one_in_time() {
    let subject = trusting("127.0.0.0/8");
    let v2 = |rest: &[u8]| [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), rest].concat();
    for garbage in [
        REQUEST.to_vec(),
        b"PROXY TCP4 999.0.0.1 203.0.113.1 1 2\r\n".to_vec(),
        [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat(),
        v2(b"\x21\x11\x00\x04abcd"),
        v2(b"\x21\x11\xff\xff"),
        v2(b"\x31\x11\x00\x00"),
        vec![0; 64],
    ] {
        let begun = Instant::now();
        let mut socket = subject.connect();
        socket.write_all(&garbage).unwrap();
        assert!(closes_within(&mut socket, Duration::from_secs(1)), "{}", garbage.escape_ascii());
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
    for begin in [&b""[..], b"PROXY TCP4 198", b"\r\n\r\n\0"] {
        let mut socket = subject.connect();
        socket.write_all(begin).unwrap();
        assert!(!closes_within(&mut socket, Duration::from_secs(1)), "closed too early");
        assert!(closes_within(&mut socket, Duration::from_secs(4)), "a silent proxy lives on");
    }
}
