use std::io::Write as _;
use std::time::{Duration, Instant};

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
        self.now = self.now.saturating_add(octets);
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= PACE) {
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

    #[test]
    fn times_are_short() {
        for (seconds, text) in [(0.4, "0 s"), (61.0, "1:01 min"), (3700.0, "1:01 h"), (1e30, "days")] {
            assert_eq!(clock(seconds), text);
        }
    }
}
