use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Folder, connect, free_port, get, is_refused, until};

/// More than the kernel holds for a client that does not read.
const LARGE: usize = 64 << 20;

/// A server with an admin endpoint, and a transfer from it that has begun.
struct Busy {
    server: Daemon,
    admin: u16,
    web: u16,
    echo: u16,
    transfer: TcpStream,
    /// Keeps the file.
    _folder: Folder,
}

fn busy(drain: &str) -> Busy {
    let [admin, web, echo] = [(); 3].map(|()| free_port());
    let folder = Folder::with(&format!(
        "drain = \"{drain}\"\n[admin]\nlisten = \"tcp:{admin}:interface=127.0.0.1\"\n[files.main]\npath = \".\"\n\
         [[service]]\nkind = \"echo\"\nlisten = \"tcp:{echo}:interface=127.0.0.1\"\n\
         [[service]]\nkind = \"http\"\nlisten = \"tcp:{web}:interface=127.0.0.1\"\nfiles = \"main\"\n"
    ));
    std::fs::File::create(folder.join("large")).unwrap().set_len(LARGE as u64).unwrap();
    let server = Daemon::of(&mut folder.command(&[]));
    let mut transfer = connect(web);
    transfer.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut head = [0; 12];
    transfer.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    Busy { server, admin, web, echo, transfer, _folder: folder }
}

#[test]
fn health_and_metrics_are_told_while_it_serves() {
    let busy = busy("5s");
    assert_eq!(get(busy.admin, "/livez").0, 200);
    assert_eq!(get(busy.admin, "/startupz").0, 200);
    let (status, text) = get(busy.admin, "/readyz");
    assert!(status == 200 && text.contains("echo-1: ready") && text.contains("http-1: ready"), "{text}");
    let (status, text) = get(busy.admin, "/metrics");
    assert_eq!(status, 200);
    assert!(text.contains("ropewalk_connections_active{proto=\"http\",tls=\"no\"}"), "{text}");
    assert_eq!(get(busy.admin, "/").0, 404);
}

#[test]
fn a_transfer_finishes_while_new_peers_are_refused_and_readiness_is_red() {
    let Busy { mut server, admin, web, echo, mut transfer, .. } = busy("20s");
    server.signal(Signal::SIGTERM);
    until("new peers are refused", || is_refused(web) && is_refused(echo));
    let (status, text) = get(admin, "/readyz");
    assert!(
        status == 503 && text.starts_with("HTTP/1.1 503") && text.contains("\r\n\r\ndraining\n"),
        "{text}"
    );
    assert_eq!(get(admin, "/livez").0, 200);
    let mut rest = Vec::new();
    // The connection closes once its answer is out.
    transfer.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > LARGE, "{} octets", rest.len());
    assert_eq!(server.end(), Some(0));
    assert!(is_refused(admin));
}

#[test]
fn a_second_signal_stops_now() {
    let Busy { mut server, web, transfer, .. } = busy("60s");
    let began = Instant::now();
    server.signal(Signal::SIGTERM);
    until("it drains", || is_refused(web));
    assert!(server.runs());
    server.wait_for("waiting for connections to end");
    server.signal(Signal::SIGINT);
    assert_eq!(server.end(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10));
    server.wait_for("second signal: stopping now");
    drop(transfer);
}

#[test]
fn the_drain_deadline_cuts() {
    let Busy { mut server, mut transfer, .. } = busy("300ms");
    let began = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert!(server.log().contains("stopped at the drain deadline"), "{}", server.log());
    let mut rest = Vec::new();
    // Cut off in the middle, by a reset or an end.
    let _ = transfer.read_to_end(&mut rest);
    assert!(rest.len() < LARGE);
}
