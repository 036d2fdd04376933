//! Zones for other servers (RFC 5936, RFC 1995).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::Address;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::counts::Counted;
use super::desk::Case;
use super::policy::Why;
use super::rules::Book;
use super::shares::{Share, Shares};
use super::signer::Signer;
use super::xfr::{Content, Transfer, is_newer, serial};
use super::{Keeper, Transport};
use crate::wire::{Class, Encoder, Opt, Owner, Part, Question, Rcode, Type};
use crate::zone::Zone;

/// How long a client may leave one message lie.
const MESSAGE: Duration = Duration::from_secs(60);
/// How long a transfer may last.
const ALL: Duration = Duration::from_secs(60 * 60);
/// The names of a zone that are sorted where others wait.
const SORTED: usize = 10_000;

/// The transfers that run.
#[derive(Debug)]
pub(super) struct Transfers {
    room: Semaphore,
    shares: Shares,
}

/// Who knows what has changed in zones: of a zone that is signed here, who signs it.
#[derive(Clone, Copy)]
pub(super) struct Changes<'a> {
    pub(super) keeper: Option<&'a Keeper>,
    pub(super) signers: &'a [Arc<Signer>],
}

impl Transfers {
    /// As many at once, and half of them for one client; more are told to come again.
    pub(super) fn new(most: usize) -> Self {
        let room = Semaphore::new(most.min(Semaphore::MAX_PERMITS));
        Self { room, shares: Shares::new(most.div_ceil(2)) }
    }

    /// Transfers the zone that is asked for, if its rules allow it to this client.
    pub(super) async fn answer(&self, case: &mut Case<'_>, rules: &Book, changes: Changes<'_>) {
        let Some(question) = case.query.question else { return case.decline(Rcode::FORMERR, None).await };
        let address = Address::from(case.from.addr);
        let zone = match find(case, &question, rules, &address) {
            Ok(zone) => zone,
            Err(Rcode::REFUSED) => {
                case.log_refusal("transfer refused", question.name);
                case.counts.add(Counted::TransferRefused);
                return case.decline(Rcode::REFUSED, Some(Why::Prohibited)).await;
            }
            Err(rcode) => {
                let why = (rcode == Rcode::SERVFAIL).then_some(Why::InvalidData);
                return case.decline(rcode, why).await;
            }
        };
        if case.from.transport == Transport::Udp {
            return tell(case, &zone).await;
        }
        let theirs = serial(case.query).filter(|_| question.qtype == Type::IXFR);
        if question.qtype == Type::IXFR && theirs.is_none() {
            return case.decline(Rcode::FORMERR, None).await;
        }
        let is_current = theirs.is_some_and(|theirs| !is_newer(zone.serial().unwrap_or_default(), theirs));
        // Who only looks whether there is anything new takes nobody's turn.
        let turn = (!is_current).then(|| self.turn(case.from.addr.ip()));
        let content = match turn {
            None => Content::Current,
            // What has changed may be much: it is read by as many as may transfer.
            Some(Some(_)) => content(&zone, theirs, changes).await,
            Some(None) => {
                case.log_refusal("too many transfers at once", zone.origin());
                case.counts.add(Counted::TransferBusy);
                return case.decline(Rcode::SERVFAIL, None).await;
            }
        };
        let counted = match &content {
            Content::Current => Counted::TransferCurrent,
            Content::Whole => Counted::TransferWhole,
            Content::Changes(_) => Counted::TransferChanges,
        };
        match timeout(ALL, send(case, &question, Arc::clone(&zone), content)).await {
            Ok(Some(messages)) => {
                case.counts.add(counted);
                let (zone, serial) = (zone.origin(), zone.serial());
                tracing::info!(%zone, serial, peer = %address, key = case.key(), messages, "zone transferred");
            }
            Ok(None) | Err(_) => {
                case.counts.add(Counted::TransferCut);
                tracing::info!(zone = %zone.origin(), peer = %address, "transfer not taken to its end");
            }
        }
    }

    /// One of the turns that there are, for this client, if there is one left for it.
    fn turn(&self, client: IpAddr) -> Option<(Share<'_>, SemaphorePermit<'_>)> {
        Some((self.shares.take(client)?, self.room.try_acquire().ok()?))
    }
}

/// The zone that is asked for, where its rules allow it to this client: SERVFAIL if we do not have its records, NOTAUTH if it is
/// none of ours (RFC 5936 §2.2.1). Who may have none at all is not told which ones there are.
fn find(
    case: &Case<'_>,
    question: &Question<'_>,
    rules: &Book,
    client: &Address,
) -> Result<Arc<Zone>, Rcode> {
    let (zones, key) = (case.engine().zones(), case.signed.name());
    if question.qclass != Class::IN || !zones.has(question.name) {
        return Err(if rules.knows(client, key) { Rcode::NOTAUTH } else { Rcode::REFUSED });
    }
    if !rules.of(question.name).is_some_and(|rules| rules.transfers.admits(client, key)) {
        return Err(Rcode::REFUSED);
    }
    zones.zone(question.name).cloned().ok_or(Rcode::SERVFAIL)
}

/// Replies to an IXFR over UDP: "ask again over TCP" is the SOA alone (RFC 1995 §2). It is an answer as others are, as the
/// address may be forged.
async fn tell(case: &mut Case<'_>, zone: &Zone) {
    if serial(case.query).is_none() {
        return case.decline(Rcode::FORMERR, None).await;
    }
    let fill = |reply: &mut Encoder<'_>| {
        reply.authoritative = true;
        let fits = zone.soa().is_some_and(|soa| reply.rrset(Part::Answer, Owner::Question, soa));
        reply.truncated = !fits;
        None
    };
    case.reply(fill).await;
}

/// What a client needs that has the zone with this serial, or has it not.
async fn content(zone: &Zone, theirs: Option<u32>, changes: Changes<'_>) -> Content {
    let Some(theirs) = theirs else { return Content::Whole };
    let signer = changes.signers.iter().find(|signer| signer.origin() == zone.origin());
    let since = match (signer, changes.keeper) {
        (Some(signer), _) => signer.since(zone, theirs),
        (None, Some(keeper)) => keeper.since(zone, theirs).await,
        (None, None) => None,
    };
    since.map_or(Content::Whole, Content::Changes)
}

/// Sends all messages; how many they are, or `None` where the client does not take them.
async fn send(
    case: &mut Case<'_>,
    question: &Question<'_>,
    zone: Arc<Zone>,
    content: Content,
) -> Option<usize> {
    let (head, question, room) = (case.query.head, question.wire.to_vec(), case.signed.length());
    let is_large = zone.names() > SORTED && content == Content::Whole;
    let begin = move || Transfer::new(zone, head, &question, content, room);
    let transfer = if is_large { tokio::task::spawn_blocking(begin).await.ok()? } else { begin() };
    let opt = case.query.edns.map(|edns| Opt { size: case.engine().udp_size(), dnssec: edns.dnssec });
    let mut transfer = transfer.with_edns(opt);
    let (mut count, mut message) = (0, Vec::new());
    while transfer.next(&mut message) {
        if !timeout(MESSAGE, case.send(std::mem::take(&mut message))).await.unwrap_or(false) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

#[cfg(test)]
#[path = "transfers_tests.rs"]
mod tests;
