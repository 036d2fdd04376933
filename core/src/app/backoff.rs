use std::time::Duration;

/// When to connect again, and when no more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Backoff {
    /// The longest wait after one failure, or after a success.
    pub first: Duration,
    /// The longest wait of all.
    pub longest: Duration,
    /// How long a connection lasts that is a success.
    pub settled: Duration,
    /// How long connecting may take.
    pub connect: Duration,
    /// Failures in a row until the service gives up; `None` for never.
    pub give_up_after: Option<u32>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            settled: Duration::from_secs(30),
            connect: Duration::from_secs(30),
            give_up_after: None,
        }
    }
}

impl Backoff {
    /// The wait after so many failures in a row; `part` of it, from 0 to 1.
    pub(super) fn wait(&self, failures: u32, part: f64) -> Duration {
        let whole = self.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        whole.min(self.longest).mul_f64(part.clamp(0.0, 1.0))
    }
}

/// From 0 to 1, evenly; 1, the longest wait, if the system gives no random numbers.
pub(super) fn random() -> f64 {
    let mut octets = [0; 4];
    match aws_lc_rs::rand::fill(&mut octets) {
        Ok(()) => f64::from(u32::from_ne_bytes(octets)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_never_overflows_and_jitter_stays_in_its_bounds() {
        let backoff = Backoff::default();
        for failures in [0, 1, 7, 32, u32::MAX] {
            assert!(backoff.wait(failures, 7.0) <= backoff.longest);
            assert_eq!(backoff.wait(failures, -1.0), Duration::ZERO);
        }
        let drawn: Vec<_> = (0..64).map(|_| random()).collect();
        assert!(drawn.iter().all(|part| (0.0..=1.0).contains(part)));
        assert!(drawn.iter().any(|part| *part < 0.5) && drawn.iter().any(|part| *part > 0.5));
    }
}
