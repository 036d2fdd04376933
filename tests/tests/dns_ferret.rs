//! The runner of Ferret's vectors, tried on NSD: it is one of the servers whose answers they have.

#![expect(clippy::unwrap_used, reason = "a test that cannot start its peer has failed")]

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ropewalk_conformance::dns::ferret::{Server, judge, read};

const NSD: &str = "/usr/sbin/nsd";
const VECTORS: &str = include_str!("../vectors/ferret/cases.jsonl");

/// NSD with one zone at a time.
struct Nsd {
    dir: tempfile::TempDir,
    running: Option<(Child, u16)>,
}

impl Nsd {
    fn stop(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            // It has children of its own, which a kill of the first would leave.
            let _ended = Command::new("kill").arg(child.id().to_string()).status();
            let _ended = child.wait();
        }
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server for Nsd {
    #[expect(clippy::disallowed_methods, reason = "the runner has no runtime that could be blocked")]
    fn load(&mut self, name: &str, zone: &str) -> Result<(), String> {
        self.stop();
        let dir = self.dir.path().to_str().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::write(self.dir.path().join("zone"), zone).unwrap();
        let config = format!(
            "server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: \"\"
  zonesdir: \"{dir}\"
  database: \"\"
  pidfile: \"{dir}/pid\"
  xfrdfile: \"{dir}/xfrd.state\"
  zonelistfile: \"{dir}/zone.list\"
  xfrdir: \"{dir}\"
remote-control:
  control-enable: no
zone:
  name: {name}
  zonefile: zone
"
        );
        fs::write(self.dir.path().join("config"), config).unwrap();
        let mut command = Command::new(NSD);
        command.args(["-d", "-c", &format!("{dir}/config")]).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn().map_err(|error| error.to_string())?;
        self.running = Some((child, port));
        for _ in 0..200 {
            if self.answer(&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1]).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("NSD does not answer".into())
    }

    fn answer(&mut self, query: &[u8]) -> Result<Vec<u8>, String> {
        let port = self.running.as_ref().map(|(_, port)| *port).ok_or("NSD does not run")?;
        let exchange = || {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(("127.0.0.1", port))?;
            socket.set_read_timeout(Some(Duration::from_secs(2)))?;
            socket.send(query)?;
            let mut answer = vec![0; 65_536];
            let length = socket.recv(&mut answer)?;
            answer.truncate(length);
            Ok(answer)
        };
        exchange().map_err(|error: std::io::Error| error.to_string())
    }
}

#[test]
fn nsd_answers_like_one_of_the_servers() {
    if !Path::new(NSD).is_file() {
        let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
        assert!(!required, "missing peer: nsd");
        println!("missing peer: nsd");
        return;
    }
    // Starting it takes a moment, so that it is tried on some only.
    let vectors: Vec<_> =
        read(VECTORS).unwrap_or_else(|why| panic!("{why}")).into_iter().step_by(40).collect();
    let mut nsd = Nsd { dir: tempfile::tempdir().unwrap(), running: None };
    let judgement = judge(&vectors, &mut nsd);
    println!("{judgement}");
    assert!(judgement.agreed > 40 && judgement.differences.is_empty(), "{judgement}");
}
