//! A server that answers each command by what a script says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::super::{Client, Error, Options, Security};

/// What is said to a command with this beginning; the empty one is the greeting. `PORT` in it becomes the port for
/// data, as EPSV writes it, and `P,P` as PASV does.
pub(super) type Script = &'static [(&'static str, &'static str)];

/// The usual words of a login.
pub(super) const LOGIN: Script = &[
    ("", "220 ready"),
    ("USER", "331 password"),
    ("PASS", "230 in"),
    ("FEAT", "211-Features\r\n MLST type*;size*;\r\n211 End"),
    ("TYPE", "200 ok"),
    ("EPSV", "229 ok (|||PORT|)"),
    ("PASV", "227 ok (127,0,0,1,P,P)"),
    ("QUIT", "221 bye"),
];

pub(super) struct Server {
    pub(super) at: SocketAddr,
    heard: Receiver<String>,
}

impl Server {
    /// Each command that was said so far.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.try_iter().collect()
    }
}

/// Serves one client: what the script says, else what a login needs. Each data connection brings `data`, and ends.
pub(super) fn serve(script: Script, data: impl Into<Vec<u8>>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let (tell, heard) = sync_channel(1000);
    let data = data.into();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
        let ports = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = ports.local_addr().unwrap().port();
        thread::spawn(move || {
            for open in ports.incoming() {
                // A client that has gone already is what some tests are about.
                let _ = open.and_then(|mut open| open.write_all(&data));
            }
        });
        let mut line = String::new();
        loop {
            let of = |script: Script| {
                let found = script
                    .iter()
                    .find(|(verb, _)| line.starts_with(verb) && verb.is_empty() == line.is_empty());
                found.map(|(_, says)| *says)
            };
            let says = of(script).or(of(LOGIN)).unwrap_or("502 no");
            let says = says.replace("PORT", &port.to_string());
            let says = says.replace("P,P", &format!("{},{}", port >> 8, port & 255));
            if socket.write_all(format!("{says}\r\n").as_bytes()).is_err() {
                return;
            }
            match lines.next() {
                Some(Ok(next)) => line = next,
                _ => return,
            }
            if tell.send(line.clone()).is_err() {
                return;
            }
        }
    });
    Server { at, heard }
}

pub(super) async fn connect(server: &Server, options: Options) -> Result<Client, Error> {
    Client::connect("127.0.0.1", Some(server.at.port()), options).await
}

/// Options for servers without TLS.
pub(super) fn clear() -> Options {
    Options { security: Security::Clear, ..Options::default() }
}

pub(super) async fn login(server: &Server) -> Client {
    let mut client = connect(server, clear()).await.unwrap();
    client.login("ann", "secret").await.unwrap();
    client
}
