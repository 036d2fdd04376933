use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Folder, connect, echoes, free_port, get, is_refused, ropewalk, until};

fn echo(name: &str, port: u16, more: &str) -> String {
    format!(
        "[[service]]\nkind = \"echo\"\nname = \"{name}\"\nlisten = \"tcp:{port}:interface=127.0.0.1\"\n{more}\n"
    )
}

fn reload(server: &Daemon, folder: &Folder, config: &str) {
    folder.write("ropewalk.toml", config);
    server.signal(Signal::SIGHUP);
}

#[test]
fn services_come_go_and_stay() {
    let [stays, goes, comes, admin] = [(); 4].map(|()| free_port());
    let top = format!("[admin]\nlisten = \"tcp:{admin}:interface=127.0.0.1\"\n");
    let folder = Folder::with(&format!("{top}{}{}", echo("stays", stays, ""), echo("goes", goes, "")));
    let server = Daemon::of(&mut folder.command(&[]));
    let (unchanged, mut removed) = (connect(stays), connect(goes));
    echoes(&unchanged, "before");
    echoes(&removed, "before");
    reload(&server, &folder, &format!("{top}{}{}", echo("comes", comes, ""), echo("stays", stays, "")));
    server.wait_for("reloaded kept=2 started=1 draining=1");
    echoes(connect(comes), "hello");
    echoes(&unchanged, "after");
    assert_eq!(removed.read(&mut [0]).unwrap(), 0, "it is asked to leave");
    until("the removed one is refused", || is_refused(goes));
    let (status, text) = get(admin, "/readyz");
    assert!(status == 200 && text.contains("comes: ready") && !text.contains("goes"), "{text}");
}

#[test]
fn a_changed_service_refuses_nobody() {
    let port = free_port();
    let folder = Folder::with(&echo("e", port, "limits = { idle = \"100s\" }"));
    let mut server = Daemon::of(&mut folder.command(&[]));
    let (over, connects) = (AtomicBool::new(false), AtomicUsize::new(0));
    let refusals = thread::scope(|scope| {
        let loops: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut refused = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        match TcpStream::connect(("127.0.0.1", port)) {
                            Ok(_) => connects.fetch_add(1, Ordering::Relaxed),
                            Err(error) => {
                                refused.push(error);
                                0
                            }
                        };
                    }
                    refused
                })
            })
            .collect();
        for n in 1..=20 {
            reload(&server, &folder, &echo("e", port, &format!("limits = {{ idle = \"{n}m\" }}")));
            server.wait_for_nth("reloaded kept=0 started=1 draining=1", n);
        }
        over.store(true, Ordering::Relaxed);
        loops.into_iter().flat_map(|l| l.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(refusals.is_empty(), "{refusals:?}");
    assert!(connects.into_inner() > 100);
    echoes(connect(port), "hello");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_bad_configuration_changes_nothing_and_the_log_says_why() {
    let port = free_port();
    let good = echo("e", port, "");
    let folder = Folder::with(&good);
    let server = Daemon::of(&mut folder.command(&[]));
    let before = connect(port);
    echoes(&before, "before");
    reload(&server, &folder, &format!("{good}speed = 3\n"));
    let line = server.wait_for("reload failed; nothing was changed");
    assert!(line.contains("ropewalk.toml:6:1: unknown key `speed`"), "{line}");
    // What is only warned of is not what it failed of, wherever it stands.
    let open = folder.write("htpasswd", "");
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let warned = "[accounts.a]\nfile = \"htpasswd\"\n";
    reload(&server, &folder, &format!("{warned}{good}speed = 3\n"));
    let line = server.wait_for_nth("reload failed; nothing was changed", 2);
    let (error, warning) = (line.find("unknown key `speed`").unwrap(), line.find("warning: ").unwrap());
    assert!(error < warning, "{line}");
    reload(&server, &folder, "drain = \"1s\"\n");
    server.wait_for("the configuration has no [[service]]");
    echoes(&before, "after");
    echoes(connect(port), "new");
    reload(&server, &folder, &format!("[log]\nlevel = \"debug\"\n{good}"));
    server.wait_for("a change of them needs a restart");
    server.wait_for("reloaded kept=1 started=0 draining=0");
}

#[test]
fn a_taken_port_rolls_back_what_was_bound_already() {
    let [old, new] = [(); 2].map(|()| free_port());
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().port();
    let folder = Folder::with(&echo("old", old, ""));
    let server = Daemon::of(&mut folder.command(&[]));
    let before = connect(old);
    let wanted = format!("{}{}", echo("new", new, ""), echo("taken", taken, ""));
    reload(&server, &folder, &wanted);
    let line = server.wait_for("reload failed; nothing was changed");
    assert!(line.contains(&format!("service taken: cannot listen on tcp:{taken}")), "{line}");
    assert!(is_refused(new), "the port that was bound first is given back");
    echoes(&before, "hello");
    echoes(connect(old), "hello");
    drop(holder);
    server.signal(Signal::SIGHUP);
    server.wait_for("reloaded kept=0 started=2 draining=1");
    echoes(connect(new), "hello");
    echoes(connect(taken), "hello");
}

#[test]
fn a_single_server_command_has_nothing_new_to_read() {
    let server = Daemon::start(["echo", "--port", "0"]);
    let before = connect(server.port());
    server.signal(Signal::SIGHUP);
    server.wait_for("reloaded kept=1 started=0 draining=0");
    echoes(before, "hello");
}

#[test]
fn a_log_that_was_moved_away_is_begun_anew() {
    let folder = Folder::new();
    let log = folder.join("log");
    let mut command = ropewalk(["echo", "--port", "0", "--log-file"]);
    let mut server = Daemon::begin(command.arg(&log));
    until("it is ready", || folder.read("log").contains("ready"));
    std::fs::rename(&log, folder.join("log.1")).unwrap();
    server.signal(Signal::SIGHUP);
    until("the new file tells of the reload", || folder.read("log").contains("reloaded"));
    assert!(!folder.read("log").contains("listening"));
    assert_eq!(server.stop(), Some(0));
    assert!(folder.read("log").contains("stopped"));
}
