use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rustix::net::sockopt::socket_peercred;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

use super::tcp::{BACKLOG, accept_error};
use super::{Connection, Incoming, Listener};
use crate::{Address, Error, Result};

/// A bound UNIX socket. Dropping it removes its file, if it is still this socket's.
pub(super) struct Port {
    socket: StdListener,
    /// `None` for a socket that somebody else made.
    file: Option<File>,
}

/// The socket's file, by path and by what it was when we made it.
struct File {
    path: PathBuf,
    id: (u64, u64),
}

impl Port {
    pub(super) fn bind(path: &Path, mode: Option<u32>) -> Result<Self> {
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?).map_err(|error| refusal(error, path))?;
        let file = File { path: path.into(), id: id(&fs::symlink_metadata(path)?) };
        let port = Self { socket: socket.into(), file: Some(file) };
        if let Some(mode) = mode {
            port.set_mode(mode)?;
        }
        // Until here every connect is refused, so nobody slips in under the umask's mode.
        rustix::net::listen(&port.socket, BACKLOG).map_err(io::Error::from)?;
        Ok(port)
    }

    pub(super) fn inherited(socket: StdListener) -> Self {
        Self { socket, file: None }
    }

    pub(super) fn set_mode(&self, mode: u32) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        // Whoever has given up the right to change it need not, where nothing changes.
        if fs::symlink_metadata(&file.path).is_ok_and(|now| now.mode() & 0o7777 == mode) {
            return Ok(());
        }
        fs::set_permissions(&file.path, fs::Permissions::from_mode(mode)).map_err(|error| {
            Error::local(format!("cannot set the mode of {}", file.path.display())).caused_by(error)
        })
    }

    pub(super) fn local(&self) -> Address {
        let at = self.socket.local_addr().ok();
        Address::Unix(at.and_then(|at| at.as_pathname().map(Into::into)))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        if fs::symlink_metadata(&file.path).is_ok_and(|now| id(&now) == file.id)
            && let Err(error) = fs::remove_file(&file.path)
        {
            tracing::debug!(%error, path = %file.path.display(), "cannot remove the socket's file");
        }
    }
}

fn id(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Removes a socket that nobody listens on.
fn remove_stale(path: &Path) -> Result<()> {
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refusal(error, path)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(Error::local(format!("{shown} is there already, and is not a socket")));
        }
        Ok(_) => {}
    }
    match connect_at_once(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| refusal(error, path))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(Error::local(format!("{shown} belongs to somebody else")).caused_by(error))
        }
        connected => {
            let holder = connected.ok().and_then(|stream| socket_peercred(stream).ok());
            let holder = holder.map_or("somebody".into(), |of| format!("process {}", of.pid));
            let taken = io::Error::from(io::ErrorKind::AddrInUse);
            Err(Error::local(format!("{shown} is taken: {holder} listens there")).caused_by(taken))
        }
    }
}

/// Does not wait where the queue is full.
fn connect_at_once(path: &Path) -> io::Result<StdStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket.into())
}

fn refusal(error: io::Error, path: &Path) -> Error {
    let shown = path.display();
    let message = match error.kind() {
        io::ErrorKind::AddrInUse => format!("{shown} is taken"),
        io::ErrorKind::NotFound => format!("the directory of {shown} does not exist"),
        io::ErrorKind::PermissionDenied => format!("we may not write to the directory of {shown}"),
        _ => format!("cannot use {shown}"),
    };
    Error::local(message).caused_by(error)
}

pub(super) fn listen(port: Arc<Port>) -> Result<impl Listener> {
    let socket = UnixListener::from_std(port.socket.try_clone()?)?;
    Ok(UnixPort { socket, port })
}

struct UnixPort {
    socket: UnixListener,
    /// Keeps the file.
    port: Arc<Port>,
}

#[async_trait]
impl Listener for UnixPort {
    async fn accept(&self) -> Result<Box<dyn Incoming>> {
        let (socket, _) = self.socket.accept().await.map_err(accept_error)?;
        Ok(Box::new(Accepted(socket)))
    }

    fn local(&self) -> Address {
        self.port.local()
    }
}

struct Accepted(tokio::net::UnixStream);

#[async_trait]
impl Incoming for Accepted {
    async fn establish(self: Box<Self>) -> Result<Connection> {
        Connection::unix(self.0)
    }
}

#[cfg(test)]
#[path = "unix_tests.rs"]
mod tests;
