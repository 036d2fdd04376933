//! Names that are from before names were prepared (RFC 4013): nobody finds them as they are.

use ropewalk_core::data::cred::Name;
use rusqlite::{Connection, OptionalExtension as _, params};

/// What says that it has been done.
const DONE: &str = "prepared names";

/// Whether there is nothing more to do.
pub(super) fn is_done(db: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM setting WHERE name = ?1";
    Ok(db.query_row(sql, [DONE], |_| Ok(())).optional()?.is_some())
}

/// Gives accounts and groups the names by which they are looked for. An account keeps the folder that was its own. Where there is
/// an account of that name, too, nothing is changed: which of them is meant is for the operator to say.
pub(super) fn prepare(db: &Connection) -> rusqlite::Result<()> {
    // An account, and what refers to it, change one after the other.
    db.pragma_update(None, "defer_foreign_keys", true)?;
    for (old, new) in changed(db, "SELECT name FROM account")? {
        let there = "SELECT 1 FROM account WHERE name = ?1";
        if db.query_row(there, [&new], |_| Ok(())).optional()?.is_some() {
            tracing::warn!(account = %new, "two accounts are written alike, and one of them is found by nobody");
            continue;
        }
        let sql = "UPDATE account SET name = ?2, home = coalesce(home, name) WHERE name = ?1";
        db.execute(sql, params![old, new])?;
        db.execute("UPDATE membership SET account = ?2 WHERE account = ?1", params![old, new])?;
        db.execute("UPDATE credential SET account = ?2 WHERE account = ?1", params![old, new])?;
    }
    for (old, new) in changed(db, "SELECT DISTINCT team FROM membership")? {
        db.execute("UPDATE OR IGNORE membership SET team = ?2 WHERE team = ?1", params![old, new])?;
        // Who was in both is in it.
        db.execute("DELETE FROM membership WHERE team = ?1", [old])?;
    }
    db.execute("INSERT OR IGNORE INTO setting (name, content) VALUES (?1, x'')", [DONE]).map(drop)
}

/// The names that are others now, before and after.
fn changed(db: &Connection, sql: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let mut select = db.prepare(sql)?;
    let names = select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let prepared = |old: String| {
        let new = old.parse::<Name>().ok()?;
        (new.as_str() != old).then(|| (old, new.as_str().to_owned()))
    };
    Ok(names.into_iter().filter_map(prepared).collect())
}
