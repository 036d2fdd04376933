//! A small WebDAV server that keeps to the documents, but for the one fault it is given.

mod condition;
mod desk;
mod fault;
mod files;
mod find;
mod guard;
mod locks;
mod patch;
mod transfer;
mod tree;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use ropewalk_core::net::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use self::desk::{Answer, Request, answer};
use self::fault::Fault;
use self::tree::Tree;
use super::{OTHER, USER};
use crate::Subject;

/// The server that keeps to the documents.
pub(crate) fn reference() -> Subject {
    subject("reference", None)
}

/// The servers with one fault each.
pub(crate) fn mutants() -> impl Iterator<Item = Subject> {
    Fault::ALL.iter().map(|fault| subject(&format!("{fault:?}"), Some(*fault)))
}

fn subject(name: &str, fault: Option<Fault>) -> Subject {
    let tree = Arc::new(Mutex::new(Tree::default()));
    let subject = Subject::in_process(name, move |io| serve(io, Arc::clone(&tree), fault));
    subject.user(USER.0, USER.1).other(OTHER.0, OTHER.1)
}

async fn serve(mut io: Connection, tree: Arc<Mutex<Tree>>, fault: Option<Fault>) {
    let mut buffer = BytesMut::new();
    while let Some(request) = read(&mut io, &mut buffer).await {
        let answer = answer(&mut tree.lock().unwrap_or_else(PoisonError::into_inner), fault, &request);
        if io.write_all(&write(&request, &answer)).await.is_err() {
            return;
        }
    }
}

/// The next request, as the cases send them: with Content-Length where there is content.
async fn read(io: &mut Connection, buffer: &mut BytesMut) -> Option<Request> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        more(io, buffer).await?;
    };
    let head: String = buffer.split_to(end + 4).iter().copied().map(char::from).collect();
    let mut lines = head.trim_end().split("\r\n");
    let (method, rest) = lines.next()?.split_once(' ')?;
    let target = rest.split(' ').next()?;
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let mut request = Request { method: method.into(), target: target.into(), fields, content: Vec::new() };
    let length = request.field("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    while buffer.len() < length {
        more(io, buffer).await?;
    }
    request.content = buffer.split_to(length).to_vec();
    Some(request)
}

async fn more(io: &mut Connection, buffer: &mut BytesMut) -> Option<()> {
    buffer.reserve(16 * 1024);
    (io.read_buf(buffer).await.ok()? > 0).then_some(())
}

fn write(request: &Request, answer: &Answer) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} \r\n", answer.status);
    for (name, value) in &answer.fields {
        head += &format!("{name}: {value}\r\n");
    }
    if answer.status != 204 {
        head += &format!("Content-Length: {}\r\n", answer.content.len());
    }
    let content: &[u8] = if request.method == "HEAD" || answer.status == 204 { b"" } else { &answer.content };
    [head.as_bytes(), b"\r\n", content].concat()
}
