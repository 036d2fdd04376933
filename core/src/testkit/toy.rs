//! Machines to try the tools on, whole and broken, and to try the bricks in.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::sansio::{Lines, Machine, Output};

pub(crate) const IDLE: Duration = Duration::from_secs(60);

/// What is wrong with a [`Toy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// Takes each chunk for a line.
    WantsWholeLines,
    /// Reads ahead into a buffer of its own.
    KeepsBuffer,
    /// Panics at an octet over 127.
    Panics,
    /// Never waits again after `spin`.
    Spins,
    /// Never waits again after `spin`, and says nothing.
    SpinsMute,
    /// Waits for the past, once that has come.
    WaitsForThePast,
}

/// A server: `ask X` asks the application, `hold` reads nothing until an answer comes, `starttls`, `quit`.
pub(crate) struct Toy {
    bug: Bug,
    lines: Lines,
    own: BytesMut,
    out: Vec<Output<String>>,
    hold: bool,
    spin: bool,
    closing: bool,
    until: Instant,
    pub(crate) received: usize,
}

impl Toy {
    pub(crate) fn with(bug: Bug) -> impl Fn(Instant) -> Self + Clone {
        move |now| Self {
            bug,
            lines: Lines::new(80),
            own: BytesMut::new(),
            out: vec![Output::Send("hello\r\n".into())],
            hold: false,
            spin: false,
            closing: false,
            until: now + IDLE,
            received: 0,
        }
    }

    pub(crate) fn new(now: Instant) -> Self {
        Self::with(Bug::None)(now)
    }

    fn say(&mut self, text: &str) {
        self.out.push(Output::Send(format!("{text}\r\n").into()));
    }

    fn command(&mut self, line: &Bytes) {
        let line = String::from_utf8_lossy(line).into_owned();
        match line.as_str() {
            "quit" => {
                self.say("bye");
                self.closing = true;
            }
            "starttls" => {
                self.say("go ahead");
                self.out.push(Output::StartTls);
            }
            "hold" => self.hold = true,
            "spin" => self.spin = true,
            ask if ask.starts_with("ask ") => self.out.push(Output::Event(ask[4..].to_owned())),
            other => self.say(&format!("? {other}")),
        }
    }
}

impl Machine for Toy {
    type Event = String;
    type Answer = String;

    fn receive(&mut self, now: Instant, input: &mut BytesMut) {
        self.until = now + IDLE;
        let before = input.len();
        if self.bug == Bug::Panics {
            assert!(input.iter().all(u8::is_ascii), "over 127");
        }
        if self.bug == Bug::WantsWholeLines {
            let line = input.split().freeze();
            return self.command(&line.slice(..line.len().saturating_sub(2)));
        }
        let next = if self.bug == Bug::KeepsBuffer {
            self.own.unsplit(input.split());
            self.lines.next(&mut self.own)
        } else {
            self.lines.next(input)
        };
        match next {
            Ok(Some(line)) => self.command(&line),
            Ok(None) => {}
            Err(error) => self.say(&error.to_string()),
        }
        self.received += before - input.len();
    }

    fn finished(&mut self, _: Instant) {
        self.closing = true;
    }

    fn elapsed(&mut self, _: Instant) {
        if self.bug != Bug::WaitsForThePast {
            self.say("timeout");
            self.closing = true;
        }
    }

    fn answer(&mut self, now: Instant, answer: String) {
        self.until = now + IDLE;
        self.hold = false;
        self.say(&answer);
    }

    fn tls_started(&mut self) {
        if self.bug == Bug::KeepsBuffer
            && let Ok(Some(line)) = self.lines.next(&mut self.own)
        {
            self.command(&line);
        }
    }

    fn stop(&mut self) {
        self.say("stopping");
        self.closing = true;
    }

    fn poll(&mut self) -> Output<String> {
        if !self.out.is_empty() {
            self.out.remove(0)
        } else if self.closing {
            Output::Close
        } else if self.spin && self.bug == Bug::Spins {
            Output::Send(Bytes::from_static(b"."))
        } else if self.spin && self.bug == Bug::SpinsMute {
            Output::Send(Bytes::new())
        } else {
            Output::Wait { until: self.until, read: !self.hold }
        }
    }
}

/// A machine that raises all that a brick finds.
pub(crate) struct Brick<F, T> {
    next: F,
    found: Option<T>,
    until: Instant,
    closing: bool,
}

impl<F: FnMut(&mut BytesMut) -> Option<T>, T> Brick<F, T> {
    pub(crate) fn new(now: Instant, next: F) -> Self {
        Self { next, found: None, until: now + IDLE, closing: false }
    }
}

impl<F: FnMut(&mut BytesMut) -> Option<T> + Send, T: Send> Machine for Brick<F, T> {
    type Event = T;
    type Answer = ();

    fn receive(&mut self, _: Instant, input: &mut BytesMut) {
        self.found = (self.next)(input);
    }

    fn finished(&mut self, _: Instant) {
        self.closing = true;
    }

    fn elapsed(&mut self, _: Instant) {
        self.closing = true;
    }

    fn answer(&mut self, _: Instant, (): ()) {}

    fn poll(&mut self) -> Output<T> {
        match self.found.take() {
            Some(found) => Output::Event(found),
            None if self.closing => Output::Close,
            None => Output::Wait { until: self.until, read: true },
        }
    }
}

/// The input, cut at these places.
pub(crate) fn cut<'a>(input: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place.min(&input.len()).to_owned()).collect();
    places.extend([0, input.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}
