use std::sync::Arc;

use ropewalk_core::{Error, Result};
use tokio::task::spawn_blocking;

use super::super::xfr::is_newer;
use super::{Looked, Partner};
use crate::client::{Ask, Client};
use crate::wire::{Flags, Name, Rcode, Type};
use crate::zone::{Builder, Record, Zone};

/// Octets of the records of a zone, at most.
const LARGEST: usize = 1 << 30;
/// What a record takes besides its name and its data, about.
const OVERHEAD: usize = 16;

/// Asks a primary for a zone of which we have this serial, or nothing; and fetches it, if there is a newer one.
///
/// # Errors
/// Where it does not have the zone, or one that is older (RFC 1982), or what it sends is no zone.
pub(super) async fn look(origin: &Name, primary: &Partner, ours: Option<u32>) -> Result<Looked> {
    let client = primary.client(primary.via.clone());
    if let Some(ours) = ours {
        let theirs = serial(origin, &client).await?;
        if theirs == ours {
            return Ok(Looked::Same);
        }
        forwards(ours, theirs)?;
    }
    let zone = fetch(origin, &client).await?;
    if let Some(ours) = ours {
        forwards(ours, zone.serial().unwrap_or_default())?;
    }
    Ok(Looked::New(zone))
}

/// A zone never takes a step back.
fn forwards(ours: u32, theirs: u32) -> Result<()> {
    if is_newer(theirs, ours) {
        return Ok(());
    }
    Err(Error::peer(format!("it has serial {theirs}, which does not come after our {ours}")))
}

/// The serial of the SOA that the primary has.
async fn serial(origin: &Name, client: &Client) -> Result<u32> {
    let mut ask = Ask::new(origin.clone(), Type::SOA);
    (ask.flags, ask.edns) = (Flags::default(), None);
    let message = client.ask(&ask).await?.message;
    if message.rcode != Rcode::NOERROR || !message.flags.has(Flags::AA) {
        return Err(Error::peer(format!("it answers {} without authority", message.rcode)));
    }
    let soa = message.answer.iter().find(|record| record.rtype == Type::SOA && record.name == *origin);
    let (_, numbers) = soa
        .and_then(|soa| soa.rdata.split_last_chunk::<20>())
        .ok_or_else(|| Error::peer("it answers without the SOA"))?;
    Ok(u32::from_be_bytes(*numbers.first_chunk().unwrap_or(&[0; 4])))
}

/// The whole zone.
async fn fetch(origin: &Name, client: &Client) -> Result<Arc<Zone>> {
    let mut builder = Builder::new(origin.view());
    let (mut octets, mut soa_count) = (0, 0);
    let each = |mut record: Record| {
        // RFC 2181 §8: what has the highest bit set is 0; and no file that it is kept in can say it.
        record.ttl = if record.ttl > i32::MAX as u32 { 0 } else { record.ttl };
        octets += record.name.wire().len() + record.rdata.len() + OVERHEAD;
        if octets > LARGEST {
            return Err(Error::limit("zone", "the zone is too large"));
        }
        // It begins and ends with the same.
        soa_count += u8::from(record.rtype == Type::SOA);
        if record.rtype != Type::SOA || soa_count == 1 {
            builder.add(&record.view());
        }
        Ok(())
    };
    client.transfer(origin, each).await?;
    let built = spawn_blocking(move || builder.finish()).await;
    match built.map_err(|error| Error::local("the zone could not be made").caused_by(error))? {
        Ok((zone, _)) => Ok(Arc::new(zone)),
        Err(problems) => {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            Err(Error::peer(format!("the zone is broken: {first}")))
        }
    }
}
