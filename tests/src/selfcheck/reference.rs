//! A small HTTP server that keeps to the documents, but for the one fault it is given.

use std::fmt::Write as _;

use bytes::BytesMut;
use ropewalk_core::net::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::answer::{Answer, Answerer};
use super::fault::Fault;
use super::request::{Reader, Request, Stop};

/// Serves the fixture on one connection.
pub(super) async fn serve(mut io: Connection, fault: Option<Fault>) {
    let mut buffer = BytesMut::new();
    let mut answerer = Answerer::new(fault);
    let is = |f| fault == Some(f);
    let mut held: Option<Vec<u8>> = None;
    for served in 0.. {
        if served == 10 && is(Fault::TenRequests) {
            return std::future::pending().await;
        }
        let (bytes, close) = match (Reader { io: &mut io, buffer: &mut buffer, fault }).request().await {
            Ok(request) => {
                let unsaid = is(Fault::FinalClosesUnsaid) && request.expects;
                let close =
                    request.close || is(Fault::OneRequest) || is(Fault::CloseUnsaid) || is(Fault::NoLength);
                let answer = answerer.answer(&request);
                if answer.status == 101 {
                    return switch(io, &request, answer, buffer, fault).await;
                }
                let mut bytes = early(&request, fault);
                bytes.append(&mut write(&request, answer, close && !unsaid, fault));
                (bytes, close)
            }
            Err(Stop::Refuse(status)) => {
                let close = !is(Fault::OpenAfterError) && !is(Fault::GoesOnAfterError);
                (write(&Request::unread(), answerer.error(status), true, fault), close)
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

/// What goes before the answer: RFC 8297.
fn early(request: &Request, fault: Option<Fault>) -> Vec<u8> {
    let is = |f| fault == Some(f);
    if request.target != "/early" || is(Fault::NoEarly) || (request.minor == 0 && !is(Fault::EarlyTo10)) {
        return Vec::new();
    }
    let mut head = "HTTP/1.1 103 Early Hints\r\nLink: </hello.txt>; rel=preload\r\n".to_owned();
    if is(Fault::EarlyWithLength) {
        head.push_str("Content-Length: 0\r\n");
    }
    if is(Fault::EarlyWithCoding) {
        head.push_str("Transfer-Encoding: chunked\r\n");
    }
    (head + "\r\n").into()
}

/// The other protocol, which sends back what it is sent.
async fn switch(
    mut io: Connection,
    request: &Request,
    answer: Answer,
    mut buffer: BytesMut,
    fault: Option<Fault>,
) {
    let head = write(request, answer, false, fault);
    if fault == Some(Fault::LosesAfterSwitch) {
        buffer.clear();
    }
    if io.write_all(&head).await.is_err() {
        return;
    }
    loop {
        if io.write_all(&buffer.split()).await.is_err() || !matches!(io.read_buf(&mut buffer).await, Ok(1..))
        {
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
    if is(Fault::UpgradeUnnamed) {
        answer.fields.retain(|(name, _)| *name != "Connection");
    }
    let false_promise = is(Fault::FalseKeepAlive) && request.minor == 0;
    if close && !is(Fault::CloseUnsaid) && !false_promise {
        answer.fields.push(("Connection", "close".into()));
    } else if request.minor == 0 {
        answer.fields.push(("Connection", "keep-alive".into()));
    }
    if is(Fault::EtagInConnection) {
        answer.fields.push(("Connection", "ETag".into()));
    }
    if is(Fault::KeepAliveUnnamed) {
        answer.fields.push(("Keep-Alive", "timeout=5".into()));
    }
    if head_only && is(Fault::HeadWithoutFields) {
        answer.fields.retain(|(name, _)| *name == "Date" || *name == "Connection");
    }
    for (name, value) in &answer.fields {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut bytes =
        if is(Fault::RecodesValues) { head.into_bytes() } else { head.chars().map(|c| c as u8).collect() };
    let error = answer.status >= 400 && answer.status != 404;
    if !head_only || is(Fault::HeadWithContent) || (is(Fault::HeadErrorWithContent) && error) {
        bytes.append(&mut answer.content);
    }
    bytes
}
