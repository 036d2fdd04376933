//! One run of a program: its input goes in, its output comes out, each as fast as the other side takes it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{StatusCode, header};
use ropewalk_core::{Error, Result};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::input::{Feed, Input};
use super::output::{self, BadOutput, Head, Scan};
use super::process::{Ended, Group, Spawned};
use super::redirect;
use super::{Cgi, CgiLimits};
use crate::server::{Body, Failure, Request, Response};

/// Octets of output that are read at once.
const READ: usize = 16 * 1024;
/// How long the last output of a program that has ended may take to come: it is in the pipe.
const DRAIN: Duration = Duration::from_millis(100);

/// A program that runs for a request. Dropping it ends the program.
pub(super) struct Exchange {
    running: Option<Running>,
    feed: Feed,
    output: BytesMut,
    /// How long it may do nothing, and since when it has.
    patience: Duration,
    since: Instant,
    until: Instant,
    limits: CgiLimits,
    /// Until when what it said before it ended is waited for.
    drained: Option<Instant>,
    /// Its answer says itself that something failed.
    fails: bool,
}

struct Running {
    group: Group,
    stdout: pipe::Receiver,
}

impl Exchange {
    pub(super) fn new(spawned: Spawned, input: Input, cgi: &Cgi) -> Self {
        let Spawned { group, stdin, stdout } = spawned;
        let now = Instant::now();
        Self {
            running: Some(Running { group, stdout }),
            feed: Feed::new(input, stdin),
            output: BytesMut::new(),
            patience: cgi.limits.head_time,
            since: now,
            until: now + cgi.limits.time.min(FOREVER),
            limits: cgi.limits.clone(),
            drained: None,
            fails: false,
        }
    }

    /// The answer that the program makes to this request.
    pub(super) async fn answer(mut self, is_head: bool, request: Request) -> Result<Response, Failure> {
        let head = self.head().await?;
        if let Some(place) = head.local {
            // §6.2.2: it has nothing more to say.
            self.leave();
            return redirect::elsewhere(request, &place);
        }
        drop(request);
        let Head { status, mut headers, length, .. } = head;
        self.fails = status.is_client_error() || status.is_server_error();
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let has_none = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let body = if is_head || has_none {
            // §4.3.3: it may do its work to the end, but what it says is thrown away.
            self.leave();
            Body::empty()
        } else {
            self.patience = self.limits.idle_time;
            self.body(length)
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    async fn head(&mut self) -> Result<Head, Failure> {
        let mut scan = Scan::default();
        loop {
            match scan.find(&self.output, self.limits.head) {
                Ok(Some(end)) => {
                    let head = self.output.split_to(end).freeze();
                    return output::parse(&head).map_err(|bad| self.bad(bad));
                }
                Ok(None) => {}
                Err(bad) => return Err(self.bad(bad)),
            }
            if self.read().await.map_err(late)? == 0 {
                return Err(self.no_head());
            }
        }
    }

    /// Reads output; 0 is its end, which is also where the program has ended and others hold it open. Meanwhile the program
    /// gets its input, and what it says on its standard error is logged.
    async fn read(&mut self) -> Result<usize> {
        let Some(Running { group, stdout }) = &mut self.running else { return Ok(0) };
        self.output.reserve(READ);
        loop {
            if let Some(drained) = self.drained {
                let read = timeout_at(drained, stdout.read_buf(&mut self.output)).await;
                return Ok(read.unwrap_or(Ok(0))?);
            }
            let quiet = self.since + self.patience.min(FOREVER);
            let waits = !self.feed.awaits_client();
            tokio::select! {
                biased;
                // First, for there may always be output.
                () = sleep_until(self.until) => return Err(Error::limit(LATE, "a program ran for too long")),
                read = stdout.read_buf(&mut self.output) => {
                    self.since = Instant::now();
                    return Ok(read?);
                }
                fed = self.feed.step(), if !self.feed.is_done() => {
                    fed?;
                    self.since = Instant::now();
                }
                () = group.over() => self.drained = Some(Instant::now() + DRAIN),
                () = sleep_until(quiet), if waits => {
                    return Err(Error::limit(LATE, "a program did nothing for too long"));
                }
            }
        }
    }

    /// What it says after its head, as it comes.
    fn body(self, length: Option<u64>) -> Body {
        Body::stream(stream::try_unfold((self, length), |(mut exchange, left)| async move {
            let chunk = exchange.chunk(left).await?;
            let left = left.map(|left| left.saturating_sub(chunk.as_ref().map_or(0, Bytes::len) as u64));
            Ok(chunk.map(|chunk| (chunk, (exchange, left))))
        }))
    }

    async fn chunk(&mut self, left: Option<u64>) -> Result<Option<Bytes>> {
        if left != Some(0) && self.output.is_empty() {
            self.more(left).await.inspect_err(|error| error.log("the answer of a program is cut"))?;
        }
        let mut chunk = self.output.split().freeze();
        if let Some(left) = left
            && chunk.len() as u64 > left
        {
            tracing::warn!(script = self.script(), "program says more than its Content-Length");
            chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        if chunk.is_empty() {
            self.leave();
            return Ok(None);
        }
        Ok(Some(chunk))
    }

    /// Reads output, of which `left` octets are to come. That it has ended is an error where that is not the whole: without
    /// a length only how the program ends can tell.
    async fn more(&mut self, left: Option<u64>) -> Result<()> {
        if self.read().await? > 0 {
            return Ok(());
        }
        let end = match &mut self.running {
            Some(Running { group, .. }) => group.ended().await,
            None => None,
        };
        let short = match (left, end) {
            (Some(left), _) => format!("{:?} says {left} octets less than its Content-Length", self.script()),
            (None, None | Some(Ended::Status(0))) => return Ok(()),
            // An answer of failure is believed, as a program that makes one may well end with one.
            (None, Some(Ended::Status(_))) if self.fails => return Ok(()),
            (None, Some(_)) => format!("{:?} failed while it answered", self.script()),
        };
        let error = Error::local(short);
        Err(match end {
            Some(end) => error.caused_by(end.to_string()),
            None => error,
        })
    }

    /// Its answer is made: it may go on to its end, and what it still says is thrown away.
    fn leave(&mut self) {
        if let Some(Running { group, stdout }) = self.running.take() {
            group.let_end(stdout, self.until);
        }
    }

    fn script(&self) -> &str {
        self.running.as_ref().map_or("", |running| running.group.script())
    }

    fn bad(&self, bad: BadOutput) -> Failure {
        let cause = Error::local(format!("bad output of {:?}", self.script())).caused_by(bad);
        Failure::new(StatusCode::BAD_GATEWAY).caused_by(cause)
    }

    /// How it ended is said in the log of its end, after what it said on its standard error.
    fn no_head(&mut self) -> Failure {
        let cause = Error::local(format!("{:?} ended its output without a head", self.script()));
        self.leave();
        Failure::new(StatusCode::BAD_GATEWAY).caused_by(cause)
    }
}

/// The limit that stands for all times that a program has.
const LATE: &str = "program";

/// A time that no clock can be moved on by is as long as this.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A program that is late is 504.
fn late(error: Error) -> Failure {
    if error.limit_name() == Some(LATE) {
        return Failure::new(StatusCode::GATEWAY_TIMEOUT)
            .caused_by(Error::local("no head in time").caused_by(error));
    }
    error.into()
}
