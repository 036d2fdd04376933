use std::pin::Pin;
use std::task::{Context as Poller, Poll, ready};

use tokio::task::JoinHandle;

use crate::{Error, Result};

/// A running task that belongs to a [`Context`](super::Context). Dropping it aborts the task.
pub struct Task<T> {
    handle: JoinHandle<Option<T>>,
    detached: bool,
}

impl<T> Task<T> {
    pub(super) fn new(handle: JoinHandle<Option<T>>) -> Self {
        Self { handle, detached: false }
    }

    /// Lets the task run on until its context ends.
    pub fn detach(mut self) {
        self.detached = true;
    }

    /// Whether the task is done, or was aborted.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if !self.detached {
            self.handle.abort();
        }
    }
}

/// Waits for the task's value; an error if it panicked or its context ended first.
impl<T> Future for Task<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Result<T>> {
        Poll::Ready(match ready!(Pin::new(&mut self.handle).poll(cx)) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(Error::local("task ended with its context")),
            Err(error) if error.is_panic() => Err(Error::local("task panicked").caused_by(error)),
            Err(error) => Err(Error::local("task was aborted").caused_by(error)),
        })
    }
}
