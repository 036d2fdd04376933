//! Clients that others have written, against a site that has what they ask for: Python's httpx, over HTTP/1.1 and HTTP/2.
//! `clients_wget.rs` has the other.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::daemon::{Daemon, Done, Folder, done, ropewalk, run};

/// A server of files, programs, redirects and logins, over plain text and over TLS.
pub(crate) struct Site {
    folder: Folder,
    pub(crate) server: Daemon,
}

/// As long as a client must ask in parts to resume.
pub(crate) fn numbers() -> String {
    (0..20_000).map(|number| format!("{number}\n")).collect()
}

const CONFIG: &str = "
[files.main]
path = \"site\"

[accounts.main]
users = \"ann:swordfish\"

[[service]]
kind = \"http\"
listen = [\"tcp:0:interface=127.0.0.1\", \"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\"]
files = \"main\"
compress = [\"br\", \"gzip\"]

[[service.cgi]]
path = \"/programs\"
folder = \"programs\"
extension = \"sh\"
command = [\"sh\"]

[[service.redirect]]
from = \"/old/*\"
to = \"/*\"

[[service.redirect]]
from = \"/form\"
to = \"/hello.txt\"
status = 303

[[service.auth]]
path = \"/private/*\"
accounts = \"main\"
";

impl Site {
    pub(crate) fn start() -> Self {
        let folder = Folder::with(CONFIG);
        for name in ["site", "site/deeper", "site/private", "programs"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        for (name, text) in [
            ("site/hello.txt", "hello\n"),
            ("site/numbers.txt", &numbers()),
            ("site/deeper/a name & more.txt", "deeper\n"),
            ("site/deeper/\u{fc}ber.txt", "\u{fc}\n"),
            ("site/private/secret.txt", "secret\n"),
        ] {
            let file = fs::File::options().write(true).open(folder.write(name, text)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
        }
        let echo =
            "printf 'Content-Type: application/octet-stream\\nX-Method: %s\\n\\n' $REQUEST_METHOD; cat\n";
        folder.write("programs/echo.sh", echo);
        let pem = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        run(["cert", "self-signed", "--cert", &pem("cert.pem"), "--key", &pem("key.pem")]).says(0, &[]);
        let server = Daemon::of(ropewalk(["run", "--allow-root"]).current_dir(folder.path()));
        Self { folder, server }
    }

    pub(crate) fn http(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.server.addresses()[0].port())
    }

    pub(crate) fn https(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.server.addresses()[1].port())
    }

    /// The certificate that clients have to trust.
    pub(crate) fn authority(&self) -> String {
        self.folder.join("cert.pem").to_str().unwrap().to_owned()
    }

    /// The folder that is served.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join("site").join(name)
    }
}

/// Tells that a peer is not there; in CI it must be.
pub(crate) fn missing(name: &str) {
    let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(!required, "missing peer: {name}");
    println!("missing peer: {name}");
}

/// A Python that has httpx with HTTP/2 and brotli: from `target/peers`, where CI installs them, or the path.
fn python() -> Option<Command> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers/bin/python");
    for python in [own, "python3"] {
        let mut has = Command::new(python);
        has.args(["-c", "import brotli, h2, httpx"]).stderr(Stdio::null());
        if has.status().is_ok_and(|status| status.success()) {
            return Some(Command::new(python));
        }
    }
    missing("Python's httpx");
    None
}

/// Lets httpx try these, over each version, at a site.
fn httpx(checks: &[&str]) {
    let Some(mut python) = python() else { return };
    let site = Site::start();
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/clients_httpx.py"));
    python.args([site.http(""), site.https(""), site.authority()]).args(checks).stdin(Stdio::null());
    let Done { code, out, err } = done(&mut python);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(out.lines().count(), 3 * checks.len(), "{out}");
}

#[test]
fn httpx_gets_what_it_asks_for_in_whole_and_in_part() {
    httpx(&["whole", "absent", "ranges", "conditions"]);
}

#[test]
fn httpx_follows_redirects_and_logs_in() {
    httpx(&["redirects", "login"]);
}

#[test]
fn httpx_decodes_gzip_and_brotli() {
    httpx(&["codings"]);
}

#[test]
fn httpx_sends_content_of_unknown_length_to_a_program() {
    httpx(&["upload"]);
}

#[test]
fn httpx_keeps_its_connection_for_many_requests() {
    httpx(&["reuse", "at_once"]);
}
