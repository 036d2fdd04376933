//! Servers that mean no good, or know no better.

use std::time::Duration;

use ropewalk_core::Fault;

use super::super::{Options, Phase, Security, Store};
use super::script::{clear, connect, login, serve};

#[tokio::test]
async fn words_behind_the_234_are_an_error() {
    let server = serve(&[("AUTH", "234 go\r\n230 you are in")], "");
    let error = connect(&server, Options::default()).await.unwrap_err();
    assert_eq!(error.chain(), "tls: plaintext behind the answer to AUTH TLS");
    assert_eq!(server.heard(), ["AUTH TLS"]);
}

#[tokio::test]
async fn without_tls_nothing_is_said_unless_that_is_allowed() {
    let server = serve(&[], "");
    let error = connect(&server, Options::default()).await.unwrap_err();
    assert_eq!((error.phase(), error.code()), (Phase::Tls, Some(502)));
    assert_eq!(server.heard(), ["AUTH TLS"]);
    let server = serve(&[], "");
    let options = Options { security: Security::Prefer, ..Options::default() };
    let mut client = connect(&server, options).await.unwrap();
    client.login("ann", "secret").await.unwrap();
    assert_eq!(server.heard()[..3], ["AUTH TLS", "USER ann", "PASS secret"]);
}

#[tokio::test]
async fn the_address_that_pasv_names_is_not_believed() {
    // 192.0.2.1 is nobody's: were it asked, the transfer would not come about.
    let script = &[("EPSV", "500 what?"), ("PASV", "227 (192,0,2,1,P,P)"), ("RETR", "150 here\r\n226 done")];
    let server = serve(script, "text");
    let mut client = login(&server).await;
    assert_eq!(client.retrieve(b"a", 0).await.unwrap().read(10).await.unwrap(), "text");
    // EPSV is not tried again where it is not known.
    assert_eq!(client.retrieve(b"a", 0).await.unwrap().read(10).await.unwrap(), "text");
    assert_eq!(server.heard().iter().filter(|line| *line == "EPSV").count(), 1);
    let server = serve(script, "text");
    let mut options = Options { foreign: true, ..clear() };
    options.times.connect = Duration::from_millis(200);
    let mut client = connect(&server, options).await.unwrap();
    client.login("ann", "secret").await.unwrap();
    assert_eq!(client.retrieve(b"a", 0).await.err().unwrap().phase(), Phase::Data);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_refused() {
    for line in ["type=file; ../../.ssh/authorized_keys", "type=dir; ..", "type=file; a/b"] {
        let server = serve(&[("MLSD", "150 here\r\n226 done")], format!("type=file; ok\r\n{line}\r\n"));
        let error = login(&server).await.list(None).await.unwrap_err();
        assert_eq!(error.phase(), Phase::Transfer);
        assert!(error.chain().ends_with("a name that is none"), "{error:?}");
    }
    let script = &[("FEAT", "500 what?"), ("LIST", "125 here\r\n250 done")];
    let server = serve(script, "-rw-r--r-- 1 a b 5 Nov 21 2026 ../x\r\n");
    assert!(login(&server).await.list(None).await.is_err());
}

#[tokio::test]
async fn where_there_is_no_mlsd_the_lines_for_people_are_read() {
    let script = &[("FEAT", "500 what?"), ("LIST ./-a", "150 here\r\n226 done")];
    let server = serve(script, "total 1\n11-21-26  07:01PM  <DIR>  d\n-rw-r--r-- 1 a b 5 Nov 21 2026 f\n");
    let mut client = login(&server).await;
    let listing = client.list(Some(b"-a")).await.unwrap();
    let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.as_bytes()).collect();
    assert!(names == [b"d", b"f"] && !listing.exact);
    assert!(server.heard().contains(&"TYPE A".to_owned()));
}

#[tokio::test]
async fn a_listing_without_end_is_cut() {
    let server = serve(&[("MLSD", "150 here")], "type=file; a\r\n".repeat(10_000));
    let mut client = connect(&server, Options { listing: 10_000, ..clear() }).await.unwrap();
    client.login("ann", "secret").await.unwrap();
    assert_eq!(client.list(None).await.unwrap_err().fault(), Fault::Limit);
}

#[tokio::test]
async fn a_transfer_that_the_server_cuts_is_no_file() {
    let server = serve(&[("RETR", "150 here\r\n426 cut\x1b[2J")], "half");
    let mut client = login(&server).await;
    let error = client.retrieve(b"a", 0).await.unwrap().read(10).await.unwrap_err();
    assert_eq!(error.code(), Some(426));
    assert_eq!(error.chain(), "transfer: the server answers the transfer with 426 cut?[2J");
    // The session goes on.
    client.set_type(b'A').await.unwrap();
}

#[tokio::test]
async fn a_reply_too_many_is_not_taken_for_the_next() {
    let server = serve(&[("NOOP", "200 ok\r\n200 and one more"), ("DELE", "550 no")], "");
    let mut client = login(&server).await;
    client.noop().await.unwrap();
    let error = client.remove(b"a").await.unwrap_err();
    assert!(error.chain().contains("which nobody asked for"), "{error:?}");
}

#[tokio::test]
async fn no_argument_makes_a_second_command() {
    let server = serve(&[], "");
    let mut client = login(&server).await;
    let before = server.heard().len();
    assert!(before > 0);
    for path in [&b"a\r\nDELE b"[..], b"a\nb", b"a\0"] {
        assert_eq!(client.remove(path).await.unwrap_err().phase(), Phase::Request);
        assert_eq!(client.store(path, Store::Replace).await.err().unwrap().phase(), Phase::Request);
    }
    assert!(!server.heard().iter().any(|line| line.starts_with("DELE") || line.starts_with("STOR")));
}

#[tokio::test]
async fn a_silent_server_is_left() {
    let server = serve(&[("", "220-welcome")], "");
    let mut options = clear();
    options.times.reply = Duration::from_millis(50);
    let error = connect(&server, options).await.unwrap_err();
    assert_eq!((error.phase(), error.fault()), (Phase::Connect, Fault::Limit));
    assert_eq!(error.chain(), "connect: no reply within 0.05 s");
}

#[tokio::test]
async fn a_password_is_in_no_error() {
    let server = serve(&[("PASS", "530 login incorrect")], "");
    let mut client = connect(&server, clear()).await.unwrap();
    let error = client.login("ann", "c4nary").await.unwrap_err();
    assert_eq!(error.chain(), "login: the server answers PASS with 530 login incorrect");
    assert!(!format!("{error:?} {client:?}").contains("c4nary"));
}
