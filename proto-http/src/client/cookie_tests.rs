use http::header::SET_COOKIE;
use http::{HeaderMap, Uri};
use proptest::prelude::*;

use super::*;

fn at(url: &str) -> (Origin, String) {
    let uri: Uri = url.parse().unwrap();
    (Origin::of(&uri).unwrap(), uri.path().to_owned())
}

fn set(jar: &mut Jar, url: &str, line: &str) {
    let (origin, path) = at(url);
    let mut fields = HeaderMap::new();
    fields.insert(SET_COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    jar.store(&origin, &path, fields.get_all(SET_COOKIE));
}

fn sent(jar: &Jar, url: &str) -> String {
    let (origin, path) = at(url);
    jar.field(&origin, &path)
        .map_or(String::new(), |value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
}

/// What is sent to `to` after `line` was set by `from`.
fn after(from: &str, line: &str, to: &str) -> String {
    let mut jar = Jar::default();
    set(&mut jar, from, line);
    sent(&jar, to)
}

#[test]
fn a_cookie_goes_back_to_its_host_only() {
    assert_eq!(after("http://a.example/", "x=1", "http://a.example/y"), "x=1");
    for other in ["http://b.a.example/", "http://example/", "http://xa.example/"] {
        assert_eq!(after("http://a.example/", "x=1", other), "", "{other}");
    }
}

#[test]
fn a_domain_takes_in_what_is_below_it() {
    for line in ["x=1; Domain=a.example", "x=1; domain=.A.example"] {
        assert_eq!(after("http://www.a.example/", line, "http://a.example/"), "x=1");
        assert_eq!(after("http://www.a.example/", line, "http://b.c.a.example/"), "x=1");
        assert_eq!(after("http://www.a.example/", line, "http://ba.example/"), "");
    }
    assert_eq!(after("http://a.example/", "x=1; Domain=a.example", "http://b.a.example/"), "x=1");
}

#[test]
fn a_domain_that_is_not_the_hosts_own_is_refused() {
    for domain in ["b.example", "www.a.example.org", "example", "le", ".example"] {
        let line = format!("x=1; Domain={domain}");
        assert_eq!(after("http://a.example/", &line, "http://a.example/"), "", "{domain}");
    }
    assert_eq!(after("http://192.0.2.1/", "x=1; Domain=0.2.1", "http://192.0.2.1/"), "");
    assert_eq!(after("http://192.0.2.1/", "x=1; Domain=192.0.2.1", "http://192.0.2.1/"), "x=1");
}

#[test]
fn a_path_takes_in_what_is_below_it() {
    for (path, to, fits) in [
        ("/a", "/a", true),
        ("/a", "/a/b", true),
        ("/a/", "/a/b", true),
        ("/a", "/ab", false),
        ("/a/", "/a", false),
        ("no", "/x/y", true),
    ] {
        let line = format!("x=1; Path={path}");
        let got = after("http://a.example/x/z", &line, &format!("http://a.example{to}"));
        assert_eq!(!got.is_empty(), fits, "{path} {to}");
    }
    assert_eq!(after("http://a.example/x/z", "x=1", "http://a.example/x/y"), "x=1", "the folder by default");
    assert_eq!(after("http://a.example/x/z", "x=1", "http://a.example/y"), "");
}

#[test]
fn secure_cookies_stay_on_secure_connections() {
    assert_eq!(after("https://a.example/", "x=1; Secure", "https://a.example/"), "x=1");
    assert_eq!(after("https://a.example/", "x=1; Secure", "http://a.example/"), "");
    assert_eq!(after("http://a.example/", "x=1; Secure", "https://a.example/"), "");
    let mut jar = Jar::default();
    set(&mut jar, "https://a.example/", "x=1; Secure");
    set(&mut jar, "http://a.example/", "x=2");
    assert_eq!(sent(&jar, "https://a.example/"), "x=1", "not overwritten in the clear");
}

#[test]
fn names_that_promise_keep_their_promise() {
    for (line, kept) in [
        ("__Secure-x=1; Secure", true),
        ("__Secure-x=1", false),
        ("__Host-x=1; Secure; Path=/", true),
        ("__Host-x=1; Secure; Path=/a", false),
        ("__host-x=1; Secure; Path=/; Domain=a.example", false),
    ] {
        assert_eq!(!after("https://a.example/", line, "https://a.example/a").is_empty(), kept, "{line}");
    }
}

#[test]
fn an_age_comes_before_a_date_and_both_can_take_a_cookie_away() {
    let url = "http://a.example/";
    assert_eq!(after(url, "x=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", url), "x=1");
    for line in ["x=2; Max-Age=0", "x=2; Max-Age=-1", "x=2; Expires=Thu, 01 Jan 1970 00:00:01 GMT"] {
        let mut jar = Jar::default();
        set(&mut jar, url, "x=1");
        set(&mut jar, url, line);
        assert_eq!(sent(&jar, url), "", "{line}");
    }
    assert_eq!(after(url, "x=1; Max-Age=soon", url), "x=1");
    assert_eq!(after(url, "x=1; Max-Age=99999999999999999999", url), "x=1");
}

#[test]
fn longer_paths_come_first_and_then_older_cookies() {
    let mut jar = Jar::default();
    for line in ["b=1; Path=/", "c=2; Path=/a", "a=3; Path=/", "b=4; Path=/"] {
        set(&mut jar, "http://a.example/a/", line);
    }
    assert_eq!(sent(&jar, "http://a.example/a/"), "c=2; b=4; a=3");
}

#[test]
fn a_server_cannot_fill_the_jar() {
    let mut jar = Jar::default();
    for n in 0..200 {
        set(&mut jar, "http://a.example/", &format!("x{n}=1"));
    }
    assert_eq!(jar.cookies.len(), OF_ONE);
    assert!(sent(&jar, "http://a.example/").ends_with("x199=1"), "the oldest give way");
    for n in 0..OF_ALL + 10 {
        set(&mut jar, &format!("http://h{n}.example/"), "x=1");
    }
    assert_eq!(jar.cookies.len(), OF_ALL);
    let long = format!("x={}", "y".repeat(LONGEST));
    assert_eq!(after("http://a.example/", &long, "http://a.example/"), "");
}

#[test]
fn what_is_no_cookie_is_passed_over() {
    for line in ["", "x", "=1", ";x=1", "; Secure"] {
        assert_eq!(after("http://a.example/", line, "http://a.example/"), "", "{line}");
    }
}

proptest! {
    #[test]
    fn what_is_sent_back_is_one_field_of_what_was_set(line in "[ -~]{0,64}") {
        let got = after("http://a.example/", &line, "http://a.example/");
        prop_assert!(!got.contains(['\r', '\n', '\0']));
        if !got.is_empty() {
            let (name, value) = got.split_once('=').unwrap();
            prop_assert!(line.contains(name) && line.contains(value));
        }
    }
}
