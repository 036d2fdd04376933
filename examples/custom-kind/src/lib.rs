//! A dictionary: the client sends a word, the server answers with what it means. CONTRIBUTING.md builds this
//! crate step by step.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use ropewalk_core::app::{BoxService, Context, Protocol, Service as _, drive};
use ropewalk_core::config::{Kind, Resources, Section};
use ropewalk_core::net::Connection;
use ropewalk_core::sansio::{Lines, Machine, Output, Respond};
use ropewalk_core::{Limits, Result};

/// The server's side of one conversation.
#[derive(Debug)]
pub struct Session {
    lines: Lines,
    out: VecDeque<Output<String>>,
    idle: Duration,
    until: Instant,
}

impl Session {
    /// A conversation that begins now.
    pub fn new(now: Instant, limits: &Limits) -> Self {
        let lines = Lines::new(limits.line);
        Self { lines, out: VecDeque::new(), idle: limits.idle, until: now + limits.idle }
    }

    fn command(&mut self, line: &[u8]) {
        match line {
            b"" => self.say("? send a word, or quit"),
            b"quit" => self.leave("bye"),
            word => self.out.push_back(Output::Event(String::from_utf8_lossy(word).into_owned())),
        }
    }

    fn say(&mut self, text: &str) {
        self.out.push_back(Output::Send([text, "\r\n"].concat().into()));
    }

    fn leave(&mut self, text: &str) {
        self.say(text);
        self.out.push_back(Output::Close);
    }
}

impl Machine for Session {
    /// A word to look up.
    type Event = String;
    /// What it means, if it is known.
    type Answer = Option<String>;

    fn receive(&mut self, now: Instant, input: &mut BytesMut) {
        match self.lines.next(input) {
            Ok(None) => return,
            Ok(Some(line)) => self.command(&line),
            Err(error) => self.leave(&format!("? {error}")),
        }
        self.until = now + self.idle;
    }

    fn finished(&mut self, _: Instant) {
        self.out.push_back(Output::Close);
    }

    fn elapsed(&mut self, _: Instant) {
        self.leave("? nothing said for too long");
    }

    fn answer(&mut self, _: Instant, meaning: Option<String>) {
        self.say(meaning.as_deref().unwrap_or("? no such word"));
    }

    fn stop(&mut self) {
        self.leave("? the server stops");
    }

    fn poll(&mut self) -> Output<String> {
        self.out.pop_front().unwrap_or(Output::Wait { until: self.until, read: true })
    }
}

/// The dictionary that all conversations share, as a protocol.
#[derive(Clone, Debug, Default)]
pub struct Dictionary(HashMap<String, String>);

impl Dictionary {
    /// With this word.
    #[must_use]
    pub fn with(mut self, word: &str, meaning: &str) -> Self {
        self.0.insert(word.into(), meaning.into());
        self
    }
}

impl Protocol for Dictionary {
    async fn serve(&self, conn: Connection, cx: Context) -> Result<()> {
        let mut session = Session::new(Instant::now(), cx.limits());
        drive(conn, &mut session, &mut Reader(self), &cx).await
    }
}

/// Answers the events of one conversation.
struct Reader<'a>(&'a Dictionary);

impl Respond<Session> for Reader<'_> {
    async fn handle(&mut self, word: String) -> Result<Option<String>> {
        Ok(self.0.0.get(&word).cloned())
    }
}

/// The kind `dictionary`.
pub const KIND: Kind = Kind {
    name: "dictionary",
    summary: "Explains words, one a line.",
    example: "listen = [\"tcp:2628:interface=localhost\"]\nwords = [\"strand=yarns laid together\"]",
    build,
};

fn build(section: &mut Section<'_>, resources: &Resources) -> Option<BoxService> {
    let words: Vec<String> = section.key("words", "What is known, as `word=meaning`.").or(Vec::new());
    let mut dictionary = Dictionary::default();
    for entry in &words {
        match entry.split_once('=') {
            Some((word, meaning)) => dictionary = dictionary.with(word, meaning),
            None => section.error_in("words", format!("{entry:?} is not `word=meaning`")),
        }
    }
    let server = section.server("dictionary", &[], Some(dictionary), resources)?;
    Some(server.client_first().boxed())
}

#[cfg(test)]
mod tests;
