use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Folder, PATIENCE, is_root, ropewalk};

/// The next message that is not of the watchdog.
fn next(manager: &UnixDatagram) -> String {
    loop {
        let text = any(manager);
        if !text.contains("WATCHDOG=1") {
            return text;
        }
    }
}

fn any(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    let length = manager.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn the_service_manager_hears_of_every_turn() {
    let folder = Folder::with("[[service]]\nkind = \"echo\"\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
    let manager = UnixDatagram::bind(folder.join("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = folder.command(&[]);
    let mut server = Daemon::begin(command.env("NOTIFY_SOCKET", folder.join("notify")));
    assert_eq!(next(&manager), "READY=1\n");
    server.signal(Signal::SIGHUP);
    let reloading = next(&manager);
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(next(&manager), "READY=1\n");
    folder.write("ropewalk.toml", "drain = 3\n");
    server.signal(Signal::SIGHUP);
    assert!(next(&manager).starts_with("RELOADING=1\n"));
    assert_eq!(next(&manager), "READY=1\n", "a reload that failed is over too");
    server.signal(Signal::SIGTERM);
    assert_eq!(next(&manager), "STOPPING=1\n");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn the_watchdog_is_fed_also_below_a_new_root() {
    let folder = Folder::new();
    let name = format!("ropewalk-test-{}", std::process::id());
    let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = ropewalk(["echo", "--port", "0"]);
    if is_root() {
        command.arg("--chroot").arg(folder.path());
    }
    let _server =
        Daemon::begin(command.env("NOTIFY_SOCKET", format!("@{name}")).env("WATCHDOG_USEC", "100000"));
    let heard: Vec<_> = (0..4).map(|_| any(&manager)).collect();
    assert!(heard.iter().filter(|text| *text == "WATCHDOG=1\n").count() >= 3, "{heard:?}");
    assert!(heard.iter().any(|text| text == "READY=1\n"), "{heard:?}");
}
