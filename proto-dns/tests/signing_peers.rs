//! Zones that are signed here, before the judges of others.
//!
//! One that is not installed is left out, unless `ROPEWALK_REQUIRE_PEERS` is 1.

#![expect(clippy::unwrap_used, reason = "a test that cannot start its judge has failed")]

#[path = "signing_peers/crossed.rs"]
mod crossed;
#[path = "../../tests/tests/foreign/mod.rs"]
mod foreign;
#[path = "../../tests/tests/foreign/dns.rs"]
mod servers;
#[path = "signing_peers/updates.rs"]
mod updates;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use foreign::{Running, free_ports, is_there};
use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Prepare, Server, Service as _};
use ropewalk_core::data::zones::{Answer as _, MemoryZones};
use ropewalk_core::net::Sockets;
use ropewalk_dns::dnssec::{Algorithm, folder};
use ropewalk_dns::server::{Acl, Dns, Editors, Grant, Partner, Rules, Setup, Sign, Source, Zones};
use ropewalk_dns::wire::rdata::Text;
use ropewalk_dns::wire::tsig::{self, TsigKey};
use ropewalk_dns::wire::{Name, Type};
use ropewalk_dns::zone::text;

const ZONE: &str = "example.test";
const TEXT: &str = "\
$ORIGIN example.test.
$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
@ MX 10 Mail
@ CAA 0 issue \"ca.test\"
ns A 192.0.2.1
ns AAAA 2001:db8::1
Mail A 192.0.2.2
*.wild TXT \"a b\" \"\\\"c\\\\\" d
x.wild A 192.0.2.9
*.aka CNAME ns
deep.empty.under A 192.0.2.4
child NS ns.child
ns.child A 192.0.2.3
safe NS ns.safe
safe DS 1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.safe A 192.0.2.3
kid.between NS ns.elsewhere.test.
alias CNAME ns
old DNAME wild
_svc._tcp SRV 1 2 3 Ns
service HTTPS 1 . alpn=h2,h3 port=8443
a\\.dot\\000 TXT name
unknown TYPE65280 \\# 4 01020304
";

/// A zone below it that is not signed.
const CHILD: &str = "\
$ORIGIN child.example.test.
@ 3600 SOA ns hostmaster 1 7200 3600 1209600 300
@ 3600 NS ns
ns 3600 A 127.0.0.1
";
/// A resolver that validates, and asks us.
const UNBOUND: &str = "\
server:
  interface: 127.0.0.1
  port: @PORT
  do-daemonize: no
  username: \"\"
  chroot: \"\"
  directory: \"@DIR\"
  pidfile: \"\"
  use-syslog: no
  val-log-level: 2
  local-zone: \"test.\" nodefault
  do-ip6: no
  do-not-query-localhost: no
  module-config: \"validator iterator\"
  trust-anchor: \"@ANCHOR\"
stub-zone:
  name: example.test
  stub-addr: 127.0.0.1@@OURS
stub-zone:
  name: child.example.test
  stub-addr: 127.0.0.1@@OURS
remote-control:
  control-enable: no
";

/// What is asked for, and what delv has to say of it.
const QUESTIONS: [(&str, &str); 22] = [
    ("example.test SOA", "; fully validated"),
    ("example.test DNSKEY", "; fully validated"),
    ("example.test CDS", "; fully validated"),
    ("mail.example.test A", "; fully validated"),
    ("MAIL.example.test A", "; fully validated"),
    ("_svc._tcp.example.test SRV", "; fully validated"),
    ("service.example.test HTTPS", "; fully validated"),
    ("unknown.example.test TYPE65280", "; fully validated"),
    ("safe.example.test DS", "; fully validated"),
    ("alias.example.test AAAA", "; fully validated"),
    ("any.wild.example.test TXT", "; fully validated"),
    ("many.any.wild.example.test TXT", "; fully validated"),
    ("any.aka.example.test A", "; fully validated"),
    ("x.old.example.test A", "; fully validated"),
    ("mail.example.test TXT", "; negative response, fully validated"),
    ("under.example.test A", "; negative response, fully validated"),
    ("any.wild.example.test A", "; negative response, fully validated"),
    ("nothing.example.test A", "; negative response, fully validated"),
    ("nothing.deep.empty.under.example.test A", "; negative response, fully validated"),
    ("child.example.test DS", "; negative response, fully validated"),
    ("kid.between.example.test DS", "; negative response, fully validated"),
    ("zzz.example.test TXT", "; negative response, fully validated"),
];

/// A folder with a zone that is signed, and the server of it.
struct Place {
    dir: tempfile::TempDir,
    at: SocketAddr,
    zones: Arc<Zones>,
    cx: Context,
}

impl Place {
    fn new(sign: Sign) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sign = Sign { keys: dir.path().join("keys"), ..sign };
        fs::write(dir.path().join("zone"), TEXT).unwrap();
        let source = Source::zone(dir.path().join("zone"), Some(origin())).signed(sign);
        Self::of(dir, source)
    }

    fn of(dir: tempfile::TempDir, source: Source) -> Self {
        Self::with(dir, source, Rules::default(), Setup::default())
    }

    fn with(dir: tempfile::TempDir, source: Source, rules: Rules, setup: Setup) -> Self {
        let at = free();
        fs::write(dir.path().join("child"), CHILD).unwrap();
        let child = Source::zone(dir.path().join("child"), None);
        let sources = vec![(source, rules), (child, Rules::default())];
        let zones = Zones::load(sources, setup).unwrap().0;
        let place = Self { dir, at, zones: Arc::new(zones), cx: Context::root(Limits::default()) };
        place.serve();
        place
    }

    fn serve(&self) {
        let dns = Dns::new(Arc::clone(&self.zones));
        let server = Server::new("dns", dns.stream());
        let listen = |proto: &str| format!("{proto}:{}:interface=127.0.0.1", self.at.port()).parse().unwrap();
        let mut server = dns.serve(server.listen(listen("udp")).listen(listen("tcp")));
        let mut sockets = Sockets::default();
        server.prepare(&mut Prepare::new(&mut sockets)).unwrap();
        let own = self.cx.clone();
        self.cx.spawn(async move { server.run(own).await }).detach();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The zone with its signatures, as text.
    fn signed(&self) -> PathBuf {
        let zones = self.zones.engine().zones();
        let zone = zones.zone(origin().view()).unwrap();
        let mut out = String::new();
        text::write(zone.records(), zone.origin(), 3600, &mut out).unwrap();
        fs::write(self.path("signed"), out).unwrap();
        self.path("signed")
    }

    /// The file with the DS that is trusted, as delv reads it.
    fn anchor(&self) -> PathBuf {
        let key = folder::find(&self.path("keys"), origin().view()).unwrap().unwrap();
        let ds = key.ds(origin().view());
        let ds = Text { rtype: Type::DS, rdata: &ds }.to_string();
        let [tag, algorithm, digest, rest] = ds.splitn(4, ' ').collect::<Vec<_>>().try_into().unwrap();
        let text = format!("trust-anchors {{ {ZONE}. static-ds {tag} {algorithm} {digest} \"{rest}\"; }};\n");
        fs::write(self.path("anchor"), text).unwrap();
        self.path("anchor")
    }

    /// Lets all judges of files look at it.
    fn judge_file(&self) {
        let file = self.signed();
        assert_ne!(judges(&file), Some(false));
        // They would have seen it if something was missing.
        let text = fs::read_to_string(&file).unwrap();
        let is_one = |line: &&str| line.contains("RRSIG\tA ");
        let without = text.lines().position(|line| is_one(&line)).unwrap();
        let lines: Vec<_> =
            text.lines().enumerate().filter(|(at, _)| *at != without).map(|(_, line)| line).collect();
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        assert_ne!(judges(&file), Some(true));
    }

    /// Lets all judges look at it.
    async fn judge(&self) {
        self.judge_file();
        self.ask(&QUESTIONS).await;
    }

    /// Lets delv ask, and look at the answers.
    async fn ask(&self, questions: &[(&str, &str)]) {
        let (anchor, port) = (self.anchor(), self.at.port().to_string());
        if !is_there("delv") {
            return;
        }
        let mut wrong = Vec::new();
        for (question, expected) in questions {
            let (name, rtype) = question.split_once(' ').unwrap();
            let anchor = anchor.to_str().unwrap();
            let args = ["@127.0.0.1", "-p", &port, "-a", anchor, "+root=example.test", name, rtype];
            let args = args.map(str::to_owned);
            let said = tokio::task::spawn_blocking(move || output("delv", &args)).await.unwrap();
            if !said.contains(expected) {
                wrong.push(format!("{question}: {said}"));
            }
        }
        assert_eq!(wrong, [""; 0]);
    }
}

impl Place {
    /// Lets a resolver look up all names: what it validates has the flag AD, and of what is bogus it says nothing.
    async fn resolve(&self) {
        if !is_there("unbound") || !is_there("dig") {
            return;
        }
        let at = free();
        let key = folder::find(&self.path("keys"), origin().view()).unwrap().unwrap();
        let ds = key.ds(origin().view());
        let anchor = format!("{ZONE}. DS {}", Text { rtype: Type::DS, rdata: &ds });
        let config = UNBOUND.replace("@PORT", &at.port().to_string()).replace("@ANCHOR", &anchor);
        let config = config.replace("@DIR", self.dir.path().to_str().unwrap());
        let config = config.replace("@OURS", &self.at.port().to_string());
        fs::write(self.path("unbound"), config).unwrap();
        let args = ["-c".into(), self.path("unbound")];
        let running = Running::start("/usr/sbin/unbound", args, &self.path("output"));
        let ask = async |name: &str, rtype: &str| {
            let args =
                ["@127.0.0.1", "-p", &at.port().to_string(), "+dnssec", "+tries=1", "+time=5", name, rtype];
            let args = args.map(str::to_owned);
            tokio::task::spawn_blocking(move || output("dig", &args)).await.unwrap()
        };
        for _ in 0..100 {
            if ask(ZONE, "SOA").await.contains("status: NOERROR") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        for (question, expected) in QUESTIONS {
            let (name, rtype) = question.split_once(' ').unwrap();
            let said = ask(name, rtype).await;
            let is_negative = expected.contains("negative");
            let flags = said.lines().find(|line| line.contains("flags:")).unwrap_or_default();
            let log = fs::read_to_string(self.path("output")).unwrap();
            assert!(
                flags.contains(" ad;") && is_negative == flags.contains("ANSWER: 0"),
                "{question}: {said}\n{log}"
            );
        }
        let unsigned = ask("ns.child.example.test", "A").await;
        assert!(unsigned.contains("127.0.0.1") && !unsigned.contains(" ad;"), "{unsigned}");
        drop(running);
    }
}

fn free() -> SocketAddr {
    let [port] = free_ports();
    ([127, 0, 0, 1], port).into()
}

fn origin() -> Name {
    ZONE.parse().unwrap()
}

fn output(program: &str, args: &[String]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    format!("{} {}", output.status, String::from_utf8_lossy(&said))
}

/// Whether all judges are content with a zone, or none; nothing, where there is none.
fn judges(file: &Path) -> Option<bool> {
    let file = file.to_str().unwrap();
    let all: [(&str, &[&str]); 3] = [
        ("ldns-verify-zone", &["-V2", file]),
        ("dnssec-verify", &["-z", "-o", ZONE, file]),
        ("kzonecheck", &["-o", ZONE, "-d", "on", file]),
    ];
    let all = all.into_iter().filter(|(program, _)| is_there(program)).map(|(program, args)| {
        let said = output(program, &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
        println!("{program}: {said}");
        said.starts_with("exit status: 0")
    });
    all.reduce(|content, next| {
        assert_eq!(content, next, "they are of two minds");
        next
    })
}

async fn signed_zones_are_good(algorithm: Algorithm, nsec3: bool) {
    let place = Place::new(Sign { algorithm, nsec3, ..Sign::default() });
    place.judge().await;
    place.resolve().await;
    // What changes is signed anew, and all else keeps its signatures.
    let changed = TEXT
        .replace(" 1 7200", " 2 7200")
        .replace("deep.empty.under A", "other.under A")
        .replace("child NS ns.child\n", "")
        .replace("old DNAME wild\n", "old DNAME wild\nfresh NS ns\nnothing.deep.empty.under TXT x\n");
    fs::write(place.path("zone"), changed).unwrap();
    place.zones.refresh(true).await;
    let serial = place.zones.engine().zones().zone(origin().view()).unwrap().serial();
    assert_eq!(serial, Some(2));
    place.judge_file();
    place.cx.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_signed_with_p256_and_nsec_are_good() {
    signed_zones_are_good(Algorithm::EcdsaP256, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_signed_with_p256_and_nsec3_are_good() {
    signed_zones_are_good(Algorithm::EcdsaP256, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_signed_with_ed25519_and_nsec_are_good() {
    signed_zones_are_good(Algorithm::Ed25519, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_signed_with_ed25519_and_nsec3_are_good() {
    signed_zones_are_good(Algorithm::Ed25519, true).await;
}

/// Of all that is asked for, what other signers do not make is left out.
async fn zones_signed_by_others_are_good(options: &[&str]) {
    if !is_there("ldns-signzone") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (zone, signed, keys) = (dir.path().join("zone"), dir.path().join("signed"), dir.path().join("keys"));
    fs::write(&zone, TEXT).unwrap();
    let key = folder::open(&keys, origin().view(), Algorithm::EcdsaP256).unwrap();
    let key = keys.join(format!("Kexample.test.+013+{:05}", key.tag()));
    let files = ["-o", ZONE, "-f", signed.to_str().unwrap(), zone.to_str().unwrap(), key.to_str().unwrap()];
    let args: Vec<String> = options.iter().chain(&files).map(|arg| (*arg).to_owned()).collect();
    let said = output("ldns-signzone", &args);
    assert!(said.starts_with("exit status: 0"), "{said}");
    let place = Place::of(dir, Source::zone(&signed, Some(origin())));
    let made: Vec<_> = QUESTIONS.into_iter().filter(|(question, _)| !question.ends_with("CDS")).collect();
    place.ask(&made).await;
    place.cx.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_that_come_signed_with_nsec_are_good() {
    zones_signed_by_others_are_good(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_that_come_signed_with_nsec3_are_good() {
    zones_signed_by_others_are_good(&["-n", "-t", "3", "-s", "c0ffee"]).await;
}
