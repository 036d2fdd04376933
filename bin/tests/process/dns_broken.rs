//! Zone files with faults in them, where a server starts.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Done, Folder, done, free_port, get, ropewalk};
use crate::ftp::is_there;

fn zone(name: &str, www: &str) -> String {
    format!("$ORIGIN {name}.\n$TTL 300\n@ SOA ns h 7 2h 30m 2w 300\n@ NS ns\nns A 192.0.2.1\nwww A {www}\n")
}

/// A server of these zones, of files over HTTP, and of its store.
struct Names {
    folder: Folder,
    server: Daemon,
    /// DNS over TCP, HTTP.
    ports: [u16; 2],
}

impl Names {
    fn new(zones: &str, files: &[(&str, &str)]) -> Self {
        let ports = [free_port(), free_port()];
        let [dns, http] = ports;
        let folder = Folder::with(&format!(
            "store = \"data\"\n[files.all]\npath = \"files\"\n[zones.main]\nzone = [{zones}]\n\
             [[service]]\nkind = \"dns\"\nzones = \"main\"\nlisten = [\"tcp:{dns}:interface=127.0.0.1\"]\n\
             [[service]]\nkind = \"http\"\nfiles = \"all\"\nlisten = [\"tcp:{http}:interface=127.0.0.1\"]\n"
        ));
        fs::create_dir(folder.join("files")).unwrap();
        folder.write("files/hello", "hello\n");
        files.iter().for_each(|(name, text)| drop(folder.write(name, text)));
        done(ropewalk(["user", "add", "ann", "--no-password", "--store"]).arg(folder.join("data")))
            .says(0, &[]);
        let server = Daemon::of(&mut folder.command(&[]));
        Self { folder, server, ports }
    }

    fn replace(&self, name: &str, text: &str) {
        fs::rename(self.folder.write("new", text), self.folder.join(name)).unwrap();
    }

    #[track_caller]
    fn dig(&self, words: &str) -> String {
        let mut command = ropewalk(["dig", "@127.0.0.1", "+tcp", "-p", &self.ports[0].to_string()]);
        done(command.args(words.split_whitespace())).out
    }

    fn zone(&self, args: &[&str]) -> Done {
        done(ropewalk(["zone"].iter().chain(args)).arg("--store").arg(self.folder.join("data")))
    }
}

#[test]
fn a_broken_zone_takes_nothing_from_others_and_is_served_when_it_is_mended() {
    let zones = "{ file = \"good\" }, { file = \"broken\", origin = \"broken.test\" }";
    let files = [("good", zone("good.test", "192.0.2.80")), ("broken", zone("broken.test", "192.0.2"))];
    let names = Names::new(zones, &files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let place = "broken:6:7: an IPv4 address is expected";
    assert_eq!(get(names.ports[1], "/hello").0, 200);
    assert!(names.dig("www.good.test +short").contains("192.0.2.80"));
    let said = names.dig("www.broken.test");
    assert!(said.contains("SERVFAIL"), "{said}");
    if is_there("dig") {
        let mut dig = Command::new("dig");
        let port = names.ports[0].to_string();
        let said = done(dig.args(["@127.0.0.1", "-p", &port, "+tcp", "www.broken.test"])).out;
        assert!(said.contains("EDE: 24 (Invalid Data)"), "{said}");
    }
    names.zone(&["ls"]).says(0, &["good.test.", "yes", "broken.test.", "no"]);
    names.zone(&["reload"]).says(3, &[place]);
    names.folder.check(&[]).says(78, &["error: ", place]);
    done(ropewalk(["check", "--json", "-c"]).arg(names.folder.join("ropewalk.toml")))
        .says(78, &[place, "\"severity\": \"error\""]);
    names.server.wait_for("its questions get SERVFAIL until its file is mended");
    names.replace("broken", &zone("broken.test", "192.0.2.81"));
    names.server.wait_for("zone read again");
    assert!(names.dig("www.broken.test +short").contains("192.0.2.81"));
    names.zone(&["reload"]).says(0, &[]);
    names.folder.check(&[]).says(0, &[]);
}

#[test]
fn the_only_zone_of_a_server_stops_no_other_service_and_is_read_again_by_a_reload() {
    // Nothing tells its name, and something is said of it.
    let names = Names::new("{ file = \"missing\", allow_transfer = [\"loopback\"] }", &[]);
    names.server.wait_for("missing: cannot be read");
    assert_eq!(get(names.ports[1], "/hello").0, 200);
    assert!(names.dig("www.late.test").contains("REFUSED"));
    names.replace("missing", &zone("late.test", "192.0.2.80"));
    names.server.wait_for("SIGHUP loads it anew");
    names.server.signal(Signal::SIGHUP);
    names.server.wait_for("reloaded");
    assert!(names.dig("www.late.test +short").contains("192.0.2.80"));
    assert!(names.dig("late.test AXFR").contains("192.0.2.80"));
}

#[test]
fn a_reload_changes_what_is_right_and_keeps_what_was_served() {
    let files = [("one", zone("one.test", "192.0.2.80"))];
    let names =
        Names::new("{ file = \"one\" }", &files.each_ref().map(|(name, text)| (*name, text.as_str())));
    names.replace("one", &zone("one.test", "192.0.2"));
    names.folder.write("two", &zone("two.test", "192.0.2.82"));
    let config = names.folder.read("ropewalk.toml");
    names.folder.write(
        "ropewalk.toml",
        &config.replace("{ file = \"one\" }", "{ file = \"one\" }, { file = \"two\" }"),
    );
    names.server.signal(Signal::SIGHUP);
    names.server.wait_for("reloaded");
    for (name, address) in [("www.one.test", "192.0.2.80"), ("www.two.test", "192.0.2.82")] {
        assert!(names.dig(&format!("{name} +short")).contains(address), "{name}");
    }
    names.zone(&["reload"]).says(3, &["one:6:7: "]);
}

#[test]
fn a_command_line_with_a_broken_file_is_refused() {
    let folder = Folder::new();
    let good = folder.write("good", &zone("good.test", "192.0.2.80"));
    let broken = folder.write("broken", &zone("broken.test", "192.0.2"));
    let words =
        ["dns", "--listen", "udp:0", "--zone", good.to_str().unwrap(), "--zone", broken.to_str().unwrap()];
    done(&mut ropewalk(words)).says(78, &["broken:6:7: an IPv4 address is expected"]);
    done(&mut ropewalk(["dns", "--listen", "udp:0", "--hosts-file", "/nonexistent/hosts"]))
        .says(78, &["/nonexistent/hosts: cannot be read"]);
}
