//! Paths that try to lead elsewhere, and links that do: one answer at every door.

use std::fs;
use std::os::unix::fs::symlink;

use super::House;
use super::http::answer;
use super::visitor::{Door, Visitor};
use super::wire::Wire;

/// Something that nobody is to get, beside the folders that are served.
fn with_secret() -> House {
    let house = House::new();
    house.folder.write("secret", "SECRET");
    fs::create_dir(house.folder.join("shared/dir")).unwrap();
    house.folder.write("shared/dir/doc", "content");
    house
}

/// What is read: by HTTP of a target just so, by FTP of the path that it stands for.
fn read(ann: &mut Visitor, target: &str, path: &[u8]) -> Result<Vec<u8>, u16> {
    if ann.door.is_ftp() {
        return ann.get(path);
    }
    let mut wire = Wire::connect(ann.site.port);
    if let Some(tls) = &ann.site.tls {
        wire = wire.secured(tls);
    }
    // ann:swordfish
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\
         Authorization: Basic YW5uOnN3b3JkZmlzaA==\r\n\r\n",
        ann.site.port
    );
    wire.send(head.as_bytes()).unwrap();
    match answer(&mut wire, false) {
        found if found.status == 200 => Ok(found.body),
        refused => Err(refused.status),
    }
}

#[test]
fn a_path_leads_to_one_place_however_it_is_written() {
    let house = with_secret();
    let name = "n".repeat(300);
    let deep = "d/".repeat(2300);
    // A target, the path that it stands for, and what HTTP and FTP say: nothing where it is the file.
    type Row<'a> = (&'a str, &'a [u8], Option<(u16, u16)>);
    let none = (404, 550);
    let rows: [Row<'_>; 14] = [
        ("/shared/dir/doc", b"/shared/dir/doc", None),
        ("/shared/./dir/./doc", b"/shared/./dir/./doc", None),
        ("/shared//dir//doc", b"/shared//dir//doc", None),
        ("/shared/%2e/dir/doc", b"/shared/./dir/doc", None),
        // FTP stays at the root (RFC 959 has no word for it), HTTP refuses.
        ("/shared/dir/../dir/doc", b"/shared/dir/../dir/doc", Some((400, 0))),
        ("/../../shared/dir/doc", b"/../../shared/dir/doc", Some((400, 0))),
        ("/shared/../secret", b"/shared/../secret", Some((400, 550))),
        ("/shared/%2e%2e/%2E%2E/secret", b"/shared/../../secret", Some((400, 550))),
        ("/shared/%252e%252e/secret", b"/shared/%2e%2e/secret", Some(none)),
        ("/shared/..%5c..%5csecret", b"/shared/..\\..\\secret", Some(none)),
        ("/shared/..%c0%af..%c0%afsecret", b"/shared/..\xc0\xaf..\xc0\xafsecret", Some(none)),
        ("/shared/dir/doc%00", b"/shared/dir/doc\0", Some((400, 501))),
        (&format!("/shared/{name}"), &format!("/shared/{name}").into_bytes(), Some((400, 553))),
        (&format!("/{deep}"), &format!("/{deep}").into_bytes(), Some((400, 500))),
    ];
    for mut ann in house.anns() {
        for (target, path, refused) in rows {
            let expected = match refused.map(|(http, ftp)| ann.door.code(http, ftp)) {
                None | Some(0) => Ok(b"content".to_vec()),
                Some(code) => Err(code),
            };
            assert_eq!(read(&mut ann, target, path), expected, "{:?}: {target:.60}", ann.door);
        }
    }
}

#[test]
fn no_link_leads_out_of_a_tree() {
    let house = with_secret();
    let link = |to: &str, at: &str| symlink(to, house.folder.join("shared").join(at)).unwrap();
    let secret = house.folder.join("secret");
    link("../secret", "relative");
    link(secret.to_str().unwrap(), "absolute");
    link("relative", "chain");
    link("..", "up");
    link("/proc/self/root", "magic");
    link("dir/doc", "inside");
    link("dir", "dirlink");
    let through_magic = format!("/shared/magic{}", secret.display());
    let out: [&[u8]; 6] = [
        b"/shared/relative",
        b"/shared/absolute",
        b"/shared/chain",
        b"/shared/up/secret",
        b"/shared/up/dots",
        through_magic.as_bytes(),
    ];
    for mut ann in house.anns() {
        let (door, none) = (ann.door, ann.door.code(404, 550));
        for path in out {
            let what = format!("{door:?}: {}", path.escape_ascii());
            assert_eq!(ann.get(path), Err(none), "{what} is not read");
            let told = ann.seen(path).map_err(|code| [none, 403].contains(&code));
            assert_eq!(told, Err(true), "{what} is not told of");
            let put = ann.put(path, b"overwritten");
            assert!(put >= 400, "{what} is not written: {put}");
        }
        assert_eq!(ann.get(b"/shared/inside").as_deref(), Ok(&b"content"[..]), "{door:?}");
        assert_eq!(ann.names(b"/shared/dirlink").into_iter().collect::<Vec<_>>(), [b"doc"], "{door:?}");
        assert_eq!(fs::read(&secret).unwrap(), b"SECRET", "{door:?}");
    }
    let dav = house.ann(Door::Dav);
    let listed = dav.site.ask("PROPFIND", b"/shared/", "Depth: 1\r\n", b"").text();
    assert!(listed.contains("/shared/inside<"), "{listed}");
    for name in ["relative", "absolute", "chain", "up", "magic"] {
        let folder = format!("/shared/{name}");
        assert!(!listed.contains(&format!("{folder}<")), "{name} in {listed}");
        for depth in ["0", "1"] {
            let told = dav.site.ask("PROPFIND", folder.as_bytes(), &format!("Depth: {depth}\r\n"), b"");
            assert!([403, 404].contains(&told.status), "{name}: {}", told.status);
        }
        let copied = dav.site.ask("COPY", folder.as_bytes(), "Destination: /shared/copy\r\n", b"");
        assert!(copied.status >= 400 && !house.folder.join("shared/copy").exists(), "{name}");
    }
}

/// ALPACA: what one protocol is sent, another is not to be made to read.
#[test]
fn under_tls_each_door_is_for_its_own_protocol() {
    let house = with_secret();
    for (port, own, others) in
        [(house.https, "http/1.1", ["ftp", "imap"]), (house.ftps, "ftp", ["http/1.1", "h2"])]
    {
        let secure = |alpn: &str| Wire::connect(port).try_secured(&house.tls().with_alpn([alpn]));
        assert!(secure(own).is_ok(), "{own}");
        for other in others {
            assert!(secure(other).is_err(), "{other} where {own} is spoken");
        }
    }
    let mut wire = Wire::connect(house.ftps).secured(&house.tls());
    assert_eq!(wire.line(), b"220 Ropewalk FTP\r\n");
}
