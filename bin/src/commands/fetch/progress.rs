use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::BytesMut;
use ropewalk_core::data::files::{FileHandle, FsError, Meta};
use ropewalk_http::Body;

/// Between two pictures.
const PACE: Duration = Duration::from_millis(100);
/// Places of the bar.
const WIDTH: u64 = 30;

/// How far it is, on one line of standard error.
pub(in crate::commands) struct Progress {
    begun: Instant,
    drawn: Option<Instant>,
    /// That had come before.
    from: u64,
    now: u64,
    whole: Option<u64>,
}

impl Progress {
    /// After `from` octets, with `more` to come if that is known.
    pub(in crate::commands) fn new(from: u64, more: Option<u64>) -> Self {
        let whole = more.and_then(|more| from.checked_add(more));
        Self { begun: Instant::now(), drawn: None, from, now: from, whole }
    }

    pub(in crate::commands) fn add(&mut self, octets: u64) {
        self.reach(self.now.saturating_add(octets));
    }

    /// So many octets there are now.
    fn reach(&mut self, now: u64) {
        self.now = now;
        if self.whole == Some(now) || self.drawn.is_none_or(|drawn| drawn.elapsed() >= PACE) {
            self.drawn = Some(Instant::now());
            self.draw();
        }
    }

    /// The last picture stays.
    pub(in crate::commands) fn end(mut self) {
        self.whole = Some(self.now);
        self.draw();
    }

    fn draw(&self) {
        // A terminal that is gone is not worth ending for.
        let _ = write!(std::io::stderr(), "\r\x1b[K{}", self.line(self.begun.elapsed()));
    }

    fn line(&self, spent: Duration) -> String {
        let rate = (self.now - self.from) as f64 / spent.as_secs_f64().max(0.001);
        let now = size(self.now as f64);
        let rate_text = size(rate);
        let Some(whole) = self.whole.filter(|whole| *whole > 0) else {
            return format!("{now}  {rate_text}/s");
        };
        let done = self.now.min(whole);
        let filled = usize::try_from(u128::from(done) * u128::from(WIDTH) / u128::from(whole)).unwrap_or(0);
        let percent = u128::from(done) * 100 / u128::from(whole);
        let bar = format!("{:<30}", "#".repeat(filled));
        let left = (whole - done) as f64 / rate.max(1.0);
        let left = if done == whole { String::new() } else { format!("  {} left", clock(left)) };
        format!("[{bar}] {percent:>3} %  {now} of {}  {rate_text}/s{left}", size(whole as f64))
    }
}

/// The line is ended, so that what is said next does not stand in it.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            // As above.
            let _ = writeln!(std::io::stderr());
        }
    }
}

/// A file that shows, as it is read to be sent, how far that is. Where it is sent again, as after a redirect, it begins anew.
pub(super) struct Watched {
    file: Box<dyn FileHandle>,
    progress: Mutex<Progress>,
}

impl Watched {
    pub(super) fn new(file: Box<dyn FileHandle>) -> Self {
        let progress = Mutex::new(Progress::new(0, Some(file.opened().len)));
        Self { file, progress }
    }
}

/// No descriptor of it is shown: what the kernel sends, nobody sees.
#[async_trait]
impl FileHandle for Watched {
    fn opened(&self) -> &Meta {
        self.file.opened()
    }

    async fn read_at(&self, offset: u64, buf: BytesMut) -> Result<BytesMut, FsError> {
        let had = buf.len();
        let buf = self.file.read_at(offset, buf).await?;
        let read = buf.len().saturating_sub(had) as u64;
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).reach(offset.saturating_add(read));
        Ok(buf)
    }

    async fn meta(&self) -> Result<Meta, FsError> {
        self.file.meta().await
    }
}

/// Content of unknown length that shows how much of it has come.
pub(super) fn watched(content: Body) -> Body {
    let begin = (content, Progress::new(0, None));
    Body::stream(futures_util::stream::unfold(begin, async |(mut content, mut progress)| {
        let chunk = match content.chunk().await.transpose() {
            Some(chunk) => chunk,
            None => {
                progress.end();
                return None;
            }
        };
        progress.add(chunk.as_ref().map_or(0, |chunk| chunk.len() as u64));
        Some((chunk, (content, progress)))
    }))
}

fn size(octets: f64) -> String {
    let mut rest = octets;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if rest < 1024.0 {
            return if unit == "B" { format!("{rest:.0} B") } else { format!("{rest:.1} {unit}") };
        }
        rest /= 1024.0;
    }
    format!("{rest:.1} TiB")
}

fn clock(seconds: f64) -> String {
    // The cast saturates.
    let seconds = seconds as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}:{seconds:02} min"),
        (hours @ ..100, minutes, _) => format!("{hours}:{minutes:02} h"),
        _ => "days".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_fits_a_terminal() {
        let mut progress = Progress::new(1 << 20, Some(3 << 20));
        progress.now = 2 << 20;
        let line = progress.line(Duration::from_secs(1));
        assert_eq!(line, "[###############               ]  50 %  2.0 MiB of 4.0 MiB  1.0 MiB/s  2 s left");
        progress.now = u64::MAX;
        progress.whole = Some(u64::MAX);
        assert!(progress.line(Duration::ZERO).len() < 100);
        progress.whole = None;
        progress.from = 0;
        progress.now = 1000;
        assert_eq!(progress.line(Duration::from_secs(2)), "1000 B  500 B/s");
    }

    #[tokio::test]
    async fn what_is_read_to_be_sent_is_how_far_it_is_and_begins_anew_where_it_is_sent_again() {
        use ropewalk_core::data::files::{DotDot, Files as _, Memory, Open, VPath};
        let path = VPath::parse(b"/f", &VPath::ROOT, DotDot::Refuse).unwrap();
        let file = Memory::new().with("/f", "0123456789").open(&path, &Open::read()).await.unwrap();
        let file = Watched::new(file);
        let now = || file.progress.lock().unwrap().now;
        assert_eq!(file.progress.lock().unwrap().whole, Some(10));
        for (from, room, reached) in [(0, 4, 4), (4, 6, 10), (0, 4, 4)] {
            let read = file.read_at(from, BytesMut::with_capacity(room)).await.unwrap();
            assert_eq!(now(), from + read.len() as u64);
            assert!(now() >= reached);
        }
        assert!(file.as_fd().is_none() && file.read_now(0, &mut BytesMut::with_capacity(4)).is_none());
        let mut sent = watched(Body::from("text"));
        assert_eq!(sent.chunk().await.unwrap().as_deref(), Some(&b"text"[..]));
        assert!(sent.chunk().await.unwrap().is_none());
    }

    #[test]
    fn times_are_short() {
        for (seconds, text) in [(0.4, "0 s"), (61.0, "1:01 min"), (3700.0, "1:01 h"), (1e30, "days")] {
            assert_eq!(clock(seconds), text);
        }
    }
}
