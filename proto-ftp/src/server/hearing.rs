//! What a session makes of the lines that it hears, before a command is one.

use ropewalk_core::app::Offence;
use ropewalk_core::sansio::Output;

use super::commands::{self, Argument, Who};
use super::event::Event;
use super::session::{Asked, Session, Sticky};
use crate::state::Stage;
use crate::wire::{BadLine, Command, Reply};

/// Commands that wait for a transfer to end, and their octets.
const QUEUE: usize = 16;
const QUEUED: usize = 8 * 1024;
/// Lines that are no command, after which we hang up.
const NONSENSE: u32 = 10;
/// Lines that are too long, after which we hang up.
const OVERLONG: u32 = 2;

/// What is no command of ours, as it is counted.
const OTHER: &str = "other";

impl Session {
    pub(super) fn run(&mut self, command: &Command) {
        let Some(spec) = commands::find(command.verb()) else { return self.unknown() };
        self.heard(spec.verb);
        if spec.keeps {
            self.sticky.rename = None;
        } else {
            // What a command leaves for the next is gone with any other.
            let sticky = std::mem::take(&mut self.sticky);
            if spec.takes {
                self.sticky = sticky;
            }
        }
        let argument = command.argument().filter(|argument| !argument.is_empty());
        let (argument, fits) = match (spec.argument, argument) {
            (Argument::No, Some(_)) | (Argument::Must, None) => (&b""[..], false),
            (_, argument) => (argument.unwrap_or_default(), true),
        };
        if spec.who == Who::User && self.stage != Stage::Ready {
            self.reply(530, "log in first");
        } else if fits {
            (spec.run)(self, argument);
        } else {
            self.reply(501, &format!("syntax: {} {}", spec.verb, spec.usage));
        }
        if spec.takes {
            self.sticky = Sticky::default();
        }
    }

    fn unknown(&mut self) {
        self.sticky = Sticky::default();
        self.nonsense(500, "unknown command");
    }

    fn nonsense(&mut self, code: u16, text: &str) {
        self.heard(OTHER);
        self.counts.nonsense += 1;
        match self.counts.nonsense {
            NONSENSE.. => self.leave_now(Reply::new(421, "too many lines that are no commands")),
            _ => self.reply(code, text),
        }
    }

    /// Without a word, of a peer that does what no client does.
    pub(super) fn hang_up(&mut self) {
        self.ask(Asked::Told, Event::Offence(Offence::Garbage));
        self.out.push_back(Output::Close);
    }

    /// Without a word, of a peer that speaks another protocol. Any page can make the browser of whoever reads it do that:
    /// it is to hear nothing, and does not count against the reader.
    pub(super) fn mistaken(&mut self, protocol: &str) {
        tracing::info!(protocol, "speaks another protocol: closed");
        self.out.push_back(Output::Close);
    }

    /// Whether a transfer runs or not.
    pub(super) fn leave_now(&mut self, last: Reply) {
        self.busy = false;
        self.leave(last);
    }

    pub(super) fn bad_line(&mut self, why: BadLine) {
        self.sticky = Sticky::default();
        match why {
            BadLine::TooLong => {
                self.heard(OTHER);
                self.counts.overlong += 1;
                match self.counts.overlong {
                    OVERLONG.. => self.leave_now(Reply::new(421, "lines too long")),
                    _ => self.reply(500, "line too long"),
                }
            }
            _ => self.nonsense(501, &why.to_string()),
        }
    }

    pub(super) fn line(&mut self, line: &[u8]) {
        if is_http(line) {
            return self.mistaken("http");
        }
        let Some(command) = Command::parse(line) else { return self.nonsense(500, "no command") };
        tracing::trace!(?command, "heard");
        let at_once = match command.verb() {
            "ABOR" | "NOOP" | "QUIT" => true,
            "STAT" => command.argument().is_none(),
            // RFC 959 §4.1.1: what runs is completed for whoever began it.
            "USER" | "REIN" => self.queue.is_empty(),
            // TLS begins when nothing runs.
            "AUTH" => false,
            _ => self.stage != Stage::Ready && self.queue.is_empty(),
        };
        if !self.busy || at_once {
            self.run(&command);
        } else if self.queue.len() < QUEUE && self.queued() + line.len() <= QUEUED {
            self.queue.push_back(command);
        } else {
            self.leave_now(Reply::new(421, "too many commands during a transfer"));
        }
    }

    fn queued(&self) -> usize {
        self.queue.iter().map(|command| command.argument().map_or(0, <[u8]>::len)).sum()
    }
}

/// Whether a browser says this: a request line, or the field that each request has.
fn is_http(line: &[u8]) -> bool {
    let word = line.split(|octet| *octet == b' ').next().unwrap_or_default();
    let is = |other: &str| word.eq_ignore_ascii_case(other.as_bytes());
    ["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "PRI"].into_iter().any(is)
        || line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"host:"))
        || line.ends_with(b" HTTP/1.1")
        || line.ends_with(b" HTTP/1.0")
}

#[cfg(test)]
#[path = "hearing_tests.rs"]
mod tests;
