//! Sockets that somebody else made and handed over: `systemd:` and `fd:`.

use std::env;
use std::os::fd::OwnedFd;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::{Domain, Socket, Type};

use super::{tcp, unix};
use crate::{Error, Result};

/// The first descriptor that systemd hands over: sd_listen_fds(3).
const FIRST: u32 = 3;

pub(super) enum Inherited {
    Tcp(tcp::Port),
    Unix(unix::Port),
}

/// A duplicate of the descriptor of that number, as a listening socket. The original stays open, so that it
/// can be claimed again; the socket is thus never fully closed by us.
pub(super) fn descriptor(number: u32) -> Result<Inherited> {
    let wrong = |what: &str| Error::local(format!("descriptor {number} is not {what}"));
    let socket = Socket::from(duplicate(number)?);
    if !socket.is_listener().map_err(|error| wrong("a socket").caused_by(error))? {
        return Err(wrong("a listening socket"));
    }
    if socket.r#type()? != Type::STREAM {
        return Err(wrong("a stream socket"));
    }
    socket.set_nonblocking(true)?;
    match socket.domain()? {
        Domain::IPV4 | Domain::IPV6 => Ok(Inherited::Tcp(tcp::Port::of(socket.into()))),
        Domain::UNIX => Ok(Inherited::Unix(unix::Port::inherited(socket.into()))),
        _ => Err(wrong("a TCP or UNIX socket")),
    }
}

/// By way of the kernel's view of our own process: a bare number cannot be taken for an owned descriptor
/// without unsafe code.
fn duplicate(number: u32) -> Result<OwnedFd> {
    let none = |error| Error::local(format!("there is no descriptor {number}")).caused_by(error);
    let number = i32::try_from(number).map_err(|error| Error::local("no descriptor").caused_by(error))?;
    let ourselves = pidfd_open(getpid(), PidfdFlags::empty()).map_err(|error| {
        Error::local("the kernel gives no pidfd (Linux 5.6 or later does)").caused_by(error)
    })?;
    pidfd_getfd(ourselves, number, PidfdGetfdFlags::empty()).map_err(none)
}

/// The socket of that name that systemd handed over; without a name, the only one.
pub(super) fn systemd(name: Option<&str>) -> Result<Inherited> {
    let get = |key: &str| env::var(key).ok();
    descriptor(find(get, std::process::id(), name)?)
}

/// The number of the descriptor, by the environment: sd_listen_fds_with_names(3).
fn find(get: impl Fn(&str) -> Option<String>, pid: u32, name: Option<&str>) -> Result<u32> {
    let number = |key: &str| get(key).and_then(|value| value.parse::<u32>().ok());
    let count = match number("LISTEN_FDS") {
        Some(count) if number("LISTEN_PID") == Some(pid) => count.min(1024),
        _ => return Err(Error::local("systemd handed over no sockets (LISTEN_FDS and LISTEN_PID)")),
    };
    let names = get("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<&str> = names.split(':').filter(|name| !name.is_empty()).collect();
    match name {
        None if count == 1 => Ok(FIRST),
        None => Err(Error::local(format!("systemd handed over {count} sockets; say which by `name=`"))),
        Some(name) => {
            let at = names.iter().take(count as usize).position(|n| *n == name);
            let at = at.and_then(|at| u32::try_from(at).ok()).ok_or_else(|| {
                let names = names.join(", ");
                Error::local(format!("systemd handed over no socket `{name}`; there are {count}: {names}"))
            })?;
            Ok(FIRST + at)
        }
    }
}

#[cfg(test)]
#[path = "inherited_tests.rs"]
mod tests;
