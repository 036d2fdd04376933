//! Bans that outlive the process that gave them.

use std::time::Duration;

use ropewalk_core::Result;
use ropewalk_core::policy::Ban;
use rusqlite::{Connection, params};

use super::{Store, now};

impl Store {
    /// The bans that were kept and have not passed.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn bans(&self) -> Result<Vec<Ban>> {
        let read = |db: &Connection| {
            let now = now();
            let mut statement = db.prepare("SELECT network, until, times, why FROM ban WHERE until > ?1")?;
            let mut rows = statement.query([now])?;
            let mut bans = Vec::new();
            while let Some(row) = rows.next()? {
                // What this version cannot read is nobody's address here.
                let Ok(network) = row.get_ref(0)?.as_str()?.parse() else { continue };
                let left = Duration::from_secs(row.get::<_, i64>(1)?.saturating_sub(now).unsigned_abs());
                bans.push(Ban { network, left, times: row.get(2)?, why: row.get(3)? });
            }
            Ok(bans)
        };
        self.database().await?.read(read).await
    }

    /// Keeps these bans, and no others.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub async fn keep_bans(&self, bans: Vec<Ban>) -> Result<()> {
        let write = move |db: &Connection| {
            db.execute("DELETE FROM ban", [])?;
            let mut insert =
                db.prepare("INSERT INTO ban (network, until, times, why) VALUES (?1, ?2, ?3, ?4)")?;
            let now = now();
            for Ban { network, left, times, why } in bans {
                let left = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
                insert.execute(params![network.to_string(), now.saturating_add(left), times, why])?;
            }
            Ok(())
        };
        self.database().await?.write(write).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn bans_are_kept_until_they_pass() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("data"), Arc::default()).unwrap();
        let ban = |network: &str, seconds, times| Ban {
            network: network.parse().unwrap(),
            left: Duration::from_secs(seconds),
            times,
            why: "wrong_password".into(),
        };
        store
            .keep_bans(vec![ban("192.0.2.1", 600, 1), ban("2001:db8::", 60, 3), ban("192.0.2.9", 0, 1)])
            .await
            .unwrap();
        let kept = store.bans().await.unwrap();
        assert_eq!(kept.len(), 2);
        assert!(
            kept.iter()
                .any(|kept| kept.network == ban("192.0.2.1", 0, 1).network && kept.left.as_secs() > 590)
        );
        assert!(kept.iter().any(|kept| kept.times == 3 && kept.left.as_secs() <= 60));
        store.keep_bans(Vec::new()).await.unwrap();
        assert_eq!(store.bans().await.unwrap(), []);
    }
}
