//! What every engine of kept zones has to do, as tests that its author runs.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use super::{Difference, Kept, Record, Records, Stamp, Zones};

const ORIGIN: &[u8] = b"\x07example\0";
const OTHER: &[u8] = b"\x03aaa\0";
const SOA: u16 = 6;
const TXT: u16 = 16;
const NOWHERE: Stamp = Stamp { id: u64::MAX, serial: 1 };

/// Runs the whole suite of [`Zones`]. `make` gives an engine that has no zones.
///
/// # Panics
/// If the engine does not do what it should.
pub async fn zones_suite<Z: Zones>(make: impl Fn() -> Z) {
    put(&make()).await;
    change(&make()).await;
    refused(&make()).await;
    raced(&make()).await;
    differences(&make()).await;
    most(&make()).await;
}

fn soa(serial: u32) -> Vec<u8> {
    [&[0, 0][..], &serial.to_be_bytes(), &[0; 16]].concat()
}

/// A zone with this serial and these texts.
fn zone(serial: u32, texts: &[&str]) -> Kept {
    let mut records = Records::new();
    records.push(Record { name: ORIGIN, rtype: SOA, ttl: 60, rdata: &soa(serial) });
    texts.iter().for_each(|text| records.push(txt(text)));
    Kept { stamp: Stamp { serial, ..NOWHERE }, seed: Some([7; 32]), records }
}

fn txt(text: &str) -> Record<'_> {
    Record { name: b"\x01A\x07example\0", rtype: TXT, ttl: 300, rdata: text.as_bytes() }
}

/// A difference of one text or more each way.
fn difference(from: u32, removed: &[&str], added: &[&str]) -> Difference {
    let to = from + 1;
    let half = |serial, texts: &[&str]| zone(serial, texts).records;
    Difference { from, to, removed: half(from, removed), added: half(to, added) }
}

/// All of records, in an order.
type Facts = Vec<(Vec<u8>, u16, u32, Vec<u8>)>;

fn read(zones: &dyn Zones) -> (Stamp, Facts) {
    let kept = zones.read(ORIGIN).expect("it can be read").expect("it is there");
    (kept.stamp, facts(&kept))
}

fn facts(kept: &Kept) -> Facts {
    let facts_of = |r: Record<'_>| (r.name.to_vec(), r.rtype, r.ttl, r.rdata.to_vec());
    let mut all: Facts = kept.records.iter().map(facts_of).collect();
    all.sort();
    all
}

async fn begin(zones: &dyn Zones, texts: &[&str]) -> Stamp {
    zones.put(ORIGIN, None, zone(1, texts)).await.expect("it can be written").expect("there was none")
}

/// What is put is there, and is told from what was there before.
async fn put(zones: &dyn Zones) {
    assert_eq!(zones.read(ORIGIN).expect("nothing can be read"), None);
    assert_eq!(zones.list().await.expect("nothing can be listed"), []);
    let first = begin(zones, &["a", "b"]).await;
    assert_eq!(read(zones), (first, facts(&zone(1, &["a", "b"]))), "names keep their case");
    let again = zones.put(ORIGIN, None, zone(1, &[])).await.expect("it can be asked for");
    assert_eq!(again, None, "there is one already");
    let other = zones.put(OTHER, None, zone(9, &[])).await.expect("it can be written").expect("one");
    let listed = zones.list().await.expect("they can be listed");
    let told: Vec<_> = listed.iter().map(|one| (&one.origin[..], one.stamp, one.records)).collect();
    assert_eq!(told, [(OTHER, other, 1), (ORIGIN, first, 3)]);
    assert_eq!(listed.first().and_then(|one| one.seed), Some([7; 32]));
    let second = zones.put(ORIGIN, Some(first), zone(1, &["c"])).await.expect("it can be written");
    let second = second.expect("it was as told");
    assert_ne!(first, second, "the same serial, another zone");
    assert_eq!(read(zones), (second, facts(&zone(1, &["c"]))));
    assert_eq!(zones.stamp(ORIGIN).await.expect("it can be read"), Some(second));
    assert!(!zones.remove(ORIGIN, first).await.expect("it can be asked for"), "it is another one");
    assert!(zones.remove(ORIGIN, second).await.expect("it can be removed"));
    assert_eq!(zones.read(ORIGIN).expect("nothing can be read"), None);
    assert_eq!(zones.stamp(ORIGIN).await.expect("nothing can be read"), None);
    assert_eq!(zones.list().await.expect("they can be listed").len(), 1);
    let third = begin(zones, &[]).await;
    assert!(third != first && third != second, "what is put again is no old one");
}

/// A change is one of the records, of the serial and of what is told.
async fn change(zones: &dyn Zones) {
    let was = begin(zones, &["a", "b"]).await;
    let done = zones.change(ORIGIN, was, difference(1, &["a"], &["c"]), None).await.expect("it can be");
    let now = Stamp { serial: 2, ..was };
    assert_eq!(done, Some(now));
    assert_eq!(read(zones), (now, facts(&zone(2, &["b", "c"]))));
    let seed = |zones: &dyn Zones| zones.read(ORIGIN).expect("it can be read").and_then(|kept| kept.seed);
    assert_eq!(seed(zones), Some([7; 32]));
    // Only the seed.
    let empty = Difference { from: 2, to: 2, removed: Records::new(), added: Records::new() };
    assert_eq!(zones.change(ORIGIN, now, empty, Some([8; 32])).await.expect("it can be"), Some(now));
    assert_eq!(seed(zones), Some([8; 32]));
    assert_eq!(
        zones.since(ORIGIN, now).await.expect("it can be read"),
        Some(vec![]),
        "nothing is no difference"
    );
    // A record is the same in another case, and with another TTL.
    let mut removed = zone(2, &[]).records;
    removed.push(Record { name: b"\x01a\x07EXAMPLE\0", ttl: 9, ..txt("b") });
    let mut added = zone(3, &[]).records;
    added.push(Record { name: b"\x01a\x07EXAMPLE\0", ttl: 9, ..txt("b") });
    let change = Difference { from: 2, to: 3, removed, added };
    let now = zones.change(ORIGIN, now, change.clone(), None).await.expect("it can be").expect("so it was");
    let mut after = zone(3, &["c"]);
    after.records.push(Record { name: b"\x01a\x07EXAMPLE\0", ttl: 9, ..txt("b") });
    assert_eq!(read(zones), (now, facts(&after)));
    let listed = zones.list().await.expect("they can be listed");
    assert_eq!(listed.first().map(|one| (one.stamp, one.records)), Some((now, 3)));
}

/// What does not fit changes nothing.
async fn refused(zones: &dyn Zones) {
    let was = begin(zones, &["a", "b"]).await;
    let before = read(zones);
    for wrong in [
        difference(1, &["c"], &["d"]),
        difference(1, &["a"], &["b"]),
        difference(1, &["a", "a"], &["c"]),
        difference(1, &["a"], &["c", "c"]),
        difference(2, &["a"], &["c"]),
    ] {
        zones.change(ORIGIN, was, wrong.clone(), None).await.expect_err("it is no difference of this zone");
        assert_eq!(read(zones), before, "{wrong:?}");
    }
    assert_eq!(zones.since(ORIGIN, was).await.expect("it can be read"), Some(vec![]));
}

/// Whoever has not seen the last change makes none.
async fn raced(zones: &dyn Zones) {
    let was = begin(zones, &["a"]).await;
    let one = zones.change(ORIGIN, was, difference(1, &["a"], &["b"]), None);
    let other = zones.change(ORIGIN, was, difference(1, &["a"], &["c"]), None);
    let (one, other) = futures_util::future::join(one, other).await;
    let done = [one.expect("it can be"), other.expect("it can be")];
    assert_eq!(done.iter().flatten().count(), 1, "{done:?}");
    assert_eq!(zones.change(ORIGIN, NOWHERE, difference(1, &[], &["d"]), None).await.expect("no"), None);
    assert_eq!(zones.change(OTHER, NOWHERE, difference(1, &[], &["d"]), None).await.expect("no"), None);
    assert_eq!(zones.put(ORIGIN, Some(was), zone(9, &[])).await.expect("no"), None);
    assert!(!zones.remove(ORIGIN, was).await.expect("no"));
    assert_eq!(read(zones).0.serial, 2);
}

/// Differences lead from each serial to the last.
async fn differences(zones: &dyn Zones) {
    let mut now = begin(zones, &["0"]).await;
    let texts: Vec<String> = (0..6).map(|n| n.to_string()).collect();
    let step = |n: usize| difference(n as u32 + 1, &[&texts[n]], &[&texts[n + 1]]);
    for n in 0..5 {
        now = zones.change(ORIGIN, now, step(n), None).await.expect("it can be").expect("so it was");
    }
    for from in 0..6_usize {
        let since =
            zones.since(ORIGIN, Stamp { serial: from as u32 + 1, ..now }).await.expect("it can be read");
        assert_eq!(since, Some((from..5).map(step).collect()), "from {from}");
    }
    for unknown in [0, 7, u32::MAX] {
        assert_eq!(
            zones.since(ORIGIN, Stamp { serial: unknown, ..now }).await.expect("it can be read"),
            None
        );
    }
    assert_eq!(zones.since(OTHER, now).await.expect("it can be read"), None);
    let put = zones.put(ORIGIN, Some(now), zone(6, &[])).await.expect("it can be").expect("so it was");
    assert_eq!(zones.since(ORIGIN, now).await.expect("it can be read"), None, "another zone");
    assert_eq!(
        zones.since(ORIGIN, Stamp { serial: 1, ..put }).await.expect("it can be read"),
        None,
        "it begins anew"
    );
    assert!(zones.remove(ORIGIN, put).await.expect("it can be removed"));
    assert_eq!(zones.since(ORIGIN, put).await.expect("it can be read"), None);
}

/// There are so many octets of them, and no more.
async fn most(zones: &dyn Zones) {
    let mut now = begin(zones, &[]).await;
    let long: Vec<String> = (0..10).map(|n| format!("{n}{}", "x".repeat(60_000))).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    for serial in 1..20 {
        let (removed, added) = if serial % 2 == 1 { (&[][..], &long[..]) } else { (&long[..], &[][..]) };
        let change = difference(serial, removed, added);
        now = zones.change(ORIGIN, now, change, None).await.expect("it can be").expect("so it was");
    }
    // Each has 600,000 octets, and a little.
    let kept = Difference::KEPT / 600_000;
    let at = |serial: usize| Stamp { serial: serial as u32, ..now };
    assert_eq!(zones.since(ORIGIN, at(19 - kept)).await.expect("it can be read"), None);
    let since = zones.since(ORIGIN, at(20 - kept)).await.expect("it can be read");
    assert_eq!(since.map(|all| all.len()), Some(kept));
    // One that is larger than all may be leaves none.
    let longest: Vec<String> = (0..80).map(|n| format!("{n:02}{}", "y".repeat(60_000))).collect();
    let longest: Vec<&str> = longest.iter().map(String::as_str).collect();
    let change = difference(20, &[], &longest);
    let now = zones.change(ORIGIN, now, change, None).await.expect("it can be").expect("so it was");
    assert_eq!(zones.since(ORIGIN, at(20)).await.expect("it can be read"), None);
    assert_eq!(zones.since(ORIGIN, at(21)).await.expect("it can be read"), Some(vec![]));
    let change = difference(21, &[], &["z"]);
    zones.change(ORIGIN, now, change, None).await.expect("it can be").expect("so it was");
    assert_eq!(zones.since(ORIGIN, at(21)).await.expect("it can be read").map(|all| all.len()), Some(1));
}
