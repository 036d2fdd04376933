use std::iter;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use ropewalk_core::data::files::{Change, FsError, Lock, LockError, Locks, Marks, NewLock, VPath};
use rusqlite::{Connection, Row, params};

use super::{At, Tree, below, count, folder};

type Result<T, E = FsError> = std::result::Result<T, E>;

/// What [`lock`] reads.
macro_rules! columns {
    () => {
        "token, path, deep, exclusive, person, owner, until"
    };
}

#[async_trait]
impl Locks for Tree {
    async fn over(&self, path: &VPath, below: bool) -> Result<Vec<Lock>> {
        let path = path.clone();
        self.read(move |db, at| over(db, at, &path, below, nanoseconds(SystemTime::now()))).await
    }

    async fn lock(&self, wanted: NewLock) -> Result<Lock, LockError> {
        // The clock may say no more than the file.
        let now = SystemTime::now();
        let mut lock = wanted.granted(now)?;
        let until = i64::try_from(since(lock.until).as_nanos()).map_err(|_| FsError::Unsupported)?;
        lock.until = time(until);
        self.write(move |db, at| grant(db, at, lock, nanoseconds(now))).await?
    }

    async fn refresh(&self, token: &str, timeout: Duration) -> Result<Option<Lock>> {
        let now = SystemTime::now();
        let until = now.checked_add(timeout).ok_or(FsError::Unsupported)?;
        let until = i64::try_from(since(until).as_nanos()).map_err(|_| FsError::Unsupported)?;
        let token = token.to_owned();
        self.write(move |db, at| {
            let Some(held) = named(db, at, &token)?.filter(|held| held.until > time(nanoseconds(now))) else {
                return Ok(None);
            };
            db.prepare_cached("UPDATE lock SET until = ?2 WHERE token = ?1")?
                .execute(params![token, until])?;
            Ok(Some(Lock { until: time(until), ..held }))
        })
        .await
    }

    async fn unlock(&self, token: &str) -> Result<bool> {
        let (token, now) = (token.to_owned(), SystemTime::now());
        self.write(move |db, at| {
            let Some(held) = named(db, at, &token)? else { return Ok(false) };
            db.prepare_cached("DELETE FROM lock WHERE token = ?1")?.execute([token])?;
            Ok(held.until > now)
        })
        .await
    }

    async fn removed(&self, path: &VPath) -> Result<()> {
        let path = path.clone();
        self.write(move |db, at| {
            let real = at.real(&path);
            let (from, to) = below(&real);
            let sql = "DELETE FROM lock WHERE path = ?1 OR path >= ?2 AND path < ?3";
            db.prepare_cached(sql)?.execute(params![real, from, to]).map(drop)
        })
        .await
    }

    fn change(&self, path: &VPath) -> Change {
        self.store.0.changes.begin(self.at.real(path))
    }

    async fn settled(&self, lock: &Lock) {
        self.store.0.changes.settled(&self.at.real(&lock.path), lock.deep).await;
    }
}

/// Keeps the lock, where no other is in its way and there is room.
fn grant(db: &Connection, at: &At, lock: Lock, now: i64) -> rusqlite::Result<Result<Lock, LockError>> {
    db.prepare_cached("DELETE FROM lock WHERE until <= ?1")?.execute([now])?;
    let in_the_way = |other: &Lock| lock.exclusive || other.exclusive;
    if let Some(other) = over(db, at, &lock.path, lock.deep, now)?.into_iter().find(in_the_way) {
        return Ok(Err(LockError::Conflict(Box::new(other))));
    }
    let root = at.real(&VPath::ROOT);
    let (from, to) = below(&root);
    let (all, of_one) = db
        .prepare_cached(
            "SELECT count(*), count(*) FILTER (WHERE person IS ?4) FROM lock
             WHERE path = ?1 OR path >= ?2 AND path < ?3",
        )?
        .query_row(params![root, from, to, lock.user], |row| Ok((count(row, 0)?, count(row, 1)?)))?;
    if all >= Marks::LOCKS || of_one >= Marks::LOCKS_OF_ONE {
        return Ok(Err(FsError::Quota.into()));
    }
    let Lock { path, deep, exclusive, user, owner, token, until } = &lock;
    db.prepare_cached(
        "INSERT INTO lock (token, path, deep, exclusive, person, owner, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![token, at.real(path), deep, exclusive, user, &**owner, nanoseconds(*until)])?;
    Ok(Ok(lock))
}

/// The locks over `path`, as [`Locks::over`] wants them.
fn over(db: &Connection, at: &At, path: &VPath, deep: bool, now: i64) -> rusqlite::Result<Vec<Lock>> {
    let real = at.real(path);
    let above: Vec<&[u8]> = iter::successors(folder(&real), |dir| folder(dir)).collect();
    let mut found = Vec::new();
    let mut here = db.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        " FROM lock WHERE path = ?1 AND (deep OR ?2) AND until > ?3 ORDER BY rowid"
    ))?;
    for dir in above.into_iter().rev() {
        let locks = here.query_map(params![dir, false, now], |row| lock(row, at))?;
        found.extend(locks.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    let own = here.query_map(params![real, true, now], |row| lock(row, at))?;
    found.extend(own.collect::<rusqlite::Result<Vec<_>>>()?);
    if deep {
        let (from, to) = below(&real);
        let mut below = db.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM lock WHERE path >= ?1 AND path < ?2 AND path <> ?3 AND until > ?4 ORDER BY path, rowid"
        ))?;
        let locks = below.query_map(params![from, to, real, now], |row| lock(row, at))?;
        found.extend(locks.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(found)
}

/// The lock with this token, if it holds for something in this tree, or did so until it ended.
fn named(db: &Connection, at: &At, token: &str) -> rusqlite::Result<Option<Lock>> {
    let mut select = db.prepare_cached(concat!("SELECT ", columns!(), " FROM lock WHERE token = ?1"))?;
    let mut rows = select.query([token])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (real, deep) = (row.get_ref(1)?.as_blob()?, row.get(2)?);
    let concerns = at.inside(real).is_some() || (deep && at.is_within(real));
    if concerns { lock(row, at).map(Some) } else { Ok(None) }
}

/// A lock as it is in a tree: of one above, all of it is locked.
fn lock(row: &Row<'_>, at: &At) -> rusqlite::Result<Lock> {
    let real = row.get_ref(1)?.as_blob()?;
    let path = iter::successors(Some(real), |real| folder(real)).find_map(|real| at.path(real));
    Ok(Lock {
        token: row.get(0)?,
        path: path.unwrap_or(VPath::ROOT),
        deep: row.get(2)?,
        exclusive: row.get(3)?,
        user: row.get(4)?,
        owner: Bytes::from(row.get::<_, Vec<u8>>(5)?),
        until: time(row.get(6)?),
    })
}

fn since(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Nanoseconds since 1970, as they are kept.
fn nanoseconds(time: SystemTime) -> i64 {
    i64::try_from(since(time).as_nanos()).unwrap_or(i64::MAX)
}

fn time(nanoseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds.unsigned_abs())
}
