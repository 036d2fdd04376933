//! DNS: names of messages, RDATA, and zone text.

use ropewalk_dns::wire::rdata::{self, Piece, Text};
use ropewalk_dns::wire::{Name, NameBuf, NameRef, Type};
use ropewalk_dns::zone::Record;
use ropewalk_dns::zone::text;

/// A name that is read is one, whatever it was compressed with, and its text is it again. The first octet tells where
/// it begins.
pub fn name(bytes: &[u8]) {
    let Some((&start, message)) = bytes.split_first() else { return };
    let (mut name, mut pos) = (NameBuf::new(), usize::from(start));
    if name.read(message, &mut pos).is_err() {
        assert_eq!(pos, usize::from(start));
        return;
    }
    assert!(pos > usize::from(start) && pos <= message.len());
    let name = name.view();
    assert_eq!(NameRef::from_wire(name.wire()), Ok(name));
    let again: Name = name.to_string().parse().expect("the text of a name");
    assert_eq!(again.wire(), name.wire());
    assert_eq!(name.ancestors().count(), name.labels().count() + 1);
}

/// RDATA that is read from a message is of its type, is its pieces, and its text is it again. The first two octets are
/// the type, the third tells where it begins.
pub fn rdata(bytes: &[u8]) {
    let &[high, low, start, ref message @ ..] = bytes else { return };
    let rtype = Type(u16::from_be_bytes([high & 1, low]));
    let length = u16::try_from(message.len().saturating_sub(start.into())).unwrap_or(u16::MAX);
    let mut read = Vec::new();
    if rdata::read(rtype, message, start.into(), length, &mut read).is_err() {
        return;
    }
    assert_eq!(rdata::check(rtype, &read), Ok(()));
    let pieces = rdata::pieces(rtype, &read).map(|piece| match piece {
        Piece::Octets(octets) => octets.to_vec(),
        Piece::Name(name, _) => name.wire().to_vec(),
    });
    assert_eq!(pieces.collect::<Vec<_>>().concat(), read);
    let text = Text { rtype, rdata: &read }.to_string();
    let again = rdata::from_text(rtype, text.as_bytes(), None);
    assert_eq!(again.as_ref(), Ok(&read), "{rtype} {text}");
}

/// Each problem of a zone has a place in it; and what is read of a zone without any is the same when it is written and
/// read again.
pub fn zone(bytes: &[u8]) {
    // Each may make 65536 records: one is enough.
    if bytes.iter().filter(|byte| byte.eq_ignore_ascii_case(&b'g')).count() > 1 && bytes.contains(&b'$') {
        return;
    }
    let mut records: Vec<Record> = Vec::new();
    let mut sink = |record: ropewalk_dns::zone::RecordRef<'_>, _| {
        if records.len() < 1000 {
            records.push(record.to_record());
        }
    };
    let reading = text::read_text("zone", bytes, Some(NameRef::ROOT), &mut sink);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for problem in &reading.problems {
        assert!(problem.line > 0 && problem.line as usize <= lines && problem.column > 0, "{problem}");
    }
    if !reading.failed() {
        let mut written = String::new();
        text::write(records.iter().map(Record::view), NameRef::ROOT, 60, &mut written).expect("a string");
        assert_eq!(text::records("written", written.as_bytes(), None), Ok(records), "{written}");
    }
}
