use std::fs;
use std::net::SocketAddr;

use super::*;
use crate::server::Acl;
use crate::server::asking::query;

/// A folder with a zone of one address, and what answers from it.
struct Place {
    dir: tempfile::TempDir,
}

const HEAD: &str = "@ 300 SOA ns hostmaster 1 2h 30m 2w 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n";

impl Place {
    fn new(text: &str) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        place.write("zone", text);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Whole and at once, so that no look sees a part of it.
    fn write(&self, name: &str, text: &str) {
        let aside = self.path(&format!("{name}.new"));
        fs::write(&aside, format!("{HEAD}{text}")).unwrap();
        fs::rename(aside, self.path(name)).unwrap();
    }

    fn source(&self, origin: &str) -> Source {
        Source::zone(self.path("zone"), Some(origin.parse().unwrap()))
    }

    fn zones(&self) -> Zones {
        load(vec![(self.source("example."), Rules::default())]).unwrap()
    }
}

fn load(sources: Vec<(Source, Rules)>) -> Result<Zones, Vec<(usize, String)>> {
    Zones::load(sources, Setup::default()).map(|(zones, _)| zones)
}

/// What is wrong with files.
fn problems(sources: Vec<Source>) -> Said {
    let sources = sources.into_iter().map(|source| (source, Rules::default())).collect();
    Zones::load(sources, Setup::default()).unwrap().1.problems
}

/// The last octet of the address of a name; the response code where it has none.
async fn address(zones: &Zones, name: &str) -> Result<u8, u8> {
    let peer = SocketAddr::from(([127, 0, 0, 1], 9)).into();
    let reply = zones.answer(&query(1, name, 1), &peer).await.unwrap().message;
    if reply[7] == 0 { Err(reply[3] & 15) } else { Ok(*zones_rdata(&reply).last().unwrap()) }
}

/// The address in a reply to `www.example.` or the like: in its first record.
fn zones_rdata(reply: &[u8]) -> Vec<u8> {
    let mut pos = crate::wire::HEADER;
    Name::read(reply, &mut pos).unwrap();
    pos += 4;
    let record = crate::wire::Raw::read(reply, &mut pos).unwrap();
    reply[record.at..record.at + usize::from(record.length)].to_vec()
}

#[tokio::test]
async fn a_change_counts_when_it_has_settled() {
    let place = Place::new("www 300 A 192.0.2.80\n");
    let zones = place.zones();
    zones.refresh(false).await;
    assert_eq!(address(&zones, "www.example.").await, Ok(80));
    place.write("zone", "www 300 A 192.0.2.81\n");
    zones.refresh(false).await;
    assert_eq!(address(&zones, "www.example.").await, Ok(80), "it may be being written");
    zones.refresh(false).await;
    assert_eq!(address(&zones, "www.example.").await, Ok(81));
}

#[tokio::test]
async fn who_asks_need_not_wait() {
    let place = Place::new("www 300 A 192.0.2.80\n");
    let zones = place.zones();
    place.write("zone", "www 300 A 192.0.2.81\n");
    zones.refresh(true).await;
    assert_eq!(address(&zones, "www.example.").await, Ok(81));
}

#[tokio::test]
async fn a_broken_file_and_none_leave_the_zone_as_it_was() {
    let place = Place::new("www 300 A 192.0.2.80\n");
    let zones = place.zones();
    for broken in ["www 300 A 192.0.2.300\n", "www 300 A 192.0.2.1\nwww 300 CNAME ns\n", "www 300"] {
        place.write("zone", broken);
        zones.refresh(true).await;
        assert_eq!(address(&zones, "www.example.").await, Ok(80), "{broken}");
    }
    fs::remove_file(place.path("zone")).unwrap();
    zones.refresh(true).await;
    assert_eq!(address(&zones, "www.example.").await, Ok(80));
    place.write("zone", "www 300 A 192.0.2.82\n");
    zones.refresh(true).await;
    assert_eq!(address(&zones, "www.example.").await, Ok(82));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, said) in [
        ("www 300 A 192.0.2.300\n", "zone:4:11: "),
        ("www 300 A 192.0.2.1\nwww 300 CNAME ns\n", "zone:5:1: www.example. CNAME: "),
        ("x.other. 300 A 192.0.2.1\n", "zone:4:1: x.other. A: "),
    ] {
        let place = Place::new(text);
        let wrong = problems(vec![place.source("example.")]);
        assert!(wrong.iter().any(|(number, text)| *number == 0 && text.contains(said)), "{wrong:?}");
    }
    let wrong = problems(vec![Source::zone("/nonexistent/zone", None)]);
    assert!(wrong[0].1.starts_with("/nonexistent/zone: "), "{wrong:?}");
}

#[test]
fn a_zone_is_named_by_its_soa_and_is_there_once() {
    let place = Place::new("");
    let text =
        "$ORIGIN example.org.\n; a comment\nns 300 A 192.0.2.1\n@ 300 SOA ns ns 1 2 3 4 5\n@ 300 NS ns\n";
    fs::write(place.path("zone"), text).unwrap();
    let named = Source::zone(place.path("zone"), None);
    let zones = load(vec![(named.clone(), Rules::default())]).unwrap();
    assert!(zones.engine().zones().zone("example.org.".parse::<Name>().unwrap().view()).is_some());
    let file = place.path("zone");
    let twice = problems(vec![named.clone(), named.clone()]);
    assert_eq!(twice, [(1, format!("{}: the zone example.org. is there twice", file.display()))]);
    let given = || (Source::zone(&file, Some("example.org".parse().unwrap())), Rules::default());
    let twice = load(vec![given(), given()]).unwrap_err();
    assert_eq!(twice, [(1, "the zone example.org. is there twice".to_owned())]);
    fs::write(&file, "$ORIGIN example.org.\nns 300 A 192.0.2.1\n").unwrap();
    drop(zones);
    assert!(problems(vec![named])[0].1.contains("no SOA"));
}

#[tokio::test]
async fn a_file_that_is_included_is_watched_too() {
    let place = Place::new("$INCLUDE more\n");
    fs::write(place.path("more"), "www 300 A 192.0.2.80\n").unwrap();
    let zones = place.zones();
    assert_eq!(zones.file("example.".parse::<Name>().unwrap().view()), Some(place.path("zone").as_path()));
    assert!(zones.files().iter().any(|file| file.file_name() == Path::new("more").file_name()));
    assert_eq!(address(&zones, "www.example.").await, Ok(80));
    fs::write(place.path("more"), "www 300 A 192.0.2.181\n").unwrap();
    zones.refresh(true).await;
    assert_eq!(address(&zones, "www.example.").await, Ok(181));
}

#[tokio::test]
async fn a_zone_that_takes_another_name_leaves_none_behind() {
    let place = Place::new("");
    let text =
        |name: &str| format!("$ORIGIN {name}.\n@ 300 SOA ns ns 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.7\n");
    fs::write(place.path("zone"), text("before")).unwrap();
    let zones = load(vec![(Source::zone(place.path("zone"), None), Rules::default())]).unwrap();
    assert_eq!(address(&zones, "ns.before.").await, Ok(7));
    fs::write(place.path("zone"), text("afterwards")).unwrap();
    zones.refresh(true).await;
    assert_eq!(
        (address(&zones, "ns.before.").await, address(&zones, "ns.afterwards.").await),
        (Err(5), Ok(7))
    );
}

#[tokio::test]
async fn a_zone_of_which_something_is_said_keeps_its_name() {
    let place = Place::new("");
    let text =
        |name: &str| format!("$ORIGIN {name}.\n@ 300 SOA ns ns 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.7\n");
    fs::write(place.path("zone"), text("before")).unwrap();
    let queries = Some(Acl::new(["192.0.2.0/24".parse().unwrap()]));
    let rules = Rules { queries, ..Rules::default() };
    let zones = load(vec![(Source::zone(place.path("zone"), None), rules)]).unwrap();
    assert_eq!(address(&zones, "ns.before.").await, Err(5), "not for everybody");
    fs::write(place.path("zone"), text("afterwards")).unwrap();
    assert!(zones.reload().await.problems.concat().contains("the zone afterwards. had another name"));
    assert_eq!(address(&zones, "ns.afterwards.").await, Err(5));
}

#[tokio::test]
async fn what_is_said_of_a_hosts_file_is_said_of_names_that_come_later() {
    let place = Place::new("");
    fs::write(place.path("hosts"), "192.0.2.1 one\n").unwrap();
    let rules = Rules { transfers: Acl::new(["loopback".parse().unwrap()]), ..Rules::default() };
    let zones = load(vec![(Source::hosts(place.path("hosts")), rules)]).unwrap();
    fs::write(place.path("hosts"), "192.0.2.1 one\n192.0.2.2 two\n").unwrap();
    assert_eq!(zones.reload().await, Report::default());
    let peer = Peer::new(&SocketAddr::from(([127, 0, 0, 1], 9)).into(), Transport::Tcp);
    for name in ["one.", "two."] {
        let reply = zones.later(Verdict::Transfer, &query(1, name, 252), &peer).await.unwrap();
        assert_eq!((reply[3] & 15, reply[7]), (0, 4), "{name}");
    }
}

#[tokio::test]
async fn an_answer_over_https_is_kept_as_long_as_its_shortest_lifetime() {
    let place = Place::new("www 60 A 192.0.2.80\n");
    let zones = place.zones();
    let peer = SocketAddr::from(([127, 0, 0, 1], 9)).into();
    for (name, age) in [("www.example.", 60), ("ns.example.", 300), ("none.example.", 300), ("foreign.", 0)] {
        assert_eq!(zones.answer(&query(1, name, 1), &peer).await.unwrap().max_age, age, "{name}");
    }
    assert_eq!(zones.answer(b"no request", &peer).await, None);
}

fn served(zones: &Zones) -> Arc<Zone> {
    zones.engine().zones().zone("example.".parse::<Name>().unwrap().view()).unwrap().clone()
}

#[tokio::test]
async fn what_is_wrong_is_told_as_often_as_somebody_asks_until_it_is_mended() {
    let place = Place::new("www 300 A 192.0.2.80\n");
    let zones = place.zones();
    assert_eq!(zones.reload().await, Report::default());
    place.write("zone", "www 300 A 192.0.2\n");
    // The server has seen it by itself before anybody asks.
    zones.refresh(false).await;
    zones.refresh(false).await;
    for _ in 0..2 {
        let said = zones.reload().await.problems;
        assert!(said.len() == 1 && said[0].contains("/zone:4:11: an IPv4 address is expected"), "{said:?}");
    }
    // By itself it does not look at the same again.
    assert_eq!(zones.look(false).await.unwrap().problems, [""; 0]);
    assert_eq!(address(&zones, "www.example.").await, Ok(80));
    place.write("zone", "www 300 A 192.0.2.80\n");
    assert_eq!(zones.reload().await, Report::default());
}

/// A zone with this serial and this address of `www`.
fn numbered(serial: u32, address: u8) -> String {
    let head = HEAD.replacen(" 1 ", &format!(" {serial} "), 1);
    format!("{head}www 300 A 192.0.2.{address}\n")
}

#[tokio::test]
async fn a_change_that_secondaries_do_not_see_is_served_and_told() {
    let place = Place::new("");
    let zones = place.zones();
    let set = |serial, address| {
        fs::write(place.path("new"), numbered(serial, address)).unwrap();
        fs::rename(place.path("new"), place.path("zone")).unwrap();
    };
    for (serial, octet, before) in
        [(1, 80, Some(1)), (7, 81, None), (7, 82, Some(7)), (5, 83, Some(7)), (6, 84, None)]
    {
        set(serial, octet);
        zones.refresh(true).await;
        assert_eq!(address(&zones, "www.example.").await, Ok(octet));
        // A file that was but touched is no other zone.
        set(serial, octet);
        for _ in 0..2 {
            let Report { problems, warnings } = zones.reload().await;
            assert_eq!(problems, [""; 0]);
            assert_eq!(warnings.len(), usize::from(before.is_some()), "{serial}: {warnings:?}");
            if let Some(before) = before {
                let told = format!(
                    "/zone: warning: the records of example. are others than before, but their serial {serial} is not after {before}: "
                );
                assert!(warnings[0].contains(&told), "{warnings:?}");
            }
        }
    }
}

/// Who reads the configuration anew reads all that it names.
#[tokio::test]
async fn what_is_read_is_read_once_and_again_when_it_has_changed() {
    let place = Place::new("$INCLUDE more\n");
    fs::write(place.path("more"), "www 300 A 192.0.2.80\n").unwrap();
    let memory = Memory::default();
    let load = |memory: &Memory| {
        let setup = Setup { memory: memory.clone(), ..Setup::default() };
        Zones::load(vec![(place.source("example."), Rules::default())], setup).unwrap()
    };
    let (one, two, stranger) = (load(&memory).0, load(&memory).0, load(&Memory::default()).0);
    assert!(Arc::ptr_eq(&served(&one), &served(&two)));
    assert!(!Arc::ptr_eq(&served(&one), &served(&stranger)), "they share nothing");
    // It is watched as if it had been read.
    fs::write(place.path("more"), "www 300 A 192.0.2.181\n").unwrap();
    let three = load(&memory).0;
    assert_eq!(address(&three, "www.example.").await, Ok(181));
    assert!(!Arc::ptr_eq(&served(&two), &served(&three)));
    two.refresh(true).await;
    assert!(Arc::ptr_eq(&served(&two), &served(&three)));
    // What was wrong is looked at again.
    fs::write(place.path("more"), "www 300 A 192.0.2.3000\n").unwrap();
    for (memory, known) in [(&memory, true), (&memory, true), (&Memory::default(), false)] {
        let (zones, Notes { problems, .. }) = load(memory);
        let there = zones.engine().zones().zone("example.".parse::<Name>().unwrap().view()).cloned();
        assert_eq!((problems.len(), there.is_some()), (1, known));
    }
    // Nobody's memory is kept.
    let weak = Arc::downgrade(&served(&one));
    drop((one, two, three));
    assert!(weak.upgrade().is_none());
    fs::write(place.path("more"), "www 300 A 192.0.2.7\n").unwrap();
    assert_eq!(address(&load(&memory).0, "www.example.").await, Ok(7));
}
