//! Uploads that are not complete, and names that are not shown.

use super::House;
use super::pairs::content;
use super::visitor::Door;
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
