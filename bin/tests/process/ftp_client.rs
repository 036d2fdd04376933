//! `ropewalk fetch`, `put` and `ls` over FTP and HTTP, from and to our own servers.

use std::path::Path;

use crate::daemon::{Daemon, Done, Folder, done, ropewalk};

/// A server of FTP for this folder, to which ann may write.
fn serve(folder: &Folder, more: &[&str]) -> (Daemon, String) {
    let path = folder.path().to_str().unwrap().to_owned();
    let mut command = ropewalk(["ftp", "--listen", "tcp:0:interface=127.0.0.1", "--path", &path]);
    command.args(["--user", "ann:swordfish"]).args(more);
    command.env("HOME", folder.path()).env_remove("XDG_DATA_HOME");
    let server = Daemon::of(&mut command);
    let url = format!("ftp://ann:swordfish@127.0.0.1:{}", server.port());
    (server, url)
}

fn client(folder: &Folder, args: &[&str]) -> Done {
    let mut command = ropewalk(args.iter().copied());
    command.current_dir(folder.path());
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    done(&mut command)
}

fn is_there(folder: &Folder, name: &str) -> bool {
    Path::new(folder.path()).join(name).exists()
}

#[test]
fn a_file_is_sent_listed_and_fetched() {
    let (served, here) = (Folder::new(), Folder::new());
    let (_server, url) = serve(&served, &[]);
    here.write("a b", "hello\n");
    client(&here, &["put", "a b", &format!("{url}/")]).says(0, &[]);
    assert_eq!(served.read("a b"), "hello\n");
    std::fs::create_dir(served.join("dir")).unwrap();
    assert_eq!(client(&here, &["ls", &url]).out, "a b\ndir/\n");
    let long = client(&here, &["ls", "-l", &url]).out;
    assert!(long.starts_with("file                   6 20") && long.contains(" a b\ndirectory"), "{long}");
    let json = client(&here, &["ls", "--json", &url]).out;
    assert!(json.contains("\"name\": \"a b\"") && json.contains("\"type\": \"directory\""), "{json}");
    assert!(!json.contains("swordfish"), "{json}");
    let json = client(&here, &["fetch", "--json", "-o", "c", &format!("{url}/a%20b")]);
    json.says(0, &["\"octets\": 6", "/a%20b\""]);
    assert!(!json.out.contains("swordfish"), "{}", json.out);
    assert_eq!(here.read("c"), "hello\n");
    assert_eq!(client(&here, &["fetch", &format!("{url}/a%20b")]).out, "hello\n");
    client(&here, &["put", "--no-clobber", "c", &format!("{url}/a%20b")])
        .says(1, &["there is such a file already"]);
    client(&here, &["fetch", "-O", &format!("{url}/none")])
        .says(1, &["transfer: the server answers RETR with 550"]);
    assert!(!is_there(&here, "none") && !is_there(&here, "none.part"));
    client(&here, &["fetch", &format!("{url}/dir/")]).says(2, &["ropewalk ls"]);
    client(&here, &["fetch", "-I", &format!("{url}/c")]).says(2, &["--head means nothing over FTP"]);
    client(&here, &["ls", "--user", "ann:wrong", &url]).says(1, &["login: the server answers PASS with 530"]);
    client(&here, &["ls", "ftp://127.0.0.1:1/"]).says(69, &["connect: nobody answers"]);
}

#[test]
fn what_was_cut_is_gone_on_with() {
    let (served, here) = (Folder::new(), Folder::new());
    let (_server, url) = serve(&served, &[]);
    let whole: String = (0..50_000).map(|n| format!("{n}\n")).collect();
    served.write("numbers", &whole);
    let url = format!("{url}/numbers");
    let arguments = ["fetch", "-C", "-O", "--json", &url];
    client(&here, &arguments).says(0, &["\"resumed_from\": 0"]);
    // What says of what it is a part is what an attempt that is cut leaves.
    let changed = std::fs::metadata(served.join("numbers")).unwrap().modified().unwrap();
    let secs = changed.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let tag = format!("ftp {} {secs}.000000000\n", whole.len());
    std::fs::remove_file(here.join("numbers")).unwrap();
    here.write("numbers.part", &whole[..1000]);
    here.write("numbers.part.tag", &tag);
    client(&here, &arguments).says(0, &["\"resumed_from\": 1000"]);
    assert_eq!(here.read("numbers"), whole);
    assert!(!is_there(&here, "numbers.part") && !is_there(&here, "numbers.part.tag"));
    client(&here, &["fetch", "-C", "-O", &url]).says(0, &["numbers is complete"]);
    // A part of something else is not gone on with.
    std::fs::remove_file(here.join("numbers")).unwrap();
    here.write("numbers.part", "other");
    here.write("numbers.part.tag", "ftp 7 1.000000000\n");
    client(&here, &arguments).says(0, &["\"resumed_from\": 0"]);
    assert_eq!(here.read("numbers"), whole);
    // And the other way.
    served.write("numbers", &whole[..777]);
    client(&here, &["put", "-C", "numbers", &url]).says(0, &[]);
    assert_eq!(served.read("numbers"), whole);
    client(&here, &["put", "-C", "numbers", &url]).says(0, &["numbers is there"]);
    here.write("short", "x");
    client(&here, &["put", "-C", "short", &url]).says(1, &["and the file 1"]);
}

#[test]
fn an_upload_of_which_nothing_was_kept_is_sent_whole() {
    let (served, here) = (Folder::new(), Folder::new());
    let (_server, url) = serve(&served, &[]);
    let url = format!("{url}/numbers");
    let whole: String = (0..50_000).map(|n| format!("{n}\n")).collect();
    here.write("numbers", &whole);
    // The upload was cut: what was there before is there yet, be it shorter or as long.
    for old in [String::new(), "old".to_owned(), whole.replace('7', "8")] {
        served.write("numbers", &old);
        let said = client(&here, &["put", "--resume", "numbers", &url]);
        said.says(
            0,
            if old.is_empty() { &[] } else { &["not the beginning of the file: sending all of it"] },
        );
        assert_eq!(served.read("numbers"), whole);
    }
}

#[test]
fn tls_is_begun_where_that_is_asked_for() {
    let (served, here) = (Folder::new(), Folder::new());
    served.write("a", "secret");
    let (_server, url) = serve(&served, &["--tls", "auto"]);
    let url = format!("{url}/a");
    client(&here, &["fetch", "--tls", &url]).says(1, &["tls: "]);
    client(&here, &["fetch", "--tls", "-k", "--json", "-o", "b", &url]).says(0, &["\"TLS"]);
    assert_eq!(here.read("b"), "secret");
    client(&here, &["put", "--tls", "-k", "b", &url]).says(0, &[]);
    let (_server, url) = serve(&served, &[]);
    client(&here, &["fetch", "--tls", &format!("{url}/a")])
        .says(1, &["tls: the server answers AUTH TLS with "]);
}

#[test]
fn over_http_there_are_put_and_ls_too() {
    let (served, here) = (Folder::new(), Folder::new());
    served.write("a", "x");
    std::fs::create_dir(served.join("dir")).unwrap();
    let server =
        Daemon::start(["web", "--port", "0", "--dav", "--write", "--path", served.path().to_str().unwrap()]);
    let url = format!("http://localhost:{}", server.port());
    assert_eq!(client(&here, &["ls", &url]).out, "a\ndir/\n");
    client(&here, &["ls", &format!("{url}/a")]).says(1, &["no listing"]);
    client(&here, &["ls", &format!("{url}/none/")]).says(1, &["404 Not Found"]);
    here.write("b c", "hello");
    client(&here, &["put", "b c", &format!("{url}/dir/")]).says(0, &[]);
    assert_eq!(served.read("dir/b c"), "hello");
    client(&here, &["put", "-n", "b c", &format!("{url}/a")]).says(1, &["there is such a file already"]);
    client(&here, &["put", "-n", "b c", &format!("{url}/d")]).says(0, &[]);
    assert_eq!((served.read("a"), served.read("d")), ("x".into(), "hello".into()));
    client(&here, &["put", "-C", "b c", &url]).says(2, &["--resume means nothing"]);
}
