//! DNS as dig and kdig ask for it, over every transport, and what becomes of files that change.

use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Folder, done, free_port, ropewalk};
use crate::ftp::is_there;

const ZONE: &str = "$ORIGIN example.org.\n$TTL 300\n@ SOA ns hostmaster 1 2h 30m 2w 300\n@ NS ns\n\
                    ns A 192.0.2.1\nwww A 192.0.2.80\nwww AAAA 2001:db8::80\n*.box TXT \"in a box\"\n";

/// A server of a zone and of a hosts file over every transport, and its ports: TCP, TLS, HTTPS, UDP, QUIC.
struct Names {
    folder: Folder,
    server: Daemon,
    ports: [u16; 5],
}

impl Names {
    fn new(keys: &str) -> Self {
        let folder = Folder::with(&format!(
            "[zones.main]\nhosts = \"hosts\"\nzone = [{{ file = \"zone\" }}]\n{keys}\n\
             [[service]]\nkind = \"dns\"\nzones = \"main\"\nlisten = [\"tcp:0:interface=127.0.0.1\", \
             \"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\", \
             \"quic:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\", \"udp:0:interface=127.0.0.1\"]\n\
             [[service]]\nkind = \"http\"\ndns = \"main\"\n\
             listen = [\"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\"]\n"
        ));
        done(ropewalk(["cert", "self-signed"]).current_dir(folder.path())).says(0, &[]);
        folder.write("zone", ZONE);
        folder.write("hosts", "192.0.2.7 printer.lan printer\n");
        let server = Daemon::of(&mut folder.command(&[]));
        let [tcp, tls, quic, udp, https] = server.addresses()[..] else { panic!("{}", server.log()) };
        Self { folder, server, ports: [tcp, tls, https, udp, quic].map(|at| at.port()) }
    }

    fn certificate(&self) -> String {
        self.folder.join("cert.pem").to_str().unwrap().to_owned()
    }

    /// What a program says that asks over the n-th port.
    #[track_caller]
    fn ask(&self, program: &str, port: usize, words: &str) -> String {
        let mut command = Command::new(program);
        command.args(["@127.0.0.1", "-p", &self.ports[port].to_string()]).args(words.split_whitespace());
        let done = done(&mut command);
        assert_eq!(done.code, Some(0), "{done:#?}");
        done.out
    }
}

/// The transports that kdig knows, by the number of the port, and how it is told.
fn transports(names: &Names) -> [(usize, String); 6] {
    let trust = format!("+tls-ca={} +tls-hostname=localhost", names.certificate());
    [
        (3, String::new()),
        (0, "+tcp".into()),
        (1, format!("+tls {trust}")),
        (2, format!("+https=/dns-query {trust}")),
        (2, format!("+https=/dns-query +https-get {trust}")),
        // What it is told of certificates after that, it takes for TLS.
        (4, format!("{trust} +quic")),
    ]
}

#[test]
fn kdig_hears_the_same_over_every_transport() {
    if !is_there("kdig") {
        return;
    }
    let names = Names::new("");
    for question in [
        "www.example.org AAAA",
        "none.example.org A",
        "a.box.example.org TXT",
        "printer.lan A",
        "elsewhere A",
    ] {
        // Without its times and sizes.
        let plain = |(port, how): &(usize, String)| {
            let said = names.ask(
                "kdig",
                *port,
                &format!("{how} {question} +edns +nocomments +nostats +question +answer +authority"),
            );
            let lines = said.lines().filter(|line| !line.is_empty() && !line.starts_with(";; "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let all: Vec<_> = transports(&names).iter().map(plain).collect();
        for other in &all[1..] {
            assert_eq!(other, &all[0], "{question}");
        }
    }
    let said = names.ask("kdig", 1, &format!("{} www.example.org +padding=128", transports(&names)[1 + 1].1));
    assert!(said.contains("192.0.2.80"), "{said}");
}

#[test]
fn dig_is_answered_with_cookies_and_by_address() {
    if !is_there("dig") {
        return;
    }
    let names = Names::new("nsid = \"one\"\nversion = \"none of yours\"");
    let said = names.ask("dig", 3, "www.example.org +nsid");
    for part in ["status: NOERROR", "qr aa", "(good)", "NSID: 6f 6e 65", "192.0.2.80"] {
        assert!(said.contains(part), "no {part}: {said}");
    }
    assert_eq!(names.ask("dig", 3, "-x 192.0.2.7 +short"), "printer.lan.\n");
    assert_eq!(names.ask("dig", 0, "+tcp printer +short"), "192.0.2.7\n");
    assert_eq!(names.ask("dig", 3, "CH TXT version.bind +short"), "\"none of yours\"\n");
    assert!(names.ask("dig", 3, "elsewhere").contains("status: REFUSED"));
    assert!(names.ask("dig", 0, "+tcp +keepalive www.example.org").contains("TCP KEEPALIVE: 30.0 secs"));
}

#[test]
fn a_zone_that_changes_counts_and_one_that_breaks_does_not() {
    if !is_there("dig") {
        return;
    }
    let names = Names::new("");
    let replace = |text: &str| {
        fs::rename(names.folder.write("zone.new", text), names.folder.join("zone")).unwrap();
    };
    replace(&ZONE.replace("192.0.2.80", "192.0.2.81"));
    names.server.wait_for("zone read again");
    assert_eq!(names.ask("dig", 3, "www.example.org +short"), "192.0.2.81\n");
    replace(&ZONE.replace("192.0.2.80", "192.0.2.800"));
    names.server.signal(Signal::SIGHUP);
    let line = names.server.wait_for("a zone was not read");
    assert!(line.contains("zone:6:7: "), "{line}");
    // Nothing else is held up by it.
    names.server.wait_for("reloaded");
    assert_eq!(names.ask("dig", 3, "www.example.org +short"), "192.0.2.81\n");
}

/// One question after the other, while the server changes its configuration: each is answered.
#[test]
fn a_reload_loses_no_question() {
    let names = Names::new("");
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(("127.0.0.1", names.ports[3])).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03org\0\0\x01\0\x01";
    let config = names.folder.read("ropewalk.toml");
    for round in 1..=3 {
        let changed = config.replace("kind = \"dns\"", &format!("kind = \"dns\"\nidle = \"{round}s\""));
        names.folder.write("ropewalk.toml", &changed);
        names.server.signal(Signal::SIGHUP);
        for _ in 0..2000 {
            client.send(question).unwrap();
            let mut reply = [0; 512];
            let octets = client.recv(&mut reply).unwrap();
            assert_eq!((octets > 12, reply[3] & 15, reply[7]), (true, 0, 1));
        }
    }
    names.server.wait_for_nth("reloaded", 3);
}

#[test]
fn a_port_passes_from_datagrams_to_quic_and_back() {
    if !is_there("kdig") {
        return;
    }
    let names = Names::new("");
    let (one, two, config) = (free_port(), free_port(), names.folder.read("ropewalk.toml"));
    // Each at the port that the other had.
    let listen = |udp: u16, quic: u16| {
        config.replace("\"quic:0:", &format!("\"quic:{quic}:")).replace("\"udp:0:", &format!("\"udp:{udp}:"))
    };
    let mut there = names;
    for (round, (udp, quic)) in [(one, two), (two, one), (one, two)].into_iter().enumerate() {
        there.folder.write("ropewalk.toml", &listen(udp, quic));
        there.server.signal(Signal::SIGHUP);
        there.server.wait_for_nth("reloaded", round + 1);
        (there.ports[3], there.ports[4]) = (udp, quic);
        for (port, how) in transports(&there).iter().filter(|(port, _)| *port > 2) {
            let said = there.ask("kdig", *port, &format!("{how} www.example.org +short +retry=5"));
            assert_eq!(said, "192.0.2.80\n", "{how}");
        }
    }
}

#[test]
fn who_is_not_let_in_is_not_heard() {
    let folder = Folder::new();
    let zone = folder.write("zone", ZONE);
    let zone = zone.to_str().unwrap();
    let text = done(&mut ropewalk(["dns", "--zone", zone, "--listen", "udp:0", "--print-config"])).out;
    folder.write("ropewalk.toml", &text.replace("kind =", "deny = [\"127.0.0.0/8\"]\nkind ="));
    let server = Daemon::of(&mut folder.command(&[]));
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(("127.0.0.1", server.port())).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    client.send(b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03org\0\0\x01\0\x01").unwrap();
    assert!(client.recv(&mut [0; 512]).is_err());
}

#[test]
fn the_command_says_what_it_lacks() {
    let folder = Folder::new();
    done(&mut ropewalk(["dns"]))
        .says(2, &["nothing is known: give --zone FILE, --hosts-file FILE or --forward SERVER"]);
    let broken = folder.write("zone", &format!("{ZONE}www CNAME ns\n"));
    let broken = broken.to_str().unwrap();
    done(&mut ropewalk(["dns", "--zone", broken])).says(78, &[":9:1: www.example.org. CNAME: "]);
    let text = done(&mut ropewalk([
        "dns",
        "--zone",
        &format!("a.test={broken}"),
        "--tls",
        "auto",
        "--print-config",
    ]))
    .out;
    for part in ["origin = \"a.test\"", "udp:5553:interface=localhost", "tcp:5553:", "tls:8853:"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("quic:"), "{text}");
    for (how, listens, not) in [
        (&["--quic"][..], "quic:8853:interface=localhost:cert=main", "tls:"),
        (&["--quic=99", "--tls", "auto"], "quic:99:interface=localhost:cert=main", "quic:8853"),
        (&["--listen", "quic:98", "--tls", "auto"], "quic:98:interface=localhost:cert=main", "udp:"),
    ] {
        let zone = format!("a.test={broken}");
        let words = ["dns", "--zone", &zone, "--print-config"];
        let text = done(ropewalk(words.iter().chain(how)).env("HOME", folder.path())).out;
        assert!(text.contains(listens) && !text.contains(not), "{how:?}: {text}");
    }
}

#[test]
fn ropewalk_dig_hears_over_quic_what_kdig_hears() {
    let names = Names::new("allow_transfer = [\"loopback\"]");
    let (port, certificate) = (names.ports[4].to_string(), names.certificate());
    let dig = |words: &[&str]| {
        let trust = ["--cacert", certificate.as_str(), "--tls-name", "localhost"];
        done(&mut ropewalk(["dig", "@127.0.0.1", "-p", &port, "+quic"].iter().chain(&trust).chain(words)))
    };
    dig(&["www.example.org"]).says(0, &["id: 0", "PADDING", "192.0.2.80", " over QUIC in "]);
    dig(&["nobody.example.org"]).says(1, &["NXDOMAIN"]);
    let zone = dig(&["example.org", "AXFR"]);
    zone.says(0, &[";; 7 records in 1 message", " over QUIC in "]);
    dig(&["example.net", "AXFR"]).says(1, &["the server answers NOTAUTH"]);
    for wrong in [&["--tls-name", "other"][..], &["+tls-hostname=other"]] {
        let words = ["dig", "@127.0.0.1", "-p", &port, "+quic", "--cacert", &certificate, "a"];
        done(&mut ropewalk(words.iter().chain(wrong))).says(1, &["no answer: QUIC failed", "certificate"]);
    }
    if is_there("kdig") {
        let records = |text: &str| {
            let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(';'));
            lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        let how = &transports(&names)[5].1;
        assert_eq!(records(&names.ask("kdig", 4, &format!("{how} example.org AXFR"))), records(&zone.out));
    }
}

#[test]
fn what_others_know_is_asked_of_them_and_kept() {
    if !is_there("kdig") {
        return;
    }
    let names = Names::new("");
    let upstream = names.ports[3];
    let folder = Folder::with(&format!(
        "[zones.main]\nzone = [{{ file = \"ours\" }}]\n\
         [zones.main.forward]\nroute = [{{ name = \"example.org\", to = [\"127.0.0.1:{upstream}\"] }}]\n\
         [[service]]\nkind = \"dns\"\nzones = \"main\"\nlisten = [\"tcp:0:interface=127.0.0.1\", \
         \"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\", \
         \"quic:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\", \"udp:0:interface=127.0.0.1\"]\n\
         [[service]]\nkind = \"http\"\ndns = \"main\"\n\
         listen = [\"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\"]\n"
    ));
    done(ropewalk(["cert", "self-signed"]).current_dir(folder.path())).says(0, &[]);
    folder
        .write("ours", "$ORIGIN ours.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nfar CNAME www.example.org.\n");
    let server = Daemon::of(&mut folder.command(&[]));
    let [tcp, tls, quic, udp, https] = server.addresses()[..] else { panic!("{}", server.log()) };
    let there = Names { folder, server, ports: [tcp, tls, https, udp, quic].map(|at| at.port()) };
    for (port, how) in transports(&there) {
        let said = there.ask("kdig", port, &format!("far.ours A {how}"));
        assert!(said.contains("192.0.2.80") && said.contains("qr aa rd ra"), "{how}: {said}");
        let said = there.ask("kdig", port, &format!("www.example.org AAAA {how}"));
        assert!(said.contains("2001:db8::80") && said.contains("qr rd ra"), "{how}: {said}");
        let said = there.ask("kdig", port, &format!("nothing.example.org A {how}"));
        assert!(said.contains("NXDOMAIN") && said.contains("SOA"), "{how}: {said}");
        let said = there.ask("kdig", port, &format!("www.example.net A {how}"));
        assert!(said.contains("REFUSED"), "{how}: {said}");
    }
    // It is known without them, for as long as it counts.
    drop(names);
    assert!(there.ask("kdig", 3, "www.example.org AAAA +short").contains("2001:db8::80"));
    assert!(there.ask("kdig", 3, "other.example.org A").contains("SERVFAIL"));
}
