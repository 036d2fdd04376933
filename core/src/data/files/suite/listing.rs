use std::collections::BTreeSet;

use super::write::put;
use super::*;

/// A directory that changes while it is listed: what stays comes once, what comes or goes at most once, and it ends.
pub(super) async fn changing(files: &dyn Files) {
    let mut stream = files.list(&VPath::ROOT, ListOptions::default()).await.expect("a directory");
    let mut seen = BTreeSet::new();
    let mut turns = 0;
    loop {
        let batch = stream.next_batch(50).await.expect("a batch");
        if batch.is_empty() {
            break;
        }
        for entry in batch {
            assert!(seen.insert(entry.name.clone()), "{} came twice", entry.name);
        }
        files.remove(&path(&format!("/{turns}")), Remove::File).await.expect("it was there");
        put(files, &format!("/new{turns}"), Write::Update, b"").await.expect("a new file");
        turns += 1;
        assert!(turns < many_seeds().len(), "it goes on for ever");
    }
    for seed in many_seeds().iter().skip(turns) {
        assert!(seed.path.file_name().is_some_and(|name| seen.contains(&name)), "{} is missing", seed.path);
    }
}
