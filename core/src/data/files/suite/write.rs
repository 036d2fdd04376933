//! New content: in place, at once, at the end, only where there is none.

use std::io;
use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::*;
use crate::data::files::layers::is_part;
use crate::data::files::{Source, Wanted};

pub(super) async fn all<M, F>(make: &impl Fn() -> M, odd: &impl Fn() -> M)
where
    M: Deref<Target = F>,
    F: Files,
{
    let caps = make().caps();
    let ways = [
        (Write::Update, caps.has(Caps::RANDOM_WRITE)),
        (Write::Replace, caps.has(Caps::ATOMIC_PUT) || caps.has(Caps::RANDOM_WRITE)),
        (Write::CreateNew, caps.has(Caps::CREATE_NEW)),
    ];
    for how in ways.into_iter().filter_map(|(how, claimed)| claimed.then_some(how)) {
        nowhere(&*make(), how).await;
        new_file(&*make(), how).await;
        in_one_go(&*make(), how).await;
        with_more(&*make(), how).await;
        odd_new_names(&*odd(), how).await;
        one_way_only(&*make(), how).await;
    }
    if caps.has(Caps::RANDOM_WRITE) {
        update(&*make()).await;
    }
    if caps.has(Caps::RANDOM_WRITE | Caps::APPEND) {
        append(&*make()).await;
    }
    if caps.has(Caps::RANDOM_WRITE) && !caps.has(Caps::ATOMIC_PUT) {
        replace_in_place(&*make()).await;
    }
    if caps.has(Caps::ATOMIC_PUT) {
        replace(&*make()).await;
        abandoned(&*make(), Write::Replace).await;
        two_replace(&*make()).await;
        unwanted(&*make(), Write::Replace, "/file").await;
    }
    if caps.has(Caps::CREATE_NEW) {
        create_new(&*make()).await;
    }
    if caps.has(Caps::ATOMIC_PUT | Caps::CREATE_NEW) {
        abandoned(&*make(), Write::CreateNew).await;
        unwanted(&*make(), Write::CreateNew, "/new").await;
    }
    if caps.has(Caps::ETAG | Caps::ATOMIC_PUT) {
        matching(&*make()).await;
    }
}

pub(super) async fn put(files: &dyn Files, at: &str, how: Write, content: &'static [u8]) -> Result<Meta> {
    let file = files.open(&path(at), &Open::write(how)).await?;
    file.write_at(0, Bytes::from_static(content)).await?;
    file.commit().await
}

pub(super) async fn content(files: &dyn Files, at: &str) -> Result<Vec<u8>> {
    Ok(super::all(&*files.open(&path(at), &Open::read()).await?).await)
}

/// What an operation that was to fail says.
pub(super) fn refused<T>(result: Result<T>, expected: &FsError, what: &str) {
    match result {
        Ok(_) => assert_eq!("done", expected.text(), "{what}"),
        Err(error) => same(&error, expected, what),
    }
}

/// All names in the tree that are not of files that are still being written.
pub(super) async fn names(files: &dyn Files, at: &str) -> Vec<Name> {
    let entries = list(files, &path(at), ListOptions::default(), 1000).await;
    entries.into_keys().filter(|name| !is_part(name.as_bytes())).collect()
}

/// What no file can be written to stays as it is.
async fn nowhere(files: &dyn Files, how: Write) {
    use FsError as E;
    let before = names(files, "/").await;
    for (at, expected) in [
        ("/", E::IsDir),
        ("/dir", E::IsDir),
        ("/missing/file", E::NotFound),
        ("/file/inner", E::NotDir),
        ("/link", E::Loop),
        ("/dirlink", E::Loop),
        ("/dangling", E::Loop),
        ("/escape", E::Loop),
        ("/absolute", E::Loop),
        ("/loop", E::Loop),
        ("/dirlink/inner", E::Loop),
        ("/dirlink/new", E::Loop),
        ("/out/file", E::Loop),
        ("/slash/file", E::Loop),
        ("/dangling/file", E::Loop),
    ] {
        refused(files.open(&path(at), &Open::write(how)).await, &expected, &format!("{how:?} of {at}"));
    }
    assert_eq!(names(files, "/").await, before, "{how:?} of what cannot be written changes nothing");
    assert_eq!(content(files, "/link").await.expect("the file"), HELLO);
}

/// The last octets with the commit.
async fn in_one_go(files: &dyn Files, how: Write) {
    let file = files.open(&path("/dir/new"), &Open::write(how)).await.expect("a new file");
    file.write_at(0, Bytes::from_static(b"one")).await.expect("a write");
    let meta = file.commit_with(3, Bytes::from_static(b"end")).await.expect("a write and a commit");
    assert_eq!(meta.len, 6);
    assert_eq!(content(files, "/dir/new").await.expect("the new file"), b"oneend");
}

/// What comes behind what was given, as much of it as is taken.
async fn with_more(files: &dyn Files, how: Write) {
    const ALL: &[u8] = b"one, two, three, and all the others";
    let file = files.open(&path("/dir/new"), &Open::write(how)).await.expect("a new file");
    let mut at = 0;
    while at < ALL.len() {
        let (data, more) = ALL[at..].split_at(5.min(ALL.len() - at));
        let drawn = file.write_from(at as u64, data.into(), Box::new(more)).await.expect("a write");
        assert!(drawn.failed.is_none() && drawn.memory.is_empty());
        assert!(drawn.written >= data.len() as u64, "what is given is written");
        at += usize::try_from(drawn.written).expect("a length");
    }
    assert_eq!(at, ALL.len(), "no more than there is");
    let far = file.write_from(u64::MAX - 1, b"xx"[..].into(), Box::new(&b"more"[..])).await;
    assert!(matches!(far, Err(FsError::TooLarge | FsError::Quota)), "a far offset: {far:?}");
    drop(file);
    let file = files.open(&path("/dir/more"), &Open::write(how)).await.expect("a new file");
    let drawn = file.write_from(0, b"one"[..].into(), Box::new(Broken)).await.expect("a write");
    assert_eq!(drawn.written, 3);
    assert_eq!(file.commit().await.expect("a commit").len, 3);
    assert_eq!(content(files, "/dir/more").await.expect("the new file"), b"one");
}

/// What cannot be read.
struct Broken;

impl Source for Broken {}

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

async fn new_file(files: &dyn Files, how: Write) {
    let at = path("/dir/new");
    let mut asked = Open::write(how);
    asked.read = true;
    asked.expect_len = Some(9);
    asked.mode = Some(0o640);
    let file = files.open(&at, &asked).await.expect("a new file");
    assert_eq!((file.opened().kind, file.opened().len), (Kind::File, 0));
    file.write_at(6, Bytes::from_static(b"end")).await.expect("a write");
    file.write_at(0, Bytes::from_static(b"one")).await.expect("a write");
    file.write_at(3, Bytes::new()).await.expect("a write of nothing");
    assert_eq!(super::all(&*file).await, b"one\0\0\0end", "what was written is read");
    assert_eq!(file.meta().await.expect("facts").len, 9);
    let meta = file.commit().await.expect("a commit");
    assert_eq!(meta.len, 9);
    let stat = files.stat(&at, false).await.expect("the new file");
    assert_eq!(unread(stat.clone()), unread(meta), "commit tells the facts of what is there then");
    if files.caps().has(Caps::MODE) {
        // A umask may take from it.
        assert_eq!(stat.mode.map(|mode| mode & 0o700), Some(0o600));
    }
    assert_eq!(content(files, "/dir/new").await.expect("the new file"), b"one\0\0\0end");
    let far = files.open(&path("/far"), &Open::write(how)).await.expect("a new file");
    for offset in [u64::MAX, u64::MAX - 1, i64::MAX as u64] {
        let written = far.write_at(offset, Bytes::from_static(b"xx")).await;
        assert!(matches!(written, Err(FsError::TooLarge | FsError::Quota)), "a far offset: {written:?}");
    }
    // No disk is as large as that: it is said before anything is sent.
    if files.caps().has(Caps::SPACE) {
        asked.expect_len = Some(u64::MAX);
        match files.open(&path("/huge"), &asked).await {
            Ok(_) | Err(FsError::NoSpace | FsError::Quota) => {}
            Err(error) => same(&error, &FsError::NoSpace, "a length that has no room"),
        }
    }
}

async fn odd_new_names(files: &dyn Files, how: Write) {
    let dir = path("/dir for new files");
    files.mkdir(&dir, None).await.expect("a directory");
    let seeds = odd_seeds();
    for seed in &seeds {
        let name = seed.path.file_name().expect("a name");
        let at = dir.join(&name).expect("a path");
        let file = files.open(&at, &Open::write(how)).await.expect("a file of an odd name");
        file.write_at(0, Bytes::copy_from_slice(name.as_bytes())).await.expect("a write");
        file.commit().await.expect("a commit");
        let file = files.open(&at, &Open::read()).await.expect("the new file");
        assert_eq!(super::all(&*file).await, name.as_bytes(), "content of {name}");
    }
    assert_eq!(names(files, "/dir for new files").await.len(), seeds.len());
}

/// A handle does what it was opened for, and nothing else.
async fn one_way_only(files: &dyn Files, how: Write) {
    let file = files.open(&path("/new"), &Open::write(how)).await.expect("a file to write");
    refused(file.read_at(0, BytesMut::with_capacity(9)).await, &FsError::Denied, "a read");
    if let Some(read) = file.read_now(0, &mut BytesMut::with_capacity(9)) {
        refused(read, &FsError::Denied, "a read now");
    }
    let file = files.open(&path("/file"), &Open::read()).await.expect("a file to read");
    assert!(file.write_at(0, Bytes::from_static(b"x")).await.is_err());
    assert!(file.write_from(0, b"x"[..].into(), Box::new(&b"y"[..])).await.is_err());
    assert!(file.set(SetMeta { len: Some(0), ..SetMeta::default() }).await.is_err());
    assert!(file.commit().await.is_err());
    assert_eq!(content(files, "/file").await.expect("the file"), HELLO);
}

async fn update(files: &dyn Files) {
    let before = files.stat(&path("/file"), true).await.expect("a file");
    let reader = files.open(&path("/file"), &Open::read()).await.expect("a file");
    let file = files.open(&path("/file"), &Open::write(Write::Update)).await.expect("a file");
    assert_eq!(file.opened().len, HELLO.len() as u64);
    file.write_at(7, Bytes::from_static(b"there, everybody")).await.expect("a write");
    assert_eq!(super::all(&*reader).await, b"hello, there, everybody", "it is changed in place");
    let meta = file.commit().await.expect("a commit");
    assert_eq!((meta.len, meta.id), (23, before.id), "it is the same file");
    assert!(meta.etag.is_none() || meta.etag != before.etag, "the validator changes");
    let made = files.open(&path("/made"), &Open::write(Write::Update)).await.expect("a new file");
    assert_eq!(content(files, "/made").await.expect("it is there at once"), b"");
    drop(made);
    assert_eq!(content(files, "/made").await.expect("and stays"), b"");
}

async fn append(files: &dyn Files) {
    let mut how = Open::write(Write::Update);
    how.append = true;
    let (one, two) = (
        files.open(&path("/file"), &how).await.expect("a file"),
        files.open(&path("/file"), &how).await.expect("a file"),
    );
    one.write_at(0, Bytes::from_static(b"1")).await.expect("a write");
    two.write_at(0, Bytes::from_static(b"2")).await.expect("a write");
    one.write_at(99, Bytes::from_static(b"3")).await.expect("a write");
    let drawn = two.write_from(0, b"4"[..].into(), Box::new(&b"56"[..])).await.expect("a write");
    let end = &b"456"[..usize::try_from(drawn.written).expect("a length")];
    assert_eq!(content(files, "/file").await.expect("the file"), [b"hello, world123", end].concat());
    two.commit().await.expect("a commit");
    let new = files.open(&path("/log"), &how).await.expect("a new file");
    new.write_at(5, Bytes::from_static(b"first")).await.expect("a write");
    assert_eq!(new.commit().await.expect("a commit").len, 5);
}

async fn replace(files: &dyn Files) {
    let before = files.stat(&path("/file"), true).await.expect("a file");
    let reader = files.open(&path("/file"), &Open::read()).await.expect("a file");
    let file = files.open(&path("/file"), &Open::write(Write::Replace)).await.expect("new content");
    file.write_at(0, Bytes::from_static(b"new")).await.expect("a write");
    assert_eq!(content(files, "/file").await.expect("the file"), HELLO, "nothing is seen of it yet");
    assert_eq!(unread(files.stat(&path("/file"), true).await.expect("a file")), unread(before.clone()));
    let meta = file.commit().await.expect("a commit");
    assert_eq!(content(files, "/file").await.expect("the file"), b"new");
    assert_eq!(super::all(&*reader).await, HELLO, "who has the old file open reads it to its end");
    assert_eq!(meta.mode, before.mode, "the mode stays");
    assert!(meta.etag.is_none() || meta.etag != before.etag, "the validator changes");
    let stat = files.stat(&path("/file"), true).await.expect("the file");
    assert_eq!(unread(stat), unread(meta));
    let empty = files.open(&path("/file"), &Open::write(Write::Replace)).await.expect("new content");
    assert_eq!(empty.commit().await.expect("a commit").len, 0);
    assert_eq!(content(files, "/file").await.expect("the file"), b"");
    if files.caps().has(Caps::SET_MTIME | Caps::MODE) {
        let file = files.open(&path("/file"), &Open::write(Write::Replace)).await.expect("new content");
        let mtime = Some(super::super::Time::new(1_000_000_000, 0));
        file.set(SetMeta { mtime, mode: Some(0o4701), ..SetMeta::default() }).await.expect("facts");
        file.write_at(0, Bytes::from_static(b"dated")).await.expect("a write");
        let meta = file.commit().await.expect("a commit");
        assert_eq!(
            (meta.mtime, meta.mode),
            (mtime, Some(0o701)),
            "facts that were set before the content came"
        );
    }
}

async fn replace_in_place(files: &dyn Files) {
    let file = files.open(&path("/file"), &Open::write(Write::Replace)).await.expect("new content");
    assert_eq!(content(files, "/file").await.expect("the file"), b"", "it is empty at once");
    file.write_at(0, Bytes::from_static(b"half")).await.expect("a write");
    drop(file);
    assert_eq!(
        content(files, "/file").await.expect("the file"),
        b"half",
        "what was written can be continued"
    );
}

/// What is dropped was never there.
async fn abandoned(files: &dyn Files, how: Write) {
    let names = async || {
        let mut all = Vec::new();
        for at in ["/", "/dir"] {
            all.extend(list(files, &path(at), ListOptions::default(), 1000).await.into_keys());
        }
        all
    };
    let before = names().await;
    for at in ["/file", "/new", "/dir/new"] {
        if how == Write::CreateNew && at == "/file" {
            continue;
        }
        let file = files.open(&path(at), &Open::write(how)).await.expect("a file to write");
        file.write_at(0, Bytes::from_static(b"half")).await.expect("a write");
        drop(file);
    }
    assert_eq!(content(files, "/file").await.expect("the file"), HELLO);
    let new = files.stat(&path("/new"), false).await;
    refused(new, &FsError::NotFound, "what was not committed");
    for _ in 0..200 {
        if names().await == before {
            return;
        }
        // A backend may take its time to clean up.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(names().await, before, "nothing is left of {how:?}");
}

async fn create_new(files: &dyn Files) {
    refused(put(files, "/file", Write::CreateNew, b"x").await, &FsError::Exists, "a new file over another");
    let new = Open::write(Write::CreateNew);
    if !files.caps().has(Caps::ATOMIC_PUT) {
        return;
    }
    let (one, two) = (files.open(&path("/n"), &new).await, files.open(&path("/n"), &new).await);
    let (one, two) = (one.expect("a new file"), two.expect("a new file"));
    one.write_at(0, Bytes::from_static(b"one")).await.expect("a write");
    two.write_at(0, Bytes::from_static(b"two")).await.expect("a write");
    refused(files.stat(&path("/n"), false).await, &FsError::NotFound, "what is not committed");
    one.commit().await.expect("a commit");
    refused(two.commit().await, &FsError::Exists, "the second of two");
    assert_eq!(content(files, "/n").await.expect("the new file"), b"one");
    let late = files.open(&path("/late"), &new).await.expect("a new file");
    files.mkdir(&path("/late"), None).await.expect("a directory");
    refused(late.commit().await, &FsError::IsDir, "a commit where there is a directory by now");
}

async fn two_replace(files: &dyn Files) {
    const SIZE: usize = 300_000;
    for _ in 0..4 {
        join_all((b'a'..=b'd').map(|letter| async move {
            let how = Open::write(Write::Replace);
            let file = files.open(&path("/file"), &how).await.expect("new content");
            let half = || Bytes::from(vec![letter; SIZE / 2]);
            let (one, two) = (file.write_at(0, half()), file.write_at(SIZE as u64 / 2, half()));
            two.await.expect("a write");
            one.await.expect("a write");
            file.commit().await.expect("a commit");
            let seen = content(files, "/file").await.expect("the file");
            assert!(seen.len() == SIZE && seen.windows(2).all(|two| two.first() == two.last()), "a mixture");
        }))
        .await;
    }
}

/// What was given up until it was written takes no name.
async fn unwanted(files: &dyn Files, how: Write, at: &str) {
    let was = content(files, at).await.ok();
    let listed = names(files, "/").await;
    for says in [false, true] {
        let mut asked = Open::write(how);
        asked.wanted = Some(Wanted::new(move || says));
        let file = files.open(&path(at), &asked).await.expect("new content");
        file.write_at(0, Bytes::from_static(b"new")).await.expect("a write");
        let done = file.commit().await;
        if says {
            done.expect("a commit of what is wanted");
            assert_eq!(content(files, at).await.expect("a file"), b"new");
        } else {
            refused(done, &FsError::Busy, at);
            assert_eq!(
                (content(files, at).await.ok(), names(files, "/").await),
                (was.clone(), listed.clone()),
                "{how:?}"
            );
        }
    }
}

/// What was changed meanwhile is not overwritten.
async fn matching(files: &dyn Files) {
    let etag = async |at| files.stat(&path(at), true).await.expect("a file").etag;
    let asked = |how, etag| {
        let mut asked = Open::write(how);
        asked.if_match = etag;
        asked
    };
    for how in [Write::Update, Write::Replace] {
        for (at, etag) in [("/file", etag("/empty").await), ("/new", etag("/file").await)] {
            let opened = files.open(&path(at), &asked(how, etag)).await;
            refused(opened, &FsError::Stale, &format!("{how:?} of another {at}"));
        }
    }
    refused(files.stat(&path("/new"), false).await, &FsError::NotFound, "/new");
    let first = asked(Write::Replace, etag("/file").await);
    let (one, two) = (files.open(&path("/file"), &first).await, files.open(&path("/file"), &first).await);
    let (one, two) = (one.expect("new content"), two.expect("new content"));
    one.write_at(0, Bytes::from_static(b"one")).await.expect("a write");
    let meta = one.commit().await.expect("a commit");
    refused(two.commit().await, &FsError::Stale, "a commit over what has changed");
    assert_eq!(content(files, "/file").await.expect("the file"), b"one");
    let third = files.open(&path("/file"), &asked(Write::Replace, meta.etag)).await.expect("new content");
    third.commit().await.expect("a commit of what commit told the validator of");
    // Of many that all saw the same, one wins, however close the others are.
    for _ in 0..20 {
        let seen = asked(Write::Replace, etag("/file").await);
        let mut all = Vec::new();
        for _ in 0..8 {
            let file = files.open(&path("/file"), &seen).await.expect("new content");
            file.write_at(0, Bytes::from_static(b"won")).await.expect("a write");
            all.push(file);
        }
        let done = join_all(all.into_iter().map(FileHandle::commit)).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "one of them all");
    }
}
