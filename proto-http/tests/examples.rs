//! The examples, run as their headers say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

/// Ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(at: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    heard
}

#[test]
fn a_handler_answers_beside_static_files() {
    let examples = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
    let mut child = Command::new(examples.join("http_mounted"))
        .arg("tcp:0:interface=127.0.0.1")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let _running = Running(child);
    let mut line = String::new();
    while !line.contains("listening at=") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it has ended");
    }
    let at = line.split("listening at=").nth(1).and_then(|at| at.split(' ').next()).unwrap();
    let at = at.parse().unwrap();

    let page = get(at, "/");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("<h1>Ropewalk</h1>\n"), "{page}");
    assert!(get(at, "/hello/rope").ends_with("\r\n\r\nhello, rope\n"));
    assert!(get(at, "/hello").starts_with("HTTP/1.1 404 "));
    assert!(get(at, "/nothing").starts_with("HTTP/1.1 404 "));
}
