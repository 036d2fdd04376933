//! Quotas and rules, which every protocol keeps.

use super::pairs::content;
use super::visitor::Door;
use super::{House, each_pair};

const KIB: usize = 1024;

#[test]
fn what_is_over_the_quota_is_refused_and_leaves_the_old_file() {
    let house = House::new();
    let mut all = house.anns();
    for door in Door::ALL {
        let mut ann = house.ann(door);
        let old = content(KIB, 1);
        ann.puts(b"/home/doc", &old);
        assert_eq!(ann.put(b"/home/doc", &content(100 * KIB, 2)), door.code(507, 552), "{door:?}");
        for reader in &mut all {
            assert_eq!(reader.get(b"/home/doc").as_ref(), Ok(&old), "{door:?}, {:?}", reader.door);
        }
        // What was refused takes no room.
        ann.puts(b"/home/much", &content(60 * KIB, 3));
        assert_eq!(ann.delete(b"/home/much"), door.code(204, 250));
        assert!(house.parts("private/ann").is_empty());
    }
}

#[test]
fn what_one_writes_counts_for_the_other() {
    let house = House::new();
    each_pair(&house, |one, other, what| {
        one.puts(b"/home/one", &content(40 * KIB, 1));
        assert_eq!(other.put(b"/home/other", &content(30 * KIB, 2)), other.door.code(507, 552), "{what}");
        assert_eq!(other.get(b"/home/other"), Err(other.door.code(404, 550)), "{what}");
        assert_eq!(one.delete(b"/home/one"), one.door.code(204, 250), "{what}");
        other.puts(b"/home/other", &content(30 * KIB, 2));
        assert_eq!(one.delete(b"/home/other"), one.door.code(204, 250), "{what}");
    });
}

/// What PROPFIND (RFC 4331) and AVBL tell is one number, and what another writes is in it.
#[test]
fn all_tell_what_room_there_is() {
    let house = House::new();
    let (dav, mut ftp) = (house.ann(Door::Dav), house.ann(Door::Ftp));
    let wanted = "<propfind xmlns='DAV:'><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>";
    for (at, mut ann) in house.anns().into_iter().enumerate() {
        ann.puts(format!("/home/{at}").as_bytes(), &content(10 * KIB, 1));
        let told = dav.site.ask("PROPFIND", b"/home/", "Depth: 0\r\n", wanted.as_bytes());
        let left = (64 - 10 * (at + 1)) * KIB;
        assert_eq!(told.element("D:quota-available-bytes"), Some(left.to_string()), "{:?}", ann.door);
        assert_eq!(told.element("D:quota-used-bytes"), Some((64 * KIB - left).to_string()), "{:?}", ann.door);
        let told = ftp.session().of("AVBL", b"/home").is(213);
        assert_eq!(told.value(), left.to_string(), "{:?}", ann.door);
    }
}

#[test]
fn each_has_a_folder_and_a_quota_of_their_own() {
    let house = House::new();
    each_pair(&house, |one, other, what| {
        one.puts(b"/home/doc", &content(60 * KIB, 1));
        let mut bob = house.bob(other.door);
        assert_eq!(bob.get(b"/home/doc"), Err(bob.door.code(404, 550)), "{what}");
        bob.puts(b"/home/doc", &content(60 * KIB, 2));
        assert_eq!(one.get(b"/home/doc"), Ok(content(60 * KIB, 1)), "{what}");
        assert_eq!(bob.delete(b"/home/doc"), bob.door.code(204, 250));
        assert_eq!(one.delete(b"/home/doc"), one.door.code(204, 250));
    });
}

#[test]
fn what_the_rules_deny_is_denied_by_all() {
    let house = House::new();
    house.folder.write("ruled/read/doc", "read only");
    house.folder.write("ruled/hers/doc", "hers");
    house.folder.write("ruled/drop/doc", "of another");
    for door in Door::ALL {
        let (mut ann, mut bob) = (house.ann(door), house.bob(door));
        let none = door.code(404, 550);
        // Said of something that is there, and of a name for something.
        let (denied, named) = (door.code(403, 550), door.code(403, 553));
        assert_eq!(ann.get(b"/ruled/hers/doc").as_deref(), Ok(&b"hers"[..]), "{door:?}");
        assert_eq!(bob.get(b"/ruled/hers/doc"), Err(none), "{door:?}");
        assert_eq!(bob.seen(b"/ruled/hers/doc"), Err(none), "{door:?}");
        assert!(!bob.names(b"/ruled").contains(&b"hers"[..]), "{door:?}");
        assert!(ann.names(b"/ruled").contains(&b"hers"[..]), "{door:?}");
        let refused = bob.put(b"/ruled/hers/new", b"");
        assert!(refused >= 400, "{door:?}: {refused}");
        assert_eq!(
            refused,
            bob.put(b"/ruled/nowhere/new", b""),
            "{door:?}: as where there is no such folder"
        );
        assert_eq!(bob.get(b"/ruled/read/doc").as_deref(), Ok(&b"read only"[..]), "{door:?}");
        assert_eq!(bob.put(b"/ruled/read/doc", b"changed"), named, "{door:?}");
        assert_eq!(bob.put(b"/ruled/read/new", b""), named, "{door:?}");
        assert_eq!(bob.delete(b"/ruled/read/doc"), denied, "{door:?}");
        let refused = bob.rename(b"/ruled/read/doc", b"/ruled/read/moved");
        assert!([denied, named].contains(&refused), "{door:?}: {refused}");
        let new = format!("/ruled/drop/{door:?}").into_bytes();
        bob.puts(&new, b"left");
        assert_eq!(bob.get(&new), Err(denied), "{door:?}");
        assert_eq!(bob.put(&new, b"changed"), named, "{door:?}");
        assert_eq!(bob.put(b"/ruled/drop/doc", b"changed"), named, "{door:?}");
    }
    let files = ["ruled/read/doc", "ruled/hers/doc", "ruled/drop/doc", "ruled/drop/Ftps"];
    assert_eq!(files.map(|file| house.folder.read(file)), ["read only", "hers", "of another", "left"]);
}
