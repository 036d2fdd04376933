use std::fs::File;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;
use std::sync::Mutex;

use bytes::{Bytes, BytesMut};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::super::one::One;
use super::super::{Mounts, Ops};
use super::*;
use crate::data::files::meta::Result;
use crate::data::files::suite::{files_suite, memory};
use crate::data::files::{
    DotDot, FileHandle, FsError, ListOptions, Memory, Meta, Open, Reach, Remove, VPath, Write,
};

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

fn rules(rules: &[(&str, Ops)]) -> Option<Arc<[Rule]>> {
    Some(rules.iter().map(|(path, allow)| Rule { path: path.parse().unwrap(), allow: *allow }).collect())
}

fn rates(rate: u64) -> Option<Arc<Rates>> {
    Some(Arc::new(Rates::new(NonZeroU64::new(rate).unwrap())))
}

fn share(limit: u64) -> Option<Share> {
    Some(Share::new(limit, 0))
}

fn ann() -> Option<Whose> {
    Some(Whose { user: "ann".into(), tree: "main".into() })
}

fn full() -> (Share, View) {
    let share = share(1 << 40);
    let look = Ops::LIST | Ops::READ;
    let rules = rules(&[("/read-only/**", look), ("/listed/**", Ops::LIST), ("/**", Ops::ALL)]);
    let rates = rates(1 << 40);
    let view = View { audit: ann(), rules, share: share.clone(), rates, ..Default::default() };
    (share.unwrap(), view)
}

#[tokio::test]
async fn a_tree_behind_all_layers_is_that_tree() {
    let make = |seeds: &[_]| {
        let (_, view) = full();
        let view = View { dots: Dots::Show, rules: rules(&[("/**", Ops::ALL)]), ..view };
        Box::new(view.of(Arc::new(Mounts::new(Some(Arc::new(memory(seeds))), []))))
    };
    files_suite(make).await;
}

#[test]
fn rights_come_through_all_layers() {
    let files = full().1.of(Arc::new(Mounts::new(Some(Arc::new(Memory::new())), [])));
    let rights = |at: &str| files.rights(&path(at), Reach::Here);
    let look = Ops::LIST | Ops::READ;
    assert_eq!(
        (rights("/read-only/x"), rights("/listed/x"), rights("/.hidden")),
        (look, Ops::LIST, Ops::NONE)
    );
    assert!(rights("/x").has(look | Ops::CREATE | Ops::DELETE));
}

/// What was said under the target `audit`.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Subscriber for Said {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "audit"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{}={value:?} ", field.name());
            }
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0.trim_end().to_owned());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Said {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

async fn put(files: &dyn Files, at: &str, content: &'static [u8]) -> Result<Meta> {
    let mut how = Open::write(Write::Replace);
    how.expect_len = Some(content.len() as u64);
    let file = files.open(&path(at), &how).await?;
    file.write_at(0, Bytes::from_static(content)).await?;
    file.commit().await
}

#[tokio::test]
async fn who_does_what_is_said_with_its_outcome() {
    let _listens = crate::testkit::Log::new();
    let said = Said::default();
    let _guard = tracing::subscriber::set_default(said.clone());
    let (_, view) = full();
    let files = view.of(Arc::new(Memory::new().with("/file", "x").with("/read-only/file", "x")));
    put(&*files, "/new\r\n\"x", b"new").await.unwrap();
    assert_eq!(said.take(), [r#"user=ann tree=main op="create" path=/new\u{d}\u{a}\x22x outcome=done"#]);
    let upload = files.open(&path("/half"), &Open::write(Write::CreateNew)).await.unwrap();
    assert!(said.take().is_empty());
    drop(upload);
    assert_eq!(said.take(), [r#"user=ann tree=main op="create" path=/half outcome=given up"#]);
    // What the rules refuse is said too: it is the outermost layer.
    assert!(put(&*files, "/read-only/file", b"new").await.is_err());
    assert_eq!(
        said.take(),
        [r#"user=ann tree=main op="replace" path=/read-only/file outcome=permission denied"#]
    );
    files.rename(&path("/file"), &path("/moved"), crate::data::files::Over::Never).await.unwrap();
    assert_eq!(said.take(), [r#"user=ann tree=main op="rename" path=/file to=/moved outcome=done"#]);
    assert!(files.stat(&path("/.hidden"), true).await.is_err());
    assert_eq!(
        said.take(),
        [r#"user=ann tree=main op="stat" path=/.hidden outcome=no such file or directory"#]
    );
    let read = files.open_now(&path("/moved"), &Open::read()).unwrap().unwrap();
    assert_eq!(said.take(), [r#"user=ann tree=main op="read" path=/moved outcome=done"#]);
    drop(read);
    assert!(said.take().is_empty());
    // Whether a file was there is said.
    for (write, append, there, gone) in [
        (Write::Replace, false, "replace", "create"),
        (Write::Update, true, "append", "create"),
        (Write::Update, false, "update", "create"),
    ] {
        for (at, op) in [("/moved", there), ("/gone", gone)] {
            let mut how = Open::write(write);
            how.append = append;
            drop(files.open(&path(at), &how).await.unwrap());
            let _ = files.remove(&path("/gone"), Remove::File).await;
            let first = said.take().swap_remove(0);
            assert!(first.contains(&format!("op=\"{op}\" path={at}")), "{first}");
        }
    }
}

/// Lets each of the inner layers refuse, and sees that the outer ones were passed, or not.
#[tokio::test(start_paused = true)]
async fn the_order_is_fixed() {
    let (ledger, view) = full();
    let view = View { rates: rates(10), ..view };
    let files = view.of(Arc::new(Memory::new().with("/read-only/file", "x")));
    // Permissions before quota: what is refused sets nothing aside.
    assert!(matches!(put(&*files, "/read-only/file", b"0123456789").await, Err(FsError::Denied)));
    assert_eq!(ledger.used(), 0);
    // Permissions before hide: a hidden name is refused by the rules where they do.
    let hidden = files.open(&path("/listed/.x"), &Open::read()).await;
    assert!(matches!(hidden.err(), Some(FsError::Denied)));
    // Hide inside of quota: what was set aside for a hidden name is given back.
    assert!(matches!(put(&*files, "/.hidden", b"0123456789").await, Err(FsError::Denied)));
    assert_eq!(ledger.used(), 0);
    // Quota before throttle: what there is no room for does not wait, and takes no one's turn.
    let share = share(5);
    let files = View { share, rates: rates(1), ..Default::default() }.of(Arc::new(Memory::new()));
    let start = tokio::time::Instant::now();
    let file = files.open(&path("/file"), &Open::write(Write::Replace)).await.unwrap();
    for _ in 0..9 {
        let written = file.write_at(0, Bytes::from_static(b"0123456789")).await;
        assert!(matches!(written, Err(FsError::Quota)));
    }
    assert_eq!(start.elapsed().as_secs(), 0);
}

#[tokio::test]
async fn hidden_names_are_hidden_in_every_mount() {
    let inner: Arc<dyn Files> = Arc::new(Memory::new().with("/.secret", "x").with("/seen", "x"));
    let files = View::default().of(Arc::new(Mounts::new(None, [(path("/pub"), inner)])));
    assert!(matches!(files.stat(&path("/pub/.secret"), true).await, Err(FsError::NotFound)));
    let mut listing = files.list(&path("/pub"), ListOptions::default()).await.unwrap();
    assert_eq!(listing.next_batch(9).await.unwrap().len(), 1);
    assert!(matches!(files.remove(&path("/pub"), Remove::Tree).await, Err(FsError::Busy)));
}

#[tokio::test]
async fn only_the_throttle_takes_the_descriptor_and_the_ways_not_to_wait() {
    let file = Arc::new(File::open("/dev/null").unwrap());
    let one: Arc<dyn Files> = Arc::new(One(file.clone()));
    let all = rules(&[("/**", Ops::ALL)]);
    let base = View::default();
    let audited = View { audit: ann(), ..base.clone() };
    let ruled = View { rules: all.clone(), ..base.clone() };
    let counted = View { share: share(1), ..base.clone() };
    let all_but_slow = View { audit: ann(), rules: all, share: share(1), ..base.clone() };
    let slow = View { rates: rates(1 << 30), ..base.clone() };
    let mounted: Arc<dyn Files> = Arc::new(Mounts::new(None, [(path("/dir"), one.clone())]));
    for (layers, tree, at, kept) in [
        ("hide", base.of(one.clone()), "/one", true),
        ("mounts", base.of(mounted), "/dir/one", true),
        ("audit", audited.of(one.clone()), "/one", true),
        ("permissions", ruled.of(one.clone()), "/one", true),
        ("quota", counted.of(one.clone()), "/one", true),
        ("all of them", all_but_slow.of(one.clone()), "/one", true),
        ("throttle", slow.of(one), "/one", false),
    ] {
        let now = tree.open_now(&path(at), &Open::read()).expect("no waiting").unwrap();
        let later = tree.open(&path(at), &Open::read()).await.unwrap();
        for handle in [now, later] {
            let fd = FileHandle::as_fd(&*handle).map(|fd| fd.as_raw_fd());
            assert_eq!(fd, kept.then(|| file.as_raw_fd()), "{layers}");
            assert_eq!(handle.read_now(0, &mut BytesMut::new()).is_some(), kept, "{layers}");
        }
    }
}
