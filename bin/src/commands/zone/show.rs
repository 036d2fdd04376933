use std::collections::BTreeMap;

use ropewalk_core::data::zones::Listed;
use ropewalk_core::{Error, Result};
use ropewalk_dns::wire::{NameRef, rdata};
use ropewalk_dns::zone::{RecordRef, Zone, kept};
use serde_json::{Value, json};

/// A zone in the list.
#[derive(Default)]
struct Row {
    serial: Option<u64>,
    records: Option<u64>,
    is_served: bool,
}

/// Lists what is kept, and what a server serves if one runs: a zone that it serves from elsewhere, though it is kept, is there
/// twice.
pub(super) fn list(all: &[Listed], served: Option<&Value>, json: bool) {
    let mut rows: BTreeMap<(String, bool), Row> = BTreeMap::new();
    for one in all {
        let Some(origin) = kept::origin(&one.origin) else { continue };
        let row = Row { serial: Some(one.stamp.serial.into()), records: Some(one.records), is_served: false };
        rows.insert((origin.to_string(), true), row);
    }
    for one in served.and_then(|served| served["zones"].as_array()).into_iter().flatten() {
        let origin = one["zone"].as_str().unwrap_or_default().to_owned();
        let row = rows.entry((origin, one["kept"] == true)).or_default();
        row.is_served = one["serial"].is_u64();
        row.serial = one["serial"].as_u64().or(row.serial);
    }
    if json {
        let rows = rows.iter().map(|((zone, is_kept), row)| {
            let Row { serial, records, is_served } = row;
            let is_served = served.map(|_| is_served);
            json!({ "zone": zone, "serial": serial, "records": records, "kept": is_kept, "served": is_served })
        });
        return outln!("{:#}", json!({ "version": 1, "zones": rows.collect::<Vec<_>>() }));
    }
    if rows.is_empty() {
        return eprintln!("there are no zones");
    }
    outln!("{:<32}  {:>10}  {:>8}  {:<5}  {}", "ZONE", "SERIAL", "RECORDS", "IN", "SERVED");
    for ((zone, is_kept), row) in &rows {
        let text = |number: Option<u64>| number.map_or_else(|| "-".into(), |number| number.to_string());
        let (serial, records) = (text(row.serial), text(row.records));
        let place = if *is_kept { "store" } else { "file" };
        let is_served = match (served, row.is_served) {
            (None, _) => "-",
            (_, true) => "yes",
            (_, false) => "no",
        };
        outln!("{zone:<32}  {serial:>10}  {records:>8}  {place:<5}  {is_served}");
    }
}

/// Shows the records of a name; of a zone's name, all.
pub(super) fn records(zone: &Zone, name: NameRef<'_>, json: bool) -> Result<()> {
    let is_zone = name == zone.origin();
    let all: Vec<_> = zone.records().filter(|record| is_zone || record.name == name).collect();
    if all.is_empty() {
        return Err(Error::local(format!("{name} has no records")));
    }
    if json {
        let records: Vec<_> = all.iter().map(record).collect();
        let zone = zone.origin().to_string();
        outln!("{:#}", json!({ "version": 1, "zone": zone, "records": records }));
    } else {
        all.iter().for_each(|record| outln!("{record}"));
    }
    Ok(())
}

fn record(RecordRef { name, rtype, ttl, rdata, .. }: &RecordRef<'_>) -> Value {
    let data = rdata::Text { rtype: *rtype, rdata }.to_string();
    json!({ "name": name.to_string(), "type": rtype.to_string(), "ttl": ttl, "data": data })
}
