use std::os::fd::AsRawFd;

use super::*;
use crate::net::Transport as _;

fn environment(fds: &str, pid: &str, names: &str) -> impl Fn(&str) -> Option<String> {
    let all = [("LISTEN_FDS", fds), ("LISTEN_PID", pid), ("LISTEN_FDNAMES", names)];
    let all = all.map(|(key, value)| (key.to_owned(), value.to_owned()));
    move |key| all.iter().find(|(k, v)| k == key && !v.is_empty()).map(|(_, value)| value.clone())
}

#[test]
fn names_count_from_descriptor_three() {
    let get = environment("2", "7", "http:imap");
    assert_eq!(find(&get, 7, Some("http")).unwrap(), 3);
    assert_eq!(find(&get, 7, Some("imap")).unwrap(), 4);
    assert!(find(&get, 7, Some("smtp")).unwrap_err().to_string().contains("there are 2: http, imap"));
    assert!(find(&get, 7, None).unwrap_err().to_string().contains("say which"));
    assert_eq!(find(environment("1", "7", ""), 7, None).unwrap(), 3);
}

#[test]
fn sockets_for_another_process_are_not_ours() {
    assert!(find(environment("1", "8", ""), 7, None).is_err());
    assert!(find(environment("", "", ""), 7, None).is_err());
}

#[tokio::test]
async fn an_inherited_tcp_socket_is_listened_on() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint: crate::net::Endpoint = format!("fd:{}", socket.as_raw_fd()).parse().unwrap();
    let bound = endpoint.claim().unwrap();
    assert_eq!(bound.local(), [socket.local_addr().unwrap().into()]);
    let listener = bound.listen().unwrap();
    let _client = tokio::net::TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
    listener.accept().await.unwrap().establish().await.unwrap();
}

#[tokio::test]
async fn an_inherited_unix_socket_is_listened_on_and_its_file_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let endpoint: crate::net::Endpoint = format!("fd:{}", socket.as_raw_fd()).parse().unwrap();
    let bound = endpoint.claim().unwrap();
    let listener = bound.listen().unwrap();
    let _client = tokio::net::UnixStream::connect(&path).await.unwrap();
    listener.accept().await.unwrap().establish().await.unwrap();
    drop((listener, bound));
    assert!(path.exists());
}

#[test]
fn what_is_not_a_listening_socket_is_refused() {
    let refused = |number: i32| {
        let endpoint: crate::net::Endpoint = format!("fd:{number}").parse().unwrap();
        endpoint.claim().unwrap_err().chain()
    };
    let file = tempfile::tempfile().unwrap();
    assert!(refused(file.as_raw_fd()).contains("is not a socket"));
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(refused(datagrams.as_raw_fd()).contains("is not a listening socket"));
    assert!(refused(1_000_000).contains("there is no descriptor 1000000"));
}
