//! The examples, run as their headers say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

/// An example that serves, ended when it is dropped.
struct Running {
    child: Child,
    at: SocketAddr,
    /// Open, so that it can go on to log.
    _log: BufReader<ChildStderr>,
}

impl Running {
    fn start(example: &str) -> Self {
        let examples = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
        let mut child = Command::new(examples.join(example))
            .arg("tcp:0:interface=127.0.0.1")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening at=") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "it has ended");
        }
        let at = line.split("listening at=").nth(1).and_then(|at| at.split(' ').next()).unwrap();
        Self { child, at: at.parse().unwrap(), _log: log }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_folder_is_there_for_anybody() {
    let server = Running::start("ftp_folder");
    let mut control = BufReader::new(TcpStream::connect(server.at).unwrap());
    let commands = b"USER anonymous\r\nPASS x\r\nTYPE I\r\nEPSV\r\n";
    control.get_mut().write_all(commands).unwrap();
    let mut line = String::new();
    while !line.starts_with("229 ") {
        line.clear();
        assert!(control.read_line(&mut line).unwrap() > 0);
    }
    let port = line.split('|').nth(3).and_then(|port| port.parse().ok()).unwrap();
    let mut data = TcpStream::connect((server.at.ip(), port)).unwrap();
    control.get_mut().write_all(b"RETR hello.txt\r\nQUIT\r\n").unwrap();
    let (mut text, mut rest) = (String::new(), String::new());
    data.read_to_string(&mut text).unwrap();
    control.read_to_string(&mut rest).unwrap();
    assert_eq!(text, "hello\n");
    assert!(rest.contains("226 done\r\n") && rest.contains("221 goodbye\r\n"), "{rest}");
}
