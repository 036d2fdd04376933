//! Transfers that are to end before their time, and what is said of them.

use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::Limits;
use ropewalk_core::data::files::Memory;
use ropewalk_core::data::files::layers::{Turns, Whole};
use ropewalk_core::testkit::Watched;
use tokio::io::AsyncWriteExt as _;

use super::super::Ftp;
use super::client::{Client, Server, area, area_of, content, options, serve, serve_under};

/// A tree whose commits wait.
fn held() -> Watched {
    Watched::held(Memory::new().with("/a", "old"))
}

/// A client whose upload of `/a` is just being committed.
async fn committing(server: &Server, held: &Watched) -> Client {
    let mut client = server.login().await;
    let mut data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    data.write_all(b"new").await.unwrap();
    drop(data);
    held.has_begun().await;
    client
}

/// No time to drain.
fn hasty(ftp: Ftp) -> Server {
    let mut limits = Limits::default();
    limits.drain = Duration::ZERO;
    serve_under(limits, ftp, None, None)
}

#[tokio::test]
async fn an_abort_of_what_takes_its_name_waits_and_tells_what_it_came_to() {
    let held = held();
    let server = serve(Ftp::new(area_of(Arc::new(held.clone()))).with(options()));
    let mut client = committing(&server, &held).await;
    client.send(b"STAT\r\nABOR\r\nNOOP\r\n").await;
    assert!(client.reply().await.starts_with("213 "));
    held.may_end.add_permits(1);
    assert_eq!(client.reply().await, "226 done\r\n");
    assert_eq!(client.reply().await, "226 the transfer had ended\r\n");
    assert_eq!(client.reply().await, "200 ok\r\n");
    assert_eq!(content(&held.files, "/a").await, "new");
}

#[tokio::test]
async fn an_abort_while_it_is_written_to_the_disk_leaves_the_old_file() {
    let held = Watched::held_early(Memory::new().with("/a", "old"));
    let server = serve(Ftp::new(area_of(Arc::new(held.clone()))).with(options()));
    let mut client = committing(&server, &held).await;
    client.send(b"ABOR\r\n").await;
    assert!(client.reply().await.starts_with("426 "));
    assert!(client.reply().await.starts_with("226 "));
    // Another client that is killed there: the end of its control connection comes a moment after that of its data.
    let client = committing(&server, &held).await;
    drop(client);
    tokio::time::sleep(Duration::from_millis(50)).await;
    held.may_end.add_permits(2);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(content(&held.files, "/a").await, "old");
}

#[tokio::test]
async fn what_a_killed_client_left_is_given_up_where_changes_go_on_without_it() {
    let held = Watched::held_early(Memory::new().with("/a", "old"));
    let whole = Whole::new(held.clone(), Turns::default());
    let server = serve(Ftp::new(area_of(Arc::new(whole))).with(options()));
    drop(committing(&server, &held).await);
    tokio::time::sleep(Duration::from_millis(50)).await;
    held.may_end.add_permits(1);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(content(&held.files, "/a").await, "old");
}

#[tokio::test]
async fn a_stopping_server_tells_of_a_transfer_that_it_cuts() {
    let memory = Memory::new().with("/a", "old");
    let server = hasty(Ftp::new(area(&memory)).with(options()));
    let mut client = server.login().await;
    let mut data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    data.write_all(b"half").await.unwrap();
    server.cx.stop();
    assert_eq!(client.reply().await, "426 the server stops, transfer aborted\r\n");
    assert_eq!(client.reply().await, "421 the server stops\r\n");
    assert_eq!(client.reply().await, "");
    assert_eq!(content(&memory, "/a").await, "old");
}

#[tokio::test]
async fn a_stopping_server_waits_for_what_takes_its_name() {
    let held = held();
    let server = hasty(Ftp::new(area_of(Arc::new(held.clone()))).with(options()));
    let mut client = committing(&server, &held).await;
    server.cx.stop();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    held.may_end.add_permits(1);
    assert_eq!(client.reply().await, "226 done\r\n");
    assert_eq!(client.reply().await, "421 the server stops\r\n");
    assert_eq!(content(&held.files, "/a").await, "new");
}
