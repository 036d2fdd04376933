use ropewalk_core::data::zones::{Difference, Kept, Record, Seed, Stamp};
use rusqlite::{Connection, Error, params};

use super::read::stamp;

/// Puts a zone in the place of the one that is as `was` says.
pub(super) fn put(
    db: &Connection,
    origin: &[u8],
    was: Option<Stamp>,
    zone: &Kept,
) -> rusqlite::Result<Option<Stamp>> {
    let there = stamp(db, origin)?;
    if there.map(|(_, stamp)| stamp) != was {
        return Ok(None);
    }
    if let Some((id, _)) = there {
        db.execute("DELETE FROM zone WHERE id = ?1", [id])?;
    }
    let serial = zone.stamp.serial;
    let id: i64 = db.query_row(
        "INSERT INTO zone (id, origin, serial, seed, records, octets) VALUES (abs(random() / 2), ?1, ?2, ?3, ?4, 0)
         RETURNING id",
        params![origin, serial, zone.seed, count(zone.records.len())],
        |row| row.get(0),
    )?;
    let owned = |record: Record<'_>| record.name.to_ascii_lowercase();
    let mut records: Vec<_> = zone.records.iter().map(|record| (owned(record), record)).collect();
    // In the order in which they are kept: much faster than any other, where there are many.
    records.sort_by(|(a, one), (b, other)| (a, one.rtype, one.rdata).cmp(&(b, other.rtype, other.rdata)));
    for (owner, record) in &records {
        insert(db, id, owner, record)?;
    }
    Ok(Some(Stamp { id: id.unsigned_abs(), serial }))
}

/// Changes a zone that is as `was` says. An error undoes what was done.
pub(super) fn change(
    db: &Connection,
    origin: &[u8],
    was: Stamp,
    difference: &Difference,
    seed: Option<Seed>,
) -> rusqlite::Result<Option<Stamp>> {
    let Some((id, _)) = stamp(db, origin)?.filter(|(_, stamp)| *stamp == was) else { return Ok(None) };
    if let Some(seed) = seed {
        db.prepare_cached("UPDATE zone SET seed = ?2 WHERE id = ?1")?.execute(params![id, seed])?;
    }
    if difference.is_empty() {
        return Ok(Some(was));
    }
    if difference.from != was.serial {
        return Err(Error::StatementChangedRows(0));
    }
    for record in difference.removed.iter() {
        delete(db, id, &record)?;
    }
    for record in difference.added.iter() {
        insert(db, id, &record.name.to_ascii_lowercase(), &record)?;
    }
    keep(db, id, difference)?;
    Ok(Some(Stamp { serial: difference.to, ..was }))
}

pub(super) fn remove(db: &Connection, origin: &[u8], was: Stamp) -> rusqlite::Result<bool> {
    let Some((id, _)) = stamp(db, origin)?.filter(|(_, stamp)| *stamp == was) else { return Ok(false) };
    db.execute("DELETE FROM zone WHERE id = ?1", [id]).map(|_| true)
}

/// Adds a record; one that is there is an error.
fn insert(db: &Connection, zone: i64, owner: &[u8], record: &Record<'_>) -> rusqlite::Result<()> {
    let name = Some(record.name).filter(|name| *name != owner);
    db.prepare_cached(
        "INSERT INTO record (zone, owner, type, content, name, ttl) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![zone, owner, record.rtype, record.rdata, name, record.ttl])
    .map(drop)
}

/// Takes out a record; that it is not there is an error.
fn delete(db: &Connection, zone: i64, record: &Record<'_>) -> rusqlite::Result<()> {
    let owner = record.name.to_ascii_lowercase();
    let sql = "DELETE FROM record WHERE zone = ?1 AND owner = ?2 AND type = ?3 AND content = ?4";
    match db.prepare_cached(sql)?.execute(params![zone, owner, record.rtype, record.rdata])? {
        1 => Ok(()),
        others => Err(Error::StatementChangedRows(others)),
    }
}

/// Keeps a difference, and drops the oldest for which there is no room then.
fn keep(db: &Connection, zone: i64, difference: &Difference) -> rusqlite::Result<()> {
    let Difference { from, to, removed, added } = difference;
    let (octets, more) = (count(difference.octets()), count(added.len()) - count(removed.len()));
    db.prepare_cached(
        "INSERT INTO difference (zone, number, before, after, removed, added, octets)
         VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM difference WHERE zone = ?1), ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![zone, from, to, removed.octets(), added.octets(), octets])?;
    let mut all: i64 = db
        .prepare_cached(
            "UPDATE zone SET serial = ?2, records = records + ?3, octets = octets + ?4 WHERE id = ?1 RETURNING octets",
        )?
        .query_row(params![zone, to, more, octets], |row| row.get(0))?;
    if all <= count(Difference::KEPT) {
        return Ok(());
    }
    let mut oldest = db.prepare_cached(
        "DELETE FROM difference WHERE zone = ?1 AND number = (SELECT min(number) FROM difference WHERE zone = ?1)
         RETURNING octets",
    )?;
    while all > count(Difference::KEPT) {
        all -= oldest.query_row([zone], |row| row.get::<_, i64>(0))?;
    }
    db.prepare_cached("UPDATE zone SET octets = ?2 WHERE id = ?1")?.execute(params![zone, all]).map(drop)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
