use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;

use bytes::BytesMut;
use ropewalk_core::data::files::{Drawn, FsError, Source, Turn};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{Errno, read, retry_on_intr};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::copy::write_all;
use super::facts::error;

/// Octets that go through at once, where this process may have so much; without privileges Linux gives no more.
const ROOM: usize = 1 << 20;

/// The way from a socket into a file, past the memory of this program: it is copied once, not twice.
pub(super) struct Pipe<'f> {
    begin: OwnedFd,
    end: OwnedFd,
    file: &'f OwnedFd,
}

impl<'f> Pipe<'f> {
    /// One to this file, if there can be: what is always written to its end cannot be moved there.
    pub(super) fn to(file: &'f OwnedFd) -> Option<Self> {
        if fcntl_getfl(file).ok()?.contains(OFlags::APPEND) {
            return None;
        }
        let (end, begin) = pipe_with(PipeFlags::CLOEXEC).ok()?;
        if let Err(error) = fcntl_setpipe_size(&begin, ROOM) {
            tracing::trace!(%error, "a small pipe: slower, and does as well");
        }
        Some(Self { begin, end, file })
    }

    /// [`Drawn::draw`], of what need not be seen. It may go on while nothing is said against it.
    ///
    /// # Errors
    /// Those of a write, and of `may`.
    pub(super) fn draw(
        self,
        offset: u64,
        mut data: BytesMut,
        mut more: Box<dyn Source>,
        may: impl Fn() -> Result<(), FsError>,
    ) -> Result<Drawn, FsError> {
        let turn = Turn::begin();
        may()?;
        write_all(self.file, &data, offset)?;
        let (mut written, mut failed) = (data.len() as u64, None);
        while let Some(socket) = more.socket().filter(|_| !turn.is_over(written)) {
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            let at = offset.saturating_add(written);
            let moved = match splice(socket, None, &self.begin, None, ROOM, flags) {
                Ok(moved) => {
                    more.moved(moved);
                    may()?;
                    self.empty(moved, at)?;
                    moved
                }
                // It may be worth waiting for; and what cannot be moved can be read.
                Err(Errno::AGAIN | Errno::INTR | Errno::INVAL) => match more.read(&mut data) {
                    Ok(read) => {
                        may()?;
                        write_all(self.file, data.get(..read).unwrap_or_default(), at)?;
                        read
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => {
                        failed = Some(error).filter(|error| error.kind() != ErrorKind::WouldBlock);
                        break;
                    }
                },
                Err(error) => {
                    failed = Some(error.into());
                    break;
                }
            };
            if moved == 0 {
                break;
            }
            written += moved as u64;
        }
        data.clear();
        Ok(Drawn { written, memory: data, failed })
    }

    /// Moves all that is in it, so many octets, into the file.
    fn empty(&self, mut octets: usize, mut at: u64) -> Result<(), FsError> {
        while octets > 0 {
            match splice(&self.end, None, self.file, Some(&mut at), octets, SpliceFlags::MOVE) {
                Ok(0) => return Err(FsError::NoSpace),
                Ok(moved) => octets -= moved.min(octets),
                Err(Errno::INTR) => {}
                // Some file systems write only what they are handed.
                Err(Errno::INVAL) => return self.hand(octets, at),
                Err(other) => return Err(error(other)),
            }
        }
        Ok(())
    }

    fn hand(&self, mut octets: usize, mut at: u64) -> Result<(), FsError> {
        let mut memory = vec![0; octets];
        while octets > 0 {
            let read = retry_on_intr(|| read(&self.end, memory.as_mut_slice())).map_err(error)?;
            let piece = memory.get(..read.min(octets)).filter(|piece| !piece.is_empty());
            write_all(self.file, piece.ok_or(FsError::Stale)?, at)?;
            octets -= read.min(octets);
            at = at.saturating_add(read as u64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::{AsFd as _, BorrowedFd};
    use std::os::unix::fs::FileExt as _;

    use super::*;

    struct Incoming(TcpStream, usize);

    impl Source for Incoming {
        fn socket(&self) -> Option<BorrowedFd<'_>> {
            Some(self.0.as_fd())
        }

        fn moved(&mut self, octets: usize) {
            self.1 += octets;
        }
    }

    impl Read for Incoming {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }
    }

    /// What arrives, and how to send it.
    fn pair() -> (TcpStream, Box<Incoming>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        (sender, Box::new(Incoming(socket, 0)))
    }

    fn file() -> OwnedFd {
        tempfile::tempfile().unwrap().into()
    }

    fn content(file: OwnedFd) -> Vec<u8> {
        let file = std::fs::File::from(file);
        let mut content = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.read_exact_at(&mut content, 0).unwrap();
        content
    }

    #[test]
    fn what_comes_goes_behind_what_was_given() {
        let (file, (mut sender, more)) = (file(), pair());
        let sent: Vec<u8> = (0..200_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
        sender.write_all(&sent).unwrap();
        drop(sender);
        let drawn = Pipe::to(&file).unwrap().draw(7, b"given"[..].into(), more, || Ok(())).unwrap();
        assert_eq!((drawn.written, drawn.failed.is_none()), (200_005, true));
        assert!(drawn.memory.is_empty());
        assert_eq!(content(file), [&[0; 7], &b"given"[..], &sent].concat());
    }

    #[test]
    fn a_pause_ends_it_and_a_reset_is_told() {
        let (file, (mut sender, more)) = (file(), pair());
        sender.write_all(b"first").unwrap();
        let again = Box::new(Incoming(more.0.try_clone().unwrap(), 0));
        let drawn = Pipe::to(&file).unwrap().draw(0, b"x"[..].into(), more, || Ok(())).unwrap();
        assert_eq!((drawn.written, drawn.failed.is_none()), (6, true));
        // What is closed with octets that were not read is reset.
        (&again.0).write_all(b"unread").unwrap();
        sender.peek(&mut [0]).unwrap();
        drop(sender);
        let drawn = Pipe::to(&file).unwrap().draw(6, b"y"[..].into(), again, || Ok(())).unwrap();
        assert_eq!(drawn.written, 7 - 6);
        assert_eq!(drawn.failed.map(|error| error.kind()), Some(ErrorKind::ConnectionReset));
        assert_eq!(content(file), b"xfirsty");
    }

    #[test]
    fn without_end_others_have_their_turn() {
        let (file, (mut sender, more)) = (file(), pair());
        let flood = std::thread::spawn(move || while sender.write_all(&[b'x'; 1 << 16]).is_ok() {});
        let written = Pipe::to(&file).unwrap().draw(0, b"x"[..].into(), more, || Ok(())).unwrap().written;
        flood.join().unwrap();
        assert!((1..(8 << 20) + ROOM as u64 + 1).contains(&written), "{written}");
    }

    #[test]
    fn what_is_given_up_or_goes_to_the_end_of_a_file_is_not_moved() {
        let (kept, (mut sender, more)) = (file(), pair());
        sender.write_all(b"more").unwrap();
        let drawn = Pipe::to(&kept).unwrap().draw(0, b"x"[..].into(), more, || Err(FsError::Busy));
        assert!(matches!(drawn, Err(FsError::Busy)));
        assert_eq!(content(kept), b"");
        let path = tempfile::NamedTempFile::new().unwrap();
        let appending: OwnedFd = std::fs::File::options().append(true).open(path.path()).unwrap().into();
        assert!(Pipe::to(&appending).is_none());
    }

    #[test]
    fn what_a_file_system_does_not_take_from_the_pipe_is_handed_to_it() {
        let file = file();
        let pipe = Pipe::to(&file).unwrap();
        rustix::io::write(&pipe.begin, b"in the pipe").unwrap();
        pipe.hand(11, 2).unwrap();
        assert_eq!(content(file), b"\0\0in the pipe");
    }
}
