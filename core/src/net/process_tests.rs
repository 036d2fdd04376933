use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use super::*;
use crate::Fault;
use crate::net::{Endpoint, Transport as _};

fn sh(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    command
}

fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

async fn until_dead(pid: u32) {
    let until = Instant::now() + Duration::from_secs(10);
    while alive(pid) {
        assert!(Instant::now() < until, "process {pid} lives on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn half_close_ends_the_childs_input_and_leaves_its_output() {
    let endpoint: Endpoint = "process:/bin/sh:arg=-c:arg=cat; echo end".parse().unwrap();
    let mut conn = endpoint.connect().await.unwrap();
    assert!(matches!(conn.info().peer, Address::Process(pid) if pid > 1));
    conn.write_all(b"hello\n").await.unwrap();
    conn.shutdown().await.unwrap();
    let mut said = String::new();
    conn.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "hello\nend\n");
}

#[tokio::test]
async fn dropping_the_connection_kills_the_child() {
    let endpoint: Endpoint = "process:sleep:arg=1000".parse().unwrap();
    let conn = endpoint.connect().await.unwrap();
    let Address::Process(pid) = conn.info().peer else { panic!("not a process") };
    assert!(alive(pid));
    drop(conn);
    until_dead(pid).await;
}

#[tokio::test]
async fn a_child_that_says_much_on_its_standard_error_is_not_stuck() {
    let mut out = output(sh("head -c 1000000 /dev/zero >&2; echo done"), OutputLimits::default()).unwrap();
    let line = timeout(Duration::from_secs(20), out.line()).await.unwrap().unwrap();
    assert_eq!(line.as_deref(), Some(&b"done"[..]));
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let endpoint: Endpoint = "process:/nonexistent/program".parse().unwrap();
    let error = endpoint.connect().await.err().unwrap();
    assert!(error.chain().contains("cannot run /nonexistent/program"), "{error:?}");
}

#[tokio::test]
async fn output_comes_in_lines() {
    let mut out = output(sh("printf 'a\\n\\nb'; exit 3"), OutputLimits::default()).unwrap();
    assert_eq!(out.line().await.unwrap().unwrap(), "a");
    assert_eq!(out.line().await.unwrap().unwrap(), "");
    assert_eq!(out.line().await.unwrap().unwrap(), "b");
    assert_eq!(out.line().await.unwrap(), None);
    assert_eq!(out.finish().await.unwrap().code(), Some(3));
}

#[tokio::test]
async fn output_without_end_meets_its_limits() {
    let limits = OutputLimits { line: 10, total: 1000 };
    let mut exact = output(sh("echo 1234567890"), limits).unwrap();
    assert_eq!(exact.line().await.unwrap().unwrap(), "1234567890");
    let mut long = output(sh("echo 12345678901"), limits).unwrap();
    assert_eq!(long.line().await.unwrap_err().limit_name(), Some("line"));
    let mut much = output(sh("yes"), limits).unwrap();
    for _ in 0..500 {
        assert_eq!(much.line().await.unwrap().unwrap(), "y");
    }
    assert_eq!(much.line().await.unwrap_err().fault(), Fault::Limit);
    let pid = much.running.log.pid;
    drop(much);
    until_dead(pid).await;
}
