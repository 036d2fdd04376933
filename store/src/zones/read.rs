use ropewalk_core::data::zones::{Difference, Kept, Listed, Record, Records, Stamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// What identifies a zone in the file, and its state.
pub(super) fn stamp(db: &Connection, origin: &[u8]) -> rusqlite::Result<Option<(i64, Stamp)>> {
    let mut select = db.prepare_cached("SELECT id, serial FROM zone WHERE origin = ?1")?;
    select.query_row([origin], |row| Ok((row.get(0)?, stamped(row)?))).optional()
}

/// The state in the first two columns.
fn stamped(row: &Row<'_>) -> rusqlite::Result<Stamp> {
    let id: i64 = row.get(0)?;
    Ok(Stamp { id: id.unsigned_abs(), serial: row.get(1)? })
}

pub(super) fn list(db: &Connection) -> rusqlite::Result<Vec<Listed>> {
    let listed = |row: &Row<'_>| {
        let records: i64 = row.get(3)?;
        Ok(Listed::new(row.get(2)?, stamped(row)?, records.unsigned_abs(), row.get(4)?))
    };
    db.prepare_cached("SELECT id, serial, origin, records, seed FROM zone ORDER BY origin")?
        .query_map([], listed)?
        .collect()
}

pub(super) fn zone(db: &Connection, origin: &[u8]) -> rusqlite::Result<Option<Kept>> {
    // All of it as it was at one time.
    let db = db.unchecked_transaction()?;
    let mut select = db.prepare("SELECT id, serial, seed FROM zone WHERE origin = ?1")?;
    let found = select.query_row([origin], |row| Ok((row.get(0)?, stamped(row)?, row.get(2)?))).optional()?;
    let Some((id, stamp, seed)) = found else { return Ok(None) };
    let _: i64 = id;
    let mut records = Records::new();
    let mut select = db.prepare("SELECT owner, name, type, ttl, content FROM record WHERE zone = ?1")?;
    let mut rows = select.query([id])?;
    while let Some(row) = rows.next()? {
        let (owner, name) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob_or_null()?);
        let (rtype, ttl, rdata) = (row.get(2)?, row.get(3)?, row.get_ref(4)?.as_blob()?);
        records.push(Record { name: name.unwrap_or(owner), rtype, ttl, rdata });
    }
    Ok(Some(Kept { stamp, seed, records }))
}

pub(super) fn since(db: &Connection, origin: &[u8], was: Stamp) -> rusqlite::Result<Option<Vec<Difference>>> {
    let db = db.unchecked_transaction()?;
    let Some((id, now)) = stamp(&db, origin)?.filter(|(_, now)| now.id == was.id) else { return Ok(None) };
    if now == was {
        return Ok(Some(Vec::new()));
    }
    let mut select =
        db.prepare_cached("SELECT max(number) FROM difference WHERE zone = ?1 AND before = ?2")?;
    let first: Option<i64> = select.query_row(params![id, was.serial], |row| row.get(0))?;
    let Some(first) = first else { return Ok(None) };
    let all: Vec<Option<Difference>> = db
        .prepare_cached(
            "SELECT before, after, removed, added FROM difference WHERE zone = ?1 AND number >= ?2 ORDER BY number",
        )?
        .query_map(params![id, first], difference)?
        .collect::<rusqlite::Result<_>>()?;
    // What cannot be read leads nowhere.
    Ok(all.into_iter().collect())
}

fn difference(row: &Row<'_>) -> rusqlite::Result<Option<Difference>> {
    let halves = Records::read(row.get(2)?).zip(Records::read(row.get(3)?));
    let (from, to) = (row.get(0)?, row.get(1)?);
    Ok(halves.map(|(removed, added)| Difference { from, to, removed, added }))
}
