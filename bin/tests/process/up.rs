use std::fs::{self, File};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use crate::daemon::{Daemon, Folder, done, ropewalk, until};
use crate::ftp::is_there;

/// A number that moves every port of the suite to a free one.
fn offset() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 31_000 + u16::try_from(std::process::id() % 100).unwrap() * 10;
    loop {
        // Further apart than the ports of one suite that are neighbours.
        let offset = start + NEXT.fetch_add(2, Ordering::Relaxed);
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port + offset)).is_ok();
        let hears = |port: u16| UdpSocket::bind(("127.0.0.1", port + offset)).is_ok();
        if [5553, 8853].into_iter().all(hears)
            && [2121, 5553, 8080, 8081, 8443, 8853].into_iter().all(is_free)
        {
            return offset;
        }
    }
}

/// `ropewalk up` or `dev` in a folder, and what it said when all was ready.
struct Suite {
    folder: Folder,
    server: Daemon,
    said: String,
}

impl Suite {
    #[track_caller]
    fn start(folder: Folder, args: &[&str]) -> Self {
        let mut command = ropewalk(args);
        command.current_dir(folder.path()).stdout(File::create(folder.join("said")).unwrap());
        let server = Daemon::of(&mut command);
        until("it says where all is", || folder.read("said").ends_with("user passwd admin\n"));
        Self { said: folder.read("said"), folder, server }
    }

    /// What the table says to try.
    fn commands(&self) -> Vec<&str> {
        let rows = self.said.lines().skip(1).take_while(|line| !line.is_empty());
        rows.map(|row| row.rsplit("  ").next().unwrap()).collect()
    }

    fn paste(&self, command: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(self.folder.path()).output().unwrap()
    }
}

fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    assert!(found || std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none(), "missing peer: curl");
    if !found {
        eprintln!("missing peer: curl");
    }
    found
}

#[test]
fn what_up_prints_works_when_pasted() {
    if !has_curl() {
        return;
    }
    let offset = offset().to_string();
    let suite = Suite::start(Folder::new(), &["up", "--port-offset", &offset]);
    let commands = suite.commands();
    assert_eq!(commands.len(), 11, "{}", suite.said);
    let has_dig = is_there("dig");
    for command in commands.iter().filter(|command| has_dig || !command.starts_with("dig")) {
        let done = suite.paste(&command.replace("curl", "curl -sSf"));
        assert!(done.status.success(), "{command}: {done:?}");
        assert!(!command.contains("dig ") || done.stdout == b"127.0.0.1\n", "{command}: {done:?}");
        // Metrics are many.
        assert!(done.stdout.len() < 1000 || command.contains("/metrics"), "{command}: {done:?}");
    }
    // What was written over HTTP is there over FTP.
    let ftp = commands.iter().find(|command| command.contains("ftp://")).unwrap();
    let done = suite.paste(&format!("{ftp}shared/hello.txt"));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "hello\n", "{done:?}");
    let password = suite.said.split("password ").nth(1).unwrap().split(". ").next().unwrap();
    assert!(suite.said.contains(&format!("admin:{password} ")), "{}", suite.said);
    assert!(!suite.folder.read("ropewalk.toml").contains(password), "the password is shown once");
    let passwd = suite.said.split("for another: ").nth(1).unwrap().trim();
    let done = suite.paste(&format!("echo another-rope | {passwd}"));
    assert!(done.status.success(), "{passwd}: {done:?}");
}

#[test]
fn what_up_prints_is_typed_as_up_was() {
    let folder = Folder::new();
    let release = folder.join("my target/release");
    fs::create_dir_all(&release).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ropewalk"), release.join("ropewalk")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let with_it = format!("{}:{path}", release.display());
    let by_path = "'my target/release/ropewalk'";
    let first = format!("{by_path} up --port-offset {}", offset());
    for (up, path, program) in [(&*first, &path, by_path), ("ropewalk up", &with_it, "ropewalk")] {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {up} >said")]).current_dir(folder.path()).env("PATH", path);
        let mut server = Daemon::of(&mut shell);
        until("it says where all is", || folder.read("said").ends_with("user passwd admin\n"));
        let said = folder.read("said");
        assert!(said.contains(&format!("  {program} dig @localhost")), "{said}");
        assert!(said.contains(&format!(": {program} user passwd admin")), "{said}");
        assert_eq!(server.stop(), Some(0));
    }
}

#[test]
fn a_second_up_runs_what_is_there_and_not_beside_the_first() {
    let offset = offset().to_string();
    let mut suite = Suite::start(Folder::new(), &["up", "--port-offset", &offset]);
    let config = suite.folder.read("ropewalk.toml");
    let beside = done(ropewalk(["up"]).current_dir(suite.folder.path()));
    beside.says(69, &[&suite.server.pid().to_string(), "which runs"]);
    done(ropewalk(["up", "--public"]).current_dir(suite.folder.path()))
        .says(1, &["ropewalk.toml is there already"]);
    assert_eq!(suite.server.stop(), Some(0));
    let again = Suite::start(suite.folder, &["up"]);
    assert_eq!(again.folder.read("ropewalk.toml"), config);
    assert!(again.said.contains("-u admin ") && !again.said.contains("NAME"), "{}", again.said);
    let (_, passwd) = again.said.split_once("The account is admin; for another password: ").unwrap();
    let pasted = again.paste(&format!("echo another-rope | {}", passwd.trim()));
    assert!(pasted.status.success(), "{passwd}: {pasted:?}");
    let bans = done(ropewalk(["ban", "ls"]).current_dir(again.folder.path()));
    bans.says(0, &["nobody is banned"]);
}

#[test]
fn a_configuration_of_somebody_else_is_named_and_left_alone() {
    let echo = "[[service]]\nkind = \"echo\"\nlisten = \"tcp:0:interface=127.0.0.1\"\n";
    let folder = Folder::with(echo);
    let up = || done(ropewalk(["up"]).current_dir(folder.path()));
    let run = format!("`{} run` serves", env!("CARGO_BIN_EXE_ropewalk"));
    up().says(1, &["ropewalk.toml is there already, and up did not make it", &run]);
    assert!(!folder.join("ropewalk-data").exists() && folder.read("ropewalk.toml") == echo);
    folder.write("ropewalk.toml", "# Made by `ropewalk up`\n[[service]]\nkind = \"ehco\"\n");
    let broken = up();
    broken.says(
        78,
        &["did you mean `echo`?", "ropewalk.toml cannot be used as it is: mend", "or move it away"],
    );
    assert_eq!(broken.err.matches("did you mean").count(), 1, "{broken:#?}");
    // Who has taken the line out of it is served, and warned.
    folder.write("ropewalk.toml", echo);
    fs::create_dir(folder.join("ropewalk-data")).unwrap();
    let mut command = ropewalk(["up"]);
    let server =
        Daemon::of(command.current_dir(folder.path()).stdout(File::create(folder.join("said")).unwrap()));
    server.wait_for("warning: ropewalk.toml does not say that up has made it");
}

/// A request to the WebDAV of a suite, which curl makes; the status and all that came.
fn dav(suite: &Suite, url: &str, args: &[&str]) -> (u16, String) {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-i", "--max-time", "20"]).args(args).arg(url);
    let done = curl.current_dir(suite.folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    // A body is answered after 100 (Continue), where curl waits for that.
    let mut status =
        said.lines().filter_map(|line| line.strip_prefix("HTTP/")?.split(' ').nth(1)?.parse().ok());
    (status.next_back().unwrap_or_else(|| panic!("{done:?}")), said)
}

#[test]
fn a_lock_and_a_property_outlive_a_restart() {
    if !has_curl() {
        return;
    }
    let offset = offset();
    let mut suite = Suite::start(Folder::new(), &["up", "--port-offset", &offset.to_string()]);
    // As in `curl -u admin:PASSWORD http://…`.
    let login = |word: &&str| word.starts_with("admin:");
    let admin = suite.said.split_whitespace().find(login).unwrap().to_owned();
    let bob = done(
        ropewalk(["user", "add", "bob"])
            .current_dir(suite.folder.path())
            .stdin(File::open(suite.folder.write("bob", "bob-rope-bob\n")).unwrap()),
    );
    bob.says(0, &[]);
    let url = format!("http://127.0.0.1:{}/shared/report.txt", 8080 + offset);
    let lock = "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope><locktype><write/></locktype>\
                <owner>Ann at her desk</owner></lockinfo>";
    let (status, said) = dav(&suite, &url, &["-u", &admin, "-X", "LOCK", "-d", lock]);
    assert!(status == 201, "{said}");
    let token =
        said.lines().find_map(|line| line.to_lowercase().strip_prefix("lock-token: ").map(str::to_owned));
    let held = format!("If: ({})", token.as_deref().unwrap().trim());
    let set =
        "<propertyupdate xmlns='DAV:'><set><prop><x xmlns='urn:x'>kept</x></prop></set></propertyupdate>";
    let (status, said) = dav(&suite, &url, &["-u", &admin, "-X", "PROPPATCH", "-H", &held, "-d", set]);
    assert!(status == 207 && said.contains("200 OK"), "{said}");

    assert_eq!(suite.server.stop(), Some(0));
    let suite = Suite::start(suite.folder, &["up"]);
    for who in [&admin, "bob:bob-rope-bob"] {
        let (status, said) = dav(&suite, &url, &["-u", who, "-X", "PUT", "-d", "mine"]);
        assert_eq!(status, 423, "{who}: {said}");
    }
    let (_, said) = dav(&suite, &url, &["-u", "bob:bob-rope-bob", "-X", "PROPFIND", "-H", "Depth: 0"]);
    assert!(said.contains("Ann at her desk") && said.contains("urn:uuid:"), "{said}");
    assert!(said.contains(">kept<"), "{said}");
    let (status, said) = dav(&suite, &url, &["-u", &admin, "-X", "PUT", "-H", &held, "-d", "mine"]);
    assert_eq!(status, 204, "{said}");
}

#[test]
fn where_a_port_is_taken_nothing_is_made() {
    let offset = offset();
    let _taken = TcpListener::bind(("127.0.0.1", 2121 + offset)).unwrap();
    let folder = Folder::new();
    let refused = done(ropewalk(["up", "--port-offset", &offset.to_string()]).current_dir(folder.path()));
    refused.says(69, &[&format!("port {} is taken by", 2121 + offset), "--port-offset"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_an_interrupted_up_left_is_finished_by_the_next() {
    let offset = offset().to_string();
    let mut suite = Suite::start(Folder::new(), &["up", "--port-offset", &offset]);
    suite.server.stop();
    fs::remove_file(suite.folder.join("ropewalk.toml")).unwrap();
    let again = Suite::start(suite.folder, &["up", "--port-offset", &offset]);
    let password = |said: &str| said.split("password ").nth(1).unwrap().to_owned();
    assert_ne!(password(&again.said), password(&suite.said), "nobody saw the first");
}

#[test]
fn dev_serves_at_once_and_leaves_nothing() {
    let offset = offset().to_string();
    let began = Instant::now();
    let temporary = Folder::new();
    let mut command = ropewalk(["dev", "--port-offset", &offset]);
    command.env("TMPDIR", temporary.path()).stdout(File::create(temporary.join("said")).unwrap());
    let mut server = Daemon::of(&mut command);
    // A second is what the release build has.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    until("it says who can come in", || temporary.read("said").contains("ann:ann-rope and bob:bob-rope"));
    assert_eq!(server.stop(), Some(0));
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1, "what it said");
    done(&mut ropewalk(["dev", "--detach"])).says(2, &["foreground"]);
}

#[test]
fn what_up_makes_belongs_to_whom_it_runs_as() {
    if !crate::daemon::is_root() || !has_curl() {
        return;
    }
    let folder = Folder::new();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let suite = Suite::start(folder, &["up", "--port-offset", &offset().to_string(), "--uid", "nobody"]);
    for command in suite.commands() {
        let done = suite.paste(&command.replace("curl", "curl -sSf"));
        assert!(done.status.success(), "{command}: {done:?}");
    }
}

#[test]
fn where_others_come_passwords_need_tls() {
    let suite = Suite::start(Folder::new(), &["up", "--public", "--port-offset", &offset().to_string()]);
    assert!(suite.folder.read("ropewalk.toml").contains("tls_required = true"));
    let ftp: Vec<_> = suite.commands().into_iter().filter(|command| command.contains("ftp://")).collect();
    assert!(ftp.len() == 1 && ftp[0].contains("--ssl-reqd"), "{ftp:?}");
    if has_curl() {
        let done = suite.paste(&ftp[0].replace("curl", "curl -sSf"));
        assert!(done.status.success(), "{done:?}");
    }
}
