use std::fs;

use ropewalk_core::config::{Document, Reading, Registry};

use super::*;

/// A folder with the zone `example.org.` in `a` and a broken one in `broken`.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let head = "$ORIGIN example.org.\n@ 300 SOA ns ns 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.1\n";
    fs::write(dir.path().join("a"), head).unwrap();
    fs::write(dir.path().join("broken"), format!("{head}www 300 A 1.2.3\n")).unwrap();
    dir
}

fn read(text: &str) -> Reading<()> {
    read_in(&folder(), text)
}

fn read_in(dir: &tempfile::TempDir, text: &str) -> Reading<()> {
    let registry = Registry::new().with_resource(KEYS).with_resource(ZONES).with(KIND);
    Document::new().text("test", dir.path(), text).read(&registry, |_| ())
}

const SERVICE: &str = "[keys.\"one.test\"]\nalgorithm = \"hmac-sha512\"\nsecret = \"c2VjcmV0IG9mIHNldmVudGVlbg==\"\n[[service]]\nkind = \"dns\"\nlisten = [\"udp:5553\", \"tcp:5553\"]\nzones = \"main\"\n";

/// What is wrong with these keys of the zones, and these of the service.
fn mistakes(zones: &str, service: &str) -> Vec<String> {
    let records = read(&format!("[zones.main]\n{zones}\n{SERVICE}{service}")).diagnostics.records();
    // As of every secret.
    let is_said = |message: &String| message != "a secret stands in the configuration itself";
    records.into_iter().map(|record| record.message).filter(is_said).collect()
}

#[test]
fn the_examples_are_right() {
    let reading =
        read(&format!("[zones.example]\n{}\n[[service]]\nkind = \"dns\"\n{}", ZONES.example, KIND.example));
    assert_eq!(reading.diagnostics.render(false), "");
    assert_eq!(reading.plan.unwrap().members.len(), 1);
}

#[test]
fn every_key_can_be_said() {
    let zones = "
        zone = [{ file = \"a\", origin = \"example.org\", allow_query = [\"loopback\"], allow_transfer = [\"key:one.test\"],
            notify = [{ address = \"192.0.2.1\" }, { address = \"[2001:db8::1]:5353\", key = \"one.test\" }] }]
        allow_transfer = [\"192.0.2.0/24\", \"key:one.test\"]
        notify = [{ address = \"192.0.2.1:53\" }]
        transfers = 3
        hosts = \"/etc/hosts\"
        allow_query = [\"192.0.2.0/24\", \"::1\"]
        udp_size = 4096
        minimal = true
        version = \"it\"
        id = \"ns1\"
        nsid = \"ns1\"
        cookies = \"require\"
        cookie_secrets = [\"e5e973e5a6b2a43f48e7dc849e37bfcf\"]
        rrl = { rate = 10, slip = 3, ipv4 = 32, ipv6 = 64, exempt = [\"10.0.0.0/8\"] }
        ";
    assert_eq!(mistakes(zones, "idle = \"10s\"\nquery = \"5s\"\nallow = [\"loopback\"]\n"), [""; 0]);
}

#[test]
fn what_makes_no_sense_is_told() {
    assert_eq!(mistakes("", ""), ["there is nothing to answer from: give a `zone`, `hosts` or `forward`"]);
    let one = "zone = [{ file = \"a\" }]\n";
    assert_eq!(mistakes(one, ""), [""; 0]);
    assert_eq!(mistakes(one, "idle = \"0s\"\n"), ["a limit is more than zero"]);
    for (keys, count) in [
        ("udp_size = 511", 1),
        ("udp_size = 4097", 1),
        ("nsid = \"\"", 0),
        ("cookie_secrets = [\"short\"]", 1),
        ("cookies = \"maybe\"", 1),
        ("rrl = { ipv4 = 33 }", 1),
        ("rrl = { rate = 0 }", 0),
        ("allow_query = [\"somebody\"]", 1),
        ("allow_query = [\"key:two.test\"]", 1),
        ("allow_transfer = [\"key:two.test\"]", 1),
        ("allow_transfer = [\"key:a..b\"]", 1),
        ("notify = [{ key = \"one.test\" }]", 1),
        ("notify = [{ address = \"ns.example\" }]", 1),
        ("notify = [{ address = \"192.0.2.1\", key = \"two.test\" }]", 1),
    ] {
        assert_eq!(mistakes(&format!("{one}{keys}"), "").len(), count, "{keys}");
    }
    assert_eq!(mistakes("zone = [{ file = \"a\", origin = \"a..b\" }]", "").len(), 1);
    assert_eq!(mistakes("zone = [{ file = \"a\" }, { file = \"a\" }]", "").len(), 1);
}

#[test]
fn what_is_wrong_in_a_zone_is_told_with_its_place() {
    let wrong = mistakes("zone = [{ file = \"broken\" }]", "");
    assert!(wrong.len() == 1 && wrong[0].contains("broken:5:11: "), "{wrong:?}");
    assert!(mistakes("hosts = \"none\"", "")[0].contains("none: "));
}

#[test]
fn a_broken_file_is_an_error_that_stops_nothing_else() {
    let dir = folder();
    let with = |keys: &str| read_in(&dir, &format!("[zones.main]\n{keys}\n{SERVICE}"));
    let broken = with("zone = [{ file = \"broken\" }]");
    assert!(broken.diagnostics.has_errors());
    let broken = broken.plan.unwrap().members[0].fingerprint;
    // Nor the same service, where the file says another name.
    fs::write(dir.path().join("broken"), "$ORIGIN example.net.\n@ 300 SOA ns ns 1 2 3 4 5\nwww\n").unwrap();
    assert!(with("zone = [{ file = \"broken\" }]").plan.unwrap().members[0].fingerprint != broken);
    assert!(with("hosts = \"none\"").plan.is_some());
    assert!(with("zone = [{ file = \"a\" }]\nudp_size = 1").plan.is_none());
    assert!(with("zone = [{ file = \"a\", origin = \"a..b\" }]").plan.is_none());
}

#[test]
fn questions_can_be_passed_on() {
    let keys = "
        [zones.main.forward]
        to = [\"192.0.2.53\", \"[2001:db8::53]:5353\", \"tcp:53:host=192.0.2.53\"]
        route = [{ name = \"corp.example\", to = [\"10.0.0.53\"] }]
        allow = [\"10.0.0.0/8\"]
        timeout = \"3s\"
        cache = \"1MiB\"
        in_flight = 100
        special = false
        ";
    assert_eq!(mistakes(keys, ""), [""; 0]);
    for (keys, said) in [
        ("", "nobody is asked"),
        ("to = []", "there is no server"),
        ("to = [\"dns.example\"]", "is no server to ask"),
        ("to = [\"192.0.2.1\"]\nallow = [\"somebody\"]", "somebody"),
        ("to = [\"192.0.2.1\"]\ntimeout = \"0s\"", "more than zero"),
        ("route = [{ name = \"a..b\", to = [\"192.0.2.1\"] }]", "a..b"),
        ("route = [{ name = \"a\", to = [\"192.0.2.1\"] }, { name = \"A\", to = [\"192.0.2.1\"] }]", "twice"),
    ] {
        let wrong = mistakes(&format!("[zones.main.forward]\n{keys}\n"), "");
        assert!(wrong.len() == 1 && wrong[0].contains(said), "{keys}: {wrong:?}");
    }
}

#[test]
fn a_zone_can_be_fetched_and_seen_by_some() {
    let zone = |keys: &str| mistakes(&format!("zone = [{{ file = \"kept\", {keys} }}]"), "");
    assert_eq!(
        zone("origin = \"example.org\", primary = [{ address = \"192.0.2.1\", key = \"one.test\" }]"),
        [""; 0]
    );
    assert_eq!(
        zone("primary = [{ address = \"192.0.2.1\" }]"),
        ["a zone that has primaries needs its name: give `origin`"]
    );
    assert_eq!(zone("origin = \"a\", primary = [{ address = \"192.0.2.1\", ca = \"a\" }]").len(), 1);
    assert_eq!(
        zone("origin = \"a\", primary = [{ address = \"192.0.2.1\", tls = \"ns\", ca = \"none\" }]").len(),
        1
    );
    let views = |view: &str| mistakes("zone = [{ file = \"a\" }]", &format!("view = [{view}]"));
    assert_eq!(views("{ clients = [\"10.0.0.0/8\", \"key:one.test\"], zones = \"main\" }"), [""; 0]);
    assert_eq!(views("{ zones = \"main\" }"), ["`clients` is missing"]);
    assert_eq!(views("{ clients = [\"loopback\"], zones = \"none\" }").len(), 1);
    assert_eq!(views("{ clients = [\"key:none\"], zones = \"main\" }").len(), 1);
}

#[test]
fn records_can_be_derived_for_a_zone_that_nobody_else_changes() {
    let zone = |keys: &str| mistakes(&format!("zone = [{{ {keys} }}]"), "");
    assert_eq!(zone("file = \"a\", derived = {}"), [""; 0]);
    assert_eq!(
        zone(
            "origin = \"box.lan\", derived = { host = \"ns.box.lan\", addresses = [\"192.0.2.1\", \"::1\"], types = [\"A\", \"SRV\"], ttl = \"1m\" }"
        ),
        [""; 0]
    );
    let outside = zone("file = \"a\", derived = { host = \"ns.example.net\" }");
    assert!(outside.len() == 1 && outside[0].contains("is not in the zone example.org."), "{outside:?}");
    assert_eq!(zone("file = \"a\", derived = { types = [\"MX\"] }"), ["MX is not made of services"]);
    assert_eq!(zone("file = \"a\", derived = { addresses = [\"box\"] }").len(), 1);
    let changed = zone("origin = \"b\", file = \"b\", primary = [{ address = \"192.0.2.1\" }], derived = {}");
    assert!(changed.len() == 1 && changed[0].contains("nobody else changes"), "{changed:?}");
    let changed = zone("file = \"a\", keep = true, derived = {}");
    assert!(changed.iter().any(|said| said.contains("nobody else changes")), "{changed:?}");
}

#[test]
fn a_zone_can_be_signed_and_nothing_is_written_when_it_is_read() {
    let dir = folder();
    let wrong = |keys: &str| {
        let reading =
            read_in(&dir, &format!("[zones.main]\nzone = [{{ file = \"a\", sign = {keys} }}]\n{SERVICE}"));
        let all = reading.diagnostics.records().into_iter().map(|record| record.message);
        all.filter(|message| message != "a secret stands in the configuration itself").collect::<Vec<_>>()
    };
    let all =
        "{ keys = \"keys\", algorithm = \"ed25519\", nsec3 = true, cds = \"none\", validity = \"30d\" }";
    for keys in ["true", "false", "{}", all] {
        assert_eq!(wrong(keys), [""; 0], "{keys}");
    }
    for (keys, said) in [
        ("{ algorithm = \"rsasha256\" }", "no algorithm that zones are signed with"),
        ("{ validity = \"59m\" }", "from an hour to a year"),
        ("{ validity = \"366d\" }", "from an hour to a year"),
        ("{ cds = \"maybe\" }", "one of `publish`"),
        ("1", "expected a table"),
    ] {
        let wrong = wrong(keys);
        assert!(wrong.len() == 1 && wrong[0].contains(said), "{keys}: {wrong:?}");
    }
    fs::write(
        dir.path().join("signed"),
        "$ORIGIN example.org.\n@ 300 SOA ns ns 1 2 3 4 5\n@ 300 NS ns\n@ 300 CDS 0 0 0 00\n",
    )
    .unwrap();
    let text = format!("[zones.main]\nzone = [{{ file = \"signed\", sign = true }}]\n{SERVICE}");
    assert!(read_in(&dir, &text).diagnostics.render(false).contains("is to be signed here"));
    let fetched = "origin = \"b\", file = \"b\", primary = [{ address = \"192.0.2.1\" }], sign = true";
    assert_eq!(
        mistakes(&format!("zone = [{{ {fetched} }}]"), ""),
        ["a zone that has primaries is signed there, and not here"]
    );
    let mut files: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["a", "broken", "signed"]);
}

#[test]
fn a_key_has_a_secret_in_base64() {
    let wrong = |keys: &str| {
        let reading = read(&format!("[keys.other]\n{keys}\n"));
        reading.diagnostics.records().into_iter().map(|record| record.message).collect::<Vec<_>>()
    };
    let secret = "a secret stands in the configuration itself";
    assert_eq!(wrong(""), ["`secret` is missing"]);
    assert_eq!(wrong("secret = \"AAAAAAAAAAAAAAAAAAAAAA==\""), [secret]);
    assert!(wrong("secret = \"****\"").iter().any(|message| message.contains("base64")));
    assert!(wrong("secret = \"\"").contains(&"the secret is empty".to_owned()));
    assert!(wrong("secret = \"AAAA\"").iter().any(|message| message.contains("can be guessed")));
    assert!(wrong("secret = \"AAAAAAAAAAAAAAAAAAAAAA==\"\nalgorithm = \"hmac-md5\"").len() == 2);
}

#[test]
fn another_secret_makes_another_service() {
    let dir = folder();
    let with = |secret: &str| {
        let text =
            format!("[zones.main]\nzone = [{{ file = \"a\" }}]\n{SERVICE}").replace("c2VjcmV0", secret);
        read_in(&dir, &text).plan.unwrap().members[0].fingerprint
    };
    assert!(with("c2VjcmV0") == with("c2VjcmV0"));
    assert!(with("c2VjcmV0") != with("AAAAAAAA"));
}
