use std::future::pending;
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::Context;
use crate::net::{Connection, Handshake};
use crate::sansio::{Inbox, Machine, Output, Respond};
use crate::tls::{ClientTls, ServerName, ServerTls, TlsInfo};
use crate::{Error, Result};

/// Octets of one read.
const READ: usize = 8 * 1024;
/// Octets that are gathered before they are written though the machine has more to say.
const GATHER: usize = 64 * 1024;
/// Time and octets that a peer has to notice that we closed.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_OCTETS: u64 = 1024 * 1024;

/// Joins a machine and those who answer it to a connection, until either closes. It is
/// [`Drive::run`] with nothing set: for machines that do not ask for TLS.
///
/// # Errors
/// As [`Drive::run`].
pub async fn drive<M: Machine>(
    conn: Connection,
    machine: &mut M,
    respond: &mut impl Respond<M>,
    cx: &Context,
) -> Result<()> {
    Drive::default().run(conn, machine, respond, cx).await
}

/// How a machine is joined to a connection.
#[derive(Clone, Debug, Default)]
pub struct Drive {
    tls: Option<Tls>,
    agreed: Option<Arc<OnceLock<TlsInfo>>>,
    buffer: Option<usize>,
}

#[derive(Clone, Debug)]
enum Tls {
    Accept(ServerTls),
    Connect(ClientTls, ServerName),
}

impl Drive {
    /// Answers [`Output::StartTls`] with the server's side of a handshake.
    #[must_use]
    pub fn accept_tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(Tls::Accept(tls));
        self
    }

    /// Answers [`Output::StartTls`] with the client's side of a handshake, with the server called `name`.
    #[must_use]
    pub fn connect_tls(mut self, tls: ClientTls, name: ServerName) -> Self {
        self.tls = Some(Tls::Connect(tls, name));
        self
    }

    /// Puts what a handshake agreed on there, before [`Machine::tls_started`]: for whoever answers the machine.
    #[must_use]
    pub fn tell_tls(mut self, agreed: Arc<OnceLock<TlsInfo>>) -> Self {
        self.agreed = Some(agreed);
        self
    }

    /// Holds at most this many octets that the machine has not taken; by default the limit of a line and one
    /// read of 8 KiB more. The machine must be able to use the start of any input this long.
    #[must_use]
    pub fn buffer(mut self, octets: usize) -> Self {
        self.buffer = Some(octets);
        self
    }

    /// Serves the connection until the machine closes it, the peer goes away, or the context ends.
    ///
    /// Reads only when the machine asks for bytes and has no use for those that are there, so that a peer that sends ahead
    /// is held back by its own network. What is sent is gathered and written before an event or a wait,
    /// under the [write limit](crate::Limits::write). Events are answered one at a time; `respond` is
    /// dropped in the middle of one only with this future, or when [`Context::ended`] says so. When the context is
    /// [stopping](Context::stopping) the machine is told once, and closes when it is done. After a close the
    /// peer has two seconds to read what was sent last, lest a reset overtake it.
    ///
    /// `Ok` means that the machine closed or the context ended. Machine and responder are lent, so that a client can
    /// look at them afterwards.
    ///
    /// # Errors
    /// [`Fault::Peer`](crate::Fault::Peer): the peer went away, or sent plaintext ahead of TLS. `Limit`: it took or sent no bytes for
    /// too long, or filled the buffer with nothing of use. `Local`: TLS was asked for and none was given. Or whatever `respond` says.
    pub async fn run<M: Machine>(
        self,
        conn: Connection,
        machine: &mut M,
        respond: &mut impl Respond<M>,
        cx: &Context,
    ) -> Result<()> {
        let buffer = self.buffer.unwrap_or_else(|| cx.limits().line + READ);
        let line = Line { conn, out: BytesMut::new(), inbox: Inbox::default(), buffer, cx };
        tokio::select! {
            biased;
            () = cx.ended() => Ok(()),
            done = line.run(self, machine, respond) => done,
        }
    }
}

/// A connection with what was read from it and what is to be written.
struct Line<'a> {
    conn: Connection,
    out: BytesMut,
    inbox: Inbox,
    buffer: usize,
    cx: &'a Context,
}

/// What ended a wait.
enum Woken<A> {
    Answer(A),
    Elapsed,
    Read(usize),
    Stopping,
}

impl Line<'_> {
    async fn run<M: Machine>(
        mut self,
        drive: Drive,
        machine: &mut M,
        respond: &mut impl Respond<M>,
    ) -> Result<()> {
        let cx = self.cx;
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut stopping = pin!(cx.stopping());
        let mut stopped = false;
        loop {
            // A machine that never waits still leaves the thread to others.
            consume_budget().await;
            match machine.poll() {
                Output::Send(bytes) => self.send(&bytes).await?,
                Output::Event(event) => {
                    self.flush().await?;
                    let answer = respond.handle(event).await?;
                    machine.answer(now(), answer);
                    self.inbox.changed();
                }
                Output::StartTls => {
                    self = self.start_tls(drive.tls.as_ref()).await?;
                    if let (Some(agreed), Some(tls)) = (&drive.agreed, &self.conn.info().tls) {
                        // A connection has one handshake.
                        agreed.get_or_init(|| tls.clone());
                    }
                    machine.tls_started();
                }
                Output::Wait { read: true, .. } if self.inbox.offer(machine, now()) => {}
                Output::Wait { until, read } => {
                    self.flush().await?;
                    let read = read && !self.inbox.is_finished();
                    let stop = (!stopped).then_some(stopping.as_mut());
                    match self.wait(timer.as_mut(), until.into(), read, stop, respond).await? {
                        Woken::Answer(answer) => machine.answer(now(), answer),
                        Woken::Elapsed => machine.elapsed(now()),
                        Woken::Read(0) => self.inbox.finish(machine, now()),
                        Woken::Read(_) => {}
                        Woken::Stopping => {
                            stopped = true;
                            machine.stop();
                        }
                    }
                    self.inbox.changed();
                }
                Output::Close => return self.close().await,
            }
        }
    }

    async fn wait<M: Machine>(
        &mut self,
        mut timer: Pin<&mut Sleep>,
        until: Instant,
        read: bool,
        stopping: Option<Pin<&mut impl Future<Output = ()>>>,
        respond: &mut impl Respond<M>,
    ) -> Result<Woken<M::Answer>> {
        if read && self.inbox.len() >= self.buffer {
            return Err(Error::limit("line", "input buffer full of nothing of use"));
        }
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        let room = self.buffer - self.inbox.len().min(self.buffer);
        let stop = async {
            match stopping {
                Some(stopping) => stopping.await,
                None => pending().await,
            }
        };
        // What the peer has said before it, its end above all, is heard before what comes to pass.
        tokio::select! {
            biased;
            () = stop => Ok(Woken::Stopping),
            octets = fill(&mut self.conn, &mut self.inbox, room), if read => Ok(Woken::Read(octets?)),
            answer = respond.next() => Ok(Woken::Answer(answer)),
            () = timer => Ok(Woken::Elapsed),
        }
    }

    async fn send(&mut self, bytes: &Bytes) -> Result<()> {
        self.out.extend_from_slice(bytes);
        if self.out.len() >= GATHER { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let limit = self.cx.limits().write;
        while self.out.has_remaining() {
            if within(limit, self.conn.write_buf(&mut self.out)).await? == 0 {
                return Err(Error::peer("the peer takes no more"));
            }
        }
        self.out = BytesMut::new();
        within(limit, self.conn.flush()).await
    }

    async fn start_tls(mut self, tls: Option<&Tls>) -> Result<Self> {
        self.flush().await?;
        if !self.inbox.is_empty() {
            // RFC 3207 §6: somebody on the way may have put them there.
            return Err(Error::peer("plaintext ahead of TLS"));
        }
        let how = Handshake { deadline: self.cx.limits().handshake, ..Handshake::default() };
        self.conn = match tls {
            Some(Tls::Accept(tls)) => self.conn.start_tls(tls, how).await?,
            Some(Tls::Connect(tls, name)) => self.conn.connect_tls(tls, name, how).await?,
            None => return Err(Error::local("a machine asks for TLS, and none is configured")),
        };
        Ok(self)
    }

    /// Closes our half, then reads on for a moment: a socket that is closed over unread bytes is reset, and a reset
    /// overtakes what was sent last.
    async fn close(mut self) -> Result<()> {
        self.flush().await?;
        within(self.cx.limits().write, self.conn.shutdown()).await?;
        if !self.inbox.is_finished() {
            let mut rest = self.conn.take(LINGER_OCTETS);
            let drained = timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
            tracing::trace!(?drained, "lingered");
        }
        Ok(())
    }
}

/// Reads once, without a buffer while there is nothing to read.
async fn fill(conn: &mut Connection, inbox: &mut Inbox, room: usize) -> Result<usize> {
    poll_fn(|cx| {
        let mut space = [const { MaybeUninit::uninit() }; READ];
        let space = space.get_mut(..room.min(READ)).unwrap_or_default();
        let mut buf = ReadBuf::uninit(space);
        ready!(Pin::new(&mut *conn).poll_read(cx, &mut buf))?;
        inbox.put(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    })
    .await
}

async fn within<T>(limit: Duration, write: impl Future<Output = std::io::Result<T>>) -> Result<T> {
    match timeout(limit, write).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Error::limit("write", "the peer takes no bytes")),
    }
}

/// The runtime's clock, which tests can set.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests;
