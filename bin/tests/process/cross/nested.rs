//! Locks and properties where the folder of one tree lies in that of another.

use super::House;
use super::locks::{LOCK, MOOD, SET};
use super::visitor::{Door, Visitor};

/// Locks it, and gives the field that unlocks it.
#[track_caller]
fn locked(visitor: &Visitor, path: &[u8], depth: &str) -> String {
    let fields = format!("Depth: {depth}\r\nTimeout: Second-60\r\n");
    let locked = visitor.site.ask("LOCK", path, &fields, LOCK);
    assert_eq!(locked.status, 200, "{}", locked.text());
    format!("Lock-Token: {}\r\n", locked.field("lock-token").unwrap())
}

#[track_caller]
fn glad(visitor: &Visitor, path: &[u8]) -> bool {
    let told = visitor.site.ask("PROPFIND", path, "Depth: 0\r\n", MOOD);
    assert_eq!(told.status, 207, "{}", path.escape_ascii());
    told.text().contains("glad")
}

#[test]
fn a_lock_through_one_tree_holds_in_the_other() {
    let house = House::new();
    let (mut ann, mut bob) = (house.ann(Door::Dav), house.bob(Door::Http));
    ann.puts(b"/inner/doc", b"old");
    let token = locked(&ann, b"/inner/doc", "0");
    assert_eq!(bob.put(b"/outer/in/tree/doc", b"new"), 423);
    assert_eq!(bob.delete(b"/outer/in/tree/doc"), 423);
    assert_eq!(bob.site.ask("LOCK", b"/outer/in/tree/doc", "", LOCK).status, 423);
    // What it is in is neither moved nor removed.
    for path in [&b"/outer/in/tree"[..], b"/outer/in"] {
        assert_eq!(bob.rename(path, b"/outer/moved"), 207, "{}", path.escape_ascii());
    }
    assert_eq!(ann.get(b"/outer/in/tree/doc").as_deref(), Ok(&b"old"[..]));
    // Whoever made it uses it, and ends it, by either tree.
    let with_token = token.replace("Lock-Token: ", "If: (").replace("\r\n", ")\r\n");
    assert_eq!(ann.site.ask("PUT", b"/outer/in/tree/doc", &with_token, b"anns").status, 204);
    assert_eq!(ann.site.ask("UNLOCK", b"/outer/in/tree/doc", &token, b"").status, 204);
    assert_eq!(bob.put(b"/inner/doc", b"new"), 204);
}

#[test]
fn a_lock_of_a_folder_above_a_tree_holds_in_the_whole_tree() {
    let house = House::new();
    let (mut ann, mut bob) = (house.ann(Door::Dav), house.bob(Door::Http));
    ann.puts(b"/inner/doc", b"old");
    let alone = locked(&ann, b"/outer/in", "0");
    assert_eq!(bob.put(b"/inner/doc", b"new"), 204, "it is of the folder alone");
    assert_eq!(ann.site.ask("UNLOCK", b"/outer/in", &alone, b"").status, 204);
    let token = locked(&ann, b"/outer/in", "infinity");
    for path in [&b"/inner/doc"[..], b"/inner/new"] {
        assert_eq!(bob.put(path, b"new"), 423, "{}", path.escape_ascii());
    }
    let told = bob.site.ask("PROPFIND", b"/inner/doc", "Depth: 0\r\n", b"").text();
    assert!(told.contains("<D:lockroot><D:href>/inner/</D:href></D:lockroot>"), "{told}");
    assert_eq!(ann.site.ask("UNLOCK", b"/inner/doc", &token, b"").status, 204);
    assert_eq!(bob.put(b"/inner/new", b"new"), 201);
}

#[test]
fn properties_set_through_one_tree_go_along_in_the_other() {
    let house = House::new();
    let dav = house.ann(Door::Dav);
    for mut ann in house.anns() {
        ann.makes(b"/inner/dir");
        ann.puts(b"/inner/dir/doc", b"content");
        assert_eq!(dav.site.ask("PROPPATCH", b"/inner/dir/doc", "", SET).status, 207);
        assert!(glad(&dav, b"/outer/in/tree/dir/doc"), "{:?}", ann.door);
        // The file, then the folder that it is in, then one that the tree is in.
        let moves: [(&[u8], &[u8]); 3] = [
            (b"/outer/in/tree/dir/doc", b"/outer/in/tree/dir/moved"),
            (b"/outer/in/tree/dir", b"/outer/in/tree/other"),
            (b"/outer/in", b"/outer/out"),
        ];
        for (from, to) in moves {
            let code = ann.rename(from, to);
            assert!([201, 250].contains(&code), "{:?}: {code}", ann.door);
        }
        assert!(glad(&dav, b"/outer/out/tree/other/moved"), "{:?}", ann.door);
        let code = ann.rename(b"/outer/out", b"/outer/in");
        assert!([201, 250].contains(&code), "{:?}: {code}", ann.door);
        assert!(glad(&dav, b"/inner/other/moved"), "{:?}", ann.door);
        // What is gone by one tree is gone by both.
        assert_eq!(dav.site.ask("DELETE", b"/outer/in/tree/other", "", b"").status, 204);
        ann.makes(b"/inner/other");
        ann.puts(b"/inner/other/moved", b"another");
        assert!(!glad(&dav, b"/inner/other/moved"), "{:?}", ann.door);
        assert_eq!(dav.site.ask("DELETE", b"/inner/other", "", b"").status, 204);
    }
}
