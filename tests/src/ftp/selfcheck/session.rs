//! The control connection of the reference server.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::data::{Transfer, Way, Work, tls};
use super::fault::Fault;
use super::lists::FACTS;
use super::tree::Tree;
use crate::Io;
use crate::ftp::fixture::{PASSWORD, USER};

/// The longest line that is taken.
const LINE: usize = 4096;

pub(super) struct Session {
    pub(super) io: Box<dyn Io>,
    buffer: BytesMut,
    pub(super) tree: Tree,
    pub(super) fault: Option<Fault>,
    user: Option<Vec<u8>>,
    pub(super) logged: bool,
    bad: usize,
    pub(super) ascii: bool,
    pub(super) cwd: Vec<u8>,
    pub(super) rnfr: Option<Vec<u8>>,
    pub(super) rest: usize,
    pub(super) way: Way,
    pub(super) all: bool,
    pub(super) secure: bool,
    pub(super) pbsz: bool,
    pub(super) private: bool,
    pub(super) facts: Vec<&'static str>,
    waiting: VecDeque<Vec<u8>>,
    pub(super) done: bool,
}

/// Serves one connection to its end.
pub(super) async fn serve(io: Box<dyn Io>, tree: Tree, fault: Option<Fault>) {
    let mut session = Session {
        io,
        buffer: BytesMut::new(),
        tree,
        fault,
        user: None,
        logged: fault == Some(Fault::NoLogin),
        bad: 0,
        ascii: fault != Some(Fault::ImageAtFirst),
        cwd: Vec::new(),
        rnfr: None,
        rest: 0,
        way: Way::None,
        all: false,
        secure: false,
        pbsz: false,
        private: false,
        facts: FACTS.to_vec(),
        waiting: VecDeque::new(),
        done: false,
    };
    if fault != Some(Fault::NoGreeting) {
        session.say("220 ready").await;
    }
    if fault == Some(Fault::Unasked) {
        session.say("200 by the way").await;
    }
    while !session.done {
        let Some(line) = session.next().await else { return };
        session.obey(&line).await;
    }
    let _closed = session.io.shutdown().await;
}

/// A line without its Telnet commands, and what they are refused by: RFC 1123 §4.1.
fn telnet(line: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut text, mut refusals) = (Vec::new(), Vec::new());
    let mut octets = line.iter().copied();
    while let Some(octet) = octets.next() {
        match octet {
            0xff => match octets.next() {
                Some(0xff) => text.push(0xff),
                Some(0xfb) => refusals.extend([0xff, 0xfe, octets.next().unwrap_or_default()]),
                Some(0xfd) => refusals.extend([0xff, 0xfc, octets.next().unwrap_or_default()]),
                _ => {}
            },
            octet => text.push(octet),
        }
    }
    (text, refusals)
}

impl Session {
    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) async fn say(&mut self, reply: &str) {
        self.send(reply.as_bytes()).await;
    }

    pub(super) async fn send(&mut self, reply: &[u8]) {
        let end: &[u8] = if self.is(Fault::BareLf) { b"\n" } else { b"\r\n" };
        // A client that is gone is noticed where it is read from.
        let _unsent = self.io.write_all(&[reply, end].concat()).await;
        let _unsent = self.io.flush().await;
    }

    /// A reply of several lines.
    pub(super) async fn say_lines(&mut self, code: u16, lines: &[String]) {
        let mut reply = format!("{code}-so it is\r\n");
        for line in lines {
            reply += &format!(" {line}\r\n");
        }
        let end = if self.is(Fault::EndUncoded) { "end".into() } else { format!("{code} end") };
        self.say(&(reply + &end)).await;
    }

    /// The next line, without its end: one that waits, or one that comes.
    async fn next(&mut self) -> Option<Vec<u8>> {
        match self.waiting.pop_front() {
            Some(line) => Some(line),
            None => self.line().await,
        }
    }

    /// The next line that comes. Nothing is lost where this is dropped.
    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            let ends = |two: &[u8]| two == b"\r\n" || (two == b"\r\0" && self.is(Fault::CrNulEnds));
            if let Some(end) = self.buffer.windows(2).position(ends) {
                let line = self.buffer.split_to(end + 2);
                if self.is(Fault::OneCommandEach) {
                    self.buffer.clear();
                }
                let line = line.get(..end).unwrap_or_default();
                if self.is(Fault::TelnetIsText) {
                    return Some(line.to_vec());
                }
                let (line, refusals) = telnet(line);
                let _unsent = self.io.write_all(&refusals).await;
                return Some(line);
            }
            if self.buffer.len() > LINE {
                self.say("421 that line is too long").await;
                return None;
            }
            if self.io.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Runs a transfer. ABOR, STAT and what waits for the end come meanwhile.
    pub(super) async fn transfer(&mut self, work: Work, say: &str) -> Option<Vec<u8>> {
        let early = self.is(Fault::EndEarly);
        self.say(say).await;
        if early {
            self.say("226 done").await;
        }
        let way = std::mem::replace(&mut self.way, Way::None);
        let private =
            (self.private && !self.is(Fault::ProtIgnored)) || (self.is(Fault::AlwaysPrivate) && self.secure);
        let mut running = Box::pin(Transfer { way, private, fault: self.fault }.run(work));
        loop {
            tokio::select! {
                biased;
                came = &mut running => {
                    if let Err(code) = came {
                        self.say(&format!("{code} the data connection failed")).await;
                    }
                    return came.ok();
                }
                line = self.line() => match line?.as_slice() {
                    b"ABOR" if !self.is(Fault::NoAbor) => {
                        drop(running);
                        self.say("426 aborted").await;
                        self.say("226 abort done").await;
                        return None;
                    }
                    b"STAT" => self.say_lines(211, &["sending".into()]).await,
                    line => self.waiting.push_back(line.to_vec()),
                },
            }
        }
    }

    pub(super) async fn ended(&mut self) {
        if !self.is(Fault::EndEarly) && !self.is(Fault::EndUnsaid) {
            self.say("226 done").await;
        }
    }

    pub(super) async fn user(&mut self, name: &[u8]) {
        if name.is_empty() {
            return self.say("501 who?").await;
        }
        self.logged = self.logged && (self.is(Fault::UserKeepsLogin) || self.is(Fault::NoLogin));
        self.user = Some(name.to_vec());
        if self.is(Fault::TellsNames) && name != USER.as_bytes() {
            return self.say("530 nobody has that name").await;
        }
        self.say("331 and the password?").await;
    }

    pub(super) async fn pass(&mut self, password: &[u8]) {
        let Some(user) = self.user.take().or_else(|| self.is(Fault::PassAlone).then(|| USER.into())) else {
            return self.say("503 USER first").await;
        };
        if user == USER.as_bytes() && (password == PASSWORD.as_bytes() || self.is(Fault::AnyPassword)) {
            self.logged = true;
            return self.say("230 welcome").await;
        }
        self.bad += 1;
        if self.bad > 2 && !self.is(Fault::ManyGuesses) {
            self.done = true;
            return self.say("421 enough").await;
        }
        self.say("530 no").await;
    }

    pub(super) async fn rein(&mut self) {
        self.logged = self.logged && self.is(Fault::ReinKeepsLogin);
        self.ascii = !self.is(Fault::ReinKeepsType);
        self.cwd.clear();
        self.say("220 who is next?").await;
    }

    pub(super) async fn auth(&mut self, mechanism: &str) {
        let known = mechanism == "TLS" || mechanism == "TLS-C" || self.is(Fault::AuthAny);
        let known = known || (mechanism.eq_ignore_ascii_case("TLS") && !self.is(Fault::AuthUpper));
        if !known {
            return self.say(if mechanism.is_empty() { "501 what?" } else { "504 no such mechanism" }).await;
        }
        self.say("234 go on").await;
        if !self.is(Fault::Injectable) {
            self.buffer.clear();
        }
        let (placeholder, _) = tokio::io::duplex(1);
        let io = std::mem::replace(&mut self.io, Box::new(placeholder));
        match tls() {
            Some(tls) => match tls.accept(io).await {
                Ok(stream) => self.io = Box::new(stream),
                Err(_) => return self.done = true,
            },
            None => return self.done = true,
        }
        self.secure = true;
        if !self.is(Fault::AuthKeeps) {
            (self.user, self.logged, self.ascii, self.rest) = (None, false, true, 0);
            self.cwd.clear();
        }
    }

    /// A data connection to this address, where that is allowed.
    pub(super) async fn port(&mut self, address: Option<SocketAddr>) {
        let Some(address) = address else { return self.say("501 no address").await };
        let own = address.ip().is_loopback() && address.ip().to_string() == "127.0.0.1";
        if !own && !self.is(Fault::Bounces) || address.port() < 1024 && !self.is(Fault::LowPorts) {
            return self.say("501 not there").await;
        }
        self.way = Way::Active(address);
        self.say("200 there").await;
    }
}
