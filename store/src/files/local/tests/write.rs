//! What only a disk has: part files, other people, links that move, a process that is killed.

use std::os::unix::fs::{MetadataExt, chown};

use bytes::Bytes;
use ropewalk_core::data::files::layers::{Dots, Hide, Ops, Quota, Rule, Share, View, Whose, is_part};
use ropewalk_core::data::files::{Over, Remove, SetMeta, Write};
use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::*;

const WAYS: [Write; 3] = [Write::Update, Write::Replace, Write::CreateNew];

pub(super) async fn put(
    files: &Local,
    at: &str,
    how: Write,
    content: &'static [u8],
) -> Result<Meta, FsError> {
    let file = files.open(&path(at), &Open::write(how)).await?;
    file.write_at(0, Bytes::from_static(content)).await?;
    file.commit().await
}

pub(super) fn names(at: &Path) -> Vec<Vec<u8>> {
    let mut names: Vec<_> =
        fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name().as_bytes().to_vec()).collect();
    names.sort();
    names
}

/// 10,000 tries to open, and a fifth of that of all else, while another thread puts a link to the outside in the place of a directory and back.
#[tokio::test]
async fn a_directory_swapped_for_a_link_never_leads_a_write_outside() {
    both(async |options| {
        let fixture = Fixture::new(&options);
        let outside = fixture.dir.path().join("outside");
        for dir in [fixture.at(b"real/sub"), outside.join("sub")] {
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("file"), "untouched").unwrap();
        }
        symlink("../outside", fixture.at(b"bait")).unwrap();
        let (real, bait) = (fixture.at(b"real"), fixture.at(b"bait"));
        let stop = Arc::new(AtomicBool::new(false));
        let swapper = {
            let stop = stop.clone();
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    renameat_with(CWD, &real, CWD, &bait, RenameFlags::EXCHANGE).unwrap();
                }
            })
        };
        let (mut done, mut refused) = (0, 0);
        let mut count = |result: Result<(), FsError>| match result {
            Ok(()) => done += 1,
            Err(
                FsError::Denied
                | FsError::Loop
                | FsError::Busy
                | FsError::NotDir
                | FsError::NotFound
                | FsError::Exists
                | FsError::NotEmpty
                | FsError::Stale,
            ) => refused += 1,
            Err(error) => panic!("{error:?}"),
        };
        let tree = &fixture.files.0;
        for turn in 0..10_000 {
            let [file, made, moved] =
                ["file", "made", "moved"].map(|name| path(&format!("/real/sub/{name}")));
            // In this thread: the way through the pool is slower than the race.
            let how = Open::write(WAYS[turn % 3]);
            let opened = tree.open_to_write(if turn % 3 == 2 { &made } else { &file }, &how);
            count(opened.map(drop));
            if turn % 5 > 0 {
                continue;
            }
            count(tree.mkdir(&path("/bait/sub/dir"), None));
            count(
                tree.rename(&file, &moved, Over::File).and_then(|()| tree.rename(&moved, &file, Over::File)),
            );
            count(tree.set(&file, &SetMeta::default(), true));
            let mode = 0o600 | (turn / 5 % 8) as u16;
            let mut wanted = SetMeta::default();
            wanted.mode = Some(mode);
            count(tree.set(&file, &wanted, true));
            count(tree.hardlink(&file, &made));
            count(tree.symlink(&path("/bait/sub/link"), b"file"));
            for at in ["/real/sub/made", "/real/sub/moved", "/bait/sub/dir", "/bait/sub/link"] {
                let mut left = remove::remove(tree, &path(at), Remove::Tree);
                while let Ok(Some(removal)) = left {
                    left = removal.step();
                }
                count(left.map(drop));
            }
        }
        stop.store(true, Ordering::Relaxed);
        swapper.join().unwrap();
        assert!(done > 0 && refused > 0, "the race was run: {done} done, {refused} refused");
        assert_eq!(names(&outside), [b"sub"]);
        assert_eq!(names(&outside.join("sub")), [b"file"]);
        assert_eq!(fs::read(outside.join("sub/file")).unwrap(), b"untouched");
        assert_eq!(fs::metadata(outside.join("sub/file")).unwrap().mode() & 0o777, 0o644);
    })
    .await;
}

#[tokio::test]
async fn special_files_are_not_written_to_and_keep_nobody_waiting() {
    both(async |options| {
        let fixture = Fixture::new(&options);
        mknodat(CWD, fixture.at(b"fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _socket = UnixListener::bind(fixture.at(b"socket")).unwrap();
        for at in ["/fifo", "/socket"] {
            for how in WAYS {
                let opened = put(&fixture, at, how, b"x");
                let opened = tokio::time::timeout(Duration::from_secs(5), opened).await.expect("no hang");
                assert!(matches!(opened, Err(FsError::Denied)), "{at} {how:?} {opened:?}");
            }
            let mut wanted = SetMeta::default();
            wanted.mode = Some(0o777);
            assert!(matches!(fixture.set(&path(at), wanted, true).await, Err(FsError::Denied)), "{at}");
            fixture.remove(&path(at), Remove::File).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_part_is_nobody_elses_to_read_and_no_name_to_write() {
    let fixture = Fixture::quick(&Options { durable: true, ..openat2() });
    let file = fixture.open(&path("/file"), &Open::write(Write::Replace)).await.unwrap();
    let parts = names(&fixture.at(b""));
    assert!(parts.len() == 1 && is_part(&parts[0]) && parts[0].starts_with(b".file."), "{parts:?}");
    let meta = fs::metadata(fixture.at(&parts[0])).unwrap();
    assert_eq!(meta.mode() & 0o777, 0o600);
    let at = VPath::parse(&parts[0], &VPath::ROOT, DotDot::Refuse).unwrap();
    for how in WAYS {
        assert!(matches!(fixture.open(&at, &Open::write(how)).await.err(), Some(FsError::Denied)), "{how:?}");
    }
    assert!(matches!(fixture.remove(&at, Remove::Tree).await, Err(FsError::Denied)));
    assert!(matches!(fixture.rename(&at, &path("/stolen"), Over::Never).await, Err(FsError::Denied)));
    let hidden = Hide::new(fixture.files.clone(), Dots::Show);
    let mut listing = hidden.list(&VPath::ROOT, ListOptions::default()).await.unwrap();
    assert!(listing.next_batch(9).await.unwrap().is_empty());
    file.commit().await.unwrap();
    assert_eq!(names(&fixture.at(b"")), [b"file"]);
}

#[tokio::test]
async fn new_content_keeps_what_the_old_file_had() {
    let fixture = Fixture::new(&openat2());
    fs::write(fixture.at(b"file"), "old").unwrap();
    fs::set_permissions(fixture.at(b"file"), fs::Permissions::from_mode(0o4641)).unwrap();
    let labelled = setxattr(fixture.at(b"file"), "user.label", b"mine", XattrFlags::empty()).is_ok();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        chown(fixture.at(b"file"), Some(1234), Some(5678)).unwrap();
    }
    let old = fs::metadata(fixture.at(b"file")).unwrap();
    put(&fixture, "/file", Write::Replace, b"new").await.unwrap();
    let new = fs::metadata(fixture.at(b"file")).unwrap();
    assert_ne!(new.ino(), old.ino(), "it is another file");
    assert_eq!(new.mode() & 0o7777, 0o641, "permissions stay, running as somebody else does not");
    assert_eq!((new.uid(), new.gid()), (old.uid(), old.gid()));
    if labelled {
        let mut value = [0; 9];
        let length = getxattr(fixture.at(b"file"), "user.label", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"mine");
    } else {
        eprintln!("this file system has no attributes of users");
    }
}

#[tokio::test]
async fn a_file_with_another_name_keeps_it() {
    both(async |options| {
        let fixture = Fixture::new(&options);
        fs::write(fixture.at(b"file"), "a longer old content").unwrap();
        fs::hard_link(fixture.at(b"file"), fixture.at(b"other")).unwrap();
        let before = fixture.stat(&path("/file"), true).await.unwrap();
        let file = fixture.open(&path("/file"), &Open::write(Write::Replace)).await.unwrap();
        file.write_at(0, Bytes::from_static(b"new")).await.unwrap();
        let mut wanted = SetMeta::default();
        wanted.mtime = Some(ropewalk_core::data::files::Time::new(1_000_000_000, 0));
        file.set(wanted.clone()).await.unwrap();
        assert_eq!(fs::read(fixture.at(b"other")).unwrap(), b"a longer old content", "until the commit");
        let meta = file.commit().await.unwrap();
        assert_eq!((meta.id, meta.nlink, meta.len), (before.id, Some(2), 3));
        assert_eq!(meta.mtime, wanted.mtime);
        assert_eq!(fs::read(fixture.at(b"other")).unwrap(), b"new");
        assert_eq!(names(&fixture.at(b"")), [&b"file"[..], b"other"]);
    })
    .await;
}

/// Runs a test again as nobody, if it runs as root, whom nothing stops. Whether this is the one that counts.
fn is_somebody(name: &str) -> bool {
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", &format!("files::local::tests::write::{name}")]);
    match again.uid(65534).gid(65534).status() {
        Ok(status) => assert!(status.success()),
        Err(error) => eprintln!("skipped: nobody cannot start this program: {error}"),
    }
    false
}

#[tokio::test]
async fn what_may_not_be_written_is_denied_and_stays() {
    if !is_somebody("what_may_not_be_written_is_denied_and_stays") {
        return;
    }
    both(async |options| {
        let fixture = Fixture::new(&options);
        let mode = |at: &[u8], mode| {
            fs::set_permissions(fixture.at(at), fs::Permissions::from_mode(mode)).unwrap();
        };
        fs::create_dir(fixture.at(b"closed")).unwrap();
        for at in [&b"file"[..], b"closed/file", b"secret"] {
            fs::write(fixture.at(at), "old").unwrap();
        }
        mode(b"file", 0o444);
        mode(b"closed", 0o500);
        for at in ["/file", "/closed/new"] {
            for how in [Write::Update, Write::Replace] {
                let put = put(&fixture, at, how, b"new").await;
                assert!(matches!(put, Err(FsError::Denied)), "{at} {how:?} {put:?}");
            }
        }
        assert!(matches!(fixture.mkdir(&path("/closed/dir"), None).await, Err(FsError::Denied)));
        let removed = fixture.remove(&path("/closed"), Remove::Tree).await;
        assert!(matches!(removed, Err(FsError::Denied)), "{removed:?}");
        assert_eq!(fs::read(fixture.at(b"closed/file")).unwrap(), b"old");
        assert_eq!(fs::read(fixture.at(b"file")).unwrap(), b"old");
        // Whose a file is may change its mode, even where he may not read it.
        mode(b"secret", 0o000);
        let mut wanted = SetMeta::default();
        wanted.mode = Some(0o600);
        fixture.set(&path("/secret"), wanted, true).await.unwrap();
        assert_eq!(fs::read(fixture.at(b"secret")).unwrap(), b"old");
        // Into a directory that may not be read, things are put all the same, and waited for.
        fs::create_dir(fixture.at(b"drop")).unwrap();
        mode(b"drop", 0o300);
        let durable = Local::with(fixture.at(b""), &Options { durable: true, ..options.clone() }).unwrap();
        put(&durable, "/drop/new", Write::Replace, b"new").await.unwrap();
        for at in [&b"closed"[..], b"drop"] {
            mode(at, 0o700);
        }
        assert_eq!(fs::read(fixture.at(b"drop/new")).unwrap(), b"new");
    })
    .await;
}

/// Root makes what belongs to others, and somebody else replaces it.
#[tokio::test]
async fn a_file_of_somebody_else_stays_theirs() {
    let fixture = Fixture::new(&openat2());
    if !rustix::process::geteuid().is_root() {
        // Of the files that others let us write there are none that we could make.
        return;
    }
    fs::write(fixture.at(b"file"), "old").unwrap();
    fs::set_permissions(fixture.at(b"file"), fs::Permissions::from_mode(0o666)).unwrap();
    for at in [fixture.dir.path().to_path_buf(), fixture.at(b"")] {
        fs::set_permissions(at, fs::Permissions::from_mode(0o1777)).unwrap();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "files::local::tests::write::somebody_replaces", "--nocapture"]);
    child.env("ROPEWALK_TEST_DIR", fixture.at(b"")).uid(65534).gid(65534);
    match child.status() {
        Ok(status) => assert!(status.success()),
        Err(error) => return eprintln!("skipped: nobody cannot start this program: {error}"),
    }
    let meta = fs::metadata(fixture.at(b"file")).unwrap();
    assert_eq!((meta.uid(), meta.mode() & 0o777), (0, 0o666));
    assert_eq!(fs::read(fixture.at(b"file")).unwrap(), b"new");
    assert_eq!(names(&fixture.at(b"")), [b"file"]);
}

/// The other half of the test above.
#[tokio::test]
async fn somebody_replaces() {
    let Some(dir) = std::env::var_os("ROPEWALK_TEST_DIR") else { return };
    put(&Local::with(dir, &openat2()).unwrap(), "/file", Write::Replace, b"new").await.unwrap();
}

#[tokio::test]
async fn what_was_not_written_whole_is_not_published() {
    let fixture = Fixture::new(&openat2());
    fs::write(fixture.at(b"file"), "old").unwrap();
    let file = fixture.open(&path("/file"), &Open::write(Write::Replace)).await.unwrap();
    file.write_at(0, Bytes::from_static(b"new")).await.unwrap();
    assert!(file.write_at(u64::MAX, Bytes::from_static(b"x")).await.is_err());
    assert!(matches!(file.sync(true).await, Err(FsError::Io(_))), "no waiting helps by now");
    assert!(matches!(file.commit().await, Err(FsError::Io(_))));
    assert_eq!(fs::read(fixture.at(b"file")).unwrap(), b"old");
    assert_eq!(names(&fixture.at(b"")), [b"file"]);
}

#[tokio::test]
async fn what_has_no_room_is_refused_before_it_is_sent() {
    let fixture = Fixture::new(&openat2());
    let mut how = Open::write(Write::Replace);
    how.expect_len = Some(1 << 60);
    assert!(matches!(fixture.open(&path("/file"), &how).await.err(), Some(FsError::NoSpace)));
    assert!(names(&fixture.at(b"")).is_empty());
    // What was set aside and not used is given back.
    how.expect_len = Some(1 << 20);
    let file = fixture.open(&path("/file"), &how).await.unwrap();
    file.write_at(0, Bytes::from_static(b"short")).await.unwrap();
    assert_eq!(file.commit().await.unwrap().len, 5);
    assert!(fs::metadata(fixture.at(b"file")).unwrap().blocks() * 512 <= 1 << 16);
}

#[tokio::test]
async fn a_length_over_4_gib_is_exact() {
    let fixture = Fixture::new(&openat2());
    let file = fixture.open(&path("/file"), &Open::write(Write::Update)).await.unwrap();
    file.write_at(5 << 30, Bytes::from_static(b"end")).await.unwrap();
    assert_eq!(file.commit().await.unwrap().len, (5 << 30) + 3);
    assert_eq!(fixture.stat(&path("/file"), true).await.unwrap().len, (5 << 30) + 3);
}

#[tokio::test]
async fn links_into_the_tree_are_told_from_its_root() {
    let fixture = Fixture::new(&openat2());
    symlink(fixture.at(b"dir/file"), fixture.at(b"inside")).unwrap();
    symlink(fixture.at(b""), fixture.at(b"root")).unwrap();
    symlink(fixture.dir.path().join("rooted"), fixture.at(b"beside")).unwrap();
    assert_eq!(fixture.readlink(&path("/inside")).await.unwrap(), "/dir/file");
    assert_eq!(fixture.readlink(&path("/root")).await.unwrap(), "/");
    assert!(matches!(fixture.readlink(&path("/beside")).await, Err(FsError::Denied)));
}

#[tokio::test]
async fn a_folder_in_a_tree_is_a_tree_that_nothing_leads_out_of() {
    both(async |options| {
        let fixture = Fixture::new(&options);
        fs::write(fixture.at(b"file"), "beside").unwrap();
        let name = |name: &'static str| Name::new(name).unwrap();
        let ann = fixture.within(&name("ann")).await.unwrap();
        assert_eq!(fs::metadata(fixture.at(b"ann")).unwrap().mode() & 0o777, 0o700);
        put(&ann, "/file", Write::Replace, b"ann's").await.unwrap();
        symlink("../file", fixture.at(b"ann/out")).unwrap();
        assert!(matches!(error_of(&ann, "/out").await, FsError::Denied));
        let again = fixture.within(&name("ann")).await.unwrap();
        assert_eq!(content(&again, "/file").await.unwrap(), b"ann's");
        symlink("ann", fixture.at(b"bob")).unwrap();
        for taken in ["bob", "file"] {
            assert!(fixture.within(&name(taken)).await.is_err(), "{taken}");
        }
    })
    .await;
}

/// A tree with somebody's view of it.
struct Viewed {
    files: Arc<dyn Files>,
    _fixture: Fixture,
}

impl Deref for Viewed {
    type Target = Arc<dyn Files>;
    fn deref(&self) -> &Arc<dyn Files> {
        &self.files
    }
}

#[tokio::test]
async fn a_tree_behind_layers_does_what_every_backend_has_to() {
    for atomic in [true, false] {
        let make = |seeds: &[Seed]| {
            let fixture = planted(seeds, Fixture::quick(&Options { atomic, ..openat2() }));
            let mut view = View::default();
            view.audit = Some(Whose { user: "ann".into(), tree: "main".into() });
            view.share = Some(Share::uncounted(1 << 50));
            view.rules = Some([Rule { path: "/**".parse().unwrap(), allow: Ops::ALL }].into());
            view.dots = Dots::Show;
            Viewed { files: view.of(Arc::new(fixture.files.clone())), _fixture: fixture }
        };
        files_suite(make).await;
    }
}

#[tokio::test]
async fn what_is_written_in_place_counts_as_it_grows() {
    let fixture = Fixture::new(&Options { atomic: false, ..openat2() });
    fs::write(fixture.at(b"file"), "0123456789").unwrap();
    let share = Share::uncounted(100);
    let files = Quota::new(fixture.files.clone(), share.clone());
    let file = files.open(&path("/file"), &Open::write(Write::Replace)).await.unwrap();
    assert_eq!(share.used(), 0, "it was emptied");
    file.write_at(0, Bytes::from(vec![b'x'; 30])).await.unwrap();
    drop(file);
    assert_eq!(share.used(), 30, "what came stays");
    let more = files.open(&path("/file"), &Open::write(Write::Update)).await.unwrap();
    more.write_at(30, Bytes::from(vec![b'x'; 40])).await.unwrap();
    assert!(matches!(more.write_at(70, Bytes::from(vec![b'x'; 31])).await, Err(FsError::Quota)));
    drop(more);
    assert_eq!((share.used(), fs::metadata(fixture.at(b"file")).unwrap().len()), (70, 70));
}
