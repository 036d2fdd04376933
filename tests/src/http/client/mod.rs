//! Clients of HTTP/1.1: the harness plays the server.

mod answers;
mod connections;
mod redirects;
mod requests;

use crate::case::{Verdict, check};
use crate::client::{Fetch, Fetched, Part, Played};
use crate::{Broken, Case, Peer};

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    [requests::CASES, answers::CASES, connections::CASES, redirects::CASES].into_iter().flatten()
}

fn fetch(method: &'static str, url: String) -> Fetch {
    Fetch { method, url, fields: Vec::new(), content: None, follow: false }
}

/// GET of this target on the scripted server.
fn get(authority: &str, target: &str) -> Fetch {
    fetch("GET", format!("http://{authority}{target}"))
}

fn post(authority: &str, target: &str, content: &[u8]) -> Fetch {
    Fetch { content: Some(content.into()), ..fetch("POST", format!("http://{authority}{target}")) }
}

/// Reads the request and sends this.
fn reply(bytes: impl Into<Vec<u8>>) -> Vec<Part> {
    vec![Part::Content, Part::Send(bytes.into())]
}

/// Reads the request, sends this and closes.
fn reply_and_close(bytes: impl Into<Vec<u8>>) -> Vec<Part> {
    vec![Part::Content, Part::Send(bytes.into()), Part::Close]
}

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn hello() -> Vec<Part> {
    reply(HELLO)
}

/// One GET, answered by this.
async fn one(peer: &mut Peer, parts: Vec<Part>) -> Result<Played, Broken> {
    peer.play(|authority| vec![get(authority, "/one")], vec![parts]).await
}

/// Two GETs in one session; the second is answered with `hello`.
async fn two(peer: &mut Peer, first: Vec<Part>) -> Result<Played, Broken> {
    peer.play(|authority| vec![get(authority, "/one"), get(authority, "/two")], vec![first, hello()]).await
}

fn shown(fetched: &Fetched) -> String {
    let failed = if fetched.failed { ", and a failure" } else { "" };
    format!(
        "{} with {} octets {}{failed}",
        fetched.status,
        fetched.content.len(),
        crate::peer::quote(&fetched.content)
    )
}

/// The client has this content, with 200 and no failure.
fn content(fetched: &Fetched, content: &str) -> Verdict {
    let met = !fetched.failed && fetched.status == 200 && fetched.content == content.as_bytes();
    check(met, format!("200 with {content:?}"), shown(fetched))
}

/// The client has noticed that something is wrong.
fn failed(fetched: &Fetched) -> Verdict {
    check(fetched.failed, "a failure", shown(fetched))
}
