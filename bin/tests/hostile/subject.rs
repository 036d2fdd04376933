use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take that is to happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Tests that measure time or memory run one at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "there is no runtime in a test")]
pub(crate) fn pause(long: Duration) {
    std::thread::sleep(long);
}

/// Waits until it holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SOON, "never: {what}");
        pause(Duration::from_millis(20));
    }
}

/// The program, not yet started.
pub(crate) fn ropewalk() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ropewalk"))
}

/// What the program says and how it ends, which it is to do by itself.
#[track_caller]
pub(crate) fn ends(command: &mut Command) -> (i32, String) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > SOON {
            child.kill().unwrap();
            panic!("it does not end");
        }
        pause(Duration::from_millis(10));
    }
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// The program with a configuration of its own, serving a folder of its own. Dropping it kills it.
pub(crate) struct Subject {
    child: Child,
    pub(crate) dir: TempDir,
    /// Where its listeners are, in the order of the configuration.
    pub(crate) at: Vec<SocketAddr>,
    log: Arc<Mutex<String>>,
}

impl Subject {
    /// A server of the files in `root`, with this below `[[service]]` and this above it.
    pub(crate) fn web(above: &str, below: &str) -> Self {
        let config = format!(
            "{above}\n[files.main]\npath = \"root\"\n[[service]]\nkind = \"http\"\nname = \"web\"\n\
             files = \"main\"\naccess_log = \"off\"\nlisten = [\"tcp:0:interface=127.0.0.1\"]\n{below}\n"
        );
        Self::start(new_dir(), &config, None)
    }

    pub(crate) fn echo(above: &str, below: &str) -> Self {
        let config = format!(
            "{above}\n[[service]]\nkind = \"echo\"\nlisten = [\"tcp:0:interface=127.0.0.1\"]\n{below}\n"
        );
        Self::start(new_dir(), &config, None)
    }

    /// With a configuration of one listener for each service; `descriptors` is RLIMIT_NOFILE.
    pub(crate) fn start(dir: TempDir, config: &str, descriptors: Option<u32>) -> Self {
        std::fs::write(dir.path().join("ropewalk.toml"), config).unwrap();
        let mut command = match descriptors {
            None => ropewalk(),
            Some(most) => {
                let mut shell = Command::new("sh");
                let line = format!("ulimit -n {most}; exec \"$0\" \"$@\"");
                shell.args(["-c", &line, env!("CARGO_BIN_EXE_ropewalk")]);
                shell
            }
        };
        command.args(["run", "--allow-root"]).current_dir(dir.path()).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let mut at = Vec::new();
        loop {
            let Some(line) = lines.next() else { panic!("it did not start:\n{}", log.lock().unwrap()) };
            let line = line.unwrap();
            if let Some((_, rest)) = line.split_once("listening at=") {
                at.push(rest.split(' ').next().unwrap().parse().unwrap());
            }
            writeln!(log.lock().unwrap(), "{line}").unwrap();
            if line.ends_with(": ready") {
                break;
            }
        }
        let rest = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                writeln!(rest.lock().unwrap(), "{line}").unwrap();
            }
        });
        Self { child, dir, at, log }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.at[0])
    }

    /// Asks for this and gives status and all that came.
    pub(crate) fn get(&self, target: &str) -> (u16, String) {
        let mut socket = self.connect();
        write!(socket, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        answer(socket)
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    /// Octets of memory that the process has.
    pub(crate) fn memory(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Processor time that it has used.
    pub(crate) fn processor(&self) -> Duration {
        let stat = self.proc("stat");
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        // proc(5): utime and stime, in hundredths of a second; the name and what is before it are gone.
        let ticks = |n: usize| fields[n].parse::<u64>().unwrap();
        Duration::from_millis(10 * (ticks(11) + ticks(12)))
    }

    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may be gone already; a test that minds has asked.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with `root` in it, and in that `a.txt`.
pub(crate) fn new_dir() -> TempDir {
    let dir = TempDir::with_prefix("ropewalk-hostile-").unwrap();
    std::fs::create_dir(dir.path().join("root")).unwrap();
    std::fs::write(dir.path().join("root/a.txt"), "a file\n").unwrap();
    dir
}

pub(crate) fn connect(at: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect_timeout(&at, SOON).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket.set_write_timeout(Some(SOON)).unwrap();
    socket
}

/// The status, and all that comes until the end.
#[track_caller]
pub(crate) fn answer(mut socket: TcpStream) -> (u16, String) {
    let mut all = Vec::new();
    socket.read_to_end(&mut all).unwrap();
    let text = String::from_utf8_lossy(&all).into_owned();
    let status = text.get(9..12).and_then(|digits| digits.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer: {text:?}")), text)
}

/// Whether the other end has closed, or does so in this time; what it says before does not matter.
pub(crate) fn closes_within(socket: &mut TcpStream, long: Duration) -> bool {
    let begun = Instant::now();
    let mut scrap = [0; 4096];
    loop {
        let left = long.saturating_sub(begun.elapsed()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left)).unwrap();
        match socket.read(&mut scrap) {
            Ok(0) => return true,
            Ok(_) if begun.elapsed() < long => {}
            Ok(_) => return false,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return true,
            Err(_) => return false,
        }
    }
}

/// A second client: the 99th percentile of the times that `exchange` takes, the best of three rounds, since
/// whatever else runs on the machine makes it worse and nothing makes it better.
pub(crate) fn p99(mut exchange: impl FnMut()) -> Duration {
    let round = |_| {
        let mut times: Vec<_> = (0..200)
            .map(|_| {
                let begun = Instant::now();
                exchange();
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[197]
    };
    (0..3).map(round).min().unwrap()
}

/// What is noise on a busy machine of two cores.
pub(crate) const NOISE: Duration = Duration::from_millis(5);

#[track_caller]
pub(crate) fn is_not_slower(before: Duration, meanwhile: Duration) {
    assert!(meanwhile <= 2 * before + NOISE, "p99 went from {before:?} to {meanwhile:?}");
}

/// A client that keeps its connection, and asks for the small file again and again.
pub(crate) fn visitor(subject: &Subject) -> impl FnMut() + use<> {
    let mut socket = subject.connect();
    let mut buffer = [0; 4096];
    move || {
        socket.write_all(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut have = 0;
        while !buffer[..have].ends_with(b"a file\n") {
            let read = socket.read(&mut buffer[have..]).unwrap();
            assert!(read > 0, "closed");
            have += read;
        }
    }
}
