use proptest::prelude::*;
use ropewalk_core::data::zones::MemoryZones;

use super::super::testing::{record, records as parsed};
use super::*;

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 7 2 3 4 300
    example. 3600 IN NS ns.example.
    A.example. 3600 IN A 192.0.2.1
    a.example. 3600 IN A 192.0.2.2
    c.example. 3600 IN CNAME A.example.
    x.y.example. 3600 IN TXT text
";

fn example() -> Zone {
    let all = parsed(ZONE);
    Zone::build(all[0].name.clone().view(), all).unwrap().0
}

fn lines(zone: &Zone) -> Vec<String> {
    zone.records().map(|record| record.to_string()).collect()
}

/// In an order that sets do not have, and without the case of owners, in which a record is no other.
fn sorted(zone: &Zone) -> Vec<String> {
    let mut all: Vec<_> = zone
        .records()
        .map(|record| {
            let line = record.to_string();
            let (owner, rest) = line.split_once(' ').unwrap();
            format!("{} {rest}", owner.to_lowercase())
        })
        .collect();
    all.sort();
    all
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn a_zone_is_the_same_after_it_was_kept() {
    let kept = records(&example());
    assert_eq!(kept.len(), 6);
    assert_eq!(lines(&zone(name("example").view(), &kept).unwrap()), lines(&example()));
}

#[test]
fn records_that_are_no_zone_are_refused() {
    let kept = all(&parsed("a.example. 60 IN A 192.0.2.1"));
    let error = zone(name("example").view(), &kept).unwrap_err().to_string();
    assert!(error.contains("example. would be no zone: example. SOA: "), "{error}");
}

#[test]
fn a_seed_is_another_where_a_record_is() {
    let before = seed(&example());
    let reversed = parsed(ZONE).into_iter().rev();
    let same = Zone::build(name("EXAMPLE").view(), reversed).unwrap().0;
    assert_eq!(seed(&same), before);
    for other in ["7 2 3", "3600 IN TXT", "192.0.2.2", "text", "x.y"] {
        let text = ZONE.replace(other, &other.replace(['7', '0', 'y', 't'], "1"));
        let all = parsed(&text);
        assert_ne!(seed(&Zone::build(all[0].name.clone().view(), all).unwrap().0), before, "{other}");
    }
}

#[tokio::test]
async fn an_edit_has_a_serial_of_its_own_if_it_is_one() {
    let store = MemoryZones::new();
    let origin = name("example");
    assert!(edit(&store, origin.view(), |_| Vec::new()).await.unwrap().is_none());
    import(&store, &example()).await.unwrap();
    let add = |line: &'static str| move |_: &Zone| vec![Change::Add(record(line))];
    let (_, nothing) =
        edit(&store, origin.view(), add("a.example. 3600 IN A 192.0.2.1")).await.unwrap().unwrap();
    assert!(nothing.is_empty());
    let (after, difference) =
        edit(&store, origin.view(), add("b.example. 60 IN A 192.0.2.1")).await.unwrap().unwrap();
    assert_eq!((difference.from, difference.to, after.serial()), (7, 8, Some(8)));
    let told = |records: &Records| {
        taken(records).iter().map(|r| format!("{} {}", r.name, r.rtype)).collect::<Vec<_>>()
    };
    assert_eq!(told(&difference.removed), ["example. SOA"]);
    assert_eq!(told(&difference.added), ["example. SOA", "b.example. A"]);
    let (kept, _) = read(&store, origin.view()).unwrap().unwrap();
    assert_eq!(lines(&kept), lines(&after));
    let error = edit(&store, origin.view(), add("c.example. 60 IN A 192.0.2.1")).await.unwrap_err();
    assert!(error.to_string().contains("a CNAME record is alone"), "{error}");
}

#[tokio::test]
async fn what_is_imported_is_newer_than_what_is_there() {
    let store = MemoryZones::new();
    import(&store, &example()).await.unwrap();
    assert!(import(&store, &example()).await.unwrap().is_empty(), "the same again");
    let other = example().apply(&[Change::Add(record("b.example. 60 IN A 192.0.2.1"))]).unwrap();
    let error = import(&store, &other).await.unwrap_err().to_string();
    assert!(error.contains("after 7"), "{error}");
    let difference = import(&store, &other.renewed().unwrap()).await.unwrap();
    assert_eq!((difference.to, difference.added.len()), (8, 2));
    assert_eq!(read(&store, name("example").view()).unwrap().unwrap().0.serial(), Some(8));
}

/// A change of one of a few names, so that they meet.
fn change() -> impl Strategy<Value = Change> {
    let owner = prop::sample::select(vec![
        "a.example",
        "A.example",
        "b.example",
        "x.y.example",
        "Y.example",
        "c.example",
        "example",
    ]);
    let data = prop::sample::select(vec![
        "A 192.0.2.1",
        "A 192.0.2.9",
        "TXT t",
        "CNAME a.example.",
        "CNAME A.EXAMPLE.",
        "MX 1 a.example.",
    ]);
    (owner, data, 0..4_u8, prop::sample::select(vec![60, 3600])).prop_map(|(owner, data, what, ttl)| {
        let line = record(&format!("{owner}. {ttl} IN {data}"));
        match what {
            0 | 1 => Change::Add(line),
            2 => Change::Remove(line),
            _ if owner == "example" => Change::RemoveSet(line.name, line.rtype),
            _ => Change::RemoveName(line.name),
        }
    })
}

proptest! {
    /// What is kept, and what followers make of differences, is what is served.
    #[test]
    fn differences_lead_to_the_same_zone(all in prop::collection::vec(prop::collection::vec(change(), 1..5), 1..8)) {
        let store = MemoryZones::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            import(&store, &example()).await.unwrap();
            let first = read(&store, name("example").view()).unwrap().unwrap().1.stamp;
            let mut served = example();
            for changes in all {
                // What is not to be changes nothing.
                if let Ok(Some((after, _))) = edit(&store, name("example").view(), |_| changes.clone()).await {
                    served = after;
                }
            }
            let (kept, state) = read(&store, name("example").view()).unwrap().unwrap();
            assert_eq!(sorted(&kept), sorted(&served));
            assert_eq!(Some(state.stamp.serial), served.serial());
            let since = store.since(name("example").wire(), first).await.unwrap().unwrap();
            assert_eq!(sorted(&follow(&example(), &since).unwrap()), sorted(&served));
        });
    }
}
