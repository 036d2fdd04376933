//! What takes longer than a look at the zones.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::counts::Counts;
use super::forward::Forwarder;
use super::notices::Notices;
use super::policy::Why;
use super::rules::Book;
use super::secondary::{Secondaries, Secondary};
use super::seldom::Seldom;
use super::signed::{Keys, Signed, now};
use super::signer::Signer;
use super::transfers::{Changes, Transfers};
use super::{Engine, Keeper, Peer, Rules, Verdict, updates};
use crate::wire::tsig::Check;
use crate::wire::{Encoder, Head, Name, NameRef, Query, Rcode};

/// An [`Engine`], and all that works off what it does not answer itself. Every transport has the same one.
#[derive(Debug)]
pub struct Desk {
    engine: Arc<Engine>,
    keys: Keys,
    rules: Book,
    transfers: Transfers,
    keeper: Option<Keeper>,
    secondaries: Secondaries,
    signers: Vec<Arc<Signer>>,
    notices: Notices,
    forwarder: Option<Forwarder>,
    counts: Counts,
    refusals: Seldom,
    failures: Seldom,
}

/// A request that is being worked off.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) query: &'a Query<'a>,
    pub(super) from: &'a Peer,
    /// What vouches for it.
    pub(super) signed: Signed,
    pub(super) engine: &'a Engine,
    pub(super) counts: &'a Counts,
    /// What was refused to strangers, and what partners did in vain, and is told.
    refusals: &'a Seldom,
    failures: &'a Seldom,
    replies: &'a mpsc::Sender<Vec<u8>>,
    /// The code of the first reply.
    said: Option<Rcode>,
}

impl Desk {
    /// How many zones are transferred at once, where nothing else is said.
    pub const TRANSFERS: usize = 32;

    /// A desk at which everything is declined that the engine does not answer itself.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            keys: Keys::default(),
            rules: Book::default(),
            transfers: Transfers::new(Self::TRANSFERS),
            secondaries: Secondaries::default(),
            signers: Vec::new(),
            notices: Notices::default(),
            keeper: None,
            forwarder: None,
            counts: Counts::default(),
            refusals: Seldom::default(),
            failures: Seldom::default(),
        }
    }

    /// With these keys, by which requests may be signed.
    #[must_use]
    pub fn keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// With questions of no zone of ours passed on by this, for those whom the [`Answering`](super::Answering) of the engine names.
    #[must_use]
    pub fn forwarder(self, forwarder: Forwarder) -> Self {
        Self { forwarder: Some(forwarder), ..self }
    }

    /// With what is particular to zones.
    #[must_use]
    pub fn rules(self, rules: Vec<(Name, Arc<Rules>)>) -> Self {
        self.book(Book::new(rules, None))
    }

    /// The same, with what is said of those that come and go.
    #[must_use]
    pub(super) fn book(self, rules: Book) -> Self {
        Self { rules, ..self }
    }

    /// The zones that have rules of their own.
    pub(super) fn ruled(&self) -> impl Iterator<Item = &Name> {
        self.rules.iter().map(|(name, _)| name)
    }

    /// With so many transfers of zones at once.
    #[must_use]
    pub fn transfers(self, most: usize) -> Self {
        Self { transfers: Transfers::new(most), ..self }
    }

    /// With zones of the engine that are kept in a store.
    #[must_use]
    pub(super) fn keeper(self, keeper: Keeper) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    /// What keeps zones in a store, if some are.
    pub(super) fn kept(&self) -> Option<&Keeper> {
        self.keeper.as_ref()
    }

    /// With these zones, which are fetched from other servers.
    #[must_use]
    pub(super) fn secondaries(self, all: Vec<Secondary>) -> Self {
        Self { secondaries: Secondaries::new(all), ..self }
    }

    /// With zones of the engine that these sign.
    #[must_use]
    pub(super) fn signers(self, signers: Vec<Arc<Signer>>) -> Self {
        Self { signers, ..self }
    }

    /// What signs zones.
    pub(super) fn signed_by(&self) -> &[Arc<Signer>] {
        &self.signers
    }

    /// What answers at once.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Answers a request from the zones, or from what others have said already: see [`Engine::respond`]. A signed one is too,
    /// where that takes no longer than a look at the zones.
    pub fn respond(&self, request: &[u8], from: &Peer, out: &mut Vec<u8>) -> Verdict {
        match (self.engine.respond(request, from, out), &self.forwarder) {
            (Verdict::Forward, Some(forwarder)) => {
                let known = forwarder.respond(&self.engine, request, from, out);
                known.unwrap_or(Verdict::Forward)
            }
            (Verdict::Signed, _) => self.respond_signed(request, from, out),
            (verdict, _) => verdict,
        }
    }

    fn respond_signed(&self, request: &[u8], from: &Peer, out: &mut Vec<u8>) -> Verdict {
        let query = Head::read(request).and_then(|head| Query::read(head, request).ok());
        let Some(query) = query else { return Verdict::Silence };
        let (mut signed, checked) = self.vouch(&query, from);
        let start = out.len();
        let verdict = match checked {
            Ok(()) => self.engine.respond_signed(&query, from, &signed, out),
            Err(rcode) => self.engine.decline(&query, rcode, None, from, &signed, out),
        };
        match verdict {
            Verdict::Reply => signed.sign(out, start),
            Verdict::Silence => {}
            // It is checked again by who works it off, which costs little beside that.
            _ => return Verdict::Signed,
        }
        verdict
    }

    /// What vouches for a request; the code of the reply, if it is not good (RFC 8945 §5.2).
    fn vouch(&self, query: &Query<'_>, from: &Peer) -> (Signed, Result<(), Rcode>) {
        match Check::new(query, |name| self.keys.find(name), now()) {
            Err(rcode) => (Signed::default(), Err(rcode)),
            Ok(Check::Unsigned) => (Signed::default(), Ok(())),
            Ok(Check::Bad(signer)) => {
                tracing::debug!(peer = %from.addr, error = %signer.error(), "bad signature");
                (Signed::by(signer), Err(Rcode::NOTAUTH))
            }
            Ok(Check::Good(signer)) => (Signed::by(signer), Ok(())),
        }
    }

    #[cfg(test)]
    pub(super) fn forwards(&self) -> Option<&Forwarder> {
        self.forwarder.as_ref()
    }

    /// What was counted since this was asked last: see [`Counts::take`].
    pub(super) fn counted(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let of_others = self.forwarder.iter().flat_map(|forwarder| forwarder.counts().take());
        self.counts.take().chain(of_others)
    }

    /// Fetches zones from other servers, and tells others of changes, for as long as it is polled. Of several that do so, one
    /// does.
    pub async fn tend(&self) {
        let Self { engine, counts, .. } = self;
        tokio::join!(self.secondaries.tend(engine, counts), self.notices.tend(engine, &self.rules, counts));
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
        let Self { engine, counts, refusals, failures, .. } = self;
        let mut case =
            Case { query: &query, from, signed, engine, counts, refusals, failures, replies, said: None };
        match verdict {
            Verdict::Signed => self.signed(&mut case).await,
            verdict => self.dispatch(verdict, &mut case).await,
        }
        case.said
    }

    /// Checks the signature before all else (RFC 8945 §5.2).
    async fn signed(&self, case: &mut Case<'_>) {
        let (signed, checked) = self.vouch(case.query, case.from);
        case.signed = signed;
        if let Err(rcode) = checked {
            return case.decline(rcode, None).await;
        }
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
            Verdict::Transfer => {
                let changes = Changes { keeper: self.kept(), signers: &self.signers };
                self.transfers.answer(case, &self.rules, changes).await;
            }
            Verdict::Notify => self.secondaries.notified(case).await,
            Verdict::Update => updates::answer(case, self.kept(), &self.rules).await,
            Verdict::Forward => match &self.forwarder {
                Some(forwarder) => forwarder.work(case).await,
                None => case.decline(Rcode::REFUSED, Some(Why::NotAuthoritative)).await,
            },
        }
    }
}

impl Case<'_> {
    /// What answers at once.
    pub(super) fn engine(&self) -> &Engine {
        self.engine
    }

    /// The key that it is signed with, for the log.
    pub(super) fn key(&self) -> Option<tracing::field::DisplayValue<NameRef<'_>>> {
        self.signed.name().map(tracing::field::display)
    }

    /// Logs what is refused: `what` of a zone. Of many, one a second, as they may be anybody's.
    pub(super) fn log_refusal(&self, what: &'static str, zone: NameRef<'_>) {
        if let Some(untold) = self.refusals.tell() {
            tracing::info!(%zone, peer = %self.from.addr, key = self.key(), untold, "{what}");
        }
    }

    /// Whether it is to be told now that what somebody may do was not done; and how often that was not told. One a second is.
    pub(super) fn tells_failure(&self) -> Option<u64> {
        self.failures.tell()
    }

    /// Replies with a code, and no records.
    pub(super) async fn decline(&mut self, rcode: Rcode, why: Option<Why>) {
        let mut reply = Vec::new();
        let verdict = self.engine.decline(self.query, rcode, why, self.from, &self.signed, &mut reply);
        if verdict == Verdict::Reply {
            self.send(reply).await;
        }
    }

    /// Replies that it was understood, with authority and without records.
    pub(super) async fn acknowledge(&mut self) {
        let fill = |reply: &mut Encoder<'_>| {
            reply.authoritative = true;
            None
        };
        self.reply(fill).await;
    }

    /// Replies with what `fill` writes, and the reason that it gives for an error.
    pub(super) async fn reply(&mut self, fill: impl FnOnce(&mut Encoder<'_>) -> Option<Why>) {
        let mut reply = Vec::new();
        if self.engine.compose(self.query, self.from, &self.signed, &mut reply, fill) == Verdict::Reply {
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
