//! Files over data connections (RFC 959 §4.1.3, RFC 3659 §5).

use std::time::{Duration, Instant};

use ropewalk_core::data::files::Memory;
use ropewalk_core::net::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::{Ftp, Options};
use super::client::{Server, all, area, content, options, serve, serve_within};

fn server(memory: &Memory) -> Server {
    serve(Ftp::new(area(memory)).with(options()))
}

/// Octets that say where they are.
fn octets(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[tokio::test]
async fn what_is_stored_is_retrieved() {
    let memory = Memory::new();
    let mut client = server(&memory).login().await;
    for len in [0, 1, 16 << 10, 256 << 10, 300_000, 512 << 10, 1_500_000] {
        let content = octets(len);
        assert_eq!(client.store("STOR a", &content).await, 226);
        let data = client.passive().await;
        let opening = client.say("RETR a").await;
        assert_eq!(opening, format!("150 opening data connection ({len} bytes)\r\n"));
        assert!(all(data).await == content, "{len}");
        assert_eq!(client.reply().await, "226 done\r\n");
    }
}

#[tokio::test]
async fn of_what_is_over_at_once_all_is_told_at_once() {
    let mut client = server(&Memory::new().with("/a", "text")).login().await;
    let data = client.passive().await;
    client.send(b"RETR a\r\n").await;
    let mut said = Vec::new();
    client.conn.as_mut().unwrap().read_buf(&mut said).await.unwrap();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(said, "150 opening data connection (4 bytes)\r\n226 done\r\n");
    assert_eq!(all(data).await, b"text");
}

#[tokio::test]
async fn text_has_other_line_ends_on_the_wire() {
    let memory = Memory::new();
    let mut client = server(&memory).login().await;
    assert_eq!(client.code("TYPE A").await, 200);
    let data = client.passive().await;
    assert_eq!(client.code("STOR t").await, 150);
    let mut data = data;
    for part in [&b"one\r"[..], b"\ntwo\r", b"three\r\n\r"] {
        data.write_all(part).await.unwrap();
        data.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    data.shutdown().await.unwrap();
    assert_eq!(client.reply().await, "226 done\r\n");
    assert_eq!(content(&memory, "/t").await, "one\ntwo\rthree\n\r");
    assert_eq!(client.fetch("RETR t").await, "one\r\ntwo\rthree\r\n\r");
    assert_eq!(client.code("TYPE I").await, 200);
    assert_eq!(client.fetch("RETR t").await, "one\ntwo\rthree\n\r");
}

#[tokio::test]
async fn a_transfer_goes_on_where_it_was_cut() {
    let memory = Memory::new().with("/a", "0123456789");
    let mut client = server(&memory).login().await;
    assert_eq!(client.code("REST 4").await, 350);
    assert_eq!(client.fetch("RETR a").await, "456789");
    assert_eq!(client.fetch("RETR a").await, "0123456789");
    assert_eq!(client.code("REST 10").await, 350);
    assert_eq!(client.fetch("RETR a").await, "");
    assert_eq!(client.code("REST 4").await, 350);
    assert_eq!(client.store("STOR a", b"abc").await, 226);
    assert_eq!(content(&memory, "/a").await, "0123abc789");
    assert_eq!(client.store("APPE a", b"+").await, 226);
    assert_eq!(client.store("APPE new", b"n").await, 226);
    assert_eq!(content(&memory, "/a").await, "0123abc789+");
    assert_eq!(content(&memory, "/new").await, "n");
    // RFC 1123 §4.1.3.
    for command in ["RETR a", "STOR a", "STOR none"] {
        assert_eq!(client.code("REST 12").await, 350);
        assert_eq!(client.code(command).await, 554, "{command}");
    }
    assert_eq!(client.code("MDTM none").await, 550);
}

#[tokio::test]
async fn a_limit_on_the_rate_is_for_data_too() {
    let memory = Memory::new().with("/a", "x".repeat(150_000));
    let server = serve_within(Ftp::new(area(&memory)).with(options()), None, Some(100_000));
    let mut client = server.login().await;
    let begun = Instant::now();
    assert_eq!(client.fetch("RETR a").await.len(), 150_000);
    // What is beyond the first second's worth.
    assert!(begun.elapsed() > Duration::from_millis(300));
}

#[tokio::test]
async fn a_unique_name_is_new_and_told() {
    let memory = Memory::new().with("/a", "old").with_dir("/a.1");
    let mut client = server(&memory).login().await;
    for name in ["a.2", "a.3"] {
        let mut data = client.passive().await;
        assert_eq!(client.say("STOU a").await, format!("150 FILE: {name}\r\n"));
        data.write_all(b"new").await.unwrap();
        drop(data);
        assert_eq!(client.reply().await, "226 done\r\n");
        assert_eq!(content(&memory, &format!("/{name}")).await, "new");
    }
    assert_eq!(client.store("STOU", b"x").await, 226);
    assert_eq!(content(&memory, "/a").await, "old");
}

#[tokio::test]
async fn an_abort_ends_a_transfer_and_leaves_the_old_file() {
    let memory = Memory::new().with("/big", octets(64 << 20)).with("/a", "old");
    let mut client = server(&memory).login().await;
    for abort in [&b"ABOR\r\n"[..], b"\xff\xf4\xff\xf2ABOR\r\n"] {
        let mut data = client.passive().await;
        assert_eq!(client.code("RETR big").await, 150);
        data.read_exact(&mut [0; 1000]).await.unwrap();
        assert!(client.say("STAT").await.ends_with("bytes transferred\r\n"));
        assert_eq!(client.code("NOOP").await, 200);
        client.send(abort).await;
        assert_eq!(client.reply().await, "426 transfer aborted\r\n");
        assert_eq!(client.reply().await, "226 nothing runs any more\r\n");
    }
    let mut data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    data.write_all(b"half").await.unwrap();
    assert_eq!(client.codes(["ABOR"]).await, [426]);
    assert_eq!(client.reply().await, "226 nothing runs any more\r\n");
    assert_eq!(client.fetch("RETR a").await, "old");
    assert_eq!(client.codes(["ABOR", "STAT a"]).await, [226, 213]);
}

#[tokio::test]
async fn an_abort_that_is_sent_as_urgent_is_heard() {
    let memory = Memory::new().with("/big", octets(64 << 20));
    let server = server(&memory);
    let mut client = server.login().await;
    let _data = client.passive().await;
    assert_eq!(client.code("RETR big").await, 150);
    let socket = client.conn.as_ref().unwrap().as_tcp().unwrap();
    let urgent = socket2::SockRef::from(socket).send_out_of_band(b"\xff\xf4\xff").unwrap();
    assert_eq!(urgent, 3);
    client.send(b"\xf2ABOR\r\n").await;
    assert_eq!(client.reply().await, "426 transfer aborted\r\n");
    assert_eq!(client.reply().await, "226 nothing runs any more\r\n");
}

#[tokio::test]
async fn the_end_of_the_control_connection_is_that_of_an_upload() {
    let memory = Memory::new().with("/a", "old");
    let server = server(&memory);
    let mut client = server.login().await;
    let mut data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    data.write_all(b"half").await.unwrap();
    drop(client);
    // The server closes its end, and what it got is nowhere.
    assert_eq!(data.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(content(&memory, "/a").await, "old");
}

#[tokio::test]
async fn a_quit_waits_for_the_transfer() {
    let memory = Memory::new().with("/big", octets(64 << 20));
    let mut client = server(&memory).login().await;
    let data = client.passive().await;
    assert_eq!(client.code("RETR big").await, 150);
    assert_eq!(client.say("QUIT").await, "221 goodbye\r\n");
    assert_eq!(all(data).await.len(), 64 << 20);
    assert_eq!((client.reply().await, client.reply().await), ("226 done\r\n".into(), String::new()));
}

#[tokio::test]
async fn a_digest_is_that_of_the_file_or_of_a_part() {
    let memory = Memory::new().with("/a b", "123456789");
    let mut client = server(&memory).login().await;
    assert_eq!(client.say("XCRC a b").await, "250 cbf43926\r\n");
    assert_eq!(client.say("XCRC \"a b\" 0 9").await, "250 cbf43926\r\n");
    assert_eq!(client.say("OPTS HASH CRC32").await, "200 CRC32\r\n");
    assert_eq!(client.say("HASH a b").await, "213 CRC32 0-9 cbf43926 /a b\r\n");
    assert_eq!(
        client.codes(["XCRC none", "XCRC \"a b\" 10 12", "XSHA1 a b", "NOOP"]).await,
        [550, 501, 250, 200]
    );
}

#[tokio::test]
async fn a_large_file_has_no_digest() {
    let options = Options { hash: 8, ..options() };
    let memory = Memory::new().with("/a", "123456789");
    let mut client = serve(Ftp::new(area(&memory)).with(options)).login().await;
    assert_eq!(client.codes(["HASH a", "XCRC \"a\" 1 9"]).await, [450, 250]);
}

#[tokio::test]
async fn an_active_transfer_comes_to_the_client() {
    let options = Options { active: true, ..options() };
    let memory = Memory::new().with("/a", "text");
    let mut client = serve(Ftp::new(area(&memory)).with(options)).login().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(client.code(&format!("EPRT |1|127.0.0.1|{port}|")).await, 200);
    assert_eq!(client.code("RETR a").await, 150);
    let (socket, _) = listener.accept().await.unwrap();
    assert_eq!(all(Connection::tcp(socket).unwrap()).await, b"text");
    assert_eq!(client.reply().await, "226 done\r\n");
}

#[tokio::test]
async fn names_of_any_bytes_are_kept() {
    let memory = Memory::new();
    let mut client = server(&memory).login().await;
    // Every byte but NUL, slash, CR and LF; 0xFF travels doubled.
    let name: Vec<u8> =
        (1..=254_u8).filter(|byte| !matches!(byte, b'/' | b'\r' | b'\n')).chain([255, 255]).collect();
    let data = client.passive().await;
    client.send(&[b"STOR ", &name[..], b"\r\n"].concat()).await;
    assert_eq!(client.reply().await, "150 send it\r\n");
    drop(data);
    assert_eq!(client.reply().await, "226 done\r\n");
    let data = client.passive().await;
    assert_eq!(client.code("NLST").await, 150);
    let listed = all(data).await;
    let name = &name[..name.len() - 1];
    assert_eq!(listed.strip_suffix(b"\r\n"), Some(name));
}

#[tokio::test]
async fn pasv_says_the_address_of_the_clients_network() {
    let options = Options {
        masquerade: ["192.0.2.0/24=203.0.113.1", "127.0.0.0/8=203.0.113.2"]
            .map(|public| public.parse().unwrap())
            .into(),
        ..options()
    };
    let mut client = serve(Ftp::new(area(&Memory::new())).with(options)).login().await;
    assert!(client.say("PASV").await.starts_with("227 Entering Passive Mode (203,0,113,2,"));
    let at = client.port("EPSV 1").await;
    TcpStream::connect(at).await.unwrap();
    assert_eq!(client.code("EPSV 2").await, 522);
}
