//! What goes over a data connection, from the file to the reply that ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use ropewalk_core::Error;
use ropewalk_core::data::files::{
    DotDot, FileHandle, Files, FsError, Kind, Open, Ops, Reach, VPath, Wanted, Write,
};
use ropewalk_core::net::{Connection, SendFile};
use tokio::io::AsyncWriteExt as _;
use tokio::task::coop::consume_budget;

use super::Options;
use super::ascii;
use super::data::Way;
use super::errors::{Doing, refusal};
use super::event::{Store, Transfer, What};
use super::listing::Listing;
use super::running::Progress;
use super::upload::store;
use crate::wire::Reply;

/// Octets of one read or write.
pub(super) const CHUNK: usize = 256 * 1024;
/// Octets that cost less from memory than by sendfile, and can leave together with the end.
const FEW: u64 = 16 * 1024;
/// Octets that the kernel sends before others get their turn.
const SLICE: u64 = 1024 * 1024;
/// Names that STOU tries.
const TRIES: usize = 20;

/// A transfer whose file is open.
pub(super) struct Job {
    what: Kinds,
    path: VPath,
    verb: &'static str,
    ascii: bool,
    stall: Duration,
}

enum Kinds {
    Retrieve { file: Box<dyn FileHandle>, from: u64 },
    Store { file: Box<dyn FileHandle>, at: u64 },
    List(Listing),
}

/// Why a transfer failed.
pub(super) enum Failed {
    /// The data connection.
    Data(Error),
    /// The file.
    File(FsError),
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Data(error.into())
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Data(error)
    }
}

impl From<FsError> for Failed {
    fn from(error: FsError) -> Self {
        Self::File(error)
    }
}

impl Job {
    /// Opens what is to be transferred, and says what is said before it; or what is said instead. Without a `door`
    /// nothing is opened to write: there will be no data connection.
    pub(super) async fn open(
        files: &Arc<dyn Files>,
        transfer: Transfer,
        options: &Options,
        door: bool,
        progress: &Arc<Progress>,
    ) -> Result<(Self, Reply), Reply> {
        let Transfer { what, path, ascii, .. } = transfer;
        let stall = options.stall;
        let using = |error| refusal(&error, Doing::Using, &path);
        let (what, verb, opening) = match what {
            What::Retrieve(from) => {
                let how = Open::read();
                let now = files.open_now(&path, &how);
                let file = match now {
                    Some(file) => file,
                    None => files.open(&path, &how).await,
                }
                .map_err(using)?;
                let len = file.opened().len;
                if from > len {
                    // RFC 1123 §4.1.3.
                    return Err(Reply::new(554, "the file is shorter than that"));
                }
                let text = format!("opening data connection ({} bytes)", len - from);
                (Kinds::Retrieve { file, from }, "RETR", Reply::new(150, text))
            }
            What::Store(store, expect) => {
                let (file, at, path) =
                    open_store(&**files, &path, store, expect, options, door, progress).await?;
                let reply = match (store, path.file_name()) {
                    // RFC 1123 §4.1.2.
                    (Store::Unique, Some(name)) => Reply::new(150, [b"FILE: ", name.as_bytes()].concat()),
                    _ => Reply::new(150, "send it"),
                };
                let verb = match store {
                    Store::Append => "APPE",
                    Store::Unique => "STOU",
                    Store::Replace | Store::Resume(_) => "STOR",
                };
                return Ok((Self { what: Kinds::Store { file, at }, path, verb, ascii, stall }, reply));
            }
            What::List(form) => {
                let listing = Listing::open(files, &path, form).await?;
                (Kinds::List(listing), "LIST", Reply::new(150, "here it comes"))
            }
            What::Hash { .. } => return Err(Reply::new(451, "no transfer")),
        };
        Ok((Self { what, path, verb, ascii, stall }, opening))
    }

    /// Whether the client sends, and need not read.
    pub(super) fn receives(&self) -> bool {
        matches!(self.what, Kinds::Store { .. })
    }

    /// Does it. The reply is the one that ends it.
    pub(super) async fn run(self, way: Way, progress: Arc<Progress>) -> Reply {
        let receives = self.receives();
        let Self { what, path, verb, ascii, stall } = self;
        let (begun, octets) = (Instant::now(), &progress.octets);
        let mut conn = match way.open().await {
            Ok(open) => open,
            Err(reply) => return reply,
        };
        // 426, of what is given up: its client has gone, or aborts it.
        let mut line = Line { verb, path: &path, octets, begun, code: 426 };
        let done = match what {
            Kinds::Retrieve { file, from } if ascii => retrieve_text(&mut conn, &*file, from, octets).await,
            Kinds::Retrieve { file, from } => retrieve(&mut conn, &*file, from, stall, octets).await,
            Kinds::Store { file, at } => store(&mut conn, file, at, ascii, &progress).await,
            Kinds::List(listing) => listing.send(&mut conn, octets).await,
        };
        if receives && matches!(done, Err(Failed::File(_))) {
            progress.refuse(conn);
        }
        let reply = match done {
            Ok(()) => Reply::new(226, "done"),
            Err(Failed::Data(error)) => {
                error.log("data connection failed");
                Reply::new(426, "data connection broken, transfer aborted")
            }
            Err(Failed::File(error)) => refusal(&error, Doing::Naming, &path),
        };
        line.code = reply.code();
        reply
    }
}

/// The line of the log that a transfer leaves, however it ends.
struct Line<'a> {
    verb: &'static str,
    path: &'a VPath,
    octets: &'a AtomicU64,
    begun: Instant,
    code: u16,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let octets = self.octets.load(Ordering::Relaxed);
        let seconds = seconds(self.begun.elapsed());
        tracing::info!(verb = self.verb, path = %self.path, octets, seconds, code = self.code, "transfer");
    }
}

/// A time for the log, to the microsecond.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e6
}

/// What is said where the client has not said how data are to flow.
pub(super) fn no_door() -> Reply {
    Reply::new(425, "PASV or EPSV first")
}

/// Opens a file to write, and says where in it, and under which name.
async fn open_store(
    files: &dyn Files,
    path: &VPath,
    store: Store,
    expect: Option<u64>,
    options: &Options,
    door: bool,
    progress: &Arc<Progress>,
) -> Result<(Box<dyn FileHandle>, u64, VPath), Reply> {
    let naming = |error| match error {
        // Uploads there are, though not in this tree.
        FsError::Unsupported => refusal(&FsError::Denied, Doing::Naming, path),
        error => refusal(&error, Doing::Naming, path),
    };
    let mut how = Open::write(match store {
        Store::Replace => Write::Replace,
        Store::Resume(_) | Store::Append => Write::Update,
        Store::Unique => Write::CreateNew,
    });
    how.append = store == Store::Append;
    how.mode = Some(options.file_mode());
    how.expect_len = expect;
    let whose = Arc::clone(progress);
    how.wanted = Some(Wanted::new(move || whose.takes_its_name()));
    let at = match store {
        Store::Resume(from) => {
            let len = match files.stat(path, true).await {
                Ok(meta) => meta.len,
                Err(FsError::NotFound) => 0,
                Err(error) => return Err(naming(error)),
            };
            if from > len {
                return Err(Reply::new(554, "the file is shorter than that"));
            }
            from
        }
        _ => 0,
    };
    if !door {
        // What would be refused anyway is not worth another try.
        let may = files.rights(path, Reach::Here).has_any(Ops::CREATE | Ops::OVERWRITE | Ops::APPEND);
        return Err(if may { no_door() } else { naming(FsError::Denied) });
    }
    if store != Store::Unique {
        return Ok((files.open(path, &how).await.map_err(naming)?, at, path.clone()));
    }
    for number in 0..TRIES {
        let path = numbered(path, number)?;
        // A handle that is not committed yet keeps no name in some backends: others see what is there.
        match files.open(&path, &how).await {
            Err(FsError::Exists | FsError::IsDir | FsError::Loop) => {}
            Ok(_) if files.stat(&path, false).await.is_ok_and(|meta| meta.kind == Kind::Dir) => {}
            opened => return Ok((opened.map_err(naming)?, 0, path)),
        }
    }
    Err(Reply::new(553, "no free name was found"))
}

/// This path, or another like it: `a`, `a.1`, `a.2`, …, and then at random.
fn numbered(path: &VPath, number: usize) -> Result<VPath, Reply> {
    let suffix = match number {
        0 => return Ok(path.clone()),
        1..10 => number.to_string(),
        _ => {
            let mut octets = [0; 4];
            aws_lc_rs::rand::fill(&mut octets).map_err(|_| Reply::new(451, "no random numbers"))?;
            format!("{:08x}", u32::from_ne_bytes(octets))
        }
    };
    let text = [path.as_bytes(), b".", suffix.as_bytes()].concat();
    VPath::parse(&text, &VPath::ROOT, DotDot::Refuse).map_err(|error| Reply::new(553, error.to_string()))
}

async fn retrieve(
    conn: &mut Connection,
    file: &dyn FileHandle,
    mut offset: u64,
    stall: Duration,
    octets: &AtomicU64,
) -> Result<(), Failed> {
    let len = file.opened().len;
    let mut past = SendFile::new(conn, stall);
    // A file that grows meanwhile is sent as it was.
    while offset < len {
        let most = (len - offset).min(SLICE);
        let sent = match file.as_fd() {
            Some(from) if most > FEW && conn.as_tcp().is_some() && file.is_warm(offset, most) => {
                let sent = past.slice(conn, from, offset, most).await?;
                consume_budget().await;
                sent
            }
            // What is not in memory would keep the thread waiting; TLS needs the octets here.
            _ => {
                let mut chunk = read(file, offset, len).await?;
                let octets = chunk.len() as u64;
                // What comes last leaves with the end, that is with the close of the connection.
                while offset + octets == len && conn.as_tcp().is_some() && !chunk.is_empty() {
                    let sent = past.front(conn, &chunk).await?;
                    chunk.advance(sent);
                }
                conn.write_all(&chunk).await?;
                octets
            }
        };
        if sent == 0 {
            return Err(Failed::File(FsError::Stale));
        }
        offset += sent;
        octets.fetch_add(sent, Ordering::Relaxed);
    }
    Ok(end(conn).await?)
}

async fn retrieve_text(
    conn: &mut Connection,
    file: &dyn FileHandle,
    mut offset: u64,
    octets: &AtomicU64,
) -> Result<(), Failed> {
    let (mut wire, mut encoder) = (Vec::new(), ascii::Encoder::default());
    loop {
        let chunk = read(file, offset, u64::MAX).await?;
        if chunk.is_empty() {
            return Ok(end(conn).await?);
        }
        offset += chunk.len() as u64;
        wire.clear();
        encoder.encode(&chunk, &mut wire);
        conn.write_all(&wire).await?;
        octets.fetch_add(wire.len() as u64, Ordering::Relaxed);
    }
}

/// What is at `offset`, up to `len` and to a chunk; nothing at the end.
pub(super) async fn read(file: &dyn FileHandle, offset: u64, len: u64) -> Result<Bytes, FsError> {
    let most = usize::try_from(len.saturating_sub(offset)).unwrap_or(CHUNK).min(CHUNK);
    let mut buf = BytesMut::with_capacity(most);
    match file.read_now(offset, &mut buf) {
        Some(read) => drop(read?),
        None => buf = file.read_at(offset, buf).await?,
    }
    buf.truncate(most);
    Ok(buf.freeze())
}

/// Says over TLS that this was all; otherwise it is the close of the connection that says so.
pub(super) async fn end(conn: &mut Connection) -> std::io::Result<()> {
    if conn.info().tls.is_some() { conn.shutdown().await } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_no_more_of_a_time_than_microseconds() {
        assert_eq!(format!("{:?}", seconds(Duration::from_nanos(192_015))), "0.000192");
    }
}
