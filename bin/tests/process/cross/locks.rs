//! Locks and properties, which are the file's by whichever way one comes to it.

use super::House;
use super::http::Site;
use super::visitor::Door;

pub(super) const LOCK: &[u8] =
    b"<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>";

pub(super) const SET: &[u8] =
    b"<propertyupdate xmlns='DAV:'><set><prop><mood xmlns='urn:x'>glad</mood></prop></set></propertyupdate>";

pub(super) const MOOD: &[u8] = b"<propfind xmlns='DAV:'><prop><mood xmlns='urn:x'/></prop></propfind>";

#[test]
fn one_lock_holds_across_mounts_sites_and_people() {
    let house = House::new();
    let (mut ann, mut bob) = (house.ann(Door::Dav), house.bob(Door::Http));
    ann.puts(b"/shared/doc", b"old");
    let locked = ann.site.ask("LOCK", b"/shared/doc", "Timeout: Second-60\r\n", LOCK);
    assert_eq!(locked.status, 200);
    let token = locked.field("lock-token").unwrap().to_owned();
    // Another mount, another person; a site of the same files by themselves; the same path over another listener.
    assert_eq!(bob.put(b"/again/doc", b"new"), 423);
    assert_eq!(bob.put(b"/shared/doc", b"new"), 423);
    assert_eq!(house.bob(Door::Dav).put(b"/again/doc", b"new"), 423);
    let alone = Site { port: house.alone, tls: None, login: "bob:hunter2" };
    assert_eq!(alone.ask("PUT", b"/doc", "", b"new").status, 423);
    assert_eq!(bob.delete(b"/again/doc"), 423);
    assert_eq!(bob.rename(b"/again/doc", b"/again/moved"), 423);
    assert_eq!(bob.site.ask("LOCK", b"/again/doc", "", LOCK).status, 423);
    let told = bob.site.ask("PROPFIND", b"/again/doc", "Depth: 0\r\n", b"").text();
    assert!(told.contains("activelock"), "{told}");
    // A token is of use to who made the lock, and by each way.
    let with_token = format!("If: ({token})\r\n");
    assert_eq!(bob.site.ask("PUT", b"/again/doc", &with_token, b"new").status, 423);
    assert_eq!(ann.get(b"/shared/doc").as_deref(), Ok(&b"old"[..]));
    assert_eq!(house.ann(Door::Http).site.ask("PUT", b"/again/doc", &with_token, b"anns").status, 204);
    assert_eq!(house.bob(Door::Ftp).get(b"/again/doc").as_deref(), Ok(&b"anns"[..]));
    // Nobody waits for it who does not know of locks.
    house.bob(Door::Ftps).puts(b"/again/doc", b"bobs");
    assert_eq!(bob.put(b"/again/doc", b"new"), 423, "it is locked as before");
    let unlock = format!("Lock-Token: {token}\r\n");
    assert_eq!(ann.site.ask("UNLOCK", b"/shared/doc", &unlock, b"").status, 204);
    assert_eq!(bob.put(b"/again/doc", b"new"), 204);
}

/// The property, as each way to the file tells it; all tell the same.
#[track_caller]
fn mood(house: &House, name: &str) -> Option<String> {
    let told = |site: &Site, dir: &str| {
        let path = format!("{dir}/{name}");
        let found = site.ask("PROPFIND", path.as_bytes(), "Depth: 0\r\n", MOOD);
        assert_eq!(found.status, 207, "{path}");
        let text = found.text();
        let (_, rest) = text.split_once("glad")?;
        assert!(rest.contains("200 OK"), "{text}");
        Some("glad".to_owned())
    };
    let site = house.bob(Door::Dav).site;
    let alone = Site { port: house.alone, tls: None, login: "ann:swordfish" };
    let all = [told(&site, "/shared"), told(&site, "/again"), told(&alone, "")];
    assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    all[0].clone()
}

#[test]
fn properties_go_along_with_a_file_that_is_renamed_over_any_protocol() {
    let house = House::new();
    for door in Door::ALL {
        let mut ann = house.ann(door);
        ann.puts(b"/shared/doc", b"content");
        assert_eq!(mood(&house, "doc"), None);
        let set = house.ann(Door::Dav).site.ask("PROPPATCH", b"/again/doc", "", SET);
        assert!(set.status == 207 && set.text().contains("200 OK"), "{}", set.text());
        assert!(mood(&house, "doc").is_some(), "{door:?}");
        let code = ann.rename(b"/shared/doc", b"/shared/moved");
        assert!([201, 250].contains(&code), "{door:?}: {code}");
        assert!(mood(&house, "moved").is_some(), "{door:?}");
        ann.puts(b"/shared/doc", b"another file");
        assert_eq!(mood(&house, "doc"), None, "{door:?}: not of the next one with the name");
        // Other content is still the same resource (RFC 4918 §9.7.1).
        ann.puts(b"/shared/moved", b"other content");
        assert!(mood(&house, "moved").is_some(), "{door:?}");
        // What takes the place of another one brings its own.
        let code = ann.rename(b"/shared/doc", b"/shared/moved");
        assert!([204, 250].contains(&code), "{door:?}: {code}");
        assert_eq!(mood(&house, "moved"), None, "{door:?}");
        assert_eq!(house.ann(Door::Dav).site.ask("PROPPATCH", b"/shared/moved", "", SET).status, 207);
        assert_eq!(ann.delete(b"/shared/moved"), door.code(204, 250), "{door:?}");
        ann.puts(b"/shared/moved", b"");
        assert_eq!(mood(&house, "moved"), None, "{door:?}: gone with its file");
        assert_eq!(ann.delete(b"/shared/moved"), door.code(204, 250), "{door:?}");
    }
}

#[test]
fn properties_go_along_with_a_folder_that_is_renamed_over_any_protocol() {
    let house = House::new();
    for mut ann in house.anns() {
        ann.makes(b"/shared/dir");
        ann.puts(b"/shared/dir/doc", b"content");
        assert_eq!(house.ann(Door::Dav).site.ask("PROPPATCH", b"/again/dir/doc", "", SET).status, 207);
        let code = ann.rename(b"/shared/dir", b"/shared/moved");
        assert!([201, 250].contains(&code), "{:?}: {code}", ann.door);
        assert!(mood(&house, "moved/doc").is_some(), "{:?}", ann.door);
        assert_eq!(house.ann(Door::Dav).delete(b"/again/moved"), 204);
    }
}

#[test]
fn properties_go_along_to_another_tree() {
    let house = House::new();
    let mut ann = house.ann(Door::Dav);
    ann.puts(b"/dots/doc", b"content");
    assert_eq!(ann.site.ask("PROPPATCH", b"/dots/doc", "", SET).status, 207);
    assert_eq!(ann.rename(b"/dots/doc", b"/shared/doc"), 201);
    assert!(mood(&house, "doc").is_some());
}

/// A lock is on a path: what FTP does with the file, which does not look at locks, leaves nobody locked out.
#[test]
fn a_lock_ends_with_its_file_also_over_ftp() {
    let house = House::new();
    let (ann, mut bob) = (house.ann(Door::Dav), house.bob(Door::Http));
    for door in [Door::Ftp, Door::Ftps] {
        let mut ftp = house.bob(door);
        for renames in [false, true] {
            ftp.puts(b"/shared/doc", b"content");
            assert_eq!(ann.site.ask("LOCK", b"/shared/doc", "", LOCK).status, 200);
            assert_eq!(bob.put(b"/again/doc", b"new"), 423);
            if renames {
                assert_eq!(ftp.rename(b"/again/doc", b"/again/moved"), 250);
                assert_eq!(bob.put(b"/shared/moved", b"new"), 204);
            } else {
                assert_eq!(ftp.delete(b"/again/doc"), 250);
            }
            assert_eq!(bob.put(b"/shared/doc", b"new"), 201, "{door:?}, {renames}");
        }
        assert_eq!(bob.delete(b"/shared/moved"), 204);
    }
}

#[test]
fn a_lock_of_a_folder_holds_below_it_across_mounts() {
    let house = House::new();
    let (mut ann, mut bob) = (house.ann(Door::Dav), house.bob(Door::Http));
    ann.makes(b"/shared/dir");
    bob.puts(b"/shared/dir/doc", b"old");
    bob.puts(b"/shared/other", b"old");
    let locked = ann.site.ask("LOCK", b"/again/dir", "Depth: infinity\r\n", LOCK);
    assert_eq!(locked.status, 200);
    for path in [&b"/shared/dir/doc"[..], b"/shared/dir/new", b"/again/dir/new"] {
        assert_eq!(bob.put(path, b"new"), 423, "{}", path.escape_ascii());
    }
    assert_eq!(bob.rename(b"/shared/other", b"/shared/dir/other"), 423);
    assert_eq!(bob.rename(b"/shared/dir/doc", b"/shared/doc"), 423);
    assert_eq!(bob.put(b"/shared/new", b"new"), 201, "beside it nothing is locked");
}
