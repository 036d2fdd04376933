use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Folder, connect, done, echoes, ropewalk, run, status, until};

#[test]
fn a_pidfile_is_ours_while_we_live_and_gone_afterwards() {
    let folder = Folder::new();
    let path = folder.write("pid", "4194305\n");
    let file = path.to_str().unwrap();
    let mut server = Daemon::start(["echo", "--port", "0", "--pidfile", file]);
    assert_eq!(folder.read("pid"), format!("{}\n", server.pid()));
    let held = format!("is held by process {}, which runs", server.pid());
    run(["echo", "--port", "0", "--pidfile", file]).says(69, &[&held]);
    assert_eq!(folder.read("pid"), format!("{}\n", server.pid()), "the refused one left it alone");
    assert_eq!(server.stop(), Some(0));
    assert!(!path.exists());
}

/// Process ids are given out again: that of a dead owner may be anybody's now.
#[test]
fn a_pidfile_that_was_left_behind_is_replaced_whoever_has_its_id_now() {
    let folder = Folder::new();
    let path = folder.join("pid");
    let args = ["echo", "--port", "0", "--pidfile", path.to_str().unwrap()];
    let killed = Daemon::start(args);
    killed.signal(Signal::SIGKILL);
    drop(killed);
    assert!(path.exists());
    folder.write("pid", &format!("{}\n", std::process::id()));
    let mut server = Daemon::start(args);
    assert_eq!(folder.read("pid"), format!("{}\n", server.pid()));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_file_that_is_no_pidfile_is_left_alone() {
    let folder = Folder::new();
    let path = folder.write("precious", "drain = \"1s\"\n");
    let said = run(["echo", "--port", "0", "--pidfile", path.to_str().unwrap()]);
    said.says(1, &["precious is there already, and is not a pidfile"]);
    assert_eq!(folder.read("precious"), "drain = \"1s\"\n");
}

#[test]
fn the_log_goes_into_its_file_as_json() {
    let folder = Folder::new();
    let path = folder.join("log");
    let args = ["echo", "--port", "0", "--log-format", "json", "--log-level", "debug", "--log-file"];
    let mut server = Daemon::begin(ropewalk(args).arg(&path));
    until("it is ready", || folder.read("log").contains("\"ready\""));
    assert_eq!(server.stop(), Some(0));
    let log = folder.read("log");
    assert!(log.lines().count() >= 3);
    for line in log.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
    }
    run(["echo", "--log-level", "info,loud"]).says(2, &["`loud` is not a level"]);
    run(["echo", "--log-file", "/nonexistent/log"]).says(1, &["log file /nonexistent/log cannot be opened"]);
}

#[test]
fn a_rotated_log_has_the_day_in_its_name() {
    let folder = Folder::with(
        "[log]\nfile = \"log\"\nrotation = \"daily\"\n\
         [[service]]\nkind = \"echo\"\nlisten = \"tcp:0:interface=127.0.0.1\"\n",
    );
    let _server = Daemon::begin(&mut folder.command(&[]));
    let is_dated = |name: &str| {
        let day = name.strip_prefix("log.").unwrap_or_default();
        day.len() == 10 && day.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    };
    until("a file for today", || {
        let names = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name());
        names.filter_map(|name| name.into_string().ok()).any(|name| is_dated(&name))
    });
}

#[test]
fn the_process_works_in_its_folder_and_finds_its_configuration_again() {
    let folder = Folder::with("[[service]]\nkind = \"echo\"\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
    fs::create_dir(folder.join("work")).unwrap();
    let mut command = ropewalk(["run", "--allow-root", "--config", "ropewalk.toml", "--rundir", "work"]);
    let server = Daemon::of(command.current_dir(folder.path()));
    let cwd = fs::read_link(format!("/proc/{}/cwd", server.pid())).unwrap();
    assert_eq!(cwd, folder.path().canonicalize().unwrap().join("work"));
    server.signal(Signal::SIGHUP);
    server.wait_for("reloaded kept=1 started=0 draining=0");
    run(["echo", "--port", "0", "--rundir", "/nonexistent"])
        .says(1, &["cannot change to folder /nonexistent"]);
}

#[test]
fn the_umask_is_kept_from_the_first_file_on() {
    let folder = Folder::new();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let listen = format!("unix:{}", path("socket"));
    let mut command = ropewalk(["echo", "--umask", "027", "--listen", &listen, "--pidfile", &path("pid")]);
    let server = Daemon::begin(command.args(["--log-file", &path("log")]));
    until("it is ready", || folder.read("log").contains("ready"));
    assert_eq!(status(server.pid(), "Umask"), "0027");
    for (name, mode) in [("socket", 0o750), ("pid", 0o640), ("log", 0o640)] {
        assert_eq!(fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn the_runtime_has_the_threads_that_were_asked_for() {
    for (args, threads) in [
        (&["--runtime", "current-thread"][..], "1"),
        (&["--threads", "3"][..], "4"),
        (&["--runtime", "multi-thread", "--threads", "1"][..], "2"),
    ] {
        let server = Daemon::start(["echo", "--port", "0"].iter().chain(args));
        echoes(connect(server.port()), "hello");
        assert_eq!(status(server.pid(), "Threads"), threads, "{args:?}");
    }
}

#[test]
fn a_configuration_that_says_nothing_to_run_is_wrong() {
    done(&mut Folder::with("").command(&[])).says(78, &["the configuration has no [[service]]"]);
    done(&mut Folder::new().command(&[])).says(78, &["ropewalk.toml"]);
    let twice = Folder::with(
        "[admin]\nlisten = \"tcp:0\"\n[[service]]\nname = \"admin\"\nkind = \"echo\"\nlisten = \"tcp:0\"\n",
    );
    done(&mut twice.command(&[])).says(78, &["no service can be named `admin` beside [admin]"]);
}
