use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll};

use futures_util::future::BoxFuture;
use ropewalk_core::app::{Context, Protocol};
use ropewalk_core::net::Connection;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::Need;
use crate::client::{Drive, Fetch, Fetched};
use crate::datagrams::{Datagrams, Route};
use crate::doors::{Door, Find};

/// A byte stream to a subject.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Dial = dyn Fn() -> BoxFuture<'static, io::Result<Box<dyn Io>>> + Send + Sync;

/// A server, or a client, under test: how to reach it, and what it was given to show.
#[derive(Clone)]
pub struct Subject {
    name: String,
    host: String,
    path: String,
    user: (String, String),
    other: (String, String),
    has: Vec<Need>,
    dial: Arc<Dial>,
    doors: Vec<(Door, Arc<Dial>)>,
    url: String,
    quic: Option<Arc<Find>>,
    route: Route,
    drive: Option<Arc<Drive>>,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("name", &self.name).field("has", &self.has).finish_non_exhaustive()
    }
}

impl Subject {
    /// A subject reached in a way of one's own: `dial` makes one fresh connection.
    pub fn new<F>(name: &str, host: &str, dial: F) -> Self
    where
        F: Fn() -> BoxFuture<'static, io::Result<Box<dyn Io>>> + Send + Sync + 'static,
    {
        Self {
            name: name.into(),
            host: host.into(),
            path: "/".into(),
            user: Default::default(),
            other: Default::default(),
            has: vec![Need::Fixture],
            dial: Arc::new(dial),
            doors: Vec::new(),
            url: "https://conform.test/dns-query".into(),
            quic: None,
            route: Route::None,
            drive: None,
        }
    }

    /// A client: `drive` does requests in order, in one session of the client, and tells what came of each.
    pub fn client<F>(name: &str, drive: F) -> Self
    where
        F: Fn(Vec<Fetch>) -> BoxFuture<'static, Vec<Fetched>> + Send + Sync + 'static,
    {
        let no_server = || -> BoxFuture<'static, io::Result<Box<dyn Io>>> {
            Box::pin(async { Err(io::Error::other("a client is no server")) })
        };
        let subject = Self::new(name, "", no_server);
        Self { has: vec![Need::Client], drive: Some(Arc::new(drive)), ..subject }
    }

    /// The server at `tcp:PORT:host=ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; datagrams go to the same place by UDP.
    ///
    /// # Errors
    /// Where the endpoint is none of these; nothing is connected yet.
    pub fn at(endpoint: &str) -> Result<Self, String> {
        let target = tcp_target(endpoint)?;
        let host = format!("{}:{}", bracketed(&target.0), target.1);
        let route = Route::Udp(target.0.clone(), target.1);
        let subject = Self::new(endpoint, &host, move || {
            let target = target.clone();
            Box::pin(async move {
                let socket = TcpStream::connect((target.0.as_str(), target.1)).await?;
                socket.set_nodelay(true)?;
                Ok(Box::new(socket) as Box<dyn Io>)
            })
        });
        Ok(Self { route, ..subject })
    }

    /// Says how datagrams are answered, for a server in this process: `reply` gives those that come back for one.
    #[must_use]
    pub fn answering_datagrams<F>(mut self, reply: F) -> Self
    where
        F: Fn(Vec<u8>) -> BoxFuture<'static, Vec<Vec<u8>>> + Send + Sync + 'static,
    {
        self.route = Route::Local(Arc::new(reply));
        self
    }

    /// A server in this process: `serve` is given one end of a connection in memory and serves it to its end.
    /// The future runs whenever the case waits, and is dropped with the case.
    pub fn in_process<F, S>(name: &str, serve: F) -> Self
    where
        F: Fn(Connection) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let serve = Arc::new(serve);
        Self::new(name, "conform.test", move || {
            let serve = Arc::clone(&serve);
            Box::pin(async move {
                let (near, io) = Connection::pair();
                Ok(Box::new(Served { io, server: Some(Box::pin(serve(near))) }) as Box<dyn Io>)
            })
        })
    }

    /// A client that connects to this listener, again and again: each fresh connection is the next that it makes.
    pub fn connecting(name: &str, listener: TcpListener) -> Self {
        let listener = Arc::new(listener);
        Self::new(name, "conform.test", move || {
            let listener = Arc::clone(&listener);
            Box::pin(async move {
                let (socket, _) = listener.accept().await?;
                socket.set_nodelay(true)?;
                Ok(Box::new(socket) as Box<dyn Io>)
            })
        })
    }

    /// A [`Protocol`] in this process, each connection with a child of `context`. How a connection ended for
    /// the server is not judged: only what the peer sees is.
    pub fn protocol(name: &str, protocol: impl Protocol, context: &Context) -> Self {
        let protocol = protocol.boxed();
        let context = context.clone();
        Self::in_process(name, move |connection| {
            let (protocol, context) = (protocol.clone(), context.child(context.span().clone()));
            async move {
                let _ended = protocol.serve(connection, context).await;
            }
        })
    }

    /// Says how connections are made at another door of the subject.
    #[must_use]
    pub(crate) fn door<F>(mut self, door: Door, dial: F) -> Self
    where
        F: Fn() -> BoxFuture<'static, io::Result<Box<dyn Io>>> + Send + Sync + 'static,
    {
        self.doors.push((door, Arc::new(dial)));
        self
    }

    /// Says how it is found where QUIC is spoken.
    #[must_use]
    pub(crate) fn quic_at<F>(mut self, find: F) -> Self
    where
        F: Fn() -> BoxFuture<'static, io::Result<SocketAddr>> + Send + Sync + 'static,
    {
        self.quic = Some(Arc::new(find));
        self
    }

    /// Says at which URL DNS is asked.
    #[must_use]
    pub(crate) fn asked_at(mut self, url: &str) -> Self {
        self.url = url.into();
        self
    }

    /// Says that the subject was given this as well. Every subject is taken to have [`Need::Fixture`].
    #[must_use]
    pub fn with(mut self, need: Need) -> Self {
        self.has.push(need);
        self
    }

    /// Says that a server was given everything that a case may need.
    #[must_use]
    pub fn with_all(mut self) -> Self {
        self.has = Need::OF_SERVERS.to_vec();
        self
    }

    /// For a server of unknown content: cases that need the known tree are skipped.
    #[must_use]
    pub fn without(mut self, need: Need) -> Self {
        self.has.retain(|has| *has != need);
        self
    }

    /// The same subject by another name in reports.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The path of the service that is tried, for protocols that name one; `/` unless said otherwise.
    #[must_use]
    pub fn at_path(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    /// Who logs in, with this password, for protocols with a login: gives [`Need::Account`].
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.user = (name.into(), password.into());
        self.with(Need::Account)
    }

    /// A second account, for demands about several people: gives [`Need::Other`].
    #[must_use]
    pub fn other(mut self, name: &str, password: &str) -> Self {
        self.other = (name.into(), password.into());
        self.with(Need::Other)
    }

    /// Its name in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The authority that a client would name, for protocols that say it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path of the service that is tried.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The URL at which DNS is asked.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The name and the password that log in.
    pub(crate) fn login(&self) -> (&str, &str) {
        (&self.user.0, &self.user.1)
    }

    /// The name and the password of the second account.
    pub(crate) fn second(&self) -> (&str, &str) {
        (&self.other.0, &self.other.1)
    }

    pub(crate) fn drive(&self) -> Option<Arc<Drive>> {
        self.drive.clone()
    }

    /// The first of these needs that the subject was not given.
    pub fn lacks(&self, needs: &[Need]) -> Option<Need> {
        needs.iter().copied().find(|need| !self.has.contains(need))
    }

    /// Makes a connection and closes it: whether anybody is there.
    ///
    /// # Errors
    /// Why nobody is.
    pub async fn reach(&self) -> io::Result<()> {
        self.dial().await.map(drop)
    }

    pub(crate) async fn datagrams(&self) -> io::Result<Datagrams> {
        self.route.open().await
    }

    /// Where QUIC is spoken.
    pub(crate) async fn quic(&self) -> io::Result<SocketAddr> {
        match &self.quic {
            Some(find) => find().await,
            None => Err(io::Error::other("the subject does not speak QUIC")),
        }
    }

    pub(crate) async fn dial(&self) -> io::Result<Box<dyn Io>> {
        (self.dial)().await
    }

    /// Makes a connection at this door.
    pub(crate) async fn dial_at(&self, door: Door) -> io::Result<Box<dyn Io>> {
        if door == Door::Front {
            return self.dial().await;
        }
        match self.doors.iter().find(|(has, _)| *has == door) {
            Some((_, dial)) => dial().await,
            None => Err(io::Error::other(format!("the subject has no door {door:?}"))),
        }
    }
}

pub(crate) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.into() }
}

/// Host and port of an endpoint.
pub(crate) fn tcp_target(endpoint: &str) -> Result<(String, u16), String> {
    let wrong = || format!("`{endpoint}` is neither tcp:PORT:host=ADDRESS nor ADDRESS:PORT");
    let (host, port) = match endpoint.strip_prefix("tcp:") {
        Some(rest) => match rest.split_once(':') {
            Some((port, options)) => {
                (options.strip_prefix("host=").ok_or_else(wrong)?.replace("\\:", ":"), port)
            }
            None => ("127.0.0.1".to_owned(), rest),
        },
        None => {
            let (host, port) = endpoint.rsplit_once(':').ok_or_else(wrong)?;
            (host.trim_start_matches('[').trim_end_matches(']').to_owned(), port)
        }
    };
    match port.parse() {
        Ok(port) if !host.is_empty() => Ok((host, port)),
        _ => Err(wrong()),
    }
}

/// The far end of a connection in memory, which runs the server whenever it is waited for.
struct Served {
    io: DuplexStream,
    server: Option<BoxFuture<'static, ()>>,
}

impl Served {
    fn run_server(&mut self, cx: &mut Poller<'_>) {
        if let Some(server) = &mut self.server
            && server.as_mut().poll(cx).is_ready()
        {
            self.server = None;
        }
    }
}

impl AsyncRead for Served {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.run_server(cx);
        Pin::new(&mut this.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Served {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.run_server(cx);
        Pin::new(&mut this.io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_both_spellings_are_understood() {
        let here = ("127.0.0.1".to_owned(), 8080);
        assert_eq!(tcp_target("tcp:8080:host=127.0.0.1"), Ok(here.clone()));
        assert_eq!(tcp_target("127.0.0.1:8080"), Ok(here.clone()));
        assert_eq!(tcp_target("tcp:8080"), Ok(here));
        assert_eq!(tcp_target("[::1]:80"), Ok(("::1".to_owned(), 80)));
        assert_eq!(tcp_target("tcp:80:host=\\:\\:1"), Ok(("::1".to_owned(), 80)));
    }

    #[test]
    fn other_endpoints_are_refused() {
        for wrong in ["", "8080", ":8080", "tcp:", "tcp:80:interface=::1", "host:99999", "unix:/run/x"] {
            assert!(tcp_target(wrong).is_err(), "{wrong}");
        }
    }
}
