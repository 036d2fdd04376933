use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Poller, Waker};

use bytes::{BufMut as _, BytesMut};
use http::{HeaderMap, StatusCode};

use super::Facts;
use super::h1;

/// Octets of interim answers that may wait to be sent.
const MOST: usize = 16 * 1024;

/// Where a handler sends interim answers (RFC 9110 §15.2), such as 103 with early hints (RFC 8297).
#[derive(Clone, Debug)]
pub struct Interim {
    facts: Arc<Facts>,
    exchange: u64,
}

impl Interim {
    pub(super) fn new(facts: &Arc<Facts>, exchange: u64) -> Self {
        Self { facts: Arc::clone(facts), exchange }
    }

    /// Sends an answer of this status, and tells whether it goes out.
    ///
    /// It does not where the status is not 102 to 199, where the peer speaks HTTP/1.0, which has none, or HTTP/2, in
    /// which the engine can send none, once the final answer has begun, and while too many wait.
    pub fn send(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let mut waiting = self.facts.interim.lock();
        let goes = status.is_informational()
            && !matches!(status, StatusCode::CONTINUE | StatusCode::SWITCHING_PROTOCOLS)
            && waiting.exchange == Some(self.exchange)
            && waiting.out.len() < MOST;
        if goes {
            h1::interim(&mut waiting.out, status, headers);
            if let Some(waker) = waiting.waker.take() {
                waker.wake();
            }
        }
        goes
    }
}

/// What interim answers of a connection wait in.
#[derive(Debug, Default)]
pub(super) struct Interims(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// The exchange that may have some now.
    exchange: Option<u64>,
    last: u64,
    out: BytesMut,
    waker: Option<Waker>,
}

impl Interims {
    /// An exchange begins that may have interim answers.
    pub(super) fn begin(&self) {
        let mut waiting = self.lock();
        waiting.last += 1;
        waiting.exchange = Some(waiting.last);
    }

    /// The number of the exchange that is on.
    pub(super) fn exchange(&self) -> u64 {
        self.lock().last
    }

    /// Moves what waits there to the end of `out`, and wakes this task for more.
    pub(super) fn take(&self, out: &mut BytesMut, cx: &Poller<'_>) {
        let mut waiting = self.lock();
        if waiting.exchange.is_some() {
            if !waiting.out.is_empty() {
                out.put(waiting.out.split());
            }
            match &mut waiting.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => waiting.waker = Some(cx.waker().clone()),
            }
        }
    }

    /// The final answer begins; what waits still is moved to the end of `out`.
    pub(super) fn end(&self, out: &mut BytesMut) {
        let mut waiting = self.lock();
        waiting.exchange = None;
        if !waiting.out.is_empty() {
            out.put(std::mem::take(&mut waiting.out));
        }
        waiting.waker = None;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
