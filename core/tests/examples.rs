//! The examples, run as their headers say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// An example of this package: cargo builds it beside the tests.
fn example(name: &str) -> PathBuf {
    let path = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples").join(name);
    assert!(path.exists(), "build it first: cargo build -p ropewalk-core --example {name}");
    path
}

/// An example that serves until it is dropped.
struct Running(Child, BufReader<ChildStderr>);

impl Running {
    fn start(name: &str, args: &[&str]) -> Self {
        let mut child = Command::new(example(name)).args(args).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self(child, log)
    }

    /// Where it listens: the next place that its log names.
    fn address(&mut self) -> SocketAddr {
        loop {
            let mut line = String::new();
            assert!(self.1.read_line(&mut line).unwrap() > 0, "it has ended");
            if let Some((_, at)) = line.split_once("listening at=") {
                return at.split(' ').next().unwrap().parse().unwrap();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const ANY: &str = "tcp:0:interface=127.0.0.1";

fn talk(at: SocketAddr, say: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(say.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    heard
}

#[test]
fn the_echo_client_hears_from_the_echo_server_what_it_said() {
    let mut server = Running::start("echo_server", &[ANY]);
    let at = server.address();
    let client = Command::new(example("echo_client")).arg(format!("tcp:{}", at.port())).output().unwrap();
    assert_eq!(String::from_utf8(client.stdout).unwrap(), "hello, rope\n");
}

#[test]
fn the_echo_server_leaves_when_it_is_told_to() {
    let mut server = Running::start("echo_server", &[ANY]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    kill(Pid::from_raw(server.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!(server.0.wait().unwrap().success());
}

#[test]
fn what_is_added_at_one_port_is_shown_at_the_other() {
    let mut server = Running::start("shared_state", &[ANY, ANY]);
    let (add, show) = (server.address(), server.address());
    assert_eq!(talk(add, "3\r\n4\r\n"), "3\r\n7\r\n");
    assert_eq!(talk(add, "three\r\n-9\n"), "? send a number\r\n-2\r\n");
    assert_eq!(talk(show, ""), "the sum is -2\r\n");
}

fn commands() -> (Running, SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("log"), "one\ntwo\nthree\n").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    let mut server = Running::start("command_server", &[ANY, folder.path().to_str().unwrap()]);
    let at = server.address();
    (server, at, folder)
}

#[test]
fn commands_are_done_in_order() {
    let (_server, at, _folder) = commands();
    let said = "lastlog 2 log\r\ncomhash log\r\nwhat\r\nexit\r\nexit\r\n";
    let heard = "two\r\nthree\r\n.\r\n\
                 b6285c57e8797db5d4c51c80d6f11938afda9b11c6a003549709189e9b4b92a2\r\n\
                 ? lastlog N FILE, comhash FILE, exit\r\nbye\r\n";
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(said.as_bytes()).unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(all, heard);
}

#[test]
fn no_file_of_another_folder_is_shown() {
    let (_server, at, _folder) = commands();
    for name in ["../log", "/etc/passwd", "link", ".", ".."] {
        let mut stream = TcpStream::connect(at).unwrap();
        write!(stream, "lastlog 1 {name}\r\ncomhash {name}\r\nexit\r\n").unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        let lines: Vec<_> = heard.lines().collect();
        assert_eq!(lines.len(), 3, "{heard}");
        assert!(lines.iter().take(2).all(|line| line.starts_with("? ")), "{heard}");
    }
}

#[test]
fn a_line_over_the_limit_is_named_and_ends_the_conversation() {
    let (_server, at, _folder) = commands();
    let heard = talk(at, &format!("{}\r\nexit\r\n", "x".repeat(1000)));
    assert_eq!(heard, "? line too long: at most 256 octets\r\n");
}

#[test]
fn one_client_too_many_is_told_so() {
    let (_server, at, _folder) = commands();
    let four: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(at).unwrap();
            stream.write_all(b"?\r\n").unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stream
        })
        .collect();
    assert_eq!(talk(at, "exit\r\n"), "? 4 clients are here already; try later\r\n");
    drop(four);
}
