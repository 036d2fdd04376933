//! Names and facts: made, moved, changed, removed.

use std::ops::Deref;

use super::write::{content, names, put, refused};
use super::*;
use crate::data::files::Time;

pub(super) async fn all<M, F>(make: &impl Fn() -> M, odd: &impl Fn() -> M)
where
    M: Deref<Target = F>,
    F: Files,
{
    let caps = make().caps();
    if caps.has(Caps::RANDOM_WRITE) {
        mkdir(&*make()).await;
        remove(&*make()).await;
    }
    if caps.has(Caps::TRUNCATE) {
        truncate(&*make()).await;
    }
    if caps.has(Caps::RENAME_FILE) {
        rename_files(&*make()).await;
        odd_moves(&*odd()).await;
    }
    if caps.has(Caps::RENAME_FILE | Caps::RENAME_DIR) {
        rename_dirs(&*make()).await;
    }
    if caps.has(Caps::COPY) {
        copy(&*make()).await;
    }
    if caps.has(Caps::MODE) {
        modes(&*make()).await;
    }
    if caps.has(Caps::SET_MTIME) {
        times(&*make()).await;
    }
    if caps.has(Caps::RANDOM_WRITE) && !caps.has(Caps::OWNER) {
        let owner = SetMeta { uid: Some(0), ..SetMeta::default() };
        refused(make().set(&path("/file"), owner, true).await, &FsError::Unsupported, "an owner");
    }
    if caps.has(Caps::SYMLINK) {
        symlinks(&*make()).await;
    }
    if caps.has(Caps::HARDLINK) {
        hardlinks(&*make()).await;
    }
    if caps.has(Caps::SPACE) {
        space(&*make()).await;
    }
    if caps.has(Caps::FSYNC | Caps::RANDOM_WRITE) {
        let tree = make();
        let file = tree.open(&path("/file"), &Open::write(Write::Update)).await.expect("a file");
        file.sync(true).await.expect("its content on the disk");
        file.sync(false).await.expect("all of it on the disk");
    }
}

async fn there(files: &dyn Files, at: &str) -> bool {
    files.stat(&path(at), false).await.is_ok()
}

async fn mkdir(files: &dyn Files) {
    use FsError as E;
    let make = async |at: &str, mode| files.mkdir(&path(at), mode).await;
    make("/new", None).await.expect("a directory");
    make("/new/sub", Some(0o750)).await.expect("a directory");
    assert_eq!(names(files, "/new").await.len(), 1);
    let meta = files.stat(&path("/new/sub"), false).await.expect("the directory");
    assert_eq!(meta.kind, Kind::Dir);
    if files.caps().has(Caps::MODE) {
        assert_eq!(meta.mode.map(|mode| mode & 0o707), Some(0o700), "its mode is what was asked, or less");
    }
    put(files, "/new/sub/file", Write::Update, b"x").await.expect("a file in it");
    for (at, expected) in [
        ("/", E::Exists),
        ("/new", E::Exists),
        ("/file", E::Exists),
        ("/link", E::Exists),
        ("/dangling", E::Exists),
        ("/missing/new", E::NotFound),
        ("/file/new", E::NotDir),
        ("/dirlink/new", E::Loop),
        ("/out/new", E::Loop),
    ] {
        refused(make(at, None).await, &expected, at);
    }
}

async fn remove(files: &dyn Files) {
    use FsError as E;
    use Remove as R;
    let remove = async |at: &str, what| files.remove(&path(at), what).await;
    for (at, what, expected) in [
        ("/", R::EmptyDir, E::Busy),
        ("/", R::Tree, E::Busy),
        ("/missing", R::File, E::NotFound),
        ("/missing", R::EmptyDir, E::NotFound),
        ("/missing", R::Tree, E::NotFound),
        ("/dir", R::File, E::IsDir),
        ("/dir", R::EmptyDir, E::NotEmpty),
        ("/file", R::EmptyDir, E::NotDir),
        ("/dirlink", R::EmptyDir, E::NotDir),
        ("/file/inner", R::File, E::NotDir),
        ("/dirlink/inner", R::File, E::Loop),
        ("/dirlink/sub", R::Tree, E::Loop),
        ("/out/file", R::File, E::Loop),
    ] {
        refused(remove(at, what).await, &expected, &format!("{what:?} {at}"));
    }
    remove("/link", R::File).await.expect("the link");
    remove("/dirlink", R::Tree).await.expect("the other link");
    remove("/escape", R::File).await.expect("a link that leads nowhere");
    assert!(there(files, "/file").await && there(files, "/dir/inner").await, "not what they led to");
    remove("/nothing", R::EmptyDir).await.expect("an empty directory");
    remove("/empty", R::Tree).await.expect("a file");
    // Links in a tree are removed, and not what they lead to.
    remove("/dir", R::Tree).await.expect("a tree");
    for at in ["/link", "/dirlink", "/escape", "/nothing", "/empty", "/dir"] {
        assert!(!there(files, at).await, "{at} is gone");
    }
    assert_eq!(content(files, "/file").await.expect("the file"), HELLO);
    // A deep tree, and a wide one.
    let mut deep = path("/deep");
    let (name, wide) = (Name::new("d").expect("a name"), path("/wide"));
    for _ in 0..100 {
        files.mkdir(&deep, None).await.expect("a directory");
        deep = deep.join(&name).expect("a path");
    }
    files.mkdir(&wide, None).await.expect("a directory");
    for number in 0..1100 {
        let name = Name::new(number.to_string()).expect("a name");
        files.mkdir(&wide.join(&name).expect("a path"), None).await.expect("a directory");
    }
    remove("/deep", R::Tree).await.expect("a deep tree");
    remove("/wide", R::Tree).await.expect("a wide tree");
    assert!(!there(files, "/deep").await && !there(files, "/wide").await);
}

async fn truncate(files: &dyn Files) {
    use FsError as E;
    let len = |len| SetMeta { len: Some(len), ..SetMeta::default() };
    let set = async |at: &str, to| files.set(&path(at), len(to), true).await;
    set("/file", 5).await.expect("a shorter file");
    assert_eq!(content(files, "/file").await.expect("the file"), b"hello");
    set("/file", 7).await.expect("a longer file");
    assert_eq!(content(files, "/file").await.expect("the file"), b"hello\0\0");
    for (at, expected) in [
        ("/dir", E::IsDir),
        ("/", E::IsDir),
        ("/missing", E::NotFound),
        ("/link", E::Loop),
        ("/dirlink/inner", E::Loop),
        ("/escape", E::Loop),
    ] {
        refused(set(at, 0).await, &expected, at);
    }
    let endless = set("/file", u64::MAX).await;
    assert!(matches!(endless, Err(E::TooLarge | E::Quota)), "a length that no file has: {endless:?}");
    for how in [Write::Update, Write::CreateNew] {
        let at = if how == Write::Update { "/file" } else { "/new" };
        let file = files.open(&path(at), &Open::write(how)).await.expect("a file");
        file.write_at(0, Bytes::from_static(b"HELLO")).await.expect("a write");
        file.set(len(4)).await.expect("a shorter file");
        file.set(len(6)).await.expect("a longer file");
        assert_eq!(file.commit().await.expect("a commit").len, 6);
        assert_eq!(content(files, at).await.expect("the file"), b"HELL\0\0");
    }
}

/// Every kind of thing over every kind of thing.
async fn rename_files(files: &dyn Files) {
    use FsError as E;
    use Over::{File, Never, Posix};
    let rename = async |from: &str, to: &str, over| files.rename(&path(from), &path(to), over).await;
    let replaces = files.caps().has(Caps::RENAME_REPLACE);
    for (from, to, over, expected) in [
        ("/missing", "/new", Never, E::NotFound),
        ("/missing", "/file", Posix, E::NotFound),
        ("/file", "/missing/new", Never, E::NotFound),
        ("/file", "/empty/new", Never, E::NotDir),
        ("/file", "/dirlink/new", Never, E::Loop),
        ("/dirlink/inner", "/new", Never, E::Loop),
        ("/file", "/empty", Never, E::Exists),
        ("/file", "/link", Never, E::Exists),
        ("/file", "/dangling", Never, E::Exists),
        ("/file", "/nothing", Never, E::Exists),
        ("/file", "/file", Never, E::Exists),
        ("/file", "/nothing", File, E::IsDir),
        ("/file", "/nothing", Posix, E::IsDir),
        ("/dir/inner", "/dir", Posix, E::IsDir),
        ("/file", "/", Posix, E::Busy),
        ("/", "/new", Posix, E::Busy),
    ] {
        refused(rename(from, to, over).await, &expected, &format!("{from} to {to}, {over:?}"));
    }
    let before = files.stat(&path("/file"), true).await.expect("a file");
    rename("/file", "/dir/moved", Never).await.expect("a new name");
    let after = files.stat(&path("/dir/moved"), true).await.expect("the file");
    assert_eq!(
        (before.id, before.len, before.mtime),
        (after.id, after.len, after.mtime),
        "it is the same file"
    );
    assert!(!there(files, "/file").await);
    rename("/link", "/renamed", Never).await.expect("a link itself");
    assert_eq!(files.readlink(&path("/renamed")).await.ok().unwrap_or("file".into()), "file");
    if replaces {
        rename("/dir/moved", "/dir/moved", File).await.expect("itself over itself");
        rename("/dir/moved", "/dir/inner", File).await.expect("a file over a file");
        assert_eq!(content(files, "/dir/inner").await.expect("the file"), HELLO);
        rename("/empty", "/chain", Posix).await.expect("a file over a link");
        assert_eq!(content(files, "/chain").await.expect("the file"), b"");
        assert!(!there(files, "/dir/moved").await && !there(files, "/empty").await);
    }
}

async fn rename_dirs(files: &dyn Files) {
    use FsError as E;
    use Over::{File, Never, Posix};
    let rename = async |from: &str, to: &str, over| files.rename(&path(from), &path(to), over).await;
    for over in [Never, File, Posix] {
        for to in ["/dir/new", "/dir/sub/new"] {
            refused(rename("/dir", to, over).await, &E::BadName, "a directory into itself");
        }
        refused(
            rename("/nothing", "/file", over).await,
            if over == Never { &E::Exists } else { &E::NotDir },
            "",
        );
    }
    refused(rename("/dir/sub", "/dir", Posix).await, &E::NotEmpty, "a directory over the one it is in");
    refused(rename("/nothing", "/dir", Posix).await, &E::NotEmpty, "a directory over one with entries");
    refused(rename("/dir", "/nothing", File).await, &E::Exists, "a directory over another");
    assert_eq!(content(files, "/dir/sub/deep").await.expect("nothing has moved"), b"deep");
    rename("/dir", "/moved", Never).await.expect("a new name");
    assert_eq!(content(files, "/moved/sub/deep").await.expect("all in it"), b"deep");
    // A name that begins with another one is not within it.
    rename("/moved", "/moved2", Never).await.expect("a longer name");
    if files.caps().has(Caps::RENAME_REPLACE) {
        rename("/moved2", "/nothing", Posix).await.expect("a directory over an empty one");
        rename("/nothing", "/nothing", Posix).await.expect("itself over itself");
        assert_eq!(content(files, "/nothing/sub/deep").await.expect("all in it"), b"deep");
    }
}

async fn odd_moves(files: &dyn Files) {
    let dir = path("/dir of moves");
    files.mkdir(&dir, None).await.expect("a directory");
    for seed in odd_seeds() {
        let name = seed.path.file_name().expect("a name");
        let moved = dir.join(&name).expect("a path");
        files.rename(&seed.path, &moved, Over::Never).await.expect("a rename");
        files.remove(&moved, Remove::File).await.expect("a removal");
        refused(files.stat(&moved, false).await, &FsError::NotFound, &format!("{name}"));
    }
    assert!(names(files, "/dir of moves").await.is_empty());
}

async fn copy(files: &dyn Files) {
    use FsError as E;
    use Over::{File, Never, Posix};
    let copy = async |from: &str, to: &str, over| files.copy(&path(from), &path(to), over).await;
    for (from, to, over, expected) in [
        ("/missing", "/new", Never, E::NotFound),
        ("/dir", "/new", Never, E::IsDir),
        ("/escape", "/new", Never, E::Denied),
        ("/file", "/missing/new", Never, E::NotFound),
        ("/file", "/dirlink/new", Never, E::Loop),
        ("/file", "/empty", Never, E::Exists),
        ("/file", "/dir", File, E::IsDir),
        ("/file", "/", File, E::IsDir),
        ("/file", "/link", File, E::Loop),
        ("/file", "/file", Posix, E::BadName),
        ("/link", "/file", File, E::BadName),
    ] {
        refused(copy(from, to, over).await, &expected, &format!("{from} to {to}, {over:?}"));
    }
    assert_eq!(content(files, "/file").await.expect("the file"), HELLO);
    copy("/file", "/dir/copy", Never).await.expect("a copy");
    copy("/dir/sub/deep", "/dir/copy", File).await.expect("a copy over a file");
    assert_eq!(content(files, "/dir/copy").await.expect("the copy"), b"deep");
    copy("/chain", "/empty", Posix).await.expect("a copy of where a link leads");
    put(files, "/empty", Write::Update, b"HELLO").await.expect("the copy changed");
    assert_eq!(content(files, "/empty").await.expect("the copy"), b"HELLO, world");
    assert_eq!(content(files, "/file").await.expect("the file"), HELLO, "the other is untouched");
}

async fn modes(files: &dyn Files) {
    let mode = |mode| SetMeta { mode: Some(mode), ..SetMeta::default() };
    let of = async |at: &str| files.stat(&path(at), false).await.expect("facts").mode;
    for at in ["/file", "/dir"] {
        files.set(&path(at), mode(0o750), true).await.expect("a mode");
        assert_eq!(of(at).await, Some(0o750), "mode of {at}");
        // Nobody makes a program that runs as somebody else.
        files.set(&path(at), mode(0o7711), false).await.expect("a mode");
        assert_eq!(of(at).await, Some(0o711), "mode of {at}");
    }
    refused(files.set(&path("/link"), mode(0o700), true).await, &FsError::Loop, "a link");
    refused(files.set(&path("/dirlink/inner"), mode(0o700), true).await, &FsError::Loop, "a link on the way");
    refused(files.set(&path("/missing"), mode(0o700), true).await, &FsError::NotFound, "nothing");
    assert_eq!(of("/file").await, Some(0o711));
    let file = files.open(&path("/file"), &Open::write(Write::Update)).await.expect("a file");
    file.set(mode(0o600)).await.expect("a mode");
    assert_eq!(of("/file").await, Some(0o600));
    put(files, "/file", Write::Replace, b"new").await.expect("new content");
    assert_eq!(of("/file").await, Some(0o600), "new content keeps the mode");
}

async fn times(files: &dyn Files) {
    let at = |secs, nanos| SetMeta { mtime: Some(Time::new(secs, nanos)), ..SetMeta::default() };
    let of = async |at: &str| files.stat(&path(at), false).await.expect("facts").mtime;
    // Before 1970, and past what 32 bits without a sign count.
    for secs in [0, 1_000_000_000, -86_400, 4_320_000_000] {
        for what in ["/file", "/dir", "/"] {
            files.set(&path(what), at(secs, 0), true).await.expect("a time");
            assert_eq!(of(what).await, Some(Time::new(secs, 0)), "time of {what}");
        }
    }
    let before = of("/file").await;
    files.set(&path("/link"), at(5, 0), false).await.expect("the time of a link itself");
    assert_eq!((of("/link").await, of("/file").await), (Some(Time::new(5, 0)), before));
    refused(files.set(&path("/link"), at(6, 0), true).await, &FsError::Loop, "where a link leads");
    let file = files.open(&path("/file"), &Open::write(Write::Update)).await.expect("a file");
    file.write_at(0, Bytes::from_static(b"J")).await.expect("a write");
    file.set(at(7, 0)).await.expect("a time");
    assert_eq!(file.commit().await.expect("a commit").mtime, Some(Time::new(7, 0)));
    put(files, "/dir/new", Write::Update, b"x").await.expect("a new file");
    assert_ne!(of("/dir").await, Some(Time::new(4_320_000_000, 0)), "a new entry is a change of a directory");
}

async fn symlinks(files: &dyn Files) {
    use FsError as E;
    let make = async |at: &str, to: &str| files.symlink(&path(at), to.as_bytes()).await;
    let says = async |at: &str| files.readlink(&path(at)).await;
    for (at, says_it) in [("/link", "file"), ("/dangling", "nowhere"), ("/dirlink/sub/up", "../../file")] {
        assert_eq!(says(at).await.expect("a link"), says_it);
    }
    for (at, expected) in [
        ("/file", E::BadName),
        ("/dir", E::BadName),
        ("/missing", E::NotFound),
        ("/out/link", E::Denied),
        // What there is outside is not told.
        ("/absolute", E::Denied),
    ] {
        refused(says(at).await, &expected, at);
    }
    make("/dir/new", "../file").await.expect("a link");
    assert_eq!(says("/dir/new").await.expect("a link"), "../file");
    make("/dir/sub/new", "/dir/inner").await.expect("a link from the root");
    make("/all", "/").await.expect("a link to the root");
    make("/later", "not there yet").await.expect("a link to nothing");
    for (at, expected) in [("/dir/new", HELLO), ("/dir/sub/new", b"inner"), ("/all/dir/inner", b"inner")] {
        assert_eq!(content(files, at).await.expect("where it leads"), expected, "{at}");
    }
    for (at, to, expected) in [
        ("/file", "x", E::Exists),
        ("/link", "x", E::Exists),
        ("/dangling", "x", E::Exists),
        ("/missing/new", "x", E::NotFound),
        ("/dirlink/new", "x", E::Loop),
        ("/new", "", E::BadName),
        ("/new", "a\0", E::BadName),
        ("/new", "..", E::Denied),
        ("/dir/other", "../../etc", E::Denied),
        ("/new", "/../etc", E::Denied),
    ] {
        refused(make(at, to).await, &expected, &format!("{at} to {to:?}"));
    }
}

async fn hardlinks(files: &dyn Files) {
    use FsError as E;
    let link = async |from: &str, to: &str| files.hardlink(&path(from), &path(to)).await;
    for (from, to, expected) in [
        ("/missing", "/new", E::NotFound),
        ("/dir", "/new", E::IsDir),
        ("/link", "/new", E::Loop),
        ("/dirlink/inner", "/new", E::Loop),
        ("/file", "/empty", E::Exists),
        ("/file", "/file", E::Exists),
        ("/file", "/dangling", E::Exists),
        ("/file", "/missing/new", E::NotFound),
        ("/file", "/dirlink/new", E::Loop),
    ] {
        refused(link(from, to).await, &expected, &format!("{from} to {to}"));
    }
    link("/file", "/dir/second").await.expect("a second name");
    let id = async |at: &str| files.stat(&path(at), false).await.expect("facts").id;
    assert_eq!(id("/file").await, id("/dir/second").await);
    put(files, "/dir/second", Write::Update, b"HELLO").await.expect("a change");
    assert_eq!(content(files, "/file").await.expect("the file"), b"HELLO, world");
    if files.caps().has(Caps::RENAME_FILE | Caps::RENAME_REPLACE) {
        files
            .rename(&path("/file"), &path("/dir/second"), Over::File)
            .await
            .expect("one name over the other");
        assert!(!there(files, "/file").await && there(files, "/dir/second").await, "one name is left");
    }
}

async fn space(files: &dyn Files) {
    for at in ["/", "/file", "/dir/sub", "/link"] {
        let space = files.space(&path(at)).await.expect("room");
        assert!(space.total > 0 && space.free <= space.total, "{space:?}");
    }
    refused(files.space(&path("/missing")).await, &FsError::NotFound, "/missing");
    refused(files.space(&path("/out")).await, &FsError::Denied, "/out");
}
