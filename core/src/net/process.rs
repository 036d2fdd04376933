//! Child processes: their pipes as a connection, or their output as a stream.
//!
//! Dropping either kills the child. A child's standard error goes to our log line by line, while its output is
//! being read.

use std::io;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::task::{Context as Poller, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::{Connection, Info, stdio};
use crate::{Address, Error, Result};

/// Octets of one line of a child's standard error; a longer one is logged in pieces.
const LOG_LINE: usize = 1024;

/// Octets of output that are read at once.
const READ: usize = 8 * 1024;

/// Starts a program, whose pipes are the connection: closing the writing half closes its standard input.
pub(super) fn connect(program: &str, args: &[String]) -> Result<Connection> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped());
    let mut child = spawn(command)?;
    let stdin = child.child.stdin.take();
    let info = Info::new(Address::Process(child.log.pid), stdio::ADDRESS);
    Ok(Connection::new(Pipes { stdin, running: child }, info))
}

/// A child with its output piped to us.
struct Running {
    // Dropping it kills the process.
    child: Child,
    stdout: ChildStdout,
    log: Log,
}

fn spawn(mut command: Command) -> Result<Running> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let cannot = |error| Error::local(format!("cannot run {program}")).caused_by(error);
    let no_pipe = || cannot(io::ErrorKind::BrokenPipe.into());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(cannot)?;
    let stdout = child.stdout.take().ok_or_else(no_pipe)?;
    let log = Log { pid: child.id().unwrap_or_default(), stderr: child.stderr.take(), line: BytesMut::new() };
    Ok(Running { child, stdout, log })
}

impl Running {
    fn poll_read(&mut self, cx: &mut Poller<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.log.poll(cx);
        Pin::new(&mut self.stdout).poll_read(cx, buf)
    }
}

/// A child's standard error, on its way to our log.
struct Log {
    pid: u32,
    stderr: Option<ChildStderr>,
    line: BytesMut,
}

impl Log {
    /// Logs what is there, and has the task woken when there is more.
    fn poll(&mut self, cx: &mut Poller<'_>) {
        let mut space = [0; LOG_LINE];
        while let Some(stderr) = &mut self.stderr {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(stderr).poll_read(cx, &mut buf) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.add(buf.filled()),
                // The end, or as good as.
                Poll::Ready(_) => {
                    self.stderr = None;
                    self.say(self.line.len());
                }
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
        while let Some(end) = memchr::memchr(b'\n', &self.line) {
            self.say(end);
            self.line.advance(1);
        }
        while self.line.len() >= LOG_LINE {
            self.say(LOG_LINE);
        }
    }

    fn say(&mut self, octets: usize) {
        let line = self.line.split_to(octets);
        if !line.is_empty() {
            tracing::info!(pid = self.pid, line = %String::from_utf8_lossy(&line).trim_end(), "child");
        }
    }
}

/// A child as a byte stream.
struct Pipes {
    stdin: Option<ChildStdin>,
    running: Running,
}

impl AsyncRead for Pipes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.running.poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipes {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        self.stdin.as_mut().map_or(Poll::Ready(Ok(())), |stdin| Pin::new(stdin).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}

/// How much a child may say.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OutputLimits {
    /// Octets of one line, without its end.
    pub line: usize,
    /// Octets in all.
    pub total: u64,
}

impl Default for OutputLimits {
    fn default() -> Self {
        Self { line: crate::Limits::default().line, total: 64 * 1024 * 1024 }
    }
}

/// The standard output of a running program, line by line as it comes. Dropping it kills the program.
pub struct Output {
    running: Running,
    buffer: BytesMut,
    limits: OutputLimits,
    left: u64,
}

/// Runs a program for its output. Its standard input is empty.
///
/// # Errors
/// Where it cannot be run.
///
/// # Panics
/// Outside of a runtime with I/O.
pub fn output(mut command: Command, limits: OutputLimits) -> Result<Output> {
    command.stdin(Stdio::null());
    Ok(Output { running: spawn(command)?, buffer: BytesMut::new(), limits, left: limits.total })
}

impl Output {
    /// The next line without its LF; the last one also where the LF is missing. `None` at the end. Cancel-safe.
    /// The program waits while nobody asks.
    ///
    /// # Errors
    /// [`Fault::Limit`](crate::Fault) where a line or the whole is longer than it may be.
    pub async fn line(&mut self) -> Result<Option<Bytes>> {
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(searched..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest).map(|end| searched + end);
            if end.unwrap_or(self.buffer.len()) > self.limits.line {
                return Err(Error::limit(
                    "line",
                    format!("a line of output over {} octets", self.limits.line),
                ));
            }
            if let Some(end) = end {
                let line = self.buffer.split_to(end).freeze();
                self.buffer.advance(1);
                self.count(end + 1)?;
                return Ok(Some(line));
            }
            searched = self.buffer.len();
            if self.read_buf().await? == 0 {
                let last = self.buffer.split().freeze();
                self.count(last.len())?;
                return Ok(Some(last).filter(|last| !last.is_empty()));
            }
        }
    }

    fn count(&mut self, octets: usize) -> Result<()> {
        let over = || Error::limit("message", format!("output of over {} octets", self.limits.total));
        self.left = self.left.checked_sub(octets as u64).ok_or_else(over)?;
        Ok(())
    }

    async fn read_buf(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ);
        Stdout(&mut self.running).read_buf(&mut self.buffer).await
    }

    /// Waits for the end of the program, and throws away what it still says.
    ///
    /// # Errors
    /// Where the system does not tell how it ended.
    pub async fn finish(mut self) -> Result<ExitStatus> {
        loop {
            self.buffer.clear();
            if self.read_buf().await? == 0 {
                break;
            }
        }
        Ok(self.running.child.wait().await?)
    }
}

/// Reads the output, and the errors meanwhile.
struct Stdout<'a>(&'a mut Running);

impl AsyncRead for Stdout<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(cx, buf)
    }
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
