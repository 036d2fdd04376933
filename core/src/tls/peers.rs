//! Handshakes with TLS software of others. Skipped with a printed line where it is not installed, unless
//! `ROPEWALK_REQUIRE_PEERS=1` says that it must be.

use super::*;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

/// The program, if it is installed.
fn peer(program: &str) -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|dir| dir.join(program).is_file()) {
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        return Some(command);
    }
    assert!(
        std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|v| v != "1"),
        "{program} is not installed"
    );
    println!("skipped: {program} is not installed");
    None
}

/// Serves one connection with one HTTP answer, and gives what was agreed.
async fn answer_once(listener: &TcpListener, tls: &ServerTls) -> TlsInfo {
    let (socket, _) = listener.accept().await.unwrap();
    let mut stream = tls.accept(socket).await.unwrap();
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.unwrap();
    stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nwoven\n").await.unwrap();
    stream.shutdown().await.unwrap();
    // A close with octets unread would be a reset.
    let _ = stream.read_to_end(&mut Vec::new()).await;
    stream.info()
}

/// Runs the program against a server whose certificate is for `localhost` and 127.0.0.1.
async fn run(
    program: &str,
    arguments: impl FnOnce(u16, &LocalCa) -> Vec<String>,
) -> Option<(TlsInfo, Output)> {
    let mut command = peer(program)?;
    let dir = tempfile::tempdir().unwrap();
    let ca = LocalCa::open(dir.path()).unwrap();
    let source = ca.keep(&["localhost".into(), "127.0.0.1".into()]).unwrap();
    let certificates = Certificates::load([("main".to_owned(), source)]).unwrap();
    let tls = ServerTls::new(&certificates, ClientAuth::Off).unwrap().with_alpn(["http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    command.args(arguments(listener.local_addr().unwrap().port(), &ca));
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let both = async { tokio::join!(answer_once(&listener, &tls), child.wait_with_output()) };
    let (info, output) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    Some((info, output.unwrap()))
}

#[tokio::test]
async fn curl_trusts_what_the_local_authority_issues() {
    for host in ["localhost", "127.0.0.1"] {
        let Some((info, output)) = run("curl", |port, ca| {
            let url = format!("https://{host}:{port}/");
            vec!["-sS4".into(), "--cacert".into(), ca.path().display().to_string(), url]
        })
        .await
        else {
            return;
        };
        assert_eq!(String::from_utf8_lossy(&output.stdout), "woven\n", "{output:?}");
        assert_eq!(info.alpn.as_deref(), Some(&b"http/1.1"[..]));
    }
}

#[tokio::test]
async fn openssl_verifies_and_speaks_both_versions() {
    for (option, version) in [("-tls1_2", Version::Tls12), ("-tls1_3", Version::Tls13)] {
        let Some((info, output)) = run("openssl", |port, ca| {
            let line = format!(
                "s_client -connect 127.0.0.1:{port} -servername localhost -verify_hostname localhost \
                 -verify_return_error {option} -alpn http/1.1 -quiet -ign_eof -CAfile"
            );
            line.split(' ').map(str::to_owned).chain([ca.path().display().to_string()]).collect()
        })
        .await
        else {
            return;
        };
        assert!(String::from_utf8_lossy(&output.stdout).contains("woven"), "{output:?}");
        assert_eq!(info.version, version);
        assert_eq!(info.server_name.as_deref(), Some("localhost"));
    }
}
