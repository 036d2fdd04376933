//! What the application's half of a WebSocket and the half that moves the connection share.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context as Poller, Poll, Waker};

use ropewalk_core::{Error, Fault, Result};
use tokio::sync::Notify;

use super::close::{Close, CloseCode, Violation};
use super::frame::{self, Opcode, Role};
use super::mask::Keys;
use super::message::{Message, Payload};

/// Octets of messages that came and were not asked for, at which no more is read.
const INBOX: usize = 64 * 1024;

/// What each of them counts beside its own octets.
const EACH: usize = 64;

/// Octets of pongs beyond a full queue; then only the last ping is answered (RFC 6455 §5.5.3).
const PONGS: usize = 4 * 1024;

/// The state of one WebSocket, seen from both halves.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Told when there is room for senders.
    room: Notify,
    /// Octets waiting to be sent, at which senders wait.
    queue: usize,
}

struct State {
    /// Frames to be written.
    out: Vec<u8>,
    /// Octets of these and of those that are being written.
    unsent: usize,
    /// A ping that was not answered for want of room.
    unanswered: Option<Vec<u8>>,
    /// A client's.
    keys: Option<Box<Keys>>,
    inbox: VecDeque<Message>,
    /// What it counts.
    held: usize,
    /// No more is read until there is room.
    paused: bool,
    /// Nobody asks for messages any more.
    deaf: bool,
    /// A Close frame is among those to be written, or was: it is the last.
    closing: bool,
    end: Option<End>,
    /// The payload of a Close, and the end, which wait until the application has answered what came before.
    last: Option<(Vec<u8>, End)>,
    /// What is said by dropping the application's half.
    farewell: Option<CloseCode>,
    pump: Option<Waker>,
    app: Option<Waker>,
}

/// How a WebSocket ended.
enum End {
    /// By a Close of both, or after ours was not answered.
    Closed(Option<Close>),
    /// Without; the error is told once.
    Failed(Option<Error>),
}

/// What is to be written next.
pub(super) enum Outgoing {
    Frames(Vec<u8>),
    /// Nothing: the buffer back, and whether a Close was the last.
    Nothing {
        spent: Vec<u8>,
        closing: bool,
    },
}

impl Shared {
    pub(super) fn new(role: Role, queue: usize) -> Self {
        let state = State {
            out: Vec::new(),
            unsent: 0,
            unanswered: None,
            keys: (role == Role::Client).then(|| Box::new(Keys::new())),
            inbox: VecDeque::new(),
            held: 0,
            paused: false,
            deaf: false,
            closing: false,
            end: None,
            last: None,
            farewell: (role == Role::Client).then_some(CloseCode::NORMAL),
            pump: None,
            app: None,
        };
        Self { state: Mutex::new(state), room: Notify::new(), queue: queue.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the application.
impl Shared {
    /// Queues a message, unless the queue is full: whether there was room.
    pub(super) fn send(&self, message: Payload<'_>) -> Result<bool> {
        let mut state = self.lock();
        if state.closing || state.end.is_some() {
            return Err(Error::peer("the WebSocket is closed"));
        }
        if state.unsent >= self.queue {
            return Ok(false);
        }
        let (opcode, octets) = message.into_parts();
        state.put(opcode, octets)?;
        wake(state, |state| &mut state.pump);
        Ok(true)
    }

    /// Queues a message as soon as there is room.
    pub(super) async fn send_in_time(&self, message: Payload<'_>) -> Result<()> {
        while !self.send(message)? {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if self.send(message)? {
                break;
            }
            room.await;
        }
        Ok(())
    }

    /// The next message; `None` after the last.
    pub(super) fn poll_recv(&self, task: &mut Poller<'_>) -> Poll<Result<Option<Message>>> {
        let mut state = self.lock();
        if let Some(message) = state.inbox.pop_front() {
            state.held -= message.as_bytes().len() + EACH;
            if state.paused && state.held < INBOX {
                state.paused = false;
                wake(state, |state| &mut state.pump);
            }
            return Poll::Ready(Ok(Some(message)));
        }
        if state.last.is_some() {
            drop(state);
            self.end();
            state = self.lock();
        }
        match &mut state.end {
            Some(End::Failed(error @ Some(_))) => Poll::Ready(error.take().map_or(Ok(None), Err)),
            Some(_) => Poll::Ready(Ok(None)),
            None => {
                register(&mut state.app, task);
                Poll::Pending
            }
        }
    }

    /// Begins to close, if that was not begun.
    pub(super) fn close(&self, code: CloseCode, reason: &str) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.put_close(&Close::payload(code, reason));
            wake(state, |state| &mut state.pump);
        }
    }

    /// Closes as this result of the application's says. The cause is for the log, and not for the peer.
    pub(super) fn close_with(&self, result: &Result<()>) {
        let code = match result {
            Ok(()) => CloseCode::NORMAL,
            Err(error) if error.fault() == Fault::Local => CloseCode::INTERNAL,
            Err(_) => CloseCode::POLICY,
        };
        self.close(code, "");
    }

    /// Nobody asks for messages any more.
    pub(super) fn be_deaf(&self) {
        let mut state = self.lock();
        state.deaf = true;
        state.inbox.clear();
        (state.held, state.paused) = (0, false);
        if let Some((payload, end)) = state.last.take() {
            state.put_close(&payload);
            state.end.get_or_insert(end);
        }
        if let Some(code) = state.farewell.filter(|_| state.end.is_none()) {
            state.put_close(&Close::payload(code, ""));
        }
        wake(state, |state| &mut state.pump);
    }

    /// What the peer's Close said, if one came.
    pub(super) fn closed(&self) -> Option<Close> {
        match &self.lock().end {
            Some(End::Closed(close)) => close.clone(),
            _ => None,
        }
    }
}

/// For what moves the connection.
impl Shared {
    /// Whom to wake when there is something to be done.
    pub(super) fn register(&self, task: &Poller<'_>) {
        register(&mut self.lock().pump, task);
    }

    /// The frames to be written, if there are any, in place of a buffer that is empty.
    pub(super) fn outgoing(&self, spent: Vec<u8>) -> Outgoing {
        let mut state = self.lock();
        if let Some(ping) = state.unanswered.take() {
            state.put_unless_closing(Opcode::Pong, &ping);
        }
        match state.out.is_empty() {
            true => Outgoing::Nothing { spent, closing: state.closing },
            false => Outgoing::Frames(std::mem::replace(&mut state.out, spent)),
        }
    }

    /// Gives an empty buffer back.
    pub(super) fn rest(&self) {
        let mut state = self.lock();
        if state.out.is_empty() {
            state.out = Vec::new();
        }
    }

    /// So many octets were written.
    pub(super) fn sent(&self, octets: usize) {
        let mut state = self.lock();
        let was_full = state.unsent >= self.queue;
        state.unsent = state.unsent.saturating_sub(octets);
        if was_full && state.unsent < self.queue {
            drop(state);
            self.room.notify_waiters();
        }
    }

    /// A message has come. Whether more may be read.
    pub(super) fn deliver(&self, message: Message) -> bool {
        let mut state = self.lock();
        if state.deaf {
            return true;
        }
        state.held += message.as_bytes().len() + EACH;
        state.inbox.push_back(message);
        state.paused = state.held >= INBOX;
        let goes_on = !state.paused;
        wake(state, |state| &mut state.app);
        goes_on
    }

    /// Whether nothing is to be read until the application has taken what came.
    pub(super) fn is_paused(&self) -> bool {
        self.lock().paused
    }

    pub(super) fn ping(&self) {
        self.lock().put_unless_closing(Opcode::Ping, b"");
    }

    pub(super) fn pong(&self, ping: Vec<u8>) {
        let mut state = self.lock();
        if state.unsent < self.queue + PONGS {
            state.put_unless_closing(Opcode::Pong, &ping);
        } else {
            state.unanswered = Some(ping);
        }
    }

    /// The peer's Close is answered by the same (RFC 6455 §5.5.1), and is the end.
    pub(super) fn peer_closes(&self, close: Close) {
        let answer = close.code.map(|code| Close::payload(code, "")).unwrap_or_default();
        self.end_by(answer, End::Closed(Some(close)));
    }

    /// The peer broke the protocol, and is told so (RFC 6455 §7.1.7).
    pub(super) fn peer_broke(&self, violation: Violation) {
        let Violation { code, what } = violation;
        let error = match code {
            CloseCode::TOO_LARGE => Error::limit("message", what),
            _ => Error::peer(what),
        };
        self.end_by(Close::payload(code, what), End::Failed(Some(error)));
    }

    fn end_by(&self, payload: Vec<u8>, end: End) {
        let mut state = self.lock();
        state.last = Some((payload, end));
        let is_answered = state.inbox.is_empty();
        drop(state);
        if is_answered {
            self.end();
        }
    }

    /// What came before the end is answered by now, or will not be.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        if let Some((payload, end)) = state.last.take() {
            state.put_close(&payload);
            self.finish(state, end);
        }
    }

    /// The connection is gone. That is no failure where all has been said.
    pub(super) fn gone(&self, error: Error) {
        let mut state = self.lock();
        let end = match state.last.take() {
            Some((_, end)) => end,
            None if state.closing => End::Closed(None),
            None => End::Failed(Some(error)),
        };
        self.finish(state, end);
    }

    /// The first end is the end.
    fn finish(&self, mut state: MutexGuard<'_, State>, end: End) {
        state.end.get_or_insert(end);
        let (app, pump) = (state.app.take(), state.pump.take());
        drop(state);
        app.into_iter().chain(pump).for_each(Waker::wake);
        self.room.notify_waiters();
    }
}

impl State {
    fn put(&mut self, opcode: Opcode, payload: &[u8]) -> Result<()> {
        let key = self.keys.as_mut().map(|keys| keys.next()).transpose()?;
        let before = self.out.len();
        frame::encode(&mut self.out, true, opcode, payload, key);
        self.unsent += self.out.len() - before;
        Ok(())
    }

    /// Nothing follows a Close (RFC 6455 §5.5.1).
    fn put_unless_closing(&mut self, opcode: Opcode, payload: &[u8]) {
        if !self.closing
            && let Err(error) = self.put(opcode, payload)
        {
            error.log("no control frame");
        }
    }

    fn put_close(&mut self, payload: &[u8]) {
        self.put_unless_closing(Opcode::Close, payload);
        self.closing = true;
    }
}

/// Wakes whoever waits there, after the lock was left.
fn wake(mut state: MutexGuard<'_, State>, who: impl FnOnce(&mut State) -> &mut Option<Waker>) {
    let waker = who(&mut state).take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn register(waker: &mut Option<Waker>, task: &Poller<'_>) {
    if waker.as_ref().is_none_or(|waker| !waker.will_wake(task.waker())) {
        *waker = Some(task.waker().clone());
    }
}
