//! Folders, and the places where trees are put together.

use super::http::encoded;
use super::visitor::{Door, Visitor};
use super::{House, each_pair};

#[test]
fn a_folder_that_one_makes_is_one_for_the_other() {
    let house = House::new();
    each_pair(&house, |one, other, what| {
        let (dir, doc) = (b"/shared/dir", b"/shared/dir/doc");
        one.makes(dir);
        assert!(other.names(b"/shared").contains(&b"dir"[..]), "{what}");
        assert!(other.names(dir).is_empty(), "{what}");
        other.puts(doc, b"content");
        assert_eq!(one.names(dir).into_iter().collect::<Vec<_>>(), [b"doc"], "{what}");
        assert!(other.put(dir, b"a file?") >= 400, "{what}: a folder is not replaced by a file");
        let code = one.rename(dir, b"/shared/moved");
        assert!([201, 250].contains(&code), "{what}: {code}");
        assert_eq!(other.get(doc), Err(other.door.code(404, 550)), "{what}");
        assert_eq!(other.get(b"/shared/moved/doc").as_deref(), Ok(&b"content"[..]), "{what}");
        // FTP removes a folder when there is nothing in it, HTTP with all that there is.
        if one.door.is_ftp() {
            one.session().of("RMD", b"/shared/moved").is(550);
            assert_eq!(one.delete(b"/shared/moved/doc"), 250, "{what}");
            one.session().of("RMD", b"/shared/moved").is(250);
        } else {
            assert_eq!(one.delete(b"/shared/moved"), 204, "{what}");
        }
        assert!(!other.names(b"/shared").contains(&b"moved"[..]), "{what}");
    });
}

/// FTP's rename stays in its tree; MOVE is a copy and a removal where there is no rename (RFC 4918 §9.9).
#[test]
fn what_moves_to_another_tree_is_whole_on_one_side() {
    let house = House::new();
    for mut ann in house.anns() {
        let door = ann.door;
        for to in [&b"/home/doc"[..], b"/dots/doc", b"/ruled/hers/doc"] {
            ann.puts(b"/shared/doc", b"content");
            let code = ann.rename(b"/shared/doc", to);
            assert_eq!(code, door.code(201, 550), "{door:?}: {}", to.escape_ascii());
            let (kept, gone) =
                if door.is_ftp() { (&b"/shared/doc"[..], to) } else { (to, &b"/shared/doc"[..]) };
            assert_eq!(ann.get(kept).as_deref(), Ok(&b"content"[..]), "{door:?}");
            assert_eq!(ann.get(gone), Err(door.code(404, 550)), "{door:?}");
            assert_eq!(ann.delete(kept), door.code(204, 250));
        }
        // What does not fit there stays where it is.
        ann.puts(b"/shared/doc", &[b'x'; 100_000]);
        assert_eq!(ann.rename(b"/shared/doc", b"/home/doc"), door.code(507, 550), "{door:?}");
        assert_eq!(ann.get(b"/shared/doc").map(|content| content.len()), Ok(100_000), "{door:?}");
    }
}

/// To copy it would be to write over it, and then to remove it.
#[test]
fn what_is_moved_or_copied_onto_itself_by_another_mount_stays() {
    let house = House::new();
    house.folder.write("shared/doc", "content");
    std::fs::create_dir_all(house.folder.join("shared/dir/sub")).unwrap();
    house.folder.write("shared/dir/doc", "content");
    let pairs: [[&[u8]; 2]; 9] = [
        [b"/shared/doc", b"/again/doc"],
        [b"/shared/dir", b"/again/dir"],
        [b"/shared/dir", b"/again/dir/new"],
        [b"/shared/dir/sub", b"/again/dir"],
        [b"/shared", b"/again/new"],
        [b"/shared/doc", b"/twin/doc"],
        [b"/shared/dir", b"/twin/dir"],
        [b"/shared/dir", b"/twin/dir/new"],
        [b"/shared/dir/sub", b"/twin/dir"],
    ];
    let ann = house.ann(Door::Dav);
    for [from, to] in pairs {
        for method in ["COPY", "MOVE"] {
            let what = format!("{method} {} {}", from.escape_ascii(), to.escape_ascii());
            let fields = format!("Destination: {}\r\n", encoded(to));
            let said = ann.site.ask(method, from, &fields, b"").status;
            let is_mount = from == b"/shared" && method == "MOVE";
            assert!(said == 403 || is_mount && said >= 400, "{what}: {said}");
            assert_eq!(house.folder.read("shared/doc"), "content", "{what}");
            assert_eq!(house.folder.read("shared/dir/doc"), "content", "{what}");
            assert!(house.folder.join("shared/dir/sub").exists(), "{what}");
        }
    }
    for door in [Door::Ftp, Door::Ftps] {
        assert!(house.ann(door).rename(b"/shared/doc", b"/again/doc") >= 400);
        assert_eq!(house.folder.read("shared/doc"), "content", "{door:?}");
    }
    // Beside itself it can be copied.
    let said = ann.site.ask("COPY", b"/shared/dir", "Destination: /again/dir2\r\n", b"");
    assert_eq!((said.status, house.folder.read("shared/dir2/doc")), (201, "content".to_owned()));
}

#[test]
fn no_mount_goes_away() {
    let house = House::new();
    for mut ann in house.anns() {
        let door = ann.door;
        ann.puts(b"/shared/doc", b"content");
        for from in [&b"/shared"[..], b"/home", b"/again"] {
            for code in [ann.rename(from, b"/dots/moved"), removes(&mut ann, from)] {
                assert!(code >= 400, "{door:?}: {}: {code}", from.escape_ascii());
            }
        }
        for to in [&b"/doc"[..], b"/home"] {
            assert!(ann.rename(b"/shared/doc", to) >= 400, "{door:?}: {}", to.escape_ascii());
        }
        assert!(ann.put(b"/doc", b"nowhere") >= 400, "{door:?}: there is no tree for it");
        assert_eq!(ann.get(b"/again/doc").as_deref(), Ok(&b"content"[..]), "{door:?}");
        let mounts = [&b"again"[..], b"dots", b"home", b"inner", b"outer", b"ruled", b"shared", b"twin"];
        assert_eq!(ann.names(b"/").into_iter().collect::<Vec<_>>(), mounts, "{door:?}");
        assert!(ann.names(b"/dots").is_empty(), "{door:?}");
    }
}

/// Removes a folder, with all that is in it where that can be said.
fn removes(ann: &mut Visitor, path: &[u8]) -> u16 {
    if ann.door.is_ftp() { ann.session().of("RMD", path).code } else { ann.delete(path) }
}
