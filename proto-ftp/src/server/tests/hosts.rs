//! HOST (RFC 7151).

use ropewalk_core::data::files::Memory;

use super::super::Ftp;
use super::client::{Client, area, options, secure, serve};
use super::secure::{tls, trusting};

/// A server with a tree for each host, in which a file has its name.
fn ftp() -> Ftp {
    let tree = |name: &str| area(&Memory::new().with(&format!("/{name}"), ""));
    let ftp = Ftp::new(tree("main")).tls(&tls()).with(options());
    ftp.host("B.example", tree("other")).host("localhost", tree("local"))
}

/// Whose tree it is.
async fn whose(client: &mut Client) -> &'static str {
    client.log_in("ann", "secret").await;
    let codes = client.codes(["MDTM main", "MDTM other", "MDTM local"]).await;
    ["main", "other", "local"][codes.iter().position(|code| *code == 213).unwrap()]
}

#[tokio::test]
async fn a_host_has_people_and_files_of_its_own() {
    let server = serve(ftp());
    let mut client = server.connect().await;
    assert_eq!(client.codes(["HOST a.example", "HOST b.EXAMPLE"]).await, [504, 220]);
    client.log_in("ann", "secret").await;
    assert_eq!(client.codes(["MDTM other", "MDTM main"]).await, [213, 550]);
    assert!(client.say("FEAT").await.contains("\r\n HOST\r\n"));
}

#[tokio::test]
async fn a_host_is_forgotten_with_rein_and_with_another_one() {
    let server = serve(ftp());
    let mut client = server.connect().await;
    assert_eq!(client.codes(["HOST b.example", "REIN"]).await, [220, 220]);
    assert_eq!(whose(&mut client).await, "main");
    let mut client = server.connect().await;
    assert_eq!(client.codes(["HOST b.example", "HOST c.example"]).await, [220, 504]);
    assert_eq!(whose(&mut client).await, "main");
    // But somebody else who logs in is at the same one.
    let mut client = server.connect().await;
    assert_eq!(client.code("HOST b.example").await, 220);
    assert_eq!(whose(&mut client).await, "other");
    assert_eq!(whose(&mut client).await, "other");
}

#[tokio::test]
async fn under_tls_a_host_is_the_one_that_it_was_begun_with() {
    let server = serve(ftp());
    let mut client = server.connect().await;
    client.start_tls(&trusting()).await;
    // The handshake was with localhost.
    assert_eq!(client.codes(["HOST b.example", "HOST localhost"]).await, [504, 220]);
    assert_eq!(whose(&mut client).await, "local");
    // Said before, as RFC 7151 §3.2.2 has it, it stays; somebody on the way may say another.
    for (host, owner) in [("localhost", "local"), ("b.example", "main")] {
        let mut client = server.connect().await;
        assert_eq!(client.codes([&*format!("HOST {host}"), "AUTH TLS"]).await, [220, 234]);
        let conn = client.conn.take().unwrap();
        client.conn = Some(secure(conn, &trusting()).await.unwrap());
        assert_eq!(whose(&mut client).await, owner, "{host}");
    }
}
