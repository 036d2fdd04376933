//! Our client and our server, over loopback, with files in memory.

use std::sync::Arc;

use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Protocol as _, Task};
use ropewalk_core::data::cred::Memory as People;
use ropewalk_core::data::files::{Kind, Memory, Time};
use ropewalk_core::net::Connection;
use ropewalk_core::tls::{Certificates, ClientAuth, ClientTls, ServerTls, Version, self_signed};
use tokio::net::TcpListener;

use super::super::{Client, Error, Options, Phase, Security, Store};
use super::script::clear;
use crate::{Area, Ftp, Tie};

struct Server {
    port: u16,
    _accepting: Task<()>,
}

async fn serve(memory: &Memory, tie: Tie, implicit: bool) -> Server {
    let people = People::new().unwrap().user("ann:secret".parse().unwrap());
    let area = Area::new().shared(Arc::new(people), Arc::new(memory.clone()));
    let certificate = self_signed(&["localhost".into()]).unwrap().certificate().unwrap();
    let tls = ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).unwrap();
    let options = crate::Options { passive: 0..=0, active: true, tie, ..crate::Options::default() };
    let ftp = Arc::new(Ftp::new(area).tls(&tls).with(options));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let cx = Context::root(Limits::default());
    let of_server = cx.clone();
    let first = tls.with_alpn(["ftp"]).apart().unwrap();
    let accept = async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (cx, ftp, tls) = (of_server.child(tracing::Span::none()), Arc::clone(&ftp), first.clone());
            let session = {
                let cx = cx.clone();
                async move {
                    let mut conn = Connection::tcp(socket).unwrap();
                    if implicit {
                        conn = conn
                            .start_tls(&tls, super::super::control::handshake(cx.limits().handshake))
                            .await
                            .unwrap();
                    }
                    let served = ftp.serve(conn, cx.clone()).await;
                    tracing::debug!(?served, "served");
                    cx.end();
                }
            };
            cx.spawn(session).detach();
        }
    };
    Server { port, _accepting: cx.spawn(accept) }
}

fn secret(security: Security, version: Version) -> Options {
    let tls = ClientTls::danger_accept_any().unwrap().only(version).unwrap();
    Options { security, tls: Some(tls), ..Options::default() }
}

async fn login(server: &Server, options: Options) -> Result<Client, Error> {
    let mut client = Client::connect("127.0.0.1", Some(server.port), options).await?;
    client.login("ann", "secret").await?;
    Ok(client)
}

async fn store(client: &mut Client, path: &[u8], how: Store, content: &[u8]) -> Result<(), Error> {
    let mut upload = client.store(path, how).await?;
    upload.write(content).await?;
    upload.finish().await
}

async fn text(client: &mut Client, path: &[u8], from: u64) -> Result<String, Error> {
    let read = client.retrieve(path, from).await?.read(1 << 20).await?;
    Ok(String::from_utf8_lossy(&read).into_owned())
}

#[tokio::test]
async fn a_tree_is_walked_listed_and_changed() {
    let memory = Memory::new().with("/docs/a.txt", "hello").with_dir("/docs/sub");
    let server = serve(&memory, Tie::Off, false).await;
    let mut client = login(&server, clear()).await.unwrap();
    assert!(client.has("MLST") && client.has("REST STREAM") && !client.has("NONSENSE"));
    client.cwd(b"docs").await.unwrap();
    assert_eq!(client.pwd().await.unwrap(), b"/docs");
    let listing = client.list(None).await.unwrap();
    let mut entries: Vec<_> =
        listing.entries.iter().map(|it| (it.name.as_bytes(), it.meta.kind, it.meta.len)).collect();
    entries.sort_by_key(|entry| entry.0.to_vec());
    assert_eq!(entries, [(&b"a.txt"[..], Kind::File, 5), (b"sub", Kind::Dir, 0)]);
    assert!(listing.exact);
    assert_eq!(client.size(b"a.txt").await.unwrap(), 5);
    client.mfmt(b"a.txt", Time::new(1_795_287_776, 0)).await.unwrap();
    assert_eq!(client.mdtm(b"a.txt").await.unwrap(), Time::new(1_795_287_776, 0));
    client.mkdir(b"x \"y\" \xff").await.unwrap();
    client.cwd(b"x \"y\" \xff").await.unwrap();
    assert_eq!(client.pwd().await.unwrap(), b"/docs/x \"y\" \xff");
    client.rename(b"../a.txt", b"b").await.unwrap();
    client.remove(b"b").await.unwrap();
    client.cwd(b"/").await.unwrap();
    client.remove_dir(b"docs/x \"y\" \xff").await.unwrap();
    let error = client.remove(b"none").await.unwrap_err();
    assert_eq!((error.phase(), error.code()), (Phase::Command, Some(550)));
    assert_eq!(client.list(Some(b"none")).await.unwrap_err().code(), Some(550));
    client.noop().await.unwrap();
    client.quit().await.unwrap();
}

#[tokio::test]
async fn transfers_are_gone_on_with_both_ways() {
    let server = serve(&Memory::new().with("/a", "0123456789"), Tie::Off, false).await;
    let mut client = login(&server, clear()).await.unwrap();
    assert_eq!(text(&mut client, b"a", 0).await.unwrap(), "0123456789");
    assert_eq!(text(&mut client, b"a", 7).await.unwrap(), "789");
    assert_eq!(text(&mut client, b"a", 10).await.unwrap(), "");
    assert_eq!(text(&mut client, b"a", 11).await.unwrap_err().phase(), Phase::Transfer);
    store(&mut client, b"a", Store::Resume(8), b"XYZ").await.unwrap();
    assert_eq!(text(&mut client, b"a", 0).await.unwrap(), "01234567XYZ");
    store(&mut client, b"a", Store::Append, b"!").await.unwrap();
    assert_eq!(text(&mut client, b"a", 8).await.unwrap(), "XYZ!");
    store(&mut client, b"a", Store::Replace, b"").await.unwrap();
    assert_eq!(text(&mut client, b"a", 0).await.unwrap(), "");
}

#[tokio::test]
async fn one_session_of_tls_sends_any_number_of_files() {
    let server = serve(&Memory::new(), Tie::Require, false).await;
    for version in [Version::Tls12, Version::Tls13] {
        let mut client = login(&server, secret(Security::Require, version)).await.unwrap();
        // More than there are tickets of one handshake.
        for _ in 0..30 {
            store(&mut client, b"a", Store::Replace, b"text").await.unwrap();
        }
    }
}

#[tokio::test]
async fn it_is_known_whether_a_file_begins_like_ours() {
    let server = serve(&Memory::new().with("/a \"b", "0123456789"), Tie::Off, false).await;
    let mut client = login(&server, clear()).await.unwrap();
    for (ours, octets, same) in
        [("0123456789abc", 10, true), ("0123", 4, true), ("0123", 0, true), ("01234567x9abc", 10, false)]
    {
        let mut content = ours.as_bytes();
        assert_eq!(client.begins_with(b"a \"b", &mut content, octets).await.unwrap(), Some(same), "{ours}");
        assert_eq!(content.len(), ours.len() - octets as usize);
    }
    let short = client.begins_with(b"a \"b", &mut &b"01"[..], 3).await.unwrap_err();
    assert_eq!(short.phase(), Phase::Request);
    assert_eq!(client.begins_with(b"none", &mut &b"0"[..], 1).await.unwrap_err().code(), Some(550));
}

#[tokio::test]
async fn the_server_may_connect_to_us() {
    let server = serve(&Memory::new().with("/a", "text"), Tie::Off, false).await;
    let mut client = login(&server, Options { active: true, ..clear() }).await.unwrap();
    assert_eq!(text(&mut client, b"a", 0).await.unwrap(), "text");
    store(&mut client, b"b", Store::Replace, b"more").await.unwrap();
    assert_eq!(text(&mut client, b"b", 0).await.unwrap(), "more");
}

#[tokio::test]
async fn data_go_on_with_the_session_of_their_control_connection() {
    for (security, implicit) in [(Security::Require, false), (Security::Implicit, true)] {
        for version in [Version::Tls12, Version::Tls13] {
            let server = serve(&Memory::new(), Tie::Require, implicit).await;
            // Two clients of the same trust, side by side: neither uses what was given to the other.
            let options = secret(security, version);
            let mut client = login(&server, options.clone()).await.unwrap();
            let mut other = login(&server, options).await.unwrap();
            store(&mut client, b"a", Store::Replace, b"text").await.unwrap();
            for _ in 0..20 {
                assert_eq!(text(&mut client, b"a", 0).await.unwrap(), "text", "{security:?} {version}");
                assert_eq!(text(&mut other, b"a", 0).await.unwrap(), "text", "{security:?} {version}");
            }
            assert!(client.info().unwrap().tls.is_some());
        }
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = serve(&Memory::new(), Tie::Off, false).await;
    let error = login(&server, Options::default()).await.unwrap_err();
    assert_eq!(error.phase(), Phase::Tls, "{error:?}");
}

#[tokio::test]
async fn what_is_given_up_leaves_the_session() {
    let big = vec![b'x'; 16 << 20];
    let server = serve(&Memory::new().with("/big", big).with("/a", "text"), Tie::Off, false).await;
    let mut client = login(&server, clear()).await.unwrap();
    let mut download = client.retrieve(b"big", 0).await.unwrap();
    download.chunk().await.unwrap();
    download.abort().await.unwrap();
    assert_eq!(text(&mut client, b"a", 0).await.unwrap(), "text");
    // Dropped: given up by whatever comes next.
    drop(client.retrieve(b"big", 0).await.unwrap());
    assert_eq!(client.size(b"a").await.unwrap(), 4);
    let mut upload = client.store(b"a", Store::Replace).await.unwrap();
    upload.write(b"never").await.unwrap();
    upload.abort().await.unwrap();
    assert_eq!(text(&mut client, b"a", 0).await.unwrap(), "text");
    let mut upload = client.store(b"a", Store::Replace).await.unwrap();
    upload.write(b"never").await.unwrap();
    drop(upload);
    assert_eq!(text(&mut client, b"a", 0).await.unwrap(), "text");
    client.abort().await.unwrap();
    client.noop().await.unwrap();
}

#[tokio::test]
async fn the_whole_of_a_large_file_comes_and_goes() {
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let server = serve(&Memory::new(), Tie::Require, false).await;
    let mut client = login(&server, secret(Security::Require, Version::Tls13)).await.unwrap();
    store(&mut client, b"big", Store::Replace, &content).await.unwrap();
    let read = client.retrieve(b"big", 0).await.unwrap().read(4 << 20).await.unwrap();
    assert!(read == content);
    let rest = client.retrieve(b"big", 2_999_990).await.unwrap().read(100).await.unwrap();
    assert!(rest == content[2_999_990..]);
}
