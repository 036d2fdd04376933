//! Tickets of connections that stand together, as those of one FTP session.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustls::server::ProducesTickets;

/// Tickets of each handshake where they are [`Counted`].
pub(super) const SENT: usize = 8;
/// As few as this are left: there is need for more.
const FEW: usize = 3;

/// A ticketer that sees how its one client treats tickets: most show one again and again, some each of them once, as
/// RFC 8446 §C.4 recommends.
#[derive(Debug)]
pub(super) struct Counted {
    inner: Arc<dyn ProducesTickets>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    left: usize,
    last: Vec<u8>,
    again: bool,
}

impl Counted {
    pub(super) fn new(inner: Arc<dyn ProducesTickets>) -> Self {
        Self { inner, seen: Mutex::default() }
    }

    /// Whether the client spends its tickets, and has not many left.
    pub(super) fn wanted(&self) -> bool {
        let seen = self.seen();
        !seen.again && seen.left <= FEW
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProducesTickets for Counted {
    fn enabled(&self) -> bool {
        self.inner.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.inner.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let ticket = self.inner.encrypt(plain)?;
        let mut seen = self.seen();
        seen.left = seen.left.saturating_add(1);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let plain = self.inner.decrypt(ticket)?;
        let mut seen = self.seen();
        seen.again |= seen.last == ticket;
        seen.left = seen.left.saturating_sub(1);
        ticket.clone_into(&mut seen.last);
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::aws_lc_rs::Ticketer;

    fn with_tickets() -> (Counted, Vec<Vec<u8>>) {
        let counted = Counted::new(Ticketer::new().unwrap());
        let tickets = (0..SENT).map(|_| counted.encrypt(b"session").unwrap()).collect();
        (counted, tickets)
    }

    #[test]
    fn one_that_spends_its_tickets_wants_others_before_it_has_none() {
        let (counted, tickets) = with_tickets();
        for (spent, ticket) in tickets.iter().enumerate() {
            assert_eq!(counted.wanted(), SENT - spent <= FEW, "{spent}");
            assert!(counted.decrypt(ticket).is_some());
        }
    }

    #[test]
    fn one_that_shows_a_ticket_again_wants_no_other() {
        let (counted, tickets) = with_tickets();
        for ticket in std::iter::repeat_n(&tickets[0], 20) {
            assert!(counted.decrypt(ticket).is_some());
            assert!(!counted.wanted());
        }
        assert!(counted.decrypt(b"no ticket of ours").is_none());
    }
}
