//! Other people's services, and what a connection costs.

use std::sync::Arc;

use super::*;
use crate::{Facts, Routes, Tower};

#[tokio::test]
async fn a_tower_service_answers_below_a_path() {
    let service = tower::service_fn(|request: http::Request<Body>| async move {
        assert!(request.extensions().get::<Arc<Facts>>().is_some());
        let path = request.uri().path().to_owned();
        Ok::<_, std::io::Error>(http::Response::new(http_body_util::Full::new(bytes::Bytes::from(path))))
    });
    let http = Http::new(Routes::new().mount("/tower", Tower(service)).unwrap());
    let said = say(http, "GET /tower/a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(status(&said) == "200" && said.ends_with("\r\n\r\n/tower/a"), "{said}");
}

#[tokio::test]
async fn a_tower_service_that_fails_is_500_without_the_cause() {
    let service = tower::service_fn(|_: http::Request<Body>| async move {
        Err::<http::Response<http_body_util::Empty<bytes::Bytes>>, _>(std::io::Error::other("secret"))
    });
    let said = say(Http::new(Tower(service)), "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(status(&said) == "500" && !said.contains("secret"), "{said}");
}

#[tokio::test]
async fn a_quiet_connection_is_small() {
    let http = Http::new(echo);
    let (conn, _io) = Connection::pair();
    let future = http.serve(conn, Context::root(Limits::default()));
    let size = size_of_val(&future);
    assert!(size <= 2 * 1024, "{size}");
}

#[test]
fn the_policy_names_the_style_that_is_there() {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, crate::server::page::STYLE.as_bytes());
    let expected = format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(digest));
    assert_eq!(include_str!("../server/style.hash"), expected);
}
