use std::fmt::Debug;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::Failure;
use crate::sansio::{Inbox, Machine, Output};

/// Outputs of a machine in a row, without a wait or a byte taken, after which it is said to spin.
const SPIN: usize = 100_000;
/// Deadlines in a row at which nothing was said.
const IDLE: usize = 1_000;

/// The octets of an event that is a part of a body.
pub(super) type BodyOf<E> = fn(&E) -> Option<&[u8]>;

/// A machine under test: its time, its input, and all that it said.
///
/// It shows bytes to the machine by the same rule as [`drive`](crate::app::drive).
pub struct Rig<M: Machine, R> {
    machine: M,
    respond: R,
    body: Option<BodyOf<M::Event>>,
    inbox: Inbox,
    now: Instant,
    state: State,
    said: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting { until: Instant, read: bool },
    Handshake,
    Closed,
}

/// Something that a machine did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// It sent these bytes, in one output or several.
    Sent(Bytes),
    /// It raised this event, in its `Debug` form.
    Event(String),
    /// It raised events that carry these parts of a body, however cut.
    Body(Bytes),
    /// It asked for TLS.
    StartTls,
    /// It asked for TLS while bytes were left in the clear, and the connection was closed over it.
    Refused,
    /// It closed.
    Closed,
}

impl<M, R> Rig<M, R>
where
    M: Machine<Event: Debug>,
    R: FnMut(M::Event) -> M::Answer,
{
    /// A machine that has begun, now.
    ///
    /// # Errors
    /// It spins.
    pub fn new(make: impl FnOnce(Instant) -> M, respond: R) -> Result<Self, Failure> {
        Self::begin(make, respond, Instant::now(), None)
    }

    pub(super) fn begin(
        make: impl FnOnce(Instant) -> M,
        respond: R,
        now: Instant,
        body: Option<BodyOf<M::Event>>,
    ) -> Result<Self, Failure> {
        let state = State::Waiting { until: now, read: false };
        let mut rig =
            Self { machine: make(now), respond, body, inbox: Inbox::default(), now, state, said: Vec::new() };
        rig.settle()?;
        Ok(rig)
    }

    /// The peer sends these bytes.
    ///
    /// # Errors
    /// The machine spins.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.inbox.put(bytes);
        self.settle()
    }

    /// The peer sends no more. If the machine does not read, time passes until it does; if it has asked for
    /// TLS, the connection is gone.
    ///
    /// # Errors
    /// The machine spins, or never reads again.
    pub fn finish(&mut self) -> Result<(), Failure> {
        for _ in 0..IDLE {
            match self.state {
                State::Waiting { read: true, .. } if !self.inbox.is_finished() => {
                    self.inbox.finish(&mut self.machine, self.now);
                    return self.settle();
                }
                State::Waiting { until, read: false } => self.pass_until(until)?,
                State::Handshake => self.state = State::Closed,
                _ => return Ok(()),
            }
        }
        Err(Failure::new("the machine neither reads nor closes"))
    }

    /// Time passes, with every deadline in it.
    ///
    /// # Errors
    /// The machine spins.
    pub fn pass(&mut self, time: Duration) -> Result<(), Failure> {
        self.pass_until(self.now + time)
    }

    pub(super) fn pass_until(&mut self, end: Instant) -> Result<(), Failure> {
        let mut deadlines = 0;
        while let State::Waiting { until, .. } = self.state
            && until <= end
        {
            deadlines = if until > self.now { 0 } else { deadlines + 1 };
            if deadlines > IDLE {
                return Err(Failure::new("the machine waits for a time that has passed, again and again"));
            }
            self.now = self.now.max(until);
            self.machine.elapsed(self.now);
            self.inbox.changed();
            self.settle()?;
        }
        self.now = self.now.max(end);
        Ok(())
    }

    /// The application says something unasked.
    ///
    /// # Errors
    /// The machine spins.
    pub fn answer(&mut self, answer: M::Answer) -> Result<(), Failure> {
        if let State::Waiting { .. } = self.state {
            self.machine.answer(self.now, answer);
            self.inbox.changed();
        }
        self.settle()
    }

    /// The server stops.
    ///
    /// # Errors
    /// The machine spins.
    pub fn stop(&mut self) -> Result<(), Failure> {
        if let State::Waiting { .. } = self.state {
            self.machine.stop();
            self.inbox.changed();
        }
        self.settle()
    }

    /// The handshake that the machine asked for is done; bytes that came before it close the connection.
    ///
    /// # Errors
    /// The machine spins.
    pub fn handshake(&mut self) -> Result<(), Failure> {
        if self.state != State::Handshake {
            return Ok(());
        }
        if !self.inbox.is_empty() {
            self.said.push(Entry::Refused);
            self.state = State::Closed;
            return Ok(());
        }
        self.said.push(Entry::StartTls);
        self.state = State::Waiting { until: self.now, read: false };
        self.machine.tls_started();
        self.settle()
    }

    fn settle(&mut self) -> Result<(), Failure> {
        let mut outputs = 0;
        while let State::Waiting { .. } = self.state {
            outputs += 1;
            if outputs > SPIN {
                let last = self.said.last();
                return Err(Failure::new(format!("the machine never waits; it goes on after {last:?}")));
            }
            match self.machine.poll() {
                Output::Send(bytes) => self.note(Entry::Sent(bytes)),
                Output::Event(event) => {
                    self.note(match self.body.and_then(|body| body(&event)) {
                        Some(part) => Entry::Body(Bytes::copy_from_slice(part)),
                        None => Entry::Event(format!("{event:?}")),
                    });
                    let answer = (self.respond)(event);
                    self.machine.answer(self.now, answer);
                    self.inbox.changed();
                }
                Output::StartTls => self.state = State::Handshake,
                Output::Wait { until, read } => {
                    let before = self.inbox.len();
                    if read && self.inbox.offer(&mut self.machine, self.now) {
                        outputs = if self.inbox.len() < before { 0 } else { outputs };
                    } else {
                        self.state = State::Waiting { until, read };
                        return Ok(());
                    }
                }
                Output::Close => {
                    self.state = State::Closed;
                    self.said.push(Entry::Closed);
                }
            }
        }
        Ok(())
    }

    /// Adds to the record; what continues the last entry is joined to it.
    fn note(&mut self, entry: Entry) {
        let join = |a: &mut Bytes, b: Bytes| {
            let mut all = BytesMut::from(std::mem::take(a));
            all.extend_from_slice(&b);
            *a = all.freeze();
        };
        match (self.said.last_mut(), entry) {
            (Some(Entry::Sent(a)), Entry::Sent(b)) | (Some(Entry::Body(a)), Entry::Body(b)) => join(a, b),
            (_, Entry::Sent(bytes)) if bytes.is_empty() => {}
            (_, entry) => self.said.push(entry),
        }
    }

    /// What the machine did since this was last asked.
    pub fn said(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.said)
    }

    /// The machine.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// What time it is.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Whether the connection is closed.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether the machine has asked for TLS, and waits for the handshake.
    pub fn wants_tls(&self) -> bool {
        self.state == State::Handshake
    }

    /// When the machine wants to hear of the time.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Octets that the machine was not shown, or had no use for.
    pub fn waiting_octets(&self) -> usize {
        self.inbox.len()
    }
}
