use std::fmt;

/// Resource records one after another, each in wire form without compression (RFC 1035 §3.2.1), of the class IN.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Records {
    octets: Vec<u8>,
    count: usize,
}

/// One of [`Records`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record<'a> {
    /// The owner, in the case it was written in.
    pub name: &'a [u8],
    /// The type.
    pub rtype: u16,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// The data, which has at most 65535 octets.
    pub rdata: &'a [u8],
}

impl Records {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those that these octets are; `None` where they are none.
    pub fn read(octets: Vec<u8>) -> Option<Self> {
        let (mut rest, mut count) = (&octets[..], 0);
        while !rest.is_empty() {
            (_, rest) = Record::split(rest)?;
            count += 1;
        }
        Some(Self { octets, count })
    }

    /// Adds one.
    pub fn push(&mut self, Record { name, rtype, ttl, rdata }: Record<'_>) {
        let length = rdata.len() as u16;
        self.octets.extend_from_slice(name);
        self.octets.extend(rtype.to_be_bytes());
        self.octets.extend([0, 1]);
        self.octets.extend(ttl.to_be_bytes());
        self.octets.extend(length.to_be_bytes());
        self.octets.extend_from_slice(rdata.get(..length.into()).unwrap_or_default());
        self.count += 1;
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        let mut rest = self.octets();
        std::iter::from_fn(move || {
            let (record, after) = Record::split(rest)?;
            rest = after;
            Some(record)
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their octets.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl<'a> Record<'a> {
    /// The first record, and what comes after it.
    fn split(octets: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut end = 0;
        while let label @ 1..64 = *octets.get(end)? {
            end += 1 + usize::from(label);
        }
        // The root; else it is no label.
        let (name, rest) = octets.split_at_checked(end + 1).filter(|(name, _)| name.ends_with(&[0]))?;
        let (&[t0, t1, c0, c1, a, b, c, d, l0, l1], rest) = rest.split_first_chunk()?;
        let (rdata, rest) = rest.split_at_checked(u16::from_be_bytes([l0, l1]).into())?;
        let (rtype, ttl) = (u16::from_be_bytes([t0, t1]), u32::from_be_bytes([a, b, c, d]));
        (end < 255 && [c0, c1] == [0, 1]).then_some((Self { name, rtype, ttl, rdata }, rest))
    }

    /// What it is told from others by: the owner in small letters, type and data. A length is no letter.
    pub fn key(&self) -> (Vec<u8>, u16, Vec<u8>) {
        (self.name.to_ascii_lowercase(), self.rtype, self.rdata.to_vec())
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<Record<'a>> for Records {
    fn from_iter<I: IntoIterator<Item = Record<'a>>>(records: I) -> Self {
        let mut all = Self::new();
        records.into_iter().for_each(|record| all.push(record));
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record<'a>(name: &'a [u8], rdata: &'a [u8]) -> Record<'a> {
        Record { name, rtype: 16, ttl: 300, rdata }
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let written =
            [record(b"\x01A\x07example\0", b"\x01x"), record(b"\0", &[7; 65535]), record(b"\0", b"")];
        let all: Records = written.into_iter().collect();
        assert!(all.iter().eq(written));
        assert_eq!((all.len(), all.is_empty()), (3, false));
        assert_eq!(Records::read(all.octets().to_vec()), Some(all.clone()));
        assert_eq!(written[0].key().0, b"\x01a\x07example\0");
    }

    #[test]
    fn what_is_cut_short_is_none() {
        let all: Records = [record(b"\x01a\0", b"\x01x")].into_iter().collect();
        let whole = all.octets();
        for end in 1..whole.len() {
            assert_eq!(Records::read(whole[..end].to_vec()), None, "{end}");
        }
        let mut other_class = whole.to_vec();
        other_class[6] = 3;
        for wrong in [other_class, vec![0xc0; 12], [&b"\x3f"[..], &[0; 300]].concat()] {
            assert_eq!(Records::read(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(octets: Vec<u8>) {
            if let Some(read) = Records::read(octets) {
                prop_assert_eq!(read.iter().count(), read.len());
            }
        }
    }
}
