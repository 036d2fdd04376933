use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::forward::*;

/// The most that is read at once, so that a slow reader gets something every now and then.
const MOST: u64 = 256 << 10;

/// A tree of which so many bytes a second are read, and so many written, through all its handles together.
///
/// What nobody used of the last second may be used at once. Nothing is read without waiting, no descriptor is given
/// away, and what is written in one go is no more than what was given: else it could not be counted. [`Files::copy`] moves no
/// bytes through us, and takes no time.
pub struct Throttle<F> {
    files: F,
    rates: Arc<Rates>,
}

/// How much is read and written; whoever has the same shares it.
pub struct Rates {
    reads: Bucket,
    writes: Bucket,
}

impl Rates {
    /// So many bytes a second each way.
    pub fn new(rate: NonZeroU64) -> Self {
        Self { reads: Bucket::new(rate), writes: Bucket::new(rate) }
    }
}

struct Bucket {
    rate: NonZeroU64,
    /// When all that was taken is paid for: in the past, by at most a second, where there is some left.
    paid: Mutex<Option<Instant>>,
}

impl Bucket {
    fn new(rate: NonZeroU64) -> Self {
        Self { rate, paid: Mutex::default() }
    }

    /// What is taken at once at most: no more than a second's worth.
    fn most(&self) -> usize {
        usize::try_from(self.rate.get().clamp(1, MOST)).unwrap_or(usize::MAX)
    }

    /// Takes so many bytes, and waits until they are paid for.
    async fn take(&self, bytes: usize) {
        let now = Instant::now();
        let cost = Duration::from_secs_f64(bytes as f64 / self.rate.get() as f64);
        let paid = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let saved = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
            let next = paid.map_or(saved, |paid| paid.max(saved)) + cost;
            *paid = Some(next);
            next
        };
        if paid > now {
            sleep(paid - now).await;
        }
    }
}

impl<F: Files> Throttle<F> {
    /// `files`, no faster than this.
    pub fn new(files: F, rates: Arc<Rates>) -> Self {
        Self { files, rates }
    }
}

#[async_trait]
impl<F: Files> Files for Throttle<F> {
    forward!(
        caps, stat, list, mkdir, remove, rename, copy, set, symlink, hardlink, readlink, space, rights,
        place to files
    );

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        let handle = self.files.open(path, how).await?;
        Ok(Box::new(Slowed { handle, rates: self.rates.clone() }))
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        let opened = self.files.open_now(path, how)?;
        Some(opened.map(|handle| Box::new(Slowed { handle, rates: self.rates.clone() }) as _))
    }
}

struct Slowed {
    handle: Box<dyn FileHandle>,
    rates: Arc<Rates>,
}

#[async_trait]
impl FileHandle for Slowed {
    forward_handle!(opened, meta, set, sync, commit to handle);

    fn read_now(&self, _: u64, _: &mut BytesMut) -> Option<Result<usize>> {
        None
    }

    async fn read_at(&self, offset: u64, mut buf: BytesMut) -> Result<BytesMut> {
        let (room, most) = (buf.capacity() - buf.len(), self.rates.reads.most());
        let before = buf.len();
        if room <= most {
            buf = self.handle.read_at(offset, buf).await?;
        } else {
            let part = self.handle.read_at(offset, BytesMut::with_capacity(most)).await?;
            buf.extend_from_slice(part.get(..most).unwrap_or(&part));
        }
        self.rates.reads.take(buf.len() - before).await;
        Ok(buf)
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        self.rates.writes.take(data.len()).await;
        self.handle.write_at(offset, data).await
    }

    async fn write_from(&self, offset: u64, data: BytesMut, _: More) -> Result<Drawn> {
        Drawn::alone(self, offset, data).await
    }

    async fn commit_with(self: Box<Self>, offset: u64, data: Bytes) -> Result<Meta> {
        self.rates.writes.take(data.len()).await;
        self.handle.commit_with(offset, data).await
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::files::suite::{files_suite, memory};
    use crate::data::files::{DotDot, Memory, Write};

    fn rates(rate: u64) -> Arc<Rates> {
        Arc::new(Rates::new(NonZeroU64::new(rate).unwrap()))
    }

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    async fn read(files: &impl Files) {
        let file = files.open(&path("/file"), &Open::read()).await.unwrap();
        let mut content = Vec::new();
        loop {
            let got = file.read_at(content.len() as u64, BytesMut::with_capacity(1 << 20)).await.unwrap();
            if got.is_empty() {
                break;
            }
            content.extend_from_slice(&got);
        }
        assert_eq!(content, vec![b'x'; 10_000]);
    }

    #[tokio::test]
    async fn a_slow_tree_is_still_that_tree() {
        files_suite(|seeds| Box::new(Throttle::new(memory(seeds), rates(1 << 40)))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn all_readers_and_all_writers_share_their_rate() {
        let files = Throttle::new(Memory::new().with("/file", vec![b'x'; 10_000]), rates(1000));
        let start = Instant::now();
        read(&files).await;
        // The first second's worth is free.
        assert_eq!(start.elapsed().as_secs(), 9);
        let both = Instant::now();
        tokio::join!(read(&files), read(&files));
        assert_eq!(both.elapsed().as_secs(), 20);
        let write = async |at: &str| {
            let file = files.open(&path(at), &Open::write(Write::Replace)).await.unwrap();
            for turn in 0..10 {
                file.write_at(turn * 500, Bytes::from(vec![b'y'; 500])).await.unwrap();
            }
            file.commit().await.unwrap();
        };
        let writing = Instant::now();
        tokio::join!(write("/a"), write("/b"));
        assert_eq!(writing.elapsed().as_secs(), 9);
        // What nobody uses is not saved for longer than a second.
        tokio::time::advance(Duration::from_secs(1000)).await;
        let again = Instant::now();
        read(&files).await;
        assert_eq!(again.elapsed().as_secs(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn what_would_come_behind_is_not_taken_before_its_time() {
        let files = Throttle::new(Memory::new(), rates(1000));
        let file = files.open(&path("/new"), &Open::write(Write::Replace)).await.unwrap();
        let start = Instant::now();
        for turn in 0..3 {
            let more = Box::new(&[b'x'; 9000][..]);
            let drawn = file.write_from(turn * 1000, BytesMut::zeroed(1000), more).await.unwrap();
            assert_eq!((drawn.written, start.elapsed().as_secs()), (1000, turn));
        }
    }

    #[tokio::test]
    async fn nothing_is_read_past_the_count() {
        let files = Throttle::new(Memory::new().with("/file", "x"), rates(1 << 30));
        let file = files.open_now(&path("/file"), &Open::read()).unwrap().unwrap();
        assert!(file.read_now(0, &mut BytesMut::with_capacity(9)).is_none());
        assert!(file.as_fd().is_none());
    }
}
