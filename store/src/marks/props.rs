use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use ropewalk_core::data::files::{FsError, Marks, Prop, PropName, Props, VPath};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{At, Tree, below, count, folder};

type Result<T> = std::result::Result<T, FsError>;

#[async_trait]
impl Props for Tree {
    async fn of(&self, path: &VPath) -> Result<Vec<Prop>> {
        let path = path.clone();
        self.read(move |db, at| {
            db.prepare_cached(
                "SELECT namespace, local, content FROM file JOIN property ON property.file = file.id
                 WHERE path = ?1 ORDER BY namespace, local",
            )?
            .query_map([at.real(&path)], prop)?
            .collect()
        })
        .await
    }

    async fn within(&self, dir: &VPath) -> Result<BTreeMap<VPath, Vec<Prop>>> {
        let dir = dir.clone();
        self.read(move |db, at| {
            let mut select = db.prepare_cached(
                "SELECT namespace, local, content, path FROM file JOIN property ON property.file = file.id
                 WHERE folder = ?1 ORDER BY path, namespace, local",
            )?;
            let mut rows = select.query([at.real(&dir)])?;
            let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                if let Some(path) = at.path(row.get_ref(3)?.as_blob()?) {
                    found.entry(path).or_default().push(prop(row)?);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn change(&self, path: &VPath, changes: &[(PropName, Option<Bytes>)]) -> Result<()> {
        let (path, changes) = (path.clone(), changes.to_vec());
        match self.write(move |db, at| change(db, at, &path, changes)).await? {
            true => Ok(()),
            false => Err(FsError::Quota),
        }
    }

    async fn renamed(&self, from: &VPath, to: &VPath) -> Result<()> {
        if from == to {
            return Ok(());
        }
        let (from, to) = (from.clone(), to.clone());
        self.write(move |db, at| renamed(db, at, &from, &to)).await
    }

    async fn removed(&self, path: &VPath) -> Result<()> {
        let path = path.clone();
        self.write(move |db, at| removed(db, &at.real(&path))).await
    }
}

fn prop(row: &Row<'_>) -> rusqlite::Result<Prop> {
    let name = PropName { namespace: row.get(0)?, local: row.get(1)? };
    Ok(Prop { name, value: Bytes::from(row.get::<_, Vec<u8>>(2)?) })
}

/// Changes all, or nothing where that would be more than there may be: then `false`.
fn change(
    db: &Connection,
    at: &At,
    path: &VPath,
    changes: Vec<(PropName, Option<Bytes>)>,
) -> rusqlite::Result<bool> {
    let real = at.real(path);
    let known: Option<(i64, usize)> = db
        .prepare_cached("SELECT id, octets FROM file WHERE path = ?1")?
        .query_row([&real], |row| Ok((row.get(0)?, count(row, 1)?)))
        .optional()?;
    let mut sizes = match known {
        Some((id, _)) => sizes(db, id)?,
        None => BTreeMap::new(),
    };
    for (name, value) in &changes {
        match value {
            Some(value) => sizes.insert(name.clone(), name.octets(value)),
            None => sizes.remove(name),
        };
    }
    let before = known.map_or(0, |(_, octets)| octets);
    let after = real.len() + sizes.values().sum::<usize>();
    if after > before
        && (after > Marks::OCTETS_OF_ONE || all(db, at)?.saturating_sub(before) + after > Marks::OCTETS)
    {
        return Ok(false);
    }
    if sizes.is_empty() {
        return db.prepare_cached("DELETE FROM file WHERE path = ?1")?.execute([real]).map(|_| true);
    }
    let octets = i64::try_from(after).unwrap_or(i64::MAX);
    let id: i64 = db
        .prepare_cached(
            "INSERT INTO file (path, folder, octets) VALUES (?1, ?2, ?3)
             ON CONFLICT (path) DO UPDATE SET octets = excluded.octets RETURNING id",
        )?
        .query_row(params![real, folder(&real), octets], |row| row.get(0))?;
    let mut set = db.prepare_cached(
        "INSERT INTO property (file, namespace, local, content) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (file, namespace, local) DO UPDATE SET content = excluded.content",
    )?;
    let mut remove =
        db.prepare_cached("DELETE FROM property WHERE file = ?1 AND namespace = ?2 AND local = ?3")?;
    for (PropName { namespace, local }, value) in &changes {
        match value {
            Some(value) => set.execute(params![id, namespace, local, &**value])?,
            None => remove.execute(params![id, namespace, local])?,
        };
    }
    Ok(true)
}

/// What each property of a file counts for.
fn sizes(db: &Connection, id: i64) -> rusqlite::Result<BTreeMap<PropName, usize>> {
    db.prepare_cached("SELECT namespace, local, content FROM property WHERE file = ?1")?
        .query_map([id], |row| prop(row).map(|Prop { name, value }| (name.clone(), name.octets(&value))))?
        .collect()
}

/// What all of a tree counts for.
fn all(db: &Connection, at: &At) -> rusqlite::Result<usize> {
    let root = at.real(&VPath::ROOT);
    let (from, to) = below(&root);
    let sql = "SELECT coalesce(sum(octets), 0) FROM file WHERE path = ?1 OR path >= ?2 AND path < ?3";
    db.prepare_cached(sql)?.query_row(params![root, from, to], |row| count(row, 0))
}

fn renamed(db: &Connection, at: &At, from: &VPath, to: &VPath) -> rusqlite::Result<()> {
    removed(db, &at.real(to))?;
    let real = at.real(from);
    let (first, last) = below(&real);
    let mut select =
        db.prepare_cached("SELECT id, path FROM file WHERE path = ?1 OR path >= ?2 AND path < ?3")?;
    let moved = select.query_map(params![real, first, last], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let moved: Vec<(i64, Vec<u8>)> = moved.collect::<rusqlite::Result<_>>()?;
    let mut update = db.prepare_cached(
        "UPDATE file SET path = ?2, folder = ?3, octets = octets - length(path) + length(?2) WHERE id = ?1",
    )?;
    for (id, real) in moved {
        match at.path(&real).and_then(|path| path.strip(from)?.under(to).ok()) {
            Some(path) => {
                let real = at.real(&path);
                update.execute(params![id, real, folder(&real)])?
            }
            // What is too long to be asked for by its new path is lost.
            None => db.prepare_cached("DELETE FROM file WHERE id = ?1")?.execute([id])?,
        };
    }
    Ok(())
}

/// Removes those of what has this real path, and of all below it.
fn removed(db: &Connection, real: &[u8]) -> rusqlite::Result<()> {
    let (from, to) = below(real);
    let sql = "DELETE FROM file WHERE path = ?1 OR path >= ?2 AND path < ?3";
    db.prepare_cached(sql)?.execute(params![real, from, to]).map(drop)
}
