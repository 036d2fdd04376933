use std::time::Instant;

use ropewalk_core::dialogue;
use ropewalk_core::testkit::{Rig, every_chunking, never_panics};

use super::super::Options;
use super::super::commands::{SPECS, Spec};
use super::super::event::Password;
use super::super::session::Tls;
use super::super::session::tests::{answer, endless, ready, session, with};
use super::*;

#[test]
fn an_abort_is_heard_behind_telnet_and_options_are_refused() {
    ready(
        endless,
        r"
        C: RETR a
        S: 150 here it comes
        C: \xff\xf4\xff\xf2ABOR
        S: 426 transfer aborted
        S: 226 nothing runs any more
        C: RETR a
        S: 150 here it comes
        C: \xf2ABOR
        S: 426 transfer aborted
        S: 226 nothing runs any more
        C: \xff\xfd\x06NOOP
        S: \xff\xfc\x06200 ok
        ",
    );
}

#[test]
fn lines_that_are_no_commands_are_answered_ten_times_and_long_ones_once() {
    let long = "x".repeat(4097);
    dialogue!(
        session,
        answer,
        &format!(
            "S: 220 Ropewalk FTP\nC: {long}\nS: 500 line too long\nC: NOOP\nS: 200 ok\nC- {long}\nS: 421 lines too long\nclosed\n"
        )
    );
    let path = "x".repeat(4086);
    ready(answer, &format!("C: CWD {path}\nS: 553 a name is longer than 255 bytes\n"));
    let unknown = "C: XYZZY\nS: 500 unknown command\n".repeat(9);
    dialogue!(
        session,
        answer,
        &format!(
            "S: 220 Ropewalk FTP\n{unknown}C: XYZZY\nS: 421 too many lines that are no commands\nclosed\n"
        )
    );
    ready(
        answer,
        r"
        C: DELE a\nDELE b
        S: 501 CR, LF or NUL in a line
        C: DELE a\xffb
        S: 501 IAC that is not doubled
        C: DELE a\x00b
        S: 501 CR, LF or NUL in a line
        C: DELE \xff\xff
        S: 250 Delete(\x22/\\xff\x22)
        C:
        S: 500 no command
        ",
    );
}

#[test]
fn who_speaks_another_protocol_hears_nothing_and_is_not_blamed() {
    for other in [
        "GET / HTTP/1.1",
        "post /x HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT a:1 HTTP/1.1",
        "PROPFIND / HTTP/1.1",
        "DELE /x HTTP/1.0",
        "Host: example.org:2121",
        "hOST:x",
    ] {
        dialogue!(session, answer, &format!("S: 220 Ropewalk FTP\nC: {other}\nclosed\n"));
        assert_eq!(blamed(&format!("{other}\r\nUSER ann\r\n")), 0, "{other}");
    }
    dialogue!(session, answer, "S: 220 Ropewalk FTP\nC- \\x16\\x03\\x01\\x02\nclosed\n");
    assert_eq!(blamed("\x16\x03\x01\x02"), 0);
    // HOST of RFC 7151 is a command.
    assert!(said("HOST example.org\r\nNOOP\r\n").contains("200 ok"));
}

/// How many offences there are in this.
fn blamed(input: &str) -> usize {
    let mut offences = 0;
    let counts = |event: Event| {
        offences += usize::from(matches!(event, Event::Offence(_)));
        answer(event)
    };
    let mut rig = Rig::new(session, counts).unwrap();
    rig.receive(input.as_bytes()).unwrap();
    drop(rig);
    offences
}

#[test]
fn time_and_a_stop_are_told() {
    dialogue!(
        session,
        answer,
        "S: 220 Ropewalk FTP\nafter 20 s\nC: NOOP\nS: 200 ok\nafter 10 s\nS: 421 no login in time\nclosed\n"
    );
    ready(answer, "after 299 s\nC: NOOP\nS: 200 ok\nafter 300 s\nS: 421 nothing said for too long\nclosed\n");
    ready(endless, "C: RETR a\nS: 150 here it comes\nafter 3600 s\nC: NOOP\nS: 200 ok\n");
    ready(answer, "stop\nS: 421 the server stops\nclosed\n");
    ready(endless, "C: RETR a\nS: 150 here it comes\neof\nclosed\n");
}

/// All that is said and asked when this is sent.
fn said(input: &str) -> String {
    let mut rig = Rig::new(session, answer).unwrap();
    rig.receive(input.as_bytes()).unwrap();
    format!("{:?}", rig.said())
}

#[test]
fn every_command_is_answered_by_what_its_place_allows() {
    let login = "USER ann\r\nPASS secret\r\n";
    for Spec { verb, who, argument, .. } in
        SPECS.iter().filter(|spec| !matches!(spec.verb, "USER" | "AUTH" | "REIN"))
    {
        let fits = if *argument == Argument::No { "" } else { " 1" };
        let before = said(&format!("{verb}{fits}\r\n"));
        assert_eq!(
            before.contains("530 log in first"),
            *who == Who::User || *verb == "ACCT" || *verb == "STAT",
            "{verb}: {before}"
        );
        let after = said(&format!("{login}{verb}{fits}\r\n"));
        assert!(!after.contains("500 ") && !after.contains("530 "), "{verb}: {after}");
        let wrong = match argument {
            Argument::No => " x",
            Argument::Must => "",
            Argument::May => continue,
        };
        let after = said(&format!("{login}{verb}{wrong}\r\n"));
        assert!(after.contains(&format!("501 syntax: {verb}")), "{verb}: {after}");
    }
}

#[test]
fn nothing_is_offered_that_is_refused() {
    let options = Options { active: true, ..Options::default() };
    let mut session = with(options, Tls { offered: true, ..Tls::default() })(Instant::now());
    for feature in session.features() {
        let (name, option) = feature.split_once(' ').unwrap_or((&feature, ""));
        match name {
            // Words that are no commands.
            "TVFS" | "UTF8" => continue,
            _ => {}
        }
        let spec = commands::find(name).unwrap();
        session.out.clear();
        let argument = match name {
            "AUTH" => option,
            "EPRT" => "|1|192.0.2.1|5000|",
            "MFMT" => "20260101000000 a",
            "MFF" => "modify=20260101000000; a",
            "EPSV" => "",
            _ => "0",
        };
        (spec.run)(&mut session, argument.as_bytes());
        let said = format!("{:?}", session.out);
        assert!(!said.contains("b\"500") && !said.contains("b\"502"), "{feature}: {said}");
    }
}

#[test]
fn no_secret_is_in_what_is_logged() {
    let password = Password(b"canary".to_vec().into());
    let event = Event::Login { user: "ann".into(), password };
    let command = Command::new("PASS", Some(b"canary")).unwrap();
    assert!(!format!("{event:?} {command:?}").contains("canary"));
}

#[test]
fn the_answers_do_not_depend_on_how_the_network_cuts_the_input() {
    let login = b"USER ann\r\nPASS secret\r\n".as_slice();
    for input in [
        &b"PASV\r\nRETR a\r\nABOR\r\n"[..],
        b"RNFR a\r\nRNTO b\r\nRNTO c\r\n",
        b"\xff\xf4\xff\xf2ABOR\r\nDELE \xff\xff\r\nDELE \xff\r\nDELE a\nb\r\nNOOP\r\n",
        b"XYZZY\r\nREST 5\r\nSTOR a\r\nQUIT\r\nNOOP\r\n",
    ] {
        every_chunking(session, answer, &[login, input].concat()).unwrap();
    }
    every_chunking(session, answer, b"NOOP\r\nGET / HTTP/1.1\r\n\r\n").unwrap();
    for before in ["", "NOOP\r\n", "a\rb\r\n", "a\n"] {
        every_chunking(session, answer, &[before.as_bytes(), b"\x16\x03\x01\r\nNOOP\r\n"].concat()).unwrap();
    }
}

#[test]
fn no_input_makes_it_panic() {
    let words = [
        "USER ann\r\nPASS secret\r\n",
        "AUTH TLS",
        "PBSZ 0",
        "PROT P",
        "PASV",
        "EPSV",
        "PORT 1,2,3,4,5,6",
        "REST 5",
        "RETR a",
        "STOR a",
        "LIST",
        "MLSD",
        "MLST",
        "OPTS MLST type;",
        "SITE UTIME 202601010000 a",
        "SITE CHMOD 644 a",
        "MFF modify=20260101000000; a",
        "XCRC \"a\" 1 2",
        "HASH a",
        "ABOR",
        "STAT",
        "QUIT",
        "\r\n",
        "\u{ff}",
    ];
    never_panics(session, answer, &words).unwrap();
}
