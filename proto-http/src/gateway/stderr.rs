//! What programs say on their standard error, as lines of our log.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::Instant;

/// Octets of a line; a longer one is logged in pieces.
const LINE: usize = 1024;
/// Lines that a program may say at once, and how often it may say one more.
const LINES: u32 = 100;
const EVERY: Duration = Duration::from_millis(100);

/// The standard error of a program.
pub(super) struct Log {
    from: Option<pipe::Receiver>,
    script: Arc<str>,
    line: BytesMut,
    /// Lines that may be said now, and since when that is counted.
    left: u32,
    since: Instant,
    dropped: u64,
}

impl Log {
    /// Of the program that clients know by this path.
    pub(super) fn new(script: Arc<str>) -> Self {
        Self { from: None, script, line: BytesMut::new(), left: LINES, since: Instant::now(), dropped: 0 }
    }

    pub(super) fn read_from(&mut self, stderr: pipe::Receiver) {
        self.from = Some(stderr);
    }

    pub(super) fn script(&self) -> &str {
        &self.script
    }

    /// Logs what comes; never done, also when nothing comes any more. Cancel-safe.
    pub(super) async fn run(&mut self) -> Infallible {
        while let Some(from) = &mut self.from {
            self.line.reserve(LINE);
            if !matches!(from.read_buf(&mut self.line).await, Ok(1..)) {
                self.from = None;
                self.say(self.line.len());
            }
            while let Some(end) = memchr::memchr(b'\n', &self.line) {
                self.say(end);
                self.line.advance(1);
            }
            while self.line.len() >= LINE {
                self.say(LINE);
            }
        }
        pending().await
    }

    fn say(&mut self, octets: usize) {
        let line = self.line.split_to(octets);
        let line = line.trim_ascii_end();
        if line.is_empty() || !self.may_speak() {
            return;
        }
        // The quoted form shows controls as what they are.
        tracing::warn!(script = &*self.script, line = ?String::from_utf8_lossy(line), "program says");
    }

    fn may_speak(&mut self) -> bool {
        let earned = (self.since.elapsed().as_millis() / EVERY.as_millis()).try_into().unwrap_or(LINES);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(LINES);
            self.since = Instant::now();
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.tell_dropped();
                true
            }
            None => {
                self.dropped += 1;
                false
            }
        }
    }

    fn tell_dropped(&mut self) {
        if self.dropped > 0 {
            tracing::warn!(script = &*self.script, lines = self.dropped, "program says too much");
            self.dropped = 0;
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.tell_dropped();
    }
}
