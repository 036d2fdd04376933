//! Commands over a line: `lastlog N FILE` shows the end of a file, `comhash FILE` its SHA-256, `exit` leaves. Files are
//! those of one folder. At most four clients at once; one more is told so.
//!
//! Run it, and talk to it in a second terminal:
//!
//! ```console
//! $ cargo run -p ropewalk-core --example command_server -- tcp:7000:interface=localhost core
//! $ printf 'lastlog 2 Cargo.toml\r\ncomhash none\r\nexit\r\n' | nc localhost 7000
//! ```
//!
//! Expected output:
//!
//! ```text
//! [lints]
//! workspace = true
//! .
//! ? none: No such file or directory (os error 2)
//! bye
//! ```

use std::collections::VecDeque;
use std::fs::File;
use std::future::pending;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use ropewalk_core::app::{Application, Context, Member, Protocol, Server, drive};
use ropewalk_core::data::files::Name;
use ropewalk_core::net::{Connection, process};
use ropewalk_core::sansio::{Lines, Machine, Output, Respond};
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_core::{Pool, Result};
use tokio::process::Command as Program;
use tokio::sync::Semaphore;

const CLIENTS: usize = 4;
const LINE: usize = 256;
const IDLE: Duration = Duration::from_secs(60);

/// What a client asks for.
enum Command {
    LastLog(u16, String),
    ComHash(String),
}

/// What it is told.
enum Answer {
    /// Lines will follow.
    Wait,
    Line(Bytes),
    Done(String),
}

/// One conversation, without I/O.
struct Session {
    lines: Lines,
    out: VecDeque<Output<Command>>,
    /// A command runs: no other is read.
    busy: bool,
    until: Instant,
}

impl Session {
    fn new(now: Instant) -> Self {
        let lines = Lines::new(LINE).accept_lone_lf();
        Self { lines, out: VecDeque::new(), busy: false, until: now + IDLE }
    }

    /// A conversation with the client who is too many.
    fn refused(now: Instant) -> Self {
        let mut session = Self::new(now);
        session.leave(&format!("? {CLIENTS} clients are here already; try later"));
        session
    }

    fn command(&mut self, line: &str) {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["lastlog", lines, file] => match lines.parse() {
                Ok(lines) => self.ask(Command::LastLog(lines, (*file).into())),
                Err(_) => self.say(b"? lastlog N FILE: N is a number"),
            },
            ["comhash", file] => self.ask(Command::ComHash((*file).into())),
            ["exit"] => self.leave("bye"),
            _ => self.say(b"? lastlog N FILE, comhash FILE, exit"),
        }
    }

    fn ask(&mut self, command: Command) {
        self.busy = true;
        self.out.push_back(Output::Event(command));
    }

    fn say(&mut self, line: &[u8]) {
        self.out.push_back(Output::Send([line, b"\r\n"].concat().into()));
    }

    fn leave(&mut self, line: &str) {
        self.say(line.as_bytes());
        self.out.push_back(Output::Close);
    }
}

impl Machine for Session {
    type Event = Command;
    type Answer = Answer;

    fn receive(&mut self, now: Instant, input: &mut BytesMut) {
        match self.lines.next(input) {
            Ok(None) => return,
            Ok(Some(line)) => self.command(&String::from_utf8_lossy(&line)),
            Err(error) => self.leave(&format!("? {error}: at most {LINE} octets")),
        }
        self.until = now + IDLE;
    }

    fn answer(&mut self, now: Instant, answer: Answer) {
        match answer {
            Answer::Wait => {}
            Answer::Line(line) => self.say(&line),
            Answer::Done(line) => {
                self.busy = false;
                self.say(line.as_bytes());
            }
        }
        self.until = now + IDLE;
    }

    fn finished(&mut self, _: Instant) {
        self.out.push_back(Output::Close);
    }

    fn elapsed(&mut self, _: Instant) {
        self.leave("? nothing happened for too long");
    }

    fn stop(&mut self) {
        self.leave("? the server stops");
    }

    fn poll(&mut self) -> Output<Command> {
        self.out.pop_front().unwrap_or(Output::Wait { until: self.until, read: !self.busy })
    }
}

/// What all conversations share.
struct Commands {
    folder: PathBuf,
    clients: Semaphore,
    pool: Pool,
}

impl Protocol for Commands {
    async fn serve(&self, conn: Connection, cx: Context) -> Result<()> {
        let client = self.clients.try_acquire();
        let now = Instant::now();
        let mut session = if client.is_ok() { Session::new(now) } else { Session::refused(now) };
        drive(conn, &mut session, &mut Shell { commands: self, tail: None }, &cx).await
    }
}

/// Does what one client asks for. A child that still runs when the client leaves is killed with this.
struct Shell<'a> {
    commands: &'a Commands,
    tail: Option<process::Output>,
}

impl Respond<Session> for Shell<'_> {
    async fn handle(&mut self, command: Command) -> Result<Answer> {
        Ok(match command {
            Command::LastLog(lines, name) => self.begin(lines, &name).unwrap_or_else(Answer::Done),
            Command::ComHash(name) => Answer::Done(self.hash(&name).await?),
        })
    }

    async fn next(&mut self) -> Answer {
        let Some(tail) = &mut self.tail else { return pending().await };
        let done = match tail.line().await {
            Ok(Some(line)) => return Answer::Line(line),
            Ok(None) => ".".into(),
            Err(error) => format!("? {error}"),
        };
        self.tail = None;
        Answer::Done(done)
    }
}

impl Shell<'_> {
    fn begin(&mut self, lines: u16, name: &str) -> Result<Answer, String> {
        let mut tail = Program::new("tail");
        tail.args(["-n", &lines.to_string(), "--"]).arg(file(&self.commands.folder, name)?);
        let output = process::output(tail, process::OutputLimits::default());
        self.tail = Some(output.map_err(|error| format!("? {error}"))?);
        Ok(Answer::Wait)
    }

    /// On a thread of the pool: the event loop has others to serve meanwhile.
    async fn hash(&self, name: &str) -> Result<String> {
        let (folder, name) = (self.commands.folder.clone(), name.to_owned());
        let work = move || {
            let path = file(&folder, &name)?;
            sha256(&path).map_err(|error| format!("? {name}: {error}"))
        };
        Ok(self.commands.pool.run(work).await?.unwrap_or_else(|error| error))
    }
}

/// A regular file of the folder, and nothing that is hidden in it or lies elsewhere.
fn file(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let plain = Name::new(name.to_owned()).is_ok() && !name.starts_with('.');
    let path = folder.join(name);
    match path.symlink_metadata() {
        _ if !plain => Err(format!("? {name}: not the name of a file")),
        Ok(found) if found.is_file() => Ok(path),
        Ok(_) => Err(format!("? {name}: not a regular file")),
        Err(error) => Err(format!("? {name}: {error}")),
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hash, mut buffer) = (digest::Context::new(&digest::SHA256), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            octets => hash.update(buffer.get(..octets).unwrap_or_default()),
        }
    }
    Ok(hash.finish().as_ref().iter().map(|octet| format!("{octet:02x}")).collect())
}

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let mut args = std::env::args().skip(1);
    let at = args.next().unwrap_or("tcp:7000:interface=localhost".into());
    let folder = args.next().unwrap_or(".".into()).into();
    let commands = Commands { folder, clients: Semaphore::new(CLIENTS), pool: Pool::new(2, 8) };
    let server = Server::new("command", commands).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("command", server)]).run()
}
