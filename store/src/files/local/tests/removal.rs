//! What goes away, and when.

use bytes::Bytes;
use ropewalk_core::data::files::layers::{Quota, Share};
use ropewalk_core::data::files::{Over, Remove, Write};

use super::*;

#[tokio::test]
async fn of_a_directory_that_is_removed_only_last_names_are_given_back() {
    let fixture = Fixture::new(&openat2());
    fs::create_dir(fixture.at(b"d")).unwrap();
    for (name, other) in [(&b"d/both"[..], &b"d/again"[..]), (b"d/kept", b"kept")] {
        fs::write(fixture.at(name), "0123456789").unwrap();
        fs::hard_link(fixture.at(name), fixture.at(other)).unwrap();
    }
    let share = Share::uncounted(100);
    let files = Quota::new(fixture.files.clone(), share.clone());
    files.open(&path("/new"), &Open::write(Write::Replace)).await.unwrap();
    assert_eq!(share.used(), 20);
    files.remove(&path("/d"), Remove::Tree).await.unwrap();
    assert_eq!(share.used(), 10);
    // What has another name is written over, and counts as long as it is then.
    let file = files.open(&path("/kept"), &Open::write(Write::Replace)).await.unwrap();
    file.write_at(0, Bytes::from_static(b"012")).await.unwrap();
    fs::hard_link(fixture.at(b"kept"), fixture.at(b"again")).unwrap();
    file.commit().await.unwrap();
    assert_eq!(share.used(), 3);
}

#[tokio::test]
async fn what_is_committed_into_a_directory_that_was_moved_away_gives_nothing_back() {
    let fixture = Fixture::new(&openat2());
    let share = Share::new(100, 0);
    let files = Quota::new(fixture.files.clone(), share.clone());
    let open = |at: &str| {
        let at = path(at);
        let files = &files;
        async move { files.open(&at, &Open::write(Write::Replace)).await.unwrap() }
    };
    files.mkdir(&path("/a"), None).await.unwrap();
    let late = open("/a/x").await;
    late.write_at(0, Bytes::from_static(b"1")).await.unwrap();
    files.rename(&path("/a"), &path("/b"), Over::Never).await.unwrap();
    files.mkdir(&path("/a"), None).await.unwrap();
    let file = open("/a/x").await;
    file.write_at(0, Bytes::from_static(b"0123456789")).await.unwrap();
    file.commit().await.unwrap();
    late.commit().await.unwrap();
    assert_eq!(fs::read(fixture.at(b"b/x")).unwrap(), b"1");
    assert_eq!(share.used(), 11);
    // What is in the way is given back.
    let file = open("/a/x").await;
    file.write_at(0, Bytes::from_static(b"01")).await.unwrap();
    file.commit().await.unwrap();
    assert_eq!(share.used(), 3);
}

#[tokio::test]
async fn a_removal_is_on_the_disk_when_it_is_answered() {
    for durable in [true, false] {
        let fixture = Fixture::new(&Options { durable, ..openat2() });
        fs::create_dir_all(fixture.at(b"tree/with/more")).unwrap();
        fs::create_dir(fixture.at(b"empty")).unwrap();
        for name in [&b"file"[..], b"other", b"tree/with/more/file"] {
            fs::write(fixture.at(name), "x").unwrap();
        }
        let settled = || fixture.files.0.settled.load(Ordering::Relaxed);
        for (number, (at, what)) in
            [("/file", Remove::File), ("/other", Remove::Tree), ("/empty", Remove::EmptyDir)]
                .into_iter()
                .enumerate()
        {
            fixture.files.remove(&path(at), what).await.unwrap();
            assert_eq!(settled(), if durable { number + 1 } else { 0 }, "{at}");
        }
        fixture.files.remove(&path("/tree"), Remove::Tree).await.unwrap();
        assert_eq!(settled(), if durable { 4 } else { 0 });
        assert!(fixture.files.remove(&path("/tree"), Remove::Tree).await.is_err());
        assert_eq!(settled(), if durable { 4 } else { 0 }, "nothing was removed");
    }
}
