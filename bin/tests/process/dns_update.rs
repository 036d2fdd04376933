//! Zones that change while they are served: by foreign programs, by commands, by files, and over ends of all kinds.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Done, Folder, done, ropewalk, until};
use crate::ftp::is_there;

const ZONE: &str = "$ORIGIN example.org.\n$TTL 300\n@ SOA ns hostmaster 7 2h 30m 2w 300\n@ NS ns\n\
                    ns A 192.0.2.1\nwww A 192.0.2.80\n";
const SECRET: &str = "c2l4dGVlbiBvY3RldHMgb3IgbW9yZSBvZiBhIHNlY3JldA==";

/// A server of a zone that a key may change below `dyn`, which may be transferred with the key.
struct Names {
    folder: Folder,
    server: Daemon,
    ports: [u16; 2],
}

impl Names {
    fn new() -> Self {
        let folder = Folder::with(&format!(
            "store = \"data\"\n[keys.dhcp]\nsecret = \"{SECRET}\"\n[zones.main]\n\
             [[zones.main.zone]]\nfile = \"zone\"\nallow_transfer = [\"key:dhcp\"]\n\
             [[zones.main.zone.allow_update]]\nkey = \"dhcp\"\nnames = [\"*.dyn.example.org\"]\ntypes = [\"A\", \"TXT\"]\n\
             [[service]]\nkind = \"dns\"\nzones = \"main\"\nlisten = [\"udp:0:interface=127.0.0.1\", \"tcp:0:interface=127.0.0.1\"]\n",
        ));
        folder.write("zone", ZONE);
        done(ropewalk(["user", "add", "ann", "--no-password", "--store"]).arg(folder.join("data")))
            .says(0, &[]);
        let (server, ports) = start(&folder);
        Self { folder, server, ports }
    }

    /// Ends it without a word, and starts it again.
    fn killed(mut self) -> Self {
        self.server.signal(Signal::SIGKILL);
        drop(self.server);
        (self.server, self.ports) = start(&self.folder);
        self
    }

    fn replace(&self, text: &str) {
        fs::rename(self.folder.write("zone.new", text), self.folder.join("zone")).unwrap();
    }

    /// What dig says of a question over TCP.
    #[track_caller]
    fn dig(&self, words: &str) -> String {
        let mut command = Command::new("dig");
        command.args(["@127.0.0.1", "-p", &self.ports[1].to_string(), "+tcp", "+short"]);
        let done = done(command.args(words.split_whitespace()));
        assert_eq!(done.code, Some(0), "{done:#?}");
        done.out
    }

    fn zone(&self, args: &[&str]) -> Done {
        done(ropewalk(["zone"].iter().chain(args)).arg("--store").arg(self.folder.join("data")))
    }

    /// Tells a program that makes updates what to do; whether it was done, and what it says.
    fn update(&self, program: &str, key: Option<&str>, lines: &str) -> (bool, String) {
        let server = format!("server 127.0.0.1 {}\nzone example.org.\n", self.ports[0]);
        let mut command = Command::new(program);
        if let Some(key) = key {
            command.args(["-y", &format!("hmac-sha256:{key}:{SECRET}")]);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{server}{lines}send\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

fn start(folder: &Folder) -> (Daemon, [u16; 2]) {
    let server = Daemon::of(&mut folder.command(&[]));
    let [tcp, udp] = server.addresses()[..] else { panic!("{}", server.log()) };
    (server, [udp.port(), tcp.port()])
}

#[test]
fn nsupdate_and_knsupdate_change_what_they_may_and_kill_9_loses_nothing() {
    if !is_there("dig") || !is_there("nsupdate") || !is_there("knsupdate") {
        return;
    }
    let mut names = Names::new();
    for (program, host) in [("nsupdate", "one"), ("knsupdate", "two")] {
        let add = format!("update add {host}.dyn.example.org. 60 A 192.0.2.9\n");
        let (good, said) = names.update(program, Some("dhcp"), &add);
        assert!(good, "{program}: {said}");
        // What was acknowledged is served at once, and after a kill.
        assert_eq!(names.dig(&format!("{host}.dyn.example.org")), "192.0.2.9\n");
        names = names.killed();
        assert_eq!(names.dig(&format!("{host}.dyn.example.org")), "192.0.2.9\n");
        // It is not there already.
        let fresh = format!("prereq nxdomain {host}.dyn.example.org.\n{add}");
        let (good, said) = names.update(program, Some("dhcp"), &fresh);
        assert!(!good && said.contains("YXDOMAIN"), "{program}: {said}");
        for (key, line) in [
            (Some("dhcp"), "update add www.example.org. 60 A 192.0.2.9\n"),
            (Some("dhcp"), "update add x.dyn.example.org. 60 AAAA ::1\n"),
            (None, &add),
        ] {
            let (good, said) = names.update(program, key, line);
            assert!(!good && said.contains("REFUSED"), "{program} {key:?} {line}: {said}");
        }
        let (good, said) = names.update(program, Some("other"), &add);
        assert!(!good, "{program}: {said}");
    }
    assert!(names.dig("example.org SOA").contains(" 9 7200 "));
    let (good, said) = names.update("nsupdate", Some("dhcp"), "update delete one.dyn.example.org.\n");
    assert!(good, "{said}");
    assert_eq!(names.killed().dig("one.dyn.example.org"), "");
}

#[test]
fn secondaries_get_what_has_changed() {
    if !is_there("dig") || !is_there("nsupdate") {
        return;
    }
    let names = Names::new();
    let (good, said) =
        names.update("nsupdate", Some("dhcp"), "update add one.dyn.example.org. 60 A 192.0.2.9\n");
    assert!(good, "{said}");
    let key = format!("-y hmac-sha256:dhcp:{SECRET} +noshort +noall +answer");
    let serials = |said: &str| said.lines().filter(|line| line.contains("\tSOA\t")).count();
    let said = names.dig(&format!("{key} example.org IXFR=7"));
    assert_eq!((serials(&said), said.lines().count()), (4, 5), "the difference: {said}");
    let said = names.dig(&format!("{key} example.org IXFR=6"));
    assert_eq!((serials(&said), said.lines().count()), (2, 6), "all of it: {said}");
    let said = names.dig(&format!("{key} example.org IXFR=8"));
    assert_eq!((serials(&said), said.lines().count()), (1, 1), "nothing: {said}");
}

#[test]
fn a_file_counts_where_it_is_newer_and_is_told_where_it_is_not() {
    if !is_there("dig") || !is_there("nsupdate") {
        return;
    }
    let names = Names::new();
    let (good, said) =
        names.update("nsupdate", Some("dhcp"), "update add one.dyn.example.org. 60 A 192.0.2.9\n");
    assert!(good, "{said}");
    // Another record with a serial that updates have passed.
    let other = ZONE.replace("192.0.2.80", "192.0.2.81");
    names.replace(&other.replace(" 7 ", " 8 "));
    for _ in 0..2 {
        names.zone(&["reload"]).says(3, &["serial 8 is not after 8", "ropewalk zone export example.org."]);
    }
    assert_eq!(names.dig("one.dyn.example.org"), "192.0.2.9\n");
    assert_eq!(names.dig("www.example.org"), "192.0.2.80\n");
    let names = names.killed();
    names.server.wait_for("application: ready");
    assert_eq!(names.dig("one.dyn.example.org"), "192.0.2.9\n");
    names.zone(&["reload"]).says(3, &["serial 8 is not after 8"]);
    // A file that is broken changes nothing either.
    names.replace("nothing");
    names.server.wait_for("a zone was not read");
    for _ in 0..2 {
        names.zone(&["reload"]).says(3, &["zone:1:"]);
    }
    let json: serde_json::Value = serde_json::from_str(&names.zone(&["reload", "--json"]).out).unwrap();
    assert_eq!(json["problems"].as_array().unwrap().len(), 1, "{json}");
    names.replace(&other.replace(" 7 ", " 9 "));
    names.zone(&["reload"]).says(0, &[]);
    assert_eq!(names.dig("www.example.org"), "192.0.2.81\n");
    assert_eq!(names.dig("one.dyn.example.org"), "");
    names.server.wait_for("a newer file takes the place of what updates have made");
}

#[test]
fn commands_change_what_a_server_serves_and_what_it_will_serve() {
    if !is_there("dig") {
        return;
    }
    let names = Names::new();
    until("the zone is kept", || names.zone(&["ls"]).out.contains("store  yes"));
    names
        .zone(&["set", "www.example.org", "A", "192.0.2.81", "192.0.2.82"])
        .says(0, &["example.org.: serial 8, 2 added, 1 removed"]);
    let mut addresses: Vec<_> = names.dig("www.example.org").lines().map(str::to_owned).collect();
    addresses.sort();
    assert_eq!(addresses, ["192.0.2.81", "192.0.2.82"]);
    names.zone(&["del", "www.example.org", "A", "192.0.2.82"]).says(0, &["serial 9, 0 added, 1 removed"]);
    assert_eq!(names.dig("www.example.org"), "192.0.2.81\n");
    names.zone(&["set", "example.org", "MX", "10 mail", "--ttl", "60"]).says(0, &["serial 10"]);
    assert_eq!(names.dig("example.org MX"), "10 mail.example.org.\n");
    names.zone(&["set", "x.example.org", "TXT", "v=spf1 -all"]).says(0, &["serial 11"]);
    assert_eq!(names.dig("x.example.org TXT"), "\"v=spf1 -all\"\n");
    names.zone(&["show", "x.example.org"]).says(0, &["x.example.org. 300 IN TXT \"v=spf1 -all\"\n"]);
    names.zone(&["set", "www.example.org", "A", "192.0.2.81"]).says(0, &["nothing is other than it was"]);
    names.zone(&["set", "www.example.org", "CNAME", "x"]).says(1, &["a CNAME record is alone"]);
    names.zone(&["set", "www.example.com", "A", "192.0.2.1"]).says(1, &["no zone in the store has"]);
    names.zone(&["del", "none.example.org"]).says(1, &["none.example.org. has no records"]);
    names.zone(&["set", "www.example.org", "A", "192.0.2"]).says(1, &["an IPv4 address is expected"]);

    // What is written is what is served, and can be the file from now on.
    let file = names.folder.join("zone");
    names.zone(&["export", "example.org", file.to_str().unwrap()]).says(0, &[]);
    names.zone(&["reload"]).says(0, &[]);
    assert!(names.folder.read("zone").contains("SOA"), "{}", names.folder.read("zone"));

    // Without a server it is the same.
    let mut names = names;
    assert_eq!(names.server.stop(), Some(0));
    names.zone(&["reload"]).says(69, &["no server runs on the store"]);
    names.zone(&["set", "www.example.org", "A", "192.0.2.83"]).says(0, &["serial 12"]);
    names.zone(&["ls"]).says(0, &["example.org.", "        12  ", "store  -"]);
    (names.server, names.ports) = start(&names.folder);
    assert_eq!(names.dig("www.example.org"), "192.0.2.83\n");
}

#[test]
fn a_zone_can_be_in_the_store_alone() {
    if !is_there("dig") {
        return;
    }
    let names = Names::new();
    let config = names.folder.read("ropewalk.toml");
    let more = "[[zones.main.zone]]\norigin = \"stored.example\"\n[[service]]";
    names.folder.write("ropewalk.toml", &config.replacen("[[service]]", more, 1));
    let names = names.killed();
    assert!(
        names.server.log().contains("ropewalk zone import stored.example.=FILE"),
        "{}",
        names.server.log()
    );
    let status = || {
        let said = names.dig("+noshort +comments stored.example SOA");
        said.split("status: ").nth(1).unwrap().split(',').next().unwrap().to_owned()
    };
    assert_eq!(status(), "SERVFAIL");
    let file = names.folder.write("stored", &ZONE.replace("example.org", "stored.example"));
    names.zone(&["import", file.to_str().unwrap()]).says(0, &["stored.example.: serial 7, "]);
    assert_eq!(names.dig("www.stored.example"), "192.0.2.80\n");
    names.zone(&["import", file.to_str().unwrap()]).says(0, &["nothing is other"]);
    let file =
        names.folder.write("stored", &ZONE.replace("example.org", "stored.example").replace(".80", ".81"));
    names.zone(&["import", file.to_str().unwrap()]).says(1, &["has to be after 7"]);
    let json: serde_json::Value = serde_json::from_str(&names.zone(&["ls", "--json"]).out).unwrap();
    assert_eq!(json["zones"][1]["zone"], "stored.example.");
    assert_eq!((&json["zones"][1]["kept"], &json["zones"][1]["served"]), (&true.into(), &true.into()));
    names.zone(&["del", "stored.example", "--zone"]).says(0, &["stored.example.: forgotten, with serial 7"]);
    assert_eq!(status(), "SERVFAIL");
    // One that has a file begins anew with that.
    names.zone(&["set", "www.example.org", "A", "192.0.2.81"]).says(0, &["serial 8"]);
    let said = ["up to serial 8 would be lost", "begin it anew with ", "/zone: secondaries", "`--force`"];
    names.zone(&["del", "example.org", "--zone"]).says(1, &said);
    assert_eq!(names.dig("www.example.org"), "192.0.2.81\n");
    names.zone(&["del", "example.org", "--zone", "--force"]).says(0, &["forgotten, with serial 8"]);
    until("the file counts again", || names.dig("www.example.org") == "192.0.2.80\n");
}

#[test]
fn a_zone_that_is_served_from_its_file_is_not_changed_in_the_store() {
    let names = Names::new();
    let config = names.folder.read("ropewalk.toml");
    let more = "[[zones.main.zone]]\nfile = \"plain\"\norigin = \"plain.example\"\n[[service]]";
    names.folder.write("ropewalk.toml", &config.replacen("[[service]]", more, 1));
    let file = names.folder.write("plain", &ZONE.replace("example.org", "plain.example"));
    let names = names.killed();
    let said = ["plain.example. is served from ", "/plain, and not from the store", "`keep = true`"];
    let set = ["set", "www.plain.example", "A", "192.0.2.81"];
    names.zone(&set).says(1, &said);
    // Nor does it become so where somebody puts it there.
    names.zone(&["import", file.to_str().unwrap()]).says(0, &said);
    names.zone(&set).says(0, &said);
    let listed = names.zone(&["ls"]).out;
    let rows: Vec<_> = listed.lines().filter(|line| line.starts_with("plain.example.")).collect();
    assert_eq!(rows.len(), 2, "{listed}");
    assert!(rows[0].ends_with("         7         -  file   yes"), "{listed}");
    assert!(rows[1].ends_with("         8         4  store  no"), "{listed}");
}

#[test]
fn a_ttl_is_that_of_the_set_or_of_the_zone_where_none_is_told() {
    let folder = Folder::new();
    folder.write("zone", &format!("{ZONE}old 5m A 192.0.2.1\n").replace("$TTL 300", "$TTL 2h"));
    let zone = |line: &str| done(ropewalk(["zone"]).args(line.split(' ')).current_dir(folder.path()));
    zone("import zone").says(0, &[]);
    for (line, shown) in [
        ("set old.example.org A 192.0.2.2 --add", "old.example.org. 300 IN A 192.0.2.2\n"),
        ("set old.example.org A 192.0.2.3", "old.example.org. 300 IN A 192.0.2.3\n"),
        ("set old.example.org A 192.0.2.4 --add --ttl 1m", "old.example.org. 60 IN A 192.0.2.4\n"),
        ("set old.example.org AAAA 2001:db8::1 --add", "old.example.org. 7200 IN AAAA 2001:db8::1\n"),
        ("set new.example.org A 192.0.2.5", "new.example.org. 7200 IN A 192.0.2.5\n"),
    ] {
        zone(line).says(0, &["added"]);
        zone(&format!("show {}", line.split(' ').nth(1).unwrap())).says(0, &[shown]);
    }
}

#[test]
fn the_examples_of_the_help_are_right() {
    let folder = Folder::new();
    folder.write("zone", ZONE);
    let run = |line: &str| {
        let line = line.replacen("ropewalk", env!("CARGO_BIN_EXE_ropewalk"), 1);
        done(Command::new("bash").args(["-c", &line]).current_dir(folder.path()))
    };
    run("ropewalk zone import zone").says(0, &["example.org.: serial 7, 3 added, 0 removed"]);
    let mut tried = 0;
    for command in ["set", "del"] {
        let help = done(&mut ropewalk(["zone", command, "--help"])).out;
        let examples = help.lines().map(str::trim).filter(|line| line.starts_with("ropewalk zone "));
        for example in examples {
            run("ropewalk zone set www.example.org A 192.0.2.1 192.0.2.81").says(0, &[]);
            run(example).says(0, &[]);
            tried += 1;
        }
    }
    assert_eq!(tried, 7);
}

#[test]
fn a_configuration_that_lacks_what_updates_need_is_told_so() {
    let names = |zone: &str, top: &str| {
        let folder = Folder::with(&format!(
            "{top}\n[keys.dhcp]\nsecret = \"{SECRET}\"\n[zones.main]\n[[zones.main.zone]]\n{zone}\n\
             [[service]]\nkind = \"dns\"\nzones = \"main\"\nlisten = [\"udp:0\"]\n",
        ));
        folder.write("zone", ZONE);
        done(ropewalk(["user", "add", "ann", "--no-password", "--store"]).arg(folder.join("data")))
            .says(0, &[]);
        folder.check(&[])
    };
    let grant = |names: &str, key: &str| {
        format!("file = \"zone\"\nallow_update = [{{ key = \"{key}\", names = [\"{names}\"] }}]")
    };
    let store = "store = \"data\"";
    names(&grant("*.example.org", "dhcp"), store).says(0, &[]);
    names(&grant("*.example.org", "dhcp"), "").says(78, &["name one by `store` at the top"]);
    let said = names(&grant("*.example.org", "dhcp"), "store = \"none\"");
    said.says(
        78,
        &["there is no store in", "`ropewalk zone import`", "the store at the top, which cannot be used"],
    );
    assert!(!said.err.contains("name one by"), "{said:#?}");
    names(&grant("*.example.com", "dhcp"), store)
        .says(78, &["`allow_update` speaks of *.example.com., which is not in example.org."]);
    names(&grant("*.example.org", "none"), store).says(78, &["there is no [keys.\"none\"]"]);
    names("", store).says(78, &["a zone has a `file`, or the `origin`"]);
    names("origin = \"a.example\"", "").says(78, &["name one by `store` at the top"]);
}
