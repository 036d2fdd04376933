//! The examples, run as their headers say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

/// An example that serves, ended when it is dropped.
struct Running {
    child: Child,
    at: SocketAddr,
    /// Open, so that it can go on to log.
    _log: BufReader<ChildStderr>,
}

impl Running {
    fn start(example: &str) -> Self {
        Self::with(example, &[])
    }

    fn with(example: &str, arguments: &[&str]) -> Self {
        let examples = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
        let mut child = Command::new(examples.join(example))
            .arg("tcp:0:interface=127.0.0.1")
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening at=") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "it has ended");
        }
        let at = line.split("listening at=").nth(1).and_then(|at| at.split(' ').next()).unwrap();
        Self { child, at: at.parse().unwrap(), _log: log }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
    let server = Running::start("http_mounted");
    let page = get(server.at, "/");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("<h1>Ropewalk</h1>\n"), "{page}");
    assert!(get(server.at, "/hello/rope").ends_with("\r\n\r\nhello, rope\n"));
    assert!(get(server.at, "/hello").starts_with("HTTP/1.1 404 "));
    assert!(get(server.at, "/nothing").starts_with("HTTP/1.1 404 "));
}

/// Opens a WebSocket, and reads the answer's head.
fn open(at: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).unwrap();
        head.extend(octet);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

/// A text frame, masked by zeros.
fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(&[&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat()).unwrap();
}

fn hear(stream: &mut TcpStream) -> String {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0x81, "a text frame");
    let mut text = vec![0; head[1].into()];
    stream.read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn what_one_says_in_a_room_the_others_hear() {
    let server = Running::start("http_websocket");
    let mut echo = open(server.at, "/echo");
    say(&mut echo, "me");
    assert_eq!(hear(&mut echo), "me");
    let mut first = open(server.at, "/chat/rope");
    assert_eq!(hear(&mut first), "1 here");
    let mut second = open(server.at, "/chat/rope");
    assert_eq!(hear(&mut second), "2 here");
    let mut elsewhere = open(server.at, "/chat/yarn");
    assert_eq!(hear(&mut elsewhere), "1 here");
    say(&mut first, "hello");
    say(&mut second, "who is there?");
    assert_eq!(hear(&mut second), "hello");
    assert_eq!(hear(&mut first), "who is there?");
}

#[test]
fn events_are_pushed_and_gone_on_with() {
    let server = Running::start("http_events");
    let at = server.at;
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
fn hints_come_before_the_page_that_they_are_about() {
    let server = Running::start("http_early_hints");
    let said = get(server.at, "/");
    let (hints, page) = said.split_once("\r\n\r\n").unwrap();
    assert_eq!(hints, "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload; as=style", "{said}");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("<h1>Here at last</h1>\n"), "{said}");
    assert!(get(server.at, "/style.css").starts_with("HTTP/1.1 200 "));
}

#[test]
fn curl_sees_the_hints_and_then_the_page() {
    let server = Running::start("http_early_hints");
    let url = format!("http://{}/", server.at);
    let Some(said) = curl(&["-sv", "--http1.1", &url]) else { return };
    let heads = String::from_utf8(said.stderr).unwrap();
    let at = |line: &str| heads.find(line).unwrap_or_else(|| panic!("no {line:?} in {heads}"));
    let hint = at("< link: </style.css>; rel=preload; as=style\r\n");
    assert!(at("< HTTP/1.1 103 Early Hints\r\n") < hint && hint < at("< HTTP/1.1 200 OK\r\n"), "{heads}");
    assert!(said.stdout.ends_with(b"<h1>Here at last</h1>\n"));
    // RFC 9110 §15.2: HTTP/1.0 has no interim answers.
    let Some(said) = curl(&["-sv", "--http1.0", &url]) else { return };
    let heads = String::from_utf8(said.stderr).unwrap();
    assert!(heads.contains("< HTTP/1.1 200 OK\r\n") && !heads.contains(" 103 "), "{heads}");
}

/// What curl says, if there is one; in CI there must be.
fn curl(arguments: &[&str]) -> Option<Output> {
    let said = Command::new("curl").args(["-q", "--max-time", "20"]).args(arguments).output();
    let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(said.is_ok() || !required, "missing peer: curl");
    let Ok(said) = said else {
        println!("missing peer: curl");
        return None;
    };
    assert!(said.status.success(), "{said:?}");
    Some(said)
}

#[test]
fn an_upload_is_read_part_by_part() {
    let server = Running::start("http_upload");
    let at = server.at;
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
    let server = Running::with("http_cgi", &[folder.path().to_str().unwrap()]);
    let at = server.at;
    assert!(get(at, "/hello.sh/there").contains("GET /hello.sh /there\n"));
    assert!(get(at, "/").ends_with("\r\n\r\n<h1>No program</h1>\n"));
}
