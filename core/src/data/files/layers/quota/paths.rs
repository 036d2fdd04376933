use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::data::files::VPath;

/// The paths at which something is being changed. Of two changes where a path of the one is a path of the other, or above
/// one, the later waits for the earlier: so each finds what it counts as it leaves it.
#[derive(Default)]
pub(super) struct Paths {
    turns: Mutex<Turns>,
    left: Notify,
}

/// In the order in which they came.
#[derive(Default)]
struct Turns {
    all: Vec<(u64, Vec<VPath>)>,
    next: u64,
}

/// The turn of one change. It is over when this is dropped.
pub(super) struct Turn<'a> {
    paths: &'a Paths,
    number: u64,
}

impl Paths {
    /// Waits for the changes at these paths that came earlier.
    pub(super) async fn turn(&self, paths: &[&VPath]) -> Turn<'_> {
        let turn = Turn { paths: self, number: self.turns().take(paths) };
        loop {
            let left = self.left.notified();
            if self.turns().is_next(turn.number) {
                return turn;
            }
            left.await;
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turns {
    fn take(&mut self, paths: &[&VPath]) -> u64 {
        self.next += 1;
        self.all.push((self.next, paths.iter().copied().cloned().collect()));
        self.next
    }

    fn is_next(&self, number: u64) -> bool {
        let touch = |(one, other): (&VPath, &VPath)| one.is_within(other) || other.is_within(one);
        let mut earlier = self.all.iter().take_while(|(other, _)| *other != number);
        let Some((_, own)) = self.all.iter().find(|(other, _)| *other == number) else { return true };
        !earlier.any(|(_, paths)| {
            paths.iter().flat_map(|one| own.iter().map(move |other| (one, other))).any(touch)
        })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.paths.turns().all.retain(|(number, _)| *number != self.number);
        self.paths.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::data::files::DotDot;

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    #[tokio::test]
    async fn the_later_waits_where_paths_are_in_one_another() {
        let paths = Paths::default();
        let [dir, file, beside, other, below] = ["/a", "/a/b", "/a-b", "/d", "/d/e"].map(path);
        let first = paths.turn(&[&file]).await;
        let aside = paths.turn(&[&beside]).now_or_never().expect("nobody is in its way");
        let two = [&other, &dir];
        let mut above = Box::pin(paths.turn(&two));
        assert!(above.as_mut().now_or_never().is_none());
        // It waits for whoever waits, so that nobody waits for ever.
        let one = [&below];
        let mut last = Box::pin(paths.turn(&one));
        assert!(last.as_mut().now_or_never().is_none());
        drop(first);
        let above = above.await;
        assert!(last.as_mut().now_or_never().is_none());
        drop((above, aside));
        drop(last.await);
        assert!(paths.turns().all.is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_is_in_nobodys_way() {
        let paths = Paths::default();
        let first = paths.turn(&[&VPath::ROOT]).await;
        assert!(paths.turn(&[&path("/a")]).now_or_never().is_none());
        drop(first);
        assert!(paths.turn(&[&path("/a")]).now_or_never().is_some());
    }
}
