use std::sync::atomic::{AtomicUsize, Ordering};

use ropewalk_core::Fault;
use tempfile::TempDir;

use super::*;

const SCHEMA: Schema = Schema { id: 7, steps: &["CREATE TABLE t (x BIGINT PRIMARY KEY)"] };

fn open() -> (TempDir, Database) {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("x.db"), &SCHEMA).unwrap();
    (dir, db)
}

async fn insert(db: &Database, x: i64) -> Result<()> {
    db.write(move |c| c.execute("INSERT INTO t VALUES (?1)", [x]).map(drop)).await
}

async fn count(db: &Database) -> i64 {
    db.read(|c| c.query_row("SELECT count(*) FROM t", [], |row| row.get(0))).await.unwrap()
}

#[tokio::test]
async fn what_was_answered_is_read_and_is_there_when_the_file_is_opened_again() {
    let (dir, db) = open();
    insert(&db, 1).await.unwrap();
    assert_eq!(count(&db).await, 1);
    drop(db);
    let db = Database::open(dir.path().join("x.db"), &SCHEMA).unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn commits_wait_for_the_disk() {
    let (_dir, db) = open();
    let settings = |c: &Connection| {
        let number = |name| c.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let journal: String = c.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        Ok((journal, number("synchronous")?, number("foreign_keys")?, number("query_only")?))
    };
    assert_eq!(db.write(settings).await.unwrap(), ("wal".into(), 2, 1, 0));
    assert_eq!(db.read(settings).await.unwrap(), ("wal".into(), 2, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_together_share_a_commit_and_one_that_fails_harms_no_other() {
    let (_dir, db) = open();
    let db = Arc::new(db);
    let runs = Arc::new(AtomicUsize::new(0));
    // The first one holds the thread until all others wait.
    let others = Arc::clone(&runs);
    let first = db.write(move |_| {
        while others.load(Ordering::Relaxed) < 100 {
            std::thread::yield_now();
        }
        Ok(())
    });
    let rest = (0..100).map(|n| {
        let (db, runs) = (Arc::clone(&db), Arc::clone(&runs));
        async move {
            runs.fetch_add(1, Ordering::Relaxed);
            // Every tenth is a row that is there already.
            let x = if n % 10 == 9 { 0 } else { n };
            db.write(move |c| {
                c.execute("INSERT INTO t VALUES (?1)", [x])?;
                c.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
            })
            .await
        }
    });
    let commits = || db.read(|c| c.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)));
    let before = commits().await.unwrap();
    let (_, answers) = tokio::join!(first, join_all(rest.collect()));
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 10);
    assert_eq!(count(&db).await, 90);
    // The version counts commits of others: of the first write, and of one batch.
    assert!(commits().await.unwrap() - before <= 2, "one hundred writes were not one commit");
}

/// All at once, in one task.
async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|cx| {
        for (future, output) in &mut futures {
            if output.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(cx)
            {
                *output = Some(done);
            }
        }
        match futures.iter().all(|(_, output)| output.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

#[tokio::test]
async fn work_that_fails_leaves_nothing_behind() {
    let (_dir, db) = open();
    let half = db.write(|c| {
        c.execute("INSERT INTO t VALUES (1)", [])?;
        c.execute("INSERT INTO t VALUES (1)", [])
    });
    assert_eq!(half.await.unwrap_err().fault(), Fault::Local);
    assert_eq!(count(&db).await, 0);
    insert(&db, 1).await.unwrap();
}

#[tokio::test]
async fn readers_do_not_write() {
    let (_dir, db) = open();
    assert!(db.read(|c| c.execute("INSERT INTO t VALUES (1)", [])).await.is_err());
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn what_waits_is_written_though_its_caller_and_the_database_are_gone() {
    let (dir, db) = open();
    let mut write = Box::pin(insert(&db, 1));
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(write.as_mut().poll(cx).is_ready()));
    assert!(!polled.await);
    drop(write);
    drop(db);
    let db = Database::open(dir.path().join("x.db"), &SCHEMA).unwrap();
    // The other thread may still be at it; this one waits for its lock.
    let mut rows = 0;
    for _ in 0..500 {
        rows = count(&db).await;
        if rows == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_full_disk_is_no_acknowledgement() {
    let (_dir, db) = open();
    insert(&db, 1).await.unwrap();
    db.write(|c| c.execute_batch("CREATE TABLE big (x BYTEA)")).await.unwrap();
    let pages: i64 = db.read(|c| c.pragma_query_value(None, "page_count", |row| row.get(0))).await.unwrap();
    db.write(move |c| c.pragma_update(None, "max_page_count", pages)).await.unwrap();
    let error = db.write(|c| c.execute("INSERT INTO big VALUES (zeroblob(100000))", [])).await.unwrap_err();
    assert!(error.chain().contains("the disk is full"), "{}", error.chain());
    assert_eq!(count(&db).await, 1, "reads go on");
    db.write(|c| c.pragma_update(None, "max_page_count", 1_000_000)).await.unwrap();
    insert(&db, 2).await.unwrap();
}

#[test]
fn a_file_is_checked_without_being_made_or_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    assert!(Database::check(&path, &SCHEMA).is_err());
    assert!(!path.exists());
    drop(Database::open(&path, &SCHEMA).unwrap());
    Database::check(&path, &SCHEMA).unwrap();
    let other = Schema { id: 8, ..SCHEMA };
    assert!(Database::check(&path, &other).unwrap_err().chain().contains("another program"));
    let steps = &["CREATE TABLE t (x BIGINT PRIMARY KEY)", "CREATE TABLE u (y TEXT)"];
    let newer = Schema { steps, ..SCHEMA };
    Database::check(&path, &newer).unwrap();
    Database::check(&path, &SCHEMA).unwrap();
    drop(Database::open(&path, &newer).unwrap());
    assert!(Database::check(&path, &SCHEMA).unwrap_err().chain().contains("newer"));
}
