//! What a site does around its handler, as a peer sees it.

use std::sync::Arc;

use ropewalk_core::data::files::{DotDot, Memory, VPath};

use super::auth::{authorization, guarded};
use super::files::{content, field};
use super::tls::over_tls;
use super::*;
use crate::{
    Fields, HeaderName, HeaderValue, Redirect, Rewrite, Site, Sites, Static, StatusCode, UnknownHost, When,
};

fn tree() -> Site {
    let files = Memory::new()
        .with("/index.html", "home")
        .with("/404.html", "<p>nothing here")
        .with("/4xx.html", "<p>not so")
        .with("/app/index.html", "the app")
        .with("/assets/a.css", "css")
        .with("/private/a", "secret")
        .with("/a b", "spaced");
    Site::new(Static::new(Arc::new(files)).listing(None))
}

fn redirect(from: &str, to: &str) -> Redirect {
    Redirect::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

fn rewrite(from: &str, to: &str) -> Rewrite {
    Rewrite::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

fn page(site: Site, statuses: &str, path: &str) -> Site {
    let path = VPath::parse(path.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap();
    site.error_page(statuses.parse().unwrap(), path)
}

fn set(paths: &str, name: &'static str, value: &'static str) -> Fields {
    let fields = Fields::of([paths.parse().unwrap()]);
    fields.set(HeaderName::from_static(name), HeaderValue::from_static(value)).unwrap()
}

async fn ask(site: &Site, line: &str, fields: &str) -> String {
    say(Http::new(site.clone()), format!("{line} HTTP/1.1\r\nHost: x.example\r\n{fields}\r\n")).await
}

async fn get(site: &Site, target: &str) -> String {
    ask(site, &format!("GET {target}"), "").await
}

/// Over TLS, connected for `name`.
async fn said_over_tls(http: Http, name: &str, request: &str) -> String {
    let (mut far, _server, _root) = over_tls(http, name, &["http/1.1"]).await;
    far.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    far.read_to_string(&mut said).await.unwrap();
    said
}

/// RFC 9110 leaves it open; this is ours, and each step is told by what would be said if the next came first.
#[tokio::test]
async fn the_order_is_fixed() {
    let site = guarded()
        .redirect(redirect("/private/old/*", "/new/*"))
        .rewrite(rewrite("/alias/*", "/private/*"))
        .fields(set("/private/*", "x-rule", "yes").always());
    let site = page(site, "401", "/login");
    let sites = Sites::new(site.clone()).named(["x.example".parse().unwrap()]).unwrap();
    let sites = Http::new(sites.unknown(UnknownHost::Misdirected));
    let ask = async |request: &str| say(sites.clone(), request).await;

    // Limits and strictness, before the host is looked at.
    let long = format!("GET /{} HTTP/1.1\r\nHost: nobody\r\n\r\n", "a".repeat(9000));
    assert_eq!(status(&ask(&long).await), "414");
    assert_eq!(status(&ask("GET /private/a HTTP/1.1\r\nHost: nobody\r\nHost: x\r\n\r\n").await), "400");
    assert_eq!(status(&ask("GET /private/..%2f HTTP/1.1\r\nHost: nobody\r\n\r\n").await), "400");
    // The host, before redirects.
    assert_eq!(status(&ask("GET /private/old/a HTTP/1.1\r\nHost: nobody\r\n\r\n").await), "421");
    // Redirects, before logins: so that a password is asked for at the right place.
    let said = ask("GET /private/old/a HTTP/1.1\r\nHost: x.example\r\n\r\n").await;
    assert_eq!((status(&said), field(&said, "location")), ("301", Some("/new/a")));
    // Logins, before methods and files; and before what a rewrite leads to.
    let files = page(Site::new(crate::Handler::boxed(tree())), "404", "/404.html");
    let guarded = files.auth(staff_of("/private/*")).rewrite(rewrite("/alias/*", "/private/*"));
    for line in ["GET /private/none", "POST /private/a", "BREW /private/a", "GET /alias/a", "HEAD /private"] {
        assert_eq!(status(&self::ask(&guarded, line, "").await), "401", "{line}");
    }
    let ann = authorization("ann:swordfish");
    for (line, expected) in [
        ("GET /private/none", "404"),
        ("POST /private/a", "405"),
        ("GET /alias/a", "200"),
        ("GET /private/a", "200"),
    ] {
        assert_eq!(status(&self::ask(&guarded, line, &ann).await), expected, "{line}");
    }
    // Error pages, then header fields, by the path that was asked for.
    let said = ask("GET /private/a HTTP/1.1\r\nHost: x.example\r\n\r\n").await;
    assert_eq!((status(&said), content(&said), field(&said, "x-rule")), ("401", "nobody", Some("yes")));
    assert!(field(&said, "www-authenticate").is_some());
}

fn staff_of(paths: &str) -> crate::Auth {
    let logins = crate::Logins::new(Arc::new(auth::Desk::default()), "web");
    crate::Auth::new(Arc::new(logins), [paths.parse().unwrap()])
}

/// Three sites that say which they are.
fn three() -> Sites {
    let site =
        |name: &'static str| Site::new(move |_: Request| async move { Ok(Response::new(Body::from(name))) });
    let sites = Sites::new(site("first"));
    let sites =
        sites.with(["a.example".parse().unwrap(), "*.a.example".parse().unwrap()], site("a")).unwrap();
    sites.with(["b.a.example".parse().unwrap()], site("b")).unwrap()
}

#[tokio::test]
async fn a_site_is_found_by_its_host() {
    for (head, expected) in [
        ("GET / HTTP/1.1\r\nHost: a.example", "a"),
        ("GET / HTTP/1.1\r\nHost: A.Example.:8080", "a"),
        ("GET / HTTP/1.1\r\nHost: c.a.example", "a"),
        ("GET / HTTP/1.1\r\nHost: b.a.example", "b"),
        ("GET / HTTP/1.1\r\nHost: d.example", "first"),
        ("GET / HTTP/1.1\r\nHost:", "first"),
        ("GET / HTTP/1.0", "first"),
        ("GET http://b.a.example/ HTTP/1.1\r\nHost: a.example", "b"),
    ] {
        let said = say(Http::new(three()), format!("{head}\r\n\r\n")).await;
        assert_eq!(content(&said), expected, "{head}");
    }
    let strict = three().unknown(UnknownHost::Misdirected);
    for head in ["GET / HTTP/1.1\r\nHost: d.example", "GET / HTTP/1.1\r\nHost:", "GET / HTTP/1.0"] {
        let said = say(Http::new(strict.clone()), format!("{head}\r\n\r\n")).await;
        assert_eq!(status(&said), "421", "{head}");
    }
}

#[tokio::test]
async fn over_tls_a_host_that_is_nobodys_is_not_answered_for_a_site() {
    for (name, host, expected) in [
        ("a.example", "a.example", "200"),
        ("a.example", "b.a.example", "200"),
        ("a.example", "d.example", "421"),
        ("d.example", "d.example", "200"),
        ("d.example", "a.example", "200"),
        ("d.example", "e.example", "200"),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let said = said_over_tls(Http::new(three()), name, &request).await;
        assert_eq!(status(&said), expected, "{name} {host}");
    }
}

#[tokio::test]
async fn a_redirect_takes_what_the_star_stood_for_and_the_query() {
    let site = tree()
        .redirect(redirect("/old/*", "/new/*").status(StatusCode::PERMANENT_REDIRECT))
        .redirect(redirect("/one", "https://other.example/two?x=1"))
        .redirect(redirect("*.htm", "/*.html"))
        .redirect(redirect("/moved/*", "https://other.example{path}"));
    for (target, location) in [
        ("/old/a%20b/c?q=1", "/new/a%20b/c?q=1"),
        ("/old/a/", "/new/a/"),
        ("/old", "/new/"),
        ("//old//a", "/new/a"),
        ("/one?y", "https://other.example/two?x=1"),
        ("/x/y.htm", "/x/y.html"),
        ("/moved/a%25?q", "https://other.example/moved/a%25?q"),
    ] {
        let said = get(&site, target).await;
        assert_eq!(field(&said, "location"), Some(location), "{target}");
        assert_eq!(field(&said, "content-length"), Some("0"));
    }
    assert_eq!(status(&get(&site, "/old/a").await), "308");
    assert_eq!(status(&get(&site, "/older").await), "404");
}

#[tokio::test]
async fn no_path_makes_another_host_of_a_redirect() {
    let site = tree()
        .redirect(redirect("/a/*", "/*"))
        .redirect(redirect("/b/*", "{path}"))
        .redirect(redirect("/*", "https://{host}/*"));
    for target in [
        "/a//evil.example",
        "/a///evil.example/",
        "/a/%2f%2fevil.example",
        "/a/%5cevil.example",
        "/a/\\evil.example",
        "/a/%09/evil.example",
        "/a/%0d%0aset-cookie:x",
        "/a/evil.example%2f..",
        "//evil.example/a",
        "/@evil.example",
        "/.evil.example",
    ] {
        let said = get(&site, target).await;
        match field(&said, "location") {
            Some(place) => {
                let path = place.strip_prefix("https://x.example").unwrap_or(place);
                let second = path.as_bytes().get(1).copied().unwrap_or(b'a');
                assert!(path.starts_with('/') && !b"/\\\t".contains(&second), "{target}: {place}");
            }
            None => assert_eq!(status(&said), "400", "{target}"),
        }
        assert!(!said.to_lowercase().contains("\r\nset-cookie"), "{said}");
    }
}

#[tokio::test]
async fn https_is_asked_for_once() {
    let site = tree().redirect(redirect("/*", "https://{host}{path}"));
    let request = |host: &str| format!("GET /?q HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let said = say(Http::new(site.clone()), request("x.example:8080")).await;
    assert_eq!(field(&said, "location"), Some("https://x.example/?q"));
    let said = said_over_tls(Http::new(site.clone()), "x.example", &request("X.example:443")).await;
    assert_eq!((status(&said), content(&said)), ("200", "home"));
    // A host that means something else where it is written is no host to send anybody to.
    for host in ["a%40b", "..", ".", ".a.example", "a..example", "a.example.."] {
        let said = say(Http::new(site.clone()), request(host)).await;
        assert_eq!(status(&said), "400", "{host}");
    }
    let said = say(Http::new(site), "GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&said), "400");
}

#[tokio::test]
async fn a_rewrite_answers_with_another_file() {
    let site = tree()
        .rewrite(rewrite("/x/*", "/assets/*"))
        .rewrite(rewrite("/x/*", "/none"))
        .rewrite(rewrite("/plain", "/a%20b"))
        .rewrite(rewrite("/app/*", "/app/index.html").when(When::Missing));
    for (target, expected) in
        [("/x/a.css", "css"), ("/plain", "spaced"), ("/app/some/where", "the app"), ("/app/", "the app")]
    {
        let said = get(&site, target).await;
        assert_eq!((status(&said), content(&said)), ("200", expected), "{target}");
    }
    let said = ask(&site, "HEAD /app/some/where", "").await;
    assert_eq!((status(&said), field(&said, "content-length")), ("200", Some("7")));
    assert_eq!(status(&ask(&site, "POST /app/some/where", "").await), "405");
    assert_eq!(status(&get(&site, "/x/none.css").await), "404");
}

#[tokio::test]
async fn an_error_page_has_the_status_of_its_error_and_nothing_else_of_a_file() {
    let site = page(page(tree(), "404", "/404.html"), "4xx", "/4xx.html");
    for (line, fields, expected) in [
        ("GET /none", "", "404"),
        ("GET /none", "Range: bytes=1-2\r\n", "404"),
        ("GET /none", "If-None-Match: *\r\n", "404"),
        ("POST /none", "Content-Length: 2\r\n\r\nxx", "405"),
    ] {
        let said = ask(&site, line, fields).await;
        let text = if expected == "404" { "<p>nothing here" } else { "<p>not so" };
        assert_eq!((status(&said), content(&said)), (expected, text), "{line} {fields}");
        assert_eq!(field(&said, "content-type"), Some("text/html; charset=utf-8"));
        for name in ["etag", "last-modified", "accept-ranges"] {
            assert_eq!(field(&said, name), None, "{name}");
        }
    }
    assert_eq!(field(&ask(&site, "POST /none", "").await, "allow"), Some("GET, HEAD, OPTIONS"));
    let head = ask(&site, "HEAD /none", "").await;
    assert_eq!((status(&head), content(&head), field(&head, "content-length")), ("404", "", Some("15")));
    // Asked for by its own name it is a file.
    assert_eq!(status(&get(&site, "/404.html").await), "200");
}

#[tokio::test]
async fn an_error_page_that_is_not_there_leaves_the_small_one() {
    let site = page(tree(), "4xx", "/none.html");
    let said = ask(&site, "GET /none", "Accept: text/html,*/*;q=0.8\r\n").await;
    assert!(status(&said) == "404" && content(&said).contains("<h1>404</h1>"), "{said}");
}

#[tokio::test]
async fn what_fails_is_said_in_html_to_browsers_and_in_a_line_to_programs() {
    let site = page(tree(), "500", "/none.html");
    let browser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    for (line, fields, html) in [
        ("GET /none", browser, true),
        ("GET /none", "Accept: */*\r\n", false),
        ("GET /none", "", false),
        ("GET /none", "Accept: application/json, text/html;q=0\r\n", false),
        ("POST /none", browser, true),
        ("MKCOL /none", browser, false),
        ("PUT /none", "", false),
    ] {
        for site in [site.clone(), tree()] {
            let said = ask(&site, line, fields).await;
            let kind = if html { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
            assert_eq!(field(&said, "content-type"), Some(kind), "{line} {fields}");
            assert_eq!(content(&said).contains("<html"), html, "{said}");
            assert_eq!(field(&said, "vary"), Some("accept"));
            assert!(html || content(&said).starts_with(&format!("{} ", status(&said))), "{said}");
        }
    }
}

#[tokio::test]
async fn an_answer_with_a_body_of_its_own_keeps_it() {
    let own = Site::new(async |_: Request| {
        let mut response = Response::new(Body::from("{}"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        Ok(response)
    });
    let said = get(&page(own, "404", "/404.html"), "/").await;
    assert_eq!((status(&said), content(&said)), ("404", "{}"));
}

#[tokio::test]
async fn header_fields_are_set_by_path_in_the_order_of_the_rules() {
    let site = tree()
        .fields(set("/*", "cache-control", "no-cache"))
        .fields(set("*.css", "cache-control", "max-age=9"))
        .fields(Fields::of(["/assets/*".parse().unwrap()]).remove(HeaderName::from_static("etag")).unwrap());
    let said = get(&site, "/assets/a.css").await;
    assert_eq!((field(&said, "cache-control"), field(&said, "etag")), (Some("max-age=9"), None));
    let said = get(&site, "/").await;
    assert_eq!(field(&said, "cache-control"), Some("no-cache"));
    let tag = field(&said, "etag").unwrap();
    let said = ask(&site, "GET /", &format!("If-None-Match: {tag}\r\n")).await;
    assert_eq!((status(&said), field(&said, "cache-control")), ("304", Some("no-cache")));
    assert_eq!((field(&said, "etag"), field(&said, "content-type")), (Some(tag), None));
    assert_eq!(field(&get(&site, "/none").await, "cache-control"), None);
}

#[tokio::test]
async fn security_headers_are_on_every_answer_and_strict_transport_over_tls_alone() {
    let site = tree().security_headers().hsts(Duration::from_secs(86_400), false);
    for target in ["/", "/none", "/app"] {
        let said = get(&site, target).await;
        for name in
            ["x-content-type-options", "referrer-policy", "x-frame-options", "content-security-policy"]
        {
            assert!(field(&said, name).is_some(), "{target} {name}");
        }
        assert_eq!(field(&said, "strict-transport-security"), None);
    }
    let request = "GET /none HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n";
    let said = said_over_tls(Http::new(site), "x.example", request).await;
    assert_eq!((status(&said), field(&said, "strict-transport-security")), ("404", Some("max-age=86400")));
}
