//! `ropewalk fetch`, mostly from servers that say what a test wants them to say.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::daemon::{Daemon, Done, Folder, PATIENCE, connect, done, free_port, ropewalk, run};

/// A server that gives one answer to each connection, in order, and tells what it was asked.
pub(crate) struct Script {
    pub(crate) port: u16,
    asked: Receiver<String>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        let answers: Vec<Vec<u8>> = answers.into_iter().map(Into::into).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, asked) = sync_channel(100);
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut input = BufReader::new(stream.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && input.read_line(&mut head).unwrap() > 0 {}
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut content = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                input.read_exact(&mut content).unwrap();
                head += &String::from_utf8(content).unwrap();
                tell.send(head).unwrap();
                // The client may leave early.
                let _ = stream.write_all(&answer).and_then(|()| stream.shutdown(Shutdown::Write));
                let _ = stream.read(&mut [0]);
            }
        });
        Self { port, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What came first of what has not been told.
    #[track_caller]
    pub(crate) fn asked(&self) -> String {
        self.asked.recv_timeout(PATIENCE).unwrap()
    }
}

/// An answer with this content.
pub(crate) fn ok(fields: &str, content: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n{content}", content.len())
}

/// `ropewalk fetch` in this folder, without the proxies of whoever runs the test.
pub(crate) fn fetch(folder: &Folder, args: &[&str]) -> Command {
    let mut command = ropewalk(["fetch"]);
    command.args(args).current_dir(folder.path());
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

#[track_caller]
pub(crate) fn fetched(folder: &Folder, args: &[&str]) -> Done {
    done(&mut fetch(folder, args))
}

/// The names in a folder.
pub(crate) fn names(folder: &Folder) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Our own server for this folder.
fn web(folder: &Folder) -> (Daemon, String) {
    let server = Daemon::start(["web", "--port", "0", "--path", folder.path().to_str().unwrap()]);
    let url = format!("http://localhost:{}", server.port());
    (server, url)
}

#[test]
fn content_goes_to_standard_output_or_into_a_file() {
    let served = Folder::new();
    served.write("a file", "hello\n");
    let (_server, url) = web(&served);
    let url = format!("{url}/a%20file");
    let folder = Folder::new();
    let said = fetched(&folder, &[&url]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "hello\n", ""));
    fetched(&folder, &[&url, "-o", "x"]).says(0, &[]);
    fetched(&folder, &[&url, "-O"]).says(0, &[]);
    assert_eq!(names(&folder), ["a file", "x"]);
    assert_eq!(folder.read("x") + &folder.read("a file"), "hello\nhello\n");
    let said = fetched(&folder, &["--http2", &url, "-o", "-"]);
    assert_eq!(said.out, "hello\n");
    fetched(&folder, &[&url, "-o", "/dev/null"]).says(0, &[]);
    fetched(&folder, &[&url, "-o", "."]).says(2, &["is a folder"]);
    fetched(&folder, &[&url, "-o", "no/where"]).says(1, &["cannot make no/where.part"]);
}

#[test]
fn a_link_is_written_through_and_what_was_there_is_replaced_only_by_the_whole() {
    let folder = Folder::new();
    let target = folder.write("target", "old");
    std::os::unix::fs::symlink(&target, folder.join("link")).unwrap();
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nne";
    let script = Script::new([cut.to_owned(), ok("", "new")]);
    fetched(&folder, &[&script.url("/"), "-o", "link"]).says(1, &["body: the connection ended before"]);
    assert_eq!(folder.read("target"), "old");
    fetched(&folder, &[&script.url("/"), "-o", "link"]).says(0, &[]);
    assert_eq!(folder.read("target"), "new");
    assert!(folder.join("link").is_symlink());
    assert_eq!(names(&folder), ["link", "target"]);
}

#[test]
fn a_status_that_is_an_error_fails_and_is_not_saved() {
    let folder = Folder::new();
    let answer = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 6\r\n\r\nsorry\n");
    for (status, args, code, out) in [
        ("404 \x1b[2J", &[][..], 1, "sorry\n"),
        ("404 Not Found", &["--fail"], 1, ""),
        ("404 Not Found", &["--any-status"], 0, "sorry\n"),
        ("404 Not Found", &["-o", "x"], 1, ""),
        ("416 Range Not Satisfiable", &["-o", "x"], 1, ""),
        ("503 Service Unavailable", &["--fail"], 75, ""),
        ("599 Whatever", &["--fail"], 1, ""),
    ] {
        // A reason with control characters is no answer at all.
        let status = status.replace("\x1b[2J", "Evil Reason");
        let script = Script::new([answer(&status)]);
        let said = fetched(&folder, &[&[script.url("/").as_str()], args].concat());
        assert_eq!((said.code, said.out.as_str()), (Some(code), out), "{status} {args:?} {said:?}");
        assert_eq!(said.err.contains("the server answers"), code != 0, "{said:?}");
        assert!(!said.err.contains("Evil"), "{said:?}");
        assert_eq!(names(&folder), [""; 0], "{status}");
    }
    let script = Script::new([answer("404 Not Found")]);
    fetched(&folder, &[&script.url("/"), "-o", "x", "--any-status"]).says(0, &[]);
    assert_eq!(folder.read("x"), "sorry\n");
}

#[test]
fn what_has_not_changed_is_left_and_a_part_is_not_taken_for_the_whole() {
    let folder = Folder::new();
    folder.write("x", "old");
    let script = Script::new([
        "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nne",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nne",
    ]);
    fetched(&folder, &[&script.url("/"), "-o", "x", "-H", "If-None-Match: \"a\""]).says(0, &[]);
    assert_eq!(folder.read("x"), "old");
    fetched(&folder, &[&script.url("/"), "-o", "x"]).says(1, &["head: the server sends a part that nobody"]);
    assert_eq!((names(&folder), folder.read("x")), (vec!["x".to_owned()], "old".to_owned()));
    fetched(&folder, &[&script.url("/"), "-o", "x", "-H", "Range: bytes=0-1"]).says(0, &[]);
    assert_eq!(folder.read("x"), "ne");
}

#[test]
fn what_is_asked_is_what_was_said() {
    let folder = Folder::new();
    folder.write("content", "of a file");
    for (args, parts) in [
        (&[][..], &["GET /x HTTP/1.1\r\n", "user-agent: ropewalk/", "accept-encoding: gzip, br\r\n"][..]),
        (&["-H", "A: b", "-H", "a: c", "-H", "Accept: x/y"], &["a: b\r\na: c\r\n", "accept: x/y\r\n"]),
        (&["-X", "DELETE"], &["DELETE /x"]),
        (&["-d", "a=b"], &["POST /x", "content-type: application/x-www-form-urlencoded\r\n", "\r\n\r\na=b"]),
        (
            &["--data-file", "content", "-X", "PUT", "-H", "Content-Type: text/plain"],
            &["PUT /x", "content-length: 9\r\n", "content-type: text/plain\r\n", "\r\n\r\nof a file"],
        ),
        (&["-u", "Aladdin:open sesame"], &["authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"]),
        (&["--resume", "-o", "y"], &["accept-encoding: identity\r\n"]),
    ] {
        let script = Script::new([ok("", "")]);
        fetched(&folder, &[&[script.url("/x").as_str()], args].concat()).says(0, &[]);
        let asked = script.asked();
        for part in parts {
            assert!(asked.contains(part), "{part:?} in {asked}");
        }
    }
    let script = Script::new([ok("", "")]);
    fetched(&folder, &[&script.url("/x"), "--no-compressed"]).says(0, &[]);
    assert!(!script.asked().contains("accept-encoding"));
}

#[test]
fn the_head_alone_is_printed_without_what_a_terminal_obeys() {
    let folder = Folder::new();
    let script = Script::new(["HTTP/1.1 200 OK\r\nX: a\u{9b}2Jb\u{202e}\r\nContent-Length: 9\r\n\r\n"]);
    let said = fetched(&folder, &["-I", &script.url("/")]);
    assert_eq!(said.out, "HTTP/1.1 200 OK\nx: a\\u{9b}2Jb\\u{202e}\ncontent-length: 9\n");
    assert!(script.asked().starts_with("HEAD / "));
    let script = Script::new(["HTTP/1.1 302 Found\r\nLocation: file:///\u{9b}\r\nContent-Length: 0\r\n\r\n"]);
    let said = fetched(&folder, &[&script.url("/")]);
    said.says(1, &["redirect: ", "neither http: nor https:"]);
    assert!(!said.err.contains('\u{9b}'), "{said:?}");
}

#[test]
fn facts_are_json() {
    let folder = Folder::new();
    let leads = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let script = Script::new([leads.to_owned(), ok("X: \u{9b}\r\nX: 2\r\n", "12345")]);
    let said = fetched(&folder, &["--json", "-o", "x", &script.url("/here")]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.is_ascii());
    let facts: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(facts["version"], 1);
    assert_eq!(facts["status"], 200);
    assert_eq!(facts["http"], "HTTP/1.1");
    assert_eq!(facts["url"], script.url("/there"));
    assert_eq!(facts["redirects"], serde_json::json!([{"status": 302, "url": script.url("/here")}]));
    assert_eq!(facts["headers"][1], serde_json::json!(["x", "2"]));
    assert_eq!(facts["octets"], 5);
    assert_eq!(facts["tls"], serde_json::Value::Null);
    assert_eq!(facts["peer"], format!("127.0.0.1:{}", script.port));
    for phase in ["resolve", "connect", "head", "body", "whole"] {
        assert!(facts["seconds"][phase].is_f64(), "{phase} in {facts}");
    }
    assert_eq!(facts["file"], "x");
    fetched(&folder, &["--json", &script.url("/")]).says(2, &["the content needs a place"]);
}

#[test]
fn errors_name_the_phase_and_have_their_exit_codes() {
    let folder = Folder::new();
    let port = free_port();
    let refused = format!("error: connect: nobody answers at 127.0.0.1:{port}: Connection refused");
    fetched(&folder, &[&format!("http://127.0.0.1:{port}/")]).says(69, &[&refused]);
    fetched(&folder, &["http://no-such-name.invalid/"])
        .says(69, &["resolve: cannot look up no-such-name.invalid"]);
    fetched(&folder, &["gopher://x.example/"])
        .says(2, &["request: gopher is not spoken here yet: one begins with http://"]);
    for (answer, says) in [
        ("SSH-2.0-x\r\n", "head: not an answer of HTTP"),
        ("", "head: the connection ended before"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "body: the connection ended before"),
        ("HTTP/1.1 302 Found\r\nLocation: gopher://x/\r\nContent-Length: 0\r\n\r\n", "redirect: "),
    ] {
        fetched(&folder, &[&Script::new([answer]).url("/")]).says(1, &[says]);
    }
    let redirect = || "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let script = Script::new([redirect(), redirect()]);
    fetched(&folder, &[&script.url("/"), "--max-redirects", "1"])
        .says(1, &["redirect: more than 1 redirects"]);
    let script = Script::new([redirect()]);
    fetched(&folder, &[&script.url("/"), "--no-follow", "-I"]).says(0, &["302 Found"]);
}

#[test]
fn a_silent_server_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let folder = Folder::new();
    fetched(&folder, &[&url, "--timeout", "0.2"]).says(75, &["head: nothing within 0.2 s"]);
    fetched(&folder, &[&url, "--max-time", "0.2"])
        .says(75, &["head: the time for the whole request is over"]);
    fetched(&folder, &[&url, "--timeout", "0"]).says(2, &["a number of seconds"]);
}

#[test]
fn whom_to_trust_is_said_and_not_caring_is_loud() {
    let folder = Folder::new();
    folder.write("hello", "hello\n");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    run(["cert", "self-signed", "--cert", cert, "--key", key]).says(0, &[]);
    let listen = format!("tls:0:interface=127.0.0.1:cert={cert}:key={key}");
    let server = Daemon::start(["web", "--path", folder.path().to_str().unwrap(), "--listen", &listen]);
    let url = format!("https://localhost:{}/hello", server.port());
    fetched(&folder, &["--cacert", cert, &url]).says(0, &["hello\n"]);
    let said = fetched(&folder, &["--insecure", &url]);
    said.says(0, &["hello\n", "warning: --insecure"]);
    fetched(&folder, &[&url]).says(1, &["error: tls: "]);
    let said = fetched(&folder, &["--cacert", cert, &url, "--json", "-I"]);
    let facts: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&facts["http"], &facts["tls"]["version"]), (&"HTTP/2.0".into(), &"TLSv1.3".into()));
    assert!(facts["seconds"]["tls"].is_f64() && facts["tls"]["certificate"]["sha256"].is_string(), "{facts}");
    let said = fetched(&folder, &["--cacert", cert, "--http1.1", &url, "-I"]);
    said.says(0, &["HTTP/1.1 200 OK\n"]);
    let plain = format!("https://localhost:{}/", connect(server.port()).peer_addr().unwrap().port());
    fetched(&folder, &["--cacert", "/nonexistent", &plain]).says(1, &["/nonexistent"]);
}

#[test]
fn proxies_come_from_the_environment_and_from_the_option() {
    let folder = Folder::new();
    let url = "http://no-such-name.invalid/x";
    let script = Script::new([ok("", "1"), ok("", "2")]);
    let at = format!("http://127.0.0.1:{}", script.port);
    done(fetch(&folder, &[url]).env("http_proxy", &at)).says(0, &["1"]);
    assert!(script.asked().starts_with("GET http://no-such-name.invalid/x HTTP/1.1\r\n"));
    fetched(&folder, &[url, "--proxy", &at]).says(0, &["2"]);
    done(fetch(&folder, &[url]).env("http_proxy", &at).env("no_proxy", "invalid")).says(69, &["resolve: "]);
    done(fetch(&folder, &[url, "--proxy", "none"]).env("http_proxy", &at)).says(69, &["resolve: "]);
    // A peer of a CGI program sets this one.
    done(fetch(&folder, &[url]).env("HTTP_PROXY", &at)).says(69, &["resolve: "]);
    done(fetch(&folder, &[url]).env("http_proxy", "ann:secret@x:y")).says(1, &["http_proxy", "not a proxy"]);
}

#[test]
fn what_fails_is_told_as_json_with_its_phase() {
    let folder = Folder::new();
    let read = |said: &Done| serde_json::from_str::<serde_json::Value>(&said.out).unwrap();
    let said =
        fetched(&folder, &[&format!("http://ann:secret@127.0.0.1:{}/x?y", free_port()), "--json", "-O"]);
    said.says(69, &["error: connect: "]);
    let facts = read(&said);
    assert_eq!((&facts["status"], &facts["error"]["phase"]), (&serde_json::Value::Null, &"connect".into()));
    assert!(facts["error"]["message"].as_str().unwrap().contains("refused"), "{facts}");
    assert!(facts["url"].as_str().unwrap().ends_with("/x?y") && !said.out.contains("secret"), "{facts}");
    let script = Script::new(["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]);
    let said = fetched(&folder, &[&script.url("/x"), "--json", "-O"]);
    said.says(1, &["error: body: "]);
    let facts = read(&said);
    assert_eq!(
        (&facts["status"], &facts["error"]["phase"], &facts["octets"]),
        (&200.into(), &"body".into(), &4.into())
    );
    let script = Script::new([ok("", "all")]);
    assert!(read(&fetched(&folder, &[&script.url("/x"), "--json", "-O"]))["error"].is_null());
}
