//! A small WebSocket server and a client that keep to the document, but for the one fault they are given.

mod connect;
mod echo;
mod fault;
mod judge;
mod opening;
mod serve;
mod text;

use self::fault::Fault;
use crate::{Need, Subject};

/// The server that keeps to the document.
pub(crate) fn reference() -> Subject {
    subject("reference", None)
}

/// The servers with one fault each.
pub(crate) fn mutants() -> impl Iterator<Item = Subject> {
    Fault::SERVERS.iter().map(|fault| subject(&format!("{fault:?}"), Some(*fault)))
}

fn subject(name: &str, fault: Option<Fault>) -> Subject {
    Subject::in_process(name, move |io| serve::serve(io, fault))
        .with(Need::Subprotocols)
        .with(Need::OneOrigin)
        .with(Need::OnePath)
}

/// The client that keeps to the document.
pub(crate) fn reference_client() -> Subject {
    client("reference", None)
}

/// The clients with one fault each.
pub(crate) fn mutant_clients() -> impl Iterator<Item = Subject> {
    Fault::CLIENTS.iter().map(|fault| client(&format!("{fault:?}"), Some(*fault)))
}

fn client(name: &str, fault: Option<Fault>) -> Subject {
    Subject::in_process(name, move |io| connect::connect(io, fault))
}
