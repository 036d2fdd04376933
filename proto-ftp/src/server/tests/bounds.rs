//! What is counted, cut short or taken for nothing, over whole sessions: each fails without its defence.

use std::net::Ipv4Addr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::data::cred::Memory as People;
use ropewalk_core::data::files::layers::{Quota, Rates, Share, Throttle};
use ropewalk_core::data::files::{Files, Memory};
use ropewalk_core::net::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::super::{Area, Ftp, Options};
use super::client::{Client, Server, all, area, code, content, options, secure, serve, stranger};
use super::secure::{tls, trusting};

/// The same tree for three people.
fn shared(files: impl Files + 'static) -> Server {
    let people = ["ann:secret", "bob:secret", "cyd:secret"].map(|user| user.parse().unwrap());
    let people = people.into_iter().fold(People::new().unwrap(), People::user);
    serve(Ftp::new(Area::new().shared(Arc::new(people), Arc::new(files))).with(options()))
}

async fn login(server: &Server, name: &str) -> Client {
    let mut client = server.connect().await;
    client.log_in(name, "secret").await;
    assert_eq!(client.code("TYPE I").await, 200);
    client
}

/// A port that nobody has, and that the system gives to nobody who does not ask for it.
fn free_port() -> u16 {
    let is_free = |port: &u16| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (31_000..32_000).find(is_free).unwrap()
}

#[tokio::test]
async fn of_one_port_a_second_session_gets_nothing() {
    let port = free_port();
    let options = Options { passive: port..=port, ..options() };
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "A"))).with(options));
    let (mut one, mut two) = (server.login().await, server.login().await);
    let at = one.port("EPSV").await;
    assert_eq!(two.codes(["EPSV", "PASV", "RETR a"]).await, [425, 425, 425]);
    let data = Connection::tcp(TcpStream::connect(at).await.unwrap()).unwrap();
    assert_eq!(one.code("RETR a").await, 150);
    assert_eq!(all(data).await, b"A");
    assert_eq!(one.reply().await, "226 done\r\n");
    assert_eq!(two.fetch("RETR a").await, "A");
}

#[tokio::test]
async fn words_behind_auth_begin_no_tls() {
    let server = serve(Ftp::new(area(&Memory::new())).tls(&tls()).with(options()));
    let mut client = server.connect().await;
    client.send(b"AUTH TLS\r\nUSER evil\r\n").await;
    assert_eq!(client.reply().await, "234 begin TLS\r\n");
    let conn = client.conn.take().unwrap();
    assert!(secure(conn, &trusting()).await.is_err());
}

#[tokio::test]
async fn an_address_in_disguise_is_still_not_the_clients() {
    let options = Options { active: true, ..options() };
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(options));
    let mut client = server.login().await;
    let victim = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = victim.local_addr().unwrap().port();
    for at in ["|2|::ffff:127.0.0.2|", "|2|::1|", "|1|0.0.0.0|"] {
        assert_eq!(client.code(&format!("EPRT {at}{port}|")).await, 501, "{at}");
    }
    assert_eq!(client.code("RETR a").await, 425);
    assert!(timeout(Duration::from_millis(50), victim.accept()).await.is_err());
}

#[tokio::test]
async fn only_where_that_is_allowed_a_third_host_has_the_data() {
    let options = Options { active: true, fxp: vec!["127.0.0.2/32".parse().unwrap()], ..options() };
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(options));
    let mut client = server.login().await;
    let other = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    assert_eq!(client.codes([&*format!("EPRT |1|127.0.0.2|{port}|"), "RETR a"]).await, [200, 150]);
    let (mut data, _) = other.accept().await.unwrap();
    let mut text = String::new();
    data.read_to_string(&mut text).await.unwrap();
    assert_eq!((&*text, &*client.reply().await), ("text", "226 done\r\n"));
    let mut data = stranger(client.port("EPSV").await).await;
    assert_eq!(client.code("STOR b").await, 150);
    data.write_all(b"theirs").await.unwrap();
    drop(data);
    assert_eq!(client.reply().await, "226 done\r\n");
    assert_eq!(client.fetch("RETR b").await, "theirs");
    // No service is reached by it all the same.
    assert_eq!(client.codes(["PORT 127,0,0,2,0,25", "EPRT |1|127.0.0.2|1023|"]).await, [501, 501]);
}

#[tokio::test]
async fn who_takes_nothing_of_a_file_is_cut_off_it() {
    let memory = Memory::new().with("/big", vec![b'x'; 64 << 20]).with("/a", "text");
    let server =
        serve(Ftp::new(area(&memory)).with(Options { stall: Duration::from_millis(100), ..options() }));
    let mut client = server.login().await;
    let data = client.passive().await;
    assert_eq!(client.code("RETR big").await, 150);
    let end = timeout(Duration::from_secs(20), client.reply()).await;
    assert_eq!(end.unwrap(), "426 data connection broken, transfer aborted\r\n");
    drop(data);
    assert_eq!(client.fetch("RETR a").await, "text");
}

#[tokio::test]
async fn a_person_has_one_digest_at_once_and_slow_ones_are_in_nobodys_way() {
    let one_octet_a_second = Arc::new(Rates::new(NonZeroU64::MIN));
    let server = shared(Throttle::new(Memory::new().with("/a", "never ends"), one_octet_a_second));
    let (mut ann, mut again) = (login(&server, "ann").await, login(&server, "ann").await);
    let (mut bob, mut cyd) = (login(&server, "bob").await, login(&server, "cyd").await);
    for client in [&mut ann, &mut bob, &mut cyd] {
        client.send(b"HASH a\r\n").await;
        assert_eq!(client.code("STAT").await, 213);
    }
    assert_eq!(again.say("XCRC a").await, "450 a digest of yours is on its way, wait for it\r\n");
    // It ends when that is asked for, and another has its turn.
    assert_eq!((ann.code("ABOR").await, code(&ann.reply().await)), (426, 226));
    let begun = async {
        loop {
            again.send(b"HASH a\r\nSTAT\r\n").await;
            match code(&again.reply().await) {
                213 => break,
                450 => assert_eq!(code(&again.reply().await), 211),
                other => panic!("{other}"),
            }
        }
    };
    timeout(Duration::from_secs(20), begun).await.unwrap();
}

#[tokio::test]
async fn what_stat_shows_of_a_directory_has_an_end() {
    let memory = (0..1200).fold(Memory::new(), |memory, number| memory.with(&format!("/{number}"), ""));
    let mut client = serve(Ftp::new(area(&memory)).with(options())).login().await;
    let said = client.say("STAT /").await;
    assert!(said.ends_with("212 There is more: LIST shows all\r\n"), "{said}");
    assert_eq!(said.lines().count(), 1002);
    assert_eq!(client.fetch("LIST").await.lines().count(), 1200);
}

#[tokio::test]
async fn what_goes_on_or_is_added_counts_too() {
    let memory = Memory::new();
    let share = Share::uncounted(100);
    let server = shared(Quota::new(memory.clone(), share));
    let mut client = login(&server, "ann").await;
    let sixty = [b'x'; 60];
    assert_eq!(client.store("STOR a", &sixty).await, 226);
    assert_eq!(client.code("REST 50").await, 350);
    assert_eq!(client.store("STOR a", &sixty).await, 552);
    assert_eq!(client.store("APPE a", &sixty).await, 552);
    assert_eq!(client.store("APPE b", &sixty).await, 552);
    assert_eq!(client.store("STOU b", &sixty).await, 552);
    // What is said to be too long is not begun.
    let _data = client.passive().await;
    assert_eq!(client.codes(["ALLO 101", "STOR b"]).await, [200, 552]);
    assert_eq!(client.store("APPE a", &[b'y'; 40]).await, 226);
    assert_eq!(content(&memory, "/a").await, format!("{}{}", "x".repeat(60), "y".repeat(40)));
}

#[tokio::test]
async fn a_rename_replaces_a_file_and_nothing_else() {
    let memory = Memory::new().with("/a", "a").with("/b", "b").with("/dir/sub/c", "c");
    let mut client = serve(Ftp::new(area(&memory)).with(options())).login().await;
    for (from, to, code) in [
        ("a", "dir", 550),
        ("dir", "a", 550),
        ("dir", "dir/sub/in", 553),
        ("dir/sub", "dir", 550),
        ("a", "none/a", 550),
        ("a", "b", 250),
    ] {
        let said = client.codes([&*format!("RNFR {from}"), &*format!("RNTO {to}")]).await;
        assert_eq!(said, [350, code], "{from} to {to}");
    }
    assert_eq!(client.fetch("RETR b").await, "a");
    assert_eq!(client.fetch("RETR dir/sub/c").await, "c");
}

#[tokio::test]
async fn site_copies_nothing_and_runs_nothing() {
    let memory = Memory::new().with("/a", "text");
    let server = serve(Ftp::new(area(&memory)).with(options()));
    let commands =
        ["SITE CPFR a", "SITE CPTO b", "SITE COPY a b", "SITE EXEC ls", "SITE SYMLINK a b", "SITE INDEX a"];
    let mut client = server.connect().await;
    assert_eq!(client.codes(commands).await, [504; 6]);
    assert_eq!(client.codes(["SITE CHMOD 600 a", "SITE UTIME 20260101000000 a"]).await, [530; 2]);
    let mut client = server.login().await;
    assert_eq!(client.codes(commands).await, [504; 6]);
    assert_eq!(client.codes(["MDTM b", "MODE Z", "MODE B", "SMNT /"]).await, [550, 504, 504, 502]);
}

#[tokio::test]
async fn quotes_that_do_not_close_are_a_part_of_the_name() {
    let mut client = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(options())).login().await;
    for argument in ["\"", "\"\"", "\"a", "a\"", "\"\" 0 1", "\" 0 1", "\"a\\"] {
        assert_eq!(client.code(&format!("XCRC {argument}")).await, 550, "{argument}");
    }
    for argument in ["\"a\" x", "\"a\" 1 2 3", "\"a\" 2 1", "\"a\" -1", "\"a\" 99999999999999999999"] {
        assert_eq!(client.code(&format!("XCRC {argument}")).await, 501, "{argument}");
    }
    assert_eq!(client.code("XCRC \"a\" 0 2").await, 250);
}

#[tokio::test]
async fn what_waits_for_a_transfer_takes_little_room() {
    let memory = Memory::new().with("/big", vec![b'x'; 64 << 20]);
    let server = serve(Ftp::new(area(&memory)).with(options()));
    let mut client = server.login().await;
    let _data = client.passive().await;
    assert_eq!(client.code("RETR big").await, 150);
    let long = format!("DELE {}\r\n", "x/".repeat(2000));
    client.send(long.repeat(3).as_bytes()).await;
    let last = timeout(Duration::from_secs(20), client.reply()).await;
    assert_eq!(last.unwrap(), "421 too many commands during a transfer\r\n");
}

#[tokio::test]
async fn who_sends_more_than_there_is_room_for_is_told_so_and_not_cut_off() {
    let server = shared(Quota::new(Memory::new(), Share::new(1000, 0)));
    let mut client = login(&server, "ann").await;
    let mut data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    // Far more than the system keeps for whoever does not read.
    data.write_all(&vec![b'x'; 32 << 20]).await.unwrap();
    data.shutdown().await.unwrap();
    assert_eq!(code(&client.reply().await), 552);
    assert_eq!(client.code("SIZE a").await, 550);
}
