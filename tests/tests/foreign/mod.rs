//! Servers of others as processes of a test, on ports of the loopback. Tests of several crates have this module.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Whether the program is installed, by its path or its name. One that is not is left out, unless `ROPEWALK_REQUIRE_PEERS` is 1.
pub(crate) fn is_there(program: &str) -> bool {
    // A path that begins with a slash is taken as it is.
    let is_there = ["/usr/bin", "/usr/sbin"].iter().any(|dir| Path::new(dir).join(program).is_file());
    let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(is_there || !required, "missing peer: {program}");
    if !is_there {
        println!("missing peer: {program}");
    }
    is_there
}

/// Ports that nobody has, at the time, neither for connections nor for datagrams.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| {
        loop {
            let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
                break (tcp, udp);
            }
        }
    });
    held.each_ref().map(|(tcp, _)| tcp.local_addr().unwrap().port())
}

/// A server, which ends with the test.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it. What it says is in the file then.
    pub(crate) fn start(
        program: &str,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        output: &Path,
    ) -> Self {
        let output = File::create(output).unwrap();
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        Self(command.spawn().unwrap())
    }

    pub(crate) fn signal(&self, signal: &str) {
        let _sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // NSD has children of its own, which a kill of the first would leave.
        self.signal("-TERM");
        let _ended = self.0.wait();
    }
}
