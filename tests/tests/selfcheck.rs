//! Every case is passed by a server that keeps to the documents, and failed by one that does not.

use ropewalk_conformance::selfcheck::selfcheck;

#[tokio::test(start_paused = true)]
async fn every_case_can_fail_and_every_fault_is_found() {
    let check = selfcheck().await;
    println!("{check}");
    assert!(check.errors().is_empty(), "{}", check.errors().join("\n"));
}
