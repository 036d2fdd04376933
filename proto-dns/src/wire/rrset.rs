use super::Type;

/// The records of one name and type, as they are kept: one lifetime, and the RDATA of each after its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rrset<'a> {
    /// The type.
    pub rtype: Type,
    /// The type that the signatures are of, for RRSIG; or 0.
    pub covers: Type,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    records: &'a [u8],
}

impl<'a> Rrset<'a> {
    /// The set whose records are written in `records`, each after its length in two octets.
    pub fn new(rtype: Type, covers: Type, ttl: u32, records: &'a [u8]) -> Self {
        Self { rtype, covers, ttl, records }
    }

    /// This set with another lifetime.
    #[must_use]
    pub fn with_ttl(self, ttl: u32) -> Self {
        Self { ttl, ..self }
    }

    /// The RDATA of each record, without compression.
    pub fn rdata(self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.records;
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk()?;
            let (rdata, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            rest = after;
            Some(rdata)
        })
    }

    /// Each of its records as a set.
    pub fn singles(self) -> impl Iterator<Item = Self> + use<'a> {
        let mut rest = self.records;
        self.rdata().map_while(move |rdata| {
            let (one, after) = rest.split_at_checked(2 + rdata.len())?;
            rest = after;
            Some(Self { records: one, ..self })
        })
    }
}
