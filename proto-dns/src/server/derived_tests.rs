use std::net::SocketAddr;
use std::sync::Mutex;

use ropewalk_core::data::facts::Facts;
use ropewalk_core::data::zones::Answer as _;

use super::*;
use crate::server::{Rules, Setup, Source, Zones};

fn at(proto: &'static str, over: Over, at: &str, key: Option<u8>) -> Fact {
    let at: SocketAddr = at.parse().unwrap();
    let alpn = if over == Over::Tls { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { Vec::new() };
    Fact::Listens(Listens { proto, at, over, alpn, keys: key.map(|octet| [octet; 32]).into_iter().collect() })
}

fn origin() -> Name {
    "example.org.".parse().unwrap()
}

/// What is made for `example.org`.
fn made(how: &Derive, facts: &[Fact]) -> Vec<String> {
    how.records(origin().view(), facts).iter().map(ToString::to_string).collect()
}

/// A zone of these lines, besides its SOA with this serial and its NS.
fn zone(serial: u32, lines: &str) -> Zone {
    let head = format!("@ 60 SOA ns hostmaster {serial} 2h 30m 2w 60\n@ 60 NS ns\n");
    let origin = origin();
    let records = text::records("zone", format!("{head}{lines}").as_bytes(), Some(origin.view())).unwrap();
    Zone::build(origin.view(), records).unwrap().0
}

#[test]
fn what_runs_has_addresses_services_and_certificates() {
    let key = "07".repeat(32);
    let how = Derive { host: Some("box.example.org.".parse().unwrap()), ..Derive::default() };
    let facts = [
        at("http", Over::Tls, "192.0.2.1:443", Some(7)),
        at("http", Over::Tls, "[::]:8443", Some(7)),
        at("http", Over::Tcp, "[2001:db8::1]:80", None),
        at("ftp", Over::Tcp, "192.0.2.1:21", Some(7)),
        at("dns", Over::Udp, "0.0.0.0:53", None),
        at("dns", Over::Quic, "0.0.0.0:853", Some(7)),
        at("of-a-third-party", Over::Tcp, "0.0.0.0:9", None),
    ];
    let mut expected = vec![
        "_21._tcp.box.example.org. 300 IN TLSA 3 1 1 KEY".replace("KEY", &key),
        "_443._tcp.box.example.org. 300 IN TLSA 3 1 1 KEY".replace("KEY", &key),
        "_8443._https.box.example.org. 300 IN HTTPS 1 box.example.org. alpn=h2".to_owned(),
        "_8443._tcp.box.example.org. 300 IN TLSA 3 1 1 KEY".replace("KEY", &key),
        "_853._udp.box.example.org. 300 IN TLSA 3 1 1 KEY".replace("KEY", &key),
        "_domain-s._udp.example.org. 300 IN SRV 0 0 853 box.example.org.".to_owned(),
        "_domain._udp.example.org. 300 IN SRV 0 0 53 box.example.org.".to_owned(),
        "_ftp._tcp.example.org. 300 IN SRV 0 0 21 box.example.org.".to_owned(),
        "_http._tcp.example.org. 300 IN SRV 0 0 80 box.example.org.".to_owned(),
        "_https._tcp.example.org. 300 IN SRV 0 0 443 box.example.org.".to_owned(),
        "_https._tcp.example.org. 300 IN SRV 0 0 8443 box.example.org.".to_owned(),
        "box.example.org. 300 IN A 192.0.2.1".to_owned(),
        "box.example.org. 300 IN AAAA 2001:db8::1".to_owned(),
        "box.example.org. 300 IN HTTPS 1 . alpn=h2".to_owned(),
    ];
    let (mut all, mut only) = (made(&how, &facts), made(&Derive { types: vec![Type::TLSA], ..how }, &facts));
    [&mut all, &mut only, &mut expected].into_iter().for_each(|lines| lines.sort());
    let plain = |lines: Vec<String>| lines.into_iter().map(|line| line.replace('"', "").to_lowercase());
    assert_eq!(plain(all).collect::<Vec<_>>(), plain(expected).collect::<Vec<_>>());
    assert!(only.len() == 4 && only.iter().all(|line| line.contains(" TLSA ")), "{only:?}");
}

#[test]
fn what_only_this_machine_can_come_to_is_not_told() {
    let facts = [
        at("http", Over::Tcp, "127.0.0.1:80", None),
        at("ftp", Over::Tcp, "[::1]:21", None),
        at("dns", Over::Tcp, "[fe80::1]:53", None),
    ];
    assert_eq!(made(&Derive::default(), &facts), [""; 0]);
    let addresses = vec!["192.0.2.1".parse().unwrap()];
    let how = Derive { addresses, ..Derive::default() };
    assert_eq!(made(&how, &facts), ["example.org. 300 IN A 192.0.2.1"]);
    let how = Derive { addresses: vec!["127.0.0.1".parse().unwrap()], ..how };
    let lines = made(&how, &facts);
    assert!(lines.len() == 2 && lines.iter().any(|line| line.contains("SRV 0 0 80 ")), "{lines:?}");
}

#[test]
fn what_the_zone_says_itself_wins() {
    let facts = [
        at("http", Over::Tcp, "192.0.2.1:80", None),
        at("ftp", Over::Tcp, "192.0.2.1:21", None),
        at("dns", Over::Tcp, "[2001:db8::1]:53", None),
    ];
    let records = |host: &str, lines: &str| {
        let how = Derive { host: Some(host.parse().unwrap()), ..Derive::default() };
        let made = how.records(origin().view(), &facts);
        let zone = how.compose(&zone(1, lines), &made, 1000, None).unwrap();
        zone.records().map(|record| record.to_string()).collect::<Vec<_>>()
    };
    let has = |all: &[String], line: &str| all.iter().any(|one| one.contains(line));
    let all = records("box.example.org.", "box 60 A 192.0.2.9\n_ftp._tcp 60 SRV 0 0 0 .\n");
    assert!(has(&all, "box.example.org. 60 IN A 192.0.2.9") && !has(&all, "192.0.2.1"), "{all:?}");
    assert!(has(&all, "SRV 0 0 0 .") && !has(&all, "SRV 0 0 21"), "{all:?}");
    assert!(has(&all, "box.example.org. 300 IN AAAA 2001:db8::1") && has(&all, "SRV 0 0 80"), "{all:?}");
    // An alias is alone at its name, and what is below a cut or an alias of all is somebody else's.
    for (host, lines) in [
        ("box.example.org.", "box 60 CNAME ns\n"),
        ("box.sub.example.org.", "sub 60 NS ns.example.net.\n"),
        ("box.sub.example.org.", "sub 60 DNAME example.net.\n"),
    ] {
        let all = records(host, lines);
        assert!(!has(&all, " A ") && has(&all, "SRV 0 0 80"), "{lines}: {all:?}");
    }
}

#[test]
fn no_serial_comes_again() {
    let how = Derive::default();
    let serial = |file, now, last| Some(how.compose(&zone(file, ""), &[], now, last).ok()?.serial().unwrap());
    assert_eq!(serial(7, 1000, None), Some(1000));
    assert_eq!(serial(7, 1000, Some(900)), Some(1000));
    assert_eq!(serial(7, 1000, Some(1000)), Some(1001), "twice in a second");
    assert_eq!(serial(7, 1000, Some(1005)), Some(1006), "the clock was put back");
    assert_eq!(serial(1, 2, Some(u32::MAX)), Some(2), "RFC 1982");
    assert_eq!(serial(1001, 1000, None), None);
}

#[test]
fn some_zones_have_nothing_derived() {
    let how = Derive { host: Some("box.example.net.".parse().unwrap()), ..Derive::default() };
    assert!(how.compose(&zone(1, ""), &[], 1000, None).unwrap_err().contains("is not in the zone"));
    let key = "@ 60 DNSKEY 257 3 13 AAAA\n";
    assert!(Derive::default().compose(&zone(1, key), &[], 1000, None).unwrap_err().contains("is signed"));
}

#[test]
fn a_name_for_which_there_is_no_room_is_left_out() {
    let label = "a".repeat(63);
    let origin: Name = format!("{label}.{label}.{label}.{}.", "a".repeat(50)).parse().unwrap();
    let records =
        Derive::default().records(origin.view(), &[at("http", Over::Tls, "192.0.2.1:443", Some(1))]);
    assert!(records.iter().any(|record| record.rtype == Type::A));
    assert!(!records.iter().any(|record| record.rtype == Type::SRV));
    let root = Derive::default();
    let (zone, _) = Zone::build(NameRef::ROOT, root.bare(NameRef::ROOT)).unwrap();
    let made = root.records(NameRef::ROOT, &[at("http", Over::Tls, "192.0.2.1:443", Some(1))]);
    assert_eq!((zone.records().count(), made.len()), (2, 4));
}

#[tokio::test]
async fn what_is_served_follows_what_runs() {
    let zones = |facts: &Facts| {
        let source = Source::made(origin(), Derive::default());
        let (zones, _) = Zones::load(vec![(source, Rules::default())], Setup::default()).unwrap();
        zones.derive_from(facts);
        zones
    };
    let facts = Facts::default();
    let zones = zones(&facts);
    let served = || {
        let served = zones.engine().zones().zone(origin().view()).unwrap().clone();
        let lines = served.records().map(|record| record.to_string().to_lowercase()).collect::<String>();
        (served.serial().unwrap(), lines)
    };
    zones.refresh(false).await;
    let (first, lines) = served();
    assert!(!lines.contains("tlsa"), "{lines}");
    let key = Arc::new(Mutex::new(1));
    let now = Arc::clone(&key);
    facts.tell("web", move || vec![at("http", Over::Tls, "192.0.2.1:443", Some(*now.lock().unwrap()))]);
    zones.refresh(false).await;
    let (second, lines) = served();
    assert!(is_newer(second, first) && lines.contains(&"01".repeat(32)), "{lines}");
    zones.refresh(true).await;
    assert_eq!(served().0, second, "nothing has changed");
    *key.lock().unwrap() = 2;
    zones.refresh(false).await;
    let (third, lines) = served();
    assert!(is_newer(third, second) && lines.contains(&"02".repeat(32)), "{lines}");
    assert!(!lines.contains(&"01".repeat(32)), "{lines}");
    facts.tell("web", Vec::new);
    zones.refresh(false).await;
    assert!(!served().1.contains("tlsa"));
}
