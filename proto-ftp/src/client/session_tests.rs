use ropewalk_core::dialogue;
use ropewalk_core::testkit::{Rig, every_chunking, never_panics};

use super::*;

fn session(now: Instant) -> Session {
    Session::new(now, Duration::from_secs(60))
}

fn command(line: &str) -> Answer {
    Answer::Say(Command::parse(line.as_bytes()).unwrap())
}

/// Says one of these after each reply that is the last to its command.
fn saying(lines: &'static [&'static str]) -> impl FnMut(Event) -> Answer + Clone {
    let mut lines = lines.iter();
    move |event| match event {
        Event::Reply(reply) if reply.code() < 200 => Answer::Noted,
        _ => match lines.next() {
            Some(&"AUTH TLS") => Answer::Secure,
            Some(line) => command(line),
            None => Answer::Noted,
        },
    }
}

#[test]
fn each_command_waits_for_the_reply_to_the_one_before() {
    dialogue!(
        session,
        saying(&["USER ann", "PASS secret", "FEAT"]),
        "
        C: 120 in a minute
        C: 220-welcome
        C: 120 not the end
        C: 220 ready
        S: USER ann
        C: 331 password
        S: PASS secret
        C: 230 in
        S: FEAT
        C: 211-Features
        C:  SIZE
        C: 211
        C: 211 End
        "
    );
}

#[test]
fn tls_begins_with_a_234_alone() {
    dialogue!(
        session,
        saying(&["AUTH TLS", "USER ann"]),
        "
        C: 220 ready
        S: AUTH TLS
        C: 234 go on
        starttls
        S: USER ann
        "
    );
    let mut rig = Rig::new(session, saying(&["AUTH TLS", "QUIT"])).unwrap();
    rig.receive(b"220 ready\r\n502 no\r\n").unwrap();
    assert!(!rig.wants_tls());
}

#[test]
fn a_234_to_something_else_begins_no_tls() {
    let mut rig = Rig::new(session, saying(&["AUTH TLS", "NOOP", "NOOP"])).unwrap();
    rig.receive(b"220 ready\r\n502 no\r\n234 go on\r\n").unwrap();
    assert!(!rig.wants_tls() && !rig.is_closed());
}

#[test]
fn what_nobody_asked_for_ends_it() {
    dialogue!(
        session,
        saying(&[]),
        "
        C: 220 ready
        C: 230 in
        closed
    "
    );
}

#[test]
fn a_421_is_told_and_ends_it() {
    dialogue!(
        session,
        saying(&["NOOP"]),
        "
        C: 220 ready
        S: NOOP
        C: 421 the server stops
        closed
    "
    );
}

#[test]
fn a_reply_has_its_time() {
    dialogue!(
        session,
        saying(&["NOOP"]),
        "
        after 59 s
        C: 220 ready
        S: NOOP
        after 59 s
        C: 150 soon
        after 59 s
        after 1 s
        closed
    "
    );
    // Where nothing is due, nothing is missed.
    dialogue!(
        session,
        saying(&[]),
        "
        C: 220 ready
        after 3600 s
    "
    );
}

#[test]
fn what_is_no_reply_ends_it() {
    for text in ["hello", "22 x", "999 x", "220x"] {
        let mut rig = Rig::new(session, saying(&[])).unwrap();
        rig.receive(format!("{text}\r\n").as_bytes()).unwrap();
        assert!(rig.is_closed(), "{text}");
    }
}

#[test]
fn lines_without_end_and_replies_without_end_are_cut() {
    let mut rig = Rig::new(session, saying(&[])).unwrap();
    for _ in 0..9 {
        if !rig.is_closed() {
            rig.receive(&[b'1'; 1024]).unwrap();
        }
    }
    assert!(rig.is_closed());
    let mut rig = Rig::new(session, saying(&[])).unwrap();
    rig.receive(b"220-welcome\r\n").unwrap();
    let mut octets = 0;
    while !rig.is_closed() {
        rig.receive(b" to you\r\n").unwrap();
        octets += 9;
        assert!(octets < REPLY + 100, "no end");
    }
    assert!(octets > REPLY - 100, "{octets}");
}

#[test]
fn replies_do_not_depend_on_how_the_network_cuts_them() {
    let input = b"220-a\r\n 220 b\r\n220 c\r\n331 p\r\n230 in\r\n150 go\r\n226 done\r\n";
    every_chunking(session, saying(&["USER ann", "PASS x", "RETR y"]), input).unwrap();
    every_chunking(session, saying(&["AUTH TLS", "NOOP"]), b"220 a\r\n502 no\r\n200 ok\r\n421 bye\r\n")
        .unwrap();
}

#[test]
fn no_server_makes_it_panic() {
    let words = ["220 ready\r\n", "220-", "234 go\r\n", "421 bye\r\n", "150 x\r\n", "\r\n", "\n", "999"];
    never_panics(session, saying(&["AUTH TLS", "USER ann", "PASS x"]), &words).unwrap();
}
