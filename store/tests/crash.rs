//! A process that is killed while it writes: what it had acknowledged is there, and nothing is half there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::data::cred::{Hashing, Profile};
use ropewalk_core::data::files::{DotDot, Marks, NewLock, PropName, VPath};
use ropewalk_core::data::zones::{Difference, Kept, Record, Records, Stamp, Zones as _};
use ropewalk_store::accounts::{NewAccount, Store};
use ropewalk_store::{marks, zones};

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
        acknowledged.extend(killed("writes_until_it_is_killed", &data, round));
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

/// Marks files, each with two properties and a lock, and prints the path of each once that was acknowledged.
#[test]
#[ignore = "is run by the other test, in a process of its own"]
fn marks_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let round: u32 = std::env::var(ROUND).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let marks = marks::Store::open(Path::new(&dir)).unwrap().of(b"/srv");
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let marks = marks.clone();
                #[expect(clippy::disallowed_methods, reason = "there is no context")]
                tokio::spawn(async move { mark(&marks, round, writer).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn mark(marks: &Marks, round: u32, writer: u32) {
    for number in 0_u64.. {
        let name = format!("/r{round}/{writer}-{number}");
        let path = VPath::parse(name.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap();
        marks
            .props()
            .change(&path, &[(prop("a"), Some("1".into())), (prop("b"), Some("2".into()))])
            .await
            .unwrap();
        let (user, owner, timeout) =
            (Some(format!("{round}-{writer}")), "".into(), Duration::from_secs(3600));
        let wanted = NewLock { path, deep: false, exclusive: true, user, owner, timeout };
        marks.locks().lock(wanted).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {name}").unwrap();
        out.flush().unwrap();
    }
}

fn prop(local: &str) -> PropName {
    PropName { namespace: "urn:x".into(), local: local.into() }
}

#[tokio::test]
async fn no_lock_and_no_property_is_lost_by_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        acknowledged.extend(killed("marks_until_it_is_killed", dir.path(), round));
    }
    assert!(acknowledged.len() > 200, "{} writes are too few to see anything", acknowledged.len());
    let marks = marks::Store::open(dir.path()).unwrap().of(b"/srv");
    let locks = marks.locks().over(&VPath::ROOT, true).await.unwrap();
    for name in &acknowledged {
        assert!(
            locks.iter().any(|lock| lock.path.as_bytes() == name.as_bytes()),
            "the lock of {name} was lost"
        );
    }
    for round in 0..4 {
        let dir = VPath::parse(format!("/r{round}").as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap();
        let props = marks.props().within(&dir).await.unwrap();
        assert!(props.values().all(|props| props.len() == 2), "one is half there");
        let of_round = acknowledged.iter().filter(|name| name.starts_with(&format!("/r{round}/")));
        for name in of_round {
            assert!(props.keys().any(|path| path.as_bytes() == name.as_bytes()), "what {name} had was lost");
        }
    }
}

/// Changes zones, each again and again, and prints what each has become once that was acknowledged.
#[test]
#[ignore = "is run by the other test, in a process of its own"]
fn changes_zones_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let zones = zones::Store::open(Path::new(&dir)).unwrap();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let zones = zones.clone();
                #[expect(clippy::disallowed_methods, reason = "there is no context")]
                tokio::spawn(async move { grow(&zones, writer).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

/// Adds a record for each serial to a zone, and takes out the one of ten before.
async fn grow(zones: &zones::Store, writer: u32) {
    let origin = origin(writer);
    let mut stamp = match zones.read(&origin).unwrap() {
        Some(kept) => kept.stamp,
        None => {
            let kept = Kept { stamp: Stamp { id: 0, serial: 0 }, seed: None, records: Records::new() };
            zones.put(&origin, None, kept).await.unwrap().unwrap()
        }
    };
    loop {
        let (from, to) = (stamp.serial, stamp.serial + 1);
        let of = |serial: Option<u32>| {
            serial.into_iter().flat_map(|serial| numbers(writer, serial..=serial)).collect::<Vec<_>>()
        };
        let records = |numbers: Vec<Vec<u8>>| {
            numbers.iter().map(|number| Record { name: &origin, rtype: 16, ttl: 60, rdata: number }).collect()
        };
        let removed = records(of(from.checked_sub(9).filter(|serial| *serial > 0)));
        let change = Difference { from, to, removed, added: records(of(Some(to))) };
        stamp = zones.change(&origin, stamp, change, None).await.unwrap().unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {writer} {to}").unwrap();
        out.flush().unwrap();
    }
}

fn origin(writer: u32) -> Vec<u8> {
    [&b"\x01"[..], &[b'a' + writer as u8], b"\x07example\0"].concat()
}

fn numbers(writer: u32, serials: std::ops::RangeInclusive<u32>) -> Vec<Vec<u8>> {
    serials.map(|serial| format!("{writer}-{serial}").into_bytes()).collect()
}

#[tokio::test]
async fn no_change_of_a_zone_is_lost_by_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = vec![0; WRITERS as usize];
    for round in 0..4 {
        for line in killed("changes_zones_until_it_is_killed", dir.path(), round) {
            let (writer, serial) = line.split_once(' ').unwrap();
            last[writer.parse::<usize>().unwrap()] = serial.parse::<u32>().unwrap();
        }
        let zones = zones::Store::open(dir.path()).unwrap();
        for (writer, acknowledged) in (0..).zip(&mut last).filter(|(_, serial)| **serial > 0) {
            let kept = zones.read(&origin(writer)).unwrap().unwrap();
            let serial = kept.stamp.serial;
            // The one that was on its way may have come through.
            assert!(serial == *acknowledged || serial == *acknowledged + 1, "{serial} after {acknowledged}");
            *acknowledged = serial;
            let mut there: Vec<_> = kept.records.iter().map(|record| record.rdata.to_vec()).collect();
            let mut whole = numbers(writer, serial.saturating_sub(9).max(1)..=serial);
            there.sort();
            whole.sort();
            assert_eq!(there, whole, "the zone is as its serial says");
            let since =
                zones.since(&origin(writer), Stamp { serial: 0, ..kept.stamp }).await.unwrap().unwrap();
            assert_eq!(since.len(), serial as usize, "each change is there by itself");
        }
    }
    assert!(last.iter().sum::<u32>() > 200, "{last:?} are too few to see anything");
}

/// Runs another test, and kills it after so many acknowledgements; what it had acknowledged.
fn killed(test: &str, data: &Path, round: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads", "1"])
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
