use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};
use ropewalk_core::{Error, Result};

use super::Body;
use super::deadlines::Activity;
use super::log::Entry;

/// The body of an answer on its way out: with its end, the request is over, and the log says so.
pub(super) struct Sent {
    /// For an engine that sends it in a way of its own, which then notes the octets.
    pub(super) body: Body,
    pub(super) octets: u64,
    status: StatusCode,
    exchange: Option<Exchange>,
    entry: Option<Entry>,
}

impl Sent {
    pub(super) fn new(
        body: Body,
        status: StatusCode,
        exchange: Option<Exchange>,
        entry: Option<Entry>,
    ) -> Self {
        // A peer that lets nothing through may keep us from ever being asked for data.
        if let Some(exchange) = &exchange
            && !body.is_end_stream()
        {
            exchange.activity.gave(exchange.number);
        }
        Self { body, octets: 0, status, exchange, entry }
    }

    /// Another answer in place of this one.
    pub(super) fn replace(&mut self, status: StatusCode, body: Body) {
        (self.status, self.body) = (status, body);
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.write(self.status, self.octets);
        }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if let Some(exchange) = &this.exchange {
            let others = exchange.activity.taken(exchange.number);
            if let Body::File(file) = &mut this.body {
                file.share(others + 1);
            }
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                this.octets += frame.data_ref().map_or(0, Bytes::len) as u64;
                if let Some(exchange) = &this.exchange {
                    exchange.activity.gave(exchange.number);
                }
            }
            Some(Err(error)) => tracing::debug!(error = %error.chain(), "answer cut"),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request that is being answered, as its connection's [`Activity`] sees it.
pub(super) struct Exchange {
    activity: Arc<Activity>,
    number: u64,
}

impl Exchange {
    pub(super) fn begin(activity: &Arc<Activity>) -> Self {
        Self { activity: Arc::clone(activity), number: activity.begin() }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.activity.end(self.number);
    }
}
