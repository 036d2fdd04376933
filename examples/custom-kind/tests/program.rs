//! The program with the kind in it, run as its users run it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

/// Stops the program when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn ask(port: u16) -> String {
    let mut stream = (0..100).find_map(|_| {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok();
        if stream.is_none() {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        stream
    });
    let stream = stream.as_mut().expect("nobody listens");
    stream.write_all(b"strand\r\nknot\r\nquit\r\n").unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    heard
}

const HEARD: &str = "yarns laid together\r\n? no such word\r\nbye\r\n";

#[test]
fn the_kind_is_listed_checked_and_run_like_any_other() {
    let program = Path::new(env!("CARGO_BIN_EXE_custom-kind"));
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let config = format!(
        "[[service]]\nkind = \"dictionary\"\nlisten = [\"tcp:{port}:interface=localhost\"]\n\
         words = [\"strand=yarns laid together\"]\n"
    );
    std::fs::write(dir.path().join("ropewalk.toml"), config).unwrap();
    let run = |args: &[&str]| Command::new(program).args(args).current_dir(dir.path()).output().unwrap();

    let kinds = String::from_utf8(run(&["kinds"]).stdout).unwrap();
    assert!(kinds.contains("dictionary Explains words, one a line."), "{kinds}");
    assert!(run(&["check"]).status.success());
    let wrong = run(&["check", "--set", "limits.idl=1s"]);
    assert_eq!(wrong.status.code(), Some(78));

    let running = Command::new(program).args(["run", "--allow-root"]).current_dir(dir.path()).spawn();
    let _running = Running(running.unwrap());
    assert_eq!(ask(port), HEARD);
}

#[test]
fn the_example_serves_without_a_configuration() {
    let example = Path::new(env!("CARGO_BIN_EXE_custom-kind")).with_file_name("examples/dictionary");
    let port = free_port();
    let running = Command::new(example).arg(format!("tcp:{port}:interface=localhost")).spawn();
    let _running = Running(running.unwrap());
    assert_eq!(ask(port), HEARD);
}
