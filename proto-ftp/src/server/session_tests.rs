use ropewalk_core::dialogue;
use ropewalk_core::testkit::{converse, starttls_forgets};

use super::super::event::Password;
use super::*;

pub(in super::super) fn with(options: Options, tls: Tls) -> impl Fn(Instant) -> Session + Clone {
    let options = Arc::new(options);
    move |now| Session::new(now, &Limits::default(), Arc::clone(&options), tls, false)
}

/// A server with certificates, as it is.
pub(in super::super) fn session(now: Instant) -> Session {
    with(Options::default(), Tls { offered: true, ..Tls::default() })(now)
}

/// An application that knows one person, and in which everything is there but what is called missing. What it is asked
/// to do it says.
pub(in super::super) fn answer(event: Event) -> Answer {
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
pub(in super::super) fn endless(event: Event) -> Answer {
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
fn the_third_bad_login_is_the_last() {
    let bad = "C: USER ann\nS: 331 password, please\nC: PASS no\n";
    let script = format!(
        "S: 220 Ropewalk FTP\n{}{bad}S: 530 login refused, as were those before: goodbye\nclosed\n",
        format!("{bad}S: 530 login refused\n").repeat(2)
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
pub(in super::super) fn ready(respond: impl FnMut(Event) -> Answer, script: &str) {
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
        S: 501 a privileged port is not connected to
        C: EPRT |2|2001:db8::1|1023|
        S: 501 a privileged port is not connected to
        C: EPRT |3|x|5000|
        S: 522 network protocol not supported, use (1,2)
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
fn during_a_transfer_another_login_is_begun_and_what_runs_goes_on() {
    ready(
        endless,
        "
        C: RETR a
        S: 150 here it comes
        C: REIN
        S: 220 as new
        C: TYPE A
        S: 530 log in first
        C: USER ann
        S: 331 password, please
        C: PASS secret
        S: 230 logged in
        C: PWD
        C: USER bob
        C: ABOR
        S: 426 transfer aborted
        S: 226 nothing runs any more
        S: 257 \"/\" is the current directory
        S: 331 password, please
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
