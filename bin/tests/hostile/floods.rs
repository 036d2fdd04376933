use std::io::Read as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::subject::{Subject, alone, closes_within, connect, is_not_slower, p99, pause, until, visitor};

/// What an idle connection of each server may take, and what all of a flood may take beside that.
const WEB: u64 = 16 * 1024;
const ECHO: u64 = 10 * 1024;
/// What an answer may take that its peer does not read: the kernel sends it from the file.
const UNREAD: u64 = 64 * 1024;
/// The same of one stream of HTTP/2: a chunk, what is queued, and the request.
const UNREAD_STREAM: u64 = 192 * 1024;
const BESIDE: u64 = 16 * 1024 * 1024;

/// How many peers there are to be: as many as descriptors permit, and at most what leaves room for a visitor among the
/// 10,000 connections that a server takes.
pub(super) fn crowd() -> usize {
    let full = std::env::var_os("ROPEWALK_HOSTILE").is_some_and(|value| value == "full");
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let most = if full { 9_990 } else { 2_000 };
    most.min(usize::try_from(hard).unwrap().saturating_sub(500))
}

fn silent(at: SocketAddr, peers: usize) -> Vec<TcpStream> {
    (0..peers).map(|_| connect(at)).collect()
}

/// Floods a server with silent peers; gives how much memory each of them takes.
pub(super) fn flood(subject: &Subject, peers: usize, bound: u64, mut exchange: impl FnMut()) -> u64 {
    let descriptors = subject.descriptors();
    let before = p99(&mut exchange);
    let memory = subject.memory();
    let crowd = silent(subject.at[0], peers);
    until("all are accepted", || subject.descriptors() >= descriptors + peers);
    let meanwhile = p99(&mut exchange);
    let grown = subject.memory().saturating_sub(memory);
    let bounded = bound * peers as u64 + BESIDE;
    assert!(grown <= bounded, "{peers} peers take {grown} octets, more than {bounded}");
    is_not_slower(before, meanwhile);
    drop(crowd);
    until("all are let go", || subject.descriptors() <= descriptors + 2);
    eprintln!("{peers} silent peers: {} octets each, p99 {before:?} and {meanwhile:?}", grown / peers as u64);
    grown / peers as u64
}

#[test]
fn silent_peers_of_web_cost_what_is_stated_and_slow_nobody() {
    let _alone = alone();
    let subject = Subject::web("[limits]\nfirst_byte = \"5m\"", "");
    flood(&subject, crowd(), WEB, visitor(&subject));
}

#[test]
fn silent_peers_of_echo_cost_what_is_stated_and_slow_nobody() {
    let _alone = alone();
    let subject = Subject::echo("", "");
    let mut socket = subject.connect();
    let exchange = move || {
        let mut back = [0; 5];
        socket.write_all(b"hello").unwrap();
        socket.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"hello");
    };
    flood(&subject, crowd(), ECHO, exchange);
}

#[test]
fn silent_peers_are_closed_at_the_deadline_and_others_are_not() {
    let web = Subject::web("[limits]\nfirst_byte = \"1s\"", "");
    let echo = Subject::echo("[limits]\nidle = \"1s\"", "");
    let mut crowd: Vec<_> = [&web, &echo].iter().flat_map(|s| silent(s.at[0], 100)).collect();
    let mut talks = echo.connect();
    for _ in 0..4 {
        pause(Duration::from_millis(500));
        talks.write_all(b"x").unwrap();
        talks.read_exact(&mut [0]).unwrap();
    }
    for socket in &mut crowd {
        assert!(closes_within(socket, Duration::from_millis(500)), "a silent peer lives on");
    }
    assert_eq!(web.get("/a.txt").0, 200);
}

#[test]
fn one_more_than_the_limit_is_closed_at_once_and_the_rest_are_served() {
    let subject = Subject::echo("[limits]\nconnections = 50", "");
    let mut crowd = silent(subject.at[0], 50);
    for socket in &mut crowd {
        // Who was answered has been counted.
        socket.write_all(b"x").unwrap();
        socket.read_exact(&mut [0]).unwrap();
    }
    for _ in 0..20 {
        assert!(closes_within(&mut subject.connect(), Duration::from_secs(5)), "there is one too many");
    }
    for socket in &mut crowd {
        socket.write_all(b"x").unwrap();
        socket.read_exact(&mut [0]).unwrap();
    }
    drop(crowd);
    until("there is room again", || {
        let mut socket = subject.connect();
        // Where there is none, the write or the read fails.
        socket.write_all(b"x").is_ok() && matches!(socket.read(&mut [0]), Ok(1))
    });
}

#[test]
fn peers_that_reset_in_the_middle_leave_nothing_behind() {
    let _alone = alone();
    let subject = Subject::web("", "");
    big_file(&subject);
    let descriptors = subject.descriptors();
    let memory = subject.memory();
    for round in 0..300 {
        let mut socket = subject.connect();
        socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
        match round % 3 {
            0 => socket.write_all(b"GET /big HT").unwrap(),
            1 => socket.write_all(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap(),
            _ => {
                socket.write_all(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
                socket.read_exact(&mut [0; 20_000]).unwrap();
            }
        }
    }
    until("all are let go", || subject.descriptors() <= descriptors);
    assert!(subject.memory() < memory + BESIDE);
    assert_eq!(subject.get("/a.txt").0, 200);
    assert!(!subject.log().contains("ERROR"), "{}", subject.log());
}

#[test]
fn peers_that_never_read_cost_no_memory_slow_nobody_and_are_cut() {
    let _alone = alone();
    let subject = Subject::web("[limits]\nwrite = \"6s\"", "");
    big_file(&subject);
    let mut exchange = visitor(&subject);
    let before = p99(&mut exchange);
    let descriptors = subject.descriptors();
    let memory = subject.memory();
    let mut crowd: Vec<_> = silent(subject.at[0], 200);
    for socket in &mut crowd {
        socket.write_all(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    until("all are being answered", || subject.descriptors() >= descriptors + 2 * crowd.len());
    let meanwhile = p99(&mut exchange);
    let grown = subject.memory().saturating_sub(memory);
    let bounded = crowd.len() as u64 * UNREAD + BESIDE;
    eprintln!("{} that never read: {} octets each, p99 {before:?}, {meanwhile:?}", crowd.len(), grown / 200);
    assert!(grown <= bounded, "{} readers take {grown} octets, more than {bounded}", crowd.len());
    is_not_slower(before, meanwhile);
    until("all are cut", || subject.descriptors() <= descriptors);
}

/// As many as one connection may have.
const STREAMS: u32 = 100;

#[test]
fn streams_of_http2_that_nobody_reads_cost_what_is_stated() {
    let _alone = alone();
    let subject = Subject::web("", "");
    big_file(&subject);
    let memory = subject.memory();
    let mut socket = subject.connect();
    let frame = |kind: u8, flags: u8, stream: u32, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), body].concat()
    };
    let window = 0x7fff_0000_u32.to_be_bytes();
    let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // RFC 9113 §6.5 and §6.9: as much as there is may be sent, on each stream and in all.
    said.extend(frame(4, 0, 0, &[&[0, 4][..], &window].concat()));
    said.extend(frame(8, 0, 0, &window));
    for stream in 0..STREAMS {
        // RFC 7541: GET, http, and two literals: `:path` is /big, `:authority` is localhost.
        let head = b"\x82\x86\x04\x04/big\x01\x09localhost";
        said.extend(frame(1, 5, 2 * stream + 1, head));
    }
    socket.write_all(&said).unwrap();
    until("all are being answered", || subject.descriptors() > STREAMS as usize);
    pause(Duration::from_millis(300));
    let grown = subject.memory().saturating_sub(memory);
    eprintln!("{STREAMS} streams that nobody reads: {} octets each", grown / u64::from(STREAMS));
    assert!(grown <= u64::from(STREAMS) * UNREAD_STREAM + BESIDE, "{STREAMS} streams take {grown} octets");
    assert_eq!(subject.get("/a.txt").0, 200);
}

/// 10 MiB, of no disk.
fn big_file(subject: &Subject) {
    let file = std::fs::File::create(subject.dir.path().join("root/big")).unwrap();
    file.set_len(10 * 1024 * 1024).unwrap();
}
