//! `ropewalk ftp`, by clients that others have written.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::daemon::{Daemon, Done, Folder, done, get, ropewalk, run};

/// Whether the program is there; in CI it must be.
pub(crate) fn is_there(name: &str) -> bool {
    let found = Command::new(name)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    assert!(
        found || std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|it| it != "1"),
        "missing peer: {name}"
    );
    if !found {
        println!("missing peer: {name}");
    }
    found
}

/// A server of a new folder to which ann may write. Its ports are its own.
pub(crate) fn serve(folder: &Folder, more: &[&str]) -> Daemon {
    let path = folder.path().to_str().unwrap().to_owned();
    let mut command = ropewalk(["ftp", "--listen", "tcp:0:interface=127.0.0.1", "--path", &path]);
    command.args(["--user", "ann:swordfish", "--hidden"]).args(more);
    command.env("HOME", folder.path()).env_remove("XDG_DATA_HOME");
    Daemon::of(&mut command)
}

fn curl(args: &[&str]) -> Done {
    done(Command::new("curl").args(["-sS", "-m", "60"]).args(args))
}

fn lftp(server: &Daemon, script: &str) -> Done {
    let url = format!("ftp://ann:swordfish@127.0.0.1:{}", server.port());
    let settings = "set net:max-retries 1; set net:timeout 10; set cmd:fail-exit yes; set ssl:verify-certificate no; \
                    set xfer:clobber yes;";
    done(
        Command::new("lftp")
            .env("HOME", "/nonexistent")
            .args(["-c", &format!("{settings} open {url}; {script}")]),
    )
}

/// A tree with files of many kinds.
pub(crate) fn fill(folder: &Path) {
    for (number, dir) in ["", "a", "a/b", "a/b/c d"].into_iter().enumerate() {
        fs::create_dir_all(folder.join(dir)).unwrap();
        for name in ["plain", "two words", "ü", "-dash", "#hash%41", "quote\"'", "~tilde"] {
            let content = format!("{dir}/{name}\n").repeat(number * 100);
            fs::write(folder.join(dir).join(name), content).unwrap();
        }
    }
    fs::write(folder.join("large"), vec![b'x'; 3 << 20]).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
}

pub(crate) fn same(one: &Path, other: &Path) {
    let said = done(Command::new("diff").arg("-r").arg(one).arg(other));
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{said:#?}");
}

#[test]
fn a_check_of_a_server_that_refuses_the_login_is_one_line_and_tells_what_was_left_out() {
    let folder = Folder::new();
    let server = serve(&folder, &["--read-only"]);
    let check = |user: &str| {
        let at = format!("127.0.0.1:{}", server.port());
        done(&mut ropewalk(["conform", "ftp", "--against", &at, "--user", user, "--only", "ftp/4217/4"]))
    };
    let said = check("ann:wrong");
    said.says(2, &["error: ann cannot log in at ", "530"]);
    assert_eq!((said.err.lines().count(), said.out.as_str()), (1, ""), "{said:?}");
    check("ann:swordfish").says(0, &[" more with --given tls"]);
}

#[test]
fn what_put_cannot_read_is_named_before_anybody_is_asked() {
    let folder = Folder::new();
    for url in ["ftp://127.0.0.1:1/x", "http://127.0.0.1:1/x"] {
        done(ropewalk(["put", "nosuch", url]).current_dir(folder.path()))
            .says(1, &["cannot read nosuch: No such file or directory"]);
        let dir = folder.path().to_str().unwrap();
        done(&mut ropewalk(["put", dir, url])).says(1, &["cannot read ", "directory"]);
    }
    done(&mut ropewalk(["put", "nosuch", "sftp://127.0.0.1/x"])).says(2, &["sftp is not spoken here yet"]);
}

#[test]
fn curl_reads_and_writes() {
    if !is_there("curl") {
        return;
    }
    let folder = Folder::new();
    let file = folder.write("page.txt", "0123456789");
    let server = serve(&folder, &[]);
    let at = |path: &str| format!("ftp://ann:swordfish@127.0.0.1:{}/{path}", server.port());
    curl(&[&at("page.txt")]).says(0, &["0123456789"]);
    assert_eq!(curl(&["-r", "2-4", &at("page.txt")]).out, "234");
    curl(&["-I", &at("page.txt")]).says(0, &["Content-Length: 10", "Last-Modified: "]);
    curl(&[&at("")]).says(0, &["page.txt"]);
    curl(&["-l", &at("")]).says(0, &["page.txt"]);
    curl(&["--disable-epsv", &at("page.txt")]).says(0, &["0123456789"]);
    let upload = file.to_str().unwrap();
    curl(&["--ftp-create-dirs", "-T", upload, &at("new/dir/copy.txt")]).says(0, &[]);
    assert_eq!(folder.read("new/dir/copy.txt"), "0123456789");
    curl(&["-a", "-T", upload, &at("new/dir/copy.txt")]).says(0, &[]);
    assert_eq!(folder.read("new/dir/copy.txt"), "01234567890123456789");
    curl(&["-Q", "DELE new/dir/copy.txt", &at("")]).says(0, &[]);
    assert!(!folder.join("new/dir/copy.txt").exists());
    // 78: there is no such file. 67: login refused. 30: PORT is off.
    assert_eq!(curl(&[&at("none")]).code, Some(78));
    assert_eq!(curl(&[&format!("ftp://ann:no@127.0.0.1:{}/", server.port())]).code, Some(67));
    assert_eq!(curl(&["-P", "-", &at("page.txt")]).code, Some(30));
}

#[test]
fn curl_speaks_tls_on_both_connections() {
    if !is_there("curl") {
        return;
    }
    let folder = Folder::new();
    folder.write("page.txt", "the page");
    let server = serve(&folder, &["--tls", "auto"]);
    let authority = folder.join(".local/share/ropewalk/ca/ca.pem");
    let authority = if authority.exists() { authority } else { ca(folder.path()) };
    let at = format!("ftp://ann:swordfish@localhost:{}/", server.port());
    let secure = ["--ssl-reqd", "--cacert", authority.to_str().unwrap()];
    for version in ["1.2", "1.3"] {
        let version = ["--tls-max", version];
        curl(&[&secure[..], &version, &[&format!("{at}page.txt")]].concat()).says(0, &["the page"]);
        let upload = folder.join("page.txt");
        let upload = ["-T", upload.to_str().unwrap()];
        curl(&[&secure[..], &version, &upload, &[&format!("{at}copy.txt")]].concat()).says(0, &[]);
        assert_eq!(folder.read("copy.txt"), "the page");
    }
}

#[test]
fn curl_speaks_tls_from_the_first_byte_and_resumes_it_for_data() {
    if !is_there("curl") {
        return;
    }
    let folder = Folder::with(
        r#"
        [files.main]
        path = "."
        write = true
        [accounts.main]
        users = ["ann:swordfish"]
        [[service]]
        kind = "ftp"
        listen = ["tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem"]
        accounts = "main"
        files = "main"
        passive = "0"
        tie = "require"
        tls_required = true
        "#,
    );
    done(ropewalk(["cert", "self-signed"]).current_dir(folder.path())).says(0, &[]);
    folder.write("page.txt", "the page");
    let server = Daemon::of(&mut folder.command(&[]));
    let at = format!("ftps://ann:swordfish@localhost:{}/", server.port());
    let authority = folder.join("cert.pem");
    let secure = ["--cacert", authority.to_str().unwrap()];
    curl(&[&secure[..], &[&format!("{at}page.txt")]].concat()).says(0, &["the page"]);
    let upload = folder.join("page.txt");
    curl(&[&secure[..], &["-T", upload.to_str().unwrap(), &format!("{at}copy.txt")]].concat()).says(0, &[]);
    assert_eq!(folder.read("copy.txt"), "the page");
}

/// The certificate of the authority, wherever it is kept.
fn ca(home: &Path) -> std::path::PathBuf {
    let said = done(Command::new("find").arg(home).args(["-name", "ca*.pem"]));
    said.out.lines().find(|line| !line.contains("key")).unwrap().into()
}

#[test]
fn lftp_mirrors_a_tree_both_ways() {
    if !is_there("lftp") {
        return;
    }
    let (here, there, back) = (Folder::new(), Folder::new(), Folder::new());
    fill(here.path());
    let server = serve(&there, &[]);
    lftp(&server, &format!("mirror -R --parallel=3 {} /tree", here.path().display())).says(0, &[]);
    same(here.path(), &there.join("tree"));
    lftp(&server, &format!("mirror --parallel=3 /tree {}/tree", back.path().display())).says(0, &[]);
    same(here.path(), &back.join("tree"));
    // Times came along: nothing is left to do.
    let again = lftp(&server, &format!("mirror -R -v {} /tree", here.path().display()));
    assert!(!again.out.contains("Transferring"), "{again:#?}");
    lftp(&server, "mv /tree/plain /tree/moved; rm /tree/moved; rm -r /tree/a; mkdir -p /x/y; rmdir /x/y")
        .says(0, &[]);
    assert!(!there.join("tree/a").exists() && there.join("x").exists());
}

#[test]
fn lftp_mirrors_over_tls() {
    if !is_there("lftp") {
        return;
    }
    let (here, there) = (Folder::new(), Folder::new());
    fill(here.path());
    let server = serve(&there, &["--tls", "auto"]);
    let secure = "set ftp:ssl-force yes; set ftp:ssl-protect-data yes;";
    lftp(&server, &format!("{secure} mirror -R {} /tree", here.path().display())).says(0, &[]);
    same(here.path(), &there.join("tree"));
}

#[test]
fn one_folder_over_two_protocols_is_one_resource() {
    let folder = Folder::new();
    folder.write("page.txt", "the page");
    let path = folder.path().to_str().unwrap();
    let server = Daemon::start([
        "web",
        "--port",
        "0",
        "--path",
        path,
        "+",
        "ftp",
        "--port",
        "0",
        "--path",
        path,
        "--user",
        "ann:swordfish",
    ]);
    let [web, ftp] = server.addresses()[..] else { panic!("{}", server.log()) };
    if is_there("curl") {
        let other = Folder::new();
        let upload = other.write("upload", "new page");
        let to = format!("ftp://ann:swordfish@localhost:{}/page.txt", ftp.port());
        curl(&["-T", upload.to_str().unwrap(), &to]).says(0, &[]);
        let (status, text) = get(web.port(), "/page.txt");
        assert!(status == 200 && text.ends_with("new page"), "{text}");
    }
    let printed = run([
        "web",
        "--path",
        path,
        "+",
        "ftp",
        "--path",
        path,
        "--anonymous",
        "--user",
        "a:b",
        "--print-config",
    ]);
    assert_eq!(printed.out.matches("[files.").count(), 1, "{}", printed.out);
    printed.says(
        0,
        &["write = true", "anonymous = \"main\"", "files = \"main\"", "tcp:2121:interface=localhost"],
    );
}

#[test]
fn the_anonymous_are_asked_for() {
    run(["ftp"]).says(2, &["nobody can log in: give --user NAME:PASSWORD, --accounts FILE or --anonymous"]);
    let printed = run(["ftp", "--anonymous", "--print-config"]);
    assert!(!printed.out.contains("write"), "{}", printed.out);
}
