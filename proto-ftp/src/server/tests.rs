//! Whole sessions over loopback: control and data connections, files in memory.

mod attacks;
mod bounds;
mod client;
mod ends;
mod hosts;
mod logs;
mod secure;
mod transfers;
mod uploads;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use client::{Client, Server, area, options, serve};
use ropewalk_core::app::Context;
use ropewalk_core::data::cred::{Authenticator, Credential, LoginError, Method, Origin, Principal, Step};
use ropewalk_core::data::files::layers::Mounts;
use ropewalk_core::data::files::{
    Caps, DirStream, FileHandle, Files, FsError, ListOptions, Memory, Meta, Open, Ops, Place, Reach, VPath,
};

use super::{Ftp, Options};

#[tokio::test]
async fn a_tree_is_walked_listed_and_changed() {
    let memory = Memory::new().with("/docs/a.txt", "hello").with_dir("/docs/sub");
    let server = serve(Ftp::new(area(&memory)).with(options()));
    let mut client = server.login().await;
    assert_eq!(client.code("CWD docs").await, 250);
    let list = client.fetch("LIST").await;
    assert!(list.contains("5") && list.contains(" a.txt\r\n") && list.contains("drwxr-xr-x"), "{list}");
    assert_eq!(client.fetch("LIST -la a.txt").await.lines().count(), 1);
    let mut names: Vec<_> = client.fetch("NLST").await.lines().map(str::to_owned).collect();
    names.sort();
    assert_eq!(names, ["a.txt", "sub"]);
    let facts = client.fetch("MLSD /docs").await;
    assert!(facts.contains("type=file;perm=adfrw;size=5;modify="), "{facts}");
    assert!(client.say("MLST a.txt").await.contains("\r\n type=file;perm=adfrw;size=5;"));
    assert!(client.say("MLST /").await.contains("\r\n type=dir;perm=celmp;"));
    assert_eq!(client.codes(["MDTM sub", "SIZE sub"]).await, [550, 550]);
    assert_eq!(client.say("SIZE a.txt").await, "213 5\r\n");
    assert_eq!(client.code("MFMT 20260102030405 a.txt").await, 213);
    assert_eq!(client.say("MDTM a.txt").await, "213 20260102030405\r\n");
    assert_eq!(client.say("MKD new \"dir\"").await, "257 \"/docs/new \"\"dir\"\"\" made\r\n");
    assert_eq!(client.codes(["RNFR a.txt", "RNTO new \"dir\"/b"]).await, [350, 250]);
    assert_eq!(
        client.codes(["DELE a.txt", "RMD new \"dir\"", "DELE new \"dir\"/b", "RMD new \"dir\""]).await,
        [550, 550, 250, 250]
    );
    assert_eq!(client.codes(["CWD a.txt", "CWD ..", "CDUP", "CWD ../../etc"]).await, [550, 250, 250, 550]);
    assert!(client.say("STAT /docs").await.starts_with("212-Status:\r\n drwx"));
    let _data = client.passive().await;
    assert_eq!(client.code("MLSD /docs/none").await, 550);
    let _data = client.passive().await;
    assert_eq!(client.code("MLSD /docs/b").await, 550);
    assert_eq!(
        client.codes(["RMD /", "RNFR /", "RNFR docs/sub", "RNTO /", "DELE /"]).await,
        [550, 550, 350, 550, 550]
    );
    assert_eq!(client.code("QUIT").await, 221);
}

#[tokio::test]
async fn without_a_port_there_is_no_transfer() {
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "x"))).with(options()));
    let mut client = server.login().await;
    assert_eq!(
        client.codes(["RETR a", "LIST", "STOR b", "APPE c", "MDTM c", "RETR none"]).await,
        [425, 425, 425, 425, 550, 550]
    );
}

#[tokio::test]
async fn a_person_has_so_many_sessions_and_a_new_user_leaves_the_old_one() {
    let options = Options { per_person: 1, ..options() };
    let server = serve(Ftp::new(area(&Memory::new())).with(options));
    let mut first = server.login().await;
    let mut second = server.connect().await;
    assert_eq!(second.codes(["USER ann", "PASS secret"]).await, [331, 421]);
    assert_eq!(first.codes(["USER ann", "PASS secret", "PWD"]).await, [331, 230, 257]);
}

/// Knows ann until an operator disables her, which happens while her password is checked.
#[derive(Default)]
struct Late {
    cx: OnceLock<Context>,
    disabled: AtomicBool,
}

#[async_trait]
impl Authenticator for Late {
    async fn verify(&self, _: Credential<'_>, _: &Origin<'_>) -> Result<Step, LoginError> {
        if self.disabled.swap(true, Ordering::Relaxed) {
            return Err(LoginError::Refused);
        }
        self.cx.get().unwrap().live().kill_user("ann");
        Ok(Step::Done(Principal::new("ann".parse().unwrap(), [], Method::Password)))
    }
}

#[tokio::test]
async fn a_login_that_is_under_way_when_the_account_changes_is_checked_again() {
    let late = Arc::new(Late::default());
    let area =
        super::Area::new().shared(Arc::clone(&late) as Arc<dyn Authenticator>, Arc::new(Memory::new()));
    let server = serve(Ftp::new(area).with(options()));
    assert!(late.cx.set(server.cx.clone()).is_ok());
    let mut client = server.connect().await;
    assert_eq!(client.codes(["USER ann", "PASS secret"]).await, [331, 530]);
}

#[tokio::test]
async fn another_login_lets_the_transfer_of_the_last_one_end() {
    let memory = Memory::new().with("/big", vec![b'x'; 4 << 20]);
    let server = serve(Ftp::new(area(&memory)).with(options()));
    let mut client = server.login().await;
    let data = client.passive().await;
    assert_eq!(client.codes(["RETR big", "REIN", "PASV", "USER ann"]).await, [150, 220, 530, 331]);
    assert_eq!(client::all(data).await.len(), 4 << 20);
    assert_eq!(client.reply().await, "226 done\r\n");
    assert_eq!(client.codes(["PASS secret", "PWD"]).await, [230, 257]);
}

#[tokio::test]
async fn the_anonymous_read_and_leave_files_that_nobody_gets() {
    let memory = Memory::new().with("/pub/a", "text").with_dir("/in");
    let options = Options { incoming: Some(client::path("/in")), ..options() };
    let server = serve(Ftp::new(super::Area::new().guests(Arc::new(memory.clone()))).with(options));
    let mut client = server.connect().await;
    client.log_in("anonymous", "me@example.org").await;
    assert_eq!(client.fetch("RETR pub/a").await, "text");
    assert_eq!(client.store("STOR pub/b", b"x").await, 553);
    assert_eq!(client.store("STOR in/b", b"mine").await, 226);
    assert_eq!(client.store("STOR in/b", b"yours").await, 550);
    client.passive().await;
    assert_eq!(
        client.codes(["RETR in/b", "DELE in/b", "MDTM in/b", "RNFR in/b", "MKD d"]).await,
        [550, 550, 550, 550, 550]
    );
    client.passive().await;
    assert_eq!(client.code("LIST in").await, 550);
    assert_eq!(client::content(&memory, "/in/b").await, "mine");
    // What is allowed is told.
    let perm = ["MLST pub/a", "MLST pub", "MLST in"].map(str::to_owned);
    let mut told = Vec::new();
    for ask in perm {
        let facts = client.say(&ask).await;
        told.push(facts.split("perm=").nth(1).and_then(|rest| rest.split(';').next()).unwrap().to_owned());
    }
    assert_eq!(told, ["r", "el", "ce"]);
    assert!(client.fetch("MLSD /").await.contains("type=dir;perm=ce;"));
    let mut people = server.connect().await;
    assert_eq!(people.codes(["USER ann", "PASS secret"]).await, [331, 530]);
}

/// A tree that cannot be written to, as that of a folder is without `write`.
struct ReadOnly(Memory);

#[async_trait]
impl Files for ReadOnly {
    fn caps(&self) -> Caps {
        Caps::RANDOM_READ | Caps::REAL_DIRS
    }
    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta, FsError> {
        self.0.stat(path, follow).await
    }
    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        self.0.list(path, options).await
    }
    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        if how.write.is_some() { Err(FsError::Unsupported) } else { self.0.open(path, how).await }
    }
    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }
    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

#[tokio::test]
async fn what_may_never_be_done_is_said_to_be_so_for_good() {
    let read_only = ReadOnly(Memory::new().with("/d/a", "text"));
    let mut client = serve(Ftp::new(client::area_of(Arc::new(read_only))).with(options())).login().await;
    let writing = ["MKD n", "RMD d", "DELE d/a", "RNFR d/a", "MFMT 20260102030405 d/a", "SITE CHMOD 600 d/a"];
    for command in writing {
        assert_eq!(client.say(command).await, "550 permission denied\r\n", "{command}");
    }
    for command in ["STOR n", "APPE d/a", "STOU"] {
        assert_eq!(client.store(command, b"x").await, 553, "{command}");
    }
    let memory = || Arc::new(Memory::new().with("/a", "text")) as Arc<dyn Files>;
    let mounts = Mounts::new(None, [(client::path("/way/one"), memory()), (client::path("/two"), memory())]);
    let mut client = serve(Ftp::new(client::area_of(Arc::new(mounts))).with(options())).login().await;
    for at in ["way", "way/one", "two"] {
        let commands = ["RMD", "DELE", "RNFR"].map(|verb| format!("{verb} {at}"));
        assert_eq!(client.codes(commands.each_ref().map(String::as_str)).await, [550; 3], "{at}");
        assert_eq!(client.codes(["RNFR two/a", &format!("RNTO {at}")]).await, [350, 553], "{at}");
    }
    assert_eq!(
        client.codes(["MKD way/none", "MFMT 20260102030405 way", "RNFR two/a"]).await,
        [550, 550, 350]
    );
}

#[tokio::test]
async fn a_stopping_server_says_so_and_lets_what_runs_end() {
    let memory = Memory::new().with("/big", vec![b'x'; 4 << 20]);
    let server = serve(Ftp::new(area(&memory)).with(options()));
    let (mut idle, mut busy) = (server.login().await, server.login().await);
    let data = busy.passive().await;
    assert_eq!(busy.code("RETR big").await, 150);
    server.cx.stop();
    assert_eq!(idle.reply().await, "421 the server stops\r\n");
    assert_eq!(client::all(data).await.len(), 4 << 20);
    assert_eq!(
        (busy.reply().await, busy.reply().await),
        ("226 done\r\n".into(), "421 the server stops\r\n".into())
    );
}

#[tokio::test]
async fn a_silent_data_connection_ends_the_transfer_and_not_the_session() {
    let options = Options { stall: Duration::from_millis(50), ..options() };
    let server: Server = serve(Ftp::new(area(&Memory::new().with("/a", "old"))).with(options));
    let mut client: Client = server.login().await;
    let data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    assert_eq!(client.reply().await, "426 data connection broken, transfer aborted\r\n");
    drop(data);
    assert_eq!(client.fetch("RETR a").await, "old");
}

#[tokio::test]
async fn commands_and_logins_are_counted() {
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(options()));
    let mut client = server.connect().await;
    assert_eq!(
        client.codes(["USER ann", "PASS wrong", "USER ann", "PASS secret"]).await,
        [331, 530, 331, 230]
    );
    assert_eq!(client.fetch("RETR a").await, "text");
    assert_eq!(client.codes(["RETR none", "DELE none", "XYZZY", "MKD x"]).await, [550, 550, 500, 257]);
    let metrics = server.cx.metrics().render();
    for (result, count) in [("ok", 1), ("refused", 1)] {
        let line = format!(
            "ropewalk_auth_attempts_total{{proto=\"ftp\",mech=\"password\",result=\"{result}\"}} {count}\n"
        );
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    for (command, result, count) in [
        ("USER", "3xx", 2),
        ("PASS", "5xx", 1),
        ("PASS", "2xx", 1),
        ("RETR", "2xx", 1),
        ("RETR", "5xx", 1),
        ("DELE", "5xx", 1),
        ("MKD", "2xx", 1),
        ("other", "5xx", 1),
    ] {
        let line = format!(
            "ropewalk_commands_total{{proto=\"ftp\",command=\"{command}\",result=\"{result}\"}} {count}\n"
        );
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    assert!(!metrics.contains("XYZZY"));
}
