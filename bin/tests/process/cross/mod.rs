//! One tree through every protocol at once: what one writes, the others read, under one set of rules.
//!
//! The clients are written here, so that nothing is taken for granted that a foreign one would hide.

mod facts;
mod folders;
mod ftp;
mod http;
mod limits;
mod locks;
mod names;
mod nested;
mod pairs;
mod partial;
mod paths;
mod rights;
mod visitor;
mod wire;

use std::fs;
use std::path::PathBuf;

use ropewalk_core::tls::{Authorities, ClientTls};

use crate::daemon::{Daemon, Folder, done, ropewalk};
use visitor::{Door, Visitor};

const CONFIG: &str = r#"
    [log]
    level = "info,ropewalk_ftp=warn"

    [accounts.main]
    users = ["ann:swordfish", "bob:hunter2"]

    [files.shared]
    path = "shared"
    write = true

    # The same folder once more, which nobody knows but the disk.
    [files.twin]
    path = "shared"
    write = true

    [files.private]
    path = "private/%u"
    write = true
    quota = "64KiB"

    [files.ruled]
    path = "ruled"
    write = true
    rules = [
      { path = "/hers/**", allow = "all", who = ["ann"] },
      { path = "/read/**", allow = ["list", "read"] },
      { path = "/drop/**", allow = ["list", "create"] },
    ]

    [files.dots]
    path = "dots"
    write = true
    hidden = "show"

    # A folder, and one that lies in it.
    [files.outer]
    path = "outer"
    write = true

    [files.inner]
    path = "outer/in/tree"
    write = true

    # What is hidden in a mounted tree is for that one to say.
    [files.tree]
    hidden = "show"
    [files.tree.mounts]
    "/shared" = "shared"
    "/again" = "shared"
    "/twin" = "twin"
    "/home" = "private"
    "/ruled" = "ruled"
    "/dots" = "dots"
    "/outer" = "outer"
    "/inner" = "inner"

    [[service]]
    kind = "http"
    listen = ["tcp:0:interface=127.0.0.1", "tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem"]
    files = "tree"
    dav = true
    write = true
    access_log = "off"
    [[service.auth]]
    accounts = "main"

    [[service]]
    kind = "ftp"
    listen = "tcp:0:interface=127.0.0.1"
    accounts = "main"
    files = "tree"
    tls = "main"
    tie = "require"
    passive = "0"

    # Under TLS from the first byte.
    [[service]]
    kind = "ftp"
    listen = "tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem"
    accounts = "main"
    files = "tree"
    tie = "require"
    passive = "0"

    # The same files by themselves.
    [[service]]
    kind = "http"
    listen = "tcp:0:interface=127.0.0.1"
    files = "shared"
    dav = true
    write = true
    access_log = "off"
    [[service.auth]]
    accounts = "main"

    [tls.main]
    cert = "cert.pem"
    key = "key.pem"
"#;

/// The running server, and its folder.
struct House {
    folder: Folder,
    http: u16,
    https: u16,
    ftp: u16,
    ftps: u16,
    alone: u16,
    _server: Daemon,
}

impl House {
    #[track_caller]
    fn new() -> Self {
        let folder = Folder::with(CONFIG);
        for path in ["shared", "private", "ruled/hers", "ruled/read", "ruled/drop", "dots", "outer/in/tree"] {
            fs::create_dir_all(folder.join(path)).unwrap();
        }
        done(ropewalk(["cert", "self-signed"]).current_dir(folder.path())).says(0, &[]);
        let server = Daemon::of(&mut folder.command(&[]));
        let ports: Vec<_> = server.addresses().iter().map(|at| at.port()).collect();
        let [http, https, ftp, ftps, alone] = ports[..] else { panic!("{}", server.log()) };
        Self { folder, http, https, ftp, ftps, alone, _server: server }
    }

    /// A client that trusts this server's certificate, with no session of another one.
    fn tls(&self) -> ClientTls {
        ClientTls::new(&Authorities::file(&self.folder.join("cert.pem")).unwrap()).unwrap()
    }

    #[track_caller]
    fn ann(&self, door: Door) -> Visitor {
        Visitor::new(self, door, "ann:swordfish")
    }

    #[track_caller]
    fn bob(&self, door: Door) -> Visitor {
        Visitor::new(self, door, "bob:hunter2")
    }

    /// Ann at every door.
    #[track_caller]
    fn anns(&self) -> Vec<Visitor> {
        Door::ALL.iter().map(|door| self.ann(*door)).collect()
    }

    /// The unfinished uploads in a folder.
    fn parts(&self, dir: &str) -> Vec<PathBuf> {
        let paths = fs::read_dir(self.folder.join(dir)).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|it| it == "part")).collect()
    }
}

/// Runs it for Ann at every ordered pair of doors, also of a door with itself.
#[track_caller]
fn each_pair(house: &House, mut run: impl FnMut(&mut Visitor, &mut Visitor, &str)) {
    let (mut ones, mut others) = (house.anns(), house.anns());
    for one in &mut ones {
        for other in &mut others {
            let what = format!("{:?} then {:?}", one.door, other.door);
            run(one, other, &what);
        }
    }
}
