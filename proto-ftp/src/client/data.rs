use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use ropewalk_core::net::{Connection, reach};
use ropewalk_core::{Error as Cause, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::control::handshake;
use super::error::{Error, Phase};
use super::{Client, within};
use crate::wire::{parse_epsv_reply, parse_pasv_reply, write_eprt, write_port};

/// Octets of one read.
const CHUNK: usize = 64 * 1024;

/// The way to a data connection.
pub(super) enum Door {
    Open(Connection),
    /// For the server, which has this address.
    Listening(TcpListener, IpAddr),
}

impl Client {
    /// Agrees on a data connection, and makes it where that is up to us.
    pub(super) async fn door(&mut self) -> Result<Door, Error> {
        let ends = self.control.ends();
        let (peer, local) = ends.ok_or_else(|| {
            Phase::Data.failed(Cause::local("a data connection needs a control connection over TCP"))
        })?;
        if self.options.active {
            return self.listen(peer, local).await;
        }
        let at = self.passive(peer).await?;
        let conn = within(Phase::Data, self.options.times.connect, reach(vec![at])).await?;
        Ok(Door::Open(conn))
    }

    /// Where the server listens: by EPSV (RFC 2428 §3), which names no address, else by PASV.
    async fn passive(&mut self, peer: IpAddr) -> Result<SocketAddr, Error> {
        let unreadable = |_| Phase::Data.failed(Cause::peer("the server names no port for data"));
        if self.extended {
            let reply = self.say(Phase::Data, "EPSV", None).await?;
            if reply.code() == 229 {
                let text = reply.lines().last().map_or(&[][..], |line| line);
                return Ok(SocketAddr::new(peer, parse_epsv_reply(text).map_err(unreadable)?));
            }
            if reply.code() < 500 || peer.is_ipv6() {
                return Err(Phase::Data.refused("EPSV", &reply));
            }
            self.extended = false;
        }
        let reply = self.expect(Phase::Data, "PASV", None, 227).await?;
        let at = parse_pasv_reply(reply.lines().last().map_or(&[][..], |line| line)).map_err(unreadable)?;
        if at.port() == 0 {
            return Err(unreadable(crate::wire::BadAddress::Syntax));
        }
        let foreign = IpAddr::from(*at.ip());
        if foreign != peer && !self.options.foreign {
            tracing::debug!(%foreign, %peer, "the address that PASV names is ignored");
        }
        Ok(SocketAddr::new(if self.options.foreign { foreign } else { peer }, at.port()))
    }

    /// Has the server connect to us (RFC 959 §4.1.2, RFC 2428 §2).
    async fn listen(&mut self, peer: IpAddr, local: IpAddr) -> Result<Door, Error> {
        let failed = |error: std::io::Error| Phase::Data.failed(error);
        let listener = TcpListener::bind((local, 0)).await.map_err(failed)?;
        match listener.local_addr().map_err(failed)? {
            SocketAddr::V4(at) => self.positive(Phase::Data, "PORT", Some(write_port(at).as_bytes())).await?,
            at => self.positive(Phase::Data, "EPRT", Some(write_eprt(at).as_bytes())).await?,
        };
        Ok(Door::Listening(listener, peer))
    }

    /// The data connection behind the door, under TLS where that was agreed on.
    pub(super) async fn enter(&self, door: Door) -> Result<Connection, Error> {
        let times = &self.options.times;
        let conn = match door {
            Door::Open(conn) => conn,
            Door::Listening(listener, peer) => {
                within(Phase::Data, times.connect, accept(&listener, peer)).await?
            }
        };
        let Some((tls, name)) = self.trust.as_ref().filter(|_| self.private) else { return Ok(conn) };
        // The deadline is ours, around it.
        let how = handshake(times.tls.saturating_mul(2));
        let secured = within(Phase::Data, times.tls, conn.connect_tls(tls, name, how)).await;
        secured.map_err(|error| Phase::Data.failed(error.into_cause().during("TLS")))
    }

    /// The end of a transfer: the server's last word.
    async fn end(&mut self) -> Result<(), Error> {
        let reply = self.control.reply().await.map_err(|cause| Phase::Transfer.failed(cause))?;
        self.busy = false;
        match reply.code() {
            200..300 => Ok(()),
            _ => Err(Phase::Transfer.refused("the transfer", &reply)),
        }
    }

    /// Why a data connection broke: in the server's words, if it has some.
    async fn broken(&mut self, cause: Cause) -> Error {
        match self.control.reply_within(super::SOON).await {
            Ok(Some(reply)) => {
                self.busy = false;
                match reply.code() {
                    400.. => Phase::Transfer.refused("the transfer", &reply),
                    _ => Phase::Transfer.failed(cause),
                }
            }
            _ => Phase::Transfer.failed(cause),
        }
    }

    async fn stalled<T>(&self, work: impl Future<Output = std::io::Result<T>>) -> Result<T> {
        let stall = self.options.times.stall;
        match timeout(stall, work).await {
            Ok(done) => done.map_err(|error| Cause::from(error).during("the data connection failed")),
            Err(_) => Err(Cause::limit("stall", format!("nothing within {} s", stall.as_secs_f32()))),
        }
    }
}

/// The first connection that is the server's; others are closed.
async fn accept(listener: &TcpListener, peer: IpAddr) -> Result<Connection> {
    loop {
        let (socket, from) = listener.accept().await?;
        if from.ip().to_canonical() == peer.to_canonical() {
            return Connection::tcp(socket);
        }
    }
}

/// What comes from the server: a file, or a listing.
///
/// One that is dropped before its end has been read leaves the client with a transfer that it gives up (ABOR) before it
/// does anything else.
pub struct Download<'a> {
    client: &'a mut Client,
    data: Option<Connection>,
    buffer: BytesMut,
}

impl<'a> Download<'a> {
    pub(super) fn new(client: &'a mut Client, data: Option<Connection>) -> Self {
        Self { client, data, buffer: BytesMut::new() }
    }

    /// What comes next, at most 64 KiB; nothing at the end, once the server has said that all was sent.
    ///
    /// # Errors
    /// [`Phase::Transfer`]. Under TLS an end that the server did not announce is one.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(data) = &mut self.data else { return Ok(None) };
        self.buffer.reserve(CHUNK);
        match self.client.stalled(data.read_buf(&mut self.buffer)).await {
            Ok(0) => {
                // Both sides say that it is over; that the server is gone already is no failure.
                if let Err(error) = data.shutdown().await {
                    tracing::debug!(%error, "closing a data connection");
                }
                self.data = None;
                self.client.end().await.map(|()| None)
            }
            Ok(_) => Ok(Some(self.buffer.split().freeze())),
            Err(cause) => {
                self.data = None;
                Err(self.client.broken(cause).await)
            }
        }
    }

    /// All that is left, at most so many octets.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk); a limit where there is more.
    pub async fn read(mut self, most: usize) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if chunk.len() > most.saturating_sub(all.len()) {
                let says = format!("more than {most} octets");
                return Err(Phase::Transfer.failed(Cause::limit("message", says)));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Gives the transfer up.
    ///
    /// # Errors
    /// Where the control connection fails.
    pub async fn abort(self) -> Result<(), Error> {
        let Self { client, data, .. } = self;
        drop(data);
        client.abort().await
    }
}

/// What goes to the server.
///
/// One that is dropped without [`finish`](Self::finish) is given up (ABOR) before the client does anything else. Its data
/// connection is reset then, also where this process is killed: a mere end would say that this was all (RFC 959 §3.4.1). What
/// a server makes of the part is its own business.
pub struct Upload<'a> {
    client: &'a mut Client,
    data: Option<Connection>,
}

impl<'a> Upload<'a> {
    pub(super) fn new(client: &'a mut Client, data: Option<Connection>) -> Self {
        if let Some(data) = &data {
            data.resets(true);
        }
        Self { client, data }
    }

    /// Sends this.
    ///
    /// # Errors
    /// [`Phase::Transfer`], in the server's words where it has said why it takes no more.
    pub async fn write(&mut self, content: &[u8]) -> Result<(), Error> {
        // In pieces, so that each has its time.
        for piece in content.chunks(CHUNK) {
            let Some(data) = &mut self.data else {
                return Err(Phase::Transfer.failed(Cause::local("the transfer is over")));
            };
            if let Err(cause) = self.client.stalled(data.write_all(piece)).await {
                self.data = None;
                return Err(self.client.broken(cause).await);
            }
        }
        Ok(())
    }

    /// Says that this is all, and waits for the server to have it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn finish(mut self) -> Result<(), Error> {
        let Some(mut data) = self.data.take() else { return Ok(()) };
        let closed = async {
            data.flush().await?;
            data.shutdown().await
        };
        if let Err(cause) = self.client.stalled(closed).await {
            return Err(self.client.broken(cause).await);
        }
        data.resets(false);
        // It stays open, and is read, until the server has spoken: what it still sends (tickets, its close_notify)
        // would be answered with a reset, which could overtake what is on the way. With the tickets further
        // connections go on with this session.
        let mut rest = [0; 1024];
        let heard = async {
            while data.read(&mut rest).await.is_ok_and(|octets| octets > 0) {}
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            never = heard => match never {},
            ended = self.client.end() => ended,
        }
    }

    /// Gives the transfer up.
    ///
    /// # Errors
    /// Where the control connection fails.
    pub async fn abort(self) -> Result<(), Error> {
        let Self { client, data } = self;
        drop(data);
        client.abort().await
    }
}
