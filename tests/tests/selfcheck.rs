//! Every case is passed by a server that keeps to the documents, and failed by one that does not.

#![expect(clippy::unwrap_used, reason = "a test without its suite has failed")]

use ropewalk_conformance::selfcheck::selfcheck_of;
use ropewalk_conformance::suite;

async fn assert_proved(name: &str) {
    let check = selfcheck_of(&suite(name).unwrap()).await;
    println!("{check}");
    assert!(check.errors().is_empty(), "{}", check.errors().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn every_case_of_http_can_fail_and_every_fault_is_found() {
    assert_proved("http").await;
}

#[tokio::test(start_paused = true)]
async fn every_case_of_webdav_can_fail_and_every_fault_is_found() {
    assert_proved("webdav").await;
}

#[tokio::test(start_paused = true)]
async fn every_case_of_websocket_can_fail_and_every_fault_is_found() {
    assert_proved("websocket").await;
}

#[tokio::test(start_paused = true)]
async fn every_case_of_websocket_client_can_fail_and_every_fault_is_found() {
    assert_proved("websocket-client").await;
}

/// Data connections are sockets: the clock runs.
#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_ftp_can_fail_and_every_fault_is_found() {
    assert_proved("ftp").await;
}
