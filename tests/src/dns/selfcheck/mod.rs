//! Broken servers: a server that is right, behind a relay with one fault.
//!
//! What the relay does not change goes through it octet by octet. What it changes it signs again, with the keys of the
//! [fixture](super::fixture). QUIC and HTTP/1.1 are its own: the server behind it need not speak them.

mod change;
mod fault;
mod quic;
mod relay;
mod signing;
mod web;

use std::io;
use std::sync::Arc;

use ropewalk_core::Limits;
use ropewalk_core::app::Context;

use self::fault::Fault;
use self::relay::Relay;
use super::client::Over;
use super::fixture::{KEY, OTHER};
use crate::doors::Door;
use crate::{BoxFuture, Io, Need, Subject};

/// The relays to this server, with one fault each. The server knows both keys, and the first may transfer and update.
pub(crate) fn mutants(right: &Subject) -> Vec<Subject> {
    Fault::ALL.iter().map(|fault| mutant(right, Some(*fault))).collect()
}

/// The relay without a fault.
pub(crate) fn transparent(right: &Subject) -> Subject {
    mutant(right, None)
}

/// The relay with the fault of this name.
pub(crate) fn named(right: &Subject, name: &str) -> Option<Subject> {
    let fault = Fault::ALL.iter().find(|fault| format!("{fault:?}") == name)?;
    Some(mutant(right, Some(*fault)))
}

fn mutant(right: &Subject, fault: Option<Fault>) -> Subject {
    let name = fault.map_or_else(|| "transparent".to_owned(), |fault| format!("{fault:?}"));
    let context = Context::root(Limits::default());
    let relay = Arc::new(Relay::new(right.clone(), fault));
    // Each door has the same relay behind it: TLS ends in front of it.
    let dial = |door: Door| {
        let (context, relay) = (context.clone(), Arc::clone(&relay));
        move || -> BoxFuture<'static, io::Result<Box<dyn Io>>> {
            let (near, far) = tokio::io::duplex(256 * 1024);
            let relay = Arc::clone(&relay);
            let served = async move {
                match door {
                    Door::Front => relay.serve(Over::Tcp, near).await,
                    Door::Tls => relay.serve(Over::Tls, near).await,
                    Door::Bare => relay.serve_bare(near).await,
                    Door::Web => relay.serve_web(near).await,
                    Door::OldWeb => relay.serve_old_web(near).await,
                }
            };
            context.spawn(served).detach();
            Box::pin(async move { Ok(Box::new(far) as Box<dyn Io>) })
        }
    };
    let subject = Subject::new(&name, right.host(), dial(Door::Front));
    let doors = [Door::Tls, Door::Bare, Door::Web, Door::OldWeb];
    let subject = doors.into_iter().fold(subject, |it, door| it.door(door, dial(door)));
    let quic = (context, Arc::clone(&relay));
    let subject = subject.quic_at(move || {
        let (context, relay) = quic.clone();
        Box::pin(async move { relay.quic(&context).await })
    });
    let datagrams = Arc::clone(&relay);
    let subject = subject.answering_datagrams(move |query| {
        let relay = Arc::clone(&datagrams);
        Box::pin(async move { relay.answer(Over::Udp, &query).await })
    });
    let needs = [Need::Transfer, Need::Update, Need::Dot, Need::Doh];
    needs
        .into_iter()
        .filter(|need| right.lacks(&[*need]).is_none())
        .fold(subject.with(Need::Doq), Subject::with)
        .user(KEY.0, KEY.1)
        .other(OTHER.0, OTHER.1)
}
