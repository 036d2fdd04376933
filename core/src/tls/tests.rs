//! Whole handshakes, in memory.

use super::*;
use crate::{Error, Fault, Result};
use rustls::client::WebPkiServerVerifier;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, DuplexStream, duplex};

#[path = "tickets_tests.rs"]
mod tickets;

const BOTH: [Version; 2] = [Version::Tls12, Version::Tls13];

type Ends = (Result<TlsStream<DuplexStream>>, Result<TlsStream<DuplexStream>>);

/// Server and client after, or instead of, a handshake.
async fn handshake(server: &ServerTls, client: &ClientTls, name: &str) -> Ends {
    let (near, far) = duplex(64 * 1024);
    let name = name.parse().unwrap();
    let both = async { tokio::join!(server.accept(near), client.connect(far, &name)) };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("a handshake that ends")
}

async fn agreed(server: &ServerTls, client: &ClientTls, name: &str) -> (TlsInfo, TlsInfo) {
    let (server, client) = handshake(server, client, name).await;
    (server.unwrap().info(), client.unwrap().info())
}

struct Ca(LocalCa);

impl Ca {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self(LocalCa::open(dir.path()).unwrap())
    }

    fn issue(&self, names: &[&str]) -> Certificate {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        self.0.issue(&names).unwrap().certificate().unwrap()
    }

    fn authorities(&self) -> Authorities {
        Authorities::none().and_pem(self.0.pem().as_bytes()).unwrap()
    }

    fn server(&self, names: &[&str]) -> ServerTls {
        ServerTls::new(&Certificates::one(self.issue(names)), ClientAuth::Off).unwrap()
    }

    fn client(&self) -> ClientTls {
        ClientTls::new(&self.authorities()).unwrap()
    }

    fn issue_to(&self, dir: &Path, name: &str) -> Vec<u8> {
        let issued = self.0.issue(&[name.to_owned()]).unwrap();
        let _ = std::fs::remove_file(dir.join("cert"));
        let _ = std::fs::remove_file(dir.join("key"));
        issued.write(&dir.join("cert"), &dir.join("key")).unwrap();
        issued.certificate().unwrap().der().to_vec()
    }
}

fn source(dir: &Path) -> (String, CertSource) {
    ("main".into(), CertSource::files(dir.join("cert"), dir.join("key")))
}

fn says(result: Result<impl Sized>, text: &str) {
    let error = result.err().expect("an error");
    assert_eq!(error.fault(), Fault::Peer, "{error:?}");
    assert!(error.to_string().contains(text), "{error:?}");
}

#[tokio::test]
async fn both_versions_carry_octets_both_ways_and_agree_on_the_facts() {
    let ca = Ca::new();
    let server = ca.server(&["a.example"]).with_alpn(["h2", "http/1.1"]);
    for version in BOTH {
        let client = ca.client().only(version).unwrap().with_alpn(["http/1.1"]);
        let (server, client) = handshake(&server, &client, "A.example").await;
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        let (s, c) = (server.info(), client.info());
        assert_eq!((s.version, c.version), (version, version));
        assert_eq!(s.alpn.as_deref(), Some(&b"http/1.1"[..]));
        assert_eq!(s.server_name.as_deref(), Some("a.example"));
        assert_eq!(s.cipher_suite, c.cipher_suite);
        assert!(s.cipher_suite.contains("GCM") || s.cipher_suite.contains("CHACHA20"), "{s:?}");
        assert!(!s.resumed && s.peer_certificate.is_none());
        assert_eq!(s.exporter, c.exporter);
        assert_eq!(s.exporter.is_some(), version == Version::Tls13);
        let shown = c.peer_certificate.unwrap();
        assert_eq!(shown.dns_names, ["a.example"]);
        assert_eq!(shown.common_name.as_deref(), Some("a.example"));

        client.write_all(b"ping").await.unwrap();
        client.flush().await.unwrap();
        let mut four = [0; 4];
        server.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"ping");
        let parts = [std::io::IoSlice::new(b"po"), std::io::IoSlice::new(b"ng")];
        assert!(server.is_write_vectored());
        assert_eq!(server.write_vectored(&parts).await.unwrap(), 4);
        server.flush().await.unwrap();
        client.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"pong");
    }
}

#[tokio::test]
async fn the_certificate_is_that_of_the_name_then_of_the_wildcard_then_the_first() {
    let ca = Ca::new();
    let all = [("first", "first.example"), ("wild", "*.w.example"), ("exact", "x.w.example")];
    let all = all.map(|(name, dns)| (name.to_owned(), CertSource::Memory(ca.issue(&[dns]))));
    let server = ServerTls::new(&Certificates::load(all).unwrap(), ClientAuth::Off).unwrap();
    let client = ClientTls::danger_accept_any().unwrap();
    for (asked, shown) in [
        ("x.w.example", "x.w.example"),
        ("y.w.example", "*.w.example"),
        ("Y.W.EXAMPLE", "*.w.example"),
        ("a.y.w.example", "first.example"),
        ("w.example", "first.example"),
        ("unknown.example", "first.example"),
        ("192.0.2.1", "first.example"),
    ] {
        let (_, client) = agreed(&server, &client, asked).await;
        assert_eq!(client.peer_certificate.unwrap().dns_names, [shown], "{asked}");
    }
}

#[tokio::test]
async fn no_protocol_in_common_is_refused_and_no_offer_is_not() {
    let ca = Ca::new();
    let server = ca.server(&["a.example"]).with_alpn(["imap"]);
    assert_eq!(agreed(&server, &ca.client(), "a.example").await.0.alpn, None);
    let (server, client) = handshake(&server, &ca.client().with_alpn(["h2"]), "a.example").await;
    says(server, "ALPN");
    says(client, "ALPN");
}

#[tokio::test]
async fn the_key_exchange_is_hybrid_where_the_client_knows_it() {
    let ca = Ca::new();
    let server = ca.server(&["a.example"]);
    assert_eq!(agreed(&server, &ca.client(), "a.example").await.0.group, Some("X25519MLKEM768"));
    let verifier =
        || WebPkiServerVerifier::builder_with_provider(ca.authorities().roots(), provider()).build().unwrap();
    for group in [aws_lc_rs::kx_group::X25519, aws_lc_rs::kx_group::SECP256R1] {
        let only = Arc::new(CryptoProvider { kx_groups: vec![group], ..(*provider()).clone() });
        let client = ClientTls::build(verifier(), rustls::ALL_VERSIONS, only).unwrap();
        assert_eq!(agreed(&server, &client, "a.example").await.0.group, group.name().as_str());
    }
}

#[tokio::test]
async fn a_session_is_resumed_and_keeps_the_client_certificate() {
    let ca = Ca::new();
    let certificates = Certificates::one(ca.issue(&["a.example"]));
    let server = ServerTls::new(&certificates, ClientAuth::Require(ca.authorities())).unwrap();
    let person = ca.0.issue_client("ann@a.example").unwrap().certificate().unwrap();
    for version in BOTH {
        let client = ca.client().with_certificate(&person).only(version).unwrap();
        for resumed in [false, true] {
            let (server, client) = handshake(&server, &client, "a.example").await;
            let (mut server, mut client) = (server.unwrap(), client.unwrap());
            // The tickets of TLS 1.3 come after the handshake.
            server.write_all(b"x").await.unwrap();
            server.flush().await.unwrap();
            client.read_u8().await.unwrap();
            let info = server.info();
            assert_eq!((info.resumed, client.info().resumed), (resumed, resumed), "{version}");
            let shown = info.peer_certificate.unwrap();
            assert_eq!(shown.emails, ["ann@a.example"]);
            assert_eq!(shown.der, person.der());
            assert_eq!(shown.fingerprint_hex().len(), 64);
        }
    }
}

#[tokio::test]
async fn a_required_client_certificate_is_asked_for_in_words() {
    let (ca, other) = (Ca::new(), Ca::new());
    let certificates = Certificates::one(ca.issue(&["a.example"]));
    let require = ServerTls::new(&certificates, ClientAuth::Require(ca.authorities())).unwrap();
    let stranger = other.0.issue_client("eve").unwrap().certificate().unwrap();
    for version in BOTH {
        let client = ca.client().only(version).unwrap();
        let (server, end) = handshake(&require, &client, "a.example").await;
        says(server, "the client showed no certificate");
        says(first_read(end).await, "the server requires a client certificate");
        let (server, end) = handshake(&require, &client.with_certificate(&stranger), "a.example").await;
        says(server, "not from an authority that is trusted here");
        says(first_read(end).await, "does not trust the authority of our certificate");
    }
}

/// With TLS 1.3 a client learns only by reading that its certificate was refused.
async fn first_read(end: Result<TlsStream<DuplexStream>>) -> Result<u8> {
    Ok(end?.read_u8().await?)
}

#[tokio::test]
async fn a_requested_client_certificate_may_be_missing_but_not_wrong() {
    let (ca, other) = (Ca::new(), Ca::new());
    let certificates = Certificates::one(ca.issue(&["a.example"]));
    let request = ServerTls::new(&certificates, ClientAuth::Request(ca.authorities())).unwrap();
    assert_eq!(agreed(&request, &ca.client(), "a.example").await.0.peer_certificate, None);
    let known = ca.0.issue_client("ann").unwrap().certificate().unwrap();
    let client = ca.client().with_certificate(&known);
    let shown = agreed(&request, &client, "a.example").await.0.peer_certificate.unwrap();
    assert_eq!(shown.common_name.as_deref(), Some("ann"));
    let stranger = other.0.issue_client("eve").unwrap().certificate().unwrap();
    let client = ca.client().with_certificate(&stranger);
    says(handshake(&request, &client, "a.example").await.0, "not from an authority");
    // A server's certificate does not make a client.
    let client = ca.client().with_certificate(&ca.issue(&["a.example"]));
    says(handshake(&request, &client, "a.example").await.0, "not made for this side");
}

#[tokio::test]
async fn a_server_that_is_not_trusted_or_has_another_name_is_refused() {
    let (ca, other) = (Ca::new(), Ca::new());
    let server = ca.server(&["a.example", "192.0.2.1"]);
    let (end, client) = handshake(&server, &other.client(), "a.example").await;
    says(client, "not from an authority that is trusted here");
    says(first_read(end).await, "does not trust the authority of our certificate");
    says(handshake(&server, &ca.client(), "b.example").await.1, "for another name");
    says(handshake(&server, &ca.client(), "192.0.2.2").await.1, "for another name");
    agreed(&server, &ca.client(), "192.0.2.1").await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_its_own_authority() {
    let made = self_signed(&["a.example".into(), "::1".into()]).unwrap();
    let certificates = Certificates::one(made.certificate().unwrap());
    let server = ServerTls::new(&certificates, ClientAuth::Off).unwrap();
    let client = ClientTls::new(&Authorities::none().and_pem(made.cert.as_bytes()).unwrap()).unwrap();
    agreed(&server, &client, "a.example").await;
    agreed(&server, &client, "::1").await;
}

#[tokio::test]
async fn what_is_not_tls_is_told_by_what_it_is() {
    let server = Ca::new().server(&["a.example"]);
    let old: &[u8] =
        &[&[22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2][..], &[7; 32], &[0, 0, 2, 0xc0, 0x13, 1, 0]].concat();
    for (sent, text) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], "the peer does not speak TLS (it sent an HTTP request)"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "an HTTP/2 preface"),
        (b"SSH-2.0-x\r\n", "an SSH greeting"),
        (b"EHLO a.example\r\n", "plain text"),
        (b"\0\0\0\0\0\0\0\0", "something else"),
        (b"", "without a word of TLS"),
        (&[22, 3, 1, 0, 200, 1], "in the middle of the TLS handshake"),
        (old, "no TLS version in common"),
    ] {
        let (near, mut far) = duplex(1024);
        far.write_all(sent).await.unwrap();
        far.shutdown().await.unwrap();
        says(server.accept(near).await, text);
    }
    // Room for a whole ClientHello: a hybrid key share alone has 1216 octets.
    let (near, mut far) = duplex(64 * 1024);
    far.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    let client = ClientTls::danger_accept_any().unwrap();
    says(client.connect(near, &"a.example".parse().unwrap()).await, "it sent plain text");
}

#[tokio::test]
async fn one_side_may_end_while_the_other_goes_on() {
    let ca = Ca::new();
    let server = ca.server(&["a.example"]);
    for version in BOTH {
        let (server, client) = handshake(&server, &ca.client().only(version).unwrap(), "a.example").await;
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        client.write_all(b"all").await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "all");
        server.write_all(b"late").await.unwrap();
        server.shutdown().await.unwrap();
        text.clear();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "late");
    }
}

#[tokio::test]
async fn an_end_without_close_notify_is_a_truncation() {
    let ca = Ca::new();
    let server = ca.server(&["a.example"]);
    for version in BOTH {
        let (server, client) = handshake(&server, &ca.client().only(version).unwrap(), "a.example").await;
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        client.write_all(b"half").await.unwrap();
        client.flush().await.unwrap();
        drop(client);
        let mut got = Vec::new();
        let error = server.read_to_end(&mut got).await.unwrap_err();
        assert_eq!((error.kind(), &got[..]), (ErrorKind::UnexpectedEof, &b"half"[..]));
        assert_eq!(Error::from(error).fault(), Fault::Peer);
    }
}

#[tokio::test]
async fn a_renewal_reaches_new_handshakes_and_leaves_sessions_alone() {
    let (ca, dir) = (Ca::new(), tempfile::tempdir().unwrap());
    let old = ca.issue_to(dir.path(), "a.example");
    let certificates = Certificates::load([source(dir.path())]).unwrap();
    let server = ServerTls::new(&certificates, ClientAuth::Off).unwrap().with_alpn(["x"]);
    let fresh = || ca.client();
    let (mut running, mut client) = match handshake(&server, &fresh(), "a.example").await {
        (Ok(server), Ok(client)) => (server, client),
        other => panic!("{other:?}"),
    };
    assert_eq!(client.info().peer_certificate.unwrap().der, old);

    let new = ca.issue_to(dir.path(), "a.example");
    certificates.reload().unwrap();
    assert_eq!(agreed(&server, &fresh(), "a.example").await.1.peer_certificate.unwrap().der, new);
    client.write_u8(7).await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(running.read_u8().await.unwrap(), 7);
}

#[tokio::test]
async fn a_key_of_another_certificate_keeps_the_old_one() {
    let (ca, dir) = (Ca::new(), tempfile::tempdir().unwrap());
    let old = ca.issue_to(dir.path(), "a.example");
    let key = std::fs::read(dir.path().join("key")).unwrap();
    let certificates = Certificates::load([source(dir.path())]).unwrap();
    ca.issue_to(dir.path(), "a.example");
    std::fs::write(dir.path().join("key"), key).unwrap();
    let errors = certificates.reload().unwrap_err();
    let text = errors[0].chain();
    assert!(text.contains("\"main\"") && text.contains("the key does not belong"), "{text}");
    let server = ServerTls::new(&certificates, ClientAuth::Off).unwrap();
    assert_eq!(agreed(&server, &ca.client(), "a.example").await.1.peer_certificate.unwrap().der, old);
}

#[tokio::test(start_paused = true)]
async fn files_are_read_again_once_they_have_settled() {
    let (ca, dir) = (Ca::new(), tempfile::tempdir().unwrap());
    let old = ca.issue_to(dir.path(), "a.example");
    let certificates = Certificates::load([source(dir.path())]).unwrap();
    let shown = || certificates.all()[0].1.der().to_vec();
    let mut watch = Box::pin(certificates.watch(Certificates::WATCH));
    let mut pass = async |seconds| {
        let _ = tokio::time::timeout(Duration::from_secs(seconds), &mut watch).await;
    };
    pass(3).await;
    // Only the certificate is there yet: the old pair stays, however long it takes.
    let key = std::fs::read(dir.path().join("key")).unwrap();
    let new = ca.issue_to(dir.path(), "a.example");
    let new_key = std::fs::read(dir.path().join("key")).unwrap();
    std::fs::write(dir.path().join("key"), key).unwrap();
    pass(6).await;
    assert_eq!(shown(), old);
    std::fs::write(dir.path().join("key"), new_key).unwrap();
    // At 9 s; one look at 10 s sees the change, the next at 12 s that it has settled.
    pass(2).await;
    assert_eq!(shown(), old);
    pass(2).await;
    assert_eq!(shown(), new);
}

#[tokio::test]
async fn an_expired_certificate_is_served_and_its_peer_says_why_not() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let made = params.self_signed(&key).unwrap();
    let old = Certificate::from_pem(made.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    assert!(!old.is_valid_at(std::time::SystemTime::now()));
    let certificates = Certificates::load([("main".to_owned(), CertSource::Memory(old))]).unwrap();
    let server = ServerTls::new(&certificates, ClientAuth::Off).unwrap();
    let client = ClientTls::new(&Authorities::none().and_pem(made.pem().as_bytes()).unwrap()).unwrap();
    let (server, client) = handshake(&server, &client, "a.example").await;
    says(client, "the peer's certificate has expired");
    says(first_read(server).await, "says that our certificate has expired");
}

#[test]
fn a_certificate_that_cannot_be_loaded_says_which_and_why() {
    let (ca, dir) = (Ca::new(), tempfile::tempdir().unwrap());
    ca.issue_to(dir.path(), "a.example");
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("empty"), "").unwrap();
    std::fs::write(at("broken"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    std::fs::write(
        at("locked"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    for secret in ["empty", "locked"] {
        std::fs::set_permissions(at(secret), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    std::fs::write(at("wide"), std::fs::read(at("key")).unwrap()).unwrap();
    std::fs::set_permissions(at("wide"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    for (cert, key, text) in [
        ("empty", "key", "empty: no certificate"),
        ("broken", "key", "the first certificate is broken"),
        ("cert", "empty", "empty: no private key"),
        ("cert", "locked", "locked: the private key is encrypted"),
        ("cert", "wide", "wide: mode 0644 is wider than 0640"),
        ("none", "key", "none: No such file"),
    ] {
        let source = ("main".to_owned(), CertSource::files(at(cert), at(key)));
        let errors = Certificates::load([source]).unwrap_err();
        let chain = errors[0].chain();
        assert!(chain.starts_with("certificate \"main\"") && chain.contains(text), "{text}: {chain}");
        assert_eq!(errors[0].fault(), Fault::Local);
    }
    let wide = CertSource::Files { cert: at("cert"), key: at("wide"), allow_wide_mode: true };
    assert!(wide.load().is_ok());
    assert_eq!(Certificates::load([]).unwrap_err().len(), 1);
}
