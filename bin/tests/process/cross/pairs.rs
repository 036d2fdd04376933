//! What is written through one protocol, read through another.

use std::collections::BTreeSet;

use super::visitor::{Door, Seen, Visitor};
use super::{House, each_pair};

/// Content of so many octets that shows where each is from.
pub(super) fn content(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap().wrapping_mul(7).wrapping_add(seed)).collect()
}

/// What all tell of a file, which is the same.
#[track_caller]
fn agreed(visitors: &mut [Visitor], path: &[u8]) -> Seen {
    let all: Vec<_> = visitors.iter_mut().map(|visitor| visitor.seen(path).unwrap()).collect();
    let (http, dav, ftp, ftps) = (&all[0], &all[1], &all[2], &all[3]);
    assert_eq!(http, dav, "HEAD and PROPFIND");
    assert_eq!(ftp, ftps, "FTP and FTPS");
    assert_eq!((http.size, &http.time), (ftp.size, &ftp.time), "HTTP and FTP");
    assert!(ftp.unique.is_some());
    Seen { unique: ftp.unique.clone(), ..http.clone() }
}

#[test]
fn what_one_writes_all_read() {
    let house = House::new();
    let mut all = house.anns();
    let mut seed = 0;
    each_pair(&house, |writer, reader, what| {
        let path = format!("/shared/{what}.bin").into_bytes();
        // Nothing, an octet, and more than any buffer; each replaces what was there.
        let mut tags = BTreeSet::new();
        for len in [0, 1, 300_001] {
            seed += 1;
            let content = content(len, seed);
            writer.puts(&path, &content);
            assert_eq!(reader.get(&path).as_ref(), Ok(&content), "{what}, {len} octets");
            let seen = agreed(&mut all, &path);
            assert_eq!(seen.size, u64::try_from(len).unwrap(), "{what}");
            assert!(tags.insert(seen.etag), "{what}: another content has the same ETag");
            assert_eq!(reader.seen(&path).unwrap().size, seen.size);
        }
        // Every line of a text, too, comes as it is.
        let text = b"one\r\ntwo\nthree\r\xff\xff\x00\r\n";
        writer.puts(&path, text);
        assert_eq!(reader.get(&path).as_deref(), Ok(&text[..]), "{what}");
    });
}

#[test]
fn what_one_removes_or_renames_is_so_for_all() {
    let house = House::new();
    each_pair(&house, |one, other, what| {
        let [path, renamed, taken] =
            ["", "-renamed", "-taken"].map(|end| format!("/shared/{what}{end}").into_bytes());
        other.puts(&path, b"content");
        let before = other.seen(&path).unwrap();
        let code = one.rename(&path, &renamed);
        assert!([201, 250].contains(&code), "{what}: {code}");
        assert_eq!(other.get(&path), Err(other.door.code(404, 550)), "{what}");
        assert_eq!(other.get(&renamed).as_deref(), Ok(&b"content"[..]), "{what}");
        // The ETag may be another: rename(2) changes the time of the file's status.
        let after = Seen { etag: before.etag.clone(), ..other.seen(&renamed).unwrap() };
        assert_eq!(after, before, "{what}: it is the same file, of the same time");
        let names = other.names(b"/shared");
        assert!(names.contains(&renamed[8..]) && !names.contains(&path[8..]), "{what}: {names:?}");
        // A name that is taken is taken over, as rename(2) does it.
        other.puts(&taken, b"old");
        let code = one.rename(&renamed, &taken);
        assert!([204, 250].contains(&code), "{what}: {code}");
        assert_eq!(other.get(&taken).as_deref(), Ok(&b"content"[..]), "{what}");
        let code = one.delete(&taken);
        assert!([204, 250].contains(&code), "{what}: {code}");
        assert_eq!(other.get(&taken), Err(other.door.code(404, 550)), "{what}");
        assert_eq!(other.seen(&taken), Err(other.door.code(404, 550)), "{what}");
        assert_eq!(other.delete(&taken), other.door.code(404, 550), "{what}");
    });
}

#[test]
fn all_tell_one_time_and_it_can_be_set_through_two() {
    let house = House::new();
    let mut all = house.anns();
    let path = b"/shared/old.txt";
    for door in [Door::Ftp, Door::Ftps] {
        let mut ann = house.ann(door);
        ann.puts(path, b"of long ago");
        ann.session().say(b"MFMT 20010203040506 /shared/old.txt").is(213);
        assert_eq!(agreed(&mut all, path).time, "20010203040506");
    }
    let patch = "<propertyupdate xmlns='DAV:'><set><prop><Win32LastModifiedTime xmlns='urn:schemas-microsoft-com:'>\
                 Tue, 02 Mar 1999 01:02:03 GMT</Win32LastModifiedTime></prop></set></propertyupdate>";
    let said = house.ann(Door::Dav).site.ask("PROPPATCH", path, "", patch.as_bytes());
    assert!(said.status == 207 && said.text().contains("200 OK"), "{}", said.text());
    assert_eq!(agreed(&mut all, path).time, "19990302010203");
}

#[test]
fn unique_stays_while_the_file_does() {
    let house = House::new();
    let mut all = house.anns();
    let mut ann = house.ann(Door::Http);
    ann.puts(b"/shared/one", b"1");
    ann.puts(b"/shared/two", b"2");
    let one = agreed(&mut all, b"/shared/one").unique;
    assert_ne!(agreed(&mut all, b"/shared/two").unique, one);
    assert_eq!(agreed(&mut all, b"/again/one").unique, one, "one file by two names");
    assert_eq!(ann.rename(b"/shared/one", b"/shared/three"), 201);
    assert_eq!(agreed(&mut all, b"/shared/three").unique, one);
}

#[test]
fn conditions_see_what_another_protocol_did() {
    let house = House::new();
    for door in Door::ALL {
        let mut other = house.ann(door);
        let mut ann = house.ann(Door::Http);
        ann.puts(b"/shared/doc", b"first");
        let tag = ann.seen(b"/shared/doc").unwrap().etag.unwrap();
        other.puts(b"/shared/doc", b"second");
        let fields = format!("If-Match: {tag}\r\n");
        assert_eq!(ann.site.ask("PUT", b"/shared/doc", &fields, b"third").status, 412, "{door:?}");
        let fields = format!("If-None-Match: {tag}\r\n");
        assert_eq!(ann.site.ask("GET", b"/shared/doc", &fields, b"").body, b"second", "{door:?}");
        let fields = format!("If-None-Match: {}\r\n", ann.seen(b"/shared/doc").unwrap().etag.unwrap());
        assert_eq!(ann.site.ask("HEAD", b"/shared/doc", &fields, b"").status, 304, "{door:?}");
    }
}
