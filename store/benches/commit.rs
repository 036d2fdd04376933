//! What group commit gives: durable writes a second, of one client and of a hundred that wait at once.
//!
//! `cargo bench -p ropewalk-store --bench commit`, with `TMPDIR` on the disk that is to be measured. With
//! `ROPEWALK_GROUP_COMMIT=30`, it fails where a hundred clients get less than thirty times as much.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use ropewalk_store::sqlite::{Database, Schema};

const SCHEMA: Schema = Schema { id: 1, steps: &["CREATE TABLE t (x BIGINT PRIMARY KEY, y BYTEA)"] };
const TIME: Duration = Duration::from_secs(3);

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let rate = |clients| {
        let db = Arc::new(Database::open(dir.path().join(format!("{clients}.db")), &SCHEMA).unwrap());
        runtime.block_on(writes(&db, clients))
    };
    let (one, hundred) = (rate(1), rate(100));
    println!("rows of 512 octets, each durable before it is acknowledged");
    println!("{one:>10.0} a second by one client");
    println!("{hundred:>10.0} a second by 100 clients, {:.0} times as many", hundred / one);
    if let Ok(least) = std::env::var("ROPEWALK_GROUP_COMMIT") {
        assert!(hundred / one >= least.parse().unwrap(), "under {least} times");
    }
}

/// Writes a second.
async fn writes(db: &Arc<Database>, clients: usize) -> f64 {
    let (next, start) = (Arc::new(AtomicI64::new(0)), Instant::now());
    let client = || {
        let (db, next) = (Arc::clone(db), Arc::clone(&next));
        async move {
            while start.elapsed() < TIME {
                let x = next.fetch_add(1, Ordering::Relaxed);
                db.write(move |c| {
                    c.prepare_cached("INSERT INTO t VALUES (?1, ?2)")?.execute((x, [7_u8; 512].as_slice()))
                })
                .await
                .unwrap();
            }
        }
    };
    #[expect(clippy::disallowed_methods, reason = "there is no context")]
    let clients: Vec<_> = (0..clients).map(|_| tokio::spawn(client())).collect();
    for client in clients {
        client.await.unwrap();
    }
    next.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}
