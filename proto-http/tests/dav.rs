//! The example over WebDAV, as foreign programs see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

/// The example, ended when it is dropped.
struct Running {
    child: Child,
    at: String,
    /// Open, so that it can go on to log.
    _log: BufReader<ChildStderr>,
}

impl Running {
    fn start() -> Self {
        let examples = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
        let mut child = Command::new(examples.join("http_dav"))
            .arg("tcp:0:interface=127.0.0.1")
            .env("RUST_LOG", "warn")
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
        Self { child, at: format!("http://{at}"), _log: log }
    }

    fn curl(&self, arguments: &[&str], path: &str) -> String {
        let output = Command::new("curl")
            .args(["-s", "-S"])
            .args(arguments)
            .arg(format!("{}{path}", self.at))
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether this program is there.
fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|paths| std::env::split_paths(&paths).any(|dir| dir.join(program).exists()));
    if !found {
        assert!(
            std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|it| it != "1"),
            "missing peer: {program}"
        );
        println!("missing peer: {program}");
    }
    found
}

fn run(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn litmus_passes_completely() {
    if !has("litmus") {
        return;
    }
    let (server, dir) = (Running::start(), tempfile::tempdir().unwrap());
    let output = run(Command::new("litmus").args(["-k", &server.at]).current_dir(dir.path()), "");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert_eq!(said.matches(", 0 failed. 100.0%").count(), 5, "{said}");
    assert!(!said.contains("WARNING") && !said.contains("SKIPPED"), "{said}");
}

#[test]
fn cadaver_can_work_with_it() {
    if !has("cadaver") {
        return;
    }
    let (server, dir) = (Running::start(), tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join("up"), "from cadaver").unwrap();
    let script = "mkcol d\nput up d/a\nlock d/a\ndiscover d/a\nunlock d/a\npropset d/a p v\npropget d/a p\n\
                  copy d/a d/b\nmove d/b c\nget c down\nls d\ndelete c\nrmcol d\nquit\n";
    let output = run(
        Command::new("cadaver")
            .arg(format!("{}/", server.at))
            .current_dir(dir.path())
            .env("HOME", dir.path()),
        script,
    );
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(!said.contains("failed") && said.matches("succeeded").count() >= 9, "{said}");
    assert_eq!(std::fs::read_to_string(dir.path().join("down")).unwrap(), "from cadaver");
}

#[test]
fn curl_writes_and_goes_on() {
    if !has("curl") {
        return;
    }
    let (server, dir) = (Running::start(), tempfile::tempdir().unwrap());
    let file = dir.path().join("big");
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    std::fs::write(&file, &content).unwrap();
    let path = file.to_str().unwrap();
    let code = ["-o", "/dev/null", "-w", "%{http_code}"];
    let with = |more: &[&str], at: &str| server.curl(&[&code[..], more].concat(), at);
    assert_eq!(with(&["-T", path], "/big"), "201");
    assert_eq!(with(&["-T", path], "/big"), "204");
    assert_eq!(with(&["-T", path, "-H", "If-None-Match: *"], "/big"), "412");
    let append = ["-X", "PATCH", "-H", "X-Update-Range: append", "--data-binary", "more"];
    assert_eq!(with(&append, "/big"), "204");
    assert_eq!(with(&["-F", &format!("file=@{path};filename=sent")], "/"), "303");
    let back = dir.path().join("back");
    server.curl(&["-o", back.to_str().unwrap()], "/big");
    let back = std::fs::read(back).unwrap();
    assert!(back.strip_suffix(b"more").is_some_and(|back| back == content));
    assert_eq!(with(&["-X", "DELETE"], "/big"), "204");
}

#[test]
fn others_unpack_its_archives() {
    if !has("curl") || !has("tar") || !has("python3") {
        return;
    }
    let (server, dir) = (Running::start(), tempfile::tempdir().unwrap());
    let long = "n".repeat(120);
    server.curl(&["-X", "MKCOL"], "/d");
    server.curl(&["-X", "MKCOL"], "/d/empty");
    server.curl(&["-X", "PUT", "--data-binary", "content"], "/d/%C3%A9%20%26");
    server.curl(&["-X", "PUT", "--data-binary", "long"], &format!("/d/{long}"));
    let check = |into: &Path| {
        assert_eq!(std::fs::read_to_string(into.join("d/é &")).unwrap(), "content");
        assert_eq!(std::fs::read_to_string(into.join("d").join(&long)).unwrap(), "long");
        assert_eq!(std::fs::read_dir(into.join("d")).unwrap().count(), 3);
        assert!(into.join("d/empty").is_dir());
    };
    let unpack = |format: &str, unpack: &mut Command| {
        let into = dir.path().join(format);
        std::fs::create_dir(&into).unwrap();
        let archive = into.join("archive");
        server.curl(&["-o", archive.to_str().unwrap()], &format!("/d/?archive={format}"));
        let output = unpack.current_dir(&into).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        check(&into);
    };
    unpack("tar", Command::new("tar").args(["-xf", "archive"]));
    let script = "import zipfile; z = zipfile.ZipFile('archive'); assert z.testzip() is None; z.extractall()";
    unpack("zip", Command::new("python3").args(["-c", script]));
}
