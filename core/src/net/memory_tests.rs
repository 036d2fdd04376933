use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::net::{Endpoint, Transport as _};

#[tokio::test]
async fn who_connects_meets_who_listens() {
    let endpoint: Endpoint = "memory:meeting".parse().unwrap();
    let bound = endpoint.claim().unwrap();
    assert!(endpoint.claim().unwrap_err().chain().contains("is taken"));
    let listener = bound.listen().unwrap();
    let mut client = endpoint.connect().await.unwrap();
    let mut server = listener.accept().await.unwrap().establish().await.unwrap();
    client.write_all(b"x").await.unwrap();
    assert_eq!(server.read_u8().await.unwrap(), b'x');
    drop((bound, listener));
    assert!(endpoint.connect().await.is_err());
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let endpoint: Endpoint = "memory:queue".parse().unwrap();
    let _bound = endpoint.claim().unwrap();
    let mut clients = Vec::new();
    let error = loop {
        match endpoint.connect().await {
            Ok(client) => clients.push(client),
            Err(error) => break error,
        }
    };
    assert!(error.chain().contains("is full"));
    assert_eq!(clients.len(), BACKLOG);
}
