//! `ropewalk fetch` against servers that others have written: whole, compressed, in part, absent.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use nix::sys::signal::{Signal, kill};

use crate::daemon::{Folder, free_port, is_refused, pid, until};
use crate::fetch::{fetched, names};

/// A server of a folder on a port of its own, ended with the test.
struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    /// Starts this program with its configuration in a file, and waits until it listens.
    fn start(name: &str, folder: &Folder, port: u16, config: &str, args: &[&str]) -> Self {
        let file = folder.write("config", config);
        let mut command = Command::new(name);
        command.args(args).arg(file).stdin(Stdio::null()).stdout(Stdio::null());
        command
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path());
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = command.stderr(log).spawn().unwrap();
        let this = Self { child, port };
        until("the peer listens", || !is_refused(port));
        this
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Asked to, it takes its own children along.
        let _ended = kill(pid(self.child.id()), Signal::SIGTERM);
        let _ended = self.child.wait();
    }
}

/// Whether the program is there; in CI it must be.
fn is_there(name: &str) -> bool {
    let found = Command::new(name).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(
        found || std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|it| it != "1"),
        "missing peer: {name}"
    );
    if !found {
        println!("missing peer: {name}");
    }
    found
}

/// What each of them is asked to serve.
fn content() -> (Folder, String) {
    let folder = Folder::new();
    let text = "yarns laid together\n".repeat(5000);
    fs::create_dir(folder.join("root")).unwrap();
    let file = fs::File::options().write(true).open(folder.write("root/text.txt", &text)).unwrap();
    // What has just been changed has no strong validator with Apache.
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    (folder, text)
}

fn try_out(port: u16, text: &str) {
    let url = format!("http://127.0.0.1:{port}/text.txt");
    let folder = Folder::new();
    let said = fetched(&folder, &[&url, "-O", "--json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let facts: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(facts["decoded"], serde_json::json!(["gzip"]), "{facts}");
    assert!(folder.read("text.txt") == text);
    let said = fetched(&folder, &[&url, "--no-compressed", "-o", "plain", "--json"]);
    let facts: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let tag = facts["headers"].as_array().unwrap().iter().find(|field| field[0] == "etag").unwrap();
    folder.write("part.part", &text[..30_000]);
    folder.write("part.part.tag", tag[1].as_str().unwrap());
    let said = fetched(&folder, &[&url, "--resume", "-o", "part", "--json"]);
    let facts: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&facts["status"], &facts["resumed_from"]), (&206.into(), &30_000.into()), "{facts}");
    assert!(folder.read("part") == text && folder.read("plain") == text);
    assert_eq!(names(&folder), ["part", "plain", "text.txt"]);
    fetched(&folder, &[&format!("http://127.0.0.1:{port}/absent"), "--fail"]).says(1, &["404 Not Found"]);
    fetched(&folder, &["-I", &url]).says(0, &["HTTP/1.1 200 OK"]);
}

#[test]
fn nginx_is_understood() {
    if !is_there("nginx") {
        return;
    }
    let ((folder, text), port) = (content(), free_port());
    let at = folder.path().display();
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;
         events {{ worker_connections 64; }}
         http {{
           access_log off; types {{ text/plain txt; }} gzip on; gzip_types text/plain;
           client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
           uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
           server {{ listen 127.0.0.1:{port}; root {at}/root; }}
         }}"
    );
    let peer = Peer::start("nginx", &folder, port, &config, &["-p", folder.path().to_str().unwrap(), "-c"]);
    try_out(peer.port, &text);
}

#[test]
fn apache_is_understood() {
    if !is_there("apache2") {
        return;
    }
    let ((folder, text), port) = (content(), free_port());
    let at = folder.path().display();
    let modules: String = ["mpm_event", "authz_core", "mime", "filter", "deflate"]
        .iter()
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .collect();
    let config = format!(
        "{modules}ServerRoot {at}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {at}/pid\n\
         ErrorLog {at}/error.log\nDefaultRuntimeDir {at}\nMutex file:{at}\nUser www-data\nGroup www-data\n\
         DocumentRoot {at}/root\nTypesConfig /dev/null\nAddType text/plain .txt\nAddOutputFilterByType DEFLATE text/plain\n\
         <Directory {at}/root>\nRequire all granted\n</Directory>\n"
    );
    // Its workers are not root, unlike perhaps the owner of the folder.
    for path in [folder.path().to_owned(), folder.join("root")] {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let peer = Peer::start("apache2", &folder, port, &config, &["-D", "FOREGROUND", "-f"]);
    try_out(peer.port, &text);
}

#[test]
fn caddy_is_understood() {
    if !is_there("caddy") {
        return;
    }
    let ((folder, text), port) = (content(), free_port());
    let at = folder.path().display();
    let config = format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://127.0.0.1:{port} {{\n\tbind 127.0.0.1\n\
         \troot * {at}/root\n\tencode gzip\n\tfile_server\n}}\n"
    );
    let peer = Peer::start("caddy", &folder, port, &config, &["run", "--adapter", "caddyfile", "--config"]);
    try_out(peer.port, &text);
}
