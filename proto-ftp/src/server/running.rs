//! A transfer that runs, and how it comes to an end before its time.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use bytes::BytesMut;
use ropewalk_core::app::Context;
use ropewalk_core::net::Connection;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep_until, timeout};

use crate::wire::Reply;

/// What is told at the drain deadline comes so much earlier, at most.
const LAST_CALL: Duration = Duration::from_secs(1);
/// How long, and how many octets of it, the rest of a refused upload is taken; so much at once.
const PATIENCE: Duration = Duration::from_secs(10);
const REST: usize = 64 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// A transfer that runs, in the task of its session: which waits for nothing else that takes long.
pub(super) struct Running {
    /// Never locked: it is there so that the session can be shared, as what waits with a part of it has to.
    transfer: Mutex<Pin<Box<dyn Future<Output = Reply> + Send>>>,
    progress: Arc<Progress>,
}

/// How far a transfer is.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) octets: AtomicU64,
    end: AtomicU8,
    /// The data connection of an upload that was refused in its middle.
    refused: Mutex<Option<Connection>>,
}

/// What becomes of what came is for whoever says it first.
const TAKES_ITS_NAME: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Progress {
    /// Whether it becomes, or has become, this.
    fn becomes(&self, end: u8) -> bool {
        let before = self.end.compare_exchange(0, end, Ordering::AcqRel, Ordering::Acquire);
        before.is_ok() || before == Err(end)
    }

    /// Whether what came takes its name from now on: not if it was given up before.
    pub(super) fn takes_its_name(&self) -> bool {
        self.becomes(TAKES_ITS_NAME)
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.end.load(Ordering::Acquire) == GIVEN_UP
    }

    /// More comes by this connection, and is not wanted.
    pub(super) fn refuse(&self, conn: Connection) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(conn);
    }
}

impl Running {
    /// `whose` is kept until it ends.
    pub(super) fn start<F>(
        whose: impl Send + 'static,
        progress: Arc<Progress>,
        transfer: impl FnOnce(Arc<Progress>) -> F,
    ) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let transfer = transfer(progress.clone());
        let transfer = async move {
            let _whose = whose;
            transfer.await
        };
        Self { transfer: Mutex::new(Box::pin(transfer)), progress }
    }

    pub(super) fn octets(&self) -> u64 {
        self.progress.octets.load(Ordering::Relaxed)
    }

    /// What is still sent though it was refused, if anything is.
    pub(super) fn refused(&self) -> Option<Connection> {
        self.progress.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether it can be given up: it is, when this is dropped. What takes its name now is to be waited for, and what it comes to
    /// is told.
    pub(super) fn give_up(&self) -> bool {
        self.progress.becomes(GIVEN_UP)
    }
}

/// A tree may go on with what was begun though nobody waits ([`Whole`](ropewalk_core::data::files::layers::Whole)): what is given
/// up takes no name there.
impl Drop for Running {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// The reply that ends it.
impl Future for Running {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Reply> {
        self.transfer.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

/// Takes the rest of an upload that was refused, and throws it away, to a bound: a client that writes hears of a reset first, and
/// not of the reply that says why.
pub(super) async fn linger(mut conn: Connection) {
    let (mut octets, mut buf) = (0, BytesMut::with_capacity(CHUNK));
    let rest = async {
        while octets < REST {
            buf.clear();
            match conn.read_buf(&mut buf).await {
                Ok(0) | Err(_) => break,
                Ok(read) => octets += read,
            }
        }
    };
    // Whoever sends more than that has been told, and is cut off.
    let ended = timeout(PATIENCE, rest).await;
    tracing::trace!(octets, in_time = ended.is_ok(), "the rest of a refused upload");
}

/// When a server that stops has to tell those who wait for a transfer that they will see no end of it.
#[derive(Default)]
pub(super) struct LastCall(Option<Instant>);

impl LastCall {
    /// Waits for it. Called anew, it goes on waiting.
    pub(super) async fn wait(&mut self, cx: &Context) {
        cx.stopping().await;
        let drain = cx.limits().drain;
        let before = (drain / 8).min(LAST_CALL);
        let stopped = *self.0.get_or_insert_with(Instant::now);
        match stopped.checked_add(drain.saturating_sub(before)) {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
