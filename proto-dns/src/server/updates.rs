//! Changes of zones by their clients (RFC 2136), as far as each may make them (RFC 3007).

use ropewalk_core::data::zones::Difference;

use super::desk::Case;
use super::dynamic::Dynamic;
use super::extent::Extent;
use super::policy::Why;
use super::rules::Book;
use super::signed::now;
use super::{Editors, Keeper, Updated};
use crate::wire::{NameRef, Rcode, Type};
use crate::zone::{Signing, Zone, ZoneSet, kept};

/// How often an update is worked off anew where another process has changed the zone meanwhile.
const TRIES: usize = 5;

/// Works off an UPDATE. What it changes is on the disk, and is served, when the client is told so.
pub(super) async fn answer(case: &mut Case<'_>, keeper: Option<&Keeper>, rules: &Book) {
    match granted(case, keeper, rules) {
        Err((rcode, why)) => case.decline(rcode, why).await,
        Ok((keeper, zone, editors)) => {
            let rcode = update(case, keeper, zone, editors).await;
            case.decline(rcode, None).await;
        }
    }
}

/// The zone that it is about, and what of it may be changed. Who may change nothing learns nothing of what is in it.
fn granted<'a>(
    case: &Case<'_>,
    keeper: Option<&'a Keeper>,
    rules: &'a Book,
) -> Result<(&'a Keeper, &'a Dynamic, &'a Editors), (Rcode, Option<Why>)> {
    let question = case.query.question.filter(|question| question.qtype == Type::SOA);
    let question = question.ok_or((Rcode::FORMERR, None))?;
    let origin = question.name;
    // Who has no key is not told which zones there are.
    if case.signed.key().is_some() && !case.engine().zones().has(origin) {
        return Err((Rcode::NOTAUTH, None));
    }
    let editors = rules.of(origin).map(|rules| &rules.editors);
    let is_granted = |editors: &&Editors| case.signed.name().is_some_and(|key| !editors.of(key).is_empty());
    let editors = editors.filter(is_granted);
    match keeper.and_then(|keeper| Some((keeper, keeper.of(origin)?, editors?))) {
        Some(granted) => Ok(granted),
        None => {
            case.log_refusal("update refused", origin);
            Err((Rcode::REFUSED, Some(Why::Prohibited)))
        }
    }
}

/// Makes the update in its turn; the code of the reply.
async fn update(case: &Case<'_>, keeper: &Keeper, zone: &Dynamic, editors: &Editors) -> Rcode {
    let (mut answered, proof) = (zone.turn.lock().await, case.signed.proof());
    if let Some(rcode) = proof.as_ref().and_then(|proof| answered.reply(proof)) {
        tracing::debug!(zone = %zone.origin, peer = %case.from.addr, key = case.key(), %rcode, "an update came again");
        return rcode;
    }
    let rcode = attempts(case, keeper, zone, editors).await;
    // Who is to come again comes with the same.
    if let Some(proof) = proof.filter(|_| rcode != Rcode::SERVFAIL) {
        answered.note(proof, rcode, now());
    }
    rcode
}

async fn attempts(case: &Case<'_>, keeper: &Keeper, zone: &Dynamic, editors: &Editors) -> Rcode {
    for _ in 0..TRIES {
        match attempt(case, keeper, zone, editors).await {
            Ok(Some(rcode)) => return rcode,
            // Another process was faster.
            Ok(None) => {}
            Err(error) => {
                error.log("update failed");
                return Rcode::SERVFAIL;
            }
        }
    }
    Rcode::SERVFAIL
}

/// Makes the update of the zone as it is now; `None` where it was changed meanwhile.
async fn attempt(
    case: &Case<'_>,
    keeper: &Keeper,
    zone: &Dynamic,
    editors: &Editors,
) -> ropewalk_core::Result<Option<Rcode>> {
    keeper.catch_up(zone).await?;
    keeper.take_waiting(zone).await?;
    let Some(served) = keeper.base(zone) else { return Ok(Some(Rcode::SERVFAIL)) };
    let (Some(stamp), extent) = keeper.state(zone, &served) else { return Ok(None) };
    let grants = case.signed.name().map(|key| editors.of(key)).unwrap_or_default();
    let signs = |rtype: Type| zone.signer.is_some() && Signing::makes(rtype);
    let may = |name: NameRef<'_>, rtype: Type| {
        !signs(rtype) && grants.iter().any(|grant| grant.allows(&served, name, rtype))
    };
    let zones = ZoneSet::from_iter([Zone::clone(&served)]);
    let updated = match Updated::new(&zones, case.query, &may) {
        Err(rcode) => {
            if let Some(untold) = case.tells_failure() {
                let (peer, key) = (case.from.addr, case.key());
                tracing::info!(zone = %zone.origin, %peer, key, %rcode, untold, "update not made");
            }
            return Ok(Some(rcode));
        }
        Ok(updated) if !updated.is_change() => return Ok(Some(Rcode::NOERROR)),
        Ok(updated) => updated,
    };
    let Updated { zone: after, removed, added } = updated;
    let (gone, new, to) = (removed.len(), added.len(), after.serial().unwrap_or_default());
    let difference =
        Difference { from: stamp.serial, to, removed: kept::all(&removed), added: kept::all(&added) };
    let (before, extent) = (extent, extent.after(&difference));
    if extent.outgrows(before, Extent { records: editors.records, octets: editors.octets }) {
        if let Some(untold) = case.tells_failure() {
            let (zone, key, Extent { records, octets }) = (&zone.origin, case.key(), extent);
            tracing::warn!(%zone, key, records, octets, untold, "update refused: the zone is full");
        }
        return Ok(Some(Rcode::REFUSED));
    }
    if !keeper.change(zone, stamp, after, difference, extent).await? {
        return Ok(None);
    }
    let (peer, key) = (case.from.addr, case.key());
    tracing::info!(zone = %zone.origin, %peer, key, serial = to, removed = gone, added = new, "zone updated");
    Ok(Some(Rcode::NOERROR))
}

#[cfg(test)]
#[path = "updates_tests.rs"]
mod tests;
