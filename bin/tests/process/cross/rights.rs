//! What is told of rights is what is so: `perm` over FTP, `Allow` over HTTP, and what happens to who tries.

use super::House;
use super::ftp::fact;
use super::visitor::{Door, Visitor};

/// What a tree of the house lets people do: those whose rules there are, and one without any.
const PLACES: [(&str, &str); 4] = [
    ("/ruled/read", "ruled/read"),
    ("/ruled/drop", "ruled/drop"),
    ("/ruled/hers", "ruled/hers"),
    ("/shared", "shared"),
];

/// The letters of `perm` (RFC 3659 §7.5.5), or nothing where nothing is told.
#[track_caller]
fn perm(visitor: &mut Visitor, path: &str) -> String {
    let told = visitor.session().of("MLST", path.as_bytes());
    let facts = told.text.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
    fact(facts, "perm").unwrap_or_default()
}

#[track_caller]
fn allows(visitor: &Visitor, path: &str, method: &str) -> bool {
    let told = visitor.site.ask("OPTIONS", path.as_bytes(), "", b"");
    told.field("allow").is_some_and(|allow| allow.split(", ").any(|one| one == method))
}

/// Whether it is done, asked at both doors, each time of a file that is as it was.
#[track_caller]
fn done(house: &House, who: &mut [Visitor; 2], place: (&str, &str), verb: &str) -> [bool; 2] {
    let (path, file) = (format!("{}/doc", place.0), format!("{}/doc", place.1));
    let new = format!("{}/new", place.0);
    who.each_mut().map(|visitor| {
        for left in ["new", "doc"] {
            let left = house.folder.join(&format!("{}/{left}", place.1));
            let _ = std::fs::remove_dir(&left).or_else(|_| std::fs::remove_file(&left));
        }
        house.folder.write(&file, "content");
        let code = match verb {
            "read" => visitor.get(path.as_bytes()).map_or_else(|code| code, |_| 200),
            "overwrite" => visitor.put(path.as_bytes(), b"changed"),
            "create" => visitor.put(new.as_bytes(), b"new"),
            "delete" => visitor.delete(path.as_bytes()),
            "rename" => visitor.rename(path.as_bytes(), new.as_bytes()),
            "mkdir" if visitor.door.is_ftp() => visitor.session().of("MKD", new.as_bytes()).code,
            "mkdir" => visitor.site.ask("MKCOL", new.as_bytes(), "", b"").status,
            _ => panic!("{verb}"),
        };
        (200..300).contains(&code)
    })
}

#[test]
fn what_is_told_of_rights_is_what_is_so() {
    let house = House::new();
    for (name, is_ann) in [("ann", true), ("bob", false)] {
        let person = |door| if is_ann { house.ann(door) } else { house.bob(door) };
        let mut who = [person(Door::Ftp), person(Door::Http)];
        let [mut asks, site] = [person(Door::Ftp), person(Door::Http)];
        for place in PLACES {
            house.folder.write(&format!("{}/doc", place.1), "content");
            let (doc, dir) = (format!("{}/doc", place.0), place.0.to_owned());
            let (of_doc, of_dir) = (perm(&mut asks, &doc), perm(&mut asks, &dir));
            let mut says = vec![
                ("read", of_doc.contains('r'), of_doc.contains('r')),
                // Where only new files may be made, PUT is one of the methods, but not for this file.
                ("overwrite", of_doc.contains('w'), of_doc.contains('w') && allows(&site, &doc, "PUT")),
                ("delete", of_doc.contains('d'), allows(&site, &doc, "DELETE")),
                ("rename", of_doc.contains('f') && of_dir.contains('c'), allows(&site, &doc, "MOVE")),
                ("create", of_dir.contains('c'), of_dir.contains('c')),
                ("mkdir", of_dir.contains('m'), of_dir.contains('m')),
            ];
            if name == "bob" && place.0 == "/ruled/hers" {
                // Of what he may not see nothing is told; asking tells nothing either.
                says.iter_mut().for_each(|(_, _, http)| *http = false);
            }
            for (verb, ftp, http) in says {
                let is = done(&house, &mut who, place, verb);
                assert_eq!(is, [ftp, http], "{name}, {verb} in {}: perm {of_doc:?} in {of_dir:?}", place.0);
            }
        }
    }
}

#[test]
fn what_may_only_be_read_takes_neither_locks_nor_properties_nor_copies() {
    let house = House::new();
    house.folder.write("ruled/read/doc", "content");
    let ann = house.ann(Door::Dav);
    let lock = b"<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope>\
        <D:locktype><D:write/></D:locktype></D:lockinfo>";
    let set = b"<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><x xmlns='urn:x'>1</x></D:prop></D:set></D:propertyupdate>";
    let xml = "Content-Type: text/xml\r\n";
    let doc = b"/ruled/read/doc";
    assert_eq!(ann.site.ask("LOCK", doc, xml, lock).status, 403);
    let told = ann.site.ask("PROPPATCH", doc, xml, set);
    assert!(told.status == 403 || told.text().contains("403"), "{told:?}");
    assert_eq!(ann.site.ask("COPY", doc, "Destination: /ruled/read/copy\r\n", b"").status, 403);
    assert_eq!(ann.site.ask("MOVE", doc, "Destination: /shared/taken\r\n", b"").status, 403);
    assert_eq!(ann.site.ask("COPY", doc, "Destination: /shared/copy\r\n", b"").status, 201);
    assert_eq!(house.folder.read("ruled/read/doc"), "content");
    assert!(!house.folder.join("shared/taken").exists() && !house.folder.join("ruled/read/copy").exists());
}
