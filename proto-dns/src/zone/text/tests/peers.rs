//! The same zones as the `domain` crate reads.

use std::io::Cursor;

use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};

use super::*;

/// The records that `domain` reads, as owner, class, type, TTL and data in wire form; `None` if it finds a fault.
fn theirs(text: &str) -> Option<Vec<Record>> {
    use domain::base::ToName;
    use domain::base::rdata::ComposeRecordData;

    let mut zone = Zonefile::load(&mut Cursor::new(text)).unwrap();
    zone.set_origin("example.".parse().unwrap());
    zone.set_default_class(domain::base::iana::Class::IN);
    let mut records = Vec::new();
    while let Some(entry) = zone.next_entry().ok()? {
        let Entry::Record(record) = entry else { return None };
        let mut rdata = Vec::new();
        let data: &ZoneRecordData<_, _> = record.data();
        data.compose_rdata(&mut rdata).unwrap();
        records.push(Record {
            name: Name::from_wire(record.owner().to_vec().as_slice()).unwrap(),
            class: Class(record.class().to_int()),
            rtype: crate::wire::Type(record.rtype().to_int()),
            ttl: record.ttl().as_secs(),
            rdata: rdata.into(),
        });
    }
    Some(records)
}

/// What `domain` cannot read is mostly types that it does not know.
#[test]
fn domain_reads_the_same_records() {
    let origin: Name = "example.".parse().unwrap();
    let mut same = 0;
    for text in good::zones().chain(types::zones()) {
        let ours = records("zone", text.as_bytes(), Some(origin.view())).unwrap();
        // There `domain` takes the sign for a label, which RFC 1035 §5.1 does not.
        if let Some(theirs) = theirs(&text).filter(|_| !text.contains("CNAME @")) {
            assert_eq!(ours, theirs, "{text}");
            same += 1;
        }
    }
    assert!(same > 75, "only {same} zones were read by both");
}
