use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use ropewalk_core::data::files::{FsError, Lock, LockError, Locks, Marks, NewLock, VPath};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Tree, count, path, within};

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
        self.read(move |db, tree| over(db, tree, &path, below, nanoseconds(SystemTime::now()))).await
    }

    async fn lock(&self, wanted: NewLock) -> Result<Lock, LockError> {
        // The clock may say no more than the file.
        let now = SystemTime::now();
        let mut lock = wanted.granted(now)?;
        let until = i64::try_from(since(lock.until).as_nanos()).map_err(|_| FsError::Unsupported)?;
        lock.until = time(until);
        self.write(move |db, tree| grant(db, tree, lock, nanoseconds(now))).await?
    }

    async fn refresh(&self, token: &str, timeout: Duration) -> Result<Option<Lock>> {
        let now = SystemTime::now();
        let until = now.checked_add(timeout).ok_or(FsError::Unsupported)?;
        let until = i64::try_from(since(until).as_nanos()).map_err(|_| FsError::Unsupported)?;
        let token = token.to_owned();
        self.write(move |db, tree| {
            db.prepare_cached(concat!(
                "UPDATE lock SET until = ?3 WHERE tree = ?1 AND token = ?2 AND until > ?4 RETURNING ",
                columns!()
            ))?
            .query_row(params![tree, token, until, nanoseconds(now)], lock)
            .optional()
        })
        .await
    }

    async fn unlock(&self, token: &str) -> Result<bool> {
        let (token, now) = (token.to_owned(), nanoseconds(SystemTime::now()));
        self.write(move |db, tree| {
            let mut delete =
                db.prepare_cached("DELETE FROM lock WHERE tree = ?1 AND token = ?2 RETURNING until")?;
            let until: Option<i64> = delete.query_row(params![tree, token], |row| row.get(0)).optional()?;
            Ok(until.is_some_and(|until| until > now))
        })
        .await
    }

    async fn removed(&self, path: &VPath) -> Result<()> {
        let path = path.clone();
        self.write(move |db, tree| {
            let (at, from, to) = within(&path);
            let sql = "DELETE FROM lock WHERE tree = ?1 AND (path = ?2 OR path >= ?3 AND path < ?4)";
            db.prepare_cached(sql)?.execute(params![tree, at, from, to]).map(drop)
        })
        .await
    }
}

/// Keeps the lock, where no other is in its way and there is room.
fn grant(db: &Connection, tree: &[u8], lock: Lock, now: i64) -> rusqlite::Result<Result<Lock, LockError>> {
    db.prepare_cached("DELETE FROM lock WHERE until <= ?1")?.execute([now])?;
    let in_the_way = |other: &Lock| lock.exclusive || other.exclusive;
    if let Some(other) = over(db, tree, &lock.path, lock.deep, now)?.into_iter().find(in_the_way) {
        return Ok(Err(LockError::Conflict(Box::new(other))));
    }
    let (all, of_one) = db
        .prepare_cached("SELECT count(*), count(*) FILTER (WHERE person IS ?2) FROM lock WHERE tree = ?1")?
        .query_row(params![tree, lock.user], |row| Ok((count(row, 0)?, count(row, 1)?)))?;
    if all >= Marks::LOCKS || of_one >= Marks::LOCKS_OF_ONE {
        return Ok(Err(FsError::Quota.into()));
    }
    let Lock { path, deep, exclusive, user, owner, token, until } = &lock;
    db.prepare_cached(
        "INSERT INTO lock (tree, token, path, deep, exclusive, person, owner, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        tree,
        token,
        path.as_bytes(),
        deep,
        exclusive,
        user,
        &**owner,
        nanoseconds(*until)
    ])?;
    Ok(Ok(lock))
}

/// The locks over `path`, as [`Locks::over`] wants them.
fn over(db: &Connection, tree: &[u8], path: &VPath, below: bool, now: i64) -> rusqlite::Result<Vec<Lock>> {
    let mut above = Vec::new();
    let mut dir = path.parent();
    while let Some(at) = dir {
        dir = at.parent();
        above.push(at);
    }
    let mut found = Vec::new();
    let mut at = db.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        " FROM lock WHERE tree = ?1 AND path = ?2 AND (deep OR ?3) AND until > ?4 ORDER BY rowid"
    ))?;
    for dir in above.iter().rev() {
        let locks = at.query_map(params![tree, dir.as_bytes(), false, now], lock)?;
        found.extend(locks.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    let own = at.query_map(params![tree, path.as_bytes(), true, now], lock)?;
    found.extend(own.collect::<rusqlite::Result<Vec<_>>>()?);
    if below {
        let (own, from, to) = within(path);
        let mut below = db.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM lock WHERE tree = ?1 AND path >= ?2 AND path < ?3 AND path <> ?4 AND until > ?5
              ORDER BY path, rowid"
        ))?;
        let locks = below.query_map(params![tree, from, to, own, now], lock)?;
        found.extend(locks.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(found)
}

fn lock(row: &Row<'_>) -> rusqlite::Result<Lock> {
    Ok(Lock {
        token: row.get(0)?,
        path: path(row, 1)?,
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
