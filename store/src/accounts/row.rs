use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ropewalk_core::Result;
use ropewalk_core::data::cred::{Name, Profile};
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::time::Instant;

use super::people::{name, profile};
use super::{CredentialKind, Store, now};

/// How long what was read counts: another process may have changed it.
const FRESH: Duration = Duration::from_millis(500);
/// Answers that are kept.
const MOST: usize = 4096;
/// A use is written down when the last one was so long ago, in seconds.
const USED_EVERY: i64 = 3600;

/// What somebody is looked up by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Name(String),
    Certificate([u8; 32]),
    Token([u8; 32]),
}

/// An account, as logins need it.
pub(super) struct Row {
    pub(super) name: Name,
    pub(super) hash: Option<String>,
    pub(super) disabled: bool,
    pub(super) groups: Arc<[Name]>,
    pub(super) profile: Arc<Profile>,
    /// App passwords; or the certificate or token that it was found by.
    pub(super) opens: Vec<Opens>,
}

/// A credential that can open the account.
pub(super) struct Opens {
    pub(super) kind: CredentialKind,
    pub(super) hash: [u8; 32],
    pub(super) services: Vec<Name>,
    used: AtomicI64,
}

impl Opens {
    /// Whether it is good for this service.
    pub(super) fn is_for(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|name| name.as_str() == service)
    }
}

/// How often something was changed, in any store: what was read before the last time does not count.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// Forgets what was read of accounts, in every store of this process: another process has changed something, and logins
/// are to see that now. Reading that is under way is not kept either.
pub fn forget() {
    CHANGES.fetch_add(1, Ordering::SeqCst);
}

/// What was read a moment ago.
#[derive(Default)]
pub(super) struct Rows(Mutex<HashMap<Key, Known>>);

/// An account, or that there is none, and until when that counts.
struct Known {
    row: Option<Arc<Row>>,
    /// Of [`CHANGES`], before it was read.
    changes: u64,
    until: Instant,
}

impl Rows {
    fn known(&self, key: &Key) -> Option<Option<Arc<Row>>> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, changes) = (Instant::now(), CHANGES.load(Ordering::SeqCst));
        let counts = |known: &&Known| known.until > now && known.changes == changes;
        rows.get(key).filter(counts).map(|known| known.row.clone())
    }

    /// Also that there is none: else an unknown name would take longer than a known one.
    fn keep(&self, key: Key, row: Option<Arc<Row>>, changes: u64) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() >= MOST {
            rows.clear();
        }
        rows.insert(key, Known { row, changes, until: Instant::now() + FRESH });
    }
}

impl Store {
    /// The account, as it was at most half a second ago, and not before the last [`forget`].
    pub(super) async fn row(&self, key: Key) -> Result<Option<Arc<Row>>> {
        if let Some(known) = self.0.rows.known(&key) {
            return Ok(known);
        }
        let (asked, changes) = (key.clone(), CHANGES.load(Ordering::SeqCst));
        let row = self.database().await?.read(move |db| read(db, &asked)).await?.map(Arc::new);
        self.0.rows.keep(key, row.clone(), changes);
        Ok(row)
    }

    /// Writes down that it was used, unless that was done within the hour. Nobody waits for it.
    pub(super) async fn used(&self, opens: &Opens) {
        let (last, now) = (opens.used.load(Ordering::Relaxed), now());
        // A clock that was set back does not keep it from being written.
        if (now - USED_EVERY..=now).contains(&last)
            || opens.used.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        let (kind, hash) = (opens.kind, opens.hash);
        if let Ok(database) = self.database().await {
            database.post(move |db| {
                let sql = "UPDATE credential SET used = ?3 WHERE kind = ?1 AND hash = ?2";
                db.execute(sql, params![kind.name(), hash, now]).map(drop)
            });
        }
    }
}

fn read(db: &Connection, key: &Key) -> rusqlite::Result<Option<Row>> {
    // One state for all questions.
    let db = db.unchecked_transaction()?;
    let by = match key {
        Key::Name(name) => Some((name.clone(), opens(&db, CredentialKind::AppPassword, None, name)?)),
        Key::Certificate(hash) => owner(&db, CredentialKind::Certificate, hash)?,
        Key::Token(hash) => owner(&db, CredentialKind::Token, hash)?,
    };
    let Some((owner, opens)) = by else { return Ok(None) };
    let sql = "SELECT name, password, disabled, home, quota, rights FROM account WHERE name = ?1";
    let row = db
        .prepare_cached(sql)?
        .query_row([&owner], |row| Ok((name(row, 0)?, row.get(1)?, row.get(2)?, profile(row, 3)?)));
    let Some((known, hash, disabled, profile)) = row.optional()? else { return Ok(None) };
    let mut groups = db.prepare_cached("SELECT team FROM membership WHERE account = ?1 ORDER BY team")?;
    let groups =
        groups.query_map([&owner], |row| name(row, 0))?.collect::<rusqlite::Result<Arc<[Name]>>>()?;
    Ok(Some(Row { name: known, hash, disabled, groups, profile: Arc::new(profile), opens }))
}

/// Whose credential it is, and itself.
fn owner(
    db: &Connection,
    kind: CredentialKind,
    hash: &[u8; 32],
) -> rusqlite::Result<Option<(String, Vec<Opens>)>> {
    let mut statement = db.prepare_cached("SELECT account FROM credential WHERE kind = ?1 AND hash = ?2")?;
    let owner: Option<String> =
        statement.query_row(params![kind.name(), hash], |row| row.get(0)).optional()?;
    owner.map(|name| Ok((name.clone(), opens(db, kind, Some(hash), &name)?))).transpose()
}

/// An account's credentials of a kind, or the one with this hash.
fn opens(
    db: &Connection,
    kind: CredentialKind,
    hash: Option<&[u8; 32]>,
    account: &str,
) -> rusqlite::Result<Vec<Opens>> {
    let sql = "SELECT hash, services, used FROM credential \
               WHERE account = ?1 AND kind = ?2 AND (?3 IS NULL OR hash = ?3)";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![account, kind.name(), hash], |row| {
        let (services, used): (String, Option<i64>) = (row.get(1)?, row.get(2)?);
        let services = services.split(' ').filter_map(|service| service.parse().ok()).collect();
        Ok(Opens { kind, hash: row.get(0)?, services, used: used.unwrap_or(0).into() })
    })?;
    rows.collect()
}
