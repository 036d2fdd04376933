use ropewalk_core::config::{Registry, check_example};
use ropewalk_core::dialogue;
use ropewalk_core::testkit::{every_chunking, never_panics};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn session(now: Instant) -> Session {
    Session::new(now, &Limits::default())
}

/// The application of these tests: it knows one word.
fn answer(word: String) -> Option<String> {
    (word == "strand").then(|| "yarns laid together".into())
}

#[test]
fn a_word_is_answered_with_its_meaning() {
    dialogue!(
        session,
        answer,
        "
        C: strand
        S: yarns laid together
        C: knot
        S: ? no such word
        C: quit
        S: bye
        closed
        "
    );
}

#[test]
fn who_says_nothing_is_sent_away() {
    dialogue!(session, answer, "after 300 s\nS: ? nothing said for too long\nclosed");
}

#[test]
fn a_line_without_cr_is_refused() {
    dialogue!(session, answer, "C- strand\\n\nS: ? LF without CR\nclosed");
}

#[test]
fn a_stop_is_told() {
    dialogue!(session, answer, "stop\nS: ? the server stops\nclosed");
}

#[test]
fn the_answers_do_not_depend_on_how_the_network_cuts_the_input() {
    every_chunking(session, answer, b"strand\r\n\r\nquit\r\nstrand\r\n").unwrap();
    every_chunking(session, answer, b"strand\nquit\r\n").unwrap();
}

#[test]
fn no_input_makes_it_panic() {
    never_panics(session, answer, &["strand", "quit", "\r\n"]).unwrap();
}

#[tokio::test]
async fn a_connection_is_served_to_its_end() {
    let (conn, mut peer) = Connection::pair();
    let cx = Context::root(Limits::default());
    let dictionary = Dictionary::default().with("strand", "yarns laid together");
    let served = cx.spawn({
        let cx = cx.clone();
        async move { dictionary.serve(conn, cx).await }
    });
    peer.write_all(b"strand\r\nquit\r\n").await.unwrap();
    let mut heard = String::new();
    peer.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "yarns laid together\r\nbye\r\n");
    drop(peer);
    served.await.unwrap().unwrap();
}

#[test]
fn the_example_of_the_kind_is_read_without_errors() {
    check_example(&KIND, Registry::new(), "").unwrap();
}
