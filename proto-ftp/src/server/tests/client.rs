//! A client that says what it is told, and a server to say it to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::BytesMut;
use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Protocol as _, Task};
use ropewalk_core::data::cred::Memory as People;
use ropewalk_core::data::files::{DotDot, Files, Memory, Open, VPath};
use ropewalk_core::net::{Connection, Handshake};
use ropewalk_core::tls::{ClientTls, ServerName, ServerTls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::super::{Area, Ftp, Options};
use crate::wire::{parse_epsv_reply, parse_pasv_reply};

pub(super) struct Server {
    pub(super) at: SocketAddr,
    pub(super) cx: Context,
    _accepting: Task<()>,
}

/// The accounts of these tests: ann, whose password is secret.
pub(super) fn area(memory: &Memory) -> Area {
    area_of(Arc::new(memory.clone()))
}

/// The same with a tree of any kind.
pub(super) fn area_of(files: Arc<dyn Files>) -> Area {
    let people = People::new().unwrap().user("ann:secret".parse().unwrap());
    Area::new().shared(Arc::new(people), files)
}

/// Any port will do.
pub(super) fn options() -> Options {
    Options { passive: 0..=0, ..Options::default() }
}

pub(super) fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

/// The content of a file.
pub(super) async fn content(memory: &Memory, at: &str) -> String {
    let file = memory.open(&path(at), &Open::read()).await.unwrap();
    let read = file.read_at(0, BytesMut::with_capacity(1 << 20)).await.unwrap();
    String::from_utf8(read.to_vec()).unwrap()
}

pub(super) async fn all(mut data: Connection) -> Vec<u8> {
    let mut all = Vec::new();
    data.read_to_end(&mut all).await.unwrap();
    all
}

pub(super) fn serve(ftp: Ftp) -> Server {
    serve_within(ftp, None, None)
}

/// With TLS from the first byte, or a rate, as policies of a server set them.
pub(super) fn serve_within(ftp: Ftp, tls: Option<ServerTls>, rate: Option<u64>) -> Server {
    serve_under(Limits::default(), ftp, tls, rate)
}

/// The same under these limits.
pub(super) fn serve_under(limits: Limits, ftp: Ftp, tls: Option<ServerTls>, rate: Option<u64>) -> Server {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let (at, cx, ftp) = (listener.local_addr().unwrap(), Context::root(limits), Arc::new(ftp));
    let of_server = cx.clone();
    let accept = async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (cx, ftp) = (of_server.child(tracing::Span::none()), Arc::clone(&ftp));
            let serve = {
                let (cx, tls) = (cx.clone(), tls.clone());
                async move {
                    let mut conn = Connection::tcp(socket).unwrap();
                    if let Some(tls) = tls {
                        conn = conn.start_tls(&tls.apart().unwrap(), Handshake::default()).await.unwrap();
                    }
                    if let Some(rate) = rate {
                        conn.pace().rate(rate);
                    }
                    let served = ftp.serve(conn, cx.clone()).await;
                    tracing::debug!(?served, "served");
                    cx.end();
                }
            };
            cx.spawn(serve).detach();
        }
    };
    Server { at, _accepting: cx.spawn(accept), cx }
}

impl Server {
    pub(super) async fn connect(&self) -> Client {
        self.greeted(None).await
    }

    pub(super) async fn connect_tls(&self, tls: &ClientTls) -> Client {
        self.greeted(Some(tls.clone())).await
    }

    async fn greeted(&self, tls: Option<ClientTls>) -> Client {
        let mut conn = Connection::tcp(TcpStream::connect(self.at).await.unwrap()).unwrap();
        if let Some(tls) = &tls {
            conn = secure(conn, tls).await.unwrap();
        }
        let mut client = Client { conn: Some(conn), heard: BytesMut::new(), tls, local: self.at.ip() };
        assert_eq!(client.reply().await, "220 Ropewalk FTP\r\n");
        client
    }

    /// A client that is logged in as ann, and wants bytes as they are.
    pub(super) async fn login(&self) -> Client {
        let mut client = self.connect().await;
        client.log_in("ann", "secret").await;
        assert_eq!(client.code("TYPE I").await, 200);
        client
    }
}

pub(super) struct Client {
    pub(super) conn: Option<Connection>,
    heard: BytesMut,
    pub(super) tls: Option<ClientTls>,
    local: IpAddr,
}

impl Client {
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let conn = self.conn.as_mut().unwrap();
        conn.write_all(bytes).await.unwrap();
        conn.flush().await.unwrap();
    }

    /// The next reply, with all its lines; empty at the end.
    pub(super) async fn reply(&mut self) -> String {
        loop {
            if let Some(end) = end_of_reply(&self.heard) {
                return String::from_utf8_lossy(&self.heard.split_to(end)).into_owned();
            }
            if self.conn.as_mut().unwrap().read_buf(&mut self.heard).await.unwrap_or(0) == 0 {
                return String::from_utf8_lossy(&self.heard.split()).into_owned();
            }
        }
    }

    pub(super) async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.reply().await
    }

    pub(super) async fn code(&mut self, line: &str) -> u16 {
        code(&self.say(line).await)
    }

    pub(super) async fn codes<const N: usize>(&mut self, lines: [&str; N]) -> [u16; N] {
        let mut codes = [0; N];
        for (code, line) in codes.iter_mut().zip(lines) {
            *code = self.code(line).await;
        }
        codes
    }

    pub(super) async fn log_in(&mut self, user: &str, password: &str) {
        assert_eq!(self.code(&format!("USER {user}")).await, 331);
        assert_eq!(self.code(&format!("PASS {password}")).await, 230);
    }

    /// Goes on under TLS, data too.
    pub(super) async fn start_tls(&mut self, tls: &ClientTls) {
        assert_eq!(self.code("AUTH TLS").await, 234);
        let conn = self.conn.take().unwrap();
        self.conn = Some(secure(conn, tls).await.unwrap());
        self.tls = Some(tls.clone());
        assert_eq!(self.codes(["PBSZ 0", "PROT P"]).await, [200, 200]);
    }

    /// Where to connect, by PASV or EPSV.
    pub(super) async fn port(&mut self, command: &str) -> SocketAddr {
        let reply = self.say(command).await;
        match command.starts_with("PASV") {
            true => parse_pasv_reply(reply.as_bytes()).unwrap().into(),
            false => SocketAddr::new(self.local, parse_epsv_reply(reply.as_bytes()).unwrap()),
        }
    }

    /// A data connection, without TLS so far.
    pub(super) async fn passive(&mut self) -> Connection {
        let at = self.port("EPSV").await;
        Connection::tcp(TcpStream::connect(at).await.unwrap()).unwrap()
    }

    /// What a transfer brings; text, and the transfer is done.
    pub(super) async fn fetch(&mut self, command: &str) -> String {
        let data = self.passive().await;
        let opening = self.say(command).await;
        assert_eq!(code(&opening), 150, "{opening}");
        let data = self.private(data).await;
        let text = all(data).await;
        let end = self.reply().await;
        assert_eq!(end, "226 done\r\n");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The data connection as it was agreed.
    pub(super) async fn private(&self, data: Connection) -> Connection {
        match &self.tls {
            Some(tls) => secure(data, tls).await.unwrap(),
            None => data,
        }
    }

    /// Sends a file; the code that ends it.
    pub(super) async fn store(&mut self, command: &str, content: &[u8]) -> u16 {
        let data = self.passive().await;
        let opening = self.code(command).await;
        if opening != 150 {
            return opening;
        }
        let mut data = self.private(data).await;
        data.write_all(content).await.unwrap();
        data.shutdown().await.unwrap();
        // With the tickets of TLS, if there are any.
        all(data).await;
        code(&self.reply().await)
    }
}

pub(super) async fn secure(conn: Connection, tls: &ClientTls) -> ropewalk_core::Result<Connection> {
    let name: ServerName = "localhost".parse().unwrap();
    conn.connect_tls(tls, &name, Handshake::default()).await
}

/// A connection from another address of this machine.
pub(super) async fn stranger(to: SocketAddr) -> TcpStream {
    try_stranger(to).await.unwrap()
}

pub(super) async fn try_stranger(to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    socket.connect(to).await
}

pub(super) fn code(reply: &str) -> u16 {
    reply.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn end_of_reply(heard: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in heard.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if line.ends_with(b"\r\n")
            && line.first().is_some_and(u8::is_ascii_digit)
            && line.get(3) == Some(&b' ')
        {
            return Some(at);
        }
    }
    None
}
