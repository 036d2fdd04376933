//! The reader of frames, for the targets in `fuzz/`.

use super::frame::Role;
use super::message::Incoming;

/// What a server, or a client, makes of bytes that come in pieces: events, and the violation that ended them.
pub fn frames(bytes: &[u8], by_server: bool, piece: usize) -> (Vec<String>, Option<String>) {
    let mut incoming = Incoming::new(if by_server { Role::Server } else { Role::Client }, 1024, 8);
    let mut input = Vec::new();
    let mut events = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        input.extend_from_slice(piece);
        let mut rest = &*input;
        loop {
            match incoming.next(&mut rest) {
                Ok(Some(event)) => events.push(format!("{event:?}")),
                Ok(None) => break,
                Err(violation) => return (events, Some(format!("{violation:?}"))),
            }
        }
        input = rest.to_vec();
    }
    (events, None)
}
