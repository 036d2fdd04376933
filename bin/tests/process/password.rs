use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::daemon::{Daemon, Folder, answer, connect, done, ropewalk};

/// What the command says to this standard input, and how it ends.
fn hash(input: &str) -> (Option<i32>, String) {
    let mut command = ropewalk(["password", "hash"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn the_hash_of_a_line_lets_in_whoever_knows_it() {
    let (code, said) = hash("sword fish\r\nmore\n");
    assert!(code == Some(0) && said.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_ne!(hash("sword fish").1, said, "the salt is new each time");
    let folder = Folder::new();
    folder.write("accounts.toml", &format!("[user.ann]\npassword = \"{}\"\n", said.trim_end()));
    let mut command = ropewalk(["web", "--port", "0", "--accounts", "accounts.toml"]);
    let server = Daemon::of(command.current_dir(folder.path()));
    server.wait_for("is wider than 0640 and the file holds a secret");
    for (login, status) in [("ann:sword fish", 200), ("ann:swordfish", 401)] {
        let fields = format!("/ HTTP/1.1\r\nAuthorization: Basic {}\r\nX: ", STANDARD.encode(login));
        assert_eq!(answer(connect(server.port()), &fields).0, status, "{login}");
    }
    server.wait_for("offence=\"wrong_password\" user=\"ann\"");
}

#[test]
fn what_is_no_password_is_refused() {
    for input in ["", "\n", &"x".repeat(1025)] {
        let (code, said) = hash(input);
        assert!(code == Some(1) && said.contains("1 to 1024 octets"), "{said}");
    }
}

/// The command at a terminal, which script(1) makes.
struct Terminal(Child);

impl Terminal {
    fn open(args: &str) -> Option<Self> {
        if !Path::new("/usr/bin/script").exists() {
            eprintln!("skipped: no /usr/bin/script");
            return None;
        }
        let line = format!("{} {args}", env!("CARGO_BIN_EXE_ropewalk"));
        let mut command = Command::new("/usr/bin/script");
        command.args(["-q", "-e", "-c", &line, "/dev/null"]);
        Some(Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()))
    }

    /// Types this once the terminal says that; gives all that it said before.
    fn types(&mut self, prompt: &str, text: &str) -> String {
        let mut said = Vec::new();
        let out = self.0.stdout.as_mut().unwrap();
        while !said.ends_with(prompt.as_bytes()) {
            let mut octet = [0];
            assert_eq!(out.read(&mut octet).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
            said.push(octet[0]);
        }
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        String::from_utf8(said).unwrap()
    }

    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0.stdout.as_mut().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

#[test]
fn a_terminal_is_asked_twice_and_shows_nothing() {
    for (second, code, says) in
        [("swordfish\r", 0, "$argon2id$"), ("swordfisk\r", 1, "two passwords"), ("sword\x03", 130, "")]
    {
        let Some(mut terminal) = Terminal::open("password hash") else { return };
        let before = terminal.types("Password: ", "swordfish\r");
        let between = terminal.types("Once more: ", second);
        let (ended, after) = terminal.end();
        let all = [before, between, after].concat();
        assert_eq!(ended, Some(code), "{all}");
        assert!(all.contains(says) && !all.contains("swordf"), "{all}");
    }
}

#[test]
fn a_client_asks_a_terminal_for_the_password_that_was_not_given() {
    let folder = Folder::new();
    let mut command = ropewalk(["web", "--port", "0", "--user", "ann:swordfish"]);
    let server = Daemon::of(command.current_dir(folder.path()));
    folder.write("index.html", "hello");
    let url = format!("http://localhost:{}/", server.port());
    for (password, code, says) in [("swordfish\r", 0, "hello"), ("tuna\r", 1, "401"), ("sw\x03", 130, "")] {
        // Standard input is not the terminal.
        let Some(mut terminal) = Terminal::open(&format!("fetch -u ann {url} </dev/null")) else { return };
        let before = terminal.types("password for ann: ", password);
        let (ended, after) = terminal.end();
        let all = [before, after].concat();
        assert_eq!(ended, Some(code), "{all}");
        assert!(all.contains(says) && !all.contains("swordf"), "{all}");
    }
    if !Path::new("/usr/bin/setsid").exists() {
        return;
    }
    for command in ["fetch", "ls"] {
        let mut alone = Command::new("/usr/bin/setsid");
        alone
            .args(["--wait", env!("CARGO_BIN_EXE_ropewalk"), command, "-u", "ann", &url])
            .stdin(Stdio::null());
        done(&mut alone).says(2, &["ann's password is asked for at a terminal, and there is none"]);
    }
}
