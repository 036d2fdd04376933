use ropewalk_core::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};

use super::wrong;

/// What a file holds, as the steps that led there. A step that was ever released is never changed.
#[derive(Debug)]
pub struct Schema {
    /// What marks a file as this program's and of this schema: its `application_id`.
    pub id: i32,
    /// SQL, the first step from the empty file to version 1.
    pub steps: &'static [&'static str],
}

impl Schema {
    /// Brings a file to the newest version: each step whole or not at all.
    pub(super) fn migrate(&self, connection: &mut Connection) -> Result<()> {
        for (version, step) in (1..).zip(self.steps) {
            if self.version_of(connection)? >= version {
                continue;
            }
            self.step(connection, version, step)
                .map_err(|e| e.during(format!("cannot bring the store to version {version}")))?;
        }
        // Where there was no step to do, the version has not been looked at.
        self.version_of(connection).map(drop)
    }

    fn step(&self, connection: &mut Connection, version: usize, sql: &str) -> Result<()> {
        // From here on no other process does the same.
        let write = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
        if self.version_of(&write)? >= version {
            return Ok(());
        }
        let done = write
            .execute_batch(sql)
            .and_then(|()| write.pragma_update(None, "application_id", self.id))
            .and_then(|()| write.pragma_update(None, "user_version", version as i64))
            .and_then(|()| write.commit());
        done.map_err(wrong)
    }

    /// The version that a file has.
    ///
    /// # Errors
    /// Where it is newer than this program, or not of this schema.
    pub(super) fn version_of(&self, connection: &Connection) -> Result<usize> {
        let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        let (id, version) =
            (number("application_id").map_err(wrong)?, number("user_version").map_err(wrong)?);
        let tables = "SELECT count(*) FROM sqlite_schema";
        let is_empty = connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(wrong)? == 0;
        match usize::try_from(version) {
            Ok(0) if is_empty => Ok(0),
            _ if id != i64::from(self.id) => Err(Error::local("this is another program's file")),
            Ok(version) if version <= self.steps.len() => Ok(version),
            _ => Err(Error::local(format!(
                "a newer Ropewalk has made it (version {version}; this one knows {}): use that one",
                self.steps.len()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Schema = Schema { id: 7, steps: &["CREATE TABLE a (x TEXT)"] };
    const TWO: Schema = Schema {
        id: 7,
        steps: &["CREATE TABLE a (x TEXT)", "CREATE TABLE b (y TEXT); INSERT INTO b SELECT x FROM a"],
    };
    const BROKEN: Schema = Schema {
        id: 7,
        steps: &["CREATE TABLE a (x TEXT)", "CREATE TABLE b (y TEXT); INSERT INTO nowhere VALUES (1)"],
    };

    #[test]
    fn steps_are_done_once_and_keep_what_is_there() {
        let mut db = Connection::open_in_memory().unwrap();
        ONE.migrate(&mut db).unwrap();
        db.execute("INSERT INTO a VALUES ('kept')", []).unwrap();
        for _ in 0..2 {
            TWO.migrate(&mut db).unwrap();
        }
        let rows: Vec<String> = db
            .prepare("SELECT y FROM b")
            .unwrap()
            .query_map([], |r| r.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(rows, ["kept"]);
        assert_eq!(TWO.version_of(&db).unwrap(), 2);
    }

    #[test]
    fn a_step_that_fails_leaves_nothing_behind() {
        let mut db = Connection::open_in_memory().unwrap();
        let error = BROKEN.migrate(&mut db).unwrap_err().chain();
        assert!(error.contains("version 2") && error.contains("nowhere"), "{error}");
        assert_eq!(BROKEN.version_of(&db).unwrap(), 1);
        TWO.migrate(&mut db).unwrap();
    }

    #[test]
    fn a_newer_file_and_another_programs_are_refused_and_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        TWO.migrate(&mut db).unwrap();
        let error = ONE.migrate(&mut db).unwrap_err().to_string();
        assert!(error.contains("newer") && error.contains("version 2; this one knows 1"), "{error}");
        let other = Schema { id: 8, ..TWO };
        assert!(other.migrate(&mut db).unwrap_err().to_string().contains("another program"));

        let mut foreign = Connection::open_in_memory().unwrap();
        foreign.execute_batch("CREATE TABLE a (z TEXT)").unwrap();
        assert!(ONE.migrate(&mut foreign).unwrap_err().to_string().contains("another program"));
    }
}
