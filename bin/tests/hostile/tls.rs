use std::io::Write as _;
use std::time::{Duration, Instant};

use ropewalk_core::tls::{Authorities, ClientTls, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::subject::{Subject, alone, closes_within, ends, new_dir, pause, ropewalk};

fn secure(handshake: &str) -> Subject {
    let dir = new_dir();
    let mut make = ropewalk();
    make.args(["cert", "self-signed", "--name", "127.0.0.1"]).current_dir(dir.path());
    assert_eq!(ends(&mut make).0, 0);
    let config = format!(
        "[limits]\nhandshake = \"{handshake}\"\n[[service]]\nkind = \"echo\"\n\
         listen = [\"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\"]\n"
    );
    Subject::start(dir, &config, None)
}

/// A handshake and an exchange; how long both took.
fn exchange(subject: &Subject) -> Duration {
    let trusted = Authorities::file(&subject.dir.path().join("cert.pem")).unwrap();
    let tls = ClientTls::new(&trusted).unwrap();
    let name: ServerName = "127.0.0.1".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begun = Instant::now();
    runtime.block_on(async {
        let socket = TcpStream::connect(subject.at[0]).await.unwrap();
        let mut conn = tls.connect(socket, &name).await.unwrap();
        conn.write_all(b"x").await.unwrap();
        conn.flush().await.unwrap();
        assert_eq!(conn.read_u8().await.unwrap(), b'x');
    });
    begun.elapsed()
}

/// The first octets of a ClientHello that says it is longer.
const HALF: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

#[test]
fn a_thousand_silent_peers_do_not_delay_the_next_handshake() {
    let _alone = alone();
    let subject = secure("5m");
    let before = (0..5).map(|_| exchange(&subject)).min().unwrap();
    let crowd: Vec<_> = (0..1000)
        .map(|n| {
            let mut socket = subject.connect();
            if n % 2 == 0 {
                socket.write_all(HALF).unwrap();
            }
            socket
        })
        .collect();
    super::subject::until("all are accepted", || subject.descriptors() >= 1000);
    let meanwhile = (0..5).map(|_| exchange(&subject)).min().unwrap();
    assert!(meanwhile < 2 * before + Duration::from_millis(100), "{before:?}, then {meanwhile:?}");
    drop(crowd);
}

#[test]
fn half_a_handshake_is_closed_at_its_deadline() {
    let subject = secure("2s");
    let begun = Instant::now();
    let mut silent = subject.connect();
    let mut half = subject.connect();
    half.write_all(HALF).unwrap();
    let mut drops = subject.connect();
    let mut rest = [HALF, &[0; 400]].concat().into_iter();
    while begun.elapsed() < Duration::from_millis(1500) {
        drops.write_all(&[rest.next().unwrap()]).unwrap();
        pause(Duration::from_millis(50));
    }
    for socket in [&mut silent, &mut half, &mut drops] {
        assert!(closes_within(socket, Duration::from_secs(3)), "half a handshake lives on");
    }
    assert!(begun.elapsed() >= Duration::from_millis(1900), "closed after {:?}", begun.elapsed());
}

#[test]
fn what_is_no_handshake_is_closed_at_once() {
    let subject = secure("1m");
    for garbage in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &[0; 600], b"SSH-2.0-x\r\n"] {
        let mut socket = subject.connect();
        socket.write_all(garbage).unwrap();
        assert!(closes_within(&mut socket, Duration::from_secs(3)), "{}", garbage.escape_ascii());
    }
    exchange(&subject);
}
