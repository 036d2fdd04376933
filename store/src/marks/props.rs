use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use ropewalk_core::data::files::{FsError, Marks, Prop, PropName, Props, VPath};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Tree, count, path, within};

type Result<T> = std::result::Result<T, FsError>;

#[async_trait]
impl Props for Tree {
    async fn of(&self, path: &VPath) -> Result<Vec<Prop>> {
        let path = path.clone();
        self.read(move |db, tree| {
            db.prepare_cached(
                "SELECT namespace, local, content FROM file JOIN property ON property.file = file.id
                 WHERE tree = ?1 AND path = ?2 ORDER BY namespace, local",
            )?
            .query_map(params![tree, path.as_bytes()], prop)?
            .collect()
        })
        .await
    }

    async fn within(&self, dir: &VPath) -> Result<BTreeMap<VPath, Vec<Prop>>> {
        let dir = dir.clone();
        self.read(move |db, tree| {
            let mut select = db.prepare_cached(
                "SELECT namespace, local, content, path FROM file JOIN property ON property.file = file.id
                 WHERE tree = ?1 AND folder = ?2 ORDER BY path, namespace, local",
            )?;
            let mut rows = select.query(params![tree, dir.as_bytes()])?;
            let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                found.entry(path(row, 3)?).or_default().push(prop(row)?);
            }
            Ok(found)
        })
        .await
    }

    async fn change(&self, path: &VPath, changes: &[(PropName, Option<Bytes>)]) -> Result<()> {
        let (path, changes) = (path.clone(), changes.to_vec());
        match self.write(move |db, tree| change(db, tree, &path, changes)).await? {
            true => Ok(()),
            false => Err(FsError::Quota),
        }
    }

    async fn renamed(&self, from: &VPath, to: &VPath) -> Result<()> {
        if from == to {
            return Ok(());
        }
        let (from, to) = (from.clone(), to.clone());
        self.write(move |db, tree| renamed(db, tree, &from, &to)).await
    }

    async fn removed(&self, path: &VPath) -> Result<()> {
        let path = path.clone();
        self.write(move |db, tree| removed(db, tree, &path)).await
    }
}

fn prop(row: &Row<'_>) -> rusqlite::Result<Prop> {
    let name = PropName { namespace: row.get(0)?, local: row.get(1)? };
    Ok(Prop { name, value: Bytes::from(row.get::<_, Vec<u8>>(2)?) })
}

/// Changes all, or nothing where that would be more than there may be: then `false`.
fn change(
    db: &Connection,
    tree: &[u8],
    path: &VPath,
    changes: Vec<(PropName, Option<Bytes>)>,
) -> rusqlite::Result<bool> {
    let known: Option<(i64, usize)> = db
        .prepare_cached("SELECT id, octets FROM file WHERE tree = ?1 AND path = ?2")?
        .query_row(params![tree, path.as_bytes()], |row| Ok((row.get(0)?, count(row, 1)?)))
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
    let after = path.as_bytes().len() + sizes.values().sum::<usize>();
    if after > before
        && (after > Marks::OCTETS_OF_ONE || all(db, tree)?.saturating_sub(before) + after > Marks::OCTETS)
    {
        return Ok(false);
    }
    if sizes.is_empty() {
        let sql = "DELETE FROM file WHERE tree = ?1 AND path = ?2";
        return db.prepare_cached(sql)?.execute(params![tree, path.as_bytes()]).map(|_| true);
    }
    let (folder, octets) = (path.parent(), i64::try_from(after).unwrap_or(i64::MAX));
    let id: i64 = db
        .prepare_cached(
            "INSERT INTO file (tree, path, folder, octets) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tree, path) DO UPDATE SET octets = excluded.octets RETURNING id",
        )?
        .query_row(params![tree, path.as_bytes(), folder.as_ref().map(VPath::as_bytes), octets], |row| {
            row.get(0)
        })?;
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
fn all(db: &Connection, tree: &[u8]) -> rusqlite::Result<usize> {
    let sql = "SELECT coalesce(sum(octets), 0) FROM file WHERE tree = ?1";
    db.prepare_cached(sql)?.query_row([tree], |row| count(row, 0))
}

fn renamed(db: &Connection, tree: &[u8], from: &VPath, to: &VPath) -> rusqlite::Result<()> {
    removed(db, tree, to)?;
    let (at, first, last) = within(from);
    let mut select = db.prepare_cached(
        "SELECT id, path FROM file WHERE tree = ?1 AND (path = ?2 OR path >= ?3 AND path < ?4)",
    )?;
    let moved = select.query_map(params![tree, at, first, last], |row| Ok((row.get(0)?, path(row, 1)?)))?;
    let moved: Vec<(i64, VPath)> = moved.collect::<rusqlite::Result<_>>()?;
    let mut update = db.prepare_cached(
        "UPDATE file SET path = ?2, folder = ?3, octets = octets - length(path) + length(?2) WHERE id = ?1",
    )?;
    for (id, path) in moved {
        match path.strip(from).and_then(|below| below.under(to).ok()) {
            Some(path) => {
                let folder = path.parent();
                update.execute(params![id, path.as_bytes(), folder.as_ref().map(VPath::as_bytes)])?
            }
            // What is too long to be asked for by its new path is lost.
            None => db.prepare_cached("DELETE FROM file WHERE id = ?1")?.execute([id])?,
        };
    }
    Ok(())
}

fn removed(db: &Connection, tree: &[u8], path: &VPath) -> rusqlite::Result<()> {
    let (at, from, to) = within(path);
    let sql = "DELETE FROM file WHERE tree = ?1 AND (path = ?2 OR path >= ?3 AND path < ?4)";
    db.prepare_cached(sql)?.execute(params![tree, at, from, to]).map(drop)
}
