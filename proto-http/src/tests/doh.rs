//! DNS over HTTPS: what is asked in which way, and what of it is refused.

use std::sync::Arc;

use async_trait::async_trait;
use ropewalk_core::Address;
use ropewalk_core::data::facts::Facts;
use ropewalk_core::data::zones::{Answer, Answered};

use super::*;
use crate::{Doh, Routes};

/// Answers `hi` by its octets turned round, and who asks, if that is told; and nothing else.
#[derive(Default)]
struct Turned {
    tells: bool,
}

#[async_trait]
impl Answer for Turned {
    async fn answer(&self, request: &[u8], peer: &Address) -> Option<Answered> {
        let mut turned: Vec<u8> = request.iter().rev().copied().collect();
        if self.tells {
            turned.extend_from_slice(peer.to_string().as_bytes());
        }
        request.starts_with(b"hi").then(|| Answered { message: turned.into(), max_age: 7 })
    }

    async fn refresh(&self, _: bool) {}

    async fn tend(&self) {}

    fn counted(&self) -> Vec<(&'static str, &'static str, u64)> {
        Vec::new()
    }

    fn derive_from(&self, _: &Facts) {}
}

async fn asked(request: &str) -> String {
    let routes = Routes::new().mount("/dns-query", Doh::new(Arc::new(Turned::default()))).unwrap();
    let mut peer = Peer::of(Http::new(routes));
    peer.send(format!("{request}\r\n\r\n").replacen(
        "HTTP/1.1",
        "HTTP/1.1\r\nHost: x\r\nConnection: close",
        1,
    ))
    .await;
    peer.rest().await
}

async fn posted(kind: &str, body: &str) -> String {
    let length = body.len();
    let routes = Routes::new().mount("/dns-query", Doh::new(Arc::new(Turned::default()))).unwrap();
    let mut peer = Peer::of(Http::new(routes));
    let head = format!(
        "POST /dns-query HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n\r\n"
    );
    peer.send(head + body).await;
    peer.rest().await
}

const TYPE: &str = "Content-Type: application/dns-message\r\n";

#[tokio::test]
async fn a_question_is_asked_by_get_and_by_post() {
    // "hi?": 0xfb stands for what base64 and base64url write differently.
    for answer in [
        asked("GET /dns-query?dns=aGk_ HTTP/1.1").await,
        asked("GET /dns-query?a=b&dns=aGk_&c HTTP/1.1").await,
        posted(TYPE, "hi?").await,
        posted("Content-Type: Application/DNS-Message; x=y\r\n", "hi?").await,
    ] {
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n?ih"), "{answer}");
        for field in ["content-type: application/dns-message\r\n", "cache-control: max-age=7\r\n"] {
            assert!(answer.to_lowercase().contains(field), "{answer}");
        }
    }
    let head = asked("HEAD /dns-query?dns=aGk HTTP/1.1").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn padding_does_no_harm() {
    let answer = asked("GET /dns-query?dns=aGkh HTTP/1.1").await;
    assert!(answer.ends_with("\r\n\r\n!ih"), "{answer}");
    for value in ["aGkhIQ", "aGkhIQ=="] {
        let answer = asked(&format!("GET /dns-query?dns={value} HTTP/1.1")).await;
        assert!(answer.ends_with("\r\n\r\n!!ih"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_no_question_is_400() {
    for query in ["", "?dns", "?dns=", "?dns=aGk/", "?dns=a", "?dns=aGk%3d", "?dns=aGk&dns=aGk", "?dns=eW8"] {
        let answer = asked(&format!("GET /dns-query{query} HTTP/1.1")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{query}: {answer}");
    }
    assert!(posted(TYPE, "yo").await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn another_type_is_415_and_another_method_405() {
    for kind in ["", "Content-Type: application/dns-json\r\n", "Content-Type: text/plain\r\n"] {
        let answer = posted(kind, "hi").await;
        assert!(answer.starts_with("HTTP/1.1 415 "), "{kind}: {answer}");
    }
    assert!(posted(&format!("{TYPE}{TYPE}"), "hi").await.starts_with("HTTP/1.1 415 "));
    let answer = asked("DELETE /dns-query?dns=aGk HTTP/1.1").await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.to_lowercase().contains("allow: get, head, post"));
}

#[tokio::test]
async fn a_message_over_64_kib_is_413() {
    let long = "hi".repeat(32_767);
    assert!(posted(TYPE, &format!("{long}!")).await.starts_with("HTTP/1.1 200 "));
    assert!(posted(TYPE, &format!("{long}!!")).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn who_asks_is_told_and_is_nobody_without_tls() {
    let network = |text: &str| vec![text.parse().unwrap()];
    let teller = || Arc::new(Turned { tells: true });
    for (clients, answer) in [("192.0.2.0/24", "?ih"), ("0.0.0.0/32", "?ih0.0.0.0:0")] {
        let doh = Doh::new(Arc::new(Turned::default())).view(network(clients), teller());
        let mut peer = Peer::of(Http::new(Routes::new().mount("/dns-query", doh).unwrap()));
        peer.send("GET /dns-query?dns=aGk_ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        let said = peer.rest().await;
        assert!(said.ends_with(&format!("\r\n\r\n{answer}")), "{clients}: {said}");
    }
}
