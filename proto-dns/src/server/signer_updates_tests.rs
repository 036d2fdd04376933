//! What UPDATE makes of a zone that is signed.

use super::*;

fn key() -> Arc<TsigKey> {
    let name: Name = "all".parse().unwrap();
    Arc::new(TsigKey::new(name.view(), tsig::Algorithm::HmacSha256, b"a secret of thirty-two octets!!!"))
}

/// A zone that `all` may change and transfer, kept in memory and signed.
async fn kept(dir: &tempfile::TempDir) -> Zones {
    kept_in(dir, &Arc::new(MemoryZones::new())).await
}

async fn kept_in(dir: &tempfile::TempDir, store: &Arc<MemoryZones>) -> Zones {
    let many: String = (0..20).map(|number| format!("n{number}.example. 60 IN TXT x\n")).collect();
    fs::write(dir.path().join("zone"), text() + &many).unwrap();
    let names = ["*.example", "example"].map(|text| text.parse().unwrap()).to_vec();
    let grants = vec![Grant { key: "all".parse().unwrap(), names, types: vec![Type::ANY] }];
    let rules = Rules {
        transfers: Acl::new(["key:all".parse().unwrap()]),
        editors: Editors { grants, ..Editors::default() },
        ..Rules::default()
    };
    let source = Source::zone(dir.path().join("zone"), Some(name())).kept().signed(how(dir));
    let setup = Setup {
        keys: [key()].into_iter().collect(),
        store: Some(Arc::<MemoryZones>::clone(store)),
        ..setup()
    };
    let zones = Zones::load(vec![(source, rules)], setup).unwrap().0;
    zones.open().unwrap();
    zones.refresh(false).await;
    zones
}

/// The replies to a request, which is signed.
async fn replies(desk: &Desk, mut request: Vec<u8>) -> Vec<Vec<u8>> {
    tsig::Signer::new(key()).sign(&mut request, 0, crate::server::now());
    let (replies, mut ready) = mpsc::channel(100);
    let peer = peer(Transport::Tcp);
    let verdict = desk.engine().respond(&request, &peer, &mut Vec::new());
    assert_eq!(verdict, Verdict::Signed);
    desk.answer(verdict, &request, &peer, &replies).await;
    drop(replies);
    let mut all = Vec::new();
    while let Some(reply) = ready.recv().await {
        all.push(reply);
    }
    all
}

async fn update(desk: &Desk, changes: &[Vec<u8>]) -> String {
    short(&replies(desk, update_request(&[], changes)).await[0])
}

/// The records of the answer to a question for a transfer.
async fn transferred(desk: &Desk, request: Vec<u8>) -> Vec<String> {
    let mut all = Vec::new();
    for message in replies(desk, request).await {
        let mut pos = crate::wire::HEADER;
        Name::read(&message, &mut pos).unwrap();
        pos += 4;
        for _ in 0..u16::from_be_bytes([message[6], message[7]]) {
            let raw = Raw::read(&message, &mut pos).unwrap();
            let mut data = Vec::new();
            rdata::read(raw.rtype, &message, raw.at, raw.length, &mut data).unwrap();
            let name = raw.owner(&message).unwrap();
            let record =
                Record { name, class: raw.class, rtype: raw.rtype, ttl: raw.ttl, rdata: data.into() };
            all.push(record.to_string());
        }
    }
    all
}

#[tokio::test]
async fn an_update_is_signed_and_goes_to_others_as_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    let zones = kept(&dir).await;
    let desk = zones.desk();
    let before = served(desk.engine());
    assert_eq!(before.serial(), Some(7));
    let changes = [line(Class::IN, "new.deep.example 60 A 192.0.2.9"), line(Class::ANY, "old.example 0 ANY")];
    assert_eq!(update(desk, &changes).await, "NOERROR + all. TSIG");
    let after = served(desk.engine());
    assert_eq!(after.serial(), Some(8));
    let new = after.node("new.deep.example".parse::<Name>().unwrap().view()).unwrap();
    assert!(new.signatures(Type::A).is_some() && new.set(Type::NSEC).is_some());
    assert!(after.node("old.example".parse::<Name>().unwrap().view()).is_none());
    let whole = transferred(desk, request("example AXFR", &[])).await;
    assert_eq!(whole[1..].iter().cloned().collect::<BTreeSet<_>>(), lines(&after));
    // What changed is less than all, as there are names that did not.
    let mut since = request("example IXFR", &[]);
    since[9] = 1;
    since.extend(line(Class::IN, "example 0 SOA . . 7 0 0 0 0"));
    let since = transferred(desk, since).await;
    let changes = desk.signed_by()[0].since(&after, 7).unwrap();
    let count = changes.iter().map(|one| one.removed.len() + one.added.len()).sum::<usize>();
    assert_eq!(since.len(), 2 + count);
    assert!(since.len() < 30, "{since:?}");
    assert_eq!(follow(&before, &changes), lines(&after));
}

#[tokio::test]
async fn a_configuration_that_is_read_anew_goes_on_with_what_was_updated() {
    let (dir, store) = (tempfile::tempdir().unwrap(), Arc::new(MemoryZones::new()));
    let before = kept_in(&dir, &store).await;
    let add = |name: &str| [line(Class::IN, &format!("{name}.example 60 A 192.0.2.9"))];
    assert_eq!(update(before.desk(), &add("one")).await, "NOERROR + all. TSIG");
    let first = served(before.engine());
    let after = kept_in(&dir, &store).await;
    assert!(Arc::ptr_eq(&first, &served(after.engine())));
    assert_eq!(update(after.desk(), &add("two")).await, "NOERROR + all. TSIG");
    // Who serves it still takes updates too, until it ends.
    assert_eq!(update(before.desk(), &add("three")).await, "NOERROR + all. TSIG");
    after.refresh(false).await;
    let last = served(after.engine());
    assert_eq!(last.serial(), Some(10));
    for name in ["one", "two", "three"] {
        assert!(ask(after.engine(), &format!("{name}.example A")).starts_with("NOERROR AA: "), "{name}");
    }
    let changes = after.desk().signed_by()[0].since(&last, first.serial().unwrap()).unwrap();
    assert_eq!(follow(&first, &changes), lines(&last));
}

#[tokio::test]
async fn nobody_updates_what_is_made_here() {
    let dir = tempfile::tempdir().unwrap();
    let zones = kept(&dir).await;
    let desk = zones.desk();
    for change in [
        line(Class::IN, "ns.example 60 NSEC example. A"),
        line(Class::ANY, "example 0 DNSKEY"),
        line(Class::IN, "example 60 CDS 0 0 0 00"),
        line(Class::ANY, "ns.example 0 RRSIG"),
    ] {
        assert_eq!(update(desk, &[change]).await, "REFUSED + all. TSIG");
    }
    assert_eq!(served(desk.engine()).serial(), Some(7));
    // All of a name are all that somebody wrote there.
    assert_eq!(update(desk, &[line(Class::ANY, "old.example 0 ANY")]).await, "NOERROR + all. TSIG");
    assert_eq!(served(desk.engine()).serial(), Some(8));
    assert!(ask(desk.engine(), "old.example TXT").starts_with("NXDOMAIN"));
}
