//! Uploads that are long enough to be taken from their sockets where they are written.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ropewalk_core::data::files::Memory;
use ropewalk_core::data::files::layers::{Quota, Rates, Share, Throttle};
use ropewalk_core::net::Connection;
use ropewalk_core::testkit::Watched;
use tokio::io::AsyncWriteExt as _;

use super::super::{Ftp, Options};
use super::client::{Client, Server, all, area, area_of, code, options, serve, serve_within};

fn watched() -> Watched {
    Watched::new(Memory::new().with("/a", "old"))
}

fn ftp(files: &Watched) -> Ftp {
    Ftp::new(area_of(Arc::new(files.clone()))).with(options())
}

/// Octets that say where they are.
fn octets(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// A client whose upload of `/a` has begun.
async fn storing(server: &Server) -> (Client, Connection) {
    let mut client = server.login().await;
    let data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    (client, data)
}

/// Sends this, or as much of it as is taken; the code that ends it.
async fn sent(server: &Server, command: &str, content: &[u8]) -> u16 {
    let mut client = server.login().await;
    let mut data = client.passive().await;
    assert_eq!(client.code(command).await, 150);
    let _refused = data.write_all(content).await;
    drop(data);
    code(&client.reply().await)
}

/// What `/a` has.
async fn stored(server: &Server) -> Vec<u8> {
    let mut client = server.login().await;
    let data = client.passive().await;
    assert_eq!(client.code("RETR a").await, 150);
    all(data).await
}

#[tokio::test]
async fn what_comes_fast_is_drawn_and_what_is_changed_on_its_way_is_not() {
    let files = watched();
    let content = octets(12_000_001);
    let server = serve(ftp(&files));
    assert_eq!(sent(&server, "STOR a", &content).await, 226);
    let (drawn, given) = files.counts();
    assert!(drawn > 1_000_000, "{drawn} drawn, {given} given");
    assert_eq!(drawn + given, content.len() as u64);
    assert!(stored(&server).await == content);
    let mut text = server.login().await;
    assert_eq!(text.code("TYPE A").await, 200);
    assert_eq!(text.store("STOR a", &b"two\r\nlines\r\n".repeat(50_000)).await, 226);
    assert_eq!(files.counts(), (0, 500_000));
    let limited = serve_within(ftp(&files), None, Some(1_000_000));
    let begun = Instant::now();
    assert_eq!(sent(&limited, "STOR a", &octets(1_400_000)).await, 226);
    assert_eq!(files.counts(), (0, 1_400_000));
    // What is beyond the first second's worth.
    assert!(begun.elapsed() > Duration::from_millis(300));
}

#[tokio::test]
async fn pieces_of_any_length_with_rests_between_become_a_whole() {
    let files = watched();
    let server = serve(ftp(&files));
    let content = octets(4_000_003);
    for most in [70_001, 300_007, 1 << 20] {
        let (mut client, mut data) = storing(&server).await;
        for (turn, piece) in content.chunks(most).enumerate() {
            data.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(turn as u64 % 3)).await;
        }
        drop(data);
        assert_eq!(client.reply().await, "226 done\r\n");
        assert!(stored(&server).await == content, "{most}");
    }
}

#[tokio::test]
async fn an_upload_goes_on_in_its_middle_and_at_its_end() {
    let files = watched();
    let server = serve(ftp(&files));
    let mut content = octets(3_000_000);
    assert_eq!(sent(&server, "STOR a", &content).await, 226);
    let mut client = server.login().await;
    assert_eq!(client.code("REST 1000000").await, 350);
    assert_eq!(client.store("STOR a", &vec![b'x'; 1_500_000]).await, 226);
    content[1_000_000..2_500_000].fill(b'x');
    assert_eq!(client.store("APPE a", &vec![b'y'; 1_500_000]).await, 226);
    content.resize(4_500_000, b'y');
    assert!(stored(&server).await == content);
    assert!(files.counts().0 > 0);
}

#[tokio::test]
async fn what_is_drawn_is_told_and_an_abort_leaves_the_old_file() {
    let files = watched();
    let server = serve(ftp(&files));
    let (mut client, mut data) = storing(&server).await;
    data.write_all(&octets(6_000_000)).await.unwrap();
    while client.say("STAT").await != "213 6000000 bytes transferred\r\n" {}
    assert_eq!(client.code("ABOR").await, 426);
    assert_eq!(client.reply().await, "226 nothing runs any more\r\n");
    assert!(files.counts().0 > 0);
    assert_eq!(stored(&server).await, b"old");
}

#[tokio::test]
async fn a_reset_in_the_middle_leaves_the_old_file() {
    let server = serve(ftp(&watched()));
    for len in [300_000, 2_000_000, 9_000_000] {
        let (mut client, mut data) = storing(&server).await;
        data.write_all(&octets(len)).await.unwrap();
        data.abort();
        assert_eq!(client.reply().await, "426 data connection broken, transfer aborted\r\n");
        assert_eq!(stored(&server).await, b"old");
    }
}

#[tokio::test]
async fn who_falls_silent_is_cut_off_and_leaves_the_old_file() {
    let patience = Options { stall: Duration::from_millis(200), ..options() };
    let server = serve(Ftp::new(area_of(Arc::new(watched()))).with(patience));
    let (mut client, mut data) = storing(&server).await;
    for _ in 0..5 {
        data.write_all(&octets(300_000)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(client.reply().await, "426 data connection broken, transfer aborted\r\n");
    assert_eq!(stored(&server).await, b"old");
}

#[tokio::test]
async fn a_share_has_room_for_its_last_octet_and_no_more() {
    for (limit, code) in [(2_000_003, 226), (2_000_002, 552), (1_000_000, 552), (0, 552)] {
        let (memory, share) = (Memory::new(), Share::uncounted(limit));
        let files = Arc::new(Quota::new(memory.clone(), share.clone()));
        let server = serve(Ftp::new(area_of(files)).with(options()));
        assert_eq!(sent(&server, "STOR a", &octets(2_000_003)).await, code, "{limit}");
        let used = if code == 226 { 2_000_003 } else { 0 };
        assert_eq!(share.used(), used, "{limit}");
    }
}

#[tokio::test]
async fn a_rate_of_the_tree_holds() {
    let rates = Arc::new(Rates::new(NonZeroU64::new(2_000_000).unwrap()));
    let files = Arc::new(Throttle::new(Memory::new(), rates));
    let server = serve(Ftp::new(area_of(files)).with(options()));
    let begun = Instant::now();
    assert_eq!(sent(&server, "STOR a", &octets(2_800_000)).await, 226);
    assert!(begun.elapsed() > Duration::from_millis(300));
}

#[tokio::test]
async fn others_are_served_while_one_sends_without_end() {
    let server = serve(Ftp::new(area(&Memory::new().with("/b", "text"))).with(options()));
    let (_client, mut data) = storing(&server).await;
    let flood = async {
        let chunk = octets(1 << 20);
        while data.write_all(&chunk).await.is_ok() {}
    };
    let other = async { server.login().await.fetch("RETR b").await };
    tokio::select! {
        () = flood => panic!("the upload ended"),
        text = other => assert_eq!(text, "text"),
    }
}
