//! GNU wget as a client: what it fetches, resumes, mirrors and fetches no second time.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::clients::{Site, missing, numbers};
use crate::daemon::{Done, Folder, done};

/// A site, and wget in a folder of its own.
struct Wget {
    site: Site,
    folder: Folder,
}

impl Wget {
    /// Where there is one.
    fn new() -> Option<Self> {
        if Command::new("wget").arg("--version").output().is_err() {
            missing("wget");
            return None;
        }
        Some(Self { site: Site::start(), folder: Folder::new() })
    }

    fn run(&self, args: &[&str]) -> Done {
        let mut wget = Command::new("wget");
        wget.args(["--no-config", "--no-proxy", "--tries=1", "--timeout=8", "--no-hsts"]).args(args);
        done(wget.env("LC_ALL", "C.UTF-8").current_dir(self.folder.path()))
    }

    /// Every file that it has made, with what is in it.
    fn got(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.folder.path()).unwrap().to_str().unwrap().to_owned();
                    found.push((name, fs::read_to_string(path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }
}

#[test]
fn wget_resumes_what_it_has_a_part_of() {
    let Some(wget) = Wget::new() else { return };
    let (url, whole) = (wget.site.http("/numbers.txt"), numbers());
    wget.folder.write("numbers.txt", &whole[..40_000]);
    wget.run(&["-c", &url]).says(0, &["206 Partial Content"]);
    assert!(wget.folder.read("numbers.txt") == whole);
    wget.run(&["-c", &url]).says(0, &["416 ", "already fully retrieved"]);
    assert!(wget.folder.read("numbers.txt") == whole);
}

#[test]
fn wget_mirrors_a_listing() {
    let Some(wget) = Wget::new() else { return };
    let url = wget.site.http("/");
    let refused = ["-R", "index.html*", "-X", "/private"];
    let args = ["-r", "-l", "inf", "-np", "-nH", "--local-encoding=UTF-8", &url];
    let said = wget.run(&[&refused[..], &args[..]].concat());
    // It asks for robots.txt as well, which is not there. All that the listings name is found.
    said.says(0, &["robots.txt"]);
    assert_eq!(said.err.matches("ERROR").count(), 1, "{said:?}");
    let wanted = [
        ("deeper/a name & more.txt", "deeper\n"),
        ("deeper/\u{fc}ber.txt", "\u{fc}\n"),
        ("hello.txt", "hello\n"),
        ("numbers.txt", &numbers()),
    ];
    assert_eq!(wget.got(), wanted.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

#[test]
fn wget_fetches_only_what_is_newer() {
    let Some(wget) = Wget::new() else { return };
    let url = wget.site.http("/hello.txt");
    let modified = |path| fs::metadata(path).unwrap().modified().unwrap();
    wget.run(&["-N", &url]).says(0, &["200 OK"]);
    let ours = wget.site.file("hello.txt");
    assert_eq!(modified(wget.folder.join("hello.txt")), modified(ours.clone()));
    wget.run(&["-N", &url]).says(0, &["304 Not Modified"]);
    fs::write(&ours, "hello again\n").unwrap();
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_100);
    fs::File::options().write(true).open(&ours).unwrap().set_modified(later).unwrap();
    wget.run(&["-N", &url]).says(0, &["200 OK"]);
    assert_eq!(wget.folder.read("hello.txt"), "hello again\n");
    assert_eq!(modified(wget.folder.join("hello.txt")), later);
}

#[test]
fn wget_follows_a_redirect_and_knows_what_is_not_there() {
    let Some(wget) = Wget::new() else { return };
    let said = wget.run(&["-O", "moved", &wget.site.http("/old/hello.txt")]);
    said.says(0, &["301 Moved Permanently", "Location: /hello.txt"]);
    assert_eq!(wget.folder.read("moved"), "hello\n");
    wget.run(&[&wget.site.http("/absent")]).says(8, &["ERROR 404: Not Found"]);
}

#[test]
fn wget_logs_in_when_it_is_asked_to() {
    let Some(wget) = Wget::new() else { return };
    let url = wget.site.http("/private/secret.txt");
    wget.run(&[&url]).says(6, &["401 Unauthorized"]);
    wget.run(&["--user=ann", "--password=wrong", &url]).says(6, &["401 Unauthorized"]);
    assert!(wget.got().is_empty());
    let said = wget.run(&["--user=ann", "--password=swordfish", &url]);
    // It is asked first, and then says who it is on the same connection.
    said.says(0, &["401 Unauthorized", "Reusing existing connection", "200 OK"]);
    assert_eq!(wget.folder.read("secret.txt"), "secret\n");
}

#[test]
fn wget_decodes_gzip() {
    let Some(wget) = Wget::new() else { return };
    let url = wget.site.http("/numbers.txt");
    wget.run(&["-S", "--compression=gzip", &url]).says(0, &["content-encoding: gzip"]);
    assert!(wget.folder.read("numbers.txt") == numbers());
}

#[test]
fn wget_keeps_its_connection_and_posts_to_a_program() {
    let Some(wget) = Wget::new() else { return };
    wget.folder.write("form", &numbers());
    let urls = ["/hello.txt", "/absent", "/deeper/", "/hello.txt"].map(|path| wget.site.http(path));
    let said = wget.run(&["-O", "all", &urls[0], &urls[1], &urls[2], &urls[3]]);
    assert_eq!(said.err.matches("Reusing existing connection").count(), 3, "{said:?}");
    wget.run(&["--post-file=form", "-O", "back", &wget.site.http("/programs/echo.sh")]).says(0, &["200 OK"]);
    assert!(wget.folder.read("back") == numbers());
}

#[test]
fn wget_trusts_the_certificate_that_it_is_given_and_no_other() {
    let Some(wget) = Wget::new() else { return };
    let url = wget.site.https("/hello.txt");
    wget.run(&[&url]).says(5, &["is not trusted"]);
    wget.run(&[&format!("--ca-certificate={}", wget.site.authority()), &url]).says(0, &["200 OK"]);
    assert_eq!(wget.folder.read("hello.txt"), "hello\n");
}
