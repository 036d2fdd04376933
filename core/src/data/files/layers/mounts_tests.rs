use bytes::BytesMut;

use super::*;
use crate::data::files::suite::{files_suite, memory};
use crate::data::files::{Memory, Write};

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

fn mounts() -> Mounts {
    let base = Memory::new().with("/file", "base").with("/pub/covered", "x").with_dir("/empty");
    let public = Memory::new().with("/file", "pub").with("/a/deep/covered", "x").with_link("/l", "file");
    let deep = Memory::new().with("/file", "deep");
    let all: [(VPath, Arc<dyn Files>); 3] = [
        (path("/pub"), Arc::new(public)),
        (path("/pub/a/deep"), Arc::new(deep.clone())),
        (path("/no/where/deep"), Arc::new(deep)),
    ];
    Mounts::new(Some(Arc::new(base)), all)
}

async fn content(files: &Mounts, at: &str) -> Result<Vec<u8>> {
    let file = files.open(&path(at), &Open::read()).await?;
    Ok(file.read_at(0, BytesMut::with_capacity(64)).await?.to_vec())
}

async fn names(files: &Mounts, at: &str) -> Vec<String> {
    let mut stream = files.list(&path(at), ListOptions::default()).await.unwrap();
    let mut names = Vec::new();
    loop {
        let batch = stream.next_batch(1).await.unwrap();
        if batch.is_empty() {
            names.sort();
            return names;
        }
        names.extend(batch.iter().map(|entry| entry.name.to_string()));
    }
}

fn error<T>(result: Result<T>) -> &'static str {
    result.err().map_or("done", |error| error.text())
}

#[tokio::test]
async fn one_tree_without_mounts_is_that_tree() {
    files_suite(|seeds| Box::new(Mounts::new(Some(Arc::new(memory(seeds))), []))).await;
    let at_root = |seeds: &[_]| {
        let tree: Arc<dyn Files> = Arc::new(memory(seeds));
        Box::new(Mounts::new(None, [(VPath::ROOT, tree)]))
    };
    files_suite(at_root).await;
}

#[test]
fn rights_are_those_of_the_tree_that_a_path_is_in() {
    use crate::data::files::layers::{Permissions, Rule};
    let look = Ops::LIST | Ops::READ;
    let rules = [Rule { path: "/**".parse().unwrap(), allow: look }];
    let all: [(VPath, Arc<dyn Files>); 2] = [
        (path("/a/look"), Arc::new(Permissions::new(Memory::new(), rules))),
        (path("/a/write"), Arc::new(Memory::new())),
    ];
    let files = Mounts::new(None, all);
    let rights = |at: &str, reach| files.rights(&path(at), reach);
    for reach in [Reach::Here, Reach::Inside, Reach::Below] {
        assert_eq!(rights("/a/look", reach), look, "{reach:?}");
        assert_eq!(rights("/none", reach), Ops::NONE, "{reach:?}");
    }
    assert_eq!((rights("/a", Reach::Here), rights("/a", Reach::Inside)), (Ops::LIST, Ops::NONE));
    assert!(
        rights("/a", Reach::Below).has(Ops::CREATE) && rights("/a/write", Reach::Inside).has(Ops::CREATE)
    );
    assert!(!rights("/a/write", Reach::Here).has_any(Ops::RENAME | Ops::DELETE), "it is a mount point");
    assert!(rights("/a/write/x", Reach::Here).has(Ops::RENAME | Ops::DELETE));
}

#[tokio::test]
async fn the_longest_mount_point_decides() {
    let files = mounts();
    for (at, expected) in [
        ("/file", "base"),
        ("/pub/file", "pub"),
        ("/pub/l", "pub"),
        ("/pub/a/deep/file", "deep"),
        ("/no/where/deep/file", "deep"),
    ] {
        assert_eq!(content(&files, at).await.unwrap(), expected.as_bytes(), "{at}");
    }
    for at in ["/pub/covered", "/pub/a/deep/covered", "/no/where/file", "/pubs"] {
        assert_eq!(error(content(&files, at).await), FsError::NotFound.text(), "{at}");
    }
    assert_eq!(error(content(&files, "/pub").await), FsError::IsDir.text());
    assert_eq!(error(content(&files, "/no/where").await), FsError::IsDir.text());
}

#[tokio::test]
async fn mount_points_are_listed_once() {
    let files = mounts();
    assert_eq!(names(&files, "/").await, ["empty", "file", "no", "pub"]);
    assert_eq!(names(&files, "/no").await, ["where"]);
    assert_eq!(names(&files, "/pub/a").await, ["deep"]);
    assert_eq!(names(&files, "/pub/a/deep").await, ["file"]);
    assert_eq!(files.stat(&path("/no/where"), true).await.unwrap().kind, Kind::Dir);
    let alone = Mounts::new(None, [(path("/a/b"), Arc::new(Memory::new()) as Arc<dyn Files>)]);
    assert_eq!(names(&alone, "/").await, ["a"]);
    assert_eq!(error(alone.stat(&path("/x"), true).await), FsError::NotFound.text());
    assert_eq!(error(alone.mkdir(&path("/x"), None).await), FsError::Denied.text());
}

#[tokio::test]
async fn nothing_goes_from_one_tree_to_another() {
    let files = mounts();
    let (here, there) = (path("/file"), path("/pub/new"));
    for result in [
        files.rename(&here, &there, Over::Never).await,
        files.copy(&here, &there, Over::Never).await,
        files.hardlink(&here, &there).await,
        files.symlink(&there, b"/file").await,
    ] {
        assert_eq!(error(result), FsError::CrossDevice.text());
    }
    files.rename(&path("/pub/file"), &there, Over::Never).await.unwrap();
    assert_eq!(content(&files, "/pub/new").await.unwrap(), b"pub");
    files.symlink(&path("/pub/link"), b"/pub/new").await.unwrap();
    assert_eq!(content(&files, "/pub/link").await.unwrap(), b"pub");
}

#[tokio::test]
async fn a_mount_point_stays() {
    let files = mounts();
    for at in ["/pub", "/pub/a", "/no", "/no/where", "/", "/pub/a/deep"] {
        assert_eq!(error(files.remove(&path(at), Remove::Tree).await), FsError::Busy.text(), "{at}");
        let renamed = files.rename(&path(at), &path("/new"), Over::Never).await;
        assert_eq!(error(renamed), FsError::Busy.text(), "{at}");
        assert_eq!(error(files.mkdir(&path(at), None).await), FsError::Exists.text(), "{at}");
        let opened = files.open(&path(at), &Open::write(Write::Replace)).await;
        assert_eq!(error(opened), FsError::IsDir.text(), "{at}");
    }
    assert_eq!(content(&files, "/pub/a/deep/file").await.unwrap(), b"deep");
}

#[test]
fn a_promise_counts_only_if_all_make_it() {
    struct Poor;
    #[async_trait]
    impl Files for Poor {
        fn caps(&self) -> Caps {
            Caps::RANDOM_READ | Caps::XATTR
        }
        async fn stat(&self, _: &VPath, _: bool) -> Result<Meta> {
            Err(FsError::NotFound)
        }
        async fn list(&self, _: &VPath, _: ListOptions) -> Result<Box<dyn DirStream>> {
            Err(FsError::NotFound)
        }
        async fn open(&self, _: &VPath, _: &Open) -> Result<Box<dyn FileHandle>> {
            Err(FsError::NotFound)
        }
        fn rights(&self, _: &VPath, _: Reach) -> Ops {
            Ops::of(self.caps())
        }
        fn place(&self, _: &VPath) -> Option<Place> {
            None
        }
    }
    let poor: Arc<dyn Files> = Arc::new(Poor);
    let caps = Mounts::new(Some(Arc::new(Memory::new())), [(path("/poor"), poor)]).caps();
    assert!(caps.has(Caps::RANDOM_READ | Caps::RANDOM_WRITE | Caps::XATTR));
    assert!(!caps.has(Caps::ETAG) && !caps.has(Caps::ATOMIC_PUT));
}
