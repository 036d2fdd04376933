use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::endpoint::At;
#[cfg(feature = "quic")]
use super::quic;
use super::{Endpoint, Listener, inherited, memory, stdio, tcp, unix};
use crate::{Address, Error, Result};

/// A place that is bound and held, without a runtime. Clones are the same one.
///
/// It can be listened on again and again, by a service that its supervisor runs once more or by the next
/// generation of a configuration: all listen on the same socket, so that nobody is refused in between. It
/// closes when the last clone *and* the last [`Listener`] are dropped, or, ahead of the clones, by
/// [`close`](Self::close). A UNIX socket's file is then removed.
#[derive(Clone)]
pub struct Bound(Arc<Mutex<Option<Held>>>);

#[derive(Clone)]
enum Held {
    Tcp(tcp::Port),
    #[cfg(feature = "quic")]
    Quic(Arc<quic::Port>),
    Unix(Arc<unix::Port>),
    Stdio(Arc<stdio::Port>),
    Memory(Arc<memory::Port>),
}

impl Bound {
    /// Binds it; `beside` sockets of ours which [share](Self::share) the port until they are closed, where it is of datagrams.
    #[cfg_attr(not(feature = "quic"), expect(unused_variables, reason = "only QUIC is of datagrams"))]
    pub(super) fn claim(endpoint: &Endpoint, beside: bool) -> Result<Self> {
        let held = match endpoint.at() {
            At::Tcp { host: Some(_), .. } => Err(Error::local("`host=` is for connecting; use `interface=`")),
            At::Tcp { port, interface, .. } => tcp::Port::bind(*port, *interface).map(Held::Tcp),
            #[cfg(feature = "quic")]
            At::Quic { port, interface, .. } => {
                quic::Port::bind(*port, *interface, beside).map(|port| Held::Quic(Arc::new(port)))
            }
            #[cfg(not(feature = "quic"))]
            At::Quic { .. } => Err(Error::local("this program was built without QUIC")),
            At::Unix { path, mode } => unix::Port::bind(path, *mode).map(|port| Held::Unix(Arc::new(port))),
            At::Systemd { name } => inherited::systemd(name.as_deref()).map(Held::inherited),
            At::Fd(number) => inherited::descriptor(*number).map(Held::inherited),
            At::Stdio => Ok(Held::Stdio(Arc::default())),
            At::Memory(name) => memory::Port::bind(name).map(|port| Held::Memory(Arc::new(port))),
            At::Udp { .. } => Err(Error::local("it is for datagrams, not connections")),
            At::Process { .. } => Err(Error::local("a program can be connected to, not listened on")),
        };
        let held = held.map_err(|error| error.during(format!("cannot listen on {endpoint}")))?;
        Ok(Self(Arc::new(Mutex::new(Some(held)))))
    }

    /// Begins to listen, in the current runtime. A peer that came before waits in the socket's queue.
    ///
    /// # Errors
    /// Where the socket was closed, or the system has no descriptor left for its duplicate.
    ///
    /// # Panics
    /// Outside of a runtime with I/O.
    pub fn listen(&self) -> Result<Box<dyn Listener>> {
        Ok(match self.held()? {
            Held::Tcp(port) => Box::new(port.listen()?),
            #[cfg(feature = "quic")]
            Held::Quic(port) => Box::new(quic::listen(port)?),
            Held::Unix(port) => Box::new(unix::listen(port)?),
            Held::Stdio(port) => Box::new(stdio::listen(port)),
            Held::Memory(port) => Box::new(memory::listen(port)),
        })
    }

    /// Where it is bound: the real port where port 0 was asked for. Two for `interface=localhost`, none
    /// after [`close`](Self::close).
    pub fn local(&self) -> Vec<Address> {
        match self.held() {
            Ok(Held::Tcp(port)) => port.local(),
            #[cfg(feature = "quic")]
            Ok(Held::Quic(port)) => port.local(),
            Ok(Held::Unix(port)) => vec![port.local()],
            Ok(Held::Stdio(_)) => vec![stdio::ADDRESS],
            Ok(Held::Memory(_)) => vec![Address::Memory],
            Err(_) => Vec::new(),
        }
    }

    /// Gives the socket up for all clones: [`listen`](Self::listen) fails from now, and it closes as soon as
    /// the listeners that are there are dropped.
    pub fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits until what connections said at their end has gone out; where it goes out by itself, not at all.
    pub(crate) async fn settle(&self) {
        #[cfg(feature = "quic")]
        if let Ok(Held::Quic(port)) = self.held() {
            port.settle().await;
        }
    }

    /// Lets other sockets of ours have the same port, where it is of datagrams.
    pub(super) fn share(&self) -> io::Result<()> {
        match self.held() {
            #[cfg(feature = "quic")]
            Ok(Held::Quic(port)) => port.share(),
            _ => Ok(()),
        }
    }

    /// What a new claim of the same place may change: the mode of a UNIX socket's file.
    pub(super) fn adopt(&self, endpoint: &Endpoint) -> Result<()> {
        match (self.held()?, endpoint.at()) {
            (Held::Unix(port), At::Unix { mode: Some(mode), .. }) => port.set_mode(*mode),
            _ => Ok(()),
        }
    }

    fn held(&self) -> Result<Held> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone().ok_or_else(|| Error::local("the socket was closed"))
    }
}

impl Held {
    fn inherited(socket: inherited::Inherited) -> Self {
        match socket {
            inherited::Inherited::Tcp(port) => Self::Tcp(port),
            inherited::Inherited::Unix(port) => Self::Unix(Arc::new(port)),
        }
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bound").field(&self.local()).finish()
    }
}
