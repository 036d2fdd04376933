//! What becomes of sessions when an account becomes another.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use crate::daemon::{Daemon, Done, Folder, PATIENCE, connect, done, ropewalk};

/// An FTP server over a store in which ann is.
fn folder() -> Folder {
    let folder = Folder::with(
        "store = \"data\"\n[accounts.people]\nstore = \"data\"\n[files.x]\npath = \"site\"\nwrite = true\n\
         [[service]]\nname = \"ftp\"\nkind = \"ftp\"\nlisten = [\"tcp:0:interface=localhost\"]\nfiles = \"x\"\n\
         accounts = \"people\"\nper_person = 1000\n",
    );
    std::fs::create_dir(folder.join("site")).unwrap();
    user(&folder, &["add", "ann"], "swordfish").says(0, &[]);
    folder
}

fn user(folder: &Folder, args: &[&str], password: &str) -> Done {
    let input = std::fs::File::open(folder.write("input", &format!("{password}\n"))).unwrap();
    done(ropewalk(["user"]).args(args).arg("--store").arg(folder.join("data")).stdin(input))
}

/// A session of FTP.
struct Session(BufReader<TcpStream>);

impl Session {
    fn say(&mut self, line: &str) -> u16 {
        let sent = if line.is_empty() { Ok(()) } else { write!(self.0.get_mut(), "{line}\r\n") };
        let mut reply = String::new();
        if sent.is_err() || self.0.read_line(&mut reply).is_err() {
            return 0;
        }
        reply.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// None where the password is refused.
    fn open(port: u16, password: &str) -> Option<Self> {
        let mut session = Self(BufReader::new(connect(port)));
        session.say("");
        session.say("USER ann");
        (session.say(&format!("PASS {password}")) == 230).then_some(session)
    }

    #[track_caller]
    fn ends(mut self) {
        let ended = self.0.read_to_end(&mut Vec::new());
        assert!(!ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "it goes on");
    }
}

#[test]
fn no_session_outlives_the_password_that_opened_it() {
    let folder = folder();
    let server = Daemon::of(&mut folder.command(&[]));
    let (port, over) = (server.port(), AtomicBool::new(false));
    let begin = || {
        // Logins go on all the time, so that some are under way when the password changes.
        let mut all = Vec::new();
        let began = Instant::now();
        while !over.load(Ordering::Relaxed) && began.elapsed() < PATIENCE {
            all.extend(Session::open(port, "swordfish"));
        }
        all
    };
    let all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(begin)).collect();
        server.wait_for("logged in");
        user(&folder, &["passwd", "ann"], "barracuda").says(0, &[]);
        assert!(Session::open(port, "swordfish").is_none(), "the old one is none any more");
        over.store(true, Ordering::Relaxed);
        assert!(Session::open(port, "barracuda").is_some(), "the new one is one already");
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(!all.is_empty());
    all.into_iter().for_each(Session::ends);
}

#[test]
fn a_session_ends_when_rights_groups_or_what_opens_the_account_change() {
    let folder = folder();
    let server = Daemon::of(&mut folder.command(&[]));
    let app = user(&folder, &["apppw", "add", "ann", "--label", "phone"], "").out;
    let port = server.port();
    for change in [
        &["set", "ann", "--rights", "list,read"][..],
        &["set", "ann", "--group", "staff"],
        &["set", "ann", "--quota", "1MiB"],
        &["apppw", "rm", "ann", "phone"],
        &["disable", "ann"],
    ] {
        let (mut session, with_app) =
            (Session::open(port, "swordfish").unwrap(), Session::open(port, app.trim()));
        assert_eq!((session.say("NOOP"), with_app.is_some()), (200, change[0] != "disable"), "{change:?}");
        user(&folder, change, "").says(0, &[]);
        session.ends();
        with_app.into_iter().for_each(Session::ends);
    }
    assert!(Session::open(port, "swordfish").is_none() && Session::open(port, app.trim()).is_none());
}
