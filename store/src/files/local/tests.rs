use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use ropewalk_core::data::files::suite::{Planted, Seed, files_suite};
use ropewalk_core::data::files::{BadPath, DotDot, Kind};
use rustix::fs::{CWD, FileType, Mode, RenameFlags, makedev, mknodat, renameat_with};
use tempfile::TempDir;

use super::*;

mod drawn;
mod nameless;
mod removal;
mod sweep;
mod write;

/// A tree in a directory `root`, with room beside it for what must not be reached.
struct Fixture {
    files: Local,
    dir: TempDir,
}

impl Deref for Fixture {
    type Target = Local;
    fn deref(&self) -> &Local {
        &self.files
    }
}

impl Fixture {
    fn new(options: &Options) -> Self {
        Self::made(TempDir::new().unwrap(), options)
    }

    /// On a file system that waits for no disk, where there is one.
    fn quick(options: &Options) -> Self {
        Self::made(TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap(), options)
    }

    fn made(dir: TempDir, options: &Options) -> Self {
        fs::create_dir(dir.path().join("root")).unwrap();
        let files = Local::with(dir.path().join("root"), options).unwrap();
        Self { files, dir }
    }

    fn at(&self, path: &[u8]) -> PathBuf {
        self.dir.path().join("root").join(OsStr::from_bytes(path))
    }
}

fn openat2() -> Options {
    // A disk that is waited for makes the tests slow, and no test can see it.
    Options { write: true, durable: false, ..Options::default() }
}

fn walk() -> Options {
    Options { openat2: false, ..openat2() }
}

fn planted(seeds: &[Seed], fixture: Fixture) -> Fixture {
    for Seed { path, what } in seeds {
        let at = fixture.at(path.relative());
        match what {
            Planted::File(content) => fs::write(at, content).unwrap(),
            Planted::Dir => fs::create_dir(at).unwrap(),
            Planted::Link(target) => symlink(target, at).unwrap(),
        }
    }
    fixture
}

#[tokio::test]
async fn the_kernels_look_up_does_what_every_backend_has_to() {
    if !Fixture::new(&openat2()).uses_openat2() {
        eprintln!("skipped: no openat2 here");
        return;
    }
    files_suite(|seeds| planted(seeds, Fixture::new(&openat2()))).await;
}

#[tokio::test]
async fn our_own_look_up_does_what_every_backend_has_to() {
    assert!(!Fixture::new(&walk()).uses_openat2());
    files_suite(|seeds| planted(seeds, Fixture::new(&walk()))).await;
}

#[tokio::test]
async fn a_tree_that_is_waited_for_does_what_every_backend_has_to() {
    files_suite(|seeds| planted(seeds, Fixture::quick(&Options { durable: true, ..openat2() }))).await;
}

#[tokio::test]
async fn a_tree_that_is_written_in_place_does_what_every_backend_has_to() {
    files_suite(|seeds| planted(seeds, Fixture::quick(&Options { atomic: false, ..openat2() }))).await;
}

#[tokio::test]
async fn a_tree_to_read_does_what_every_backend_has_to() {
    files_suite(|seeds| planted(seeds, Fixture::quick(&Options::default()))).await;
}

/// Runs a test over both ways to look a path up.
async fn both(test: impl AsyncFn(Options)) {
    test(openat2()).await;
    test(walk()).await;
}

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

async fn error_of(files: &Local, at: &str) -> FsError {
    let (path, how) = (path(at), Open::read());
    let opened = tokio::time::timeout(Duration::from_secs(5), files.open(&path, &how));
    opened.await.expect("no hang").err().expect("an error")
}

async fn content(files: &Local, at: &str) -> Result<Vec<u8>, FsError> {
    let file = files.open(&path(at), &Open::read()).await?;
    Ok(file.read_at(0, BytesMut::with_capacity(4096)).await?.to_vec())
}

#[tokio::test]
async fn links_are_not_followed_where_they_are_switched_off() {
    both(async |options| {
        let fixture = Fixture::new(&Options { links: false, ..options });
        fs::create_dir(fixture.at(b"dir")).unwrap();
        fs::write(fixture.at(b"dir/file"), "here").unwrap();
        symlink("dir", fixture.at(b"to-dir")).unwrap();
        symlink("dir/file", fixture.at(b"to-file")).unwrap();
        assert_eq!(content(&fixture, "/dir/file").await.unwrap(), b"here");
        for at in ["/to-dir/file", "/to-file"] {
            assert!(matches!(error_of(&fixture, at).await, FsError::Loop), "{at}");
        }
        assert_eq!(fixture.stat(&path("/to-dir"), false).await.unwrap().kind, Kind::Link);
    })
    .await;
}

#[tokio::test]
async fn special_files_are_refused_at_once_and_listed() {
    both(async |options| {
        let fixture = Fixture::new(&options);
        mknodat(CWD, fixture.at(b"fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = UnixListener::bind(fixture.at(b"socket")).unwrap();
        symlink("fifo", fixture.at(b"link")).unwrap();
        let mut names = vec!["/fifo", "/socket", "/link"];
        // The device of /dev/zero, which would never end.
        match mknodat(CWD, fixture.at(b"zero"), FileType::CharacterDevice, Mode::RUSR, makedev(1, 5)) {
            Ok(()) => names.push("/zero"),
            Err(error) => eprintln!("no device made: {error}"),
        }
        for at in names {
            assert!(matches!(error_of(&fixture, at).await, FsError::Denied), "{at}");
            assert_eq!(fixture.stat(&path(at), true).await.unwrap().kind, Kind::Special, "{at}");
        }
    })
    .await;
}

/// As many tries as there are, another thread puts a link to the outside in the place of a directory and back.
#[tokio::test]
async fn a_directory_swapped_for_a_link_never_leads_outside() {
    both(async |options| {
        let fixture = Fixture::new(&options);
        fs::create_dir_all(fixture.at(b"real/sub")).unwrap();
        fs::write(fixture.at(b"real/sub/file"), "inside").unwrap();
        fs::create_dir_all(fixture.dir.path().join("outside/sub")).unwrap();
        fs::write(fixture.dir.path().join("outside/sub/file"), "outside").unwrap();
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
        let (mut inside, mut refused) = (0, 0);
        for _ in 0..5_000 {
            for at in ["/real/sub/file", "/bait/sub/file"] {
                match content(&fixture, at).await {
                    Ok(content) => {
                        assert_eq!(content, b"inside");
                        inside += 1;
                    }
                    Err(
                        FsError::Denied | FsError::Loop | FsError::Busy | FsError::NotDir | FsError::NotFound,
                    ) => {
                        refused += 1;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        swapper.join().unwrap();
        // The race was run: both outcomes were seen.
        assert!(inside > 0 && refused > 0, "{inside} inside, {refused} refused");
    })
    .await;
}

#[tokio::test]
async fn a_name_or_path_too_long_for_the_kernel_is_a_bad_name() {
    let long = "n".repeat(300);
    assert_eq!(VPath::parse(long.as_bytes(), &VPath::ROOT, DotDot::Refuse), Err(BadPath::LongName));
    let deep = "/d".repeat(2500);
    assert_eq!(VPath::parse(deep.as_bytes(), &VPath::ROOT, DotDot::Refuse), Err(BadPath::LongPath));
    // What the parser lets through, the kernel takes: a path of exactly 4096 bytes, the first of them a slash.
    let deepest = format!("{}/", "/d".repeat(2048));
    both(async |options| {
        let fixture = Fixture::new(&options);
        assert!(matches!(error_of(&fixture, &deepest).await, FsError::NotFound));
    })
    .await;
}

/// Root may read everything, so this test runs itself again as nobody.
#[tokio::test]
async fn what_may_not_be_read_is_denied() {
    if rustix::process::geteuid().is_root() {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "files::local::tests::what_may_not_be_read_is_denied"]);
        match again.uid(65534).gid(65534).status() {
            Ok(status) => assert!(status.success()),
            Err(error) => eprintln!("skipped: nobody cannot start this program: {error}"),
        }
        return;
    }
    both(async |options| {
        let fixture = Fixture::new(&options);
        fs::create_dir(fixture.at(b"closed")).unwrap();
        for at in [&b"secret"[..], b"closed/file"] {
            fs::write(fixture.at(at), "x").unwrap();
        }
        fs::set_permissions(fixture.at(b"secret"), fs::Permissions::from_mode(0o000)).unwrap();
        // Its names may be read, what they stand for may not.
        fs::set_permissions(fixture.at(b"closed"), fs::Permissions::from_mode(0o400)).unwrap();
        for at in ["/secret", "/closed/file"] {
            assert!(matches!(error_of(&fixture, at).await, FsError::Denied), "{at}");
        }
        let mut listing = fixture.list(&path("/closed"), ListOptions::default()).await.unwrap();
        let entries = listing.next_batch(9).await.unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].name.as_bytes(), b"file");
        fs::set_permissions(fixture.at(b"closed"), fs::Permissions::from_mode(0o700)).unwrap();
    })
    .await;
}

/// Descriptors of this process that lead below `dir`; others may come and go with other tests.
fn descriptors(dir: &Path) -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap();
    links.filter(|fd| fs::read_link(fd.as_ref().unwrap().path()).is_ok_and(|at| at.starts_with(dir))).count()
}

#[tokio::test]
async fn descriptors_are_given_back() {
    both(async |options| {
        let fixture = Fixture::new(&options);
        fs::create_dir_all(fixture.at(b"a/b")).unwrap();
        fs::write(fixture.at(b"a/b/file"), "x").unwrap();
        symlink("a/b/../b/file", fixture.at(b"link")).unwrap();
        let before = descriptors(fixture.dir.path());
        assert_eq!(before, 1, "the root");
        for _ in 0..500 {
            content(&fixture, "/link").await.unwrap();
            error_of(&fixture, "/a/b/missing").await;
            error_of(&fixture, "/a/b").await;
            let mut listing = fixture.list(&path("/a/b"), ListOptions::default()).await.unwrap();
            listing.next_batch(1).await.unwrap();
        }
        let held = fixture.open(&path("/link"), &Open::read()).await.unwrap();
        assert_eq!(descriptors(fixture.dir.path()), before + 1);
        drop(held);
        assert_eq!(descriptors(fixture.dir.path()), before);
    })
    .await;
}

#[tokio::test]
async fn a_file_may_grow_and_shrink_while_it_is_read() {
    both(async |options| {
        let fixture = Fixture::new(&options);
        fs::write(fixture.at(b"file"), vec![b'a'; 8192]).unwrap();
        let file = fixture.open(&path("/file"), &Open::read()).await.unwrap();
        fs::OpenOptions::new()
            .append(true)
            .open(fixture.at(b"file"))
            .unwrap()
            .write_all(&[b'b'; 100])
            .unwrap();
        let more = file.read_at(8192, BytesMut::with_capacity(1000)).await.unwrap();
        assert_eq!(more, vec![b'b'; 100]);
        assert_eq!(file.opened().len, 8192);
        let meta = file.meta().await.unwrap();
        assert_eq!(meta.len, 8292);
        assert_ne!(meta.etag, file.opened().etag);
        fs::OpenOptions::new().write(true).open(fixture.at(b"file")).unwrap().set_len(10).unwrap();
        assert_eq!(file.read_at(0, BytesMut::with_capacity(8192)).await.unwrap(), vec![b'a'; 10]);
        assert!(file.read_at(4096, BytesMut::with_capacity(8192)).await.unwrap().is_empty());
        let mut buf = BytesMut::with_capacity(100);
        if let Some(got) = file.read_now(10, &mut buf) {
            assert_eq!(got.unwrap(), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn an_open_file_outlives_its_name_and_its_tree() {
    let fixture = Fixture::new(&openat2());
    fs::write(fixture.at(b"file"), "still here").unwrap();
    let file = fixture.open(&path("/file"), &Open::read()).await.unwrap();
    let Fixture { files, dir } = fixture;
    drop(files);
    dir.close().unwrap();
    assert_eq!(file.read_at(0, BytesMut::with_capacity(99)).await.unwrap(), "still here");
}

#[tokio::test]
async fn what_is_cached_is_answered_without_a_thread() {
    let fixture = Fixture::new(&openat2());
    if !fixture.uses_openat2() {
        eprintln!("skipped: no openat2 here");
        return;
    }
    fs::write(fixture.at(b"file"), "cached").unwrap();
    let file = fixture.open_now(&path("/file"), &Open::read()).expect("no waiting").unwrap();
    let mut buf = BytesMut::with_capacity(6);
    match file.read_now(0, &mut buf) {
        Some(got) => assert_eq!((got.unwrap(), &*buf), (6, &b"cached"[..])),
        None => eprintln!("this file system cannot read without waiting"),
    }
    let missing = fixture.open_now(&path("/missing"), &Open::read());
    // The kernel has to ask the disk for a name that it has never heard of.
    assert!(matches!(missing, None | Some(Err(FsError::NotFound))));
    assert_eq!(fixture.0.pool.threads(), 0, "no thread was needed");
}

#[tokio::test]
async fn the_root_stays_the_one_that_was_opened() {
    both(async |options| {
        let fixture = Fixture::new(&options);
        fs::write(fixture.at(b"file"), "old").unwrap();
        fs::rename(fixture.at(b""), fixture.dir.path().join("moved")).unwrap();
        fs::create_dir(fixture.at(b"")).unwrap();
        fs::write(fixture.at(b"file"), "new").unwrap();
        assert_eq!(content(&fixture, "/file").await.unwrap(), b"old");
    })
    .await;
}

#[tokio::test]
async fn a_listing_that_was_given_up_says_so() {
    let fixture = Fixture::new(&Options { threads: NonZeroUsize::MIN, ..openat2() });
    fs::write(fixture.at(b"file"), "x").unwrap();
    let mut listing = fixture.list(&VPath::ROOT, ListOptions::default()).await.unwrap();
    // The only thread is busy while a batch is asked for.
    let (go, wait) = sync_channel(0);
    let mut busy = Box::pin(fixture.0.pool.run(move || {
        wait.recv().unwrap();
        Ok(())
    }));
    let mut cx = std::task::Context::from_waker(Waker::noop());
    assert!(busy.as_mut().poll(&mut cx).is_pending());
    assert!(listing.next_batch(1).as_mut().poll(&mut cx).is_pending());
    go.send(()).unwrap();
    busy.await.unwrap();
    assert!(matches!(listing.next_batch(1).await, Err(FsError::Io(_))));
}

#[test]
fn a_root_that_is_no_directory_is_an_error() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    assert_eq!(
        Local::new(dir.path().join("file")).err().map(|e| e.kind()),
        Some(io::ErrorKind::NotADirectory)
    );
    assert_eq!(Local::new(dir.path().join("missing")).err().map(|e| e.kind()), Some(io::ErrorKind::NotFound));
}
