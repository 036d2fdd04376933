//! DNS over QUIC (RFC 9250): each question on a stream of its own.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use ropewalk_core::net::{Quic, QuicOptions, QuicStream};
use ropewalk_core::tls::{ClientTls, ServerName};
use ropewalk_core::{Error, Result};
use tokio::time::{Instant, timeout};

use super::sent::Sending;
use super::{Client, Reply};
use crate::server::Transport;
use crate::server::quic::code;

/// How long a connection is kept that nobody uses: less than servers do.
const KEEP: Duration = Duration::from_secs(8);
/// Octets that are read at once, and that may wait to be read: a zone comes quicker than one answer.
const READ: usize = 64 * 1024;
const WINDOW: u32 = 1 << 20;
/// How long it may take to tell the server that nothing more is asked.
const LEAVE: Duration = Duration::from_millis(50);

/// A connection that is kept, and when it was used last.
pub(super) type Kept = Option<(Arc<Quic>, Instant)>;

/// A question, and its replies one after the other.
pub(super) struct Line {
    session: Arc<Quic>,
    stream: QuicStream,
    input: BytesMut,
}

impl Client {
    /// Asks on a stream of the connection that was kept, or of a new one. The caller bounds its time.
    pub(super) async fn over_quic(
        &self,
        what: Sending<'_>,
        (tls, name): (&ClientTls, &ServerName),
    ) -> Result<Reply> {
        let mut message = Vec::new();
        let what = match what {
            Sending::Ask(_) => what,
            Sending::Message(made) => {
                // RFC 9250 §4.2.1.
                message.extend_from_slice(made);
                message.iter_mut().take(2).for_each(|octet| *octet = 0);
                Sending::Message(&message)
            }
        };
        let sent = self.message(what, 0, true)?;
        let (octets, line) = match self.kept_session() {
            Some(session) => match exchange(session, &sent.octets).await {
                Ok(done) => done,
                // The server may have closed it.
                Err(_) => exchange(self.session(tls, name).await?, &sent.octets).await?,
            },
            None => exchange(self.session(tls, name).await?, &sent.octets).await?,
        };
        sent.reply(&octets, Transport::Quic).inspect_err(|error| line.break_off(error))
    }

    /// Sends a question on a stream of a connection of its own.
    pub(super) async fn quic_line(&self, octets: &[u8], tls: &ClientTls, name: &ServerName) -> Result<Line> {
        Line::new(self.session(tls, name).await?, octets).await
    }

    /// Closes the connection that is kept.
    pub(super) async fn leave_quic(&self) {
        let Some((session, _)) = self.lock().take() else { return };
        session.close(code::NO_ERROR, "");
        // It is forgotten there by and by, if it does not hear of it.
        let _ = timeout(LEAVE, session.settle()).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_session(&self) -> Option<Arc<Quic>> {
        let mut kept = self.lock();
        let (session, used) = kept.as_mut()?;
        if session.is_closed() || used.elapsed() >= KEEP {
            *kept = None;
            return None;
        }
        *used = Instant::now();
        Some(Arc::clone(session))
    }

    /// A new connection, which is kept.
    async fn session(&self, tls: &ClientTls, name: &ServerName) -> Result<Arc<Quic>> {
        let mut options = QuicOptions::default();
        // RFC 9250 §4.3.3: a server opens no streams. §5.4: padding.
        (options.streams, options.window, options.padded) = (0, WINDOW, true);
        let session = Arc::new(Quic::connect(self.server, tls, name, options).await?);
        *self.lock() = Some((Arc::clone(&session), Instant::now()));
        Ok(session)
    }
}

/// Sends a message, and reads the one that replies to it.
async fn exchange(session: Arc<Quic>, message: &[u8]) -> Result<(Vec<u8>, Line)> {
    let mut line = Line::new(session, message).await?;
    let octets = line.receive().await?;
    line.end().await?;
    Ok((octets, line))
}

impl Line {
    async fn new(session: Arc<Quic>, message: &[u8]) -> Result<Self> {
        let length =
            u16::try_from(message.len()).map_err(|_| Error::local("a message of more than 65535 octets"))?;
        let mut stream = session.open().await?.dropped_with(code::REQUEST_CANCELLED);
        stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
        stream.finish();
        Ok(Self { session, stream, input: BytesMut::new() })
    }

    /// The next message.
    pub(super) async fn receive(&mut self) -> Result<Vec<u8>> {
        loop {
            let length = self.input.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)));
            if let Some(length) = length.filter(|length| self.input.len() >= length + 2) {
                self.input.advance(2);
                return Ok(self.input.split_to(length).to_vec());
            }
            match self.stream.read(READ).await? {
                Some(octets) => self.input.extend_from_slice(&octets),
                None => return Err(self.wrong("the server ends the stream instead of an answer")),
            }
        }
    }

    /// Waits for the end of the stream, after the last message.
    pub(super) async fn end(&mut self) -> Result<()> {
        if self.input.is_empty() && self.stream.read(READ).await?.is_none() {
            return Ok(());
        }
        Err(self.wrong("the server says more than was asked for"))
    }

    fn wrong(&self, why: &'static str) -> Error {
        let error = Error::peer(why);
        self.break_off(&error);
        error
    }

    /// What no server may do ends the connection (RFC 9250 §4.3.3).
    fn break_off(&self, error: &Error) {
        self.session.close(code::PROTOCOL_ERROR, &error.to_string());
    }
}

#[cfg(test)]
#[path = "quic_tests.rs"]
mod tests;
