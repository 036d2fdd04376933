use std::collections::BTreeMap;

use crate::wire::Rcode;

/// Updates of a zone that are remembered at once; of more, those that nobody would take soonest are forgotten.
const MOST: usize = 16 * 1024;

/// What tells a signed request from others: until when it is taken, in seconds since 1970, and its MAC.
pub(super) type Proof = (u64, Vec<u8>);

/// What was replied to signed updates of a zone, for as long as their signatures count. Who sends one again, as its reply was
/// lost, or as it was overheard, gets the same reply, and changes nothing.
///
/// The other way, to take nothing that was signed before what was taken last (RFC 8945 §5.2.3), would refuse clients that share a
/// key, and what was overtaken on its way; and it would let pass what was overheard and held back.
#[derive(Debug, Default)]
pub(super) struct Answered(BTreeMap<Proof, Rcode>);

impl Answered {
    /// What was replied to this one.
    pub(super) fn reply(&self, proof: &Proof) -> Option<Rcode> {
        self.0.get(proof).copied()
    }

    /// Remembers it, and forgets what counts no more.
    pub(super) fn note(&mut self, proof: Proof, rcode: Rcode, now: u64) {
        self.0.insert(proof, rcode);
        while self.0.len() > MOST || self.0.first_key_value().is_some_and(|((until, _), _)| *until < now) {
            self.0.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replied_is_known_while_the_signature_counts() {
        let mut answered = Answered::default();
        let proof = |until: u64, mac: u8| (until, vec![mac; 32]);
        answered.note(proof(1300, 1), Rcode::NXDOMAIN, 1000);
        answered.note(proof(1310, 2), Rcode::NOERROR, 1300);
        assert_eq!(answered.reply(&proof(1300, 1)), Some(Rcode::NXDOMAIN), "to the last second");
        assert_eq!(answered.reply(&proof(1300, 2)), None);
        answered.note(proof(1311, 3), Rcode::NOERROR, 1301);
        assert_eq!((answered.reply(&proof(1300, 1)), answered.0.len()), (None, 2));
    }

    #[test]
    fn there_are_no_more_than_so_many() {
        let mut answered = Answered::default();
        for n in 0..MOST as u64 + 5 {
            answered.note((10_000 + n, n.to_be_bytes().to_vec()), Rcode::NOERROR, 0);
        }
        assert_eq!(answered.0.len(), MOST);
        assert_eq!(answered.0.first_key_value().unwrap().0.0, 10_005);
    }
}
