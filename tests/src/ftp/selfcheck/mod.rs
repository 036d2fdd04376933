//! A small FTP server that keeps to the documents, but for the one fault it is given.

mod commands;
mod data;
mod fault;
mod lists;
mod session;
mod tree;

use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use self::fault::Fault;
use super::fixture;
use crate::{Need, Subject};

/// The server that keeps to the documents.
pub(crate) fn reference() -> Subject {
    subject("reference", None)
}

/// The servers with one fault each, and some that answer everything alike.
pub(crate) fn mutants() -> impl Iterator<Item = Subject> {
    let faults = Fault::ALL.iter().map(|fault| subject(&format!("{fault:?}"), Some(*fault)));
    let alike = [
        ("greets and says 200", "200 yes\r\n"),
        ("greets and says 230", "230 yes\r\n"),
        ("greets and says 500", "500 no\r\n"),
        ("greets and says 530", "530 no\r\n"),
    ];
    faults.chain(alike.into_iter().map(|(name, reply)| constant(name, reply)))
}

/// Data connections are real ones, so the server is a task that runs beside the case.
fn subject(name: &str, fault: Option<Fault>) -> Subject {
    let context = Context::root(Limits::default());
    let tree = tree::Tree::of_fixture();
    let subject = Subject::new(name, "127.0.0.1:0", move || {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let serving = session::serve(Box::new(near), tree.clone(), fault);
        context.spawn(serving).detach();
        Box::pin(async move { Ok(Box::new(far) as Box<dyn crate::Io>) })
    });
    given(subject)
}

fn given(subject: Subject) -> Subject {
    let needs = [Need::Upload, Need::Tls, Need::Active];
    needs.into_iter().fold(subject.user(fixture::USER, fixture::PASSWORD), Subject::with)
}

/// Greets, and answers each line with the same.
fn constant(name: &str, reply: &'static str) -> Subject {
    given(Subject::in_process(name, move |mut io| async move {
        let mut sent = io.write_all(b"220 ready\r\n").await;
        let mut taken = [0; 4096];
        while let (Ok(()), Ok(octets @ 1..)) = (sent, io.read(&mut taken).await) {
            let lines = taken.iter().take(octets).filter(|octet| **octet == b'\n').count();
            sent = io.write_all(reply.repeat(lines).as_bytes()).await;
        }
    }))
}
