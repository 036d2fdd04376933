//! Parts that nobody is writing any more.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use bytes::Bytes;
use ropewalk_core::data::files::Write;
use ropewalk_core::data::files::layers::{Dots, Hide, is_part};

use super::super::sweep::Sweep;
use super::write::{names, put};
use super::*;

/// Waits for the sweep that has begun.
async fn swept(files: &Local, done: impl Fn() -> bool) {
    for _ in 0..500 {
        // One thread: what was begun before is done by then, but for what it began itself.
        files.0.pool.run(|| Ok(())).await.unwrap();
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the sweep does not end");
}

#[tokio::test]
async fn only_parts_that_nobody_writes_to_are_swept() {
    let fixture = Fixture::new(&openat2());
    const PART: &str = ".x.0123456789abcdef.part";
    fs::create_dir_all(fixture.at(b"a/b")).unwrap();
    fs::create_dir(fixture.dir.path().join("outside")).unwrap();
    symlink("../outside", fixture.at(b"link")).unwrap();
    let parts = ["root", "root/a/b"].map(|dir| fixture.dir.path().join(dir).join(PART));
    let outside = fixture.dir.path().join("outside").join(PART);
    for at in parts.iter().chain([&outside]) {
        fs::write(at, "half").unwrap();
    }
    let held = parts.each_ref().map(|part| fs::File::open(part).unwrap());
    held.iter().for_each(|file| file.lock().unwrap());
    fs::write(fixture.at(b".x.0123456789abcde.part"), "not a part").unwrap();
    fs::create_dir(fixture.at(b".d.0123456789abcdef.part")).unwrap();
    put(&fixture, "/file", Write::Replace, b"x").await.unwrap();
    let sweep = |age| {
        let mut sweep = Sweep::new(&fixture.files.0, age);
        while sweep.step(&fixture.files.0).is_some() {}
    };
    sweep(Duration::ZERO);
    assert!(parts.iter().all(|part| part.exists()), "somebody writes to them");
    drop(held);
    sweep(Duration::from_secs(3600));
    assert!(!parts.iter().any(|part| part.exists()), "nobody does");
    assert!(outside.exists());
    let left = names(&fixture.at(b""));
    assert_eq!(left, [&b".d.0123456789abcdef.part"[..], b".x.0123456789abcde.part", b"a", b"file", b"link"]);
}

/// A process that uploads, until it is killed.
#[tokio::test]
async fn an_upload_that_never_ends() {
    let Some(dir) = std::env::var_os("ROPEWALK_TEST_UPLOAD") else { return };
    // So that both are parts with names.
    let files = Local::with(dir, &Options { durable: true, ..openat2() }).unwrap();
    let file = files.open(&path("/file"), &Open::write(Write::Replace)).await.unwrap();
    let new = files.open(&path("/new"), &Open::write(Write::CreateNew)).await.unwrap();
    for turn in 0.. {
        file.write_at(turn << 16, Bytes::from(vec![b'x'; 1 << 16])).await.unwrap();
        new.write_at(turn << 16, Bytes::from(vec![b'x'; 1 << 16])).await.unwrap();
        if turn == 3 {
            println!("uploading");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_process_killed_in_the_middle_of_an_upload_leaves_the_old_file() {
    let fixture = Fixture::new(&openat2());
    fs::write(fixture.at(b"file"), "old").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "files::local::tests::sweep::an_upload_that_never_ends", "--nocapture"])
        .env("ROPEWALK_TEST_UPLOAD", fixture.at(b""))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.map_while(Result::ok).any(|line| line.contains("uploading")), "the upload began");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read(fixture.at(b"file")).unwrap(), b"old");
    let left = names(&fixture.at(b""));
    assert_eq!(left.iter().filter(|name| is_part(name)).count(), 2, "{left:?}");
    let served = Hide::new(fixture.files.clone(), Dots::Show);
    let mut listing = served.list(&VPath::ROOT, ListOptions::default()).await.unwrap();
    let seen: Vec<_> = listing.next_batch(9).await.unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(seen.iter().map(|name| name.as_bytes()).collect::<Vec<_>>(), [b"file"]);
    // What it left counts for nobody's quota: it goes at once, and what is being written stays.
    let open = fixture.files.open(&path("/file"), &Open::write(Write::Replace)).await.unwrap();
    Sweep::start(&fixture.files.0, Duration::from_secs(3600));
    swept(&fixture, || names(&fixture.at(b"")).len() == 2).await;
    open.write_at(0, Bytes::from_static(b"new")).await.unwrap();
    open.commit().await.unwrap();
    assert_eq!(fs::read(fixture.at(b"file")).unwrap(), b"new");
    assert_eq!(names(&fixture.at(b"")), [b"file"]);
}
