use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use ropewalk_core::Error as Cause;
use ropewalk_core::sansio::{Machine, Output, Reply, ReplyLines};

use super::error::said;
use crate::wire::Command;

/// Octets of one reply, with all its lines.
const REPLY: usize = 64 * 1024;
/// Octets of a line of a reply, with its end.
const LINE: usize = 8 * 1024;
/// The end of a silence that nobody has set a limit to.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the control connection has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A reply; one below 200 is followed by another to the same command.
    Reply(Reply),
    /// TLS is on.
    Secured,
}

/// What is to be done with the control connection.
#[derive(Debug)]
pub(super) enum Answer {
    /// Send this; a reply is due.
    Say(Command),
    /// Send AUTH TLS, and begin TLS where the answer is 234 (RFC 4217 §4).
    Secure,
    /// Wait for a reply that has been due since the transfer began.
    Await,
    /// Wait for nothing more.
    Forget,
    /// The event was heard.
    Noted,
}

/// The client's side of a control connection: commands out, replies in, one after the other.
///
/// A reply that nobody waits for ends it: whatever came later would be taken for the answer to something else. So does
/// 421, once it was told (RFC 959 §4.2.2).
#[derive(Debug)]
pub(super) struct Session {
    replies: ReplyLines,
    /// Octets of the reply that is coming.
    coming: usize,
    /// Replies that are still to come.
    due: usize,
    /// AUTH is what was said last.
    securing: bool,
    out: VecDeque<Output<Event>>,
    failed: Option<Cause>,
    limit: Duration,
    until: Instant,
}

impl Session {
    /// A session that has just been connected, and waits for the greeting; for each reply so long.
    pub(super) fn new(now: Instant, limit: Duration) -> Self {
        let limit = limit.min(FAR);
        Self {
            replies: ReplyLines::new(LINE, REPLY / 4).free_text(),
            coming: 0,
            due: 1,
            securing: false,
            out: VecDeque::new(),
            failed: None,
            limit,
            until: now + limit,
        }
    }

    /// Why it has closed.
    pub(super) fn failure(&mut self) -> Cause {
        self.failed.take().unwrap_or_else(|| Cause::peer("the control connection is closed"))
    }

    fn fail(&mut self, cause: Cause) {
        self.failed = Some(cause);
        self.out.push_back(Output::Close);
    }

    fn expect(&mut self, now: Instant) {
        self.until = now + self.limit;
    }

    fn reply(&mut self, now: Instant, reply: Reply) {
        if reply.code() == 421 {
            let cause = Cause::peer(format!("the server ends the session: {}", said(&reply)));
            if self.due > 0 {
                self.out.push_back(Output::Event(Event::Reply(reply)));
            }
            return self.fail(cause);
        }
        if self.due == 0 {
            let says = format!("the server says {}, which nobody asked for", said(&reply));
            return self.fail(Cause::peer(says));
        }
        if reply.code() >= 200 {
            self.due -= 1;
        }
        self.expect(now);
        match std::mem::take(&mut self.securing) && reply.code() == 234 {
            true => self.out.push_back(Output::StartTls),
            false => self.out.push_back(Output::Event(Event::Reply(reply))),
        }
    }
}

impl Machine for Session {
    type Event = Event;
    type Answer = Answer;

    fn receive(&mut self, now: Instant, input: &mut BytesMut) {
        let before = input.len();
        let read = self.replies.next(input);
        self.coming += before - input.len();
        match read {
            Ok(Some(reply)) => {
                self.coming = 0;
                self.reply(now, reply);
            }
            Ok(None) if self.coming > REPLY => {
                self.fail(Cause::limit("message", format!("a reply of more than {REPLY} octets")));
            }
            Ok(None) => {}
            Err(error) => self.fail(error.into()),
        }
    }

    fn finished(&mut self, _: Instant) {
        self.fail(Cause::peer("the server has closed the control connection"));
    }

    fn elapsed(&mut self, _: Instant) {
        let says = format!("no reply within {} s", self.limit.as_secs_f32());
        self.fail(Cause::limit("reply", says));
    }

    fn answer(&mut self, now: Instant, answer: Answer) {
        let command = match answer {
            Answer::Noted => return,
            Answer::Await => return self.expect(now),
            Answer::Forget => {
                self.due = 0;
                return;
            }
            Answer::Say(command) => Some(command),
            Answer::Secure => {
                self.securing = true;
                Command::new("AUTH", Some(b"TLS"))
            }
        };
        if let Some(command) = command {
            let mut line = BytesMut::new();
            command.encode(&mut line);
            self.out.push_back(Output::Send(line.freeze()));
            self.due += 1;
            self.expect(now);
        }
    }

    fn tls_started(&mut self) {
        self.out.push_back(Output::Event(Event::Secured));
    }

    fn poll(&mut self) -> Output<Event> {
        let until = if self.due > 0 { self.until } else { self.until + FAR };
        self.out.pop_front().unwrap_or(Output::Wait { until, read: true })
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
