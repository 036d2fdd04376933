//! What is written from a reader.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender};

use ropewalk_core::data::files::{Source, Write};

use super::*;

/// A socket that is read, or that the kernel may move octets out of.
struct Socket(UnixStream, bool);

impl Source for Socket {
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.1.then(|| self.0.as_fd())
    }
}

impl io::Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

#[tokio::test]
async fn what_comes_on_a_socket_is_written_as_far_as_it_is_there() {
    for moves in [false, true] {
        written(moves).await;
    }
}

async fn written(moves: bool) {
    let fixture = Fixture::quick(&Options { write: true, ..Options::default() });
    let content: Vec<u8> = (0..50_000u32).flat_map(u32::to_le_bytes).collect();
    let file = fixture.open(&path("/new"), &Open::write(Write::Replace)).await.unwrap();
    let (mut far, near) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let mut at = 0;
    for end in [100_000, 100_999, 200_000] {
        let (given, comes) = content[at..end].split_at(999);
        far.write_all(comes).unwrap();
        let more = Box::new(Socket(near.try_clone().unwrap(), moves));
        let drawn = file.write_from(at as u64, given.into(), more).await.unwrap();
        assert!(drawn.failed.is_none());
        assert!(drawn.memory.is_empty() && drawn.memory.capacity() >= 999, "the memory is given back");
        at += usize::try_from(drawn.written).unwrap();
        assert_eq!(at, end);
    }
    file.commit().await.unwrap();
    assert!(fs::read(fixture.at(b"new")).unwrap() == content);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_takes_no_more() {
    struct Slow(SyncSender<()>, Receiver<()>);
    impl Source for Slow {}
    impl io::Read for Slow {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.send(()).unwrap();
            self.1.recv().unwrap();
            Ok(buf.len())
        }
    }
    let fixture = Fixture::quick(&Options { write: true, atomic: false, ..Options::default() });
    let file = fixture.open(&path("/new"), &Open::write(Write::Replace)).await.unwrap();
    let ((asks, asked), (gives, given)) = (sync_channel(1), sync_channel(1));
    let drawn = file.write_from(0, b"four"[..].into(), Box::new(Slow(asks, given)));
    tokio::select! {
        biased;
        _ = drawn => panic!("it has not read anything yet"),
        () = async { while asked.try_recv().is_err() { tokio::task::yield_now().await } } => {}
    }
    gives.send(()).unwrap();
    assert!(asked.recv().is_err(), "the reader is gone");
    assert_eq!(fs::read(fixture.at(b"new")).unwrap(), b"four");
}
