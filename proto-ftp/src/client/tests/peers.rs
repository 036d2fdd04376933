//! Servers of others, where they are installed.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::super::{Client, Options, Store};
use super::script::clear;

/// A server that is killed with the test.
struct Foreign(Child);

impl Drop for Foreign {
    fn drop(&mut self) {
        // One that has ended by itself is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether this can be run. `ROPEWALK_REQUIRE_PEERS=1` says that it must be.
fn has(program: &str, arguments: &[&str]) -> bool {
    let ran = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if ran.is_ok_and(|status| status.success()) {
        return true;
    }
    let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(!required, "missing peer: {program} {arguments:?}");
    println!("missing peer: {program} {arguments:?}");
    false
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn connect(port: u16, options: &Options) -> Client {
    for _ in 0..200 {
        match Client::connect("127.0.0.1", Some(port), options.clone()).await {
            Ok(client) => return client,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("the server does not come up");
}

#[tokio::test]
async fn pyftpdlib_understands_us() {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers/bin/python");
    let python = if Path::new(own).exists() { own } else { "python3" };
    if !has(python, &["-c", "import pyftpdlib"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = Command::new(python);
    command.args(["-m", "pyftpdlib", "-i", "127.0.0.1", "-p", &port.to_string(), "-w"]);
    command.args(["-u", "ann", "-P", "secret", "-d"]).arg(dir.path());
    let _server = Foreign(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    for active in [false, true] {
        let mut client = connect(port, &Options { active, ..clear() }).await;
        client.login("ann", "secret").await.unwrap();
        let mut upload = client.store(b"a b", Store::Replace).await.unwrap();
        upload.write(b"0123456789").await.unwrap();
        upload.finish().await.unwrap();
        let mut upload = client.store(b"a b", Store::Resume(8)).await.unwrap();
        upload.write(b"XYZ").await.unwrap();
        upload.finish().await.unwrap();
        let read = client.retrieve(b"a b", 5).await.unwrap().read(100).await.unwrap();
        assert_eq!(read, "567XYZ");
        let listing = client.list(None).await.unwrap();
        assert_eq!((listing.exact, listing.entries.len(), listing.entries[0].meta.len), (true, 1, 11));
        client.features.clear();
        let listing = client.list(None).await.unwrap();
        assert_eq!(listing.entries[0].name.as_bytes(), b"a b");
        assert!(!listing.exact);
        drop(client.retrieve(b"a b", 0).await.unwrap());
        client.remove(b"a b").await.unwrap();
        client.quit().await.unwrap();
    }
}
