//! Zones that are updated and signed, before a secondary that validates.

use super::*;

/// A secondary that validates all that it gets: one that is not signed as it has to be it does not take.
const KNOT: &str = "\
remote:
- id: ours
  address: 127.0.0.1@@OURS
  key: rope-key
acl:
- id: all
  key: rope-key
  action: [transfer, notify]
zone:
- domain: example.test
  storage: @DIR
  file: fetched
  acl: all
  master: ours
  dnssec-validation: on
";

fn key() -> Arc<TsigKey> {
    let name: Name = "rope-key".parse().unwrap();
    let secret = b"ropewalk key for tests only!!!!!";
    Arc::new(TsigKey::new(name.view(), tsig::Algorithm::HmacSha256, secret))
}

/// A zone that is updated, and goes to others change by change.
async fn updates_are_good(algorithm: Algorithm, nsec3: bool) {
    if !is_there("nsupdate") || !is_there("knotd") || !is_there("dig") {
        return;
    }
    let (dir, theirs) = (tempfile::tempdir().unwrap(), free());
    let sign = Sign { keys: dir.path().join("keys"), algorithm, nsec3, ..Sign::default() };
    fs::write(dir.path().join("zone"), TEXT).unwrap();
    let names = [ZONE.to_owned(), format!("*.{ZONE}")].map(|text| text.parse().unwrap()).to_vec();
    let grants = vec![Grant { key: key().name().to_name(), names, types: vec![Type::ANY] }];
    let rules = Rules {
        transfers: Acl::new(["key:rope-key".parse().unwrap()]),
        notify: vec![Partner::new(theirs, Some(key()))],
        editors: Editors { grants, ..Editors::default() },
        ..Rules::default()
    };
    let (keys, store) = ([key()].into_iter().collect(), Some(Arc::new(MemoryZones::new()) as _));
    let source = Source::zone(dir.path().join("zone"), Some(origin())).kept().signed(sign);
    let place = Place::with(dir, source, rules, Setup { keys, store, ..Setup::default() });
    let ours = place.at.port().to_string();
    let put = [("@OURS", ours.as_str())];
    let running = servers::server("knot").start(place.dir.path(), theirs.port(), "", KNOT, &put);
    place.taken(theirs, 1).await;
    for (number, lines) in UPDATES.iter().enumerate() {
        let port = place.at.port();
        let script = format!(
            "server 127.0.0.1 {port}\nzone {ZONE}\nkey hmac-sha256:rope-key cm9wZXdhbGsga2V5IGZvciB0ZXN0cyBvbmx5ISEhISE=\n{lines}\nsend\n"
        );
        fs::write(place.path("update"), script).unwrap();
        let file = place.path("update").to_str().unwrap().to_owned();
        let said = tokio::task::spawn_blocking(move || output("nsupdate", &[file])).await.unwrap();
        assert!(said.starts_with("exit status: 0"), "{lines}: {said}");
        place.judge_file();
        place.taken(theirs, 2 + number as u32).await;
    }
    let log = fs::read_to_string(place.path("output")).unwrap();
    assert!(log.contains("IXFR, incoming"), "{log}");
    drop(running);
    place.cx.end();
}

/// What is changed, one after another.
const UPDATES: [&str; 6] = [
    "update add new.deep.under.example.test. 60 A 192.0.2.8\nupdate add new.example.test. 60 TXT x",
    "update delete x.wild.example.test.\nupdate add mail.example.test. 3600 AAAA 2001:db8::2",
    // A zone begins where names were, and ends again.
    "update add under.example.test. 60 NS ns.elsewhere.test.",
    "update delete under.example.test. NS\nupdate delete deep.empty.under.example.test.",
    "update delete child.example.test. NS\nupdate delete kid.between.example.test.\nupdate add between.example.test. 60 DNAME wild.example.test.",
    "update delete *.wild.example.test.\nupdate add example.test. 60 TXT apex\nupdate delete between.example.test. DNAME",
];

impl Place {
    /// Waits until a server has this serial.
    async fn taken(&self, at: SocketAddr, serial: u32) {
        let has = format!(" {serial} 7200 ");
        for _ in 0..200 {
            let args =
                ["@127.0.0.1", "-p", &at.port().to_string(), "+short", "+tries=1", "+time=1", ZONE, "SOA"];
            let args = args.map(str::to_owned);
            let said = tokio::task::spawn_blocking(move || output("dig", &args)).await.unwrap();
            if said.contains(&has) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let log = fs::read_to_string(self.path("output")).unwrap();
        assert_eq!(Some(serial), None, "not taken: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_of_a_zone_with_nsec_are_good() {
    updates_are_good(Algorithm::EcdsaP256, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_of_a_zone_with_nsec3_are_good() {
    updates_are_good(Algorithm::Ed25519, true).await;
}
