use ropewalk_core::net::Handshake;
use ropewalk_core::tls::{Authorities, Certificates, ClientAuth, ClientTls, ServerTls, self_signed};

use super::*;

/// Our own server behind TLS, with a certificate for `x.example`, and what trusts it.
fn secure(alpn: &'static [&'static str]) -> (Place, ClientTls) {
    let issued = self_signed(&["x.example".into()]).unwrap();
    let trusted = Authorities::none().and_pem(issued.cert.as_bytes()).unwrap();
    let certificates = Certificates::one(issued.certificate().unwrap());
    let tls = ServerTls::new(&certificates, ClientAuth::Off).unwrap().with_alpn(alpn);
    let http = Http::new(echo);
    let place = Place::new(move |_, conn, cx| {
        let (http, tls) = (http.clone(), tls.clone());
        async move {
            if let Ok(conn) = conn.start_tls(&tls, Handshake::default()).await {
                // The client says what went wrong.
                let _ = http.serve(conn, cx).await;
            }
        }
    });
    (place, ClientTls::new(&trusted).unwrap())
}

#[tokio::test]
async fn alpn_settles_the_version() {
    for (offered, versions, settled) in [
        (&["h2", "http/1.1"][..], Versions::Both, http::Version::HTTP_2),
        (&["http/1.1"], Versions::Both, http::Version::HTTP_11),
        (&[], Versions::Both, http::Version::HTTP_11),
        (&["h2", "http/1.1"], Versions::One, http::Version::HTTP_11),
        (&["h2"], Versions::Two, http::Version::HTTP_2),
    ] {
        let (place, tls) = secure(offered);
        let client = place.client_of(|options| {
            options.versions = versions;
            options.tls = Some(tls);
        });
        let answer = client.get("https://x.example/").await.unwrap();
        assert_eq!(answer.version(), settled, "{offered:?} {versions:?}");
        let report = report(&answer);
        assert!(report.spent.tls.is_some() && report.info.tls.is_some());
        assert!(text(answer).await.starts_with("GET /\n"));
    }
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_an_error_of_tls() {
    let (place, tls) = secure(&[]);
    let client = place.client_of(|options| options.tls = Some(tls));
    let error = client.get("https://y.example/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Tls);
    assert!(error.chain().contains("another name"), "{error:?}");
    let other = self_signed(&["x.example".into()]).unwrap();
    let other = ClientTls::new(&Authorities::none().and_pem(other.cert.as_bytes()).unwrap()).unwrap();
    let error =
        place.client_of(|options| options.tls = Some(other)).get("https://x.example/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Tls, "{error:?}");
    let plain = Place::serving(echo);
    let error = plain.client_of(|options| options.tls = Some(ClientTls::danger_accept_any().unwrap()));
    let error = error.get("https://x.example/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Tls, "{error:?}");
}

#[tokio::test]
async fn only_http2_is_only_http2() {
    let (place, tls) = secure(&[]);
    let client = place.client_of(|options| {
        options.versions = Versions::Two;
        options.tls = Some(tls);
    });
    let error = client.get("https://x.example/").await.unwrap_err();
    assert_eq!(error.to_string(), "tls: the server does not speak HTTP/2");
}

#[tokio::test(start_paused = true)]
async fn a_silent_handshake_has_its_time() {
    let place = Place::new(|_, conn, _| async move {
        tokio::time::sleep(Duration::from_secs(1000)).await;
        drop(conn);
    });
    let begun = Instant::now();
    let client = place.client_of(|options| options.tls = Some(ClientTls::danger_accept_any().unwrap()));
    let error = client.get("https://x.example/").await.unwrap_err();
    assert_eq!((error.phase(), begun.elapsed().as_secs()), (Phase::Tls, 20), "{error:?}");
}

fn server_tls() -> ServerTls {
    let issued = self_signed(&["x.example".into()]).unwrap();
    let certificates = Certificates::one(issued.certificate().unwrap());
    ServerTls::new(&certificates, ClientAuth::Off).unwrap()
}

/// A server of https that redirects to http.
fn leads_down() -> (Place, ClientTls) {
    let tls = server_tls();
    let place = Place::new(move |number, conn, _| {
        let tls = tls.clone();
        async move {
            let answer = if number == 0 {
                "HTTP/1.1 302 Found\r\nLocation: http://x.example/\r\nContent-Length: 0\r\n\r\n"
            } else {
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            };
            let mut conn =
                if number == 0 { conn.start_tls(&tls, Handshake::default()).await.unwrap() } else { conn };
            while head(&mut conn).await.is_some() && conn.write_all(answer.as_bytes()).await.is_ok() {}
        }
    });
    (place, ClientTls::danger_accept_any().unwrap())
}

#[tokio::test]
async fn https_does_not_lead_to_http_unless_that_is_allowed() {
    let (place, tls) = leads_down();
    let error =
        place.client_of(|options| options.tls = Some(tls)).get("https://x.example/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Redirect);
    assert!(error.to_string().contains("not secure"), "{error}");
    assert_eq!(place.accepted(), 1);
    let (place, tls) = leads_down();
    let client = place.client_of(|options| {
        options.tls = Some(tls);
        options.downgrade = true;
    });
    assert_eq!(text(client.get("https://x.example/").await.unwrap()).await, "ok");
}

#[tokio::test]
async fn content_that_ends_with_the_connection_ends_with_a_goodbye_of_tls() {
    let tls = server_tls();
    let place = Place::new(move |number, conn, _| {
        let tls = tls.clone();
        async move {
            let mut conn = conn.start_tls(&tls, Handshake::default()).await.unwrap();
            head(&mut conn).await;
            conn.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf").await.unwrap();
            conn.flush().await.unwrap();
            if number == 0 {
                conn.shutdown().await.unwrap();
            }
        }
    });
    let client = place.client_of(|options| options.tls = Some(ClientTls::danger_accept_any().unwrap()));
    assert_eq!(text(client.get("https://x.example/").await.unwrap()).await, "half");
    let mut body = client.get("https://x.example/").await.unwrap().into_body();
    let error = loop {
        match body.chunk().await {
            Ok(chunk) => assert!(chunk.is_some(), "whoever cuts a connection cuts the content"),
            Err(error) => break error,
        }
    };
    assert!(error.chain().starts_with("body: "), "{error:?}");
}
