//! Logins, as a peer meets them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use base64::Engine as _;
use ropewalk_core::Address;
use ropewalk_core::data::cred::{
    Authenticator, Credential, LoginError, Method as By, Origin, Principal, Step,
};
use ropewalk_core::data::files::layers::Marked;
use ropewalk_core::data::files::{DotDot, Files as _, Marks, Memory, VPath};
use ropewalk_core::net::Info;

use super::files::{content, field};
use super::*;
use crate::{Auth, Cgi, Handler as _, Logins, Method, Pattern, Scheme, Site, Sites, Static};

/// Knows ann of the staff and bob, whose password is `swordfish`, and ann's token; counts how often it is asked.
#[derive(Default)]
pub(super) struct Desk(AtomicU32);

#[async_trait]
impl Authenticator for Desk {
    async fn verify(&self, credential: Credential<'_>, from: &Origin<'_>) -> Result<Step, LoginError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(from.service, "web");
        let done = |name: &str, groups: &[&str], by| {
            let groups: Vec<_> = groups.iter().map(|group| group.parse().unwrap()).collect();
            Ok(Step::Done(Principal::new(name.parse().unwrap(), groups, by)))
        };
        match credential {
            Credential::Password { user: "ann", password: b"swordfish" } => {
                done("ann", &["staff"], By::Password)
            }
            Credential::Password { user: "bob", password: b"swordfish" } => done("bob", &[], By::Password),
            Credential::Password { user: "busy", .. } => Err(LoginError::Busy),
            Credential::Password { user: "broken", .. } => {
                Err(LoginError::Local(ropewalk_core::Error::local("secret cause")))
            }
            Credential::Token { token: b"t0ken" } => done("ann", &["staff"], By::Token),
            Credential::Token { token: b"b0b" } => done("bob", &[], By::Token),
            _ => Err(LoginError::Refused),
        }
    }
}

/// `Authorization: Basic` for `user:password`.
pub(super) fn authorization(login: &str) -> String {
    let login = base64::engine::general_purpose::STANDARD.encode(login);
    format!("Authorization: Basic {login}\r\n")
}

fn logins() -> Arc<Logins> {
    Arc::new(Logins::new(Arc::new(Desk::default()), "web"))
}

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

/// For the staff, below `/private`.
fn staff() -> Auth {
    Auth::new(logins(), [pattern("/private/*")]).groups(["staff".parse().unwrap()])
}

/// Says who asks.
async fn whoami(request: Request) -> Result<Response, Failure> {
    let who = request.extensions.get::<Principal>().map(|who| who.name().to_string());
    Ok(Response::new(Body::from(who.unwrap_or("nobody".to_owned()))))
}

pub(super) fn guarded() -> Site {
    Site::new(whoami).auth(staff())
}

async fn ask(site: Site, line: &str, fields: &str) -> String {
    say(Http::new(site), format!("{line} HTTP/1.1\r\nHost: x\r\n{fields}\r\n")).await
}

/// A tree that everybody may change, but for what is below `/in/private`.
fn open_but_for_private() -> (Site, Memory) {
    let files = Memory::new().with("/in/private/secret", "secret").with("/in/open", "open").with_dir("/pub");
    let marked = Marked::new(files.clone(), Arc::new(Marks::memory()));
    let tree = Static::new(Arc::new(marked)).writable().dav().archives();
    (
        Site::new(tree)
            .auth(Auth::new(logins(), [pattern("/in/private/*")]).groups(["staff".parse().unwrap()])),
        files,
    )
}

#[tokio::test]
async fn what_reaches_beyond_its_path_needs_the_logins_there() {
    let lock = "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>";
    let locking = format!("Content-Length: {}\r\n", lock.len());
    for (line, fields, body, right) in [
        ("GET /?archive=tar", "", "", "200"),
        ("GET /in/?archive=zip", "", "", "200"),
        ("COPY /in/open", "Destination: /in/private/secret\r\n", "", "204"),
        ("MOVE /in/open", "Destination: /in/private/new\r\n", "", "201"),
        ("COPY /in", "Destination: /pub/in\r\n", "", "201"),
        ("MOVE /in", "Destination: /pub/in\r\n", "", "201"),
        ("COPY /pub", "Destination: /in\r\n", "", "204"),
        ("DELETE /in", "", "", "204"),
        ("LOCK /", &*locking, lock, "200"),
    ] {
        for (login, expected) in [
            (String::new(), "401"),
            (authorization("bob:swordfish"), "403"),
            (authorization("ann:swordfish"), right),
        ] {
            let (site, files) = open_but_for_private();
            let asked = format!("{line} HTTP/1.1\r\nHost: x\r\n{fields}{login}\r\n{body}");
            let said = say(Http::new(site), asked).await;
            assert_eq!(status(&said), expected, "{line} {login}: {said}");
            if expected != right {
                let secret = files.stat(&path("/in/private/secret"), true).await;
                assert_eq!(secret.unwrap().len, 6, "{line}");
            } else {
                assert!(
                    field(&said, "cache-control").is_some_and(|field| field.starts_with("private")),
                    "{said}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_reaches_nothing_that_needs_a_login_needs_none() {
    for (line, fields, expected) in [
        ("GET /pub/?archive=tar", "", "200"),
        ("COPY /in/open", "Destination: /pub/open\r\n", "201"),
        ("MOVE /pub", "Destination: /public\r\n", "201"),
        ("DELETE /in/open", "", "204"),
    ] {
        let said = ask(open_but_for_private().0, line, fields).await;
        assert_eq!(status(&said), expected, "{line}: {said}");
    }
}

/// From elsewhere, over plain text.
async fn ask_from_afar(site: Site, fields: &str) -> String {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let peer: SocketAddr = "192.0.2.7:1".parse().unwrap();
    let conn = Connection::new(near, Info::new(peer.into(), Address::Memory));
    far.write_all(format!("GET /private/a HTTP/1.1\r\nHost: x\r\n{fields}\r\n").as_bytes()).await.unwrap();
    far.shutdown().await.unwrap();
    Http::new(site).serve(conn, Context::root(Limits::default())).await.unwrap();
    let mut said = String::new();
    far.read_to_string(&mut said).await.unwrap();
    said
}

#[tokio::test]
async fn without_a_login_there_is_a_challenge_of_each_scheme() {
    let said = ask(guarded(), "GET /private/a", "").await;
    assert_eq!(status(&said), "401");
    assert!(said.contains("www-authenticate: Basic realm=\"restricted\", charset=\"UTF-8\"\r\n"), "{said}");
    assert!(said.contains("www-authenticate: Bearer realm=\"restricted\"\r\n"), "{said}");
}

#[tokio::test]
async fn who_has_the_right_gets_in_and_the_handler_knows_who() {
    for fields in [authorization("ann:swordfish"), "Authorization: bearer t0ken\r\n".to_owned()] {
        let said = ask(guarded(), "GET /private/a", &fields).await;
        assert_eq!((status(&said), content(&said)), ("200", "ann"), "{said}");
        assert_eq!(field(&said, "cache-control"), Some("private"));
        assert_eq!(field(&said, "vary"), Some("authorization"));
    }
}

#[tokio::test]
async fn who_is_known_and_has_no_right_is_403() {
    let said = ask(guarded(), "GET /private/a", &authorization("bob:swordfish")).await;
    assert_eq!((status(&said), field(&said, "www-authenticate")), ("403", None));
    let said = ask(guarded(), "GET /private/a", "Authorization: Bearer b0b\r\n").await;
    assert_eq!(status(&said), "403");
    assert_eq!(field(&said, "www-authenticate"), Some("Bearer error=\"insufficient_scope\""));
    let named = Site::new(whoami).auth(staff().users(["bob".parse().unwrap()]));
    let said = ask(named, "GET /private/a", &authorization("bob:swordfish")).await;
    assert_eq!(status(&said), "200", "one who is named needs no group");
}

#[tokio::test]
async fn what_is_wrong_in_any_way_is_401() {
    for fields in [
        authorization("ann:swordfisH"),
        authorization("nobody:swordfish"),
        authorization("ann"),
        "Authorization: Basic !\r\n".to_owned(),
        "Authorization: Basic\r\n".to_owned(),
        "Authorization: Digest username=\"ann\"\r\n".to_owned(),
        "Authorization:\r\n".to_owned(),
    ] {
        let said = ask(guarded(), "GET /private/a", &fields).await;
        assert_eq!(status(&said), "401", "{fields}");
        assert!(!said.contains("invalid_token"), "{said}");
    }
    let said = ask(guarded(), "GET /private/a", "Authorization: Bearer wrong\r\n").await;
    assert!(
        status(&said) == "401" && said.contains("Bearer realm=\"restricted\", error=\"invalid_token\"\r\n")
    );
    let twice = format!("{}{}", authorization("ann:swordfish"), authorization("ann:swordfish"));
    assert_eq!(status(&ask(guarded(), "GET /private/a", &twice).await), "400");
}

#[tokio::test]
async fn every_way_of_writing_a_path_needs_the_login() {
    for path in [
        "/private",
        "/private/",
        "/private/a/b",
        "//private/a",
        "/./private/a",
        "/%70rivate/a",
        "/private%2fa",
        "/public/../private/a",
        "/public/%2e%2e/private/a",
        "/private/a?x",
        "http://x/private/a",
        "/private/./a",
    ] {
        let said = ask(guarded(), &format!("GET {path}"), "").await;
        assert!(["401", "400"].contains(&status(&said)), "{path}: {said}");
    }
    for path in ["/", "/public", "/privateer", "/Private"] {
        assert_eq!(status(&ask(guarded(), &format!("GET {path}"), "").await), "200", "{path}");
    }
}

#[tokio::test]
async fn a_method_that_is_not_named_needs_no_login_and_get_is_head_too() {
    let readers = || Site::new(whoami).auth(staff().methods([Method::GET]));
    for (method, expected) in [("GET", "401"), ("HEAD", "401"), ("POST", "200"), ("get", "200")] {
        assert_eq!(status(&ask(readers(), &format!("{method} /private/a"), "").await), expected, "{method}");
    }
    for method in ["OPTIONS", "PUT", "BREW"] {
        assert_eq!(status(&ask(guarded(), &format!("{method} /private/a"), "").await), "401", "{method}");
    }
}

#[tokio::test]
async fn what_is_excepted_needs_no_login_and_all_rules_count() {
    let site = || {
        Site::new(whoami)
            .auth(Auth::new(logins(), [Pattern::every()]).except([pattern("/open/*")]))
            .auth(staff())
    };
    assert_eq!(status(&ask(site(), "GET /open/a", "").await), "200");
    assert_eq!(status(&ask(site(), "GET /other", "").await), "401");
    let bob = authorization("bob:swordfish");
    assert_eq!(status(&ask(site(), "GET /other", &bob).await), "200");
    assert_eq!(status(&ask(site(), "GET /private/a", &bob).await), "403");
}

#[tokio::test]
async fn what_stands_behind_a_program_does_not_take_it_out_of_a_rule() {
    let folder = tempfile::tempdir().unwrap();
    let text = "printf 'Content-Type: a/b\\n\\n'; printf 'for %s.' \"$REMOTE_USER\"";
    std::fs::write(folder.path().join("p.sh"), text).unwrap();
    let programs = || Site::new(Cgi::new(folder.path()).extension("sh", ["sh"]).index("p.sh"));
    let named = || programs().auth(Auth::new(logins(), [pattern("*.sh")]).groups(["staff".parse().unwrap()]));
    let all = || Auth::new(logins(), [Pattern::every()]).except([pattern("*.css")]);
    for path in ["/p.sh", "/p.sh/", "/p.sh/x", "/p.sh/x.css", "/%70.sh//x.css", "/"] {
        let line = format!("GET {path}");
        assert_eq!(status(&ask(named(), &line, "").await), "401", "{path}");
        assert_eq!(status(&ask(programs().auth(all()), &line, "").await), "401", "{path}");
        assert_eq!(status(&ask(named(), &line, &authorization("bob:swordfish")).await), "403", "{path}");
        let said = ask(named(), &line, &authorization("ann:swordfish")).await;
        assert!(status(&said) == "200" && said.contains("for ann."), "{path}: {said}");
        assert_eq!(field(&said, "cache-control"), Some("private"), "{path}");
    }
    assert_eq!(status(&ask(programs().auth(all()), "GET /x.css", "").await), "404", "that is no program");
}

#[tokio::test]
async fn over_plain_text_from_afar_nobody_is_asked_for_a_password() {
    for fields in [String::new(), authorization("ann:swordfish")] {
        let said = ask_from_afar(guarded(), &fields).await;
        assert_eq!((status(&said), field(&said, "www-authenticate")), ("403", None));
        assert!(said.contains("needs TLS"), "{said}");
    }
    let behind = Site::new(whoami).auth(staff().without_tls());
    assert_eq!(status(&ask_from_afar(behind, &authorization("ann:swordfish")).await), "200");
}

#[tokio::test]
async fn who_cannot_be_checked_now_may_come_again_and_learns_no_cause() {
    let said = ask(guarded(), "GET /private/a", &authorization("busy:x")).await;
    assert_eq!((status(&said), field(&said, "retry-after")), ("503", Some("1")));
    let said = ask(guarded(), "GET /private/a", &authorization("broken:x")).await;
    assert!(status(&said) == "500" && !said.contains("secret cause"), "{said}");
}

#[tokio::test]
async fn a_scheme_that_is_not_offered_is_not_taken() {
    let basic = Site::new(whoami).auth(staff().schemes(&[Scheme::Basic], "the \"staff\"").unwrap());
    let said = ask(basic, "GET /private/a", "Authorization: Bearer t0ken\r\n").await;
    assert_eq!(status(&said), "401");
    assert_eq!(
        field(&said, "www-authenticate"),
        Some("Basic realm=\"the \\\"staff\\\"\", charset=\"UTF-8\"")
    );
    assert!(!said.contains("Bearer"), "{said}");
    assert!(staff().schemes(&[], "x").is_err() && staff().schemes(&[Scheme::Basic], "a\r\nb").is_err());
}

#[tokio::test]
async fn accounts_are_asked_each_time_and_a_wrong_password_counts_each_time() {
    let desk = Arc::new(Desk::default());
    let logins = Arc::new(Logins::new(Arc::clone(&desk) as Arc<dyn Authenticator>, "web"));
    let site = Site::new(whoami).auth(Auth::new(logins, [Pattern::every()]));
    let ask = |login: &str| format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", authorization(login));
    let mut peer = Peer::of(Http::new(site));
    peer.send(format!("{0}{0}{0}{1}{1}", ask("ann:swordfish"), ask("ann:wrong"))).await;
    peer.io.shutdown().await.unwrap();
    let said = peer.rest().await;
    assert_eq!((said.matches("HTTP/1.1 200").count(), said.matches("HTTP/1.1 401").count()), (3, 2));
    assert_eq!(desk.0.load(Ordering::Relaxed), 5);
    assert!(peer.cx.is_authenticated());
    let metrics = peer.cx.metrics().render();
    assert!(metrics.contains("ropewalk_offences_total{offence=\"wrong_password\"} 2"), "{metrics}");
    for (result, count) in [("ok", 1), ("refused", 2)] {
        let line = format!(
            "ropewalk_auth_attempts_total{{proto=\"http\",mech=\"basic\",result=\"{result}\"}} {count}"
        );
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
}

/// Knows ann until an operator disables her, which happens while her password is checked.
#[derive(Default)]
struct Late {
    cx: OnceLock<Context>,
    disabled: AtomicBool,
}

#[async_trait]
impl Authenticator for Late {
    async fn verify(&self, _: Credential<'_>, _: &Origin<'_>) -> Result<Step, LoginError> {
        if self.disabled.swap(true, Ordering::Relaxed) {
            return Err(LoginError::Refused);
        }
        self.cx.get().unwrap().live().kill_user("ann");
        Ok(Step::Done(Principal::new("ann".parse().unwrap(), [], By::Password)))
    }
}

#[tokio::test]
async fn a_request_that_is_under_way_when_the_account_changes_is_checked_again() {
    let late = Arc::new(Late::default());
    let logins = Arc::new(Logins::new(Arc::clone(&late) as Arc<dyn Authenticator>, "web"));
    let site = Site::new(whoami).auth(Auth::new(logins, [Pattern::every()]));
    let mut peer = Peer::of(Http::new(site));
    assert!(late.cx.set(peer.cx.clone()).is_ok());
    peer.send(format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", authorization("ann:swordfish"))).await;
    peer.io.shutdown().await.unwrap();
    assert_eq!(status(&peer.rest().await), "401");
}

#[tokio::test]
async fn what_a_login_protects_is_not_said_to_be_public() {
    let files = Memory::new().with("/private/a", "a");
    let files = Static::new(Arc::new(files)).cache_control("public, max-age=60".parse().unwrap());
    let site = Sites::new(Site::new(files).auth(staff())).boxed();
    let ask = |fields: &str| format!("GET /private/a HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let said = say(Http::new(site.clone()), ask(&authorization("ann:swordfish"))).await;
    assert_eq!(field(&said, "cache-control"), Some("private, max-age=60"));
    let tag = field(&said, "etag").unwrap();
    let fields = format!("{}If-None-Match: {tag}\r\n", authorization("ann:swordfish"));
    let said = say(Http::new(site), ask(&fields)).await;
    assert_eq!((status(&said), field(&said, "cache-control")), ("304", Some("private, max-age=60")));
}
