use proptest::prelude::*;

use super::*;
use crate::wire::{Name, Raw, rdata};

const HEAD: Head = Head { id: 7, opcode: Opcode::QUERY, rd: true, cd: false };

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn octets(rdata: &[&[u8]]) -> Vec<u8> {
    rdata.iter().flat_map(|rdata| [&(rdata.len() as u16).to_be_bytes(), *rdata].concat()).collect()
}

/// Writes NS records of `owner`, all or none.
fn servers(reply: &mut Encoder<'_>, owner: &Name, targets: &[Name]) -> bool {
    let key = Key::new(owner.view());
    let rdata: Vec<&[u8]> = targets.iter().map(Name::wire).collect();
    let octets = octets(&rdata);
    reply.rrset(Part::Answer, Owner::Name(&key, key.labels()), Rrset::new(Type::NS, Type(0), 60, &octets))
}

/// The records of a message without a question.
fn read(message: &[u8]) -> Vec<(Name, Vec<u8>)> {
    let mut pos = HEADER;
    let mut records = Vec::new();
    while pos < message.len() {
        let raw = Raw::read(message, &mut pos).unwrap();
        let mut data = Vec::new();
        rdata::read(raw.rtype, message, raw.at, raw.length, &mut data).unwrap();
        records.push((raw.owner(message).unwrap(), data));
    }
    records
}

#[test]
fn a_name_points_to_its_like_whatever_the_case() {
    let mut out = Vec::new();
    let mut reply = Encoder::new(&mut out, &HEAD, 512);
    assert!(servers(
        &mut reply,
        &name("www.example.org"),
        &[name("ns.EXAMPLE.org"), name("www.Example.ORG")]
    ));
    reply.finish();
    let fixed = b"\0\x02\0\x01\0\0\0\x3c";
    let expected = [
        b"\x03www\x07example\x03org\0",
        &fixed[..],
        b"\0\x05\x02ns\xc0\x10",
        b"\xc0\x0c",
        fixed,
        b"\0\x02\xc0\x0c",
    ];
    assert_eq!(out[HEADER..], expected.concat());
    assert_eq!(out[..HEADER], *b"\0\x07\x81\0\0\0\0\x02\0\0\0\0");
}

#[test]
fn the_root_is_never_a_pointer() {
    let mut out = Vec::new();
    let mut reply = Encoder::new(&mut out, &HEAD, 512);
    assert!(servers(&mut reply, &Name::root(), &[Name::root(), name("a")]));
    reply.finish();
    assert_eq!(out[HEADER..], *b"\0\0\x02\0\x01\0\0\0\x3c\0\x01\0\0\0\x02\0\x01\0\0\0\x3c\0\x03\x01a\0");
}

#[test]
fn what_was_taken_back_is_not_pointed_to() {
    let mut out = Vec::new();
    let mut reply = Encoder::new(&mut out, &HEAD, HEADER + 60);
    let many: Vec<Name> = (0..9).map(|n| name(&format!("n{n}.lost.example"))).collect();
    assert!(!servers(&mut reply, &name("a"), &many));
    assert_eq!(reply.size(), HEADER);
    assert!(servers(&mut reply, &name("b"), &[name("c.lost.example")]));
    reply.finish();
    assert_eq!(read(&out), [(name("b"), name("c.lost.example").wire().to_vec())]);
}

#[test]
fn octets_that_are_reserved_are_kept() {
    let owner = name("b");
    let size = HEADER + 3 + 10 + 3;
    for (limit, fits) in [(size + 10, false), (size + 11, true)] {
        let mut out = Vec::new();
        let mut reply = Encoder::new(&mut out, &HEAD, limit);
        reply.reserve(Opt::LENGTH);
        assert_eq!(servers(&mut reply, &owner, &[name("c")]), fits);
        reply.opt(Opt { size: 1232, dnssec: false }, |_| {});
        assert!(reply.size() <= limit);
    }
}

#[test]
fn a_code_of_edns_is_in_header_and_opt() {
    let mut out = Vec::new();
    let mut reply = Encoder::new(&mut out, &HEAD, 512);
    reply.rcode = Rcode::BADCOOKIE;
    reply.opt(Opt { size: 1232, dnssec: false }, |options| options.extend_from_slice(&[0, 3, 0, 1, b'x']));
    reply.finish();
    assert_eq!(out[3] & 0xf, 7);
    assert_eq!(out[HEADER..], [0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 5, 0, 3, 0, 1, b'x']);
}

#[test]
fn names_out_of_reach_are_written_whole() {
    let mut out = Vec::new();
    let mut reply = Encoder::new(&mut out, &HEAD, 65535);
    let text = [&[250][..], &[b'x'; 250]].concat();
    let records = octets(&[&text[..]; 66]);
    assert!(reply.rrset(Part::Answer, Owner::Question, Rrset::new(Type::TXT, Type(0), 0, &records)));
    assert!(reply.size() > REACH);
    for _ in 0..2 {
        assert!(servers(&mut reply, &name("far.example"), &[name("ns.far.example"), name("far.example")]));
    }
    reply.finish();
    let records = read(&out);
    assert_eq!(records.len(), 70);
    assert_eq!(records[69], (name("far.example"), name("far.example").wire().to_vec()));
}

fn names() -> impl Strategy<Value = Vec<Name>> {
    let label = prop::sample::select(vec!["a", "b", "B", "www", "a-label-of-some-length"]);
    let name = prop::collection::vec(label, 0..6).prop_map(|labels| name(&(labels.join(".") + ".")));
    prop::collection::vec(name, 1..40)
}

proptest! {
    #[test]
    fn what_is_written_can_be_read(sets: Vec<u8>, names in names(), limit in 12..2000_usize) {
        let mut out = b"before".to_vec();
        let mut reply = Encoder::new(&mut out, &HEAD, limit);
        let mut expected = Vec::new();
        for set in sets {
            let owner = &names[usize::from(set) % names.len()];
            let targets: Vec<Name> = names.iter().skip(usize::from(set) % 7).take(3).cloned().collect();
            if servers(&mut reply, owner, &targets) {
                expected.extend(targets.iter().map(|target| (owner.clone(), target.wire().to_ascii_lowercase())));
            }
        }
        prop_assert!(reply.size() <= limit);
        reply.finish();
        let lower = |(name, data): (Name, Vec<u8>)| (name, data.to_ascii_lowercase());
        let records: Vec<_> = read(&out[6..]).into_iter().map(lower).collect();
        prop_assert_eq!(records, expected);
    }
}
