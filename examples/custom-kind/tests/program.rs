//! The program with the kind in it, run as its users run it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A program that serves until it is dropped.
struct Running(Child, BufReader<ChildStderr>);

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self(child, log)
    }

    /// Where it listens, as its log says.
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

fn ask(at: SocketAddr) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(b"strand\r\nknot\r\nquit\r\n").unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    heard
}

const HEARD: &str = "yarns laid together\r\n? no such word\r\nbye\r\n";

#[test]
fn the_kind_is_listed_checked_and_run_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[[service]]\nkind = \"dictionary\"\nlisten = [\"tcp:0:interface=127.0.0.1\"]\n\
                  words = [\"strand=yarns laid together\"]\n";
    std::fs::write(dir.path().join("ropewalk.toml"), config).unwrap();
    let program = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_custom-kind"));
        command.args(args).current_dir(dir.path());
        command
    };

    let kinds = String::from_utf8(program(&["kinds"]).output().unwrap().stdout).unwrap();
    assert!(kinds.contains("dictionary Explains words, one a line."), "{kinds}");
    assert!(program(&["check"]).output().unwrap().status.success());
    let wrong = program(&["check", "--set", "limits.idl=1s"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(78));

    let mut running = Running::start(&mut program(&["run", "--allow-root"]));
    assert_eq!(ask(running.address()), HEARD);
}

#[test]
fn the_example_serves_without_a_configuration() {
    let example = Path::new(env!("CARGO_BIN_EXE_custom-kind")).with_file_name("examples").join("dictionary");
    let mut running = Running::start(Command::new(example).arg("tcp:0:interface=127.0.0.1"));
    assert_eq!(ask(running.address()), HEARD);
}
