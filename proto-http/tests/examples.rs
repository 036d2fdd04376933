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

/// An example that listens, and where.
fn example(name: &str, arguments: &[&str]) -> (Running, SocketAddr) {
    let examples = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
    let mut child = Command::new(examples.join(name))
        .arg("tcp:0:interface=127.0.0.1")
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let running = Running(child);
    let mut line = String::new();
    while !line.contains("listening at=") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it has ended");
    }
    let at = line.split("listening at=").nth(1).and_then(|at| at.split(' ').next()).unwrap();
    (running, at.parse().unwrap())
}

#[test]
fn a_handler_answers_beside_static_files() {
    let (_running, at) = example("http_mounted", &[]);
    let page = get(at, "/");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("<h1>Ropewalk</h1>\n"), "{page}");
    assert!(get(at, "/hello/rope").ends_with("\r\n\r\nhello, rope\n"));
    assert!(get(at, "/hello").starts_with("HTTP/1.1 404 "));
    assert!(get(at, "/nothing").starts_with("HTTP/1.1 404 "));
}

#[test]
fn events_are_pushed_and_gone_on_with() {
    let (_running, at) = example("http_events", &[]);
    assert!(get(at, "/").contains("new EventSource(\"/events\")"));
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET /events HTTP/1.0\r\nLast-Event-ID: 6\r\n\r\n").unwrap();
    let mut heard = String::new();
    let mut lines = BufReader::new(stream);
    while !heard.contains("data: 8 ticks\n\n") {
        assert!(lines.read_line(&mut heard).unwrap() > 0, "{heard}");
    }
    assert!(
        heard.contains("retry: 2000\n\nevent: tick\nid: 7\ndata: 7 ticks\n\nevent: tick\nid: 8\n"),
        "{heard}"
    );
}

#[test]
fn an_upload_is_read_part_by_part() {
    let (_running, at) = example("http_upload", &[]);
    assert!(get(at, "/").contains("enctype=\"multipart/form-data\""));
    let form = "--B\r\nContent-Disposition: form-data; name=\"who\"\r\n\r\nann\r\n\
        --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a/b.txt\"\r\n\r\n12345\r\n--B--\r\n";
    let mut stream = TcpStream::connect(at).unwrap();
    let length = form.len();
    let head = "POST / HTTP/1.0\r\nContent-Type: multipart/form-data; boundary=B";
    write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{form}").unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert!(heard.ends_with("\r\n\r\nwho is ann\nb.txt has 5 octets\n"), "{heard}");
}

#[test]
fn programs_of_a_folder_answer() {
    let folder = tempfile::tempdir().unwrap();
    let text = "printf 'Content-Type: text/plain\n\n'; echo \"$REQUEST_METHOD $SCRIPT_NAME $PATH_INFO\"";
    std::fs::write(folder.path().join("hello.sh"), text).unwrap();
    let (_running, at) = example("http_cgi", &[folder.path().to_str().unwrap()]);
    assert!(get(at, "/hello.sh/there").contains("GET /hello.sh /there\n"));
    assert!(get(at, "/").ends_with("\r\n\r\n<h1>No program</h1>\n"));
}
