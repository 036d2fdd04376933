//! A control connection, and the data connections that a case opens beside it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ropewalk_core::tls::{ClientTls, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::fixture;
use super::reply::Reply;
use crate::Io;
use crate::case::{Verdict, check};
use crate::peer::{Filled, quote, secure};
use crate::{Broken, Outcome, Peer};

/// The most octets that a case takes on one data connection.
const MOST: u64 = 16 * 1024 * 1024;

/// A conversation with a subject.
pub(super) struct Client<'a> {
    pub(super) peer: &'a mut Peer,
    tls: Option<ClientTls>,
    /// Whether data connections are to be secured, once a transfer begins.
    pub(super) private: bool,
}

impl<'a> Client<'a> {
    /// A fresh connection that was greeted.
    pub(super) async fn greeted(peer: &'a mut Peer) -> Result<Self, Broken> {
        peer.reconnect();
        let mut client = Self { peer, tls: None, private: false };
        let reply = client.reply().await?;
        let reply = if reply.code == 120 { client.reply().await? } else { reply };
        reply.is(&[220])?;
        Ok(client)
    }

    /// A fresh connection on which the account has logged in, and TYPE is I.
    pub(super) async fn ready(peer: &'a mut Peer) -> Result<Self, Broken> {
        let mut client = Self::greeted(peer).await?;
        client.log_in().await?;
        client.ask("TYPE I").await?.is(&[200])?;
        Ok(client)
    }

    /// Logs the account in.
    pub(super) async fn log_in(&mut self) -> Verdict {
        let (name, password) = self.peer.subject().login();
        let (user, pass) = (format!("USER {name}"), format!("PASS {password}"));
        let reply = self.ask(&user).await?;
        if reply.code == 230 {
            return Ok(Outcome::Pass);
        }
        reply.is(&[331])?;
        self.ask(&pass).await?.is(&[230, 202])
    }

    /// Sends a command.
    pub(super) async fn say(&mut self, command: impl AsRef<[u8]>) -> Result<(), Broken> {
        self.peer.send([command.as_ref(), b"\r\n"].concat()).await
    }

    /// Sends a command, and takes its first reply.
    pub(super) async fn ask(&mut self, command: impl AsRef<[u8]>) -> Result<Reply, Broken> {
        let command = command.as_ref();
        self.say(command).await?;
        let after = |broken: Broken| {
            Broken::new(broken.expected, format!("{} after {}", broken.actual, quote(command)))
        };
        self.reply().await.map_err(after)
    }

    /// The next reply.
    pub(super) async fn reply(&mut self) -> Result<Reply, Broken> {
        match self.reply_or_end().await? {
            Some(reply) => Ok(reply),
            None => Err(Broken::new("a reply", "the end of the connection")),
        }
    }

    /// The next reply, or none where the connection ends.
    pub(super) async fn reply_or_end(&mut self) -> Result<Option<Reply>, Broken> {
        loop {
            if let Some(reply) = Reply::take(&mut self.peer.buffer)? {
                return Ok(Some(reply));
            }
            match self.peer.fill().await? {
                Filled::Some => {}
                Filled::Ended(_) if self.peer.buffer.is_empty() => return Ok(None),
                Filled::Ended(_) => {
                    let cut = format!("the end amid a reply: {}", quote(&self.peer.buffer));
                    return Err(Broken::new("a reply", cut));
                }
                Filled::Silent => {
                    let had = quote(&self.peer.buffer);
                    return Err(Broken::new("a reply", format!("silence, and {had} before it")));
                }
            }
        }
    }

    /// Nothing is said for a moment.
    pub(super) async fn is_silent(&mut self) -> Verdict {
        let moment = Duration::from_millis(200);
        if self.peer.buffer.is_empty() {
            self.peer.fill_within(moment).await?;
        }
        check(self.peer.buffer.is_empty(), "no reply that nobody asked for", quote(&self.peer.buffer))
    }

    /// The conversation is in step: a NOOP gets its own reply, and nothing else comes.
    pub(super) async fn is_usable(&mut self) -> Verdict {
        self.ask("NOOP").await?.is(&[200])?;
        self.ask("PWD").await?.is(&[257])
    }

    /// The control connection goes on under TLS, and the data connections can.
    pub(super) async fn start_tls(&mut self) -> Result<(), Broken> {
        let wrong = |error: ropewalk_core::Error| Broken::new("TLS of our own", error.chain());
        let tls = match self.tls.take() {
            Some(tls) => tls,
            None => ClientTls::danger_accept_any().map_err(wrong)?,
        };
        let made = self.peer.start_tls(&tls, &server_name()?).await;
        self.tls = Some(tls);
        made
    }

    /// The host of the subject.
    pub(super) fn host(&self) -> String {
        let host = self.peer.host();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']').to_owned()
    }

    /// Whether the subject is reached by IPv6.
    pub(super) fn is_v6(&self) -> bool {
        self.host().contains(':')
    }

    /// Asks for a passive data connection, and makes it.
    pub(super) async fn passive(&mut self) -> Result<Data, Broken> {
        let port = if self.is_v6() { self.epsv("EPSV").await? } else { self.pasv().await?.port() };
        self.connect(port).await
    }

    /// What a 227 says.
    pub(super) async fn pasv(&mut self) -> Result<SocketAddr, Broken> {
        let reply = self.ask("PASV").await?;
        reply.is(&[227])?;
        // RFC 1123 §4.1.2: parentheses may be absent; the numbers begin at the first digit.
        let text = reply.text();
        let numbers = text.find(|char: char| char.is_ascii_digit()).and_then(|at| text.get(at..));
        let end = |char: char| !char.is_ascii_digit() && char != ',';
        let numbers = numbers.and_then(|rest| rest.split(end).next()).unwrap_or_default();
        let octets: Option<Vec<u8>> = numbers.split(',').map(|number| number.parse().ok()).collect();
        match octets.as_deref() {
            Some([a, b, c, d, high, low]) => {
                Ok(SocketAddr::from(([*a, *b, *c, *d], u16::from_be_bytes([*high, *low]))))
            }
            _ => Err(Broken::new("six numbers in the 227", reply.brief())),
        }
    }

    /// The port that a 229 says: RFC 2428 §3.
    pub(super) async fn epsv(&mut self, command: &str) -> Result<u16, Broken> {
        let reply = self.ask(command).await?;
        reply.is(&[229])?;
        let text = reply.text();
        let inside = text.split_once('(').and_then(|(_, rest)| Some(rest.split_once(')')?.0));
        let delimiter = inside.and_then(|inside| inside.chars().next());
        let port = inside.zip(delimiter).and_then(|(inside, delimiter)| {
            match inside.split(delimiter).collect::<Vec<_>>().as_slice() {
                ["", "", "", port, ""] => port.parse().ok(),
                _ => None,
            }
        });
        port.ok_or_else(|| Broken::new("(<d><d><d>port<d>) in the 229", reply.brief()))
    }

    /// A data connection to this port of the subject.
    pub(super) async fn connect(&mut self, port: u16) -> Result<Data, Broken> {
        let host = self.host();
        let patience = self.peer.patience();
        match timeout(patience, TcpStream::connect((host.as_str(), port))).await {
            Ok(Ok(socket)) => Ok(Data { io: Box::new(socket), patience }),
            Ok(Err(error)) => {
                Err(Broken::new(format!("a data connection to port {port}"), error.to_string()))
            }
            Err(_) => Err(Broken::new(format!("a data connection to port {port}"), "none")),
        }
    }

    /// A socket that the subject can be asked to connect to.
    pub(super) async fn listen(&mut self) -> Result<(TcpListener, SocketAddr), Broken> {
        let no_socket = |error: std::io::Error| Broken::new("a socket to listen on", error.to_string());
        let host = if self.is_v6() { "::1" } else { "127.0.0.1" };
        let listener = TcpListener::bind((host, 0)).await.map_err(no_socket)?;
        let address = listener.local_addr().map_err(no_socket)?;
        Ok((listener, address))
    }

    /// The data connection that the subject makes.
    pub(super) async fn accept(&mut self, listener: &TcpListener) -> Result<Data, Broken> {
        let patience = self.peer.patience();
        match timeout(patience, listener.accept()).await {
            Ok(Ok((socket, _))) => Ok(Data { io: Box::new(socket), patience }),
            Ok(Err(error)) => Err(Broken::new("a data connection from the server", error.to_string())),
            Err(_) => Err(Broken::new("a data connection from the server", "none")),
        }
    }

    /// Secures a data connection, where that was agreed on.
    pub(super) async fn secured(&mut self, data: Data) -> Result<Data, Broken> {
        match &self.tls {
            Some(tls) if self.private => {
                let io = secure(data.io, tls, &server_name()?, data.patience).await?;
                Ok(Data { io, ..data })
            }
            _ => Ok(data),
        }
    }

    /// What a command sends on a data connection of its own.
    pub(super) async fn fetch(&mut self, command: impl AsRef<[u8]>) -> Result<Vec<u8>, Broken> {
        let data = self.passive().await?;
        self.fetch_on(data, command).await
    }

    /// [`fetch`](Self::fetch) on this data connection.
    pub(super) async fn fetch_on(
        &mut self,
        data: Data,
        command: impl AsRef<[u8]>,
    ) -> Result<Vec<u8>, Broken> {
        self.ask(command).await?.is(&[125, 150])?;
        let mut data = self.secured(data).await?;
        let content = data.rest().await?;
        self.reply().await?.is(&[226, 250])?;
        Ok(content)
    }

    /// A command that sends this, to the end of the data.
    pub(super) async fn fetches(&mut self, command: &str, content: impl AsRef<[u8]>) -> Verdict {
        let came = self.fetch(command).await?;
        check(came == content.as_ref(), format!("{} of {command}", quote(content.as_ref())), quote(&came))
    }

    /// Sends content on a data connection of its own, for this command; gives its first reply.
    pub(super) async fn store(
        &mut self,
        command: impl AsRef<[u8]>,
        content: impl AsRef<[u8]>,
    ) -> Result<Reply, Broken> {
        let data = self.passive().await?;
        let first = self.ask(command).await?;
        first.is(&[125, 150])?;
        let mut data = self.secured(data).await?;
        data.send(content).await;
        data.finish().await;
        self.reply().await?.is(&[226, 250])?;
        Ok(first)
    }

    /// A transfer that is refused, before or after it was begun, and that brings no data; gives the refusal.
    pub(super) async fn refused(&mut self, command: impl AsRef<[u8]>) -> Result<Reply, Broken> {
        let data = self.passive().await?;
        let reply = self.ask(command).await?;
        if reply.class() != 1 {
            reply.refuses()?;
            return Ok(reply);
        }
        let mut data = self.secured(data).await?;
        data.finish().await;
        let content = data.rest().await?;
        check(content.is_empty(), "no data of what is refused", quote(&content))?;
        let reply = self.reply().await?;
        reply.refuses()?;
        Ok(reply)
    }

    /// A path in the folder for uploads, where nothing is: no other case uses this name.
    pub(super) async fn free(&mut self, name: &str) -> Result<String, Broken> {
        let path = format!("/{}/{name}", fixture::UPLOAD);
        self.ask(format!("DELE {path}")).await?;
        self.ask(format!("RMD {path}")).await?;
        Ok(path)
    }

    /// A path in the folder for uploads with a file of this content.
    pub(super) async fn file(&mut self, name: &str, content: impl AsRef<[u8]>) -> Result<String, Broken> {
        let path = self.free(name).await?;
        self.store(format!("STOR {path}"), content).await?;
        Ok(path)
    }

    /// An empty folder, or one that this case has filled in an earlier run.
    pub(super) async fn folder(&mut self, name: &str) -> Result<String, Broken> {
        let path = self.free(name).await?;
        self.ask(format!("MKD {path}")).await?;
        Ok(path)
    }
}

fn server_name() -> Result<ServerName, Broken> {
    "conform.test".parse().map_err(|_| Broken::new("a name for TLS", "none"))
}

/// A number that no other case of this run has.
pub(super) fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A data connection.
pub(super) struct Data {
    io: Box<dyn Io>,
    patience: Duration,
}

impl Data {
    /// A connection that a case has made in its own way.
    pub(super) fn over(io: Box<dyn Io>, patience: Duration) -> Self {
        Self { io, patience }
    }

    /// Everything to the end of the connection.
    pub(super) async fn rest(&mut self) -> Result<Vec<u8>, Broken> {
        let mut content = Vec::new();
        let mut limited = (&mut self.io).take(MOST);
        match timeout(self.patience, limited.read_to_end(&mut content)).await {
            Ok(Ok(_)) => {
                // A server may wait for the other end before it says that all went well.
                self.finish().await;
                Ok(content)
            }
            Ok(Err(error)) => Err(Broken::new("data, and then their end", error.to_string())),
            Err(_) => {
                let actual = format!("no end; {} before that", quote(&content));
                Err(Broken::new("data, and then their end", actual))
            }
        }
    }

    /// The next octets, at most so many.
    pub(super) async fn some(&mut self, most: usize) -> Vec<u8> {
        let mut octets = vec![0; most];
        let taken = timeout(self.patience, self.io.read(&mut octets)).await;
        octets.truncate(taken.ok().and_then(Result::ok).unwrap_or_default());
        octets
    }

    /// Sends; what comes of it the control connection says.
    pub(super) async fn send(&mut self, content: impl AsRef<[u8]>) {
        let _unsent = timeout(self.patience, async {
            self.io.write_all(content.as_ref()).await?;
            self.io.flush().await
        })
        .await;
    }

    /// Says that nothing more is sent.
    pub(super) async fn finish(&mut self) {
        let _unsent = timeout(self.patience, self.io.shutdown()).await;
    }
}
