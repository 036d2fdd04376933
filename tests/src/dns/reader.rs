//! Reading octets, strictly: names with their pointers, and records.

use super::rdata::{self, Field};
use super::wire::{Name, OPT, Record, TSIG};

/// What is left of a message, or of the data of a record.
pub(super) struct Reader<'a> {
    pub(super) wire: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(length);
        let taken = end
            .and_then(|end| self.wire.get(self.at..end))
            .ok_or_else(|| format!("cut off at octet {}", self.at));
        self.at += length;
        taken
    }

    pub(super) fn u8(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    pub(super) fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_be_bytes([self.u8()?, self.u8()?]))
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_be_bytes([self.u8()?, self.u8()?, self.u8()?, self.u8()?]))
    }

    /// RFC 1035 §4.1.4: a pointer leads to a name before this one.
    pub(super) fn name(&mut self, compressed: bool) -> Result<Name, String> {
        let (mut name, mut at, mut limit, mut end) = (Name::default(), self.at, self.at, None);
        loop {
            let mut here = Reader { wire: self.wire, at };
            let length = here.u8()?;
            match length {
                0 => break self.at = end.unwrap_or(here.at),
                1..=63 => name.0.push(here.take(usize::from(length))?.to_vec()),
                0xc0.. if !compressed => return Err(format!("a compressed name at octet {at}")),
                0xc0.. => {
                    let to = (usize::from(length & 0x3f) << 8) | usize::from(here.u8()?);
                    if to >= limit {
                        return Err(format!("a pointer forward at octet {at}"));
                    }
                    end = end.or(Some(here.at));
                    (limit, here.at) = (to, to);
                }
                _ => return Err(format!("a label of type {:#x} at octet {at}", length & 0xc0)),
            }
            at = here.at;
            if name.len() > 255 {
                return Err("a name of more than 255 octets".into());
            }
        }
        Ok(name)
    }

    /// The next record.
    pub(super) fn record(&mut self) -> Result<Record, String> {
        let (name, kind, class, ttl) = (self.name(true)?, self.u16()?, self.u16()?, self.u32()?);
        let length = usize::from(self.u16()?);
        let end = self.at + length;
        let data = if length == 0 || kind == OPT || kind == TSIG {
            self.take(length)?.to_vec()
        } else {
            self.data(kind, end)?
        };
        if self.at != end {
            return Err(format!("data of {name} TYPE{kind} that are not as long as they say"));
        }
        Ok(Record { name, kind, class, ttl, data })
    }

    /// The data of a record up to this octet, with its names uncompressed.
    fn data(&mut self, kind: u16, end: usize) -> Result<Vec<u8>, String> {
        let whole = self.wire.get(..end).ok_or("data beyond the end of the message")?;
        let mut reader = Reader { wire: whole, at: self.at };
        let mut out = Vec::new();
        for field in rdata::fields(kind) {
            match field {
                Field::Name => reader.name(rdata::may_be_compressed(kind))?.write(&mut out),
                Field::U8 => out.push(reader.u8()?),
                Field::U16 => out.extend_from_slice(reader.take(2)?),
                Field::U32 | Field::V4 => out.extend_from_slice(reader.take(4)?),
                Field::V6 => out.extend_from_slice(reader.take(16)?),
                Field::Strings => {
                    while reader.at < end {
                        let length = reader.u8()?;
                        out.push(length);
                        out.extend_from_slice(reader.take(usize::from(length))?);
                    }
                }
                Field::Rest => out.extend_from_slice(reader.take(end.saturating_sub(reader.at))?),
            }
        }
        self.at = reader.at;
        Ok(out)
    }
}
