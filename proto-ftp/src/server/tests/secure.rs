//! TLS: of the control connection, and of what is tied to it (RFC 4217).

use ropewalk_core::Fault;
use ropewalk_core::data::files::Memory;
use ropewalk_core::tls::{Certificates, ClientAuth, ClientTls, ServerTls, Version, self_signed};
use tokio::io::AsyncWriteExt as _;

use super::super::{Ftp, Options, Tie};
use super::client::{Client, Server, area, code, content, options, secure, serve, serve_within};

pub(super) fn tls() -> ServerTls {
    let certificate = self_signed(&["localhost".into()]).unwrap().certificate().unwrap();
    ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).unwrap()
}

fn server(memory: &Memory, tie: Tie) -> Server {
    let options = Options { tie, ..options() };
    serve(Ftp::new(area(memory)).tls(&tls()).with(options))
}

pub(super) fn trusting() -> ClientTls {
    ClientTls::danger_accept_any().unwrap()
}

async fn login(server: &Server, tls: &ClientTls) -> Client {
    let mut client = server.connect().await;
    client.start_tls(tls).await;
    client.log_in("ann", "secret").await;
    assert_eq!(client.code("TYPE I").await, 200);
    client
}

#[tokio::test]
async fn data_connections_go_on_with_the_session_of_their_control_connection() {
    let server = server(&Memory::new(), Tie::Require);
    for version in [Version::Tls12, Version::Tls13] {
        let mut client = login(&server, &trusting().only(version).unwrap()).await;
        // More than there were tickets.
        for _ in 0..20 {
            assert_eq!(client.store("STOR a", b"text").await, 226, "{version}");
        }
        for _ in 0..20 {
            assert_eq!(client.fetch("RETR a").await, "text");
        }
    }
}

#[tokio::test]
async fn a_data_connection_may_call_itself_so() {
    let server = server(&Memory::new().with("/a", "text"), Tie::Require);
    let tls = trusting();
    let mut client = login(&server, &tls.clone().with_alpn(["ftp"])).await;
    assert_eq!(retrieve(&mut client, &tls.clone().with_alpn(["ftp-data"])).await, "226 done\r\n");
    assert_eq!(code(&retrieve(&mut client, &tls.with_alpn(["http/1.1"])).await), 425);
}

#[tokio::test]
async fn tls_from_the_first_byte_ties_data_too() {
    let options = Options { tie: Tie::Require, ..options() };
    let at_once = tls().with_alpn(["ftp"]);
    let server = serve_within(Ftp::new(area(&Memory::new())).with(options), Some(at_once), None);
    let tls = trusting();
    let mut client = server.connect_tls(&tls).await;
    client.log_in("ann", "secret").await;
    // Data are private without a word.
    assert_eq!(client.store("STOR a", b"text").await, 226);
    assert_eq!(client.codes(["AUTH TLS", "PROT C", "TYPE I"]).await, [503, 200, 200]);
    client.tls = None;
    assert_eq!(client.fetch("RETR a").await, "text");
}

/// What a transfer ends with, whose data connection uses this.
async fn retrieve(client: &mut Client, tls: &ClientTls) -> String {
    let data = client.passive().await;
    assert_eq!(client.code("RETR a").await, 150);
    let _data = secure(data, tls).await;
    client.reply().await
}

#[tokio::test]
async fn another_session_is_not_tied() {
    let server = server(&Memory::new().with("/a", "text"), Tie::Require);
    let (first, second) = (trusting(), trusting());
    let mut client = login(&server, &first).await;
    // A session of the same server and the same person, but of another control connection.
    let mut other = login(&server, &second).await;
    let refused = "522 the data connection must go on with the TLS session of this one\r\n";
    assert_eq!(retrieve(&mut client, &second).await, refused);
    assert_eq!(retrieve(&mut client, &trusting()).await, refused);
    assert_eq!(client.fetch("RETR a").await, "text");
    assert_eq!(other.fetch("RETR a").await, "text");
}

#[tokio::test]
async fn a_client_that_cannot_resume_is_served_until_it_has() {
    let server = server(&Memory::new().with("/a", "text"), Tie::Prefer);
    let tls = trusting();
    let mut client = login(&server, &tls).await;
    assert_eq!(retrieve(&mut client, &trusting()).await, "226 done\r\n");
    assert_eq!(retrieve(&mut client, &tls).await, "226 done\r\n");
    assert_eq!(code(&retrieve(&mut client, &trusting()).await), 522);
}

#[tokio::test]
async fn data_in_the_clear_are_refused_where_they_are_private() {
    let memory = Memory::new().with("/a", "old");
    let server = server(&memory, Tie::Off);
    let mut client = login(&server, &trusting()).await;
    let mut data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    data.write_all(b"in the clear, and longer than the head of any record").await.unwrap();
    data.shutdown().await.unwrap();
    assert_eq!(code(&client.reply().await), 425);
    assert_eq!(content(&memory, "/a").await, "old");
}

#[tokio::test]
async fn an_upload_that_is_cut_without_a_word_leaves_the_old_file() {
    let memory = Memory::new().with("/a", "old");
    let server = server(&memory, Tie::Off);
    let tls = trusting();
    let mut client = login(&server, &tls).await;
    let data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    let mut data = secure(data, &tls).await.unwrap();
    data.write_all(b"half").await.unwrap();
    data.flush().await.unwrap();
    // Without close_notify: as somebody on the way would cut it.
    drop(data);
    assert_eq!(client.reply().await, "426 data connection broken, transfer aborted\r\n");
    assert_eq!(content(&memory, "/a").await, "old");
}

#[tokio::test]
async fn where_tls_is_required_no_data_are_in_the_clear() {
    let options = Options { tls_required: true, ..options() };
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).tls(&tls()).with(options));
    let mut client = server.connect().await;
    assert_eq!(client.codes(["USER ann", "PASS secret"]).await, [530, 503]);
    assert_eq!(client.code("AUTH TLS").await, 234);
    let conn = client.conn.take().unwrap();
    client.conn = Some(secure(conn, &trusting()).await.unwrap());
    client.log_in("ann", "secret").await;
    let _data = client.passive().await;
    assert_eq!(client.code("RETR a").await, 521);
}

#[tokio::test]
async fn a_client_of_another_protocol_gets_no_session() {
    let server = server(&Memory::new(), Tie::Off);
    let mut client = server.connect().await;
    assert_eq!(client.code("AUTH TLS").await, 234);
    let conn = client.conn.take().unwrap();
    let error = secure(conn, &trusting().with_alpn(["http/1.1"])).await.err().unwrap();
    assert_eq!(error.fault(), Fault::Peer);
    let mut client = server.connect().await;
    client.start_tls(&trusting().with_alpn(["ftp"])).await;
}
