mod lent;
mod prompt;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context as Poller, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};

use super::info::Info;
use super::meter::Meter;
use super::pace::{Pace, Record};
use super::urgent::Urgent;
use crate::telemetry::ByteCounters;
use crate::tls::{ClientTls, ServerName, ServerTls, TlsStream};
use crate::{Address, Error, Result};

/// Octets that the in-memory pair holds in each direction.
const PAIR_BUFFER: usize = 64 * 1024;

/// Any byte stream that a [`Connection`] can be made of.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A byte stream to one peer, and what is known about it.
///
/// It is one type whatever lies below (TCP, TLS, a UNIX socket, pipes, memory), so that protocols compile
/// once and STARTTLS replaces a value. Deadlines, rates and byte counters are its own fields, set by
/// policies; what reads and writes meets them as errors: an [`Error`] of [`Fault::Limit`](crate::Fault)
/// inside the [`io::Error`]. Dropping it closes it; [`shutdown`](tokio::io::AsyncWriteExt::shutdown) closes the
/// writing half and leaves reading open; [`abort`](Connection::abort) makes the peer see a reset.
pub struct Connection(Box<Inner>);

/// In a box, so that what holds a connection, and passes it on, need not be as large: a server has many that wait.
struct Inner {
    io: Stream,
    unread: Bytes,
    info: Info,
    pace: Option<Box<Pace>>,
    meter: Meter,
    server_tls: Option<ServerTls>,
    #[cfg(feature = "quic")]
    quic: Option<super::quic::Visit>,
}

/// What a TLS session can lie on, and a plain connection is.
pub(crate) enum Raw {
    Tcp(TcpStream),
    Urgent(Urgent),
    Unix(UnixStream),
    Other(Box<dyn Io>),
}

enum Stream {
    Raw(Raw),
    Tls(Box<TlsStream<Raw>>),
}

/// How a TLS handshake is made on a connection that is already open.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Handshake {
    /// The whole handshake takes no longer than this.
    pub deadline: Duration,
    /// For a server on a TCP socket: what is said to a peer that speaks no TLS.
    pub notice: Option<Notice>,
}

/// What is said in plain text, before the connection closes, to a peer whose first octets (at most sixteen of them) are
/// no TLS; `None` where there is nothing that such a peer would understand.
pub type Notice = fn(first: &[u8]) -> Option<&'static [u8]>;

impl Default for Handshake {
    fn default() -> Self {
        Self { deadline: crate::Limits::default().handshake, notice: None }
    }
}

impl Connection {
    /// A connection made of any byte stream.
    pub fn new(io: impl Io, info: Info) -> Self {
        Self::of(Raw::Other(Box::new(io)), info)
    }

    /// A connection on a TCP socket, with TCP_NODELAY set: protocols here write whole replies.
    ///
    /// # Errors
    /// Where the socket is no longer connected.
    pub fn tcp(socket: TcpStream) -> Result<Self> {
        socket.set_nodelay(true)?;
        let info = Info::new(socket.peer_addr()?.into(), socket.local_addr()?.into());
        Ok(Self::of(Raw::Tcp(socket), info))
    }

    /// A connection on a TCP socket of which both ends are known, as it is: without TCP_NODELAY unless it was set. For many
    /// octets one way.
    pub fn tcp_between(socket: TcpStream, peer: SocketAddr, local: SocketAddr) -> Self {
        Self::of(Raw::Tcp(socket), Info::new(peer.into(), local.into()))
    }

    /// A connection on a UNIX socket.
    ///
    /// # Errors
    /// Where the socket is no longer connected.
    pub fn unix(socket: UnixStream) -> Result<Self> {
        let path = |at: tokio::net::unix::SocketAddr| Address::Unix(at.as_pathname().map(Into::into));
        let mut info = Info::new(path(socket.peer_addr()?), path(socket.local_addr()?));
        info.uid = socket.peer_cred().ok().map(|peer| peer.uid());
        Ok(Self::of(Raw::Unix(socket), info))
    }

    /// Both ends of a connection in memory: a whole server is testable without a socket.
    pub fn pair() -> (Self, DuplexStream) {
        let (near, far) = tokio::io::duplex(PAIR_BUFFER);
        (Self::new(near, Info::new(Address::Memory, Address::Memory)), far)
    }

    fn of(raw: Raw, info: Info) -> Self {
        let (io, unread) = (Stream::Raw(raw), Bytes::new());
        Self(Box::new(Inner {
            io,
            unread,
            info,
            pace: None,
            meter: Meter::default(),
            server_tls: None,
            #[cfg(feature = "quic")]
            quic: None,
        }))
    }

    /// What it carries instead of octets of its own.
    #[cfg(feature = "quic")]
    pub(super) fn quic(&mut self) -> &mut Option<super::quic::Visit> {
        &mut self.0.quic
    }

    /// The peer, this end, and TLS.
    pub fn info(&self) -> &Info {
        &self.0.info
    }

    /// For a policy that learned better, such as the PROXY protocol.
    pub fn info_mut(&mut self) -> &mut Info {
        &mut self.0.info
    }

    /// Octets so far.
    pub fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// Notes octets that were sent past this value, on the socket of [`as_tcp`](Self::as_tcp): they count, and the
    /// connection was not idle.
    pub fn sent_past(&mut self, octets: u64) {
        self.0.meter.add_written(octets);
        if let Some(pace) = &mut self.0.pace {
            pace.has_moved();
        }
    }

    /// When the connection's time is over. What sends past this value has to see to it.
    pub fn ends_at(&self) -> Option<Instant> {
        self.0.pace.as_ref().and_then(|pace| pace.ends_at())
    }

    /// Adds every octet from now on to these counters as well.
    pub fn count_into(&mut self, totals: ByteCounters) {
        self.0.meter.totals = Some(totals);
    }

    /// Puts bytes back: they are the next to be read. For sniffing, the PROXY protocol, and protocols that
    /// hand a connection on.
    pub fn unread(&mut self, bytes: Bytes) {
        if self.0.unread.is_empty() {
            self.0.unread = bytes;
        } else if !bytes.is_empty() {
            let mut all = BytesMut::with_capacity(bytes.len() + self.0.unread.len());
            all.extend_from_slice(&bytes);
            all.extend_from_slice(&self.0.unread);
            self.0.unread = all.freeze();
        }
    }

    /// The TCP socket, where bytes may be sent past this value: no TLS, no rate limit, no transcript. For
    /// sendfile; say what was sent to [`sent_past`](Self::sent_past), and end when [`ends_at`](Self::ends_at) says.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        match &self.0.io {
            Stream::Raw(Raw::Tcp(socket)) if self.0.pace.as_ref().is_none_or(|p| p.lets_past()) => {
                Some(socket)
            }
            _ => None,
        }
    }

    /// Octets a second each way, where the connection is limited to them: those of another connection that is opened
    /// for the same peer, as FTP does, are to be limited alike.
    pub fn rate(&self) -> Option<u64> {
        self.0.pace.as_ref().and_then(|pace| pace.is_limited_to())
    }

    /// Reads what the peer sends as urgent in its place among the other octets (SO_OOBINLINE), as protocols over telnet
    /// want it. For a plain TCP socket, which is then out of reach of [`as_tcp`](Self::as_tcp); others know nothing
    /// urgent.
    ///
    /// # Errors
    /// Where the socket is no longer open.
    pub fn urgent_inline(&mut self) -> Result<()> {
        if !matches!(self.0.io, Stream::Raw(Raw::Tcp(_))) {
            return Ok(());
        }
        let nothing = Stream::Raw(Raw::Other(Box::new(tokio::io::empty())));
        if let Stream::Raw(Raw::Tcp(socket)) = std::mem::replace(&mut self.0.io, nothing) {
            self.0.io = Stream::Raw(Raw::Urgent(Urgent::new(socket)?));
        }
        Ok(())
    }

    /// What the server's side of its TLS was made with.
    pub fn server_tls(&self) -> Option<&ServerTls> {
        self.0.server_tls.as_ref()
    }

    /// Deadlines, rates and transcript of this connection; made when first asked for.
    pub fn pace(&mut self) -> &mut Pace {
        self.0.pace.get_or_insert_default()
    }

    /// Writes down every octet from now on. See [`Record`].
    pub fn record(&mut self, to: Box<dyn Record>) {
        self.pace().record(to);
    }

    /// Closes so that the peer sees a reset, where the transport knows one: for a peer that broke the rules,
    /// whose unread bytes are not worth the wait.
    pub fn abort(self) {
        #[cfg(feature = "quic")]
        let this = self.ignored();
        #[cfg(not(feature = "quic"))]
        let this = self;
        this.resets(true);
    }

    /// Whether dropping it is a reset, where the transport knows one: for what the peer must not take for whole where it
    /// ends before its time, even if this process does.
    pub fn resets(&self, on: bool) {
        let raw = match &self.0.io {
            Stream::Raw(raw) => raw,
            Stream::Tls(tls) => tls.get_ref(),
        };
        let socket = match raw {
            Raw::Tcp(socket) => SockRef::from(socket),
            Raw::Urgent(urgent) => SockRef::from(urgent.socket()),
            Raw::Unix(_) | Raw::Other(_) => return,
        };
        if let Err(error) = socket.set_linger(on.then_some(Duration::ZERO)) {
            tracing::debug!(%error, "cannot say how to close");
        }
    }

    /// Turns this plain connection into the server's side of a TLS connection. Consumes the plaintext: what
    /// was read in the clear is forgotten by type.
    ///
    /// # Errors
    /// [`Fault::Peer`](crate::Fault) if plaintext that was put back is still unread (it would be taken for
    /// protected text: RFC 3207 §6), if TLS is already on, or if the handshake fails; a limit if it takes too long.
    pub async fn start_tls(mut self, tls: &ServerTls, how: Handshake) -> Result<Self> {
        let secured = async {
            if let (Some(notice), Some(socket)) = (how.notice, self.as_tcp())
                && let Some(words) = mistaken(socket, notice).await
            {
                // Few need it, and its state is not to be part of every handshake's.
                Box::pin(self.part_with(words)).await?;
                return Err(Error::peer("the peer does not speak TLS, and was told so"));
            }
            let stream = tls.accept_and(self.give_raw()?, Raw::acknowledge).await?;
            self.0.server_tls = Some(tls.clone());
            Ok(self.with_tls(stream))
        };
        timeout(how.deadline, secured).await.map_err(|_| late(how.deadline))?
    }

    /// Says this and ends writing, then throws away what still comes until the peer closes: with octets that nobody has read
    /// the system would reset the connection, and the words could be lost.
    async fn part_with(mut self, words: &[u8]) -> io::Result<()> {
        self.write_all(words).await?;
        self.shutdown().await?;
        let mut waste = [0; 1024];
        while self.read(&mut waste).await? > 0 {}
        Ok(())
    }

    /// Turns this plain connection into the client's side of a TLS connection to `name`.
    ///
    /// # Errors
    /// As [`start_tls`](Self::start_tls); also if the server's certificate is not for `name` or not trusted.
    pub async fn connect_tls(mut self, tls: &ClientTls, name: &ServerName, how: Handshake) -> Result<Self> {
        let raw = self.give_raw()?;
        let stream =
            timeout(how.deadline, tls.connect(raw, name)).await.map_err(|_| late(how.deadline))??;
        Ok(self.with_tls(stream))
    }

    fn give_raw(&mut self) -> Result<Raw> {
        if !self.0.unread.is_empty() {
            return Err(Error::peer("plaintext after STARTTLS"));
        }
        match std::mem::replace(&mut self.0.io, Stream::Raw(Raw::Other(Box::new(tokio::io::empty())))) {
            Stream::Raw(raw) => Ok(raw),
            Stream::Tls(_) => Err(Error::peer("TLS inside TLS")),
        }
    }

    fn with_tls(mut self, stream: TlsStream<Raw>) -> Self {
        self.0.info.tls = Some(stream.info());
        self.0.io = Stream::Tls(Box::new(stream));
        self
    }
}

/// What to say to a peer that begins without TLS. It is only looked at: TLS reads it again.
async fn mistaken(socket: &TcpStream, notice: Notice) -> Option<&'static [u8]> {
    let mut first = [0; 16];
    let octets = socket.peek(&mut first).await.ok()?;
    notice(first.get(..octets)?)
}

fn late(deadline: Duration) -> Error {
    Error::limit("handshake", format!("no TLS handshake within {} s", deadline.as_secs_f32()))
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self.get_mut().0;
        let before = buf.filled().len();
        if this.unread.has_remaining() {
            let octets = this.unread.remaining().min(buf.remaining());
            buf.put_slice(&this.unread.split_to(octets));
        } else if let Some(pace) = &mut this.pace {
            ready!(pace.poll_read(cx, &mut this.io, buf))?;
        } else {
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        }
        this.meter.add_read((buf.filled().len() - before) as u64);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self.get_mut().0;
        let octets = match &mut this.pace {
            Some(pace) => ready!(pace.poll_write(cx, &mut this.io, bufs))?,
            None => ready!(Pin::new(&mut this.io).poll_write_vectored(cx, bufs))?,
        };
        this.meter.add_written(octets as u64);
        Poll::Ready(Ok(octets))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0.io {
            Stream::Raw(raw) => raw.is_write_vectored(),
            Stream::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self.get_mut().0;
        match &mut this.pace {
            Some(pace) => pace.poll_flush(cx, &mut this.io),
            None => Pin::new(&mut this.io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self.get_mut().0;
        match &mut this.pace {
            Some(pace) => pace.poll_shutdown(cx, &mut this.io),
            None => Pin::new(&mut this.io).poll_shutdown(cx),
        }
    }
}

/// Hands each method of the I/O traits to whichever variant is there.
macro_rules! forward {
    ($on:ident, $($variant:ident),+) => {
        impl AsyncRead for $on {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Poller<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() { $(Self::$variant(io) => Pin::new(io).poll_read(cx, buf)),+ }
            }
        }

        impl AsyncWrite for $on {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() { $(Self::$variant(io) => Pin::new(io).poll_write(cx, buf)),+ }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Poller<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                // One buffer goes by send, which costs less than writev.
                match (self.get_mut(), bufs) {
                    $((Self::$variant(io), [one]) => Pin::new(io).poll_write(cx, one),)+
                    $((Self::$variant(io), bufs) => Pin::new(io).poll_write_vectored(cx, bufs)),+
                }
            }

            fn is_write_vectored(&self) -> bool {
                match self { $(Self::$variant(io) => io.is_write_vectored()),+ }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $(Self::$variant(io) => Pin::new(io).poll_flush(cx)),+ }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $(Self::$variant(io) => Pin::new(io).poll_shutdown(cx)),+ }
            }
        }
    };
}
forward!(Raw, Tcp, Urgent, Unix, Other);
forward!(Stream, Raw, Tls);

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
