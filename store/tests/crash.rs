//! A process that is killed while it writes: what it had acknowledged is there, and nothing is half there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ropewalk_core::data::cred::{Hashing, Profile};
use ropewalk_store::accounts::{NewAccount, Store};

const ROUND: &str = "ROPEWALK_CRASH_ROUND";
const DIR: &str = "ROPEWALK_CRASH_DIR";
const WRITERS: u32 = 20;

/// Adds accounts, each with a group and a certificate, and prints the name of each once that was acknowledged.
#[test]
#[ignore = "is run by the other test, in a process of its own"]
fn writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let round: u32 = std::env::var(ROUND).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::create(dir, Arc::new(Hashing::new())).unwrap();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let store = store.clone();
                #[expect(clippy::disallowed_methods, reason = "there is no context")]
                tokio::spawn(async move { write(&store, round, writer).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn write(store: &Store, round: u32, writer: u32) {
    for number in 0_u64.. {
        let name = format!("u{round}-{writer}-{number}");
        let account = NewAccount {
            name: name.parse().unwrap(),
            groups: vec!["a".parse().unwrap(), "b".parse().unwrap()],
            profile: Profile::default(),
            password: None,
            scram: false,
        };
        store.add(account).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {name}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_by_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut acknowledged = Vec::new();
    for round in 0..8 {
        acknowledged.extend(killed(&data, round));
    }
    assert!(acknowledged.len() > 400, "{} writes are too few to see anything", acknowledged.len());
    let store = Store::open(&data, Arc::new(Hashing::new())).unwrap();
    let there = store.list().await.unwrap();
    for name in &acknowledged {
        assert!(there.iter().any(|account| account.name.as_str() == name), "{name} was lost");
    }
    for account in &there {
        assert_eq!(account.groups.len(), 2, "{} is half there", account.name);
    }
    // What was on its way when it was killed: no more than one of each writer.
    assert!(there.len() <= acknowledged.len() + 8 * WRITERS as usize);
}

/// Runs the other test, and kills it after so many acknowledgements; what it had acknowledged.
fn killed(data: &Path, round: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writes_until_it_is_killed", "--ignored", "--nocapture", "--test-threads", "1"])
        .env(DIR, data)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut names = Vec::new();
    let name = |line: String| line.strip_prefix("acknowledged ").map(str::to_owned);
    while names.len() < 50 + 17 * round {
        let line = lines.next().unwrap().unwrap();
        names.extend(name(line));
    }
    child.kill().unwrap();
    names.extend(lines.map_while(Result::ok).filter_map(name));
    child.wait().unwrap();
    names
}
