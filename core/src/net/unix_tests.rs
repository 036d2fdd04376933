use tempfile::TempDir;

use super::*;
use crate::net::{Bound, Endpoint, Transport as _};

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

fn endpoint(path: &Path, more: &str) -> Endpoint {
    format!("unix:{}{more}", path.display()).parse().unwrap()
}

fn claim(path: &Path, more: &str) -> Result<Bound> {
    endpoint(path, more).claim()
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn it_listens_and_connects_and_the_path_is_told() {
    let (_dir, path) = place();
    let listener = claim(&path, "").unwrap().listen().unwrap();
    let client = endpoint(&path, "").connect().await.unwrap();
    let conn = listener.accept().await.unwrap().establish().await.unwrap();
    assert_eq!(client.info().peer, Address::Unix(Some(path.clone())));
    assert_eq!(conn.info().local, Address::Unix(Some(path)));
    assert_eq!(conn.info().peer, Address::Unix(None));
}

#[test]
fn the_mode_is_set_and_a_later_claim_may_change_it() {
    let (_dir, path) = place();
    let mut sockets = crate::net::Sockets::default();
    sockets.claim(&endpoint(&path, ":mode=606")).unwrap();
    assert_eq!(mode_of(&path), 0o606);
    sockets.begin();
    sockets.claim(&endpoint(&path, ":mode=660")).unwrap();
    assert_eq!(mode_of(&path), 0o660);
}

#[test]
fn a_stale_socket_is_replaced() {
    let (_dir, path) = place();
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    drop(socket);
    assert!(path.exists());
    let _bound = claim(&path, "").unwrap();
    StdStream::connect(&path).unwrap();
}

#[test]
fn a_live_socket_is_taken() {
    let (_dir, path) = place();
    let live = StdListener::bind(&path).unwrap();
    assert!(claim(&path, "").unwrap_err().chain().contains("is taken: process "));
    drop(live);
    assert!(path.exists(), "not removed by the one that was refused");
}

#[test]
fn a_live_socket_with_a_full_queue_is_taken() {
    let (_dir, path) = place();
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let mut clients = Vec::new();
    while let Ok(client) = connect_at_once(&path) {
        clients.push(client);
    }
    assert!(claim(&path, "").unwrap_err().chain().contains("is taken"));
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let (_dir, path) = place();
    fs::write(&path, "precious").unwrap();
    assert!(claim(&path, "").unwrap_err().chain().contains("is not a socket"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn the_file_goes_with_the_last_handle() {
    let (_dir, path) = place();
    let bound = claim(&path, "").unwrap();
    let listener = bound.listen().unwrap();
    drop(bound);
    assert!(path.exists(), "a listener is left");
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn a_file_that_somebody_else_put_there_stays() {
    let (_dir, path) = place();
    let bound = claim(&path, "").unwrap();
    fs::rename(&path, path.with_extension("old")).unwrap();
    let _other = StdListener::bind(&path).unwrap();
    drop(bound);
    assert!(path.exists());
}

#[test]
fn a_missing_directory_is_named() {
    let (dir, _) = place();
    let path = dir.path().join("missing/s");
    assert!(claim(&path, "").unwrap_err().chain().contains("does not exist"));
}
