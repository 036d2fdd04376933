mod copies;
mod locks;
mod underway;

use std::sync::Arc;

use bytes::BytesMut;
use ropewalk_core::data::files::layers::Marked;
use ropewalk_core::data::files::{DotDot, Files, Marks, Memory, Open, VPath};

use super::files::{content, field};
use super::*;
use crate::{Routes, Static};

const PROPFIND: &str = "<D:propfind xmlns:D='DAV:'>";

type Tree = Arc<Marked<Memory>>;

fn marked(files: Memory) -> Tree {
    Arc::new(Marked::new(files, Arc::new(Marks::memory())))
}

fn tree() -> Tree {
    marked(Memory::new().with("/a", "old").with("/dir/b", "b").with("/dir/sub/c", "c").with_dir("/empty"))
}

fn http(files: &Tree) -> Http {
    Http::new(Static::new(files.clone()).writable().dav())
}

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

async fn kept(files: &Tree, at: &str) -> Option<String> {
    let file = files.open(&path(at), &Open::read()).await.ok()?;
    let bytes = file.read_at(0, BytesMut::with_capacity(1 << 16)).await.unwrap();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn request(method: &str, target: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{fields}\r\n{body}")
}

async fn ask(files: &Tree, method: &str, target: &str, fields: &str, body: &str) -> String {
    say(http(files), request(method, target, fields, body)).await
}

/// The status alone.
async fn code(files: &Tree, method: &str, target: &str, fields: &str) -> u16 {
    status(&ask(files, method, target, fields, "").await).parse().unwrap()
}

#[tokio::test]
async fn options_say_what_there_is() {
    let files = tree();
    let said = ask(&files, "OPTIONS", "/", "", "").await;
    assert_eq!((status(&said), field(&said, "dav")), ("200", Some("1, 2, 3, sabredav-partialupdate")));
    assert_eq!(field(&said, "ms-author-via"), Some("DAV"));
    assert!(field(&said, "allow").unwrap().contains("LOCK"));
    let read_only = Http::new(Static::new(files.clone()).dav());
    let said = say(read_only, request("OPTIONS", "/", "", "")).await;
    assert_eq!(field(&said, "dav"), Some("1, 3"));
    for method in ["PUT", "LOCK", "MKCOL", "DELETE", "PROPPATCH", "MOVE"] {
        let read_only = Http::new(Static::new(files.clone()).dav());
        assert_eq!(status(&say(read_only, request(method, "/a", "", "")).await), "405", "{method}");
    }
}

#[tokio::test]
async fn everything_is_told_of_members_and_only_of_them() {
    let files = tree();
    let said = ask(&files, "PROPFIND", "/dir", "Depth: 1\r\n", "").await;
    assert_eq!(status(&said), "207");
    assert_eq!(field(&said, "content-type"), Some("application/xml; charset=utf-8"));
    for href in ["/dir/", "/dir/b", "/dir/sub/"] {
        assert!(said.contains(&format!("<D:href>{href}</D:href>")), "{href} in {said}");
    }
    assert!(!said.contains("/dir/sub/c") && !said.contains("quota"), "{said}");
    assert!(said.contains("<D:getcontentlength>1</D:getcontentlength>"));
    assert!(said.contains("<D:resourcetype><D:collection/></D:resourcetype>"));
    assert!(said.contains("<D:lockentry><D:lockscope><D:exclusive/>"));
    let alone = ask(&files, "PROPFIND", "/dir/", "Depth: 0\r\n", "").await;
    assert!(alone.contains("<D:href>/dir/</D:href>") && !alone.contains("/dir/b"));
    // A file has nothing below it, however deep that is.
    for depth in ["Depth: 1\r\n", "Depth: infinity\r\n", ""] {
        let of_file = ask(&files, "PROPFIND", "/a", depth, "").await;
        assert_eq!((status(&of_file), of_file.matches("<D:response>").count()), ("207", 1), "{depth}");
    }
}

#[tokio::test]
async fn what_is_asked_for_is_found_or_missing() {
    let files = tree();
    let props = format!(
        "{PROPFIND}<D:prop><D:getetag/><D:quota-available-bytes/><D:quota-used-bytes/><x xmlns='urn:x'/></D:prop></D:propfind>"
    );
    let said = ask(&files, "PROPFIND", "/a", "Depth: 0\r\n", &props).await;
    let get = ask(&files, "GET", "/a", "", "").await;
    let tag = format!("<D:getetag>{}</D:getetag>", field(&get, "etag").unwrap());
    let (found, missing) = said.split_once("200 OK").unwrap();
    assert!(found.contains(&tag), "{said}");
    assert!(missing.contains("<x xmlns=\"urn:x\"/>") && missing.contains("404 Not Found"), "{said}");
    assert!(missing.contains("<D:quota-used-bytes/>"), "a file has no quota: {said}");
    let dir = ask(&files, "PROPFIND", "/dir", "Depth: 0\r\n", &props).await;
    assert!(dir.contains("<D:quota-available-bytes>1"), "{dir}");
    let names = format!("{PROPFIND}<D:propname/></D:propfind>");
    let names = ask(&files, "PROPFIND", "/a", "Depth: 0\r\n", &names).await;
    assert!(names.contains("<D:getetag/>") && !names.contains("<D:getetag>"), "{names}");
}

#[tokio::test]
async fn bad_propfinds_are_refused() {
    let files = tree();
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><propfind xmlns='DAV:'><prop>&c;</prop></propfind>";
    let long = format!("{PROPFIND}<D:prop>{}</D:prop></D:propfind>", " ".repeat(64 * 1024));
    let deep = format!("{PROPFIND}{}", "<a>".repeat(5000));
    let uri = "n".repeat(60_000);
    let wide = format!("{PROPFIND}<D:prop xmlns:z='{uri}'>{}</D:prop></D:propfind>", "<z:a/>".repeat(250));
    for (fields, body, expected) in [
        ("Depth: 1\r\n", bomb, "400"),
        ("Depth: 1\r\n", &long, "413"),
        ("Depth: 1\r\n", &deep, "400"),
        ("Depth: 1\r\n", &wide, "413"),
        ("Depth: 1\r\n", "<a/>", "400"),
        ("Depth: 1\r\n", "not XML", "400"),
        ("Depth: 2\r\n", "", "400"),
        ("Depth: infinity\r\n", "", "403"),
        ("", "", "403"),
    ] {
        let said = ask(&files, "PROPFIND", "/", fields, body).await;
        assert_eq!(status(&said), expected, "{fields} {}", body.get(..40).unwrap_or(body));
        assert_eq!(said.contains("<D:propfind-finite-depth/>"), expected == "403", "{said}");
    }
    for (target, expected) in
        [("/none", "404"), ("/a/", "404"), ("/a/b", "404"), ("/..", "400"), ("/%2e%2e/a", "400")]
    {
        assert_eq!(status(&ask(&files, "PROPFIND", target, "Depth: 1\r\n", "").await), expected, "{target}");
    }
}

#[tokio::test]
async fn any_name_is_written_so_that_it_can_be_asked_for() {
    let odd = ["a b", "<&>\"'", "100%", "é", "a?b#c", "]]>", "x\ny", "..\\b"];
    let files = odd.iter().fold(Memory::new(), |files, name| files.with(&format!("/{name}"), *name));
    let files = marked(files);
    let said = ask(&files, "PROPFIND", "/", "Depth: 1\r\n", "").await;
    let hrefs: Vec<_> = said.split("<D:href>").skip(2).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(hrefs.len(), odd.len(), "{said}");
    for href in hrefs {
        let get = ask(&files, "GET", href, "", "").await;
        assert!(odd.contains(&content(&get)), "{href}: {get}");
    }
}

#[tokio::test]
async fn a_mounted_tree_says_whole_paths() {
    let files = tree();
    let mounted =
        || Http::new(Routes::new().mount("/m n", Static::new(files.clone()).writable().dav()).unwrap());
    let said = say(mounted(), request("PROPFIND", "/m%20n/dir", "Depth: 1\r\n", "")).await;
    assert!(
        said.contains("<D:href>/m%20n/dir/</D:href>") && said.contains("<D:href>/m%20n/dir/b</D:href>"),
        "{said}"
    );
    let moved = request("MOVE", "/m%20n/a", "Destination: http://x/m%20n/z\r\n", "");
    assert_eq!(status(&say(mounted(), moved).await), "201");
    assert_eq!(kept(&files, "/z").await.unwrap(), "old");
    let outside = request("MOVE", "/m%20n/z", "Destination: /elsewhere\r\n", "");
    assert_eq!(status(&say(mounted(), outside).await), "403");
}

#[tokio::test]
async fn properties_are_kept_and_go_along() {
    let files = tree();
    let set = "<D:propertyupdate xmlns:D='DAV:' xmlns:x='urn:x'><D:set><D:prop xml:lang='en'>\
               <x:p a='1'>v &lt; <x:q/></x:p></D:prop></D:set></D:propertyupdate>";
    let said = ask(&files, "PROPPATCH", "/a", "", set).await;
    assert_eq!(status(&said), "207");
    assert!(said.contains("<p xmlns=\"urn:x\"/>") && said.contains("200 OK"), "{said}");
    assert_eq!(code(&files, "COPY", "/a", "Destination: /copy\r\n").await, 201);
    assert_eq!(code(&files, "MOVE", "/a", "Destination: /dir/moved\r\n").await, 201);
    let value = "<p xmlns=\"urn:x\" a=\"1\" xml:lang=\"en\">v &lt; <q/></p>";
    for at in ["/copy", "/dir/moved"] {
        let said = ask(&files, "PROPFIND", at, "Depth: 0\r\n", "").await;
        assert!(said.contains(value), "{said}");
    }
    let within = ask(&files, "PROPFIND", "/dir/", "Depth: 1\r\n", "").await;
    assert_eq!(within.matches(value).count(), 1, "{within}");
    let remove = "<D:propertyupdate xmlns:D='DAV:'><D:remove><D:prop><p xmlns='urn:x'/></D:prop></D:remove></D:propertyupdate>";
    assert!(ask(&files, "PROPPATCH", "/copy", "", remove).await.contains("200 OK"));
    assert!(!ask(&files, "PROPFIND", "/copy", "Depth: 0\r\n", "").await.contains("urn:x"));
}

#[tokio::test]
async fn of_changes_all_are_made_or_none() {
    let files = tree();
    let both = "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><p xmlns='urn:x'>1</p><D:getetag>2</D:getetag>\
                </D:prop></D:set></D:propertyupdate>";
    let said = ask(&files, "PROPPATCH", "/a", "", both).await;
    assert!(said.contains("424 Failed Dependency") && said.contains("403 Forbidden"), "{said}");
    assert!(said.contains("<D:cannot-modify-protected-property/>"), "{said}");
    assert!(!ask(&files, "PROPFIND", "/a", "Depth: 0\r\n", "").await.contains("urn:x"));
}

#[tokio::test]
async fn windows_sets_the_time() {
    let files = tree();
    let update = |value: &str| {
        format!(
            "<D:propertyupdate xmlns:D='DAV:' xmlns:Z='urn:schemas-microsoft-com:'><D:set><D:prop>\
             <Z:Win32LastModifiedTime>{value}</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>\
             </D:prop></D:set></D:propertyupdate>"
        )
    };
    let said = ask(&files, "PROPPATCH", "/a", "", &update("Sun, 06 Nov 1994 08:49:37 GMT")).await;
    assert_eq!(said.matches("200 OK").count(), 2, "{said}");
    let get = ask(&files, "GET", "/a", "", "").await;
    assert_eq!(field(&get, "last-modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    let said = ask(&files, "PROPPATCH", "/a", "", &update("yesterday")).await;
    assert!(said.contains("409 Conflict") && said.contains("424"), "{said}");
}

#[tokio::test]
async fn collections_are_made_where_there_is_room_for_them() {
    let files = tree();
    for (target, body, expected) in [
        ("/new/", "", "201"),
        ("/new", "", "405"),
        ("/a", "", "405"),
        ("/x/y", "", "409"),
        ("/a/y", "", "409"),
        ("/body", "<a/>", "415"),
    ] {
        assert_eq!(status(&ask(&files, "MKCOL", target, "", body).await), expected, "{target}");
    }
}

#[tokio::test]
async fn a_destination_is_ours_and_not_in_itself() {
    let files = tree();
    for method in ["COPY", "MOVE"] {
        for (source, fields, expected) in [
            ("/a", "", 400),
            ("/a", "Destination: http://evil.example/b\r\n", 502),
            ("/a", "Destination: //evil.example/b\r\n", 400),
            ("/a", "Destination: /b/../../etc\r\n", 400),
            ("/a", "Destination: /%2e%2e/b\r\n", 400),
            ("/a", "Destination: /a\r\n", 403),
            ("/dir", "Destination: /dir/sub/in\r\n", 403),
            ("/dir/sub", "Destination: /dir\r\n", 403),
            ("/", "Destination: /in\r\n", 403),
            ("/a", "Destination: /none/b\r\n", 409),
            ("/a", "Destination: /dir/b\r\nOverwrite: F\r\n", 412),
            ("/a", "Destination: /dir/b\r\nOverwrite: X\r\n", 400),
            ("/none", "Destination: /b\r\n", 404),
            ("/dir", "Destination: /b\r\nDepth: 1\r\n", 400),
        ] {
            assert_eq!(code(&files, method, source, fields).await, expected, "{method} {source} {fields}");
        }
    }
    assert_eq!(
        (kept(&files, "/a").await, kept(&files, "/dir/b").await),
        (Some("old".into()), Some("b".into()))
    );
}

#[tokio::test]
async fn copies_and_moves_replace_what_is_there() {
    let files = tree();
    assert_eq!(code(&files, "COPY", "/dir", "Destination: /copy\r\n").await, 201);
    assert_eq!(kept(&files, "/copy/sub/c").await.unwrap(), "c");
    assert_eq!(code(&files, "COPY", "/dir", "Destination: /flat\r\nDepth: 0\r\n").await, 201);
    assert_eq!(kept(&files, "/flat/b").await, None);
    assert_eq!(code(&files, "COPY", "/empty", "Destination: /copy\r\n").await, 204);
    assert_eq!(kept(&files, "/copy/b").await, None, "what was there has gone");
    assert_eq!(code(&files, "MOVE", "/a", "Destination: /dir/b\r\n").await, 204);
    assert_eq!((kept(&files, "/a").await, kept(&files, "/dir/b").await), (None, Some("old".into())));
    assert_eq!(code(&files, "MOVE", "/dir", "Destination: /copy\r\n").await, 204);
    assert_eq!(kept(&files, "/copy/sub/c").await.unwrap(), "c");
}

#[tokio::test]
async fn a_condition_is_of_every_method() {
    let files = tree();
    let get = ask(&files, "GET", "/a", "", "").await;
    let tag = field(&get, "etag").unwrap();
    for (fields, expected) in [
        (format!("If: ([{tag}])\r\n"), 200),
        (format!("If: (Not [{tag}])\r\n"), 412),
        (format!("If: (<DAV:no-lock>) ([{tag}])\r\n"), 200),
        (format!("If: (Not <DAV:no-lock> [{tag}])\r\n"), 200),
        (format!("If: </dir> ([{tag}])\r\n"), 412),
        (format!("If: <http://x/a> ([{tag}])\r\n"), 200),
        (format!("If: <http://evil.example/a> ([{tag}])\r\n"), 412),
        ("If: nonsense\r\n".into(), 400),
        (format!("If: ([{tag}])\r\nIf: ([{tag}])\r\n"), 400),
    ] {
        assert_eq!(code(&files, "GET", "/a", &fields).await, expected, "{fields}");
    }
    assert_eq!(code(&files, "PUT", "/a", "If: ([\"other\"])\r\n").await, 412);
    assert_eq!(code(&files, "PROPFIND", "/a", "Depth: 0\r\nIf: ([\"other\"])\r\n").await, 412);
}

#[tokio::test]
async fn a_thousand_members_are_all_told() {
    let files = (0..1000).fold(Memory::new(), |files, number| files.with(&format!("/{number}"), "x"));
    let said = ask(&marked(files), "PROPFIND", "/", "Depth: 1\r\n", "").await;
    assert_eq!(said.matches("<D:response>").count(), 1001);
    assert!(said.trim_end().ends_with("0"), "the last chunk");
    assert!(said.contains("</D:multistatus>"));
}
