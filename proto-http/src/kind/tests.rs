//! What a configuration says, and what is wrong with it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ropewalk_core::app::Context;
use ropewalk_core::config::{Document, Reading, Registry, ResourceKind};
use ropewalk_core::data::cred::{Authenticator, Memory as People};
use ropewalk_core::data::facts::Facts;
use ropewalk_core::data::files::{Files, Memory};
use ropewalk_core::data::zones::{Answer, Answered};
use ropewalk_core::{Address, Limits};
use tokio::time::timeout;

use super::KIND;

const FILES: ResourceKind = ResourceKind {
    name: "files",
    summary: "Files",
    example: "",
    build: |section, resources| resources.provide::<dyn Files>(section, Arc::new(Memory::new())),
};

const ACCOUNTS: ResourceKind = ResourceKind {
    name: "accounts",
    summary: "Accounts",
    example: "",
    build: |section, resources| {
        resources.provide::<dyn Authenticator>(section, Arc::new(People::new().unwrap()));
    },
};

/// Counts one thing, once it is tended.
#[derive(Default)]
struct Tended(AtomicBool);

#[async_trait]
impl Answer for Tended {
    async fn answer(&self, _: &[u8], _: &Address) -> Option<Answered> {
        None
    }

    async fn refresh(&self, _: bool) {}

    async fn tend(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn counted(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.0.swap(false, Ordering::Relaxed).then_some(("fetch", "new", 7)).into_iter().collect()
    }

    fn derive_from(&self, _: &Facts) {}
}

const ZONES: ResourceKind = ResourceKind {
    name: "zones",
    summary: "Zones",
    example: "",
    build: |section, resources| resources.provide::<dyn Answer>(section, Arc::new(Tended::default())),
};

#[tokio::test(start_paused = true)]
async fn what_answers_is_tended_and_counted() {
    let cx = Context::root(Limits::default());
    let all: Vec<Arc<dyn Answer>> = vec![Arc::new(Tended::default())];
    let tended = timeout(Duration::from_secs(5), super::tend(all, cx.clone()));
    assert!(tended.await.is_err(), "for as long as the server runs");
    let page = cx.metrics().render();
    assert!(page.contains("{proto=\"dns\",command=\"fetch\",result=\"new\"} 7"), "{page}");
}

#[test]
fn zones_are_for_all_and_others_for_some() {
    let dns = "dns = \"a\"\n";
    let view = "dns_view = [{ clients = [\"10.0.0.0/8\"], zones = \"a\" }]\n";
    assert_eq!(mistakes(&format!("{dns}{view}")), []);
    for (text, said) in [
        (view.to_owned(), "give `dns`"),
        (format!("{dns}dns_view = [{{ zones = \"a\" }}]"), "`clients`"),
        (format!("{dns}dns_view = [{{ clients = [] }}]"), "`zones`"),
        (format!("{dns}dns_view = [{{ clients = [\"key:x\"], zones = \"a\" }}]"), "key:x"),
    ] {
        let mistakes = mistakes(&text);
        assert!(mistakes.iter().any(|(_, _, message)| message.contains(said)), "{text}: {mistakes:?}");
    }
}

const TOP: &str = "[files.example]\n[accounts.home]\n[zones.a]\n[[service]]\nkind = \"http\"\n";

fn read(service: &str) -> Reading<()> {
    let registry =
        Registry::new().with_resource(FILES).with_resource(ACCOUNTS).with_resource(ZONES).with(KIND);
    Document::new().text("test", Path::new("/"), &format!("{TOP}{service}")).read(&registry, |_| ())
}

/// Line and column, counted from the service's first key, and message of each mistake.
fn mistakes(service: &str) -> Vec<(i64, usize, String)> {
    let records = read(&format!("listen = \"tcp:1:interface=localhost\"\n{service}")).diagnostics.records();
    records.into_iter().map(|record| (record.line as i64 - 6, record.column, record.message)).collect()
}

#[test]
fn the_example_is_right() {
    let reading = read(KIND.example);
    assert_eq!(reading.diagnostics.render(false), "");
    assert_eq!(reading.plan.unwrap().members.len(), 1);
}

#[test]
fn every_rule_can_be_said_of_every_site() {
    let site = |below: &str| {
        format!(
            r##"
files = "example"
errors = {{ 404 = "/404.html", 5xx = "/50x.html" }}
security_headers = true
hsts = "180d"
hsts_subdomains = true
[[service{below}.redirect]]
from = "/old/*"
to = "https://{{host}}/new/*"
status = 308
[[service{below}.rewrite]]
from = "/app/*"
to = "/app/index.html"
when = "missing"
[[service{below}.header]]
path = ["/assets/*", "*.css"]
set = {{ cache-control = "max-age=60", link = ["<a>", "<b>"] }}
remove = "etag"
always = true
[[service{below}.auth]]
path = "/private/*"
except = "/private/open/*"
methods = ["GET", "PUT"]
accounts = "home"
users = ["ann"]
groups = "staff"
schemes = "basic"
realm = "the \"staff\""
without_tls = true
"##
        )
    };
    let first = site("");
    let second = site(".site");
    let text = format!(
        "unknown_host = \"misdirected\"\nnames = \"a.example\"{first}[[service.site]]\nnames = [\"*.a.example\"]{second}"
    );
    assert_eq!(mistakes(&text), []);
}

#[test]
fn files_that_anybody_can_change_are_warned_of() {
    let login = "write = true\n[[service.auth]]\naccounts = \"home\"\nwithout_tls = true";
    let below = "[[service.site]]\nnames = [\"a.example\"]\nfiles = \"example\"\nwrite = true";
    for (listen, rest, warned) in [
        ("tcp:1", "write = true", true),
        ("tcp:1:interface=0.0.0.0", "write = true\ndav = true", true),
        ("tcp:1", below, true),
        ("tcp:1", "", false),
        ("tcp:1", login, false),
        ("tcp:1", "write = true\nallow = [\"10.0.0.0/8\"]", false),
        ("tcp:1:interface=localhost", "write = true", false),
        ("unix:/x", "write = true", false),
    ] {
        let reading = read(&format!("listen = \"{listen}\"\nfiles = \"example\"\n{rest}"));
        let said = reading.diagnostics.render(false);
        assert!(reading.plan.is_some(), "{said}");
        assert_eq!(
            said.contains("anybody who reaches this machine can change"),
            warned,
            "{listen} {rest}: {said}"
        );
    }
}

#[test]
fn logins_that_nobody_can_use_from_another_machine_are_warned_of() {
    let login = "[[service.auth]]\naccounts = \"home\"";
    let below = format!(
        "[[service.site]]\nnames = [\"a.example\"]\nfiles = \"example\"\n{}",
        login.replace("service.", "service.site.")
    );
    for (listen, rest, warned) in [
        ("tcp:1", login, true),
        ("tcp:1:interface=0.0.0.0", &below, true),
        ("tcp:1", "", false),
        ("tcp:1", &format!("{login}\nwithout_tls = true"), false),
        ("tcp:1", &format!("allow = [\"10.0.0.0/8\"]\n{login}"), false),
        ("tcp:1:interface=localhost", login, false),
        ("unix:/x", login, false),
    ] {
        let reading = read(&format!("listen = \"{listen}\"\nfiles = \"example\"\n{rest}"));
        let said = reading.diagnostics.render(false);
        assert!(reading.plan.is_some(), "{said}");
        assert_eq!(
            said.contains("nobody can log in from another machine"),
            warned,
            "{listen} {rest}: {said}"
        );
    }
}

#[test]
fn all_that_is_wrong_with_listen_is_told_at_once() {
    let text = "listen = [\"tcp:99999\", \"tls:1\", \"tls:2:cert=a.pem\", \"tcp:3:host=x\", \"udp:4\", \"tcp:4\"]\n\
        files = \"example\"\n[[service]]\nkind = \"http\"\nlisten = \"tcp:4:interface=localhost\"\nfiles = \"example\"";
    let diagnostics = read(text).diagnostics;
    let told: Vec<_> =
        diagnostics.records().into_iter().map(|record| (record.line, record.message)).collect();
    for (line, part) in [
        (6, "99999"),
        (6, "needs cert="),
        (6, "`cert=a.pem` is a file, and its key is missing"),
        (6, "tcp:3:host=x: `host=` is for connecting; what to listen at is `interface=`"),
        (6, "udp:4: this protocol is not spoken over UDP"),
        (10, "tcp:4:interface=localhost is listened on twice"),
    ] {
        assert!(told.iter().any(|(at, message)| *at == line && message.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(told.len(), 6, "{told:?}");
    assert!(diagnostics.render(false).contains("it is listened on here already"));
}

#[test]
fn sockets_that_do_not_meet_are_no_mistake() {
    let second = "files = \"example\"\n[[service]]\nkind = \"http\"\nfiles = \"example\"\nlisten = ";
    for (one, other, meet) in [
        ("tcp:4", "tcp:5", false),
        ("tcp:0", "tcp:0", false),
        ("tcp:4:interface=127.0.0.1", "tcp:4:interface=127.0.0.2", false),
        ("tcp:4:interface=127.0.0.1", "tcp:4:interface=0.0.0.0", true),
        ("tcp:4:interface=127.0.0.1", "tcp:4:interface=localhost", true),
        ("tcp:4:interface=[::1]", "tcp:4:interface=0.0.0.0", false),
        ("unix:/x", "unix:/x:mode=600", true),
        ("unix:/x", "unix:/y", false),
    ] {
        let told = read(&format!("listen = \"{one}\"\n{second}\"{other}\"")).diagnostics;
        assert_eq!(told.has_errors(), meet, "{one} {other}: {}", told.render(false));
    }
}

#[test]
fn every_mistake_is_told_where_it_is() {
    let mut wrong = Vec::new();
    for (text, line, column, message) in [
        ("", 0, 0, "`files` is missing: there is nothing to answer with"),
        ("files = \"example\"\nnames = [\"a\", \"a b\"]", 2, 15, "\"a b\": a host is a name"),
        ("files = \"example\"\nnames = [\"a:80\"]", 2, 10, "leave the port out"),
        ("files = \"example\"\n[[service.site]]\nfiles = \"example\"", 2, 1, "`names` is missing"),
        ("files = \"example\"\n[[service.site]]\nnames = []", 3, 9, "a site has a name"),
        (
            "files = \"example\"\nnames = \"a\"\n[[service.site]]\nnames = [\"b\", \"A\"]",
            4,
            9,
            "a is claimed twice",
        ),
        ("files = \"example\"\n[[service.site]]\nnames = \"a\"\nfile = \"x\"", 4, 1, "unknown key `file`"),
        ("[[service.redirect]]\nfrom = \"/a\"\nto = \"/*\"", 3, 6, "/*: there is no `*` in /a"),
        ("[[service.redirect]]\nfrom = \"a\"\nto = \"/\"", 2, 8, "\"a\": a path begins with a slash"),
        ("[[service.redirect]]\nfrom = \"/a\"\nto = \"//b\"", 3, 6, "\"//b\": two slashes begin a host"),
        ("[[service.redirect]]\nfrom = \"/a\"\nto = \"/b\"\nstatus = 200", 4, 10, "a redirect is 301"),
        (
            "files = \"example\"\n[[service.rewrite]]\nfrom = \"/a\"\nto = \"https://b/\"",
            4,
            6,
            "of the same site",
        ),
        ("files = \"example\"\nerrors = { 200 = \"/a\" }", 2, 10, "\"200\": an error is a status"),
        ("files = \"example\"\nerrors = { 404 = \"a\" }", 2, 10, "it begins with a slash"),
        ("files = \"example\"\nerrors = { 404 = 1 }", 2, 18, "expected a string, found an integer"),
        (
            "files = \"example\"\n[[service.header]]\nset = { connection = \"close\" }",
            3,
            7,
            "the server's own",
        ),
        ("files = \"example\"\n[[service.header]]\nremove = \"content-length\"", 3, 10, "the server's own"),
        (
            "files = \"example\"\n[[service.header]]\nset = { \"a b\" = \"c\" }",
            3,
            7,
            "not the name of a header field",
        ),
        (
            "files = \"example\"\n[[service.header]]\nset = { a = \"b\\r\\nc\" }",
            3,
            7,
            "cannot stand in a header field",
        ),
        ("files = \"example\"\n[[service.auth]]\npath = \"/\"", 2, 1, "`accounts` is missing"),
        ("files = \"example\"\n[[service.auth]]\naccounts = \"hom\"", 3, 12, "there is no [accounts.hom]"),
        (
            "files = \"example\"\n[[service.auth]]\naccounts = \"home\"\nmethods = \"get\"",
            4,
            11,
            "\"get\" is no method",
        ),
        (
            "files = \"example\"\n[[service.auth]]\naccounts = \"home\"\nusers = \"a b\"",
            4,
            9,
            "\"a b\": a name has no",
        ),
        (
            "files = \"example\"\n[[service.auth]]\naccounts = \"home\"\nschemes = \"digest\"",
            4,
            11,
            "neither `basic`",
        ),
    ] {
        let all = mistakes(text);
        let fits = match all.as_slice() {
            [(at_line, at_column, said)] => {
                said.contains(message) && (column == 0 || (*at_line, *at_column) == (line, column))
            }
            _ => false,
        };
        if !fits {
            wrong.push(format!("{text}\n  {all:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_site_that_is_reached_needs_something_to_answer_with() {
    let redirect = "[[service.redirect]]\nfrom = \"/*\"\nto = \"https://{host}{path}\"\n";
    assert_eq!(mistakes(redirect), []);
    let named = "[[service.site]]\nnames = \"a\"\nfiles = \"example\"\n";
    assert_eq!(mistakes(&format!("unknown_host = \"misdirected\"\n{named}")), []);
    assert_eq!(mistakes(named).len(), 1);
}

#[test]
fn what_is_read_is_documented_whatever_is_there() {
    let schema = KIND.schema();
    for path in ["site[].files", "site[].redirect[].from", "redirect[].status", "auth[].accounts", "errors"] {
        let key = schema.keys.iter().find(|key| key.path == path);
        assert!(key.is_some_and(|key| key.doc.ends_with('.')), "{path}");
    }
}
