use bytes::BytesMut;

use super::*;

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

async fn content(files: &Memory, at: &str) -> Vec<u8> {
    let file = files.open(&path(at), &Open::read()).await.unwrap();
    file.read_at(0, BytesMut::with_capacity(64)).await.unwrap().to_vec()
}

#[tokio::test]
async fn what_was_not_committed_leaves_no_trace() {
    let files = Memory::new().with("/a", "old");
    let new = files.open(&path("/a"), &Open::write(Write::Replace)).await.unwrap();
    new.write_at(0, Bytes::from_static(b"new")).await.unwrap();
    assert_eq!(content(&files, "/a").await, b"old");
    drop(new);
    assert_eq!(content(&files, "/a").await, b"old");
}

#[tokio::test]
async fn a_commit_replaces_the_file_for_those_who_open_it_later() {
    let files = Memory::new().with("/a", "old");
    let before = files.open(&path("/a"), &Open::read()).await.unwrap();
    let new = files.open(&path("/a"), &Open::write(Write::Replace)).await.unwrap();
    new.write_at(1, Bytes::from_static(b"ew")).await.unwrap();
    new.write_at(0, Bytes::from_static(b"n")).await.unwrap();
    let meta = new.commit().await.unwrap();
    assert_eq!(content(&files, "/a").await, b"new");
    assert_ne!(meta.etag, before.opened().etag);
    assert_eq!(before.read_at(0, BytesMut::with_capacity(9)).await.unwrap(), "old");
}

#[tokio::test]
async fn of_two_that_make_one_file_the_second_fails() {
    let files = Memory::new();
    let (one, two) = (Open::write(Write::CreateNew), Open::write(Write::CreateNew));
    let one = files.open(&path("/a"), &one).await.unwrap();
    let two = files.open(&path("/a"), &two).await.unwrap();
    one.commit().await.unwrap();
    assert!(matches!(two.commit().await, Err(FsError::Exists)));
}

#[tokio::test]
async fn a_replacement_of_what_has_changed_is_refused() {
    let files = Memory::new().with("/a", "old");
    let etag = files.stat(&path("/a"), true).await.unwrap().etag;
    let mut how = Open::write(Write::Replace);
    how.if_match = etag;
    let new = files.open(&path("/a"), &how).await.unwrap();
    files.put(&path("/a"), "newer").unwrap();
    assert!(matches!(new.commit().await, Err(FsError::Stale)));
    assert_eq!(content(&files, "/a").await, b"newer");
}

#[tokio::test]
async fn a_directory_does_not_go_into_itself() {
    let files = Memory::new().with("/d/f", "x");
    for over in [Over::Never, Over::File, Over::Posix] {
        let error = files.rename(&path("/d"), &path("/d/e"), over).await;
        assert!(matches!(error, Err(FsError::BadName)), "{error:?}");
    }
    assert_eq!(content(&files, "/d/f").await, b"x");
}

#[tokio::test]
async fn a_rename_stops_at_what_it_may_not_replace() {
    let files = Memory::new().with("/f", "f").with("/g", "g").with("/d/x", "x").with_dir("/e");
    let rename = async |from: &str, to: &str, over| files.rename(&path(from), &path(to), over).await;
    assert!(matches!(rename("/f", "/g", Over::Never).await, Err(FsError::Exists)));
    assert!(matches!(rename("/f", "/e", Over::Posix).await, Err(FsError::IsDir)));
    assert!(matches!(rename("/e", "/f", Over::Posix).await, Err(FsError::NotDir)));
    assert!(matches!(rename("/e", "/d", Over::Posix).await, Err(FsError::NotEmpty)));
    assert!(matches!(rename("/d", "/e", Over::File).await, Err(FsError::Exists)));
    rename("/d", "/e", Over::Posix).await.unwrap();
    rename("/f", "/g", Over::File).await.unwrap();
    assert_eq!(content(&files, "/e/x").await, b"x");
    assert_eq!(content(&files, "/g").await, b"f");
    assert!(matches!(files.stat(&path("/f"), true).await, Err(FsError::NotFound)));
}

#[tokio::test]
async fn nothing_is_removed_that_is_not_what_was_said() {
    let files = Memory::new().with("/d/f", "x");
    let remove = async |at: &str, what| files.remove(&path(at), what).await;
    assert!(matches!(remove("/d", Remove::File).await, Err(FsError::IsDir)));
    assert!(matches!(remove("/d", Remove::EmptyDir).await, Err(FsError::NotEmpty)));
    assert!(matches!(remove("/d/f", Remove::EmptyDir).await, Err(FsError::NotDir)));
    assert!(matches!(remove("/", Remove::Tree).await, Err(FsError::Busy)));
    remove("/d", Remove::Tree).await.unwrap();
    assert!(matches!(files.stat(&path("/d"), true).await, Err(FsError::NotFound)));
}

#[tokio::test]
async fn appending_goes_to_the_end_whatever_the_offset() {
    let files = Memory::new().with("/a", "one");
    let mut how = Open::write(Write::Update);
    how.append = true;
    let file = files.open(&path("/a"), &how).await.unwrap();
    file.write_at(0, Bytes::from_static(b" two")).await.unwrap();
    assert_eq!(content(&files, "/a").await, b"one two");
}

#[tokio::test]
async fn a_write_far_away_is_too_large() {
    let files = Memory::new();
    let file = files.open(&path("/a"), &Open::write(Write::Update)).await.unwrap();
    for offset in [1 << 40, u64::MAX] {
        let written = file.write_at(offset, Bytes::from_static(b"x")).await;
        assert!(matches!(written, Err(FsError::TooLarge)));
    }
}

#[tokio::test]
async fn a_link_is_never_followed_to_write() {
    let files = Memory::new().with("/d/f", "old").with_link("/l", "d/f").with_link("/m", "d");
    for at in ["/l", "/m/f", "/m/new"] {
        for how in [Write::Update, Write::Replace, Write::CreateNew] {
            let opened = files.open(&path(at), &Open::write(how)).await;
            assert!(matches!(opened.err(), Some(FsError::Loop | FsError::Exists)), "{at} {how:?}");
        }
    }
    assert_eq!(content(&files, "/d/f").await, b"old");
}
