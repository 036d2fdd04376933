//! What moves the octets of a WebSocket: reads, writes, answers pings, and keeps the times.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Poller, Poll, ready};
use std::time::Duration;

use ropewalk_core::app::Context;
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Result};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, timeout};

use super::close::{CloseCode, Violation};
use super::frame::Role;
use super::message::{Event, Incoming};
use super::options::Options;
use super::shared::{Outgoing, Shared};
use crate::server::Alarm;

/// Octets of one read.
const READ: usize = 16 * 1024;

/// Octets of a buffer that is kept to be used again.
const KEPT: usize = 64 * 1024;

/// What of a peer's last words is passed over, so that they do not reset the connection before it has read ours
/// (RFC 6455 §7.1.1).
const LINGER: (usize, Duration) = (256 * 1024, Duration::from_secs(2));

/// The half of a WebSocket that owns the connection. It does nothing by itself: [`run`](Self::run) has to be polled.
pub(super) struct Pump {
    conn: Connection,
    role: Role,
    shared: Owner,
    incoming: Incoming,
    /// What came and was not read yet: less than a frame's head, or more where the application is behind.
    input: Vec<u8>,
    paused: bool,
    /// What is being written, and how much of it was.
    writing: Vec<u8>,
    written: usize,
    options: Options,
    alarm: Alarm,
    /// When the peer was last heard.
    heard: Instant,
    ping: Ping,
    /// When the peer's Close is to be here.
    close_by: Option<Instant>,
    /// All has been heard; what is written is the last.
    parting: bool,
    /// The peer broke the protocol.
    broken: bool,
}

/// The ping that the peer owes an answer to.
#[derive(Clone, Copy)]
enum Ping {
    None,
    Queued,
    Sent(Instant),
}

/// How the connection is left.
enum Leave {
    /// After the peer has had time to read our last words.
    Linger,
    /// There is nobody to be waited for.
    Now,
    Abort,
}

/// However this half goes, the other hears of it.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.gone(Error::limit("connection", "connection ended by this side"));
    }
}

impl Pump {
    pub(super) fn new(
        mut conn: Connection,
        role: Role,
        shared: Arc<Shared>,
        options: &Options,
        cx: &Context,
    ) -> Self {
        // A server's has a deadline by now.
        if let Some(write) = options.write.or((role == Role::Client).then_some(cx.limits().write)) {
            conn.pace().write(write);
        }
        let most = options.message.unwrap_or(cx.limits().message);
        Self {
            conn,
            role,
            shared: Owner(shared),
            incoming: Incoming::new(role, most, options.frames),
            input: Vec::new(),
            paused: false,
            writing: Vec::new(),
            written: 0,
            options: options.clone(),
            alarm: Alarm::default(),
            heard: Instant::now(),
            ping: Ping::None,
            close_by: None,
            parting: false,
            broken: false,
        }
    }

    /// Moves octets until the WebSocket has ended, and closes the connection.
    pub(super) async fn run(mut self, cx: Context) {
        let leave = {
            let mut stopping = pin!(cx.stopping());
            let mut ended = pin!(cx.ended());
            let mut is_stopping = false;
            poll_fn(|task| {
                if ended.as_mut().poll(task).is_ready() {
                    return Poll::Ready(Leave::Now);
                }
                if !is_stopping && stopping.as_mut().poll(task).is_ready() {
                    is_stopping = true;
                    self.shared.0.close(CloseCode::AWAY, "");
                }
                self.shared.0.register(task);
                self.poll(task)
            })
            .await
        };
        match leave {
            Leave::Linger => tokio::select! {
                () = self.linger() => {}
                () = cx.ended() => {}
            },
            Leave::Now => {}
            Leave::Abort => self.conn.abort(),
        }
    }

    /// Does all that can be done now.
    fn poll(&mut self, task: &mut Poller<'_>) -> Poll<Leave> {
        loop {
            match self.poll_write(task) {
                Poll::Ready(Ok(true)) if self.parting => return Poll::Ready(Leave::Linger),
                Poll::Ready(Ok(false)) if self.parting => {
                    // The application is to answer what came before.
                    let Some(at) = after(self.heard, self.options.close) else { return Poll::Pending };
                    ready!(self.alarm.poll(task, at));
                    self.shared.0.end();
                    continue;
                }
                Poll::Ready(Err(error)) => return self.gone(error, Leave::Now),
                Poll::Pending if self.parting => return Poll::Pending,
                _ => {}
            }
            match self.poll_hear(task) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(error)) => return self.gone(error, Leave::Now),
                Poll::Pending => {}
            }
            if let Some(leave) = ready!(self.poll_times(task)) {
                return Poll::Ready(leave);
            }
        }
    }

    fn gone(&self, error: Error, leave: Leave) -> Poll<Leave> {
        self.shared.0.gone(error);
        Poll::Ready(leave)
    }

    /// Writes all that waits, in as few writes as there can be. Whether a Close was the last.
    fn poll_write(&mut self, task: &mut Poller<'_>) -> Poll<Result<bool>> {
        loop {
            let left = self.writing.get(self.written..).unwrap_or_default();
            if !left.is_empty() {
                let octets = ready!(Pin::new(&mut self.conn).poll_write(task, left))?;
                if octets == 0 {
                    return Poll::Ready(Err(Error::peer("connection takes no more")));
                }
                self.written += octets;
                self.shared.0.sent(octets);
                continue;
            }
            if self.written > 0 {
                ready!(Pin::new(&mut self.conn).poll_flush(task))?;
                self.written = 0;
                self.writing.clear();
                self.writing.shrink_to(KEPT);
            }
            match self.shared.0.outgoing(std::mem::take(&mut self.writing)) {
                Outgoing::Frames(frames) => self.writing = frames,
                Outgoing::Nothing { spent, closing } => {
                    self.writing = spent;
                    self.has_written(closing);
                    return Poll::Ready(Ok(closing));
                }
            }
        }
    }

    /// From now on the peer may be expected to answer.
    fn has_written(&mut self, closing: bool) {
        if closing && self.close_by.is_none() {
            self.close_by = after(Instant::now(), self.options.close);
        }
        if matches!(self.ping, Ping::Queued) {
            self.ping = Ping::Sent(Instant::now());
        }
    }

    /// Hears what has come.
    fn poll_hear(&mut self, task: &mut Poller<'_>) -> Poll<Result<()>> {
        if self.paused {
            if self.shared.0.is_paused() {
                return Poll::Pending;
            }
            // What the peer said meanwhile was not looked at.
            (self.heard, self.ping) = (Instant::now(), Ping::None);
            self.hear(&[]);
            return Poll::Ready(Ok(()));
        }
        let mut space = [const { MaybeUninit::uninit() }; READ];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.conn).poll_read(task, &mut buf))?;
        if buf.filled().is_empty() {
            return Poll::Ready(Err(Error::peer("connection ended without a Close")));
        }
        (self.heard, self.ping) = (Instant::now(), Ping::None);
        self.hear(buf.filled());
        Poll::Ready(Ok(()))
    }

    /// Hears what was left and what is new.
    fn hear(&mut self, new: &[u8]) {
        let mut input = std::mem::take(&mut self.input);
        let mut rest = new;
        if !input.is_empty() {
            input.extend_from_slice(new);
            rest = &input;
        }
        match self.decode(&mut rest) {
            Ok(()) => self.input = rest.to_vec(),
            Err(violation) => {
                (self.parting, self.broken) = (true, true);
                self.shared.0.peer_broke(violation);
            }
        }
    }

    /// Passes on what is said, until the application is behind or nothing more is to be heard.
    fn decode(&mut self, rest: &mut &[u8]) -> Result<(), Violation> {
        self.paused = false;
        while let Some(event) = self.incoming.next(rest)? {
            match event {
                Event::Message(message) => self.paused = !self.shared.0.deliver(message),
                Event::Ping(ping) => self.shared.0.pong(ping),
                Event::Pong => {}
                Event::Close(close) => {
                    self.parting = true;
                    self.shared.0.peer_closes(close);
                }
            }
            if self.paused || self.parting {
                break;
            }
        }
        Ok(())
    }

    /// Keeps the times: pings a silent peer, and gives one up that is silent still, or does not close.
    fn poll_times(&mut self, task: &mut Poller<'_>) -> Poll<Option<Leave>> {
        let at = match (self.close_by, self.ping) {
            (Some(at), _) => Some(at),
            (None, _) if self.paused => None,
            (None, Ping::None) => after(self.heard, self.options.ping),
            (None, Ping::Queued) => None,
            (None, Ping::Sent(at)) => after(at, self.options.pong),
        };
        let Some(at) = at else { return Poll::Pending };
        ready!(self.alarm.poll(task, at));
        if self.close_by.is_none() && matches!(self.ping, Ping::None) {
            self.rest();
            self.shared.0.ping();
            self.ping = Ping::Queued;
            return Poll::Ready(None);
        }
        self.gone(Error::limit("pong", "no answer to a ping"), Leave::Abort).map(Some)
    }

    /// Gives the buffers of a quiet connection back.
    fn rest(&mut self) {
        self.shared.0.rest();
        self.input.shrink_to_fit();
        if self.writing.is_empty() {
            self.writing = Vec::new();
        }
    }

    /// Lets the peer finish speaking. It is the server that closes first (RFC 6455 §7.1.1), unless the client gives it up.
    async fn linger(&mut self) {
        let (most, mut longest) = LINGER;
        if self.role == Role::Client && !self.broken {
            longest = self.options.close;
        } else if self.conn.shutdown().await.is_err() {
            return;
        }
        let mut scrap = [0; 1024];
        let drain = async {
            let mut left = most;
            while let Ok(octets @ 1..) = self.conn.read(&mut scrap).await
                && left > octets
            {
                left -= octets;
            }
        };
        // Whoever is not done then is cut.
        let _ = timeout(longest, drain).await;
    }
}

/// The time after that long; `None` for one that never comes, which is how a limit is lifted.
fn after(at: Instant, long: Duration) -> Option<Instant> {
    at.checked_add(long)
}
