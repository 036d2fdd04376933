//! Changes of zones by their clients (RFC 2136), as far as each may make them (RFC 3007).

use ropewalk_core::data::zones::Difference;

use super::desk::Case;
use super::dynamic::Dynamic;
use super::policy::Why;
use super::rules::Book;
use super::{Editors, Grant, Keeper, Updated};
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
    if case.engine().zones().zone(origin).is_none() && keeper.and_then(|keeper| keeper.of(origin)).is_none() {
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
    let grants = case.signed.name().map(|key| editors.of(key)).unwrap_or_default();
    let _turn = zone.turn.lock().await;
    for _ in 0..TRIES {
        match attempt(case, keeper, zone, &grants, editors.records).await {
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
    grants: &[&Grant],
    most: usize,
) -> ropewalk_core::Result<Option<Rcode>> {
    keeper.catch_up(zone).await?;
    keeper.take_waiting(zone).await?;
    let Some(served) = keeper.base(zone) else { return Ok(Some(Rcode::SERVFAIL)) };
    let (Some(stamp), records) = keeper.state(zone, &served) else { return Ok(None) };
    let signs = |rtype: Type| zone.signer.is_some() && Signing::makes(rtype);
    let may = |name: NameRef<'_>, rtype: Type| {
        !signs(rtype) && grants.iter().any(|grant| grant.allows(&served, name, rtype))
    };
    let zones = ZoneSet::from_iter([Zone::clone(&served)]);
    let updated = match Updated::new(&zones, case.query, &may) {
        Err(rcode) => {
            let key = case.key();
            tracing::info!(zone = %zone.origin, peer = %case.from.addr, key, %rcode, "update not made");
            return Ok(Some(rcode));
        }
        Ok(updated) if !updated.is_change() => return Ok(Some(Rcode::NOERROR)),
        Ok(updated) => updated,
    };
    let Updated { zone: after, removed, added } = updated;
    let (gone, new) = (removed.len(), added.len());
    let records = records.saturating_sub(gone).saturating_add(new);
    if new > gone && records > most {
        tracing::warn!(zone = %zone.origin, key = case.key(), records, most, "update refused: the zone is full");
        return Ok(Some(Rcode::REFUSED));
    }
    let to = after.serial().unwrap_or_default();
    let difference =
        Difference { from: stamp.serial, to, removed: kept::all(&removed), added: kept::all(&added) };
    if !keeper.change(zone, stamp, after, difference, records).await? {
        return Ok(None);
    }
    let (peer, key) = (case.from.addr, case.key());
    tracing::info!(zone = %zone.origin, %peer, key, serial = to, removed = gone, added = new, "zone updated");
    Ok(Some(Rcode::NOERROR))
}

#[cfg(test)]
#[path = "updates_tests.rs"]
mod tests;
