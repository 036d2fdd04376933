//! Names of any bytes but NUL and `/`, which are the same names to every protocol.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use super::House;
use super::visitor::{Door, Visitor};

/// Each byte that a name may have, by itself and among others, and some that other programs take for something else.
fn names() -> Vec<Vec<u8>> {
    let bytes = || (1..=255_u8).filter(|byte| *byte != b'/');
    let alone = bytes().filter(|byte| *byte != b'.').map(|byte| vec![byte]);
    let among = bytes().map(|byte| [b"a", &[byte][..], b"z"].concat());
    let special: [&[u8]; 16] = [
        b".dot",
        b"...",
        b"%5c",
        b"a\\b",
        b"%2e%2e",
        b"%252f",
        b" two  words ",
        b"-rf",
        b"~ann",
        b"*?[a]{b}",
        b"\xff\xff\xfe\xff",
        b"\xff\xf4\xff\xf2",
        "n\u{e4}me \u{1f600}".as_bytes(),
        b"\xc3\x28\x80",
        b"a;b=c; d",
        b"\"<&>'\"",
    ];
    let all: Vec<u8> = bytes().filter(|byte| !b"\r\n".contains(byte)).collect();
    let long = [&all[..200], &all[200..]].map(<[u8]>::to_vec);
    alone.chain(among).chain(special.map(<[u8]>::to_vec)).chain(long).collect()
}

/// FTP has no way to say those.
fn is_unsayable(name: &[u8]) -> bool {
    name.iter().any(|byte| b"\r\n".contains(byte))
}

/// Writes under every name at one door, and reads at the other.
#[track_caller]
fn across(house: &House, mut writer: Visitor, mut reader: Visitor) {
    let what = format!("{:?} to {:?}", writer.door, reader.door);
    let dir = house.folder.join("dots");
    let through_ftp = writer.door.is_ftp() || reader.door.is_ftp();
    let names: Vec<_> = names().into_iter().filter(|name| !(through_ftp && is_unsayable(name))).collect();
    for name in &names {
        let path = [b"/dots/", &name[..]].concat();
        let shown = name.escape_ascii();
        assert!([201, 226].contains(&writer.put(&path, name)), "{what}: {shown} is written");
        assert_eq!(fs::read(dir.join(OsStr::from_bytes(name))).ok().as_ref(), Some(name), "{what}: {shown}");
        assert_eq!(reader.get(&path).as_ref(), Ok(name), "{what}: {shown} is read");
        assert_eq!(reader.seen(&path).map(|seen| seen.size), Ok(u64::try_from(name.len()).unwrap()));
        let code = reader.rename(&path, &[&path[..], b"~"].concat());
        assert!([201, 250].contains(&code), "{what}: {shown} is renamed: {code}");
    }
    let all: BTreeSet<_> = names.iter().map(|name| [&name[..], b"~"].concat()).collect();
    assert_eq!(reader.names(b"/dots"), all, "{what}");
    assert_eq!(writer.names(b"/dots"), all, "{what}");
    for name in &all {
        let path = [b"/dots/", &name[..]].concat();
        assert_eq!(reader.delete(&path), reader.door.code(204, 250), "{what}: {}", name.escape_ascii());
    }
    assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "{what}");
}

#[test]
fn a_name_that_http_writes_ftp_reads() {
    let house = House::new();
    across(&house, house.ann(Door::Http), house.ann(Door::Ftp));
}

#[test]
fn a_name_that_ftp_writes_http_reads() {
    let house = House::new();
    across(&house, house.ann(Door::Ftp), house.ann(Door::Http));
}

#[test]
fn a_name_that_webdav_writes_ftp_reads_under_tls() {
    let house = House::new();
    across(&house, house.ann(Door::Dav), house.ann(Door::Ftps));
}

#[test]
fn a_name_that_http_writes_webdav_reads() {
    let house = House::new();
    across(&house, house.ann(Door::Http), house.ann(Door::Dav));
}

/// What FTP cannot say in one line is neither taken for two lines nor for another name.
#[test]
fn line_ends_in_names_are_refused_by_ftp_and_shown_escaped() {
    let house = House::new();
    house.ann(Door::Http).puts(b"/dots/a\r\nDELE b", b"content");
    house.folder.write("dots/b", "stays");
    for door in [Door::Ftp, Door::Ftps] {
        let mut ann = house.ann(door);
        for name in [&b"a\rb"[..], b"a\nb", b"a\r\0b", b"a\0b"] {
            let reply = ann.session().of("SIZE", &[b"/dots/", name].concat());
            assert_eq!(reply.code, 501, "{door:?}: {}", name.escape_ascii());
        }
        assert_eq!(ann.put(b"/dots/a\nDELE /dots/b", b""), 501, "{door:?}");
        let listed = ann.session().fetch("MLSD", b"/dots").unwrap();
        let escaped = b"; a\\x0d\\x0aDELE b\r\n";
        assert!(listed.windows(escaped.len()).any(|part| part == escaped), "{}", listed.escape_ascii());
        assert_eq!(ann.get(b"/dots/b").as_deref(), Ok(&b"stays"[..]), "{door:?}");
    }
    assert_eq!(house.ann(Door::Http).get(b"/dots/a\r\nDELE b").as_deref(), Ok(&b"content"[..]));
}

/// One decoding, and no more than one, whichever the protocol.
#[test]
fn what_is_encoded_twice_is_decoded_once() {
    let house = House::new();
    house.folder.write("dots/b", "b");
    for mut ann in house.anns() {
        let none = ann.door.code(404, 550);
        for path in [&b"/dots/%62"[..], b"/dots%2fb", b"/dots\\b", b"/shared/%2e%2e/dots/b"] {
            assert_eq!(ann.get(path), Err(none), "{:?}: {}", ann.door, path.escape_ascii());
        }
    }
}
