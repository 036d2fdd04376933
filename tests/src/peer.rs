use std::io;
use std::time::Duration;

use bytes::BytesMut;
use ropewalk_core::tls::{ClientTls, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use crate::doors::Door;
use crate::subject::Io;
use crate::{Broken, Subject};

/// The most octets of one answer that are kept.
const MOST: usize = 8 * 1024 * 1024;
/// Room for one read: what `BytesMut` makes by itself is a few octets.
const READ: usize = 16 * 1024;

/// The client's side of a case: raw bytes both ways, on connections made when they are needed.
///
/// Every wait is bounded by the runner's patience. Writing never fails a case, since a server may answer
/// and close before it has read everything; reading says what came.
pub struct Peer {
    subject: Subject,
    patience: Duration,
    door: Door,
    web: Door,
    wire: Option<Wire>,
    pub(crate) buffer: BytesMut,
}

struct Wire {
    read: ReadHalf<Box<dyn Io>>,
    write: WriteHalf<Box<dyn Io>>,
    ended: Option<End>,
}

/// How the subject's half of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// An orderly end.
    Closed,
    /// A reset or another error of the transport.
    Reset,
}

/// What waiting for bytes came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    Some,
    Ended(End),
    Silent,
}

impl Peer {
    pub(crate) fn new(subject: Subject, patience: Duration) -> Self {
        Self { subject, patience, door: Door::Front, web: Door::Web, wire: None, buffer: BytesMut::new() }
    }

    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The authority of the subject, as a client would name it.
    pub fn host(&self) -> &str {
        self.subject.host()
    }

    /// The path of the subject's service.
    pub(crate) fn path(&self) -> &str {
        self.subject.path()
    }

    /// How long an answer is waited for.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Leaves the present connection, if there is one; the next use makes a fresh one.
    pub fn reconnect(&mut self) {
        self.wire = None;
        self.buffer.clear();
    }

    /// [`reconnect`](Self::reconnect), and connections are made at this door from now on.
    pub(crate) fn reconnect_at(&mut self, door: Door) {
        self.door = door;
        self.reconnect();
    }

    /// The door at which DNS is asked over HTTPS: it says by which version of HTTP.
    pub(crate) fn web(&self) -> Door {
        self.web
    }

    /// Says at which door DNS is asked over HTTPS from now on.
    pub(crate) fn ask_web_at(&mut self, door: Door) {
        self.web = door;
    }

    /// Makes a connection at this door, besides the present one.
    pub(crate) fn dial(
        &self,
        door: Door,
    ) -> impl Future<Output = Result<Box<dyn Io>, Broken>> + Send + use<> {
        let (subject, patience) = (self.subject.clone(), self.patience);
        async move { dial(&subject, door, patience).await }
    }

    /// Sends bytes on the present connection, making one where there is none. Bytes that come meanwhile
    /// are kept.
    ///
    /// # Errors
    /// Where the subject cannot be connected to.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Broken> {
        let patience = self.patience;
        let buffer = &mut self.buffer;
        let wire = match &mut self.wire {
            Some(wire) => wire,
            empty => empty.insert(connect(&self.subject, self.door, patience).await?),
        };
        // A peer that takes nothing for this long is judged by what it answers.
        let _unsent = timeout(patience, wire.write(bytes.as_ref(), buffer)).await;
        Ok(())
    }

    /// Makes the client's side of TLS on the present connection. What came in the clear before is lost.
    ///
    /// # Errors
    /// Where the handshake fails, or does not end.
    pub(crate) async fn start_tls(&mut self, tls: &ClientTls, name: &ServerName) -> Result<(), Broken> {
        let Some(wire) = self.wire.take() else { return Err(Broken::new("a connection", "none")) };
        self.buffer.clear();
        let io = wire.read.unsplit(wire.write);
        let secured = secure(io, tls, name, self.patience).await?;
        let (read, write) = split(secured);
        self.wire = Some(Wire { read, write, ended: None });
        Ok(())
    }

    /// Ends the sending half; the subject sees the end of the stream.
    pub async fn finish(&mut self) {
        if let Some(wire) = &mut self.wire {
            let _unsent = timeout(self.patience, wire.write.shutdown()).await;
        }
    }

    /// Waits for more bytes from the subject.
    ///
    /// # Errors
    /// Where the subject cannot be connected to.
    pub(crate) async fn fill(&mut self) -> Result<Filled, Broken> {
        let patience = self.patience;
        self.fill_within(patience).await
    }

    pub(crate) async fn fill_within(&mut self, patience: Duration) -> Result<Filled, Broken> {
        if self.buffer.len() > MOST {
            return Err(Broken::new("an answer of a few MiB at most", "more"));
        }
        let buffer = &mut self.buffer;
        let wire = match &mut self.wire {
            Some(wire) => wire,
            empty => empty.insert(connect(&self.subject, self.door, patience).await?),
        };
        if let Some(end) = wire.ended {
            return Ok(Filled::Ended(end));
        }
        buffer.reserve(READ);
        Ok(match timeout(patience, wire.read.read_buf(buffer)).await {
            Err(_) => Filled::Silent,
            Ok(read) => wire.note(read).map_or(Filled::Some, Filled::Ended),
        })
    }

    /// Whether the subject ends the connection, having sent nothing more, within `patience`.
    ///
    /// # Errors
    /// Where it sends something more, or neither.
    pub async fn closed_within(&mut self, patience: Duration) -> Result<(), Broken> {
        let expected = "the connection closed, and nothing more on it";
        if !self.buffer.is_empty() {
            return Err(Broken::new(expected, format!("more bytes: {}", quote(&self.buffer))));
        }
        match self.fill_within(patience).await? {
            Filled::Ended(_) => Ok(()),
            Filled::Silent => Err(Broken::new(expected, format!("still open after {patience:?}"))),
            Filled::Some => Err(Broken::new(expected, format!("more bytes: {}", quote(&self.buffer)))),
        }
    }

    /// [`closed_within`](Self::closed_within) a quarter of the usual patience: a server that only gives up on an
    /// idle client some time later has not closed.
    ///
    /// # Errors
    /// Where the subject sends something more, or neither.
    pub async fn closed(&mut self) -> Result<(), Broken> {
        let soon = self.patience / 4;
        self.closed_within(soon).await
    }
}

impl Wire {
    /// Writes everything, and reads what comes meanwhile: the subject may answer before it has read it all, and
    /// stop reading.
    async fn write(&mut self, mut rest: &[u8], buffer: &mut BytesMut) {
        while !rest.is_empty() {
            if self.ended.is_some() || buffer.len() > MOST {
                return;
            }
            buffer.reserve(READ);
            tokio::select! {
                biased;
                written = self.write.write(rest) => match written {
                    Ok(octets) if octets > 0 => rest = rest.get(octets..).unwrap_or_default(),
                    _ => return,
                },
                read = self.read.read_buf(buffer) => {
                    self.note(read);
                }
            }
        }
        let _unsent = self.write.flush().await;
    }

    fn note(&mut self, read: io::Result<usize>) -> Option<End> {
        self.ended = match read {
            Ok(0) => Some(End::Closed),
            Ok(_) => None,
            Err(_) => Some(End::Reset),
        };
        self.ended
    }
}

/// The client's side of TLS over a connection.
pub(crate) async fn secure(
    io: Box<dyn Io>,
    tls: &ClientTls,
    name: &ServerName,
    patience: Duration,
) -> Result<Box<dyn Io>, Broken> {
    match timeout(patience, tls.connect(io, name)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(Broken::new("a handshake of TLS", error.chain())),
        Err(_) => Err(Broken::new("a handshake of TLS", format!("none after {patience:?}"))),
    }
}

async fn connect(subject: &Subject, door: Door, patience: Duration) -> Result<Wire, Broken> {
    let (read, write) = split(dial(subject, door, patience).await?);
    Ok(Wire { read, write, ended: None })
}

async fn dial(subject: &Subject, door: Door, patience: Duration) -> Result<Box<dyn Io>, Broken> {
    match timeout(patience, subject.dial_at(door)).await {
        Ok(Ok(io)) => Ok(io),
        Ok(Err(error)) => Err(Broken::new("a connection", error.to_string())),
        Err(_) => Err(Broken::new("a connection", format!("none after {patience:?}"))),
    }
}

/// Bytes as text for a report: escaped, and not too much of them.
pub(crate) fn quote(bytes: &[u8]) -> String {
    const SHOWN: usize = 300;
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let more =
        if shown.len() < bytes.len() { format!("… ({} octets)", bytes.len()) } else { String::new() };
    format!("\"{}\"{more}", shown.escape_ascii())
}
