use std::net::IpAddr;
use std::time::Duration;

use bytes::BytesMut;
use ropewalk_core::net::{Connection, Handshake};
use ropewalk_core::sansio::{Machine as _, Output, Reply};
use ropewalk_core::tls::{ClientTls, ServerName};
use ropewalk_core::{Error as Cause, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use super::session::{Answer, Event, Session};
use crate::wire::Command;

/// TLS, and the name that the server's certificate must be for.
pub(super) type Trust = (ClientTls, ServerName);

/// A control connection with the machine that speaks on it. It moves only while it is asked something.
pub(super) struct Control {
    /// `None` after a handshake that failed.
    conn: Option<Connection>,
    session: Session,
    input: BytesMut,
    limit: Duration,
    trust: Option<Trust>,
    handshake: Duration,
}

impl Control {
    pub(super) fn new(conn: Connection, reply: Duration, handshake: Duration) -> Self {
        let session = Session::new(now(), reply);
        Self { conn: Some(conn), session, input: BytesMut::new(), limit: reply, trust: None, handshake }
    }

    /// The connection, for what is known of it.
    pub(super) fn conn(&self) -> Option<&Connection> {
        self.conn.as_ref()
    }

    /// The server's address, where it has one, and ours.
    pub(super) fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        let info = self.conn.as_ref()?.info();
        info.peer.ip().zip(info.local.ip())
    }

    /// Says this, and gives the first reply to it.
    pub(super) async fn say(&mut self, command: Command) -> Result<Reply> {
        self.offer().await?;
        self.session.answer(now(), Answer::Say(command));
        self.heard().await
    }

    /// Says this while another reply is due, and gives what comes first.
    pub(super) async fn interrupt(&mut self, command: Command) -> Result<Reply> {
        self.session.answer(now(), Answer::Say(command));
        self.heard().await
    }

    /// The reply that is still due.
    pub(super) async fn reply(&mut self) -> Result<Reply> {
        self.session.answer(now(), Answer::Await);
        self.heard().await
    }

    /// The reply that may still come, if it comes soon.
    pub(super) async fn reply_within(&mut self, time: Duration) -> Result<Option<Reply>> {
        match timeout(time, self.reply()).await {
            Ok(reply) => reply.map(Some),
            Err(_) => {
                self.session.answer(now(), Answer::Forget);
                Ok(None)
            }
        }
    }

    /// Asks for TLS and begins it; the reply where the server says no.
    pub(super) async fn secure(&mut self, trust: Trust) -> Result<Option<Reply>> {
        self.trust = Some(trust);
        self.offer().await?;
        self.session.answer(now(), Answer::Secure);
        match self.turn().await? {
            Event::Secured => Ok(None),
            Event::Reply(reply) => Ok(Some(reply)),
        }
    }

    async fn heard(&mut self) -> Result<Reply> {
        match self.turn().await? {
            Event::Reply(reply) => Ok(reply),
            Event::Secured => Err(Cause::local("TLS that nobody asked for")),
        }
    }

    /// What came unasked is seen before anything else is said, lest it be taken for the answer.
    async fn offer(&mut self) -> Result<()> {
        let conn = self.conn.as_mut().ok_or_else(closed)?;
        tokio::select! {
            biased;
            read = conn.read_buf(&mut self.input) => match read {
                Ok(0) => self.session.finished(now()),
                Ok(_) => {}
                Err(error) => return Err(Cause::from(error).during("the control connection failed")),
            },
            () = std::future::ready(()) => {}
        }
        if !self.input.is_empty() {
            self.session.receive(now(), &mut self.input);
        }
        match self.session.poll() {
            Output::Close => Err(self.session.failure()),
            _ if self.input.is_empty() => Ok(()),
            _ => Err(Cause::peer("the server says what nobody asked for")),
        }
    }

    /// Does what the machine wants until it has something to tell.
    async fn turn(&mut self) -> Result<Event> {
        loop {
            match self.session.poll() {
                Output::Send(line) => self.send(&line).await?,
                Output::Event(event) => {
                    self.session.answer(now(), Answer::Noted);
                    return Ok(event);
                }
                Output::StartTls => {
                    self.start_tls().await?;
                    self.session.tls_started();
                }
                Output::Wait { until, .. } => {
                    let before = self.input.len();
                    if before > 0 {
                        self.session.receive(now(), &mut self.input);
                    }
                    if self.input.len() == before {
                        self.read(until.into()).await?;
                    }
                }
                Output::Close => return Err(self.session.failure()),
                _ => return Err(Cause::local("the machine wants what nobody knows")),
            }
        }
    }

    async fn read(&mut self, until: Instant) -> Result<()> {
        let conn = self.conn.as_mut().ok_or_else(closed)?;
        match timeout_at(until, conn.read_buf(&mut self.input)).await {
            Ok(Ok(0)) => self.session.finished(now()),
            Ok(Ok(_)) => self.session.receive(now(), &mut self.input),
            Ok(Err(error)) => return Err(Cause::from(error).during("the control connection failed")),
            Err(_) => self.session.elapsed(now()),
        }
        Ok(())
    }

    async fn send(&mut self, line: &[u8]) -> Result<()> {
        let conn = self.conn.as_mut().ok_or_else(closed)?;
        let sent = async {
            conn.write_all(line).await?;
            conn.flush().await
        };
        match timeout(self.limit, sent).await {
            Ok(sent) => sent.map_err(|error| Cause::from(error).during("the control connection failed")),
            Err(_) => Err(Cause::limit("write", "the server takes no commands")),
        }
    }

    /// What stands behind the 234 came in the clear, from whoever is on the way (RFC 3207 §6 has it of SMTP): it ends all.
    async fn start_tls(&mut self) -> Result<()> {
        if !self.input.is_empty() {
            return Err(Cause::peer("plaintext behind the answer to AUTH TLS"));
        }
        let (tls, name) = self.trust.as_ref().ok_or_else(|| Cause::local("no TLS is set up"))?;
        let conn = self.conn.take().ok_or_else(closed)?;
        self.conn = Some(conn.connect_tls(tls, name, handshake(self.handshake)).await?);
        Ok(())
    }
}

fn closed() -> Cause {
    Cause::peer("the control connection is closed")
}

pub(super) fn handshake(deadline: Duration) -> Handshake {
    let mut how = Handshake::default();
    how.deadline = deadline;
    how
}

/// The runtime's clock, which tests can set.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
