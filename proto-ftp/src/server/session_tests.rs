use ropewalk_core::dialogue;
use ropewalk_core::testkit::{Rig, converse, every_chunking, never_panics, starttls_forgets};

use super::super::commands::{SPECS, Spec};
use super::super::event::Password;
use super::*;

fn with(options: Options, tls: Tls) -> impl Fn(Instant) -> Session + Clone {
    let options = Arc::new(options);
    move |now| Session::new(now, &Limits::default(), Arc::clone(&options), tls, false)
}

/// A server with certificates, as it is.
fn session(now: Instant) -> Session {
    with(Options::default(), Tls { offered: true, ..Tls::default() })(now)
}

/// An application that knows one person, and in which everything is there but what is called missing. What it is asked
/// to do it says.
fn answer(event: Event) -> Answer {
    let missing = |path: &VPath| path.as_bytes().ends_with(b"missing");
    match event {
        Event::Login { user, password: Password(password) } => match (&*user, &**password) {
            ("ann", b"secret") => Answer::Done,
            _ => Answer::Say(Reply::new(530, "login refused")),
        },
        Event::Enter(path) | Event::Find(path) if missing(&path) => Answer::Say(Reply::new(550, "missing")),
        Event::Passive(_) => Answer::Passive("192.0.2.1:50000".parse().unwrap()),
        Event::Ask(ask) => Answer::Say(Reply::new(250, format!("{ask:?}"))),
        Event::Begin(transfer) => {
            Answer::Ended(Reply::new(226, format!("{:?} {:?}", transfer.what, transfer.path)))
        }
        Event::Progress => Answer::Say(Reply::new(213, "so far")),
        _ => Answer::Done,
    }
}

/// The same, where transfers go on for ever.
fn endless(event: Event) -> Answer {
    match event {
        Event::Begin(_) => Answer::Opening(Some(Reply::new(150, "here it comes"))),
        event => answer(event),
    }
}

#[test]
fn a_login_is_a_name_and_a_password() {
    dialogue!(
        session,
        answer,
        "
        S: 220 Ropewalk FTP
        C: PASS secret
        S: 503 USER first
        C: LIST
        S: 530 log in first
        C: user ann
        S: 331 password, please
        C: PASS wrong
        S: 530 login refused
        C: PASS secret
        S: 503 USER first
        C: USER ann
        S: 331 password, please
        C: PASS secret
        S: 230 logged in
        C: CWD /a \"b\"
        S: 250 directory changed
        C: PWD
        S: 257 \"/a \"\"b\"\"\" is the current directory
        C: CWD ../../../missing
        S: 550 missing
        C: XPWD
        S: 257 \"/a \"\"b\"\"\" is the current directory
        C: CDUP
        S: 250 directory changed
        C: USER bob
        S: 331 password, please
        C: PWD
        S: 530 log in first
        C: QUIT
        S: 221 goodbye
        closed
        "
    );
}

#[test]
fn rein_forgets_and_stays() {
    dialogue!(
        session,
        answer,
        "
        S: 220 Ropewalk FTP
        C: USER ann
        S: 331 password, please
        C: PASS secret
        S: 230 logged in
        C: REIN
        S: 220 as new
        C: PWD
        S: 530 log in first
        C: PASS secret
        S: 503 USER first
        "
    );
}

#[test]
fn the_fourth_bad_login_is_the_last() {
    let bad = "C: USER ann\nS: 331 password, please\nC: PASS no\n";
    let script = format!(
        "S: 220 Ropewalk FTP\n{}{bad}S: 421 too many logins failed\nclosed\n",
        format!("{bad}S: 530 login refused\n").repeat(3)
    );
    dialogue!(session, answer, &script);
}

#[test]
fn a_password_is_never_asked_for_in_the_clear_where_tls_is_required() {
    let options = Options { tls_required: true, ..Options::default() };
    dialogue!(
        with(options, Tls { offered: true, ..Tls::default() }),
        answer,
        "
        S: 220 Ropewalk FTP
        C: USER ann
        S: 530 only under TLS: AUTH TLS first
        C: PASS secret
        S: 503 USER first
        C: AUTH TLS
        S: 234 begin TLS
        starttls
        C: PROT P
        S: 503 PBSZ first
        C: USER ann
        S: 331 password, please
        C: PASS secret
        S: 230 logged in
        C: PBSZ 0
        S: 200 PBSZ=0
        C: PROT C
        S: 534 only PROT P here
        C: PROT P
        S: 200 data are private
        C: CCC
        S: 534 TLS stays
        C: AUTH TLS
        S: 503 TLS is on already
        C: REIN
        S: 502 not under TLS: connect again
        "
    );
}

#[test]
fn without_certificates_there_is_no_auth() {
    dialogue!(
        with(Options::default(), Tls::default()),
        answer,
        "
        S: 220 Ropewalk FTP
        C: AUTH TLS
        S: 502 no certificate here
        C: PBSZ 0
        S: 503 AUTH TLS first
        C: PROT P
        S: 503 PBSZ first
        C: CCC
        S: 533 there is no TLS
        "
    );
}

#[test]
fn what_was_said_in_the_clear_is_forgotten_under_tls() {
    let after = b"PASS secret\r\nRNTO b\r\nPROT P\r\nPWD\r\n";
    for injected in [&b"USER evil\r\n"[..], b"USER ev", b"PBSZ 0\r\nUSER ann\r\n", b"\xff\xf4"] {
        let before = b"USER ann\r\nREST 5\r\nAUTH TLS\r\n";
        starttls_forgets(session, answer, before, injected, after).unwrap();
    }
    dialogue!(
        session,
        answer,
        "
        S: 220 Ropewalk FTP
        C: USER ann
        S: 331 password, please
        C: PASS secret
        S: 230 logged in
        C: RNFR a
        S: 350 to what name?
        C: AUTH TLS
        S: 234 begin TLS
        starttls
        C: RNTO b
        S: 530 log in first
        C: PASS secret
        S: 503 USER first
        "
    );
}

#[test]
fn commands_sent_ahead_of_auth_during_a_transfer_end_the_connection() {
    let mut said = String::new();
    let ended = endless;
    let respond = |event: Event| {
        said.push_str(&format!("{event:?};"));
        match event {
            // The transfer ends when it is asked how far it is.
            Event::Progress => Answer::Ended(Reply::new(226, "done")),
            event => ended(event),
        }
    };
    converse(
        session,
        respond,
        "
        S: 220 Ropewalk FTP
        C: USER ann\\r\\nPASS secret\\r\\nLIST
        S: 331 password, please
        S: 230 logged in
        S: 150 here it comes
        C: AUTH TLS\\r\\nUSER evil\\r\\nSTAT
        S: 226 done
        closed
        ",
    )
    .unwrap();
    assert!(said.contains("Offence(Garbage)") && !said.contains("evil"), "{said}");
}

/// A login, and then this.
fn ready(respond: impl FnMut(Event) -> Answer, script: &str) {
    let login =
        "S: 220 Ropewalk FTP\nC: USER ann\nS: 331 password, please\nC: PASS secret\nS: 230 logged in\n";
    converse(session, respond, &format!("{login}{script}")).unwrap();
}

#[test]
fn a_rename_is_two_commands_with_nothing_between() {
    ready(
        answer,
        r#"
        C: RNTO b
        S: 503 RNFR first
        C: RNFR missing
        S: 550 missing
        C: RNTO b
        S: 503 RNFR first
        C: RNFR a
        S: 350 to what name?
        C: NOOP
        S: 200 ok
        C: RNTO b
        S: 503 RNFR first
        C: RNFR a
        S: 350 to what name?
        C: PASV
        S: 227 Entering Passive Mode (192,0,2,1,195,80).
        C: RNTO b
        S: 503 RNFR first
        C: RNFR a
        S: 350 to what name?
        C: RNTO b
        S: 250 Rename("/a", "/b")
        C: RNTO c
        S: 503 RNFR first
        "#,
    );
}

#[test]
fn a_restart_is_for_the_next_transfer_and_for_no_other_command() {
    ready(
        answer,
        r#"
        C: TYPE I
        S: 200 type is image
        C: REST 5
        S: 350 restarting at 5
        C: EPSV
        S: 229 Entering Extended Passive Mode (|||50000|)
        C: RETR a
        S: 226 Retrieve(5) "/a"
        C: RETR a
        S: 226 Retrieve(0) "/a"
        C: REST 5
        S: 350 restarting at 5
        C: LIST
        S: 226 List(Ls) "/"
        C: STOR a
        S: 226 Store(Replace, None) "/a"
        C: REST 5
        S: 350 restarting at 5
        C: APPE a
        S: 226 Store(Append, None) "/a"
        C: ALLO 100
        S: 200 noted
        C: REST 5
        S: 350 restarting at 5
        C: STOR a
        S: 226 Store(Resume(5), Some(100)) "/a"
        C: TYPE A
        S: 200 type is ASCII
        C: REST 5
        S: 350 restarting at 5
        C: RETR a
        S: 554 REST needs TYPE I
        C: REST -1
        S: 501 REST OFFSET
        C: REST 99999999999999999999
        S: 501 REST OFFSET
        "#,
    );
}

#[test]
fn types_modes_and_structures_are_what_a_file_has() {
    ready(
        answer,
        "
        C: TYPE A N
        S: 200 type is ASCII
        C: SIZE a
        S: 550 SIZE is not known in TYPE A
        C: TYPE L 8
        S: 200 type is image
        C: TYPE L 36
        S: 504 a byte has 8 bits
        C: TYPE E
        S: 504 A, I or L 8
        C: TYPE X
        S: 501 TYPE A, I or L 8
        C: MODE S
        S: 200 mode is stream
        C: MODE B
        S: 504 only S
        C: STRU R
        S: 504 only F
        C: STRU F
        S: 200 structure is file
        C: SMNT /
        S: 502 not implemented
        ",
    );
}

#[test]
fn after_epsv_all_there_is_no_other_way() {
    ready(
        answer,
        "
        C: EPSV 3
        S: 522 protocol not supported, use (1,2)
        C: EPSV ALL
        S: 200 EPSV only, from now on
        C: PASV
        S: 501 EPSV ALL was said
        C: PORT 192,0,2,1,195,80
        S: 501 EPSV ALL was said
        C: EPRT |1|192.0.2.1|50000|
        S: 501 EPSV ALL was said
        C: EPSV
        S: 229 Entering Extended Passive Mode (|||50000|)
        ",
    );
}

#[test]
fn active_is_off_and_where_it_is_on_no_service_is_reached() {
    ready(answer, "C: PORT 192,0,2,1,195,80\nS: 502 use EPSV or PASV\n");
    let options = Options { active: true, ..Options::default() };
    let script = "
        S: 220 Ropewalk FTP
        C: USER ann
        S: 331 password, please
        C: PASS secret
        S: 230 logged in
        C: PORT 192,0,2,1,0,25
        S: 501 no port of a client
        C: EPRT |2|2001:db8::1|1023|
        S: 501 no port of a client
        C: EPRT |3|x|5000|
        S: 501 not an address and port
        C: EPRT |3|192.0.2.1|5000|
        S: 522 network protocol not supported, use (1,2)
        C: PORT 192,0,2,1
        S: 501 not an address and port
        C: PORT 192,0,2,1,195,80
        S: 200 done
        ";
    converse(with(options, Tls::default()), answer, script).unwrap();
}

#[test]
fn during_a_transfer_some_commands_act_at_once_and_others_wait() {
    ready(
        endless,
        "
        C: RETR a
        S: 150 here it comes
        C: NOOP
        S: 200 ok
        C: STAT
        S: 213 so far
        C: PWD
        C: STAT /
        C: NOOP
        S: 200 ok
        C: ABOR
        S: 426 transfer aborted
        S: 226 nothing runs any more
        S: 257 \"/\" is the current directory
        S: 250 Status(\"/\")
        C: ABOR
        S: 226 nothing runs any more
        ",
    );
}

#[test]
fn the_seventeenth_command_that_waits_ends_the_session() {
    let waits = "C: PWD\n".repeat(16);
    ready(
        endless,
        &format!(
            "C: RETR a\nS: 150 here it comes\n{waits}C: PWD\nS: 421 too many commands during a transfer\nclosed\n"
        ),
    );
}

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
fn who_speaks_another_protocol_hears_nothing() {
    for other in ["GET / HTTP/1.1", "POST /x HTTP/1.1", "OPTIONS * HTTP/1.1", "CONNECT a:1 HTTP/1.1"] {
        dialogue!(session, answer, &format!("S: 220 Ropewalk FTP\nC: {other}\nclosed\n"));
    }
    dialogue!(session, answer, "S: 220 Ropewalk FTP\nC- \\x16\\x03\\x01\\x02\nclosed\n");
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
fn facts_are_chosen_and_told() {
    ready(
        answer,
        "
        C: OPTS MLST size;modify;nonsense;
        S: 200 MLST OPTS size;modify;
        C: OPTS MLST
        S: 200 MLST OPTS
        C: OPTS UTF8 ON
        S: 200 always
        C: OPTS UTF8 OFF
        S: 504 names are UTF-8
        C: OPTS HASH SHA-1
        S: 200 SHA-1
        C: OPTS HASH MD9
        S: 504 unknown algorithm
        C: OPTS PWD
        S: 501 no options for that
        C: SITE CHMOD 4755 a
        S: 501 SITE CHMOD MODE NAME, with a mode of at most 777
        C: SITE EXEC ls
        S: 504 SITE HELP says what there is
        C: MFF UNIX.owner=0; a
        S: 504 only modify and UNIX.mode can be set
        C: HOST a.example
        S: 503 HOST comes before USER
        ",
    );
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
    every_chunking(session, answer, b"\x16\x03\x01").unwrap();
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
