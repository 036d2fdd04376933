//! Starting the built binary, waiting for it, asking it, and ending it whatever happens.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nothing here takes so long but when it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The program in an environment that is the same everywhere.
pub(crate) fn ropewalk<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ropewalk"));
    command.args(args).stdin(Stdio::null());
    command.env("NO_COLOR", "1").env_remove("NOTIFY_SOCKET").env_remove("JOURNAL_STREAM");
    command
}

/// Runs a command to its end.
pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Done {
    done(&mut ropewalk(args))
}

/// Runs it to its end; kills it if that does not come.
#[track_caller]
pub(crate) fn done(command: &mut Command) -> Done {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (ended, end) = sync_channel(1);
    let number = child.id();
    let guard = thread::spawn(move || {
        let late = end.recv_timeout(PATIENCE).is_err();
        if late {
            kill(pid(number), Signal::SIGKILL).unwrap();
        }
        late
    });
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    // It may have given up waiting.
    let _ = ended.send(());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let done = Done { code: status.code(), out: text(stdout), err: text(stderr) };
    assert!(!guard.join().unwrap(), "{command:?} does not end: {done:#?}");
    done
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Asserts the exit code, and that each of these stands in what was said.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in parts {
            assert!(self.err.contains(part) || self.out.contains(part), "no {part:?} in {self:#?}");
        }
    }
}

/// A running server.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    text: Mutex<String>,
    more: Condvar,
}

impl Daemon {
    /// Starts it, and waits until it is ready.
    #[track_caller]
    pub(crate) fn start<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        Self::of(&mut ropewalk(args))
    }

    #[track_caller]
    pub(crate) fn of(command: &mut Command) -> Self {
        let daemon = Self::begin(command);
        daemon.wait_for("ready");
        daemon
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn begin(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Log::default());
        let (stderr, writer) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *writer.text.lock().unwrap() += &(line + "\n");
                writer.more.notify_all();
            }
        });
        Self { child, log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        self.log.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log has a line with this text; gives the line.
    #[track_caller]
    pub(crate) fn wait_for(&self, part: &str) -> String {
        self.wait_for_nth(part, 1)
    }

    /// Waits until the log has so many lines with this text; gives the last of them.
    #[track_caller]
    pub(crate) fn wait_for_nth(&self, part: &str, n: usize) -> String {
        let nth = |text: &str| text.lines().filter(|line| line.contains(part)).nth(n - 1).map(str::to_owned);
        let text = self.log.text.lock().unwrap();
        let waited = self.log.more.wait_timeout_while(text, PATIENCE, |text| nth(text).is_none());
        let found = nth(&waited.unwrap().0);
        found.unwrap_or_else(|| panic!("no {n} lines with {part:?} in the log"))
    }

    /// Where it listens, in the order in which it said so.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let log = self.log();
        let places = log.lines().filter_map(|line| line.split_once("listening at=")?.1.split(' ').next());
        places.filter_map(|place| place.parse().ok()).collect()
    }

    #[track_caller]
    pub(crate) fn port(&self) -> u16 {
        self.addresses().first().unwrap_or_else(|| panic!("listens nowhere:\n{}", self.log())).port()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(pid(self.pid()), signal).unwrap();
    }

    /// Waits for its end; gives the exit code.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Option<i32> {
        let mut status = None;
        until("the process ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().signal(), None, "{}", self.log());
        status.unwrap().code()
    }

    /// Whether it has not ended.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Asks it to stop, and waits; gives the exit code.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.end()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the log of process {}:\n{}", self.pid(), self.log());
        }
    }
}

/// A process that is not our child; killed when dropped.
pub(crate) struct Stranger(pub(crate) u32);

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = kill(pid(self.0), Signal::SIGKILL);
    }
}

pub(crate) fn pid(number: u32) -> Pid {
    Pid::from_raw(number.try_into().unwrap())
}

/// Waits until that holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}

/// A port of loopback that is free now. Each is given once, and below those that port 0 stands for, so that no test
/// takes another's.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let port = 20_000 + NEXT.fetch_add(1, Ordering::Relaxed) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[track_caller]
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Whether nobody listens there.
pub(crate) fn is_refused(port: u16) -> bool {
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let error = TcpStream::connect_timeout(&at, PATIENCE).err();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// Asserts that what is sent comes back.
#[track_caller]
pub(crate) fn echoes(mut stream: impl Read + Write, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(String::from_utf8_lossy(&back), text);
}

/// Asks over HTTP/1.1; gives the status and the whole response.
#[track_caller]
pub(crate) fn get(port: u16, path: &str) -> (u16, String) {
    answer(connect(port), path)
}

#[track_caller]
pub(crate) fn answer(mut stream: impl Read + Write, path: &str) -> (u16, String) {
    // In one piece: a server that answers the first word of it may be gone by the second.
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer: {text:?}")), text)
}

/// A folder with a configuration file.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn with(config: &str) -> Self {
        let folder = Self::new();
        folder.write("ropewalk.toml", config);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).unwrap_or_default()
    }

    /// The configuration file, as arguments.
    pub(crate) fn config(&self) -> Vec<String> {
        vec!["--config".into(), self.join("ropewalk.toml").to_str().unwrap().into()]
    }

    /// `ropewalk run` of its configuration.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = ropewalk(["run", "--allow-root"]);
        command.args(self.config()).args(args);
        command
    }

    /// `ropewalk check` of its configuration.
    pub(crate) fn check(&self, args: &[&str]) -> Done {
        done(ropewalk(["check"]).args(self.config()).args(args))
    }
}

/// What the kernel says of a process: a line of its status.
#[track_caller]
pub(crate) fn status(pid: u32, line: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = text.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("no {line} in {text}")).trim().to_owned()
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
