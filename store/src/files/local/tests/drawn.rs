//! What is written from a reader.

use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender};

use ropewalk_core::data::files::Write;

use super::*;

#[tokio::test]
async fn what_comes_on_a_socket_is_written_as_far_as_it_is_there() {
    let fixture = Fixture::quick(&Options { write: true, ..Options::default() });
    let content: Vec<u8> = (0..50_000u32).flat_map(u32::to_le_bytes).collect();
    let file = fixture.open(&path("/new"), &Open::write(Write::Replace)).await.unwrap();
    let (mut far, near) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let mut at = 0;
    for end in [100_000, 100_999, 200_000] {
        let (given, comes) = content[at..end].split_at(999);
        far.write_all(comes).unwrap();
        let more = Box::new(near.try_clone().unwrap());
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
