//! A small HTTP server that keeps to the documents, but for the one fault it is given.

use std::fmt::Write as _;

use bytes::BytesMut;
use ropewalk_core::net::Connection;
use tokio::io::AsyncWriteExt;

use super::answer::{Answer, Answerer};
use super::fault::Fault;
use super::request::{Reader, Request, Stop};

/// Serves the fixture on one connection.
pub(super) async fn serve(mut io: Connection, fault: Option<Fault>) {
    let mut buffer = BytesMut::new();
    let answerer = Answerer { fault };
    let is = |f| fault == Some(f);
    let mut held: Option<Vec<u8>> = None;
    loop {
        let (bytes, close) = match (Reader { io: &mut io, buffer: &mut buffer, fault }).request().await {
            Ok(request) => {
                let close =
                    request.close || is(Fault::OneRequest) || is(Fault::CloseUnsaid) || is(Fault::NoLength);
                (write(&request, answerer.answer(&request), close, fault), close)
            }
            Err(Stop::Refuse(status)) => {
                let request = Request {
                    method: "GET".into(),
                    target: "/".into(),
                    minor: 1,
                    fields: vec![],
                    close: true,
                };
                let close = !is(Fault::OpenAfterError);
                (write(&request, answerer.error(status), close, fault), close)
            }
            Err(Stop::Gone) => return,
        };
        if is(Fault::Reorders) && held.is_none() && !buffer.is_empty() {
            held = Some(bytes);
            continue;
        }
        let sent = io.write_all(&bytes).await;
        let late = held.take().unwrap_or_default();
        if sent.is_err() || io.write_all(&late).await.is_err() || close {
            let _closed = io.shutdown().await;
            return;
        }
    }
}

fn write(request: &Request, mut answer: Answer, close: bool, fault: Option<Fault>) -> Vec<u8> {
    let is = |f| fault == Some(f);
    let head_only = request.method == "HEAD";
    let version = if is(Fault::Answers10) { "HTTP/1.0" } else { "HTTP/1.1" };
    let after = if is(Fault::NoSpaceAfterCode) { "" } else { " " };
    let mut head = format!("{version} {}{after}\r\n", answer.status);
    let bodyless = matches!(answer.status, 101 | 204 | 304);
    if answer.status == 204 && is(Fault::CodingIn204) {
        answer.fields.push(("Transfer-Encoding", "chunked".into()));
    }
    let chunks = is(Fault::ChunksTo10) && request.minor == 0 && !bodyless;
    if chunks {
        answer.fields.push(("Transfer-Encoding", "chunked".into()));
        let mut content = format!("{:x}\r\n", answer.content.len()).into_bytes();
        content.append(&mut answer.content);
        content.extend_from_slice(b"\r\n0\r\n\r\n");
        answer.content = content;
    } else if (!bodyless || (answer.status == 204 && is(Fault::LengthIn204))) && !is(Fault::NoLength) {
        let zero = head_only && is(Fault::HeadLengthZero);
        let length = if zero { 0 } else { answer.content.len() };
        answer.fields.push(("Content-Length", length.to_string()));
    }
    let false_promise = is(Fault::FalseKeepAlive) && request.minor == 0;
    if close && !is(Fault::CloseUnsaid) && !false_promise {
        answer.fields.push(("Connection", "close".into()));
    } else if request.minor == 0 {
        answer.fields.push(("Connection", "keep-alive".into()));
    }
    if head_only && is(Fault::HeadWithoutFields) {
        answer.fields.retain(|(name, _)| *name == "Date" || *name == "Connection");
    }
    for (name, value) in &answer.fields {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    if !head_only || is(Fault::HeadWithContent) {
        bytes.append(&mut answer.content);
    }
    bytes
}
