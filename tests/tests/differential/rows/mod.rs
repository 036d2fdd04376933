//! What differs, and which rule decides.

mod choices;
mod faults;
mod grammar;
mod request;

use self::choices::ROWS;
pub(crate) use self::faults::FAULTS;
pub(crate) use self::request::Request;
use super::judges::{Answer, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Hyper,
    Nginx,
}

use Peer::{Hyper, Nginx};

/// The name of what explains a difference.
pub(crate) fn explain(peer: Peer, differ: &Differ<'_>) -> Option<&'static str> {
    let is_stricter =
        differ.ours.refusal() == Some(400) && differ.theirs.0.first().is_some_and(Answer::is_read);
    let fault =
        FAULTS.iter().find(|fault| is_stricter && fault.peers.contains(&peer) && (fault.is)(differ.at));
    let row = || ROWS.iter().find(|row| row.peers.contains(&peer) && (row.fits)(differ));
    fault.map(|fault| fault.name).or_else(|| row().map(|row| row.name))
}

/// The names of all that explains a difference from this peer, and why it does.
pub(crate) fn known(peer: Peer) -> impl Iterator<Item = (&'static str, &'static str)> {
    let faults = FAULTS.iter().filter(move |it| it.peers.contains(&peer)).map(|it| (it.name, it.why));
    faults.chain(ROWS.iter().filter(move |it| it.peers.contains(&peer)).map(|it| (it.name, it.why)))
}

/// Something that a request must not have.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// Who does not refuse it, as we do.
    pub(crate) peers: &'static [Peer],
    /// Which rule decides.
    pub(crate) why: &'static str,
    pub(crate) is: fn(&Request<'_>) -> bool,
}

/// Another difference that is known.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) peers: &'static [Peer],
    /// Which rule decides, and why we are right.
    pub(crate) why: &'static str,
    pub(crate) fits: fn(&Differ<'_>) -> bool,
}

/// Where two verdicts begin to differ.
pub(crate) struct Differ<'a> {
    pub(crate) first: &'a Request<'a>,
    /// The first that is not read alike.
    pub(crate) at: &'a Request<'a>,
    pub(crate) ours: Verdict,
    pub(crate) theirs: Verdict,
}

impl Differ<'_> {
    /// We read what they refuse so.
    fn is_laxer(&self, statuses: &[u16]) -> bool {
        self.ours.refusal().is_none()
            && self.theirs.refusal().is_some_and(|status| statuses.contains(&status))
    }

    fn statuses(&self, ours: u16, theirs: u16) -> bool {
        self.ours.refusal() == Some(ours) && self.theirs.refusal() == Some(theirs)
    }
}

const NONE: &[Peer] = &[];
const HYPER: &[Peer] = &[Hyper];
const NGINX: &[Peer] = &[Nginx];
const BOTH: &[Peer] = &[Hyper, Nginx];
