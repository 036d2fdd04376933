use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use ropewalk_core::tls::{Authorities, ClientTls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::daemon::{Daemon, Folder, connect, done, echoes, free_port, get, ropewalk, until};

/// Asks over HTTPS, trusting this authority; gives the status and the whole response.
#[track_caller]
pub(crate) fn get_tls(port: u16, authority: &Path, path: &str) -> (u16, String) {
    let tls = ClientTls::new(&Authorities::file(authority).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let text = runtime.block_on(async {
        let tcp = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let name: ropewalk_core::tls::ServerName = "localhost".parse().unwrap();
        let mut stream = tls.connect(tcp, &name).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    });
    (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
}

#[test]
fn tls_auto_is_trusted_by_the_users_own_authority() {
    let home = Folder::new();
    home.write("page.txt", "the page");
    let mut command = ropewalk(["web", "--port", "0", "--tls", "auto", "--path"]);
    command.arg(home.path()).env("HOME", home.path()).env_remove("XDG_DATA_HOME");
    let server = Daemon::of(&mut command);
    let advice = server.wait_for("to trust it: curl --cacert ");
    let authority = Path::new(advice.rsplit(' ').next().unwrap());
    assert!(authority.starts_with(home.path()), "{advice}");
    assert_eq!(get_tls(server.port(), authority, "/page.txt").0, 200);
}

#[test]
fn who_speaks_plain_http_to_a_port_for_tls_is_told_so() {
    let home = Folder::new();
    home.write("page.txt", "the page");
    let mut command = ropewalk(["web", "--port", "0", "--tls", "auto", "--path"]);
    command.arg(home.path()).env("HOME", home.path()).env_remove("XDG_DATA_HOME");
    let server = Daemon::of(&mut command);
    let (status, text) = get(server.port(), "/page.txt");
    assert!(status == 400 && text.contains("This port speaks TLS"), "{text}");
    let mut other = connect(server.port());
    other.write_all(b"EHLO example.org\r\n").unwrap();
    let mut said = Vec::new();
    // The alert of TLS, and the end.
    let _ = other.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("HTTP"), "{said:?}");
}

#[test]
fn a_unix_socket_has_its_mode_and_goes_with_the_server() {
    let folder = Folder::new();
    let path = folder.join("echo.sock");
    let mut server = Daemon::start(["echo", "--listen", &format!("unix:{}:mode=600", path.display())]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    echoes(UnixStream::connect(&path).unwrap(), "hello");
    assert_eq!(server.stop(), Some(0));
    assert!(!path.exists());
}

#[test]
fn standard_input_is_one_connection_and_then_the_end() {
    let mut command = ropewalk(["echo", "--listen", "stdio:"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello").unwrap();
    let mut back = String::new();
    child.stdout.take().unwrap().read_to_string(&mut back).unwrap();
    assert_eq!(back, "hello");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_socket_of_the_service_manager_is_taken_over() {
    const ACTIVATE: &str = "/usr/bin/systemd-socket-activate";
    if !Path::new(ACTIVATE).exists() {
        eprintln!("skipped: no {ACTIVATE}");
        return;
    }
    let port = free_port();
    let mut command = Command::new(ACTIVATE);
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--fdname", "web"]).arg("--");
    command.arg(env!("CARGO_BIN_EXE_ropewalk")).args(["echo", "--listen", "systemd:name=web"]);
    let server = Daemon::begin(&mut command);
    let mut first = None;
    until("the socket is there", || {
        first = std::net::TcpStream::connect(("127.0.0.1", port)).ok();
        first.is_some()
    });
    echoes(first.unwrap(), "first");
    echoes(connect(port), "second");
    drop(server);
    done(&mut ropewalk(["echo", "--listen", "systemd:name=web"]))
        .says(1, &["systemd handed over no sockets"]);
}

/// A program that held a listening socket could take connections in our place.
#[test]
fn a_program_is_not_given_what_the_server_was_started_with() {
    let folder = Folder::new();
    folder.write("descriptors.sh", "printf 'Content-Type: text/plain\\n\\n'; ls -l /proc/self/fd; echo end");
    folder.write(
        "ropewalk.toml",
        &format!(
            "[[service]]\nkind = \"http\"\nlisten = \"tcp:0:interface=127.0.0.1\"\n\
             [[service.cgi]]\nfolder = {:?}\nextension = \"sh\"\ncommand = [\"sh\"]\n",
            folder.path()
        ),
    );
    let handed_over = folder.write("handed-over", "");
    let inner = folder.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", "exec 7<\"$0\"; exec \"$@\""]).arg(&handed_over).arg(inner.get_program());
    command.args(inner.get_args());
    let server = Daemon::of(&mut command);
    let (status, text) = get(server.port(), "/descriptors.sh");
    assert!(status == 200 && text.contains("\nend\n"), "{text}");
    assert!(!text.contains("handed-over") && !text.contains("socket:"), "{text}");
}
