use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::floods::{crowd, flood};
use super::subject::{SOON, Subject, alone, closes_within, connect, is_not_slower, new_dir, p99, until};

/// What a control connection may take whose peer says nothing, or half of the longest line that there is.
const SILENT: u64 = 16 * 1024;
/// The same of one that has a transfer that nobody reads: the kernel sends it from the file.
const UNREAD: u64 = 64 * 1024;
const BESIDE: u64 = 16 * 1024 * 1024;

fn ftp(above: &str, below: &str) -> Subject {
    let config = format!(
        "{above}\n[files.main]\npath = \"root\"\n[[service]]\nkind = \"ftp\"\nanonymous = \"main\"\n\
         listen = [\"tcp:0:interface=127.0.0.1\"]\npassive = \"0\"\nper_person = 1000\n{below}\n"
    );
    Subject::start(new_dir(), &config, None)
}

/// Says this, and gives the reply to it.
fn say(socket: &mut TcpStream, line: &str) -> String {
    write!(socket, "{line}\r\n").unwrap();
    hear(socket)
}

fn hear(socket: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n") {
        let mut octet = [0];
        assert_eq!(socket.read(&mut octet).unwrap(), 1, "closed");
        heard.extend(octet);
    }
    String::from_utf8(heard).unwrap()
}

/// A session of the anonymous.
fn login(subject: &Subject) -> TcpStream {
    let mut socket = subject.connect();
    assert!(hear(&mut socket).starts_with("220 "));
    assert!(say(&mut socket, "USER anonymous").starts_with("331 "));
    assert!(say(&mut socket, "PASS x").starts_with("230 "));
    assert!(say(&mut socket, "TYPE I").starts_with("200 "));
    socket
}

/// Begins to fetch a file; the data connection.
fn retrieve(socket: &mut TcpStream, name: &str) -> TcpStream {
    let said = say(socket, "EPSV");
    let port = said.split('|').nth(3).unwrap().parse().unwrap();
    let data = connect(([127, 0, 0, 1], port).into());
    assert!(say(socket, &format!("RETR {name}")).starts_with("150 "));
    data
}

/// A client that asks for the small file again and again.
fn visitor(subject: &Subject) -> impl FnMut() + use<> {
    let mut socket = login(subject);
    move || {
        let mut text = String::new();
        retrieve(&mut socket, "a.txt").read_to_string(&mut text).unwrap();
        assert_eq!((&*text, &*hear(&mut socket)), ("a file\n", "226 done\r\n"));
    }
}

#[test]
fn silent_peers_of_ftp_cost_what_is_stated_and_slow_nobody() {
    let _alone = alone();
    let subject = ftp("[limits]\nlogin = \"5m\"", "");
    let visitor = visitor(&subject);
    flood(&subject, crowd(), SILENT, visitor);
}

#[test]
fn lines_without_end_cost_what_is_stated() {
    let _alone = alone();
    let subject = ftp("[limits]\nlogin = \"5m\"", "");
    let (descriptors, memory) = (subject.descriptors(), subject.memory());
    let mut crowd: Vec<_> = (0..500).map(|_| subject.connect()).collect();
    until("all are accepted", || subject.descriptors() >= descriptors + crowd.len());
    for socket in &mut crowd {
        assert!(hear(socket).starts_with("220 "));
        // Two lines too long, of which the first is answered; of a third the half.
        socket.write_all(&[b'x'; 4000]).unwrap();
    }
    // Who is served last has been heard last.
    let last = crowd.last_mut().unwrap();
    assert!(say(last, "").starts_with("500 "));
    let grown = subject.memory().saturating_sub(memory);
    let bounded = crowd.len() as u64 * SILENT + BESIDE;
    assert!(grown <= bounded, "{} half lines take {grown} octets, more than {bounded}", crowd.len());
    let mut one = login(&subject);
    let endless = [b'x'; 64 * 1024];
    let mut taken = 0;
    while taken < 1 << 30 {
        match one.write(&endless) {
            Ok(octets) => taken += octets,
            Err(_) => break,
        }
    }
    assert!(taken < 16 << 20, "{taken} octets of one line were taken");
}

#[test]
fn who_does_not_log_in_is_closed_in_time_and_who_does_is_not() {
    let subject = ftp("[limits]\nlogin = \"1s\"", "");
    let mut crowd: Vec<_> = (0..100).map(|_| subject.connect()).collect();
    let mut talks = subject.connect();
    let mut visitor = login(&subject);
    hear(&mut talks);
    // To talk is not to log in.
    assert!(say(&mut talks, "NOOP").starts_with("200 "));
    assert!(closes_within(&mut talks, SOON));
    for socket in &mut crowd {
        assert!(closes_within(socket, Duration::from_secs(2)), "a silent peer lives on");
    }
    assert!(say(&mut visitor, "NOOP").starts_with("200 "));
}

#[test]
fn transfers_that_nobody_reads_cost_no_memory_slow_nobody_and_are_cut() {
    let _alone = alone();
    let subject = ftp("", "stall = \"6s\"");
    let file = std::fs::File::create(subject.dir.path().join("root/big")).unwrap();
    file.set_len(64 << 20).unwrap();
    let mut exchange = visitor(&subject);
    let before = p99(&mut exchange);
    let memory = subject.memory();
    let mut sessions: Vec<_> = (0..100).map(|_| login(&subject)).collect();
    let data: Vec<_> = sessions.iter_mut().map(|session| retrieve(session, "big")).collect();
    let meanwhile = p99(&mut exchange);
    let grown = subject.memory().saturating_sub(memory);
    let bounded = sessions.len() as u64 * UNREAD + BESIDE;
    assert!(grown <= bounded, "{} transfers take {grown} octets, more than {bounded}", sessions.len());
    is_not_slower(before, meanwhile);
    for session in &mut sessions {
        assert!(hear(session).starts_with("426 "), "a transfer that nobody reads goes on");
    }
    drop(data);
    assert!(say(&mut sessions[0], "NOOP").starts_with("200 "));
}
