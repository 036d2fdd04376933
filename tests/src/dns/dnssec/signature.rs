//! Signatures and the keys that they are of (RFC 4034 §2 and §3).

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};

use crate::dns::rdata;
use crate::dns::reader::Reader;
use crate::dns::wire::{Name, Record};

/// The flag of a key that signs the records of a zone (RFC 4034 §2.1.1).
const ZONE_KEY: u16 = 0x0100;
const ECDSA_P256: u8 = 13;
const ED: u8 = 15;

/// A key, from a DNSKEY record.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) flags: u16,
    pub(super) protocol: u8,
    pub(super) algorithm: u8,
    pub(super) tag: u16,
    public: Vec<u8>,
}

impl Key {
    pub(super) fn read(data: &[u8]) -> Result<Self, String> {
        let mut reader = Reader { wire: data, at: 0 };
        let (flags, protocol, algorithm) = (reader.u16()?, reader.u8()?, reader.u8()?);
        let public = reader.take(data.len() - reader.at)?.to_vec();
        Ok(Self { flags, protocol, algorithm, tag: tag(data), public })
    }

    /// RFC 5702, RFC 6605 §4 and RFC 8080 §4 say how keys and signatures are written.
    fn verifies(&self, octets: &[u8], signature: &[u8]) -> Result<(), String> {
        let well = match self.algorithm {
            // The point without the octet that says how it is written.
            ECDSA_P256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], &*self.public].concat())
                .verify(octets, signature),
            ED => UnparsedPublicKey::new(&ED25519, &self.public).verify(octets, signature),
            other => return Err(format!("the suite does not know algorithm {other}")),
        };
        well.map_err(|_| "a signature of other octets, or of another key".into())
    }
}

/// RFC 4034 §B.
fn tag(data: &[u8]) -> u16 {
    let octets = data.iter().enumerate();
    let sum: u32 = octets.map(|(at, octet)| u32::from(*octet) << if at % 2 == 0 { 8 } else { 0 }).sum();
    // The lower half of it, with what it carries into the upper.
    u16::try_from((sum + (sum >> 16)) & 0xffff).unwrap_or_default()
}

/// What an RRSIG record says.
#[derive(Debug)]
pub(super) struct Rrsig {
    pub(super) covered: u16,
    pub(super) algorithm: u8,
    pub(super) labels: u8,
    pub(super) original_ttl: u32,
    pub(super) expiration: u32,
    pub(super) inception: u32,
    pub(super) tag: u16,
    pub(super) signer: Name,
    signature: Vec<u8>,
}

impl Rrsig {
    pub(super) fn read(data: &[u8]) -> Result<Self, String> {
        let mut reader = Reader { wire: data, at: 0 };
        Ok(Self {
            covered: reader.u16()?,
            algorithm: reader.u8()?,
            labels: reader.u8()?,
            original_ttl: reader.u32()?,
            expiration: reader.u32()?,
            inception: reader.u32()?,
            tag: reader.u16()?,
            signer: reader.name(false)?,
            signature: reader.take(data.len() - reader.at)?.to_vec(),
        })
    }

    /// Whether it counts now (RFC 4034 §3.1.5): times are compared as serial numbers are.
    pub(super) fn is_current(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = u32::try_from(now & 0xffff_ffff).unwrap_or_default();
        let until = |from: u32, to: u32| to.wrapping_sub(from) < 1 << 31;
        until(self.inception, now) && until(now, self.expiration)
    }

    /// Whether one of the keys has signed this RRset so (RFC 4035 §5.3.1 and §5.3.2).
    pub(super) fn verify(&self, apex: &Name, set: &[&Record], keys: &[Key]) -> Result<(), String> {
        let owner = set.first().map(|record| &record.name).ok_or("no records")?;
        if self.signer != *apex {
            return Err(format!("the signer {}", self.signer));
        }
        if usize::from(self.labels) > count(owner) {
            return Err(format!("{} labels of {owner}", self.labels));
        }
        if !self.is_current() {
            return Err(format!("times from {} to {}", self.inception, self.expiration));
        }
        if set.iter().any(|record| record.ttl > self.original_ttl) {
            return Err(format!("the original TTL {}", self.original_ttl));
        }
        let is_its = |key: &&Key| {
            (key.tag, key.algorithm, key.protocol) == (self.tag, self.algorithm, 3)
                && key.flags & ZONE_KEY != 0
        };
        let key = keys.iter().find(is_its);
        let key = key.ok_or_else(|| format!("key {} of algorithm {}", self.tag, self.algorithm))?;
        key.verifies(&self.octets(owner, set), &self.signature)
    }

    /// What is signed: all that stands before the signature, and the records in their canonical form (RFC 4034 §3.1.8.1, §6).
    fn octets(&self, owner: &Name, set: &[&Record]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.covered.to_be_bytes());
        out.extend([self.algorithm, self.labels]);
        for number in [self.original_ttl, self.expiration, self.inception] {
            out.extend(number.to_be_bytes());
        }
        out.extend(self.tag.to_be_bytes());
        self.signer.lower().write(&mut out);
        let data = |record: &&Record| rdata::canonical(record.kind, &record.data);
        let mut all: Vec<_> = set.iter().map(data).collect();
        all.sort();
        all.dedup();
        let owner = self.owner(owner);
        for data in all {
            owner.write(&mut out);
            out.extend(self.covered.to_be_bytes());
            out.extend(crate::dns::wire::IN.to_be_bytes());
            out.extend(self.original_ttl.to_be_bytes());
            out.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend(data);
        }
        out
    }

    /// The name that was signed: that of the wildcard, where there are fewer labels than in the name that it stands for.
    fn owner(&self, name: &Name) -> Name {
        let more = count(name).saturating_sub(usize::from(self.labels));
        if more == 0 {
            return name.lower();
        }
        Name(name.0.iter().skip(name.0.len() - usize::from(self.labels)).cloned().collect())
            .lower()
            .child(b"*")
    }
}

/// RFC 4034 §3.1.3: neither the root nor an asterisk in front counts.
fn count(name: &Name) -> usize {
    name.0.len() - usize::from(name.0.first().is_some_and(|label| label == b"*"))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::dns::text;

    fn name(text: &str) -> Name {
        text::name(text, &Name::default()).unwrap()
    }

    /// RFC 8080 §6.1, whose signature counted in 2015.
    fn example() -> (Key, Rrsig, Record) {
        let public = STANDARD.decode("l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=").unwrap();
        let key = Key::read(&[&[1, 1, 3, 15], &*public].concat()).unwrap();
        let record =
            text::record("example.com. 3600 IN MX 10 mail.example.com.", &Name::default(), 0).unwrap();
        let signature =
            "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==";
        let rrsig = Rrsig {
            covered: 15,
            algorithm: 15,
            labels: 2,
            original_ttl: 3600,
            expiration: 1_440_021_600,
            inception: 1_438_207_200,
            tag: 3613,
            signer: name("example.com."),
            signature: STANDARD.decode(signature).unwrap(),
        };
        (key, rrsig, record)
    }

    #[test]
    fn the_example_of_the_document_verifies_but_for_its_times() {
        let (key, rrsig, record) = example();
        assert_eq!(key.tag, 3613);
        assert_eq!(key.verifies(&rrsig.octets(&record.name, &[&record]), &rrsig.signature), Ok(()));
        let verdict = rrsig.verify(&name("example.com."), &[&record], &[key]);
        assert_eq!(verdict, Err("times from 1438207200 to 1440021600".into()));
    }

    #[test]
    fn other_records_do_not_verify() {
        let (key, mut rrsig, record) = example();
        let verify = |rrsig: &Rrsig, record: &Record| {
            key.verifies(&rrsig.octets(&record.name, &[record]), &rrsig.signature)
        };
        assert!(
            verify(&rrsig, &Record { data: [&[0, 11], &record.data[2..]].concat(), ..record.clone() })
                .is_err()
        );
        assert!(verify(&rrsig, &Record { name: name("example.org."), ..record.clone() }).is_err());
        // Letters of the other case, and the TTL that a cache has counted down, are the same.
        assert!(verify(&rrsig, &Record { name: name("EXAMPLE.com."), ttl: 5, ..record.clone() }).is_ok());
        rrsig.original_ttl = 3599;
        assert!(verify(&rrsig, &record).is_err());
    }

    #[test]
    fn labels_tell_the_wildcard_that_was_signed() {
        let (_, mut rrsig, _) = example();
        assert_eq!(rrsig.owner(&name("a.b.Example.com.")).to_string(), "*.example.com.");
        assert_eq!(rrsig.owner(&name("*.example.com.")).to_string(), "*.example.com.");
        rrsig.labels = 3;
        assert_eq!(rrsig.owner(&name("a.b.example.com.")).to_string(), "*.b.example.com.");
        assert_eq!(rrsig.owner(&name("b.example.com.")).to_string(), "b.example.com.");
    }
}
