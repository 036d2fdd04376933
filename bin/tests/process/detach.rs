use std::fs;
use std::net::TcpListener;

use nix::sys::signal::{Signal, kill};
use nix::unistd::getsid;

use crate::daemon::{Daemon, Folder, Stranger, connect, done, echoes, free_port, pid, ropewalk, until};

#[test]
fn the_parent_returns_when_it_serves_and_prints_the_process() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = ropewalk(["echo", "--port", &port.to_string(), "+", "echo", "--port", "0", "--detach"]);
    let said = done(command.args(["--pidfile", "pid"]).current_dir(folder.path()));
    said.says(0, &[]);
    let daemon = Stranger(said.out.trim().parse().unwrap());
    // Without waiting: it is ready.
    echoes(connect(port), "hello");
    assert_eq!(folder.read("pid").trim(), said.out.trim());
    assert_eq!(getsid(Some(pid(daemon.0))).unwrap(), pid(daemon.0));
    for stream in ["1", "2"] {
        let at = fs::read_link(format!("/proc/{}/fd/{stream}", daemon.0)).unwrap();
        assert_eq!(at.to_str(), Some("/dev/null"));
    }
    until("the log says that it is ready", || folder.read("ropewalk.log").contains("ready"));
    kill(pid(daemon.0), Signal::SIGTERM).unwrap();
    until("the pidfile is removed", || !folder.join("pid").exists());
    until("the log says that it has stopped", || folder.read("ropewalk.log").contains("stopped"));
}

#[test]
fn the_parent_says_why_it_does_not_serve_and_ends_like_the_child() {
    let folder = Folder::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let mut command = ropewalk(["echo", "--detach", "--port", &port.to_string()]);
    let said = done(command.current_dir(folder.path()));
    said.says(69, &[&format!("error: service echo-1: cannot listen on tcp:{port}"), "is taken by"]);
    assert_eq!(said.out, "");
    assert!(folder.read("ropewalk.log").contains("is taken by"));
    let wrong = Folder::with("drain = 3\n");
    done(&mut wrong.command(&["--detach"])).says(78, &["ropewalk.toml:1:9"]);
}

#[test]
fn a_detached_process_that_is_killed_early_is_no_success() {
    let folder = Folder::new();
    let fifo = folder.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // It waits for ever for a configuration that nobody writes.
    let mut command = ropewalk(["run", "--allow-root", "--detach", "--config"]);
    let mut parent = Daemon::begin(command.arg(&fifo));
    let children = format!("/proc/{0}/task/{0}/children", parent.pid());
    let mut child = String::new();
    until("the child is there", || {
        child = fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
        !child.is_empty()
    });
    assert!(parent.runs(), "it waits for its child");
    kill(pid(child.parse().unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(parent.end(), Some(1));
    parent.wait_for("signal 9 ended the process in the background");
}
