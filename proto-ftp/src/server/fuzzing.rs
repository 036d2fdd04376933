//! A whole session, for the targets in `fuzz/`.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use ropewalk_core::Limits;
use ropewalk_core::sansio::{Machine as _, Output};

use super::event::{Answer, Event};
use super::session::{Session, Tls};
use crate::wire::Reply;

/// What is sent to a client that says this in pieces, up to a handshake. Whoever asks for anything gets it.
pub fn session(bytes: &[u8], piece: usize) -> Vec<u8> {
    let now = Instant::now();
    let tls = Tls { offered: true, ..Tls::default() };
    let mut session = Session::new(now, &Limits::default(), Arc::default(), tls, true);
    let (mut input, mut sent) = (BytesMut::new(), Vec::new());
    for chunk in bytes.chunks(piece.max(1)) {
        input.extend_from_slice(chunk);
        loop {
            match session.poll() {
                Output::Send(bytes) => sent.extend_from_slice(&bytes),
                Output::Event(event) => session.answer(now, answer(event)),
                Output::Wait { read: true, .. } if !input.is_empty() => session.receive(now, &mut input),
                Output::StartTls | Output::Close => return sent,
                _ => break,
            }
        }
    }
    sent
}

fn answer(event: Event) -> Answer {
    match event {
        Event::Passive(_) => Answer::Passive(([192, 0, 2, 1], 50_000).into()),
        Event::Ask(ask) => Answer::Say(Reply::new(250, format!("{ask:?}"))),
        Event::Begin(transfer) => Answer::Ended(Reply::new(226, format!("{transfer:?}"))),
        _ => Answer::Done,
    }
}
