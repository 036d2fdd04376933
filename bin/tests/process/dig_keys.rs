//! `ropewalk dig` with keys (TSIG), from the servers of others.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::daemon::{Daemon, Done, Folder, free_port, run};
use crate::ftp::is_there;

const SECRET: &str = "c2V2ZW4gc3RyYW5kcyBvZiBoZW1wLCB3aGljaCBhcmUgbG9uZyE=";

/// A server of `example.org`, which is transferred to whoever has a key.
struct Server {
    _daemon: Daemon,
    folder: Folder,
    port: String,
}

impl Server {
    /// The program with this configuration, in which `FOLDER` and `PORT` stand for what they are.
    fn start(program: &str, words: &[&str], config: &str, ready: &str) -> Option<Self> {
        if !is_there(program) {
            return None;
        }
        let (folder, port) = (Folder::new(), free_port().to_string());
        folder.write("zone", include_str!("dig.zone"));
        let path = folder.path().display().to_string();
        let config = config.replace("FOLDER", &path).replace("PORT", &port).replace("SECRET", SECRET);
        folder.write("config", &config);
        let mut command = Command::new(program);
        let daemon = Daemon::begin(command.args(words).arg(folder.join("config")));
        daemon.wait_for(ready);
        Some(Self { _daemon: daemon, folder, port })
    }

    fn nsd() -> Option<Self> {
        let config = "server:\n ip-address: 127.0.0.1@PORT\n zonesdir: \"FOLDER\"\n username: \"\"\n chroot: \"\"\n \
                      pidfile: \"FOLDER/pid\"\n xfrdfile: \"\"\n zonelistfile: \"FOLDER/list\"\n xfrdir: \"FOLDER\"\n \
                      database: \"\"\nremote-control:\n control-enable: no\n\
                      key:\n name: \"k.example\"\n algorithm: hmac-sha256\n secret: \"SECRET\"\n\
                      zone:\n name: example.org\n zonefile: zone\n provide-xfr: 127.0.0.1 k.example\n";
        Self::start("nsd", &["-d", "-c"], config, "nsd started")
    }

    fn knot() -> Option<Self> {
        let config = "server:\n    listen: 127.0.0.1@PORT\n    rundir: FOLDER\ndatabase:\n    storage: FOLDER\n\
                      log:\n  - target: stderr\n    any: info\n\
                      key:\n  - id: k.example\n    algorithm: hmac-sha512\n    secret: SECRET\n\
                      acl:\n  - id: a\n    key: k.example\n    action: transfer\n\
                      zone:\n  - domain: example.org\n    storage: FOLDER\n    file: zone\n    zonefile-sync: -1\n    acl: a\n";
        Self::start("knotd", &["-c"], config, "server started")
    }

    fn bind() -> Option<Self> {
        let config = "options { directory \"FOLDER\"; pid-file none; session-keyfile \"session.key\"; recursion no;\n\
                      listen-on-v6 { none; }; listen-on port PORT { 127.0.0.1; }; allow-transfer { key k.example; }; };\n\
                      controls { };\nkey \"k.example\" { algorithm hmac-sha384; secret \"SECRET\"; };\n\
                      zone \"example.org\" { type primary; file \"zone\"; };\n";
        Self::start("named", &["-g", "-n", "1", "-c"], config, "running")
    }

    fn dig(&self, words: &[&str]) -> Done {
        run(["dig", "@127.0.0.1", "-p", &self.port, "--timeout", "2"].iter().chain(words))
    }

    /// What a key is good for, that signs so, and what others are not.
    fn check(&self, algorithm: &str) {
        let key = format!("{algorithm}:k.example:{SECRET}");
        let good = ["www.example.org", "-y", &key];
        self.dig(&good).says(
            0,
            &["www.example.org.\t300\tIN\tA\t192.0.2.1", ";; TSIG: k.example., its signature is good"],
        );
        self.dig(&["many.example.org", "TXT", "+tcp", "-y", &key])
            .says(0, &["TSIG: k.example., its signature is good"]);
        self.dig(&["example.org", "AXFR", "-y", &key]).says(0, &[";; 45 records in "]);
        self.dig(&["example.org", "AXFR"]).says(1, &["the server answers "]);
        let other = format!("{algorithm}:other.example:{SECRET}");
        self.dig(&["example.org", "AXFR", "-y", &other]).says(1, &["what other.example. has signed: BADKEY"]);
        // Whoever says so may be somebody else, so it is waited for something better.
        let wrong = format!("{algorithm}:k.example:d3Jvbmc=");
        self.dig(&["www.example.org", "-y", &wrong]).says(1, &["what k.example. has signed: BADSIG"]);
        // As tsig-keygen writes it, and which nobody else may read.
        let text = format!("key \"k.example\" {{\n\talgorithm {algorithm};\n\tsecret \"{SECRET}\";\n}};\n");
        let file = self.folder.write("k.key", &text);
        let of_file = ["example.org", "AXFR", "--key-file", file.to_str().unwrap()];
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        self.dig(&of_file).says(2, &["mode 0644 is wider than 0640"]);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        self.dig(&of_file).says(0, &[";; 45 records in "]);
    }
}

#[test]
fn nsd_answers_who_signs() {
    if let Some(server) = Server::nsd() {
        server.check("hmac-sha256");
    }
}

#[test]
fn knot_answers_who_signs() {
    if let Some(server) = Server::knot() {
        server.check("hmac-sha512");
    }
}

#[test]
fn bind_answers_who_signs() {
    if let Some(server) = Server::bind() {
        server.check("hmac-sha384");
    }
}

#[test]
fn a_key_that_is_none_is_said_before_anybody_is_asked() {
    for (key, why) in [("k.example", "a key is"), ("hmac-md5:k:eA==", "no algorithm"), ("k:%", "not base64")]
    {
        run(["dig", "@127.0.0.1", "a", "-y", key]).says(2, &[why]);
    }
}
