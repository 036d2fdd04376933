use std::future::pending;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::Result;

/// A protocol's state without I/O: one side of one conversation, server or client.
///
/// # The contract
///
/// *Mutate, then drain until [`Output::Wait`].* Every method but [`poll`](Machine::poll) is a mutation;
/// after each one, `poll` is called until it returns `Wait`, and only then comes the next mutation. Two
/// outputs are themselves answered by a mutation, after which draining goes on: [`Output::Event`] by
/// [`answer`](Machine::answer), and [`Output::StartTls`] by [`tls_started`](Machine::tls_started). Nothing is
/// called after [`Output::Close`]. So a machine need not guard against any other order of calls.
///
/// *Time is an input.* It is [`std::time::Instant`], so that a machine needs no runtime; whoever drives it
/// says what time it is, and a test makes hours pass by adding to the value it hands in. A machine asks no clock.
/// The deadlines it gives are absolute.
///
/// *Bytes stay outside.* [`receive`](Machine::receive) takes what it can use from the front of the buffer,
/// usually one command, and leaves the rest, which the peer may have sent ahead. A machine that takes nothing is
/// shown the same bytes again only when there are more of them, or after another mutation. What it must
/// not read yet (a message behind `STARTTLS`, above all) it leaves where it is.
///
/// # Example
///
/// A server that repeats each line, and the conversation it has:
///
/// ```
/// use std::time::{Duration, Instant};
/// use bytes::{Bytes, BytesMut};
/// use ropewalk_core::sansio::{Lines, Machine, Output};
///
/// struct Echo { lines: Lines, out: Option<Bytes>, closing: bool, until: Instant }
///
/// impl Machine for Echo {
///     type Event = ();
///     type Answer = ();
///
///     fn receive(&mut self, now: Instant, input: &mut BytesMut) {
///         match self.lines.next(input) {
///             Ok(None) => return,
///             Ok(Some(line)) if line == "quit" => (self.out, self.closing) = (Some("bye\r\n".into()), true),
///             Ok(Some(line)) => self.out = Some([&line[..], b"\r\n"].concat().into()),
///             Err(error) => self.out = Some(format!("error: {error}\r\n").into()),
///         }
///         self.until = now + Duration::from_secs(60);
///     }
///     fn finished(&mut self, _: Instant) { self.closing = true }
///     fn elapsed(&mut self, _: Instant) { self.closing = true }
///     fn answer(&mut self, _: Instant, (): ()) {}
///     fn poll(&mut self) -> Output<()> {
///         match self.out.take() {
///             Some(bytes) => Output::Send(bytes),
///             None if self.closing => Output::Close,
///             None => Output::Wait { until: self.until, read: true },
///         }
///     }
/// }
///
/// # #[cfg(feature = "testkit")] {
/// let echo = |now| Echo { lines: Lines::new(80), out: None, closing: false, until: now + Duration::from_secs(60) };
/// ropewalk_core::dialogue!(echo, |()| (), "
///     C: hello
///     S: hello
///     C: quit
///     S: bye
///     closed
/// ");
/// # }
/// ```
pub trait Machine: Send {
    /// What it asks of the application, or tells it.
    type Event: Send;
    /// What the application says.
    type Answer: Send;

    /// The peer sent bytes: takes from the front what it can use now. What is left stays with the caller.
    fn receive(&mut self, now: Instant, input: &mut BytesMut);

    /// The peer sends no more. It may still be listening. Comes once; what [`receive`](Machine::receive) had
    /// no use for is gone.
    fn finished(&mut self, now: Instant);

    /// The time that [`Output::Wait`] gave has come.
    fn elapsed(&mut self, now: Instant);

    /// The application answers an event, or says something unasked.
    fn answer(&mut self, now: Instant, answer: Self::Answer);

    /// TLS is on: forget everything that was said in the clear (RFC 3207 §4.2).
    fn tls_started(&mut self) {}

    /// The server stops: say so to the peer (`421`, `ERROR`, `* BYE`) and close when what runs is done. Comes once.
    fn stop(&mut self) {}

    /// What is to be done next.
    fn poll(&mut self) -> Output<Self::Event>;
}

/// What a [`Machine`] wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output<E> {
    /// Send these bytes. What is sent before the next `Wait` or `Event` leaves in one write where it can.
    Send(Bytes),
    /// Ask or tell the application. [`Machine::answer`] follows, before anything else.
    Event(E),
    /// Send what there is, then make this connection a TLS connection. [`Machine::tls_started`] follows.
    /// Bytes that the peer sent ahead in the clear end the connection (RFC 3207 §6).
    StartTls,
    /// Nothing to do until the peer sends, the application speaks, or the time has come.
    Wait {
        /// When [`Machine::elapsed`] is due.
        until: Instant,
        /// Whether more bytes are wanted. Without it none are read, so that a peer that sends ahead is held
        /// back by its own network, and not by our memory.
        read: bool,
    },
    /// Send what there is, then close.
    Close,
}

/// Who answers a [`Machine`]'s events: the application's side of one conversation.
///
/// A closure from events to futures of answers is one that never speaks unasked.
pub trait Respond<M: Machine>: Send {
    /// Answers one event. It runs to its end unless the connection ends first; meanwhile nothing is read.
    /// What is slow (a password hash, a lookup, a transfer) is better begun here and told by [`next`](Self::next).
    ///
    /// # Errors
    /// What leaves no answer to give; it ends the connection. What the peer can be told is an answer.
    fn handle(&mut self, event: M::Event) -> impl Future<Output = Result<M::Answer>> + Send;

    /// Waits for the next thing to say unasked: a line of chat, new mail, the end of a transfer.
    ///
    /// It is dropped and called anew whenever something else happens first, so it must be cancel-safe: lose nothing
    /// when it is dropped while it waits, as receiving from a channel does not.
    fn next(&mut self) -> impl Future<Output = M::Answer> + Send {
        pending()
    }
}

impl<M, F, R> Respond<M> for F
where
    M: Machine,
    F: FnMut(M::Event) -> R + Send,
    R: Future<Output = Result<M::Answer>> + Send,
{
    fn handle(&mut self, event: M::Event) -> impl Future<Output = Result<M::Answer>> + Send {
        self(event)
    }
}
