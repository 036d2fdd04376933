//! Proofs that something is not there: NSEC (RFC 4034 §4) and NSEC3 records (RFC 5155).

use sha1::{Digest, Sha1};

use crate::Broken;
use crate::case::{Verdict, check};
use crate::dns::rdata::{self, CNAME, DS, NS, SOA};
use crate::dns::reader::Reader;
use crate::dns::text;
use crate::dns::wire::{Name, Record};

/// Where a name stands among those of its zone: its labels from the root on in small letters, or its hash.
pub(super) type Place = Vec<Vec<u8>>;

/// How names are hashed (RFC 5155 §3.1): further iterations, and the salt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hash {
    pub(super) iterations: u16,
    pub(super) salt: Vec<u8>,
}

impl Hash {
    /// Reads the number of the algorithm, flags, and what a hash depends on.
    fn read(reader: &mut Reader<'_>) -> Result<(u8, Self), String> {
        let (algorithm, flags, iterations) = (reader.u8()?, reader.u8()?, reader.u16()?);
        if algorithm != 1 {
            return Err(format!("the hash algorithm {algorithm}"));
        }
        let length = usize::from(reader.u8()?);
        Ok((flags, Self { iterations, salt: reader.take(length)?.to_vec() }))
    }

    /// The flags and the rest of an NSEC3PARAM record (RFC 5155 §4.2).
    pub(super) fn of_zone(data: &[u8]) -> Result<(u8, Self), String> {
        let mut reader = Reader { wire: data, at: 0 };
        let read = Self::read(&mut reader)?;
        if reader.at == data.len() { Ok(read) } else { Err("more than a salt".into()) }
    }

    /// RFC 5155 §5.
    pub(super) fn of(&self, name: &Name) -> Vec<u8> {
        let mut octets = Vec::new();
        name.lower().write(&mut octets);
        for _ in 0..=self.iterations {
            octets = Sha1::new().chain_update(&octets).chain_update(&self.salt).finalize().to_vec();
        }
        octets
    }
}

/// Nothing is between two names, or between two hashes.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) from: Place,
    pub(super) to: Place,
    /// What the first of the two has.
    pub(super) types: Vec<u16>,
}

impl Gap {
    fn covers(&self, place: &Place) -> bool {
        // The last of a zone leads to the first.
        let around = self.to <= self.from;
        if around { *place > self.from || *place < self.to } else { *place > self.from && *place < self.to }
    }
}

/// All records of a message, or of a zone, that deny something there.
#[derive(Debug)]
pub(super) struct Denial {
    apex: Name,
    /// How names are hashed, where the records are NSEC3.
    pub(super) hash: Option<Hash>,
    pub(super) gaps: Vec<Gap>,
}

impl Denial {
    /// Reads them. NSEC3 records have the same parameters (RFC 5155 §7.2), and there are no NSEC records beside them.
    pub(super) fn read<'a>(
        apex: &Name,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Self, Broken> {
        let mut denial = Self { apex: apex.clone(), hash: None, gaps: Vec::new() };
        for record in records {
            let read = match record.kind {
                rdata::NSEC => denial.nsec(record),
                rdata::NSEC3 => denial.nsec3(record),
                _ => continue,
            };
            read.map_err(|why| Broken::new("a denial that can be read", format!("{why} in {record}")))?;
        }
        Ok(denial)
    }

    fn nsec(&mut self, record: &Record) -> Result<(), String> {
        if self.hash.is_some() {
            return Err("NSEC beside NSEC3".into());
        }
        let mut reader = Reader { wire: &record.data, at: 0 };
        let to = plain(&reader.name(false)?);
        self.gaps.push(Gap { from: plain(&record.name), to, types: types(&mut reader)? });
        Ok(())
    }

    fn nsec3(&mut self, record: &Record) -> Result<(), String> {
        let mut reader = Reader { wire: &record.data, at: 0 };
        let (flags, hash) = Hash::read(&mut reader)?;
        if flags > 1 {
            return Err(format!("flags {flags:#x}"));
        }
        let first = self.gaps.is_empty();
        if !(first || self.hash.as_ref() == Some(&hash)) {
            return Err("other parameters".into());
        }
        let length = usize::from(reader.u8()?);
        let to = vec![reader.take(length)?.to_vec()];
        let is_below = |label: &&Vec<u8>| record.name == self.apex.child(label);
        let from = record.name.0.first().filter(is_below).and_then(|label| base32(label));
        let from = from.filter(|from| from.len() == length);
        let from = vec![from.ok_or("an owner that is no hash in this zone")?];
        self.gaps.push(Gap { from, to, types: types(&mut reader)? });
        self.hash = Some(hash);
        Ok(())
    }

    pub(super) fn place(&self, name: &Name) -> Place {
        self.hash.as_ref().map_or_else(|| plain(name), |hash| vec![hash.of(name)])
    }

    fn name(&self, text: &str) -> Result<Name, Broken> {
        text::name(text, &self.apex).map_err(|why| Broken::new("a name", why))
    }

    fn matching(&self, name: &Name) -> Option<&Gap> {
        let place = self.place(name);
        self.gaps.iter().find(|gap| gap.from == place)
    }

    fn covering(&self, name: &Name) -> Option<&Gap> {
        let place = self.place(name);
        self.gaps.iter().find(|gap| gap.covers(&place))
    }

    /// The types that the record of this name lists.
    pub(super) fn types(&self, owner: &str) -> Result<&[u16], Broken> {
        let gap = self.matching(&self.name(owner)?);
        gap.map(|gap| gap.types.as_slice())
            .ok_or_else(|| Broken::new(format!("the record of {owner}"), self.to_string()))
    }

    /// The name is there without these types, and is no alias.
    pub(super) fn lacks(&self, owner: &str, kinds: &[u16]) -> Verdict {
        let types = self.types(owner)?;
        let has = types.iter().find(|kind| **kind == CNAME || kinds.contains(kind));
        check(has.is_none(), format!("{owner} without CNAME and what was asked for"), shown(types))
    }

    /// The name is not there.
    pub(super) fn covers(&self, name: &str) -> Verdict {
        let gap = self.covering(&self.name(name)?);
        check(gap.is_some(), format!("nothing at {name}"), self)
    }

    /// The name is there, and has nothing but names below it.
    pub(super) fn is_empty_name(&self, name: &str) -> Verdict {
        let owner = self.name(name)?;
        let place = self.place(&owner);
        let well = if self.hash.is_some() {
            self.matching(&owner).is_some_and(|gap| gap.types.is_empty())
        } else {
            self.covering(&owner).is_some_and(|gap| gap.to.starts_with(&place))
        };
        check(well, format!("names below {name}, and no records there"), self)
    }

    /// RFC 5155 §7.2.1: the name is there, and the next one on the way to what was asked for is not.
    pub(super) fn encloses(&self, encloser: &str, next: &str) -> Verdict {
        self.types(encloser)?;
        self.covers(next)
    }

    /// RFC 4035 §5.2: the name is a delegation without DS.
    pub(super) fn is_insecure(&self, cut: &str) -> Verdict {
        let types = self.types(cut)?;
        let well = types.contains(&NS) && !types.contains(&SOA) && !types.contains(&DS);
        check(well, format!("NS of {cut} without DS and SOA"), shown(types))
    }

    /// There are as many records.
    pub(super) fn has(&self, count: usize) -> Verdict {
        check(self.gaps.len() == count, format!("{count} records that deny"), self)
    }
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} records that deny", self.gaps.len())?;
        let point = |place: &Place| match place.as_slice() {
            [hash] if self.hash.is_some() => text::to_hex(hash),
            labels => Name(labels.iter().rev().cloned().collect()).to_string(),
        };
        for gap in &self.gaps {
            write!(f, "; {} to {}: {}", point(&gap.from), point(&gap.to), shown(&gap.types))?;
        }
        Ok(())
    }
}

/// RFC 4034 §6.1.
fn plain(name: &Name) -> Place {
    name.lower().0.into_iter().rev().collect()
}

pub(super) fn shown(types: &[u16]) -> String {
    types.iter().map(|kind| rdata::mnemonic(*kind)).collect::<Vec<_>>().join(" ")
}

/// The bitmap up to the end of the data (RFC 4034 §4.1.2): blocks in order, none of them empty, without zeros at its end.
fn types(reader: &mut Reader<'_>) -> Result<Vec<u16>, String> {
    let (mut types, mut least) = (Vec::new(), 0_u16);
    while reader.at < reader.wire.len() {
        let block = u16::from(reader.u8()?);
        let length = usize::from(reader.u8()?);
        if block < least || !(1..=32).contains(&length) {
            return Err(format!("block {block} of {length} octets"));
        }
        least = block + 1;
        let octets = reader.take(length)?;
        if octets.last() == Some(&0) {
            return Err(format!("zeros at the end of block {block}"));
        }
        for (at, octet) in (0_u16..).zip(octets) {
            let is_set = |bit: &u16| octet & (0x80 >> bit) != 0;
            types.extend((0..8).filter(is_set).map(|bit| (block << 8) + at * 8 + bit));
        }
    }
    Ok(types)
}

/// How hashes are written in names (RFC 5155 §3.3).
fn base32(text: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in text {
        let five = char::from(*digit).to_digit(32)?;
        held = (held << 5 | five) & 0xffff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    Some(out)
}

/// The same backwards.
pub(super) fn to_base32(octets: &[u8]) -> String {
    let bit = |at: usize| octets.get(at / 8).is_some_and(|octet| octet & (0x80 >> (at % 8)) != 0);
    let digit = |at: usize| (0..5).fold(0_u32, |five, next| five << 1 | u32::from(bit(at + next)));
    (0..octets.len() * 8).step_by(5).filter_map(|at| char::from_digit(digit(at), 32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text::name(text, &Name(vec![b"example".to_vec()])).unwrap()
    }

    fn nsec(owner: &str, next: &str, bitmap: &[u8]) -> Record {
        let mut data = Vec::new();
        name(next).write(&mut data);
        data.extend_from_slice(bitmap);
        Record { name: name(owner), kind: rdata::NSEC, class: 1, ttl: 1, data }
    }

    fn nsec3(owner: &str, next: &str, flags: u8, bitmap: &[u8]) -> Record {
        let hash = Hash { iterations: 12, salt: vec![0xaa, 0xbb, 0xcc, 0xdd] };
        let mut data = vec![1, flags, 0, 12, 4, 0xaa, 0xbb, 0xcc, 0xdd, 20];
        data.extend(hash.of(&name(next)));
        data.extend_from_slice(bitmap);
        Record { name: name(owner), kind: rdata::NSEC3, class: 1, ttl: 1, data }
    }

    #[test]
    fn a_bitmap_is_read_as_the_example_of_the_document() {
        // RFC 4034 §4.3: A MX RRSIG NSEC TYPE1234.
        let text = "0006400100000003041b000000000000000000000000000000000000000000000000000020";
        let octets = text::from_hex(text).unwrap();
        let read = |wire: &[u8]| types(&mut Reader { wire, at: 0 });
        assert_eq!(read(&octets), Ok(vec![1, 15, 46, 47, 1234]));
        for wrong in [&[0, 0][..], &[0, 2, 0x40, 0], &[1, 1, 1, 0, 1, 1], &[0, 2, 1], &[0, 33]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn nsec_covers_what_is_between_and_nothing_else() {
        let record = nsec("alfa", "host", &[0, 1, 0x40]);
        let denial = Denial::read(&name("@"), [&record]).unwrap();
        for there in ["bravo", "x.alfa", "*.bravo", "HOSS"] {
            assert!(denial.covers(there).is_ok(), "{there}");
        }
        for not in ["alfa", "host", "x.host", "a", "zulu", "@"] {
            assert!(denial.covers(not).is_err(), "{not}");
        }
        assert!(denial.lacks("ALFA", &[28]).is_ok());
        assert!(denial.lacks("alfa", &[1]).is_err() && denial.lacks("host", &[28]).is_err());
        let last = Denial::read(&name("@"), [&nsec("ns", "@", &[0, 1, 0x44])]).unwrap();
        assert!(last.covers("zulu").is_ok() && last.covers("b").is_err() && last.covers("@").is_err());
        assert!(last.lacks("ns", &[28]).is_err(), "an alias");
    }

    #[test]
    fn nsec_denies_records_of_a_name_that_has_only_others_below() {
        let denial = Denial::read(&name("@"), [&nsec("a", "x.y.ent", &[0, 1, 0x40])]).unwrap();
        assert!(denial.is_empty_name("ent").is_ok() && denial.is_empty_name("y.ent").is_ok());
        assert!(denial.is_empty_name("b").is_err() && denial.is_empty_name("x.y.ent").is_err());
    }

    #[test]
    fn names_are_hashed_as_in_the_example_of_the_document() {
        // RFC 5155 §A: the record of the apex.
        let record = nsec3("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "ns1", 1, &[0, 1, 0x20]);
        let denial = Denial::read(&name("@"), [&record]).unwrap();
        assert!(denial.is_insecure("@").is_ok());
        assert_eq!(
            text::to_hex(&denial.gaps[0].to[0]),
            text::to_hex(&base32(b"2t7b4g4vsa5smi47k61mv5bv1a22bojr").unwrap())
        );
        assert!(denial.covers("c.x.w").is_ok() && denial.covers("x.w").is_err(), "RFC 5155 §B.1");
        let record = nsec3("b4um86eghhds6nea196smvmlo4ors995", "ns1", 1, &[]);
        assert!(Denial::read(&name("@"), [&record]).unwrap().types("x.w").is_ok());
    }

    #[test]
    fn hashes_are_written_as_they_are_read() {
        let hash = Hash::default().of(&name("www"));
        assert_eq!(base32(to_base32(&hash).as_bytes()), Some(hash));
        assert_eq!(base32(b"w"), None);
    }

    #[test]
    fn records_of_other_zones_and_of_other_parameters_are_no_denial() {
        let apex = name("@");
        let wrong = |records: &[Record]| Denial::read(&apex, records).is_err();
        let right = nsec3("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "ns1", 0, &[]);
        assert!(!wrong(&[right.clone(), right.clone()]));
        assert!(wrong(&[nsec3("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.x", "ns1", 0, &[])]));
        assert!(wrong(&[nsec3("short", "ns1", 0, &[])]));
        assert!(wrong(&[nsec3("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "ns1", 2, &[])]));
        let mut other = right.clone();
        other.data[3] = 11;
        assert!(wrong(&[right.clone(), other]));
        assert!(wrong(&[right, nsec("a", "b", &[])]));
    }
}
