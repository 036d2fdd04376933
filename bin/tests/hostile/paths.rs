use std::os::unix::fs::symlink;

use super::subject::{Subject, new_dir};

/// A tree with a way out of it by every kind of link, and a secret outside.
fn tree() -> Subject {
    let dir = new_dir();
    let root = dir.path().join("root");
    std::fs::write(dir.path().join("outside.txt"), "SECRET\n").unwrap();
    std::fs::create_dir(dir.path().join("elsewhere")).unwrap();
    std::fs::write(dir.path().join("elsewhere/b.txt"), "SECRET\n").unwrap();
    std::fs::create_dir_all(root.join(".git")).unwrap();
    std::fs::write(root.join(".git/config"), "SECRET\n").unwrap();
    std::fs::write(root.join(".env"), "SECRET\n").unwrap();
    std::fs::create_dir(root.join("folder")).unwrap();
    std::fs::write(root.join("folder/.htpasswd"), "SECRET\n").unwrap();
    symlink("../outside.txt", root.join("relative")).unwrap();
    symlink(dir.path().join("outside.txt"), root.join("absolute")).unwrap();
    symlink("relative", root.join("chain")).unwrap();
    symlink("../elsewhere", root.join("directory")).unwrap();
    symlink("/proc/self/root", root.join("magic")).unwrap();
    symlink("a.txt", root.join("inside")).unwrap();
    nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let config = "[files.main]\npath = \"root\"\n[[service]]\nkind = \"http\"\nfiles = \"main\"\ndav = true\n\
                  listen = [\"tcp:0:interface=127.0.0.1\"]\n";
    Subject::start(dir, config, None)
}

#[test]
fn nothing_outside_of_the_root_is_opened_and_nothing_hidden() {
    let subject = tree();
    assert_eq!(subject.get("/a.txt").0, 200);
    assert_eq!(subject.get("/inside").0, 200, "a link that stays inside is followed");
    let outside = subject.dir.path().join("outside.txt");
    let outside = outside.to_str().unwrap();
    for (target, status) in [
        ("/../outside.txt", 400),
        ("/folder/../../outside.txt", 400),
        ("/..%2foutside.txt", 400),
        ("/..%2Foutside.txt", 400),
        ("/%2e%2e/outside.txt", 400),
        ("/%2e%2e%2foutside.txt", 400),
        ("/.%2e/outside.txt", 400),
        ("/folder/%2e%2e/%2e%2e/outside.txt", 400),
        ("/a%2f..%2f..%2foutside.txt", 400),
        ("/folder%2fx", 400),
        ("/%00", 400),
        ("/a.txt%00.html", 400),
        ("/%", 400),
        ("/%zz", 400),
        // Decoded once: what is left is a name, and nothing is called so.
        ("/%252e%252e/outside.txt", 404),
        ("/..%252foutside.txt", 404),
        ("/%252e%252e%252foutside.txt", 404),
        ("/..%5coutside.txt", 404),
        ("/..%c0%afoutside.txt", 404),
        ("/%c0%ae%c0%ae/outside.txt", 404),
        ("//outside.txt", 404),
        ("/relative", 404),
        ("/absolute", 404),
        ("/chain", 404),
        ("/directory/b.txt", 404),
        ("/directory/", 404),
        ("/.env", 404),
        ("/%2eenv", 404),
        ("/.git/config", 404),
        ("/%2egit/config", 404),
        ("/.git/", 404),
        ("/folder/.htpasswd", 404),
        ("/fifo", 403),
    ] {
        let (got, text) = subject.get(target);
        assert!(!text.contains("SECRET"), "{target} gave the secret");
        assert_eq!(got, status, "{target}");
    }
    for target in
        [format!("/{outside}"), format!("/magic{outside}"), format!("http://localhost/magic{outside}")]
    {
        let (got, text) = subject.get(&target);
        assert!(!text.contains("SECRET") && got >= 400, "{target}: {got}");
    }
}

/// The status of PROPFIND.
fn found(subject: &Subject, target: &str) -> u16 {
    use std::io::Write as _;
    let mut socket = subject.connect();
    let head =
        format!("PROPFIND {target} HTTP/1.1\r\nHost: localhost\r\nDepth: 0\r\nConnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    super::subject::answer(socket).0
}

#[test]
fn what_is_outside_has_no_properties_either() {
    let subject = tree();
    assert_eq!(
        [found(&subject, "/a.txt"), found(&subject, "/inside"), found(&subject, "/folder/")],
        [207; 3]
    );
    for target in
        ["/relative", "/absolute", "/chain", "/directory", "/directory/", "/directory/b.txt", "/none"]
    {
        assert_eq!((found(&subject, target), subject.get(target).0), (404, 404), "{target}");
    }
}

#[test]
fn a_listing_does_not_tell_what_is_hidden_or_outside() {
    let subject = tree();
    let (status, page) = subject.get("/");
    assert_eq!(status, 200);
    assert!(page.contains("a.txt"));
    for hidden in [".git", ".env", "SECRET", "outside", "elsewhere"] {
        assert!(!page.contains(hidden), "{hidden} in {page}");
    }
}

#[test]
fn what_a_peer_writes_cannot_forge_a_line_of_the_log() {
    let subject = tree();
    let before = subject.log().lines().count();
    // Percent-encoded controls in the target, and what is allowed raw in a field: 8-bit and quotes.
    subject.get("/x%0d%0a2026-01-01T00:00:00.000Z%20ERROR%20forged%1b%5b31m");
    let (_, log) = {
        use std::io::Write as _;
        let mut socket = subject.connect();
        let head = b"GET /y HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \" agent=\x9b31m\xff\r\n\
                     Connection: close\r\n\r\n";
        socket.write_all(head).unwrap();
        let answer = super::subject::answer(socket);
        super::subject::until("both are logged", || subject.log().lines().count() >= before + 2);
        (answer, subject.log())
    };
    assert_eq!(log.lines().count(), before + 2, "{log}");
    assert!(log.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{log:?}");
}
