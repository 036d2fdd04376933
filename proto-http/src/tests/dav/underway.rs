//! Locks, and changes that are under way when they are asked for.

use ropewalk_core::data::files::layers::Ops;
use ropewalk_core::data::files::{
    Caps, DirStream, FileHandle, FsError, ListOptions, Meta, Place, Reach, Remove, SetMeta,
};
use tokio::sync::Semaphore;

use super::locks::LOCK;
use super::*;

/// A tree of which each commit says that it is there, and waits.
struct Slow {
    files: Memory,
    there: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

struct SlowFile(Box<dyn FileHandle>, Arc<Semaphore>, Arc<Semaphore>);

#[async_trait::async_trait]
impl Files for Slow {
    fn caps(&self) -> Caps {
        self.files.caps()
    }
    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta, FsError> {
        self.files.stat(path, follow).await
    }
    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        self.files.list(path, options).await
    }
    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        let file = self.files.open(path, how).await?;
        Ok(Box::new(SlowFile(file, Arc::clone(&self.there), Arc::clone(&self.gate))))
    }
    async fn remove(&self, path: &VPath, what: Remove) -> Result<(), FsError> {
        self.there.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        self.files.remove(path, what).await
    }
    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<(), FsError> {
        self.files.set(path, facts, follow).await
    }
    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }
}

#[async_trait::async_trait]
impl FileHandle for SlowFile {
    fn opened(&self) -> &Meta {
        self.0.opened()
    }
    async fn read_at(&self, offset: u64, buf: BytesMut) -> Result<BytesMut, FsError> {
        self.0.read_at(offset, buf).await
    }
    async fn write_at(&self, offset: u64, data: bytes::Bytes) -> Result<(), FsError> {
        self.0.write_at(offset, data).await
    }
    async fn meta(&self) -> Result<Meta, FsError> {
        self.0.meta().await
    }
    async fn commit(self: Box<Self>) -> Result<Meta, FsError> {
        self.1.add_permits(1);
        self.2.acquire().await.unwrap().forget();
        self.0.commit().await
    }
}

/// Whoever was past their last look at locks is waited for.
#[tokio::test]
async fn after_the_answer_to_lock_nothing_that_had_begun_changes_anything() {
    for (method, target, lock, answer, then) in [
        ("PUT", "/a", "/a", "200", Some("new")),
        ("PUT", "/dir/new", "/dir/new", "200", Some("new")),
        ("PUT", "/dir/new", "/dir", "200", Some("new")),
        ("DELETE", "/a", "/a", "201", Some("")),
        ("DELETE", "/dir", "/dir/b", "409", None),
    ] {
        let (there, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let files = Memory::new().with("/a", "old").with("/dir/b", "b");
        let slow = Slow { files, there: Arc::clone(&there), gate: Arc::clone(&gate) };
        let files = Arc::new(Marked::new(slow, Arc::new(Marks::memory())));
        let http = || Http::new(Static::new(files.clone()).writable().dav());
        let cx = Context::root(Limits::default());
        let change = cx.spawn(say(http(), request(method, target, "", "new")));
        there.acquire().await.unwrap().forget();
        let mut locked = cx.spawn(say(http(), request("LOCK", lock, "", LOCK)));
        // It is made, and seen by whoever looks from now on.
        let place = files.place(&path(lock)).unwrap();
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(!place.marks.locks().over(&place.path, false).await.unwrap().is_empty(), "{method} {target}");
        assert!(!locked.is_finished(), "{method} {target}");
        gate.add_permits(10);
        let changed = change.await.unwrap();
        assert!(status(&changed).starts_with("20"), "{method} {target}: {changed}");
        let locked = (&mut locked).await.unwrap();
        assert_eq!(status(&locked), answer, "{method} {target}: {locked}");
        let kept = match files.open(&path(target), &Open::read()).await {
            Ok(file) => Some(file.read_at(0, BytesMut::with_capacity(9)).await.unwrap()),
            Err(_) => None,
        };
        assert_eq!(kept.as_deref(), then.map(str::as_bytes), "{method} {target}");
        if answer != "409" {
            let refused = say(http(), request("PUT", target, "", "later")).await;
            assert_eq!(status(&refused), "423", "{method} {target}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_without_end_keeps_nobody_waiting_for_a_lock_for_ever() {
    let files = tree();
    let place = files.place(&path("/a")).unwrap();
    let change = place.change();
    let said = ask(&files, "LOCK", "/a", "", LOCK).await;
    assert_eq!((status(&said), field(&said, "retry-after")), ("503", Some("5")));
    drop(change);
    assert_eq!(status(&ask(&files, "LOCK", "/a", "", LOCK).await), "200", "the first one is not kept");
}
