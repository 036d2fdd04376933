//! What every backend has to do, as tests that its author runs.
//!
//! They panic where a backend differs from what [`Files`] promises.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod change;
mod listing;
mod marks;
mod nested;
mod write;

use std::collections::BTreeMap;
use std::ops::Deref;

use bytes::{Bytes, BytesMut};

use super::meta::Result;
use super::{
    Caps, DotDot, Entry, Etag, FileHandle, Files, FsError, Kind, ListOptions, Meta, Name, Open, Over, Remove,
    SetMeta, VPath, Write,
};

pub use marks::marks_suite;
pub use nested::nested_marks_suite;

/// Something that is to be there before a test begins. Its parent comes before it.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Where.
    pub path: VPath,
    /// What.
    pub what: Planted,
}

/// What a [`Seed`] is.
#[derive(Clone, Debug)]
pub enum Planted {
    /// A file with this content.
    File(Bytes),
    /// A directory.
    Dir,
    /// A link that says this.
    Link(&'static str),
}

/// Runs the whole suite: what is read, and, as far as [`Caps`] claim it, what is written.
///
/// `make` gives a tree with what it is told to plant, and nothing else; it is called many times. Links that lead
/// out of it must be planted as they are.
///
/// # Panics
/// If the backend does not do what it should.
pub async fn files_suite<M, F>(make: impl Fn(&[Seed]) -> M)
where
    M: Deref<Target = F>,
    F: Files,
{
    let tree = make(&seeds());
    stat(&*tree).await;
    open(&*tree).await;
    reads(&*tree).await;
    listing(&*tree).await;
    validators(&*tree).await;
    unclaimed(&*tree).await;
    odd_names(&*make(&odd_seeds())).await;
    large_directory(&*make(&many_seeds())).await;
    if tree.caps().has(Caps::RANDOM_WRITE) {
        listing::changing(&*make(&many_seeds())).await;
    }
    let (make, odd) = (|| make(&seeds()), || make(&odd_seeds()));
    write::all(&make, &odd).await;
    change::all(&make, &odd).await;
}

const HELLO: &[u8] = b"hello, world";

fn seeds() -> Vec<Seed> {
    let file = |at, content: &'static [u8]| Seed { path: path(at), what: Planted::File(content.into()) };
    let dir = |at| Seed { path: path(at), what: Planted::Dir };
    let link = |at, to| Seed { path: path(at), what: Planted::Link(to) };
    vec![
        file("/file", HELLO),
        file("/empty", b""),
        dir("/dir"),
        file("/dir/inner", b"inner"),
        dir("/dir/sub"),
        file("/dir/sub/deep", b"deep"),
        dir("/nothing"),
        link("/link", "file"),
        link("/chain", "./link"),
        link("/dirlink", "dir/sub/../"),
        link("/dir/sub/up", "../../file"),
        link("/dir/across", "../dirlink/sub/deep"),
        link("/loop", "loop"),
        link("/ping", "pong"),
        link("/pong", "ping"),
        link("/dangling", "nowhere"),
        link("/behind", "file/"),
        link("/escape", "../outside"),
        link("/dir/escape", "../../dir/inner"),
        link("/out", ".."),
        link("/absolute", "/etc/passwd"),
        link("/slash", "/"),
    ]
}

/// What reading each path gives.
fn expected() -> Vec<(&'static str, Result<&'static [u8]>)> {
    use FsError as E;
    vec![
        ("/file", Ok(HELLO)),
        ("/empty", Ok(b"")),
        ("/dir/inner", Ok(b"inner")),
        ("/dir/sub/deep", Ok(b"deep")),
        ("/link", Ok(HELLO)),
        ("/chain", Ok(HELLO)),
        ("/dirlink/inner", Ok(b"inner")),
        ("/dirlink/sub/up", Ok(HELLO)),
        ("/dir/across", Ok(b"deep")),
        ("/", Err(E::IsDir)),
        ("/dir", Err(E::IsDir)),
        ("/dirlink", Err(E::IsDir)),
        ("/nothing", Err(E::IsDir)),
        ("/missing", Err(E::NotFound)),
        ("/FILE", Err(E::NotFound)),
        ("/missing/file", Err(E::NotFound)),
        ("/dangling", Err(E::NotFound)),
        ("/dangling/file", Err(E::NotFound)),
        ("/file/inner", Err(E::NotDir)),
        ("/link/inner", Err(E::NotDir)),
        ("/behind", Err(E::NotDir)),
        ("/loop", Err(E::Loop)),
        ("/ping", Err(E::Loop)),
        ("/ping/file", Err(E::Loop)),
        ("/escape", Err(E::Denied)),
        ("/dir/escape", Err(E::Denied)),
        ("/dirlink/escape", Err(E::Denied)),
        ("/out", Err(E::Denied)),
        ("/out/file", Err(E::Denied)),
        ("/absolute", Err(E::Denied)),
        ("/slash", Err(E::Denied)),
        ("/slash/file", Err(E::Denied)),
    ]
}

async fn open(files: &dyn Files) {
    for (at, expected) in expected() {
        let how = Open::read();
        let opened = files.open(&path(at), &how).await;
        if let Some(now) = files.open_now(&path(at), &how) {
            let both =
                (now.map(|file| file.opened().clone()), opened.as_ref().map(|file| file.opened().clone()));
            assert_eq!(format!("{:?}", both.0), format!("{:?}", both.1), "open_now and open of {at}");
        }
        match (opened, expected) {
            (Ok(file), Ok(content)) => assert_eq!(all(&*file).await, content, "content of {at}"),
            (Err(error), Err(expected)) => same(&error, &expected, at),
            (opened, expected) => {
                let opened = opened.map(|file| file.opened().clone());
                assert_eq!(format!("{opened:?}"), format!("{expected:?}"), "open of {at}");
            }
        }
    }
    let mut nofollow = Open::read();
    nofollow.nofollow = true;
    for at in ["/link", "/dangling", "/loop", "/absolute"] {
        let error = files.open(&path(at), &nofollow).await.err().expect("a link is not followed");
        same(&error, &FsError::Loop, at);
    }
    let below = files.open(&path("/dirlink/inner"), &nofollow).await.expect("only the last component counts");
    assert_eq!(all(&*below).await, b"inner");
}

async fn stat(files: &dyn Files) {
    for (at, expected) in expected() {
        match (files.stat(&path(at), true).await, expected) {
            (Ok(meta), Ok(content)) => {
                assert_eq!((meta.kind, meta.len), (Kind::File, content.len() as u64), "facts of {at}");
            }
            (Ok(meta), Err(FsError::IsDir)) => assert_eq!(meta.kind, Kind::Dir, "kind of {at}"),
            (Err(error), Err(expected)) => same(&error, &expected, at),
            (found, expected) => assert_eq!(format!("{found:?}"), format!("{expected:?}"), "stat of {at}"),
        }
    }
    for at in ["/link", "/dirlink", "/dangling", "/loop", "/absolute", "/dirlink/escape"] {
        let meta = files.stat(&path(at), false).await.expect("a link is there");
        assert_eq!(meta.kind, Kind::Link, "kind of {at} itself");
    }
}

async fn reads(files: &dyn Files) {
    let file = files.open(&path("/file"), &Open::read()).await.expect("a file");
    assert_eq!(unread(file.meta().await.expect("facts")), unread(file.opened().clone()));
    for (offset, room, expected) in [
        (0, 12, HELLO),
        (0, 5, b"hello"),
        (7, 99, b"world"),
        (12, 9, b""),
        (99, 9, b""),
        (u64::MAX, 9, b""),
        (3, 0, b""),
    ] {
        let mut buf = BytesMut::with_capacity(64 + room);
        // What is there already stays, and only the room behind it is used.
        buf.resize(buf.capacity() - room, b'.');
        let before = buf.len();
        if let Some(got) = file.read_now(offset, &mut buf.clone()) {
            got.expect("a reading");
        }
        let mut now = BytesMut::with_capacity(room);
        let room_now = now.capacity();
        if let Some(got) = file.read_now(offset, &mut now) {
            assert_eq!(got.expect("a reading"), now.len());
            assert!(
                now.len() <= room_now && HELLO.get(offset as usize..).unwrap_or_default().starts_with(&now)
            );
        }
        let buf = file.read_at(offset, buf).await.expect("a reading");
        let (kept, got) = buf.split_at(before);
        assert!(kept.iter().all(|byte| *byte == b'.'), "what was in the buffer is kept");
        assert_eq!(got, expected, "{room} bytes at {offset}");
    }
    let [one, two] =
        [(0, 5), (7, 5)].map(|(offset, room)| file.read_at(offset, BytesMut::with_capacity(room)));
    let (two, one) = (two.await.expect("a reading"), one.await.expect("a reading"));
    assert_eq!((&*one, &*two), (&b"hello"[..], &b"world"[..]), "two readings in flight");
}

async fn listing(files: &dyn Files) {
    for at in ["/", "/dir", "/nothing", "/dirlink"] {
        let expected: BTreeMap<_, _> = {
            let real = if at == "/dirlink" { "/dir" } else { at };
            let seeds = seeds().into_iter().filter(|seed| seed.path.parent() == Some(path(real)));
            seeds.filter_map(|seed| Some((seed.path.file_name()?, seed.what))).collect()
        };
        for max in [0, 1, 3, 1000] {
            let entries = list(files, &path(at), ListOptions::default(), max).await;
            let names: Vec<_> = entries.keys().collect();
            assert_eq!(names, expected.keys().collect::<Vec<_>>(), "names in {at}, {max} at a time");
            for (name, meta) in entries {
                let at = path(at).join(&name).expect("a path");
                let stat = files.stat(&at, false).await.expect("facts of what is listed");
                assert_eq!(unread(meta), unread(stat), "facts of {at}");
            }
        }
    }
    let follow = ListOptions { follow: true };
    for (name, meta) in list(files, &VPath::ROOT, follow, 1000).await {
        let at = VPath::ROOT.join(&name).expect("a path");
        let target = match files.stat(&at, true).await {
            Ok(meta) => meta,
            Err(_) => files.stat(&at, false).await.expect("facts of what is listed"),
        };
        assert_eq!(unread(meta), unread(target), "facts of where {at} leads");
    }
    for (at, expected) in [
        ("/file", FsError::NotDir),
        ("/link", FsError::NotDir),
        ("/missing", FsError::NotFound),
        ("/dangling", FsError::NotFound),
        ("/loop", FsError::Loop),
        ("/out", FsError::Denied),
        ("/slash", FsError::Denied),
    ] {
        let error = files.list(&path(at), ListOptions::default()).await.err().expect("no directory");
        same(&error, &expected, at);
    }
}

async fn validators(files: &dyn Files) {
    let etag = async |at: &str| files.stat(&path(at), true).await.expect("a file").etag;
    if !files.caps().has(Caps::ETAG) {
        return;
    }
    let file = etag("/file").await;
    assert!(file.is_some(), "a file has a validator");
    assert_eq!(file, etag("/chain").await, "one file has one validator");
    assert_ne!(file, etag("/empty").await);
    let mut how = Open::read();
    how.if_match = file;
    assert!(files.open(&path("/file"), &how).await.is_ok());
    how.if_match = Etag::new("other");
    let error = files.open(&path("/file"), &how).await.err().expect("another content");
    same(&error, &FsError::Stale, "/file");
}

/// What is not claimed is unsupported, and nothing is changed by asking.
async fn unclaimed(files: &dyn Files) {
    let (caps, new, file, dir) = (files.caps(), path("/new"), path("/file"), path("/nothing"));
    let unsupported = |result: Result<()>, what: &str| {
        assert!(matches!(result, Err(FsError::Unsupported)), "{what}: {result:?}");
    };
    for (cap, how) in [
        (Caps::RANDOM_WRITE, Write::Update),
        (Caps::ATOMIC_PUT, Write::Replace),
        (Caps::CREATE_NEW, Write::CreateNew),
    ] {
        // What cannot be replaced at once may be emptied and written.
        let in_place = how == Write::Replace && caps.has(Caps::RANDOM_WRITE);
        if !caps.has(cap) && !in_place {
            unsupported(files.open(&new, &Open::write(how)).await.map(drop), "open to write");
        }
    }
    if !caps.has(Caps::RANDOM_WRITE) {
        let handle = files.open(&file, &Open::read()).await.expect("a file");
        assert!(handle.write_at(0, Bytes::from_static(b"x")).await.is_err());
        assert!(handle.set(SetMeta::default()).await.is_err());
        assert!(handle.commit().await.is_err());
        unsupported(files.mkdir(&new, None).await, "mkdir");
        unsupported(files.remove(&file, Remove::File).await, "remove");
        unsupported(files.remove(&dir, Remove::EmptyDir).await, "remove");
    }
    if !caps.has(Caps::RENAME_FILE) {
        unsupported(files.rename(&file, &new, Over::Never).await, "rename");
    }
    if !caps.has(Caps::SYMLINK) {
        unsupported(files.symlink(&new, b"file").await, "symlink");
        // To read a link is not to make one.
        let told = files.readlink(&path("/link")).await;
        assert!(matches!(&told, Err(FsError::Unsupported)) || told.is_ok_and(|to| to == "file"), "readlink");
    }
    if !caps.has(Caps::HARDLINK) {
        unsupported(files.hardlink(&file, &new).await, "hardlink");
    }
    if !caps.has(Caps::COPY) {
        unsupported(files.copy(&file, &new, Over::Never).await, "copy");
    }
    if !caps.has(Caps::SPACE) {
        unsupported(files.space(&file).await.map(drop), "space");
    }
    let handle = files.open(&file, &Open::read()).await.expect("the file as it was");
    assert_eq!(all(&*handle).await, HELLO);
    assert!(files.stat(&dir, true).await.is_ok());
    same(&files.stat(&new, false).await.expect_err("nothing new"), &FsError::NotFound, "/new");
}

/// Names of every byte that a name may hold, some that look alike, and the longest.
fn odd_seeds() -> Vec<Seed> {
    let bytes = (1..=255).filter(|byte| !matches!(byte, b'/' | b'.')).map(|byte| vec![byte]);
    let others = [&b"..."[..], b".hidden", b"..x", b"a\r\nb", b"\"'\\", b"  ", b"%2e%2e", b"\xff\xfe"];
    // What looks the same is not the same: composed and not, an ohm and an omega.
    let twins = ["\u{e9}", "e\u{301}", "\u{2126}", "\u{3a9}"].map(|name| name.as_bytes().to_vec());
    let longest = [vec![b'n'; 255]];
    let names = bytes.chain(others.map(<[u8]>::to_vec)).chain(twins).chain(longest);
    names
        .filter_map(|name| {
            let name = Name::new(name).ok()?;
            let what = Planted::File(Bytes::copy_from_slice(name.as_bytes()));
            Some(Seed { path: VPath::ROOT.join(&name).ok()?, what })
        })
        .collect()
}

async fn odd_names(files: &dyn Files) {
    let entries = list(files, &VPath::ROOT, ListOptions::default(), 100).await;
    assert_eq!(entries.len(), odd_seeds().len());
    for seed in odd_seeds() {
        let name = seed.path.file_name().expect("a name");
        assert!(entries.contains_key(&name), "{name} is listed");
        let file = files.open(&seed.path, &Open::read()).await.expect("a file of an odd name");
        assert_eq!(all(&*file).await, name.as_bytes(), "content of {name}");
    }
    // The longest path that there can be leads nowhere, and says so.
    let deep = path(&"/dd".repeat(1365));
    same(&files.stat(&deep, true).await.expect_err("nothing there"), &FsError::NotFound, "a deep path");
}

fn many_seeds() -> Vec<Seed> {
    let file = |number| Seed { path: path(&format!("/{number}")), what: Planted::File(Bytes::new()) };
    (0..2_500).map(file).collect()
}

async fn large_directory(files: &dyn Files) {
    for max in [7, 1_000, usize::MAX] {
        assert_eq!(list(files, &VPath::ROOT, ListOptions::default(), max).await.len(), many_seeds().len());
    }
}

/// All entries, read `max` at a time.
async fn list(files: &dyn Files, at: &VPath, options: ListOptions, max: usize) -> BTreeMap<Name, Meta> {
    let mut stream = files.list(at, options).await.expect("a directory");
    let mut all = BTreeMap::new();
    loop {
        let batch = stream.next_batch(max).await.expect("a batch");
        if batch.is_empty() {
            assert!(stream.next_batch(max).await.expect("the end").is_empty(), "the end stays the end");
            return all;
        }
        assert!(batch.len() <= max.max(1), "a batch of {max} had {}", batch.len());
        for Entry { name, meta } in batch {
            assert!(all.insert(name, meta).is_none(), "an entry came twice");
        }
    }
}

async fn all(file: &dyn FileHandle) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let got = file.read_at(content.len() as u64, BytesMut::with_capacity(4096)).await.expect("a reading");
        if got.is_empty() {
            return content;
        }
        content.extend_from_slice(&got);
    }
}

/// Facts that reading does not change.
fn unread(mut meta: Meta) -> Meta {
    meta.atime = None;
    meta
}

/// Whether two errors are of one kind.
fn same(error: &FsError, expected: &FsError, at: &str) {
    assert_eq!(error.text(), expected.text(), "{at}: {error:?}");
}

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).expect("a path")
}

/// A tree in memory with what is to be planted.
#[cfg(test)]
pub(super) fn memory(seeds: &[Seed]) -> super::Memory {
    seeds.iter().fold(super::Memory::new(), |memory, seed| match &seed.what {
        Planted::File(content) => {
            memory.put(&seed.path, content).expect("a place for it");
            memory
        }
        Planted::Dir => memory.with_dir(&seed.path.to_string()),
        Planted::Link(target) => memory.with_link(&seed.path.to_string(), target),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_does_what_every_backend_has_to() {
        files_suite(|seeds| Box::new(memory(seeds))).await;
    }
}
