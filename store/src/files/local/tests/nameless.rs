//! New files that have no name until they are complete, on a file system that knows such files.

use std::os::unix::fs::MetadataExt;

use bytes::Bytes;
use ropewalk_core::data::files::{SetMeta, Time, Write};

use super::write::{names, put};
use super::*;

async fn begun(files: &Local, how: Write, content: &'static [u8]) -> Box<dyn FileHandle> {
    let file = files.open(&path("/file"), &Open::write(how)).await.unwrap();
    file.write_at(0, Bytes::from_static(content)).await.unwrap();
    file
}

/// Whether what was begun in this tree has no name here.
fn knows_them(fixture: &Fixture) -> bool {
    let knows = fixture.files.0.nameless.load(Ordering::Relaxed);
    if !knows {
        eprintln!("skipped: this file system has no files without a name");
    }
    knows
}

#[tokio::test]
async fn nothing_is_seen_of_a_new_file_until_it_is_complete() {
    let fixture = Fixture::new(&openat2());
    let file = begun(&fixture, Write::Replace, b"new").await;
    if !knows_them(&fixture) {
        return;
    }
    assert!(names(&fixture.at(b"")).is_empty());
    file.commit().await.unwrap();
    assert_eq!(fs::read(fixture.at(b"file")).unwrap(), b"new");
    fs::write(fixture.at(b"other"), "").unwrap();
    let mode = |at: &[u8]| fs::metadata(fixture.at(at)).unwrap().mode();
    assert_eq!(mode(b"file"), mode(b"other"), "the umask holds");
    fs::remove_file(fixture.at(b"file")).unwrap();
    drop(begun(&fixture, Write::CreateNew, b"given up").await);
    assert_eq!(names(&fixture.at(b"")), [b"other"]);
}

#[tokio::test]
async fn its_facts_are_those_that_were_wanted() {
    let fixture = Fixture::new(&openat2());
    let file = begun(&fixture, Write::Replace, b"new").await;
    let mut wanted = SetMeta::default();
    (wanted.mode, wanted.mtime) = (Some(0o4620), Some(Time::new(1_000_000_000, 0)));
    file.set(wanted.clone()).await.unwrap();
    let meta = file.commit_with(3, Bytes::from_static(b"er")).await.unwrap();
    assert_eq!((meta.len, meta.mtime, meta.nlink), (5, wanted.mtime, Some(1)));
    assert_eq!(fs::metadata(fixture.at(b"file")).unwrap().mode() & 0o7777, 0o620);
    assert_eq!(fs::read(fixture.at(b"file")).unwrap(), b"newer");
}

#[tokio::test]
async fn of_two_that_make_one_name_the_later_replaces_the_earlier_or_is_refused() {
    let fixture = Fixture::new(&openat2());
    for (how, replaces) in [(Write::Replace, true), (Write::CreateNew, false)] {
        let (first, second) = (begun(&fixture, how, b"first").await, begun(&fixture, how, b"second").await);
        first.commit().await.unwrap();
        let committed = second.commit().await;
        match replaces {
            true => assert_eq!(committed.unwrap().nlink, Some(1)),
            false => assert!(matches!(committed, Err(FsError::Exists)), "{committed:?}"),
        }
        let there = if replaces { "second" } else { "first" };
        assert_eq!(fs::read_to_string(fixture.at(b"file")).unwrap(), there);
        assert_eq!(names(&fixture.at(b"")), [b"file"]);
        fs::remove_file(fixture.at(b"file")).unwrap();
    }
}

#[tokio::test]
async fn a_directory_that_is_gone_by_then_is_not_found() {
    let fixture = Fixture::new(&openat2());
    fs::create_dir(fixture.at(b"dir")).unwrap();
    let file = fixture.open(&path("/dir/file"), &Open::write(Write::Replace)).await.unwrap();
    if !knows_them(&fixture) {
        return;
    }
    fs::remove_dir(fixture.at(b"dir")).unwrap();
    assert!(matches!(file.commit().await, Err(FsError::NotFound)));
    assert!(matches!(put(&fixture, "/dir/file", Write::Replace, b"x").await, Err(FsError::NotFound)));
    assert!(knows_them(&fixture), "it is no fault of the file system");
}
