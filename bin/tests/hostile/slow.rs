use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::subject::{SOON, Subject, alone, closes_within, pause};

/// Octets of an endless line that are offered.
const GIB: u64 = 1 << 30;

/// Sends this again and again until the other end has had enough; gives how much it took.
fn pour(socket: &mut TcpStream, bytes: &[u8]) -> u64 {
    let mut taken = 0;
    while taken < GIB {
        match socket.write(bytes) {
            Ok(octets) => taken += octets as u64,
            Err(_) => break,
        }
    }
    taken
}

/// A head of 1 GiB that begins like this is answered so, having cost next to nothing.
#[track_caller]
fn endless(begin: &[u8], status: &[u16]) {
    let _alone = alone();
    let subject = Subject::web("", "");
    let memory = subject.memory();
    let mut socket = subject.connect();
    socket.write_all(begin).unwrap();
    let reader = socket.try_clone().unwrap();
    let heard = std::thread::spawn(move || answer_or_reset(reader));
    let taken = pour(&mut socket, &[b'a'; 64 * 1024]);
    let (got, text) = heard.join().unwrap();
    let grown = subject.memory().saturating_sub(memory);
    assert!(taken < 16 * 1024 * 1024, "{taken} octets were taken");
    assert!(grown < 16 * 1024 * 1024, "memory grew by {grown} octets");
    assert!(status.contains(&got), "{text}");
    assert_eq!(subject.get("/a.txt").0, 200);
}

/// The answer, after which a reset may come since we were still speaking.
fn answer_or_reset(mut socket: TcpStream) -> (u16, String) {
    let mut all = Vec::new();
    let mut scrap = [0; 4096];
    while let Ok(octets @ 1..) = socket.read(&mut scrap) {
        all.extend_from_slice(&scrap[..octets]);
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    (text.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or_default(), text)
}

#[test]
fn an_endless_first_line_is_refused() {
    endless(b"", &[400, 414, 431, 501]);
}

#[test]
fn an_endless_target_is_refused() {
    endless(b"GET /", &[414, 431]);
}

#[test]
fn an_endless_field_is_refused() {
    endless(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", &[431]);
}

#[test]
fn endless_fields_are_refused() {
    let subject = Subject::web("", "");
    let mut socket = subject.connect();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    let reader = socket.try_clone().unwrap();
    let heard = std::thread::spawn(move || answer_or_reset(reader));
    let taken = pour(&mut socket, b"X-Y: z\r\n".repeat(1000).as_slice());
    assert!(taken < 16 * 1024 * 1024, "{taken} octets were taken");
    assert_eq!(heard.join().unwrap().0, 431);
}

#[test]
fn a_head_in_drops_is_answered_408_at_its_deadline() {
    let subject = Subject::web("", "head_time = \"1s\"");
    let mut socket = subject.connect();
    let begun = Instant::now();
    for byte in b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".iter() {
        // It fails when the other end has had enough.
        if socket.write_all(&[*byte]).is_err() || begun.elapsed() > Duration::from_secs(5) {
            break;
        }
        pause(Duration::from_millis(100));
    }
    let (status, text) = answer_or_reset(socket);
    assert_eq!(status, 408, "{text}");
    assert!(begun.elapsed() < Duration::from_secs(9));
}

#[test]
fn a_body_that_nobody_wants_is_not_waited_for() {
    let subject = Subject::web("", "body_time = \"1s\"");
    let mut socket = subject.connect();
    socket
        .write_all(b"POST /a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nx")
        .unwrap();
    let begun = Instant::now();
    let mut head = [0; 12];
    socket.read_exact(&mut head).unwrap();
    assert_eq!(&head[9..], b"405");
    // Then bytes in drops, which are no reason to stay: it closes, and what comes then is reset.
    while socket.write_all(b"x").is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(8), "it reads on");
        pause(Duration::from_millis(100));
    }
}

#[test]
fn a_kept_connection_that_says_nothing_more_is_closed() {
    let subject = Subject::web("", "keep_alive = \"1s\"");
    let mut socket = subject.connect();
    socket.write_all(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let begun = Instant::now();
    assert!(closes_within(&mut socket, SOON));
    assert!((Duration::from_millis(900)..Duration::from_secs(5)).contains(&begun.elapsed()));
}

#[test]
fn a_connection_has_an_end_though_it_is_never_idle() {
    let subject = Subject::echo("[limits]\nconnection = \"1s\"", "");
    let mut socket = subject.connect();
    let begun = Instant::now();
    let mut back = [0];
    while begun.elapsed() < SOON {
        // A closed connection shows at either.
        if socket.write_all(b"x").is_err() || !matches!(socket.read(&mut back), Ok(1)) {
            break;
        }
        pause(Duration::from_millis(50));
    }
    assert!((Duration::from_millis(900)..Duration::from_secs(5)).contains(&begun.elapsed()));
}

#[test]
fn an_echo_peer_that_never_reads_is_cut() {
    let subject = Subject::echo("[limits]\nwrite = \"1s\"", "");
    let memory = subject.memory();
    let mut socket = subject.connect();
    socket.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let taken = pour(&mut socket, &[b'x'; 64 * 1024]);
    assert!(taken < 64 * 1024 * 1024, "{taken} octets were taken");
    assert!(subject.memory() < memory + 16 * 1024 * 1024);
    assert!(closes_within(&mut socket, SOON) || socket.write_all(b"x").is_err());
}
