//! What happens to the count when things happen at once.

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use super::*;
use crate::data::files::{DotDot, Memory};
use crate::testkit::Watched;

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

fn bytes(count: usize) -> Bytes {
    Bytes::from(vec![b'x'; count])
}

async fn open(files: &impl Files, at: &str, how: Write) -> Box<dyn FileHandle> {
    files.open(&path(at), &Open::write(how)).await.unwrap()
}

async fn there(files: &impl Files) -> u64 {
    usage(files, &VPath::ROOT, 99).await.unwrap().0
}

fn tree(files: Memory, used: u64) -> (Quota<Watched>, Share, Arc<Semaphore>) {
    let (files, share) = (Watched::held(files), Share::new(100, used));
    let gate = files.may_end.clone();
    (Quota::new(files, share.clone()), share, gate)
}

/// Begins both, the one a little earlier, and lets both go on.
async fn race<T, U>(
    gate: &Semaphore,
    one: impl Future<Output = T>,
    other: impl Future<Output = U>,
) -> (T, U) {
    let (mut one, mut other) = (Box::pin(one), Box::pin(other));
    assert!(one.as_mut().now_or_never().is_none());
    // One pass: it is for whoever is at the gate first.
    assert!(other.as_mut().now_or_never().is_none());
    gate.add_permits(2);
    let (other, one) = tokio::join!(other, one);
    (one, other)
}

#[tokio::test]
async fn what_is_moved_away_while_it_is_replaced_counts_on() {
    for moves_first in [false, true] {
        let (files, share, gate) = tree(Memory::new().with("/a", bytes(30)), 30);
        let file = open(&files, "/a", Write::Replace).await;
        file.write_at(0, bytes(20)).await.unwrap();
        let (a, z) = (path("/a"), path("/z"));
        let moved = files.rename(&a, &z, Over::Never);
        let (moved, written) = match moves_first {
            true => race(&gate, moved, file.commit()).await,
            false => {
                let (written, moved) = race(&gate, file.commit(), moved).await;
                (moved, written)
            }
        };
        moved.unwrap();
        written.unwrap();
        assert_eq!(share.used(), there(&files).await, "{moves_first}");
    }
}

#[tokio::test]
async fn what_is_moved_out_of_a_directory_while_that_is_removed_is_counted_right() {
    for (from, to) in [("/d/a", "/z"), ("/z", "/d/a"), ("/d/e", "/e")] {
        let memory = Memory::new().with("/d/a", bytes(30)).with("/d/e/f", bytes(5)).with("/z", bytes(7));
        let (files, share, gate) = tree(memory, 42);
        let dir = path("/d");
        let (from, to) = (path(from), path(to));
        let removed = files.remove(&dir, Remove::Tree);
        let (removed, _moved) = race(&gate, removed, files.rename(&from, &to, Over::File)).await;
        removed.unwrap();
        assert_eq!(share.used(), there(&files).await, "{from}");
    }
}

#[tokio::test]
async fn what_is_made_in_a_directory_that_is_renamed_is_counted_right() {
    let (files, share, gate) = tree(Memory::new().with("/d/a", bytes(30)), 30);
    let file = open(&files, "/d/a", Write::Replace).await;
    file.write_at(0, bytes(20)).await.unwrap();
    let (from, to) = (path("/d"), path("/e"));
    let (moved, written) = race(&gate, files.rename(&from, &to, Over::Never), file.commit()).await;
    moved.unwrap();
    // In memory, it is found no more; on a disk, its directory is held open.
    assert!(written.is_err());
    assert_eq!(share.used(), there(&files).await);
}

#[tokio::test]
async fn what_is_removed_counts_until_nobody_has_it_open() {
    for number in 0..4 {
        let memory = Memory::new().with("/d/a", bytes(10)).with("/d/c", bytes(3)).with("/b", bytes(2));
        let (files, share, gate) = tree(memory, 15);
        let file = open(&files, "/d/a", Write::Update).await;
        let same = open(&files, "/d/a", Write::Update).await;
        let reader = files.open(&path("/d/a"), &Open::read()).await.unwrap();
        file.write_at(10, bytes(50)).await.unwrap();
        gate.add_permits(1);
        let (dir, old, new) = (path("/d"), path("/d/a"), path("/b"));
        let gone = match number {
            0 => files.remove(&old, Remove::File).await,
            1 => files.remove(&dir, Remove::Tree).await,
            2 => files.rename(&new, &old, Over::File).await,
            _ => files.copy(&new, &old, Over::File).await,
        };
        gone.unwrap();
        let rest = there(&files).await;
        assert_eq!(share.used(), rest + 60, "{number}");
        // It grows no further than there is room.
        assert!(matches!(same.write_at(60, bytes(41)).await, Err(FsError::Quota)), "{number}");
        same.write_at(60, bytes(5)).await.unwrap();
        drop(file);
        assert_eq!(share.used(), rest + 65, "{number}");
        gate.add_permits(1);
        same.commit().await.unwrap();
        assert_eq!(share.used(), rest + 65, "{number}");
        drop(reader);
        assert_eq!(share.used(), rest, "{number}");
        let content = files.open(&path("/b"), &Open::read()).await;
        assert_eq!(content.is_ok(), number != 2);
        drop(content);
        assert_eq!(share.used(), rest, "what has a name costs on");
    }
}

#[tokio::test]
async fn shares_of_one_tree_count_together_each_under_its_limit() {
    let memory = Memory::new();
    let share = Share::new(100, 0);
    let (large, small) = (Quota::new(memory.clone(), share.clone()), Quota::new(memory, share.limited(20)));
    let file = open(&large, "/a", Write::Update).await;
    file.write_at(0, bytes(10)).await.unwrap();
    let same = open(&small, "/a", Write::Update).await;
    same.write_at(10, bytes(10)).await.unwrap();
    assert!(matches!(same.write_at(20, bytes(1)).await, Err(FsError::Quota)));
    file.write_at(20, bytes(80)).await.unwrap();
    assert!(matches!(file.write_at(100, bytes(1)).await, Err(FsError::Quota)));
    assert_eq!(share.used(), 100);
}
