//! What takes longer than a look at the zones.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::policy::Why;
use super::signed::{Keys, Signed, now};
use super::{Engine, Peer, Verdict};
use crate::wire::tsig::Check;
use crate::wire::{Head, Query, Rcode};

/// An [`Engine`], and all that works off what it does not answer itself. Every transport has the same one.
#[derive(Debug)]
pub struct Desk {
    engine: Arc<Engine>,
    keys: Keys,
}

/// A request that is being worked off.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) query: &'a Query<'a>,
    pub(super) from: &'a Peer,
    /// What vouches for it.
    pub(super) signed: Signed,
    engine: &'a Engine,
    replies: &'a mpsc::Sender<Vec<u8>>,
    /// The code of the first reply.
    said: Option<Rcode>,
}

impl Desk {
    /// A desk at which everything is declined that the engine does not answer itself.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, keys: Keys::default() }
    }

    /// With these keys, by which requests may be signed.
    #[must_use]
    pub fn keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// What answers at once.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Works off a request for which the engine's verdict [is later](Verdict::is_later). Each reply message is sent to
    /// `replies` as soon as it is made: one, the many of a transfer, or none. It waits while there is no room for it, and
    /// ends where nobody receives; dropping the future ends it too. What it gives is the code of the first reply.
    pub async fn answer(
        &self,
        verdict: Verdict,
        request: &[u8],
        from: &Peer,
        replies: &mpsc::Sender<Vec<u8>>,
    ) -> Option<Rcode> {
        let query = Query::read(Head::read(request)?, request).ok()?;
        let signed = Signed::default();
        let mut case = Case { query: &query, from, signed, engine: &self.engine, replies, said: None };
        match verdict {
            Verdict::Signed => self.signed(&mut case).await,
            verdict => self.dispatch(verdict, &mut case).await,
        }
        case.said
    }

    /// Checks the signature before all else (RFC 8945 §5.2).
    async fn signed(&self, case: &mut Case<'_>) {
        let signer = match Check::new(case.query, |name| self.keys.find(name), now()) {
            Err(rcode) => return case.decline(rcode, None).await,
            Ok(Check::Unsigned) => return,
            Ok(Check::Bad(signer)) => {
                tracing::debug!(peer = %case.from.addr, error = %signer.error(), "bad signature");
                case.signed = Signed::by(signer);
                return case.decline(Rcode::NOTAUTH, None).await;
            }
            Ok(Check::Good(signer)) => signer,
        };
        case.signed = Signed::by(signer);
        let mut reply = Vec::new();
        match self.engine.respond_signed(case.query, case.from, &case.signed, &mut reply) {
            Verdict::Reply => {
                case.send(reply).await;
            }
            Verdict::Silence => {}
            later => self.dispatch(later, case).await,
        }
    }

    async fn dispatch(&self, verdict: Verdict, case: &mut Case<'_>) {
        match verdict {
            Verdict::Silence | Verdict::Reply | Verdict::Signed => {}
            Verdict::Transfer => case.decline(Rcode::REFUSED, Some(Why::NotSupported)).await,
            Verdict::Notify => case.decline(Rcode::REFUSED, Some(Why::NotSupported)).await,
            Verdict::Update => case.decline(Rcode::REFUSED, Some(Why::NotSupported)).await,
            Verdict::Forward => case.decline(Rcode::REFUSED, Some(Why::NotAuthoritative)).await,
        }
    }
}

impl Case<'_> {
    /// Replies with a code, and no records.
    pub(super) async fn decline(&mut self, rcode: Rcode, why: Option<Why>) {
        let mut reply = Vec::new();
        let verdict = self.engine.decline(self.query, rcode, why, self.from, &self.signed, &mut reply);
        if verdict == Verdict::Reply {
            self.send(reply).await;
        }
    }

    /// Signs a reply, if the request was signed, and sends it: it must have left [`Signed::length`] octets for that. False
    /// where nobody receives any more.
    pub(super) async fn send(&mut self, mut reply: Vec<u8>) -> bool {
        self.said = self.said.or_else(|| Rcode::of(&reply));
        self.signed.sign(&mut reply, 0);
        self.replies.send(reply).await.is_ok()
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
