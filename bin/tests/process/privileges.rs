//! Giving up root. These tests do nothing where it was not there to be given up.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User, chown};

use crate::daemon::{
    Daemon, Folder, connect, done, echoes, free_port, is_root, ropewalk, run, status, until,
};
use crate::sockets::get_tls;

fn skipped() -> bool {
    if !is_root() {
        eprintln!("skipped: not root");
    }
    !is_root()
}

fn nobody() -> User {
    User::from_name("nobody").unwrap().unwrap()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn without_root_nothing_can_be_given_up() {
    if is_root() {
        return;
    }
    run(["echo", "--port", "0", "--uid", "root"]).says(77, &["only root can"]);
    run(["echo", "--port", "0", "--chroot", "/"]).says(77, &["only root can"]);
}

#[test]
fn every_thread_has_given_up_root_and_all_its_groups() {
    if skipped() {
        return;
    }
    let user = nobody();
    let log = Folder::new();
    let mut command = ropewalk(["echo", "--listen", "tcp:17", "--threads", "3", "--uid", "nobody"]);
    let server = Daemon::begin(command.arg("--log-file").arg(log.join("log")));
    until("it is ready", || log.read("log").contains("ready"));
    echoes(connect(17), "hello");
    let ids = |id: u32| [id.to_string(), id.to_string(), id.to_string(), id.to_string()].join("\t");
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap() {
        let text = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let line = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_owned();
        assert_eq!(line("Uid:"), ids(user.uid.as_raw()));
        assert_eq!(line("Gid:"), ids(user.gid.as_raw()));
        assert_eq!(line("Groups:"), user.gid.to_string());
        assert_eq!(line("CapEff:").trim_matches('0'), "");
        threads += 1;
    }
    // One that waits, three that work, one that writes the log.
    assert!(threads >= 5, "{threads}");
    let log = log.read("log");
    assert!(
        log.contains("tcp:17:interface=localhost is held, but cannot be bound again by user nobody"),
        "{log}"
    );
}

#[test]
fn a_group_alone_is_the_only_one() {
    if skipped() {
        return;
    }
    let server = Daemon::start(["echo", "--port", "0", "--uid", "12345", "--gid", "54321"]);
    assert_eq!(status(server.pid(), "Uid"), "12345\t12345\t12345\t12345");
    assert_eq!(status(server.pid(), "Groups"), "54321");
    run(["echo", "--port", "0", "--uid", "12345"]).says(1, &["user 12345 is not in the user database"]);
    run(["echo", "--port", "0", "--uid", "no-such-user"]).says(1, &["there is no user no-such-user"]);
    run(["echo", "--port", "0", "--gid", "no-such-group"]).says(1, &["there is no group no-such-group"]);
}

#[test]
fn the_new_root_is_all_that_is_seen() {
    if skipped() {
        return;
    }
    let folder = Folder::new();
    fs::create_dir(folder.join("work")).unwrap();
    let mut command = ropewalk(["echo", "--port", "0", "--uid", "nobody", "--rundir", "/work"]);
    command.arg("--chroot").arg(folder.path()).arg("--pidfile").arg(folder.join("pid"));
    let mut server = Daemon::of(&mut command);
    echoes(connect(server.port()), "hello");
    let root = fs::read_link(format!("/proc/{}/root", server.pid())).unwrap();
    assert_eq!(root, folder.path().canonicalize().unwrap());
    let cwd = fs::read_link(format!("/proc/{}/cwd", server.pid())).unwrap();
    assert_eq!(cwd, root.join("work"));
    assert_eq!(server.stop(), Some(0));
    // The folder is root's, so it cannot be removed; but it names nobody any more.
    assert_eq!(folder.read("pid"), "");
    run(["echo", "--port", "0", "--chroot", "/nonexistent"])
        .says(1, &["cannot change the root to /nonexistent"]);
}

/// A certificate that is renewed and a port that is added, by a process that is root no more.
#[test]
fn a_reload_works_without_root() {
    if skipped() {
        return;
    }
    let user = nobody();
    let folder = Folder::new();
    mode(folder.path(), 0o755);
    let give = |names: &[&str]| {
        for name in names {
            chown(&folder.join(name), Some(user.uid), Some(user.gid)).unwrap();
        }
    };
    let certify = || {
        for name in ["cert.pem", "key.pem"] {
            let _ = fs::remove_file(folder.join(name));
        }
        done(ropewalk(["cert", "self-signed"]).current_dir(folder.path())).says(0, &[]);
        give(&["cert.pem", "key.pem"]);
    };
    certify();
    folder.write("page.txt", "the page");
    let [web, more] = [(); 2].map(|()| free_port());
    let config = format!(
        "[files.main]\npath = \".\"\n[tls.main]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n\
         [[service]]\nkind = \"http\"\nname = \"web\"\nfiles = \"main\"\n\
         listen = \"tls:{web}:interface=127.0.0.1:cert=main\"\n"
    );
    folder.write("ropewalk.toml", &config);
    let server = Daemon::of(&mut folder.command(&["--uid", "nobody"]));
    assert_ne!(status(server.pid(), "Uid").split('\t').next(), Some("0"));
    assert_eq!(get_tls(web, &folder.join("cert.pem"), "/page.txt").0, 200);
    certify();
    let added = format!(
        "[[service]]\nkind = \"echo\"\nname = \"more\"\nlisten = \"tcp:{more}:interface=127.0.0.1\"\n"
    );
    folder.write("ropewalk.toml", &format!("{config}{added}"));
    server.signal(Signal::SIGHUP);
    server.wait_for("reloaded");
    // Which is read beside.
    server.wait_for("certificate renewed");
    echoes(connect(more), "hello");
    // Trusts the new certificate only.
    assert_eq!(get_tls(web, &folder.join("cert.pem"), "/page.txt").0, 200);
    folder.write("ropewalk.toml", &format!("{config}{}", added.replace(&more.to_string(), "19")));
    server.signal(Signal::SIGHUP);
    let line = server.wait_for("reload failed; nothing was changed");
    assert!(line.contains("as user nobody") && line.contains("port 19 needs root"), "{line}");
    echoes(connect(more), "hello");
}

#[test]
fn what_cannot_be_read_again_is_warned_of_by_name() {
    if skipped() {
        return;
    }
    let folder = Folder::new();
    mode(folder.path(), 0o755);
    done(ropewalk(["cert", "self-signed"]).current_dir(folder.path())).says(0, &[]);
    mode(&folder.join("cert.pem"), 0o644);
    mode(&folder.join("key.pem"), 0o600);
    folder.write(
        "ropewalk.toml",
        "[tls.main]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n\
         [[service]]\nkind = \"echo\"\nlisten = \"tls:0:interface=127.0.0.1:cert=main\"\n",
    );
    mode(&folder.join("ropewalk.toml"), 0o600);
    chown(&folder.join("ropewalk.toml"), Some(Uid::from_raw(0)), None).unwrap();
    let server = Daemon::of(&mut folder.command(&["--uid", "nobody"]));
    for name in ["key.pem", "ropewalk.toml"] {
        server.wait_for(&format!("{name} cannot be read again by user nobody"));
    }
    assert!(!server.log().contains("cert.pem cannot"), "{}", server.log());
    mode(&folder.join("ropewalk.toml"), 0o644);
    folder.check(&["--as", "nobody"]).says(3, &["ropewalk.toml:2:8: ", "key.pem"]);
}

#[test]
fn the_log_and_the_pidfile_belong_to_who_serves_but_not_what_was_somebodys() {
    if skipped() {
        return;
    }
    let folder = Folder::new();
    mode(folder.path(), 0o777);
    let (log, pid) = (folder.join("log"), folder.join("pid"));
    let begin = || {
        let mut command = ropewalk(["echo", "--port", "0", "--uid", "nobody"]);
        Daemon::begin(command.arg("--log-file").arg(&log).arg("--pidfile").arg(&pid))
    };
    let owner = |path: &Path| fs::metadata(path).map(|meta| meta.uid()).unwrap();
    let mut server = begin();
    until("it is ready", || folder.read("log").contains("ready"));
    assert_eq!([owner(&log), owner(&pid)], [nobody().uid.as_raw(); 2]);
    // As logrotate does with `copytruncate` off.
    fs::rename(&log, folder.join("log.1")).unwrap();
    fs::write(&log, "").unwrap();
    chown(&log, Some(nobody().uid), None).unwrap();
    server.signal(Signal::SIGHUP);
    until("it goes on in the new file", || folder.read("log").contains("reloaded"));
    assert_eq!(server.stop(), Some(0));
    assert!(!pid.exists());
    fs::remove_file(&log).unwrap();
    fs::write(folder.join("roots"), "").unwrap();
    std::os::unix::fs::symlink(folder.join("roots"), &log).unwrap();
    let mut server = begin();
    until("it is ready", || folder.read("roots").contains("ready"));
    assert_eq!(owner(&folder.join("roots")), 0);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_folder_that_is_to_be_written_to_and_cannot_be_is_warned_of_by_name() {
    let folder = Folder::with(
        "[files.main]\npath = \"site\"\nwrite = true\n\
         [[service]]\nkind = \"http\"\nfiles = \"main\"\nlisten = \"tcp:0:interface=127.0.0.1\"\n",
    );
    let site = folder.join("site");
    fs::create_dir(&site).unwrap();
    mode(&site, 0o555);
    let warning = format!("this user cannot write to {}: Permission denied", site.display());
    if skipped() {
        folder.check(&[]).says(0, &[&warning, "ropewalk.toml:2:8"]);
        return;
    }
    mode(folder.path(), 0o755);
    folder.check(&["--as", "nobody"]).says(3, &["as user nobody: ", "ropewalk.toml:2:8: ", &warning]);
    let server = Daemon::of(&mut folder.command(&["--uid", "nobody"]));
    server.wait_for("site cannot be written to by user nobody: Permission denied");
    mode(&site, 0o777);
    let said = folder.check(&["--as", "nobody"]);
    assert!(said.code == Some(0) && !said.err.contains("cannot write"), "{said:#?}");
}
