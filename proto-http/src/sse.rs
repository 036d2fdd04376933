//! Server-sent events, as the HTML standard describes event streams (§9.2).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use ropewalk_core::app::Context;
use ropewalk_core::{Error, Result};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::server::{Body, Request, Response};

/// Between two signs of life, where no event is sent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One event. Clones share what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event(Bytes);

/// What an event is made of.
#[derive(Clone, Debug, Default)]
pub struct EventBuilder {
    fields: String,
}

impl Event {
    /// An event of the type `message` with this data, which may have any number of lines.
    pub fn new(data: &str) -> Self {
        EventBuilder::default().data(data)
    }

    /// An event of this type, by which a page listens for it.
    ///
    /// # Errors
    /// Where there is a line end in it.
    pub fn named(name: &str) -> Result<EventBuilder> {
        EventBuilder::default().field("event", name)
    }

    /// An event with this id, which the client says when it comes back: see [`Events::last_id`].
    ///
    /// # Errors
    /// Where there is a line end or a NUL in it.
    pub fn with_id(id: &str) -> Result<EventBuilder> {
        EventBuilder::default().id(id)
    }

    /// No event, but how long the client is to wait before it comes back after the connection broke.
    pub fn retry(after: Duration) -> Self {
        Self(format!("retry: {}\n\n", after.as_millis()).into())
    }
}

impl EventBuilder {
    /// With this id.
    ///
    /// # Errors
    /// Where there is a line end or a NUL in it.
    pub fn id(self, id: &str) -> Result<Self> {
        self.field("id", id)
    }

    /// The event, with this data.
    pub fn data(mut self, data: &str) -> Event {
        for line in lines(data) {
            self.line("data", line);
        }
        self.fields.push('\n');
        Event(self.fields.into())
    }

    fn field(mut self, name: &str, value: &str) -> Result<Self> {
        if value.contains(['\r', '\n', '\0']) {
            return Err(Error::local(format!("{value:?} cannot be the {name} of an event")));
        }
        self.line(name, value);
        Ok(self)
    }

    /// One space after the colon is not part of the value.
    fn line(&mut self, name: &str, value: &str) {
        self.fields.extend([name, ": ", value, "\n"]);
    }
}

/// A line ends in CRLF, LF or CR: all three are to a client.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((line, after)) = text.split_once(['\r', '\n']) else { return rest.take() };
        let is_cr = text.as_bytes().get(line.len()) == Some(&b'\r');
        rest = Some(after.strip_prefix('\n').filter(|_| is_cr).unwrap_or(after));
        Some(line)
    })
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The way to one client that listens. Clones are the same way; when the last is dropped, the answer ends.
#[derive(Clone, Debug)]
pub struct Events {
    queue: mpsc::Sender<Event>,
    too_slow: Arc<AtomicBool>,
}

impl Events {
    /// Begins the answer to this request: up to `queue` events, at least one, wait while the client is slow.
    ///
    /// When the client falls silent it gets a comment every 15 s, so that whoever is between sees that the connection is
    /// in use, and we see that the client is there. When the server stops, the answer ends, and the client comes back
    /// elsewhere.
    pub fn begin(request: &Request, queue: usize) -> (Self, Response) {
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let too_slow = Arc::new(AtomicBool::new(false));
        let listening =
            Listening { queue: receiver, too_slow: Arc::clone(&too_slow), cx: request.facts.cx.clone() };
        let body =
            stream::unfold(
                listening,
                |mut listening| async move { Some((listening.next().await?, listening)) },
            );
        let mut response = Response::new(Body::stream(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        // Kept nowhere, packed by nobody who would wait for more before passing it on.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        (Self { queue: sender, too_slow }, response)
    }

    /// The id of the last event that this client had before it came back.
    pub fn last_id(headers: &HeaderMap) -> Option<&str> {
        std::str::from_utf8(headers.get(LAST_EVENT_ID)?.as_bytes()).ok().filter(|id| !id.is_empty())
    }

    /// Sends an event. It never waits: a client whose queue is full is cut off, and may come back and say what it had.
    ///
    /// # Errors
    /// The peer's where the client has left, a limit's where it is too slow. It gets nothing any more then.
    pub fn send(&self, event: Event) -> Result<()> {
        if self.too_slow.load(Ordering::Relaxed) {
            return Err(too_slow());
        }
        self.queue.try_send(event).map_err(|error| match error {
            mpsc::error::TrySendError::Closed(_) => Error::peer("a client of an event stream has left"),
            mpsc::error::TrySendError::Full(_) => {
                self.too_slow.store(true, Ordering::Relaxed);
                too_slow()
            }
        })
    }

    /// Waits until the client has left, or gets nothing any more for another reason.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }
}

fn too_slow() -> Error {
    Error::limit("queue", "a client takes events too slowly")
}

/// The client's side.
struct Listening {
    queue: mpsc::Receiver<Event>,
    too_slow: Arc<AtomicBool>,
    cx: Context,
}

impl Listening {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        if self.too_slow.load(Ordering::Relaxed) {
            self.queue.close();
            return Some(Err(too_slow()));
        }
        tokio::select! {
            biased;
            event = self.queue.recv() => self.gather(event?),
            () = self.cx.stopping() => None,
            () = sleep(KEEP_ALIVE) => Some(Ok(Bytes::from_static(b":\n\n"))),
        }
    }

    /// What waits goes out together.
    fn gather(&mut self, Event(first): Event) -> Option<Result<Bytes>> {
        let Ok(Event(second)) = self.queue.try_recv() else { return Some(Ok(first)) };
        let mut all = BytesMut::from(&first[..]);
        all.extend_from_slice(&second);
        while all.len() < GATHERED
            && let Ok(Event(more)) = self.queue.try_recv()
        {
            all.extend_from_slice(&more);
        }
        Some(Ok(all.freeze()))
    }
}

/// Octets that are put together.
const GATHERED: usize = 16 * 1024;

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
