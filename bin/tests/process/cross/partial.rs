//! Uploads that are not complete, and names that are not shown.

use super::http::answer;
use super::pairs::content;
use super::visitor::Door;
use super::{House, each_pair};
use crate::daemon::until;

/// With one folder that hides names with a dot, and one that shows them.
#[test]
fn nobody_sees_half_an_upload() {
    let house = House::new();
    let mut all = house.anns();
    for dir in ["shared", "dots"] {
        for door in Door::ALL {
            let path = format!("/{dir}/doc").into_bytes();
            let (old, new) = (content(1000, 1), content(4 << 20, 2));
            let mut writer = house.ann(door);
            writer.puts(&path, &old);
            let before: Vec<_> = all.iter_mut().map(|reader| reader.seen(&path)).collect();
            let (first, rest) = new.split_at(new.len() / 2);
            let upload = writer.begin(&path, first, new.len());
            // Half of it is on the disk.
            until("it arrives", || {
                house.parts(dir).iter().any(|part| part.metadata().is_ok_and(|meta| meta.len() >= 1 << 20))
            });
            let part = house.parts(dir)[0].file_name().unwrap().as_encoded_bytes().to_vec();
            let part = [format!("/{dir}/").as_bytes(), &part].concat();
            for (reader, before) in all.iter_mut().zip(&before) {
                let what = format!("{door:?} writes, {:?} reads in {dir}", reader.door);
                assert_eq!(reader.get(&path).as_ref(), Ok(&old), "{what}");
                assert_eq!(&reader.seen(&path), before, "{what}");
                let names = reader.names(format!("/{dir}").as_bytes());
                assert_eq!(names.into_iter().collect::<Vec<_>>(), [b"doc"], "{what}");
                let none = reader.door.code(404, 550);
                assert_eq!(reader.get(&part), Err(none), "{what}");
                assert_eq!(reader.seen(&part), Err(none), "{what}");
                assert_ne!(reader.delete(&part), reader.door.code(204, 250), "{what}");
            }
            assert_eq!(writer.finish(upload, rest), door.code(204, 226));
            for reader in &mut all {
                assert_eq!(reader.get(&path).as_ref(), Ok(&new), "{door:?} wrote, {:?} reads", reader.door);
            }
            assert!(house.parts(dir).is_empty());
        }
    }
}

/// Neither is a mixture of both, whoever came first.
#[test]
fn of_two_uploads_at_once_each_is_whole() {
    let house = House::new();
    each_pair(&house, |one, other, what| {
        let (slow, quick) = (content(200_000, 1), content(150_000, 2));
        let upload = one.begin(b"/shared/doc", &slow[..100_000], slow.len());
        other.puts(b"/shared/doc", &quick);
        assert_eq!(house.bob(one.door).get(b"/shared/doc"), Ok(quick), "{what}");
        let code = one.finish(upload, &slow[100_000..]);
        assert!([201, 204, 226].contains(&code), "{what}: {code}");
        assert_eq!(other.get(b"/shared/doc"), Ok(slow), "{what}");
    });
}

#[test]
fn an_upload_on_a_condition_fails_when_another_protocol_was_faster() {
    let house = House::new();
    for mut other in house.anns() {
        let mut ann = house.ann(Door::Http);
        ann.puts(b"/shared/doc", b"first");
        let tag = ann.seen(b"/shared/doc").unwrap().etag.unwrap();
        let mut wire =
            ann.site.begin("PUT", b"/shared/doc", &format!("If-Match: {tag}\r\nContent-Length: 4\r\n"));
        wire.send(b"mi").unwrap();
        until("it arrives", || !house.parts("shared").is_empty());
        other.puts(b"/shared/doc", b"faster");
        wire.send(b"ne").unwrap();
        assert_eq!(answer(&mut wire, false).status, 412, "{:?}", other.door);
        assert_eq!(other.get(b"/shared/doc").as_deref(), Ok(&b"faster"[..]), "{:?}", other.door);
    }
}

/// More than the system's buffers hold, so that most of it is read when the other is in its place.
#[test]
fn who_reads_a_file_reads_it_to_its_end_though_it_is_replaced() {
    let house = House::new();
    let large = content(24 << 20, 1);
    each_pair(&house, |reader, writer, what| {
        std::fs::write(house.folder.join("shared/large"), &large).unwrap();
        let (first, wire) = reader.reads(b"/shared/large", 100_000);
        writer.puts(b"/shared/large", b"small");
        let rest = reader.ends(wire);
        assert!(first == large[..100_000] && rest == large[100_000..], "{what}");
        assert_eq!(reader.get(b"/shared/large").as_deref(), Ok(&b"small"[..]), "{what}");
        assert_eq!(writer.delete(b"/shared/large"), writer.door.code(204, 250));
    });
}

#[test]
fn an_upload_that_is_cut_changes_nothing() {
    let house = House::new();
    let mut all = house.anns();
    // Over FTP in the clear, the end of the connection is the end of the file.
    for door in [Door::Http, Door::Dav, Door::Ftps] {
        let mut writer = house.ann(door);
        writer.puts(b"/shared/doc", b"old");
        let upload = writer.begin(b"/shared/doc", &content(100_000, 3), 200_000);
        until("it arrives", || !house.parts("shared").is_empty());
        drop(upload);
        until("it is given up", || house.parts("shared").is_empty());
        for reader in &mut all {
            assert_eq!(reader.get(b"/shared/doc").as_deref(), Ok(&b"old"[..]), "{door:?}, {:?}", reader.door);
        }
    }
}

/// The control connection goes first, as it came first: by that it is told from a file that is whole.
#[test]
fn an_upload_whose_client_is_killed_changes_nothing() {
    let house = House::new();
    let mut reader = house.ann(Door::Http);
    for door in [Door::Ftp, Door::Ftps].into_iter().cycle().take(20) {
        let mut writer = house.ann(door);
        writer.puts(b"/shared/doc", b"old");
        let upload = writer.begin(b"/shared/doc", &content(100_000, 3), 200_000);
        until("it arrives", || !house.parts("shared").is_empty());
        drop(writer);
        drop(upload);
        until("it is given up", || house.parts("shared").is_empty());
        assert_eq!(reader.get(b"/shared/doc").as_deref(), Ok(&b"old"[..]), "{door:?}");
    }
}

#[test]
fn names_with_a_dot_are_hidden_from_all_or_shown_to_all() {
    let house = House::new();
    for dir in ["shared", "dots"] {
        for name in [".dot", "doc"] {
            house.folder.write(&format!("{dir}/{name}"), "content");
        }
    }
    for mut ann in house.anns() {
        let (door, none) = (ann.door, ann.door.code(404, 550));
        assert_eq!(ann.names(b"/shared").into_iter().collect::<Vec<_>>(), [b"doc"], "{door:?}");
        assert_eq!(ann.get(b"/shared/.dot"), Err(none), "{door:?}");
        assert_eq!(ann.seen(b"/shared/.dot"), Err(none), "{door:?}");
        assert_eq!(ann.delete(b"/shared/.dot"), none, "{door:?}");
        assert_eq!(ann.rename(b"/shared/.dot", b"/shared/found"), none, "{door:?}");
        assert!(ann.put(b"/shared/.new", b"") >= 400, "{door:?}");
        assert!(ann.rename(b"/shared/doc", b"/shared/.doc") >= 400, "{door:?}");
        assert!(!house.folder.join("shared/.new").exists() && house.folder.join("shared/doc").exists());
        assert_eq!(ann.names(b"/dots").len(), 2, "{door:?}");
        assert_eq!(ann.get(b"/dots/.dot").as_deref(), Ok(&b"content"[..]), "{door:?}");
    }
    assert_eq!(house.folder.read("shared/.dot"), "content");
}
