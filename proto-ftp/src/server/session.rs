use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use ropewalk_core::Limits;
use ropewalk_core::app::Offence;
use ropewalk_core::data::files::{DotDot, VPath};
use ropewalk_core::sansio::{Machine, Output};

use super::Options;
use super::commands;
use super::event::{Answer, Event};
use super::hash::Algorithm;
use super::tally::Tally;
use crate::state::{Stage, Step};
use crate::wire::{Command, CommandReader, Facts, Heard, Reply};

/// Octets of a command line, without its end.
const LINE: usize = 4096;
/// A transfer has deadlines of its own.
const TRANSFER: Duration = Duration::from_secs(24 * 60 * 60);

/// The server's side of one control connection.
pub(crate) struct Session {
    reader: CommandReader,
    pub(super) out: VecDeque<Output<Event>>,
    /// What was sent during a transfer, and waits for its end.
    pub(super) queue: VecDeque<Command>,
    pub(super) options: Arc<Options>,
    /// The names that HOST may say, if any.
    pub(super) hosts: bool,
    pub(super) stage: Stage,
    pub(super) user: String,
    pub(super) cwd: VPath,
    pub(super) sticky: Sticky,
    pub(super) tls: Tls,
    pub(super) ascii: bool,
    pub(super) facts: Facts,
    pub(super) algorithm: Algorithm,
    /// EPSV ALL was said: no other way of a data connection is allowed (RFC 2428 §4).
    pub(super) epsv_all: bool,
    /// What the next answer is to.
    asked: Option<Asked>,
    /// A transfer runs.
    pub(super) busy: bool,
    /// Nothing more is heard, and once no transfer runs, this is said, and the connection closed.
    leaving: Option<Leaving>,
    pub(super) counts: Counts,
    tally: Tally,
    login_by: Instant,
    idle: Duration,
    now: Instant,
    until: Instant,
}

/// What one command leaves for the next.
#[derive(Debug, Default)]
pub(super) struct Sticky {
    pub(super) rename: Option<VPath>,
    pub(super) restart: u64,
    pub(super) allocate: Option<u64>,
}

/// What is known of TLS.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tls {
    /// AUTH is there.
    pub(super) offered: bool,
    /// The control connection is under it.
    pub(super) on: bool,
    /// It was from the first byte.
    pub(super) implicit: bool,
    /// PBSZ was said.
    pub(super) pbsz: bool,
    /// PROT P holds.
    pub(super) private: bool,
}

/// How a session ends.
#[derive(Debug)]
enum Leaving {
    /// All is said.
    Silently,
    With(Reply),
}

/// What a peer may not do for ever.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) nonsense: u32,
    pub(super) overlong: u32,
    pub(super) failures: u32,
}

/// What an answer is to.
#[derive(Debug)]
pub(super) enum Asked {
    /// Something that is answered as it is.
    Reply,
    Host,
    Login,
    Enter(VPath),
    Find(VPath),
    Passive {
        extended: bool,
    },
    Begin,
    Progress,
    Abort,
    /// Something that is told, and not answered.
    Told,
}

impl Session {
    pub(super) fn new(now: Instant, limits: &Limits, options: Arc<Options>, tls: Tls, hosts: bool) -> Self {
        let welcome = Reply::new(220, &options.welcome);
        let mut this = Self {
            reader: CommandReader::new(limits.line.min(LINE)),
            out: VecDeque::new(),
            queue: VecDeque::new(),
            options,
            hosts,
            stage: Stage::Fresh,
            user: String::new(),
            cwd: VPath::ROOT,
            sticky: Sticky::default(),
            tls: Tls { private: tls.implicit, ..tls },
            ascii: true,
            facts: Facts::default(),
            algorithm: Algorithm::default(),
            epsv_all: false,
            asked: None,
            busy: false,
            leaving: None,
            counts: Counts::default(),
            tally: Tally::default(),
            login_by: now + limits.login,
            idle: limits.idle,
            now,
            until: now,
        };
        this.say(&welcome);
        this.awake(now);
        this
    }

    /// Whose commands are counted there.
    pub(super) fn counted(mut self, tally: Tally) -> Self {
        self.tally = tally;
        self
    }

    /// A command is heard that is known by this verb.
    pub(super) fn heard(&mut self, verb: &'static str) {
        self.tally.begins(verb, self.now);
    }

    pub(super) fn say(&mut self, reply: &Reply) {
        self.tally.said(reply.code(), self.now);
        let mut wire = BytesMut::with_capacity(64);
        reply.encode(&mut wire);
        self.out.push_back(Output::Send(wire.freeze()));
    }

    pub(super) fn reply(&mut self, code: u16, text: &str) {
        self.say(&Reply::new(code, text));
    }

    pub(super) fn ask(&mut self, asked: Asked, event: Event) {
        self.asked = Some(asked);
        self.out.push_back(Output::Event(event));
    }

    pub(super) fn start_tls(&mut self) {
        if !self.queue.is_empty() {
            // Somebody on the way may have put them behind AUTH.
            self.queue.clear();
            return self.hang_up();
        }
        self.reply(234, "begin TLS");
        self.out.push_back(Output::StartTls);
    }

    /// Says this, and ends the session when the transfer that runs has ended (RFC 959 §4.1.1).
    pub(super) fn part(&mut self, word: &Reply) {
        self.say(word);
        self.end(Leaving::Silently);
    }

    /// Ends the session when the transfer that runs has ended, with these words.
    pub(super) fn leave(&mut self, last: Reply) {
        self.end(Leaving::With(last));
    }

    fn end(&mut self, leaving: Leaving) {
        self.queue.clear();
        if self.busy {
            // Who has taken leave is not told anything else.
            self.leaving.get_or_insert(leaving);
            return;
        }
        if let Leaving::With(last) = self.leaving.take().unwrap_or(leaving) {
            self.say(&last);
        }
        self.out.push_back(Output::Close);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    pub(super) fn step(&mut self, step: Step) -> bool {
        match self.stage.after(step) {
            Some(stage) => self.stage = stage,
            None => return false,
        }
        true
    }

    /// Forgets whoever is logged in, and what was said since; this says so.
    pub(super) fn forget(&mut self, event: Event) {
        let was_ready = self.stage == Stage::Ready;
        self.step(Step::Forget);
        self.user = String::new();
        self.cwd = VPath::ROOT;
        self.sticky = Sticky::default();
        self.ascii = true;
        self.facts = Facts::default();
        self.algorithm = Algorithm::default();
        self.epsv_all = false;
        if was_ready {
            self.login_by = self.now + self.idle;
        }
        self.ask(Asked::Told, event);
    }

    /// The path that an argument says; `None` where it is none, which is then said.
    pub(super) fn path(&mut self, argument: &[u8]) -> Option<VPath> {
        let path = VPath::parse(argument, &self.cwd, DotDot::Clamp);
        match path {
            Ok(path) => Some(path),
            Err(error) => {
                self.say(&Reply::new(553, error.to_string()));
                None
            }
        }
    }

    /// The peer is there: it has until then for its next word.
    fn awake(&mut self, now: Instant) {
        self.now = now;
        self.until = match self.stage {
            _ if self.busy => now + TRANSFER,
            Stage::Ready => now + self.idle,
            _ => self.login_by.min(now + self.idle),
        };
    }

    fn login_answered(&mut self, answer: Answer) {
        match answer {
            Answer::Done => {
                self.step(Step::Accepted);
                self.reply(230, "logged in");
            }
            Answer::Say(reply) | Answer::Ended(reply) => {
                self.step(Step::Refused);
                self.counts.failures += u32::from(reply.code() == 530);
                match self.counts.failures < self.options.login_attempts {
                    true => self.say(&reply),
                    // It is the answer to PASS, whatever else is to be said.
                    false => self.part(&Reply::new(530, "login refused, as were those before: goodbye")),
                }
            }
            other => self.answered(other),
        }
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Done => self.reply(200, "done"),
            Answer::Say(reply) => self.say(&reply),
            Answer::Close(reply) => self.leave_now(reply),
            Answer::Opening(reply) => {
                self.busy = true;
                self.tally.runs();
                reply.iter().for_each(|reply| self.say(reply));
            }
            Answer::Over(opening, end) => {
                opening.iter().for_each(|reply| self.say(reply));
                self.ended(&end);
            }
            Answer::Ended(reply) => self.ended(&reply),
            Answer::Passive(_) => self.reply(425, "no data connection"),
        }
    }

    /// A transfer has ended, or never began.
    fn ended(&mut self, reply: &Reply) {
        self.busy = false;
        self.tally.ended(reply.code(), self.now);
        if self.stage != Stage::Ready {
            // Whoever began it has left since.
            self.login_by = self.login_by.max(self.now + self.idle);
        }
        self.say(reply);
        self.left_behind();
    }
}

impl Machine for Session {
    type Event = Event;
    type Answer = Answer;

    fn receive(&mut self, now: Instant, input: &mut BytesMut) {
        let Some(heard) = self.reader.next(input) else { return };
        self.now = now;
        match heard {
            Heard::Line(line) => self.line(&line),
            Heard::Bad(why) => self.bad_line(why),
            Heard::Refuse(octets) => self.out.push_back(Output::Send(octets.to_vec().into())),
            Heard::Record if self.tls.on => {}
            Heard::Record => {
                input.clear();
                self.mistaken("tls");
            }
        }
        self.awake(now);
    }

    fn finished(&mut self, _: Instant) {
        // RFC 959 §4.1.1, QUIT: the end of the control connection is that of the transfer too.
        self.out.push_back(Output::Close);
    }

    fn elapsed(&mut self, now: Instant) {
        if self.busy {
            return self.awake(now);
        }
        if self.stage == Stage::Ready || now < self.login_by {
            self.leave(Reply::new(421, "nothing said for too long"));
        } else {
            self.ask(Asked::Told, Event::Offence(Offence::GraceExceeded));
            self.leave(Reply::new(421, "no login in time"));
        }
    }

    fn answer(&mut self, now: Instant, answer: Answer) {
        self.now = now;
        match (self.asked.take(), answer) {
            (Some(Asked::Told), _) => {}
            (Some(Asked::Login), answer) => self.login_answered(answer),
            (Some(Asked::Host), Answer::Done) => self.reply(220, "host accepted"),
            (Some(Asked::Enter(path)), Answer::Done) => {
                self.cwd = path;
                self.reply(250, "directory changed");
            }
            (Some(Asked::Find(path)), Answer::Done) => {
                self.sticky.rename = Some(path);
                self.reply(350, "to what name?");
            }
            (Some(Asked::Passive { extended }), Answer::Passive(at)) => {
                let reply = commands::passive_reply(at, extended);
                self.say(&reply);
            }
            (Some(Asked::Abort), Answer::Done) => {
                if std::mem::take(&mut self.busy) {
                    self.tally.ended(426, now);
                    self.reply(426, "transfer aborted");
                }
                self.reply(226, "nothing runs any more");
                self.left_behind();
            }
            (Some(Asked::Abort), Answer::Ended(reply)) => {
                self.busy = false;
                self.tally.ended(reply.code(), now);
                self.say(&reply);
                self.reply(226, "the transfer had ended");
                self.left_behind();
            }
            (_, answer) => self.answered(answer),
        }
        self.awake(now);
    }

    fn tls_started(&mut self) {
        // RFC 4217 §4.2: everything said in the clear; but the host, which RFC 7151 §3.2.2 has before it.
        self.forget(Event::Logout);
        self.tls = Tls { on: true, pbsz: false, private: false, ..self.tls };
        self.queue.clear();
    }

    fn stop(&mut self) {
        self.leave(Reply::new(421, "the server stops"));
    }

    fn poll(&mut self) -> Output<Event> {
        loop {
            if let Some(out) = self.out.pop_front() {
                return out;
            }
            match self.queue.pop_front() {
                Some(command) if !self.busy => self.run(&command),
                Some(command) => {
                    self.queue.push_front(command);
                    break;
                }
                None => break,
            }
        }
        Output::Wait { until: self.until, read: self.leaving.is_none() }
    }
}

impl Session {
    /// Ends the session if only a transfer kept it.
    fn left_behind(&mut self) {
        if let Some(leaving) = self.leaving.take() {
            self.end(leaving);
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
pub(super) mod tests;
