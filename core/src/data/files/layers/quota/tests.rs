use futures_util::future::join_all;

use super::*;
use crate::data::files::suite::{files_suite, memory};
use crate::data::files::{DotDot, Memory};

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

fn tree(files: Memory, limit: u64, used: u64) -> (Quota<Memory>, Share) {
    let share = Share::new(limit, used);
    (Quota::new(files, share.clone()), share)
}

fn is_full<T>(result: Result<T>) -> bool {
    matches!(result, Err(FsError::Quota))
}

fn bytes(count: usize) -> Bytes {
    Bytes::from(vec![b'x'; count])
}

async fn open(files: &impl Files, at: &str, how: Write, expect: Option<u64>) -> Result<Box<dyn FileHandle>> {
    let mut open = Open::write(how);
    open.expect_len = expect;
    files.open(&path(at), &open).await
}

#[tokio::test]
async fn a_tree_with_room_enough_is_that_tree() {
    files_suite(|seeds| Box::new(tree(memory(seeds), u64::MAX, 0).0)).await;
}

#[tokio::test]
async fn what_is_said_to_be_too_long_is_not_begun() {
    let (files, share) = tree(Memory::new().with("/old", "1234567890"), 100, 10);
    for how in [Write::Update, Write::Replace, Write::CreateNew] {
        assert!(is_full(open(&files, "/new", how, Some(91)).await), "{how:?}");
    }
    assert_eq!(share.used(), 10);
    // In place it is only longer by what it is longer.
    assert!(open(&files, "/old", Write::Update, Some(100)).await.is_ok());
    assert_eq!(share.used(), 10);
    let one = open(&files, "/one", Write::Replace, Some(50)).await.unwrap();
    assert_eq!(share.used(), 60);
    assert!(is_full(open(&files, "/two", Write::Replace, Some(41)).await));
    one.write_at(0, bytes(20)).await.unwrap();
    assert_eq!(one.commit().await.unwrap().len, 20);
    assert_eq!(share.used(), 30, "what was not sent is given back");
}

#[tokio::test]
async fn what_comes_behind_is_paid_for_before_it_is_written() {
    for (at, how, append, before) in [
        ("/new", Write::CreateNew, false, 10),
        ("/old", Write::Replace, false, 10),
        ("/old", Write::Update, true, 0),
        ("/made", Write::Update, true, 10),
    ] {
        let (files, share) = tree(Memory::new().with("/old", "1234567890"), 100, 10);
        let mut open = Open::write(how);
        open.append = append;
        let file = files.open(&path(at), &open).await.unwrap();
        let draw = async |at: u64, more: &'static [u8]| {
            file.write_from(at, BytesMut::zeroed(5), Box::new(more)).await
        };
        let begun = 10 - before;
        assert_eq!(draw(0, &[0; 60]).await.unwrap().written, 65);
        assert_eq!(share.used(), 75);
        assert!(is_full(draw(65, &[0; 21]).await), "{at}");
        let there = file.meta().await.unwrap().len;
        assert_eq!(share.used(), before + there, "what is there, and no more");
        assert!((begun + 65..=100 - before).contains(&there), "{there}");
        drop(file);
    }
}

#[tokio::test]
async fn the_last_byte_that_comes_behind_has_room_and_how_reading_fails_is_told() {
    struct Broken(usize);
    impl Source for Broken {}
    impl io::Read for Broken {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::ConnectionReset)?;
            Ok(buf.len())
        }
    }
    let (files, share) = tree(Memory::new(), 100, 0);
    let file = open(&files, "/new", Write::CreateNew, None).await.unwrap();
    let drawn = file.write_from(0, BytesMut::zeroed(50), Box::new(Broken(1))).await.unwrap();
    assert_eq!(drawn.written, 100);
    assert_eq!(drawn.failed.unwrap().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!((file.commit().await.unwrap().len, share.used()), (100, 100));
}

#[tokio::test]
async fn what_is_given_up_is_given_back() {
    let (files, share) = tree(Memory::new(), 100, 0);
    for expect in [None, Some(80)] {
        let file = open(&files, "/new", Write::CreateNew, expect).await.unwrap();
        file.write_at(0, bytes(90)).await.unwrap();
        assert_eq!(share.used(), 90);
        assert!(is_full(file.write_at(90, bytes(11)).await));
        drop(file);
        assert_eq!(share.used(), 0);
    }
    // In place, what was written stays, and counts.
    let file = open(&files, "/new", Write::Update, None).await.unwrap();
    file.write_at(0, bytes(30)).await.unwrap();
    drop(file);
    assert_eq!(share.used(), 30);
}

#[tokio::test]
async fn those_who_write_at_the_same_time_have_no_more_together() {
    let (files, share) = tree(Memory::new(), 1000, 0);
    let files = &files;
    let done = join_all((0..20).map(|number| async move {
        let file = open(files, &format!("/{number}"), Write::Replace, None).await.unwrap();
        for turn in 0..10 {
            file.write_at(turn * 10, bytes(10)).await?;
            tokio::task::yield_now().await;
        }
        file.commit().await
    }));
    let done = done.await.into_iter().flatten().count();
    let (used, _) = usage(files, &VPath::ROOT, 99).await.unwrap();
    assert_eq!((used, share.used()), (done as u64 * 100, done as u64 * 100));
    assert!(used <= 1000);
}

#[tokio::test]
async fn a_hole_counts_as_if_it_were_full() {
    let (files, share) = tree(Memory::new().with("/old", ""), 1 << 20, 0);
    for (at, how) in [("/old", Write::Update), ("/new", Write::Replace)] {
        let file = open(&files, at, how, None).await.unwrap();
        assert!(is_full(file.write_at(1 << 40, bytes(1)).await));
        assert!(is_full(file.set(SetMeta { len: Some(1 << 40), ..SetMeta::default() }).await));
        assert!(matches!(file.write_at(u64::MAX, bytes(1)).await, Err(FsError::TooLarge)));
    }
    let long = SetMeta { len: Some(1 << 40), ..SetMeta::default() };
    assert!(is_full(files.set(&path("/old"), long, true).await));
    assert_eq!(share.used(), 0);
}

#[tokio::test]
async fn what_is_continued_and_appended_counts_once() {
    let (files, share) = tree(Memory::new().with("/file", "1234567890"), 100, 10);
    let resumed = open(&files, "/file", Write::Update, Some(60)).await.unwrap();
    resumed.write_at(5, bytes(15)).await.unwrap();
    assert_eq!(share.used(), 20);
    // Two who write the same bytes of one file pay for them once.
    let other = open(&files, "/file", Write::Update, None).await.unwrap();
    other.write_at(10, bytes(10)).await.unwrap();
    assert_eq!(share.used(), 20);
    let mut how = Open::write(Write::Update);
    how.append = true;
    let appended = files.open(&path("/file"), &how).await.unwrap();
    appended.write_at(0, bytes(30)).await.unwrap();
    assert_eq!(share.used(), 50);
    assert!(is_full(appended.write_at(0, bytes(51)).await));
    for file in [resumed, other, appended] {
        file.commit().await.unwrap();
    }
    assert_eq!(share.used(), usage(&files, &VPath::ROOT, 99).await.unwrap().0);
}

#[tokio::test]
async fn what_is_replaced_or_gone_is_given_back() {
    let dir = Memory::new().with("/d/a", "12345").with("/d/b/c", "12345").with("/f", "1234567890");
    let (files, share) = tree(dir, 100, 20);
    let used = async || {
        assert_eq!(share.used(), usage(&files, &VPath::ROOT, 99).await.unwrap().0);
        share.used()
    };
    let two = [open(&files, "/f", Write::Replace, None).await.unwrap(), {
        open(&files, "/f", Write::Replace, None).await.unwrap()
    }];
    for (file, len) in two.into_iter().zip([30, 40]) {
        file.write_at(0, bytes(len)).await.unwrap();
        file.commit().await.unwrap();
    }
    assert_eq!(used().await, 50);
    files.copy(&path("/f"), &path("/d/a"), Over::File).await.unwrap();
    assert_eq!(used().await, 85);
    assert!(is_full(files.copy(&path("/f"), &path("/g"), Over::Never).await));
    files.set(&path("/f"), SetMeta { len: Some(1), ..SetMeta::default() }, true).await.unwrap();
    assert_eq!(used().await, 46);
    files.rename(&path("/f"), &path("/d/a"), Over::File).await.unwrap();
    assert_eq!(used().await, 6);
    assert!(files.rename(&path("/f"), &path("/d/a"), Over::File).await.is_err());
    assert!(files.remove(&path("/d"), Remove::EmptyDir).await.is_err());
    assert_eq!(used().await, 6);
    files.remove(&path("/d/a"), Remove::File).await.unwrap();
    assert_eq!(used().await, 5);
    files.remove(&path("/d"), Remove::Tree).await.unwrap();
    assert_eq!(used().await, 0);
    let space = files.space(&VPath::ROOT).await.unwrap();
    assert_eq!((space.total, space.free), (100, 100));
}

#[tokio::test]
async fn a_count_has_an_end() {
    let files = Memory::new().with("/a", "1").with("/b/c", "23").with("/b/d", "45").with_link("/l", "b");
    assert_eq!(usage(&files, &VPath::ROOT, 99).await.unwrap(), (5, true));
    assert!(!usage(&files, &VPath::ROOT, 3).await.unwrap().1);
    assert_eq!(usage(&files, &path("/b/c"), 3).await.unwrap(), (2, true));
    assert!(usage(&files, &path("/missing"), 3).await.is_err());
}

#[tokio::test]
async fn what_was_there_before_is_counted_before_something_is_changed() {
    let share = Share::uncounted(100);
    let memory = Memory::new().with("/a", bytes(60)).with("/d/b", bytes(50));
    let files = Quota::new(memory.clone(), share.clone());
    assert_eq!(share.used(), 0);
    assert!(is_full(open(&files, "/new", Write::Replace, Some(1)).await));
    assert_eq!(share.used(), 110);
    files.remove(&path("/a"), Remove::File).await.unwrap();
    let again = Quota::new(memory, share.clone());
    assert!(open(&again, "/new", Write::Replace, Some(50)).await.is_ok());
    assert_eq!(share.used(), 50, "it is counted once");
}

/// A tree that says that it replaces nothing at once, though it does.
struct Modest(Memory);

#[async_trait]
impl Files for Modest {
    fn caps(&self) -> Caps {
        self.0.caps() - Caps::ATOMIC_PUT
    }
    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        self.0.stat(path, follow).await
    }
    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        self.0.list(path, options).await
    }
    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        self.0.open(path, how).await
    }
    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }
    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

#[tokio::test]
async fn it_counts_what_is_done_and_not_what_is_claimed() {
    let share = Share::new(100, 3);
    let files = Modest(Memory::new().with("/file", "old"));
    let files = Quota::new(files, share.clone());
    for how in [Write::Replace, Write::CreateNew] {
        let file =
            open(&files, if how == Write::Replace { "/file" } else { "/new" }, how, Some(9)).await.unwrap();
        file.write_at(0, bytes(20)).await.unwrap();
        assert_eq!(share.used(), 23);
        drop(file);
        assert_eq!(share.used(), 3);
    }
    let file = open(&files, "/file", Write::Replace, None).await.unwrap();
    file.write_at(0, bytes(20)).await.unwrap();
    file.commit().await.unwrap();
    assert_eq!(share.used(), 20);
}
