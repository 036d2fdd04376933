//! Clients that sit on many machines: ncftp, tnftp, and rclone, which takes FTP and WebDAV for disks.

use std::fs;
use std::process::Command;

use crate::daemon::{Daemon, Done, Folder, done, ropewalk};
use crate::ftp::{fill, is_there, same, serve};

fn ftp(program: &str, args: &[&str]) -> Done {
    let mut command = Command::new(program);
    // ncftp keeps what it knows in the home folder, and asks about it where it cannot.
    command.env("HOME", "/nonexistent").env("NCFTPNOPASSWD", "1").args(args);
    done(&mut command)
}

#[test]
fn ncftp_sends_and_fetches_a_tree() {
    if !is_there("ncftpput") {
        return;
    }
    let (here, there, back) = (Folder::new(), Folder::new(), Folder::new());
    fill(&here.join("tree"));
    let server = serve(&there, &[]);
    let port = server.port().to_string();
    let who = ["-u", "ann", "-p", "swordfish", "-P", &port, "-R", "-t", "20"];
    let tree = here.join("tree");
    let sent = [&who[..], &["-m", "127.0.0.1", "/nc", tree.to_str().unwrap()]].concat();
    ftp("ncftpput", &sent).says(0, &[]);
    same(&tree, &there.join("nc/tree"));
    let fetched = [&who[..], &["127.0.0.1", back.path().to_str().unwrap(), "/nc/tree"]].concat();
    ftp("ncftpget", &fetched).says(0, &[]);
    same(&tree, &back.join("tree"));
    let url = format!("ftp://127.0.0.1:{port}/nc/tree/");
    ftp("ncftpls", &["-u", "ann", "-p", "swordfish", "-l", &url])
        .says(0, &["two words", "#hash%41", " large"]);
}

#[test]
fn tnftp_sends_fetches_and_goes_on() {
    if !is_there("tnftp") {
        return;
    }
    let (here, there) = (Folder::new(), Folder::new());
    let server = serve(&there, &[]);
    let at = |path: &str| format!("ftp://ann:swordfish@127.0.0.1:{}/{path}", server.port());
    let page = here.write("page", "0123456789");
    ftp("tnftp", &["-u", &at("page"), page.to_str().unwrap()]).says(0, &[]);
    assert_eq!(there.read("page"), "0123456789");
    let got = here.write("got", "01234");
    ftp("tnftp", &["-R", "-o", got.to_str().unwrap(), &at("page")]).says(0, &[]);
    assert_eq!(fs::read_to_string(got).unwrap(), "0123456789");
    let none = ftp("tnftp", &["-o", "/dev/null", &at("none")]);
    assert!(none.code != Some(0), "{none:#?}");
}

#[test]
fn rclone_takes_the_tree_for_a_disk_over_both_protocols() {
    if !is_there("rclone") {
        return;
    }
    let (here, there) = (Folder::new(), Folder::new());
    fill(here.path());
    let path = there.path().to_str().unwrap();
    let one =
        ["--listen", "tcp:0:interface=127.0.0.1", "--path", path, "--user", "ann:swordfish", "--hidden"];
    let args = [&["web", "--dav", "--write"], &one[..], &["+", "ftp"], &one[..]].concat();
    let server = Daemon::of(&mut ropewalk(args));
    let [web, ftp] = server.addresses()[..] else { panic!("{}", server.log()) };
    let password = done(Command::new("rclone").args(["obscure", "swordfish"])).out.trim().to_owned();
    let (port, url) = (ftp.port().to_string(), format!("http://127.0.0.1:{}", web.port()));
    let rclone = |args: &[&str]| {
        let mut command = Command::new("rclone");
        command.env("RCLONE_CONFIG", "/dev/null").args(["--retries", "1", "--webdav-url", &url]);
        command.args([
            "--ftp-host",
            "127.0.0.1",
            "--ftp-port",
            &port,
            "--ftp-user",
            "ann",
            "--ftp-pass",
            &password,
        ]);
        command.args(["--webdav-user", "ann", "--webdav-pass", &password, "--webdav-vendor", "other"]);
        done(command.args(args)).says(0, &[]);
    };
    let here = here.path().to_str().unwrap();
    for disk in [":ftp:one", ":webdav:two"] {
        rclone(&["copy", "--create-empty-src-dirs", here, disk]);
        rclone(&["check", "--download", here, disk]);
    }
    // What one protocol has written, the other has.
    rclone(&["check", "--download", ":ftp:two", ":webdav:one"]);
    rclone(&["move", ":webdav:two/a", ":webdav:moved"]);
    rclone(&["sync", ":ftp:moved", ":ftp:one"]);
    same(&there.join("moved"), &there.join("one"));
    rclone(&["purge", ":webdav:one"]);
    assert!(!there.join("one").exists());
}
