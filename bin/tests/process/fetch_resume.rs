//! `ropewalk fetch --resume` after a cut.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;

use nix::sys::signal::{Signal, kill};

use crate::daemon::{Daemon, Folder, pid, until};
use crate::fetch::{Script, fetch, fetched, names, ok};

/// Half of ten octets.
fn half(validator: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{validator}Content-Length: 10\r\n\r\n01234")
}

/// The other half.
fn rest(range: &str) -> String {
    format!(
        "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Range: {range}\r\nContent-Length: 5\r\n\r\n56789"
    )
}

const TAG: &str = "ETag: \"a\"\r\n";

#[test]
fn what_was_cut_is_gone_on_with() {
    let folder = Folder::new();
    let script = Script::new([half(TAG), rest("bytes 5-9/10")]);
    let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
    fetched(&folder, &args).says(1, &["body: ", "x.part has 5 octets; --resume goes on with it"]);
    assert_eq!(names(&folder), ["x.part", "x.part.tag"]);
    assert!(!script.asked().contains("range"));
    fetched(&folder, &args).says(0, &[]);
    let asked = script.asked();
    assert!(asked.contains("range: bytes=5-\r\n") && asked.contains("if-range: \"a\"\r\n"), "{asked}");
    assert_eq!(names(&folder), ["x"]);
    assert_eq!(folder.read("x"), "0123456789");
}

#[test]
fn without_the_option_it_begins_anew() {
    let folder = Folder::new();
    let script = Script::new([half(TAG), ok("", "new")]);
    let args = [&script.url("/x") as &str, "-o", "x"];
    fetched(&folder, &args).says(1, &[]);
    fetched(&folder, &args).says(0, &[]);
    script.asked();
    assert!(!script.asked().contains("range"));
    assert_eq!((names(&folder), folder.read("x")), (vec!["x".to_owned()], "new".to_owned()));
}

#[test]
fn what_has_changed_begins_anew() {
    let folder = Folder::new();
    let script = Script::new([half(TAG), ok("ETag: \"b\"\r\n", "another content")]);
    let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
    fetched(&folder, &args).says(1, &[]);
    fetched(&folder, &args).says(0, &[]);
    assert_eq!((names(&folder), folder.read("x")), (vec!["x".to_owned()], "another content".to_owned()));
}

#[test]
fn what_cannot_be_known_to_be_the_same_begins_anew() {
    for validator in ["", "ETag: W/\"a\"\r\n", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"] {
        let folder = Folder::new();
        let script = Script::new([half(validator), ok("", "new")]);
        let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
        let said = fetched(&folder, &args);
        said.says(1, &["x.part has 5 octets"]);
        assert!(!said.err.contains("--resume"), "{said:?}");
        fetched(&folder, &args).says(0, &[]);
        script.asked();
        assert!(!script.asked().contains("range"), "{validator:?}");
        assert_eq!(folder.read("x"), "new");
    }
}

#[test]
fn what_had_all_come_is_only_named() {
    let folder = Folder::new();
    let none =
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */5\r\nContent-Length: 3\r\n\r\nno\n";
    let script = Script::new([half(TAG), none.to_owned()]);
    let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
    fetched(&folder, &args).says(1, &[]);
    fetched(&folder, &args).says(0, &[]);
    assert_eq!((names(&folder), folder.read("x")), (vec!["x".to_owned()], "01234".to_owned()));
}

#[test]
fn a_part_that_is_longer_than_the_whole_begins_anew() {
    let folder = Folder::new();
    let none = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */3\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let script = Script::new([half(TAG), none.to_owned(), ok(TAG, "new")]);
    let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
    fetched(&folder, &args).says(1, &[]);
    fetched(&folder, &args).says(0, &[]);
    assert_eq!((names(&folder), folder.read("x")), (vec!["x".to_owned()], "new".to_owned()));
}

#[test]
fn another_part_than_was_asked_for_is_not_taken() {
    for range in ["bytes 0-4/10", "bytes 6-10/11", "bytes 5-9/9", "octets 5-9/10"] {
        let folder = Folder::new();
        let script = Script::new([half(TAG), rest(range)]);
        let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
        fetched(&folder, &args).says(1, &[]);
        fetched(&folder, &args).says(1, &["head: the server sends another part"]);
        assert_eq!(folder.read("x.part"), "01234", "{range}");
    }
}

#[test]
fn a_part_of_the_rest_is_kept_and_is_not_the_whole() {
    for range in ["bytes 5-9/9999", "bytes 5-9/*"] {
        let folder = Folder::new();
        let last = "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Range: bytes 10-11/12\r\n\
            Content-Length: 2\r\n\r\nab";
        let script = Script::new([half(TAG), rest(range), last.to_owned()]);
        let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
        fetched(&folder, &args).says(1, &[]);
        fetched(&folder, &args).says(75, &["no more than a part", "x.part has 10 octets; --resume goes on"]);
        assert_eq!(names(&folder), ["x.part", "x.part.tag"], "{range}");
        fetched(&folder, &args).says(0, &[]);
        assert_eq!(folder.read("x"), "0123456789ab");
    }
}

#[test]
fn a_rest_that_is_not_surely_of_the_same_content_begins_anew() {
    for fields in ["ETag: \"b\"\r\n", "", "ETag: W/\"a\"\r\n", "ETag: \"a\"\r\nContent-Encoding: zstd\r\n"] {
        let folder = Folder::new();
        let other = format!(
            "HTTP/1.1 206 Partial Content\r\n{fields}Content-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\nVWXYZ"
        );
        let script = Script::new([half(TAG), other, ok("", "QRSTUVWXYZ")]);
        let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
        fetched(&folder, &args).says(1, &[]);
        fetched(&folder, &args).says(0, &[]);
        assert_eq!(
            (names(&folder), folder.read("x")),
            (vec!["x".to_owned()], "QRSTUVWXYZ".to_owned()),
            "{fields}"
        );
    }
}

#[test]
fn a_part_is_kept_until_the_whole_comes_in_its_place() {
    let folder = Folder::new();
    let other = rest("bytes 5-9/10").replace("\"a\"", "\"b\"");
    let sorry = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let script = Script::new([half(TAG), other, sorry.to_owned()]);
    let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
    fetched(&folder, &args).says(1, &[]);
    fetched(&folder, &args).says(75, &["503 Service Unavailable"]);
    assert_eq!(
        (names(&folder), folder.read("x.part")),
        (vec!["x.part".into(), "x.part.tag".into()], "01234".into())
    );
}

#[test]
fn a_rest_of_another_length_than_it_says_is_not_taken() {
    let chunked = "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Range: bytes 5-9/10\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    for (answer, code, why) in [
        (rest("bytes 5-6/7"), 1, "head: the server sends another part"),
        (
            format!("{chunked}3\r\n567\r\n3\r\n89a\r\n0\r\n\r\n"),
            1,
            "body: the server sends more than the part",
        ),
        (format!("{chunked}3\r\n567\r\n0\r\n\r\n"), 75, "body: the server sends no more than a part"),
    ] {
        let folder = Folder::new();
        let script = Script::new([half(TAG), answer]);
        let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
        fetched(&folder, &args).says(1, &[]);
        fetched(&folder, &args).says(code, &[why]);
        assert_eq!(names(&folder), ["x.part", "x.part.tag"], "{why}");
        let kept = if code == 75 { "01234567" } else { "01234" };
        assert_eq!(folder.read("x.part"), kept, "{why}");
    }
}

#[test]
fn an_error_keeps_the_part() {
    let folder = Folder::new();
    let sorry = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nsorry";
    let script = Script::new([half(TAG), sorry.to_owned(), rest("bytes 5-9/10")]);
    let args = [&script.url("/x") as &str, "-o", "x", "--resume"];
    fetched(&folder, &args).says(1, &[]);
    fetched(&folder, &args).says(75, &["503 Service Unavailable"]);
    fetched(&folder, &args).says(0, &[]);
    assert_eq!(folder.read("x"), "0123456789");
}

#[test]
fn an_interrupt_keeps_the_part() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            stream.write_all(half(TAG).as_bytes()).unwrap();
            held.push(stream);
        }
    });
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let folder = Folder::new();
        let child =
            fetch(&folder, &[&url, "-o", "x"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("half of it is there", || folder.read("x.part") == "01234");
        kill(pid(child.id()), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("x.part has 5 octets; --resume goes on with it"), "{said}");
        assert_eq!(names(&folder), ["x.part", "x.part.tag"]);
    }
}

#[test]
fn our_own_server_goes_on_where_it_was_cut() {
    let served = Folder::new();
    let content = "yarns laid together\n".repeat(10_000);
    served.write("big", &content);
    let server = Daemon::start(["web", "--port", "0", "--path", served.path().to_str().unwrap()]);
    let url = format!("http://localhost:{}/big", server.port());
    let folder = Folder::new();
    let head = fetched(&folder, &["-I", &url]).out;
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    folder.write("big.part", &content[..70_000]);
    folder.write("big.part.tag", tag);
    let said = fetched(&folder, &["-O", "--resume", "--json", &url]);
    let facts: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&facts["status"], &facts["resumed_from"]), (&206.into(), &70_000.into()));
    assert_eq!(facts["octets"], content.len() - 70_000);
    assert!(folder.read("big") == content);
}

#[test]
fn a_file_that_is_whole_is_not_fetched_again() {
    let folder = Folder::new();
    folder.write("x", "0123456789");
    let end = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n";
    let script = Script::new([end]);
    fetched(&folder, &[&script.url("/x"), "-O", "-C"]).says(0, &["x is complete"]);
    let asked = script.asked();
    assert!(asked.contains("range: bytes=10-\r\n") && asked.contains("if-unmodified-since: "), "{asked}");
    assert_eq!((names(&folder), folder.read("x")), (vec!["x".to_owned()], "0123456789".to_owned()));
}

#[test]
fn a_file_that_is_there_and_another_is_fetched_anew() {
    for other in [
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n"
            .to_owned(),
        "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 10-10/11\r\nContent-Length: 1\r\n\r\nx"
            .to_owned(),
        ok("", "whatever"),
    ] {
        let folder = Folder::new();
        folder.write("x", "0123456789");
        let script = Script::new([other.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), ok("", "new")]);
        fetched(&folder, &[&script.url("/x"), "-O", "-C"]).says(0, &[]);
        script.asked();
        assert!(!script.asked().contains("range"), "{other}");
        assert_eq!(folder.read("x"), "new", "{other}");
    }
}
