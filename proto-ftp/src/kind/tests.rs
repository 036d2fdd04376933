//! What a configuration says, and what is wrong with it.

use std::path::Path;

use ropewalk_core::config::{Document, Reading, Registry, ResourceKind};
use ropewalk_core::data::cred::Memory as People;
use ropewalk_core::data::files::Memory;

use super::*;

const TREE: ResourceKind = ResourceKind {
    name: "files",
    summary: "Files",
    example: "",
    build: |section, resources| resources.provide::<dyn Files>(section, Arc::new(Memory::new())),
};

/// A resource of this kind has a tree for each, and none for all.
const HOMES: ResourceKind = ResourceKind {
    build: |section, resources| {
        resources.provide::<dyn Realm<dyn Files>>(section, Arc::new(Same(Arc::new(Memory::new()))));
    },
    ..TREE
};

const ACCOUNTS: ResourceKind = ResourceKind {
    name: "accounts",
    summary: "Accounts",
    example: "",
    build: |section, resources| {
        resources.provide::<dyn Authenticator>(section, Arc::new(People::new().unwrap()));
    },
};

const TOP: &str = "[files.example]\n[accounts.home]\n[[service]]\nkind = \"ftp\"\n";

fn read(service: &str) -> Reading<()> {
    let registry = Registry::new().with_resource(TREE).with_resource(ACCOUNTS).with(KIND);
    Document::new().text("test", Path::new("/"), &format!("{TOP}{service}")).read(&registry, |_| ())
}

fn mistakes(service: &str) -> Vec<String> {
    let records = read(&format!("listen = \"tcp:1:interface=localhost\"\n{service}")).diagnostics.records();
    records.into_iter().map(|record| record.message).collect()
}

#[test]
fn the_example_is_right() {
    let reading = read(KIND.example);
    assert_eq!(reading.diagnostics.render(false), "");
    assert_eq!(reading.plan.unwrap().members.len(), 1);
}

#[test]
fn people_may_have_a_tree_each() {
    let registry = Registry::new().with_resource(HOMES).with_resource(ACCOUNTS).with(KIND);
    let said = |service: &str| {
        let text = format!("{TOP}listen = \"tcp:1:interface=localhost\"\n{service}");
        let reading: Reading<()> =
            Document::new().text("test", Path::new("/"), &text).read(&registry, |_| ());
        reading.diagnostics.records().into_iter().map(|record| record.message).collect::<Vec<_>>()
    };
    assert_eq!(said("accounts = \"home\"\nfiles = \"example\""), [""; 0]);
    // But nobody in particular has none.
    assert_eq!(said("anonymous = \"example\"").len(), 1);
}

#[test]
fn every_key_can_be_said() {
    let service = "
        accounts = \"home\"
        files = \"example\"
        anonymous = \"example\"
        incoming = \"/incoming\"
        tie = \"require\"
        passive = \"40000-40010\"
        masquerade = [\"10.0.0.0/8=10.0.0.5\", \"0.0.0.0/0=203.0.113.1\"]
        active = true
        fxp = [\"192.0.2.0/24\"]
        login_attempts = 5
        ascii = false
        stall = \"10s\"
        connect = \"5s\"
        per_person = 3
        welcome = \"hello\"
        umask = \"077\"
        hash = \"1GiB\"
        [service.host.\"b.example\"]
        anonymous = \"example\"
        ";
    assert_eq!(mistakes(service), [""; 0]);
}

#[test]
fn what_makes_no_sense_is_told() {
    assert_eq!(mistakes(""), ["nobody can log in: give `accounts` and `files`, or `anonymous`"]);
    assert_eq!(mistakes("accounts = \"home\""), ["accounts need `files`"]);
    assert_eq!(
        mistakes("files = \"example\""),
        ["nobody can log in: give `accounts` and `files`, or `anonymous`", "`files` need `accounts`"]
    );
    let guests = |more: &str| mistakes(&format!("anonymous = \"example\"\n{more}"));
    assert_eq!(guests("umask = \"9\""), ["\"9\" is no mask such as \"022\""]);
    for range in ["80-90", "5000-4000", "x", "50000-"] {
        assert_eq!(guests(&format!("passive = \"{range}\"")).len(), 1, "{range}");
    }
    assert_eq!(guests("masquerade = \"10.0.0.5\"").len(), 1);
    assert_eq!(guests("stall = \"0s\""), ["a limit is more than zero"]);
    assert_eq!(guests("incoming = \"../x\"").len(), 1);
}

#[test]
fn passwords_that_come_in_the_clear_from_other_machines_are_warned_of() {
    let people = "accounts = \"home\"\nfiles = \"example\"\n";
    let host = format!("anonymous = \"example\"\n[service.host.\"b.example\"]\n{people}");
    for (listen, rest, warned) in [
        ("tcp:1", people, true),
        ("tcp:1:interface=0.0.0.0", people, true),
        ("tcp:1", &host, true),
        ("tcp:1", "anonymous = \"example\"\n", false),
        ("tcp:1:interface=localhost", people, false),
        ("unix:/x", people, false),
        ("tcp:1", &format!("allow = [\"10.0.0.0/8\"]\n{people}"), false),
    ] {
        let reading = read(&format!("listen = \"{listen}\"\n{rest}"));
        let said = reading.diagnostics.render(false);
        assert!(reading.plan.is_some(), "{said}");
        assert_eq!(
            said.contains("passwords from other machines come in the clear"),
            warned,
            "{listen} {rest}: {said}"
        );
    }
}

#[test]
fn tls_without_a_certificate_is_required_of_nobody() {
    for listen in ["tcp:1", "tcp:1:interface=localhost"] {
        let text = format!("listen = \"{listen}\"\nanonymous = \"example\"\ntls_required = true\n");
        let records = read(&text).diagnostics.records();
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!((records[0].line, records[0].column), (7, 16));
        assert!(records[0].message.starts_with("nobody can log in: TLS needs certificates"), "{records:?}");
    }
}
