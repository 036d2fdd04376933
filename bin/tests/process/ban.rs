use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Done, Folder, connect, done, ropewalk, until};

/// A site with a login, whose server bans also peers on this machine, at the third wrong password.
fn folder() -> Folder {
    let folder = Folder::with(
        "store = \"data\"\n[defender]\nlocal = true\nthreshold = 6\n[accounts.people]\nstore = \"data\"\n\
         [files.x]\npath = \"site\"\n[[service]]\nname = \"site\"\nkind = \"http\"\n\
         listen = [\"tcp:0:interface=localhost\"]\nfiles = \"x\"\n[[service.auth]]\naccounts = \"people\"\n",
    );
    std::fs::create_dir(folder.join("site")).unwrap();
    folder.write("site/index.html", "hello");
    user(&folder, &["add", "ann"]).says(0, &[]);
    folder
}

fn user(folder: &Folder, args: &[&str]) -> Done {
    let input = std::fs::File::open(folder.write("input", "swordfish\n")).unwrap();
    done(ropewalk(["user"]).args(args).arg("--store").arg(folder.join("data")).stdin(input))
}

fn ask(folder: &Folder, args: &[&str]) -> Done {
    done(ropewalk(args).arg("--store").arg(folder.join("data")))
}

/// The status of a request by ann; none where nobody answers.
fn login(server: &Daemon, password: &str) -> Option<u16> {
    let mut stream = connect(server.port());
    let basic = STANDARD.encode(format!("ann:{password}"));
    let head = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {basic}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

#[test]
fn who_guesses_is_banned_and_stays_so_over_a_restart_until_an_operator_says_otherwise() {
    let folder = folder();
    let server = Daemon::of(&mut folder.command(&[]));
    assert_eq!(login(&server, "swordfish"), Some(200));
    ask(&folder, &["ban", "ls"]).says(0, &["nobody is banned"]);
    for n in 0..3 {
        login(&server, &format!("wrong{n}"));
    }
    assert_eq!(login(&server, "swordfish"), None);
    server.wait_for("banned address=127.0.0.1");
    ask(&folder, &["ban", "ls"]).says(0, &["127.0.0.1", "wrong_password"]);
    let listed: serde_json::Value =
        serde_json::from_str(&ask(&folder, &["ban", "ls", "--json"]).out).unwrap();
    assert_eq!((&listed["version"], &listed["bans"][0]["times"]), (&1.into(), &1.into()));

    let mut server = server;
    assert_eq!(server.stop(), Some(0));
    ask(&folder, &["ban", "ls"]).says(69, &["no server runs on the store"]);
    let server = Daemon::of(&mut folder.command(&[]));
    assert_eq!(login(&server, "swordfish"), None);
    ask(&folder, &["ban", "rm", "127.0.0.1"]).says(0, &[]);
    assert_eq!(login(&server, "swordfish"), Some(200));
    ask(&folder, &["ban", "rm", "127.0.0.1"]).says(1, &["127.0.0.1 is not banned"]);
    ask(&folder, &["ban", "add", "127.0.0.1", "--for", "1h", "--why", "by me"]).says(0, &[]);
    assert_eq!(login(&server, "swordfish"), None);
    ask(&folder, &["ban", "ls"]).says(0, &["by me"]);
    ask(&folder, &["ban", "add", "nobody"]).says(2, &["invalid"]);
    // What was acknowledged is on the disk.
    server.signal(Signal::SIGKILL);
    drop(server);
    let server = Daemon::of(&mut folder.command(&[]));
    assert_eq!(login(&server, "swordfish"), None);
    ask(&folder, &["ban", "rm", "127.0.0.1"]).says(0, &[]);
    server.signal(Signal::SIGKILL);
    drop(server);
    let server = Daemon::of(&mut folder.command(&[]));
    assert_eq!(login(&server, "swordfish"), Some(200));
}

/// A connection on which ann has logged in, and which stays.
fn stay(server: &Daemon) -> TcpStream {
    let mut stream = connect(server.port());
    let basic = STANDARD.encode("ann:swordfish");
    write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {basic}\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    stream
}

/// Waits until it ends, whether by a close or by a reset.
#[track_caller]
fn ends(mut stream: TcpStream) {
    let ended = stream.read_to_end(&mut Vec::new());
    let late = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!late, "it goes on");
}

#[test]
fn a_ban_ends_what_is_open_whoever_has_logged_in() {
    let folder = folder();
    let server = Daemon::of(&mut folder.command(&[]));
    let open = stay(&server);
    for n in 0..3 {
        login(&server, &format!("wrong{n}"));
    }
    ends(open);
    ask(&folder, &["ban", "rm", "127.0.0.1"]).says(0, &[]);
    let open = stay(&server);
    ask(&folder, &["ban", "add", "127.0.0.1"]).says(0, &[]);
    ends(open);
}

#[test]
fn this_machine_and_who_is_allowed_are_banned_only_by_force() {
    let folder = folder();
    let config = folder.read("ropewalk.toml").replace("local = true", "allow = [\"192.0.2.0/24\"]");
    folder.write("ropewalk.toml", &config);
    let server = Daemon::of(&mut folder.command(&[]));
    ask(&folder, &["ban", "add", "127.0.0.1"]).says(1, &["127.0.0.1 is this machine", "--force"]);
    ask(&folder, &["ban", "add", "::1"]).says(1, &["this machine"]);
    ask(&folder, &["ban", "add", "192.0.2.7"]).says(1, &["192.0.2.7 is exempt: `allow`"]);
    for network in ["127.0.0.0/8", "0.0.0.0/0", "::/0"] {
        ask(&folder, &["ban", "add", network]).says(1, &[network, "has it in it", "--force"]);
    }
    ask(&folder, &["ban", "add", "192.0.0.0/16"]).says(1, &["192.0.0.0/16 is exempt: `allow`"]);
    ask(&folder, &["ban", "ls"]).says(0, &["nobody is banned"]);
    assert_eq!(login(&server, "swordfish"), Some(200));
    for of_loopback in ["127.0.0.1", "127.0.0.0/8"] {
        ask(&folder, &["ban", "add", of_loopback, "--force"]).says(0, &[]);
        assert_eq!(login(&server, "swordfish"), None, "{of_loopback}");
        ask(&folder, &["ban", "rm", of_loopback]).says(0, &[]);
        assert_eq!(login(&server, "swordfish"), Some(200), "{of_loopback}");
    }
}

#[test]
fn a_network_is_banned_for_days_and_outlives_a_restart() {
    let folder = folder();
    let mut server = Daemon::of(&mut folder.command(&[]));
    ask(&folder, &["ban", "add", "203.0.113.0/24", "--for", "2d"]).says(0, &[]);
    ask(&folder, &["ban", "add", "2001:db8::/32", "--for", "1w"]).says(0, &[]);
    let open = stay(&server);
    ask(&folder, &["ban", "add", "127.0.0.0/8", "--for", "90m"]).says(0, &[]);
    ends(open);
    assert_eq!(server.stop(), Some(0));
    let server = Daemon::of(&mut folder.command(&[]));
    assert_eq!(login(&server, "swordfish"), None);
    let listed: serde_json::Value =
        serde_json::from_str(&ask(&folder, &["ban", "ls", "--json"]).out).unwrap();
    let bans: Vec<_> = listed["bans"].as_array().unwrap().iter().collect();
    let hours = bans.iter().map(|ban| ban["seconds"].as_u64().unwrap().div_ceil(3600)).collect::<Vec<_>>();
    let networks: Vec<_> = bans.iter().map(|ban| ban["network"].as_str().unwrap()).collect();
    assert_eq!(networks, ["127.0.0.0/8", "203.0.113.0/24", "2001:db8::/32"]);
    assert_eq!(hours, [2, 48, 168]);
    ask(&folder, &["ban", "rm", "203.0.113.7"])
        .says(1, &["203.0.113.7 is not banned by itself, but 203.0.113.0/24 is"]);
    ask(&folder, &["ban", "rm", "127.0.0.0/8"]).says(0, &[]);
    assert_eq!(login(&server, "swordfish"), Some(200));
    ask(&folder, &["ban", "add", "192.0.2.1/24"]).says(2, &["192.0.2.0/24 is meant?"]);
    ask(&folder, &["ban", "add", "192.0.2.1", "--for", "1 month"]).says(2, &["2d or 1w"]);
}

#[test]
fn a_reload_makes_changes_and_takes_away_the_defender() {
    let folder = folder();
    let with = folder.read("ropewalk.toml");
    let without = with.replace("[defender]\nlocal = true\nthreshold = 6\n", "");
    folder.write("ropewalk.toml", &without);
    let server = Daemon::of(&mut folder.command(&[]));
    ask(&folder, &["ban", "ls"]).says(1, &["runs by has no [defender]"]);
    let reload = |config: &str, nth| {
        folder.write("ropewalk.toml", config);
        server.signal(Signal::SIGHUP);
        server.wait_for_nth("reloaded", nth);
    };
    reload(&with, 1);
    until("there is a defender", || ask(&folder, &["ban", "ls"]).code == Some(0));
    for n in 0..3 {
        login(&server, &format!("wrong{n}"));
    }
    assert_eq!(login(&server, "swordfish"), None);
    reload(&without, 2);
    until("there is none", || login(&server, "swordfish") == Some(200));
    assert!(!server.log().contains("need"), "a change of [defender] needs no restart");
}

#[test]
fn a_server_that_runs_tells_what_it_does() {
    let folder = folder();
    ask(&folder, &["status"]).says(69, &["no server runs"]);
    let server = Daemon::of(&mut folder.command(&[]));
    let _open = connect(server.port());
    let pid = format!("process {}, ready", server.pid());
    let at = format!("127.0.0.1:{}", server.port());
    ask(&folder, &["status"])
        .says(0, &[&pid, "0 banned", "site                      ready", &at, "control.sock"]);
    until("the connection is counted", || {
        let status: serde_json::Value =
            serde_json::from_str(&ask(&folder, &["status", "--json"]).out).unwrap();
        let services = status["services"].as_array().unwrap();
        services.iter().any(|service| service["name"] == "site" && service["connections"] == 1)
    });
    let mode = folder.join("data").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "nobody else gets to control.sock");
    let second = done(&mut folder.command(&[]));
    let holder = format!("control.sock is taken: process {} listens there", server.pid());
    second.says(69, &[&holder]);
}

#[test]
fn what_is_no_order_is_refused_and_harms_nobody() {
    let folder = folder();
    let server = Daemon::of(&mut folder.command(&[]));
    for (said, answer) in [
        ("{\"order\":\"shutdown\"}\n", "no such order"),
        ("{\"order\":\"status\",\"x\":1}\n", "no such order"),
        ("\n", "no such order"),
        ("{\"order\":\"ban\",\"address\":\"1.2.3\"}\n", "no such order"),
    ] {
        let mut stream = UnixStream::connect(folder.join("data/control.sock")).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        let told = std::io::read_to_string(stream).unwrap();
        assert!(told.contains(answer) && told.contains("\"version\":1"), "{said}: {told}");
    }
    let mut stream = UnixStream::connect(folder.join("data/control.sock")).unwrap();
    let _ = stream.write_all(&[b'x'; 1 << 20]);
    drop(stream);
    ask(&folder, &["status"]).says(0, &["site"]);
    assert_eq!(login(&server, "swordfish"), Some(200));
}

#[test]
fn who_is_disabled_is_cut_off() {
    let folder = folder();
    let server = Daemon::of(&mut folder.command(&[]));
    let stream = stay(&server);
    user(&folder, &["disable", "ann"]).says(0, &[]);
    ends(stream);
    assert_eq!(login(&server, "swordfish"), Some(401), "at once");
}

#[test]
fn a_defender_that_would_ban_everybody_and_a_store_that_is_not_there_are_mistakes() {
    let folder = Folder::with(
        "store = \"nowhere\"\n[defender]\nthreshold = 0\nallow = [\"x\"]\n[[service]]\nkind = \"echo\"\n\
         listen = [\"tcp:0:interface=localhost\"]\n",
    );
    folder.check(&[]).says(78, &["would ban everybody", "there is no store in", "\"x\" is no network"]);
}
