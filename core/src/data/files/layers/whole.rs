use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::forward::*;

/// A tree of which each change, once begun, goes on to its end, though whoever asked for it waits no more: because a
/// connection was reset, or a server stops. So what is done to the files, and what layers below this one count and say
/// of it, do not come apart.
///
/// Only writes to an open file can be cut off, and what was not committed is given up. Whoever locks what is being changed waits
/// for the end of that, too ([`Locks::change`](crate::data::files::Locks::change)).
pub struct Whole<F> {
    files: Arc<F>,
    turns: Turns,
}

/// How many changes go on at once; whoever has the same shares it. The others wait, and are not begun.
#[derive(Clone)]
pub struct Turns(Arc<Semaphore>);

impl Default for Turns {
    /// As many as somebody needs.
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(64)))
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Turns").field(&self.0.available_permits()).finish()
    }
}

impl Turns {
    /// Makes a change when it is its turn, of what is at these places.
    async fn make<T: 'static, const N: usize>(
        &self,
        places: [Option<Place>; N],
        change: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let turn = self.0.clone().acquire_owned().await;
        let begun = places.map(|place| place.map(|place| place.change()));
        let change = async move {
            let _held = (turn, begun);
            change.await
        };
        Making(Some(Box::pin(change))).await
    }
}

/// A change that is made. Where this is dropped in its middle, it goes on in a task of its own.
struct Making<T: 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T> Future for Making<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // One that panics is over.
        let Some(mut change) = self.0.take() else { return Poll::Pending };
        let polled = change.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(change);
        }
        polled
    }
}

impl<T> Drop for Making<T> {
    fn drop(&mut self) {
        if let Some(change) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            let rest = async move { drop(change.await) }.in_current_span();
            #[expect(
                clippy::disallowed_methods,
                reason = "it outlives the connection that asked for it; turns bound it"
            )]
            drop(runtime.spawn(rest));
        }
    }
}

impl<F: Files + 'static> Whole<F> {
    /// `files`, whose changes take their turns.
    pub fn new(files: F, turns: Turns) -> Self {
        Self { files: Arc::new(files), turns }
    }
}

#[async_trait]
impl<F: Files + 'static> Files for Whole<F> {
    forward!(caps, stat, list, readlink, space, rights, place to files);

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        if how.write.is_none() {
            return self.files.open(path, how).await;
        }
        let (files, path, how) = (self.files.clone(), path.clone(), how.clone());
        let place = files.place(&path);
        let handle = self.turns.make([place.clone()], async move { files.open(&path, &how).await }).await?;
        Ok(Box::new(Written { handle, place, turns: self.turns.clone() }))
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        if how.write.is_none() { self.files.open_now(path, how) } else { None }
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        let (files, path) = (self.files.clone(), path.clone());
        let places = [files.place(&path)];
        self.turns.make(places, async move { files.mkdir(&path, mode).await }).await
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        let (files, path) = (self.files.clone(), path.clone());
        let places = [files.place(&path)];
        self.turns.make(places, async move { files.remove(&path, what).await }).await
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        let (files, from, to) = (self.files.clone(), from.clone(), to.clone());
        let places = [files.place(&from), files.place(&to)];
        self.turns.make(places, async move { files.rename(&from, &to, over).await }).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        let (files, from, to) = (self.files.clone(), from.clone(), to.clone());
        let places = [files.place(&to)];
        self.turns.make(places, async move { files.copy(&from, &to, over).await }).await
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        let (files, path) = (self.files.clone(), path.clone());
        let places = [files.place(&path)];
        self.turns.make(places, async move { files.set(&path, facts, follow).await }).await
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        let (files, path, target) = (self.files.clone(), path.clone(), target.to_vec());
        let places = [files.place(&path)];
        self.turns.make(places, async move { files.symlink(&path, &target).await }).await
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        let (files, from, to) = (self.files.clone(), from.clone(), to.clone());
        let places = [files.place(&to)];
        self.turns.make(places, async move { files.hardlink(&from, &to).await }).await
    }
}

/// A file that is written to.
struct Written {
    handle: Box<dyn FileHandle>,
    place: Option<Place>,
    turns: Turns,
}

#[async_trait]
impl FileHandle for Written {
    forward_handle!(opened, read_now, read_at, write_at, write_from, meta, set, sync, as_fd to handle);

    async fn commit_with(self: Box<Self>, offset: u64, data: Bytes) -> Result<Meta> {
        let Self { handle, place, turns } = *self;
        turns.make([place], async move { handle.commit_with(offset, data).await }).await
    }

    async fn commit(self: Box<Self>) -> Result<Meta> {
        let Self { handle, place, turns } = *self;
        turns.make([place], handle.commit()).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::data::files::layers::{Marked, Share, View};
    use crate::data::files::suite::{files_suite, memory};
    use crate::data::files::{DotDot, FsError, Marks, Memory, NewLock, Write};
    use crate::testkit::Watched;

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    /// Begins a change, goes away, and lets it go on.
    async fn leave<T>(gate: &Semaphore, change: impl Future<Output = T>) {
        assert!(change.now_or_never().is_none());
        gate.add_permits(1);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_whole_tree_is_that_tree() {
        files_suite(|seeds| Box::new(Whole::new(memory(seeds), Turns::default()))).await;
    }

    #[tokio::test]
    async fn what_has_begun_is_done_and_counted_though_nobody_waits_for_it() {
        let gated = Watched::held(Memory::new().with("/old", "12345").with("/dir/a", "12345"));
        let (gate, share) = (gated.may_end.clone(), Share::new(100, 10));
        let files = View { share: Some(share.clone()), ..View::default() }.of(Arc::new(gated));
        let file = files.open(&path("/new"), &Open::write(Write::Replace)).await.unwrap();
        file.write_at(0, Bytes::from_static(b"0123456789")).await.unwrap();
        leave(&gate, file.commit()).await;
        assert_eq!(files.stat(&path("/new"), true).await.unwrap().len, 10);
        assert_eq!(share.used(), 20);
        leave(&gate, files.copy(&path("/new"), &path("/copy"), Over::Never)).await;
        assert_eq!(share.used(), 30);
        leave(&gate, files.rename(&path("/old"), &path("/copy"), Over::File)).await;
        assert_eq!(share.used(), 20);
        leave(&gate, files.remove(&path("/dir"), Remove::Tree)).await;
        leave(&gate, files.remove(&path("/copy"), Remove::File)).await;
        assert!(matches!(files.stat(&path("/copy"), true).await, Err(FsError::NotFound)));
        assert_eq!(share.used(), 10);
    }

    #[tokio::test]
    async fn a_lock_waits_for_what_goes_on_though_nobody_waits_for_that() {
        let gated = Watched::held(Memory::new());
        let gate = gated.may_end.clone();
        let files = Whole::new(Marked::new(gated, Arc::new(Marks::memory())), Turns::default());
        let (at, timeout) = (path("/new"), Duration::from_secs(60));
        let place = files.place(&at).unwrap();
        let file = files.open(&at, &Open::write(Write::Replace)).await.unwrap();
        // Its client goes away.
        assert!(file.commit().now_or_never().is_none());
        let (user, owner, path) = (None, Bytes::new(), at.clone());
        let wanted = NewLock { path, deep: false, exclusive: true, user, owner, timeout };
        let lock = place.marks.locks().lock(wanted).await.unwrap();
        let mut settled = place.marks.locks().settled(&lock);
        assert!(settled.as_mut().now_or_never().is_none());
        gate.add_permits(1);
        settled.await;
        assert!(files.stat(&at, true).await.is_ok());
    }

    #[tokio::test]
    async fn what_has_not_begun_is_not_done() {
        let gated = Watched::held(Memory::new().with("/a", "").with("/b", ""));
        let (gate, turns) = (gated.may_end.clone(), Turns(Arc::new(Semaphore::new(1))));
        let files = Whole::new(gated, turns);
        let a = path("/a");
        let mut first = files.remove(&a, Remove::File);
        assert!(first.as_mut().now_or_never().is_none());
        // It waits for its turn.
        assert!(files.remove(&path("/b"), Remove::File).now_or_never().is_none());
        gate.add_permits(2);
        first.await.unwrap();
        files.remove(&path("/none"), Remove::File).await.unwrap_err();
        assert!(files.stat(&path("/b"), true).await.is_ok());
    }
}
