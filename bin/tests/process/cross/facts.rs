//! Lengths and times that do not fit into 32 bits, and that are told exactly all the same.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, UNIX_EPOCH};

use super::House;
use super::visitor::Door;

const GIB: u64 = 1 << 30;

#[test]
fn a_length_over_4_gib_is_exact_and_its_end_is_read_and_written() {
    let house = House::new();
    let file = File::create(house.folder.join("shared/large")).unwrap();
    // A hole, and something behind it.
    file.write_all_at(b"end", 5 * GIB).unwrap();
    let len = 5 * GIB + 3;
    for (turn, mut ann) in house.anns().into_iter().enumerate() {
        let (door, len) = (ann.door, len + turn as u64);
        assert_eq!(ann.seen(b"/shared/large").unwrap().size, len, "{door:?}");
        let from = 5 * GIB;
        if door.is_ftp() {
            let listed = String::from_utf8(ann.session().fetch("LIST", b"/shared").unwrap()).unwrap();
            assert!(listed.contains(&format!(" {len} ")), "{listed}");
            ann.session().say(format!("REST {from}").as_bytes()).is(350);
            assert!(ann.get(b"/shared/large").unwrap().starts_with(b"end"), "{door:?}");
            ann.session().say(format!("REST {}", len + 1).as_bytes()).is(350);
            assert_eq!(ann.get(b"/shared/large"), Err(554), "{door:?}");
            ann.session().say(format!("REST {len}").as_bytes()).is(350);
            assert_eq!(ann.put(b"/shared/large", b"!"), 226, "{door:?}");
        } else {
            let got = ann.site.ask("GET", b"/shared/large", &format!("Range: bytes={from}-\r\n"), b"");
            assert!(got.status == 206 && got.body.starts_with(b"end"), "{door:?}: {got:?}");
            let range = format!("bytes {from}-{}/{len}", len - 1);
            assert_eq!(got.field("content-range"), Some(&*range), "{door:?}");
            let more = format!("X-Update-Range: bytes={len}-\r\n");
            assert_eq!(ann.site.ask("PATCH", b"/shared/large", &more, b"!").status, 204, "{door:?}");
        }
        assert_eq!(ann.seen(b"/shared/large").unwrap().size, len + 1, "{door:?}");
    }
}

#[test]
fn times_of_other_centuries_are_exact() {
    let house = House::new();
    let day = Duration::from_secs(86_400);
    for (time, digits) in [
        (UNIX_EPOCH - day / 86_400, "19691231235959"),
        // The disk keeps times from December 1901 on, and to beyond 2^32 seconds after 1970.
        (UNIX_EPOCH - 24_837 * day, "19020101000000"),
        (UNIX_EPOCH + 84_006 * day, "22000101000000"),
    ] {
        let path = house.folder.write("shared/doc", "content");
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        for mut ann in house.anns() {
            if ann.door.is_ftp() {
                assert_eq!(ann.seen(b"/shared/doc").unwrap().time, digits, "{:?}", ann.door);
                continue;
            }
            // Of the future HTTP says nothing (RFC 9110 §8.8.2.1), and of the time before 1970 it has no dates.
            let got = ann.site.ask("GET", b"/shared/doc", "", b"");
            assert_eq!((got.status, &*got.body), (200, &b"content"[..]), "{:?} {digits}", ann.door);
            assert_eq!(ann.site.ask("PROPFIND", b"/shared/", "Depth: 1\r\n", b"").status, 207);
        }
    }
    for door in [Door::Ftp, Door::Ftps] {
        let mut ann = house.ann(door);
        for digits in ["19020101000000", "22000101000000"] {
            ann.session().say(format!("MFMT {digits} /shared/doc").as_bytes()).is(213);
            assert_eq!(ann.seen(b"/shared/doc").unwrap().time, digits);
        }
    }
}
