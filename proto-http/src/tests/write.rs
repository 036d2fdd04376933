use std::sync::Arc;

use bytes::BytesMut;
use ropewalk_core::data::files::layers::{Marked, Ops, Permissions, Quota, Rule, Share};
use ropewalk_core::data::files::{
    DotDot, Files, FsError, Marks, Memory, NewLock, Open, SetMeta, Time, VPath,
};
use tokio::io::AsyncWriteExt as _;

use super::files::{content, field};
use super::*;
use crate::Static;

fn tree() -> Memory {
    Memory::new().with("/a", "old").with("/dir/b", "b").with("/dir/sub/c", "c").with_link("/link", "a")
}

fn http(files: &Memory) -> Http {
    Http::new(Static::new(Arc::new(files.clone())).writable())
}

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

/// What is in a file, if there is one.
async fn kept(files: &impl Files, at: &str) -> Option<String> {
    let file = files.open(&path(at), &Open::read()).await.ok()?;
    let bytes = file.read_at(0, BytesMut::with_capacity(1 << 20)).await.unwrap();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

async fn ask(files: &Memory, method: &str, target: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{fields}\r\n");
    say(http(files), head + body).await
}

#[tokio::test]
async fn a_file_is_made_and_replaced_and_its_tag_is_told() {
    let files = tree();
    let made = ask(&files, "PUT", "/dir/new%20file", "", "one").await;
    assert_eq!(status(&made), "201");
    let replaced = ask(&files, "PUT", "/dir/new%20file", "", "two").await;
    assert_eq!((status(&replaced), content(&replaced)), ("204", ""));
    assert_eq!(kept(&files, "/dir/new file").await.unwrap(), "two");
    let read = ask(&files, "GET", "/dir/new%20file", "", "").await;
    assert!(field(&replaced, "etag").is_some_and(|tag| Some(tag) == field(&read, "etag")));
    assert_ne!(field(&made, "etag"), field(&replaced, "etag"));
    let chunked =
        "PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(status(&say(http(&files), chunked).await), "201");
    assert_eq!(kept(&files, "/c").await.unwrap(), "abcde");
}

#[tokio::test]
async fn a_large_file_is_written_as_it_was_sent() {
    let files = tree();
    let body: String = (0..700_000u32).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
    assert_eq!(status(&ask(&files, "PUT", "/big", "", &body).await), "201");
    assert!(kept(&files, "/big").await.unwrap() == body);
}

#[tokio::test]
async fn what_cannot_be_put_leaves_all_as_it_was() {
    let files = tree();
    for (target, fields, code) in [
        ("/a", "Content-Range: bytes 0-2/9\r\n", "400"),
        ("/a", "Content-Encoding: gzip\r\n", "415"),
        ("/a", "Content-Encoding: identity, br\r\n", "415"),
        ("/a", "If-None-Match: *\r\n", "412"),
        ("/a", "If-Match: \"other\"\r\n", "412"),
        ("/a", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "412"),
        ("/none", "If-Match: *\r\n", "412"),
        ("/none/a", "", "409"),
        ("/a/b", "", "409"),
        ("/dir", "", "405"),
        ("/dir/", "", "405"),
        ("/new/", "", "405"),
        ("/", "", "405"),
        ("/../a", "", "400"),
        ("/%2e%2e/a", "", "400"),
        ("/a%00", "", "400"),
    ] {
        let said = ask(&files, "PUT", target, fields, "new").await;
        assert_eq!(status(&said), code, "{target} {fields}");
    }
    assert_eq!(status(&ask(&files, "PUT", "/link", "", "new").await), "403");
    assert_eq!(kept(&files, "/a").await.unwrap(), "old");
    assert_eq!(kept(&files, "/none").await, None);
}

#[tokio::test]
async fn conditions_that_hold_let_it_in() {
    let files = tree();
    let read = ask(&files, "GET", "/a", "", "").await;
    let tag = field(&read, "etag").unwrap();
    assert_eq!(status(&ask(&files, "PUT", "/a", &format!("If-Match: {tag}\r\n"), "1").await), "204");
    assert_eq!(status(&ask(&files, "PUT", "/a", &format!("If-Match: {tag}\r\n"), "2").await), "412");
    assert_eq!(status(&ask(&files, "PUT", "/new", "If-None-Match: *\r\n", "3").await), "201");
    assert_eq!(kept(&files, "/a").await.unwrap(), "1");
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_the_old_file() {
    let files = tree();
    let mut peer = Peer::of(http(&files));
    peer.send("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf").await;
    peer.io.shutdown().await.unwrap();
    assert_eq!(status(&peer.rest().await), "400");
    assert_eq!(kept(&files, "/a").await.unwrap(), "old");
}

#[tokio::test]
async fn a_file_that_changes_while_another_is_put_over_it_is_not_lost() {
    let files = tree();
    let read = ask(&files, "GET", "/a", "", "").await;
    let tag = field(&read, "etag").unwrap();
    let mut peer = Peer::of(http(&files));
    let head = format!(
        "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\nIf-Match: {tag}\r\n\r\n"
    );
    peer.send(head).await;
    assert!(peer.until("\r\n\r\n").await.starts_with("HTTP/1.1 100"));
    files.put(&path("/a"), "theirs").unwrap();
    peer.send("ours").await;
    peer.io.shutdown().await.unwrap();
    assert_eq!(status(&peer.rest().await), "412");
    assert_eq!(kept(&files, "/a").await.unwrap(), "theirs");
}

#[tokio::test]
async fn what_of_http_1_0_has_no_length_is_not_an_empty_file() {
    let files = tree();
    for (method, fields) in [("PUT", ""), ("PATCH", "X-Update-Range: append\r\n")] {
        let said = say(http(&files), format!("{method} /a HTTP/1.0\r\nHost: x\r\n{fields}\r\ncontent")).await;
        assert_eq!(status(&said), "411", "{method}");
        assert!(said.contains("Content-Length says where the content ends"), "{said}");
    }
    assert_eq!(kept(&files, "/a").await.unwrap(), "old");
    let said = say(http(&files), "PUT /a HTTP/1.0\r\nHost: x\r\nContent-Length: 3\r\n\r\nnew").await;
    assert_eq!((status(&said), kept(&files, "/a").await.unwrap()), ("204", "new".to_owned()));
    let said = say(http(&files), "PUT /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&said), "201", "RFC 9112 §6.3: it is empty");
}

#[tokio::test]
async fn a_refusal_says_why() {
    let full = Quota::new(tree(), Share::new(10, 8));
    let http = Http::new(Static::new(Arc::new(full)).writable());
    let said =
        say(http, "PUT /new HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nnew").await;
    assert!(status(&said) == "507" && said.contains("more than the quota allows"), "{said}");
    let said = ask(&tree(), "PUT", "/none/new", "", "new").await;
    assert!(status(&said) == "409" && said.contains("no folder for it"), "{said}");
    let said = ask(&tree(), "PUT", "/link", "", "new").await;
    assert!(status(&said) == "403" && said.contains("through a link"), "{said}");
}

#[tokio::test]
async fn what_is_deleted_is_gone_with_all_that_is_in_it() {
    let files = tree();
    for (target, fields, code) in [
        ("/none", "", "404"),
        ("/a/", "", "404"),
        ("/a/b", "", "404"),
        ("/a", "If-Match: \"other\"\r\n", "412"),
        ("/", "", "403"),
        ("/dir/", "Depth: 0\r\n", "400"),
        ("/link", "", "204"),
        ("/dir/b", "", "204"),
        ("/dir", "", "204"),
        ("/dir/sub/c", "", "404"),
    ] {
        assert_eq!(status(&ask(&files, "DELETE", target, fields, "").await), code, "{target} {fields}");
    }
    assert_eq!(kept(&files, "/a").await.unwrap(), "old", "a link is not what it leads to");
    assert!(matches!(files.stat(&path("/dir"), false).await, Err(FsError::NotFound)));
}

#[tokio::test]
async fn nothing_is_written_where_it_is_not_allowed() {
    let files = tree();
    let read_only = || Http::new(Static::new(Arc::new(files.clone())));
    for method in ["PUT", "DELETE", "PATCH", "POST"] {
        let head = format!("{method} /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        let said = say(read_only(), head).await;
        assert_eq!((status(&said), field(&said, "allow")), ("405", Some("GET, HEAD, OPTIONS")), "{method}");
    }
    for method in ["PROPFIND", "MKCOL", "LOCK"] {
        let said = say(read_only(), format!("{method} /a HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(status(&said), "501", "{method}");
    }
    assert_eq!(kept(&files, "/a").await.unwrap(), "old");
}

#[tokio::test]
async fn a_lock_is_respected_without_webdav() {
    let marked = Arc::new(Marked::new(tree(), Arc::new(Marks::memory())));
    let place = marked.place(&path("/a")).unwrap();
    let (user, owner, timeout) = (None, "".into(), Duration::from_secs(600));
    let wanted = NewLock { path: path("/a"), deep: false, exclusive: true, user, owner, timeout };
    let lock = place.marks.locks().lock(wanted).await.unwrap();
    let ask = async |method: &str, fields: &str| {
        let http = Http::new(Static::new(marked.clone()).writable());
        let head = format!("{method} /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n{fields}\r\n1");
        say(http, head).await
    };
    for method in ["PUT", "DELETE"] {
        let said = ask(method, "").await;
        assert_eq!(status(&said), "423", "{method}");
        assert!(said.contains("<D:lock-token-submitted><D:href>/a</D:href>"), "{said}");
    }
    assert_eq!(kept(&*marked, "/a").await.unwrap(), "old");
    assert_eq!(status(&ask("PUT", &format!("If: (<{}>)\r\n", lock.token)).await), "204");
    assert_eq!(status(&ask("PUT", "If: (<urn:uuid:other>)\r\n").await), "412");
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_cut() {
    let files = tree();
    for (fields, body, code, content) in [
        ("X-Update-Range: append\r\n", "er", "204", "older"),
        ("X-Update-Range: bytes=5-\r\n", " still", "204", "older still"),
        ("X-Update-Range: bytes=0-1\r\n", "OL", "204", "OLder still"),
        ("X-Update-Range: bytes=0-4\r\n", "OL", "400", "OLder still"),
        ("X-Update-Range: bytes=12-\r\n", "x", "416", "OLder still"),
        ("X-Update-Range: bytes=-2\r\n", "x", "400", "OLder still"),
        ("", "x", "400", "OLder still"),
        (
            "X-Update-Range: append\r\nContent-Type: application/json-patch+json\r\n",
            "x",
            "415",
            "OLder still",
        ),
        ("X-Update-Range: append\r\nContent-Encoding: gzip\r\n", "x", "415", "OLder still"),
        ("X-Update-Range: append\r\nIf-Match: \"other\"\r\n", "x", "412", "OLder still"),
    ] {
        let said = ask(&files, "PATCH", "/a", fields, body).await;
        assert_eq!(status(&said), code, "{fields}");
        assert_eq!(kept(&files, "/a").await.unwrap(), content, "{fields}");
    }
    for (target, code) in [("/none", "404"), ("/dir", "405"), ("/a/", "404"), ("/link", "403")] {
        assert_eq!(
            status(&ask(&files, "PATCH", target, "X-Update-Range: append\r\n", "x").await),
            code,
            "{target}"
        );
    }
    let beyond = ask(&files, "PATCH", "/a", "X-Update-Range: bytes=12-\r\n", "x").await;
    assert_eq!(field(&beyond, "content-range"), Some("bytes */11"));
    let mut peer = Peer::of(http(&files));
    let head = "PATCH /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nX-Update-Range: append\r\n\r\n";
    peer.send(head.to_owned() + ", and").await;
    peer.io.shutdown().await.unwrap();
    peer.rest().await;
    let now = kept(&files, "/a").await.unwrap();
    assert!(now.starts_with("OLder still"), "{now}");
}

fn form(parts: &[(&str, &str)]) -> String {
    let part = |(name, content): &(&str, &str)| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n"
        )
    };
    parts.iter().map(part).collect::<String>() + "--b--\r\n"
}

const FORM: &str = "Content-Type: multipart/form-data; boundary=b\r\n";

#[tokio::test]
async fn a_form_puts_its_files_into_the_directory() {
    let files = tree();
    let body = form(&[("one", "1"), ("C:\\x\\two words", "2"), ("", "")]);
    let said = ask(&files, "POST", "/dir/", FORM, &body).await;
    assert_eq!((status(&said), field(&said, "location")), ("303", Some("/dir/")));
    assert_eq!(kept(&files, "/dir/one").await.unwrap(), "1");
    assert_eq!(kept(&files, "/dir/two words").await.unwrap(), "2");
    for (target, body, code) in [
        ("/dir/", form(&[("b", "new")]), "409"),
        ("/dir/", form(&[("sub", "new")]), "409"),
        ("/dir/", form(&[("", "")]), "400"),
        ("/dir/", "--b".to_owned(), "400"),
        ("/a", form(&[("x", "1")]), "405"),
        ("/none/", form(&[("x", "1")]), "404"),
        ("/dir/", form(&[(&"x".repeat(256), "1")]), "400"),
    ] {
        assert_eq!(status(&ask(&files, "POST", target, FORM, &body).await), code, "{target} {body}");
    }
    assert_eq!(kept(&files, "/dir/b").await.unwrap(), "b");
    let above = ask(&files, "POST", "/dir/", FORM, &form(&[("../up", "1"), ("..", "2")])).await;
    assert_eq!(status(&above), "303");
    assert_eq!(kept(&files, "/up").await, None);
    assert_eq!(kept(&files, "/dir/up").await.unwrap(), "1");
}

/// Of several files, one name is taken: the others are stored, and of each it is said what became of it.
#[tokio::test]
async fn of_each_file_of_a_form_it_is_said_what_became_of_it() {
    let long = "x".repeat(256);
    let sent = form(&[("one", "1"), ("b", "taken"), ("<two>", "2"), (&long, "3"), ("last", "4")]);
    for (accept, as_json) in [("Accept: text/html\r\n", false), ("Accept: application/json\r\n", true)] {
        let files = tree();
        let said = ask(&files, "POST", "/dir/", &format!("{FORM}{accept}"), &sent).await;
        assert_eq!(status(&said), "409", "{said}");
        for (name, kept_there) in [("one", "1"), ("b", "b"), ("<two>", "2"), ("last", "4")] {
            assert_eq!(kept(&files, &format!("/dir/{name}")).await.as_deref(), Some(kept_there), "{name}");
        }
        if as_json {
            let data: serde_json::Value = serde_json::from_str(content(&said)).unwrap();
            let told =
                |at: usize| (data["files"][at]["stored"].as_bool(), data["files"][at]["status"].as_u64());
            assert_eq!(data["files"].as_array().unwrap().len(), 5);
            assert_eq!((told(0), told(1)), ((Some(true), Some(201)), (Some(false), Some(409))));
            assert_eq!((told(2), told(3)), ((Some(true), Some(201)), (Some(false), Some(400))));
            assert_eq!((&data["files"][1]["name"], &data["truncated"]), (&"b".into(), &false.into()));
            let again =
                ask(&files, "POST", "/dir/", &format!("{FORM}{accept}"), &form(&[("new", "1")])).await;
            assert_eq!(status(&again), "201");
        } else {
            let page = content(&said);
            assert!(page.contains("3 of 5 files were stored") && page.contains("&lt;two&gt;"), "{page}");
            assert!(
                page.contains("<td class=\"name\">b</td><td><b>not stored: </b>there is a file"),
                "{page}"
            );
            assert!(page.contains("<td class=\"name\">last</td><td>stored</td>"), "{page}");
            assert!(page.contains("href=\"/dir/\""), "{page}");
        }
    }
}

/// What came whole before the form ended is there, and is said to be.
#[tokio::test]
async fn a_form_that_ends_too_early_tells_what_is_stored() {
    let files = tree();
    let sent = form(&[("one", "1"), ("two", "2")]);
    let sent = sent.strip_suffix("--b--\r\n").unwrap();
    let said = ask(&files, "POST", "/dir/", FORM, sent).await;
    assert_eq!((status(&said), field(&said, "connection")), ("400", Some("close")));
    assert!(content(&said).contains("1 of 2 files were stored"), "{said}");
    assert_eq!(
        (kept(&files, "/dir/one").await.as_deref(), kept(&files, "/dir/two").await),
        (Some("1"), None)
    );
}

#[tokio::test]
async fn a_form_that_is_cut_leaves_no_half_of_a_file() {
    let files = tree();
    let whole = form(&[("cut", "0123456789")]);
    let mut peer = Peer::of(http(&files));
    let head = format!("POST /dir/ HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{FORM}\r\n", whole.len());
    peer.send(head + whole.split_at(whole.len() - 12).0).await;
    peer.io.shutdown().await.unwrap();
    assert_eq!(status(&peer.rest().await), "400");
    assert_eq!(kept(&files, "/dir/cut").await, None);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let files = tree();
    for (fields, code) in [
        ("Origin: http://evil.example\r\n", "403"),
        ("Origin: null\r\n", "403"),
        ("Sec-Fetch-Site: cross-site\r\n", "403"),
        ("Sec-Fetch-Site: same-site\r\nOrigin: http://x\r\n", "403"),
        ("Origin: http://x\r\n", "303"),
        ("Origin: https://x\r\nSec-Fetch-Site: same-origin\r\n", "409"),
    ] {
        let said = ask(&files, "POST", "/dir/", &format!("{FORM}{fields}"), &form(&[("new", "1")])).await;
        assert_eq!(status(&said), code, "{fields}");
    }
}

#[tokio::test]
async fn a_listing_has_a_form_where_that_is_of_use() {
    let files = tree();
    let look = Ops::LIST | Ops::READ;
    let said = ask(&files, "GET", "/dir/", "", "").await;
    assert!(content(&said).contains("<form") && content(&said).contains("multiple"), "{said}");
    assert!(field(&said, "content-security-policy").unwrap().contains("form-action 'self'"));
    // Whoever may make no file in a folder is not asked for one.
    for (rules, dir, offered) in [
        (vec![("/**", look)], "/dir/", false),
        (vec![("/dir/sub/*", look | Ops::CREATE), ("/**", look)], "/dir/", false),
        (vec![("/dir/sub/*", look | Ops::CREATE), ("/**", look)], "/dir/sub/", true),
        (vec![("/dir/*.txt", look | Ops::CREATE), ("/**", look)], "/dir/", true),
    ] {
        let rules: Vec<_> =
            rules.iter().map(|(at, allow)| Rule { path: at.parse().unwrap(), allow: *allow }).collect();
        let ruled = Http::new(Static::new(Arc::new(Permissions::new(files.clone(), rules))).writable());
        let said = say(ruled, format!("GET {dir} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(content(&said).contains("<form"), offered, "{dir} {said}");
    }
    let read_only = Http::new(Static::new(Arc::new(files.clone())));
    let said = say(read_only, "GET /dir/ HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(!content(&said).contains("<form"));
    assert!(field(&said, "content-security-policy").unwrap().contains("form-action 'none'"));
}

#[tokio::test]
async fn a_folder_is_fetched_as_one_file() {
    let long = format!("/dir/{}/{}", "n".repeat(90), "m".repeat(90));
    let files = tree().with("/dir/é \"q\\", "odd").with(&long, "long").with_link("/dir/up", "..");
    let http = |files: &Memory| Http::new(Static::new(Arc::new(files.clone())).archives());
    let ask =
        async |target: &str| say(http(&files), format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    let tar = ask("/dir/?archive=tar").await;
    assert_eq!((status(&tar), field(&tar, "content-type")), ("200", Some("application/x-tar")));
    assert_eq!(
        field(&tar, "content-disposition"),
        Some("attachment; filename=\"dir.tar\"; filename*=UTF-8''dir%2Etar")
    );
    for (part, times) in [("dir/sub/c", 1), ("dir/up", 0), ("ustar", 8), ("long", 1), ("path=dir/nnn", 1)] {
        let found = tar.matches(part).count();
        assert!(found >= times && (times > 0 || found == 0), "{part}: {found}");
    }
    let zip = ask("/dir/?archive=zip").await;
    assert_eq!((status(&zip), field(&zip, "content-type")), ("200", Some("application/zip")));
    assert!(zip.contains("dir/é \"q_"), "no name leads out of a folder of Windows");
    for dir in ["/dir", "/dir/sub"] {
        let mut facts = SetMeta::default();
        facts.mtime = Some(Time::new(0x4142_4344, 0));
        files.set(&path(dir), facts, true).await.unwrap();
    }
    let (tar, zip) = (ask("/dir/?archive=tar").await, ask("/dir/?archive=zip").await);
    assert_eq!(tar.matches(&format!("{:011o}\0", 0x4142_4344)).count(), 2, "folders have their own times");
    assert_eq!(zip.matches("\u{1}DCBA").count(), 4, "before each, and at the end");
    assert_eq!(status(&ask("/a/?archive=tar").await), "404");
    assert_eq!(status(&ask("/none/?archive=tar").await), "404");
    let head = say(http(&files), "HEAD /dir/?archive=zip HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!((status(&head), content(&head)), ("200", ""));
    assert!(ask("/dir/").await.contains("?archive=tar"));
    let off = say(
        Http::new(Static::new(Arc::new(files.clone()))),
        "GET /dir/?archive=tar HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    .await;
    assert_eq!(field(&off, "content-type"), Some("text/html; charset=utf-8"));
    assert!(!off.contains("?archive"));
}
