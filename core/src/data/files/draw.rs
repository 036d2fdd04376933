use std::io::{self, ErrorKind, Read};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::FileHandle;
use super::meta::Result;

/// What is written before others get their turn.
const SLICE: u64 = 8 << 20;
/// How long a slow disk may take for it before no more is begun.
const TURN: Duration = Duration::from_millis(10);

/// What comes, to be written: it is read, or the kernel moves it to where it goes.
pub trait Source: Read + Send {
    /// The socket that it comes over, which waits for nothing, if none of it has to be seen. What it has to wait for is to be
    /// read.
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// So many octets were moved out of the socket.
    fn moved(&mut self, octets: usize) {
        let _ = octets;
    }
}

impl Source for &[u8] {}

impl Source for io::Empty {}

/// Somebody's turn to write: until 8 MiB are written, or 10 ms have gone by.
#[derive(Clone, Copy, Debug)]
pub struct Turn(Instant);

impl Turn {
    /// One that begins.
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Whether it is somebody else's, once so many octets are written.
    pub fn is_over(self, written: u64) -> bool {
        written >= SLICE || self.is_late()
    }

    fn is_late(self) -> bool {
        self.0.elapsed() >= TURN
    }
}

/// What [`FileHandle::write_from`] has done.
#[derive(Debug, Default)]
pub struct Drawn {
    /// Bytes that were written, those of `data` among them.
    pub written: u64,
    /// The memory of `data`, empty, for what comes next.
    pub memory: BytesMut,
    /// How reading failed. What was read before is written.
    pub failed: Option<io::Error>,
}

impl Drawn {
    /// [`FileHandle::write_from`] of a backend that writes by this call, which waits for a disk at most, of pieces that each have
    /// their offset: first `data`, then others as long as that for as long as `more` has whole ones, and until it is somebody
    /// else's [`Turn`].
    ///
    /// # Errors
    /// Those of the call.
    pub fn draw(
        offset: u64,
        mut data: BytesMut,
        mut more: impl Read,
        mut write: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<Self> {
        let (turn, whole) = (Turn::begin(), data.len());
        let (mut written, mut failed) = (0, None);
        while !data.is_empty() {
            write(offset.saturating_add(written), &data)?;
            written += data.len() as u64;
            if data.len() < whole || turn.is_over(written) {
                break;
            }
            let (read, ended) = fill(&mut more, &mut data, turn);
            data.truncate(read);
            failed = ended.err();
        }
        data.clear();
        Ok(Self { written, memory: data, failed })
    }

    /// [`FileHandle::write_from`] that takes nothing of what there is more.
    pub(super) async fn alone(
        file: &(impl FileHandle + ?Sized),
        offset: u64,
        data: BytesMut,
    ) -> Result<Self> {
        let data = data.freeze();
        file.write_at(offset, data.clone()).await?;
        let written = data.len() as u64;
        let mut memory = data.try_into_mut().unwrap_or_default();
        memory.clear();
        Ok(Self { written, memory, failed: None })
    }
}

/// Fills this with what there is, or comes within the turn: how much that was, and whether reading failed.
fn fill(more: &mut impl Read, data: &mut [u8], turn: Turn) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while let Some(room) = data.get_mut(filled..).filter(|room| !room.is_empty()) {
        match more.read(room) {
            // A trickle would take the turn for as long as it likes.
            Ok(read) if turn.is_late() => return (filled + read, Ok(())),
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::data::files::FsError;

    /// What reads one after the other give; would block when that is all.
    struct Script(VecDeque<io::Result<&'static [u8]>>);

    impl Read for Script {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let mut piece = self.0.pop_front().unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))?;
            let read = piece.read(buf)?;
            if !piece.is_empty() {
                self.0.push_front(Ok(piece));
            }
            Ok(read)
        }
    }

    /// The pieces that are written behind four octets, what was read of how many, and how it failed.
    fn drawn<const N: usize>(
        reads: [io::Result<&'static [u8]>; N],
    ) -> (Vec<(u64, String)>, u64, Option<ErrorKind>, usize) {
        let (mut written, mut more) = (Vec::new(), Script(reads.into()));
        let write = |at, piece: &[u8]| {
            written.push((at, String::from_utf8_lossy(piece).into_owned()));
            Ok(())
        };
        let drawn = Drawn::draw(10, b"abcd"[..].into(), &mut more, write).unwrap();
        assert!(drawn.memory.is_empty());
        (written, drawn.written, drawn.failed.map(|failed| failed.kind()), more.0.len())
    }

    fn pieces(pieces: &[(u64, &str)]) -> Vec<(u64, String)> {
        pieces.iter().map(|(at, piece)| (*at, (*piece).to_owned())).collect()
    }

    #[test]
    fn pieces_are_written_whole_and_the_last_as_short_as_it_is() {
        let interrupted = || Err(ErrorKind::Interrupted.into());
        for (reads, left) in [
            (
                vec![
                    Ok(&b"ef"[..]),
                    interrupted(),
                    Ok(b"ghi"),
                    Err(ErrorKind::WouldBlock.into()),
                    Ok(b"late"),
                ],
                1,
            ),
            (vec![Ok(b"efghi"), Ok(b""), Ok(b"late")], 1),
        ] {
            let mut reads = reads.into_iter();
            let reads = std::array::from_fn::<_, 5, _>(|_| reads.next().unwrap_or(Ok(b"")));
            let (written, octets, failed, unread) = drawn(reads);
            assert_eq!(written, pieces(&[(10, "abcd"), (14, "efgh"), (18, "i")]));
            assert_eq!((octets, failed), (9, None));
            assert!(unread >= left);
        }
    }

    #[test]
    fn what_came_before_a_failure_is_written_and_the_failure_told() {
        let reset = || Err(ErrorKind::ConnectionReset.into());
        let (written, octets, failed, unread) = drawn([Ok(b"ef"), reset(), Ok(b"late")]);
        assert_eq!(written, pieces(&[(10, "abcd"), (14, "ef")]));
        assert_eq!((octets, failed, unread), (6, Some(ErrorKind::ConnectionReset), 1));
        let (written, _, failed, _) = drawn([reset()]);
        assert_eq!((written.len(), failed), (1, Some(ErrorKind::ConnectionReset)));
    }

    #[test]
    fn without_end_it_ends_and_without_data_nothing_is_read() {
        let mut calls = 0;
        let write = |_, piece: &[u8]| {
            calls += piece.len();
            Ok(())
        };
        let endless = Drawn::draw(0, BytesMut::zeroed(1 << 20), io::repeat(b'x'), write).unwrap();
        assert_eq!(endless.written, calls as u64);
        assert!((1 << 20..=SLICE).contains(&endless.written), "{}", endless.written);
        let nothing =
            Drawn::draw(0, BytesMut::new(), io::repeat(b'x'), |_, _| Err(FsError::NoSpace)).unwrap();
        assert_eq!(nothing.written, 0);
    }

    #[test]
    fn on_a_slow_disk_others_have_their_turn_after_a_piece() {
        let slowly = |_, _: &[u8]| {
            let begun = Instant::now();
            while begun.elapsed() < TURN {}
            Ok(())
        };
        let drawn = Drawn::draw(0, BytesMut::zeroed(10), io::repeat(b'x'), slowly).unwrap();
        assert_eq!(drawn.written, 10);
    }

    #[test]
    fn a_trickle_keeps_nobody_from_their_turn() {
        struct Trickle;
        impl Read for Trickle {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let begun = Instant::now();
                while begun.elapsed() < TURN / 4 {}
                buf[0] = b'x';
                Ok(1)
            }
        }
        let drawn = Drawn::draw(0, BytesMut::zeroed(1000), Trickle, |_, _| Ok(())).unwrap();
        assert!((1001..=1004).contains(&drawn.written), "{}", drawn.written);
    }

    #[test]
    fn a_write_that_fails_is_the_last() {
        let mut writes = 0;
        let write = |_, _: &[u8]| {
            writes += 1;
            if writes == 2 { Err(FsError::NoSpace) } else { Ok(()) }
        };
        let failed = Drawn::draw(0, BytesMut::zeroed(10), io::repeat(b'x'), write);
        assert!(matches!(failed, Err(FsError::NoSpace)));
        assert_eq!(writes, 2);
    }
}
