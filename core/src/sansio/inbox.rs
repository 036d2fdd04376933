use std::time::Instant;

use bytes::BytesMut;

use super::Machine;

/// Bytes that have come and were not taken yet. What drives a machine, over a socket or in a test, keeps
/// one, so that both show bytes to the machine under the same rule.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: BytesMut,
    /// The machine was shown exactly these bytes in its present state, and took none.
    refused: bool,
    finished: bool,
}

impl Inbox {
    /// Bytes have come.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.refused = false;
    }

    /// Shows the machine what there is, if that can be of use; whether it did.
    pub(crate) fn offer<M: Machine>(&mut self, machine: &mut M, now: Instant) -> bool {
        if self.bytes.is_empty() || self.refused {
            return false;
        }
        let before = self.bytes.len();
        machine.receive(now, &mut self.bytes);
        self.refused = self.bytes.len() == before;
        if self.bytes.is_empty() {
            // An idle connection holds no buffer.
            self.bytes = BytesMut::new();
        }
        true
    }

    /// The machine has changed: what it refused before, it may take now.
    pub(crate) fn changed(&mut self) {
        self.refused = false;
    }

    /// The peer sends no more.
    pub(crate) fn finish<M: Machine>(&mut self, machine: &mut M, now: Instant) {
        self.bytes = BytesMut::new();
        self.finished = true;
        machine.finished(now);
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
