use flate2::Crc;
use ropewalk_core::data::files::{Kind, Meta};

use super::{Format, seconds};

/// What does not fit is in an extra field.
const FULL: u32 = u32::MAX;

/// The ZIP format (PKWARE's APPNOTE), without compression: sums come after the content, and long files and archives
/// have 64-bit fields (§4.5.3). A reader that goes by the directory at the end reads it all.
#[derive(Default)]
pub(super) struct Zip {
    /// Octets written so far.
    at: u64,
    entry: Entry,
    /// The directory at the end, as it grows.
    directory: Vec<u8>,
    count: u64,
}

#[derive(Default)]
struct Entry {
    name: Vec<u8>,
    start: u64,
    /// The length that was said, and the one that came.
    expected: u64,
    len: u64,
    crc: Crc,
    is_dir: bool,
    mtime: u64,
}

impl Format for Zip {
    fn begin(&mut self, name: &[u8], meta: &Meta) -> Vec<u8> {
        let is_dir = meta.kind == Kind::Dir;
        // Some take a backslash for a slash, and could be led out of where they unpack.
        let name: Vec<u8> = name.iter().map(|byte| if *byte == b'\\' { b'_' } else { *byte }).collect();
        let expected = if is_dir { 0 } else { meta.len };
        let (start, mtime) = (self.at, seconds(meta));
        self.entry = Entry { name, start, expected, len: 0, crc: Crc::new(), is_dir, mtime };
        let entry = &self.entry;
        let mut extra = entry.time();
        let large = entry.is_large();
        if large {
            // APPNOTE §4.3.9.2: that the lengths after the content have eight octets.
            field(&mut extra, 1, &[0; 16]);
        }
        let mut out = Vec::with_capacity(64 + entry.name.len());
        put(&mut out, &[0x50, 0x4b, 3, 4]);
        entry.common(&mut out);
        put(&mut out, &0_u32.to_le_bytes());
        let len = if large { FULL } else { 0 };
        put(&mut out, &len.to_le_bytes());
        put(&mut out, &len.to_le_bytes());
        put(&mut out, &short(entry.name.len()));
        put(&mut out, &short(extra.len()));
        put(&mut out, &entry.name);
        put(&mut out, &extra);
        self.at += out.len() as u64;
        out
    }

    fn content(&mut self, data: &[u8]) {
        self.entry.crc.update(data);
        self.entry.len += data.len() as u64;
        self.at += data.len() as u64;
    }

    fn end(&mut self) -> Vec<u8> {
        let entry = std::mem::take(&mut self.entry);
        let mut out = Vec::new();
        if !entry.is_dir {
            put(&mut out, &[0x50, 0x4b, 7, 8]);
            put(&mut out, &entry.crc.sum().to_le_bytes());
            for _ in 0..2 {
                match entry.is_large() {
                    true => put(&mut out, &entry.len.to_le_bytes()),
                    false => put(&mut out, &narrow(entry.len).to_le_bytes()),
                }
            }
        }
        self.at += out.len() as u64;
        self.list(&entry);
        self.count += 1;
        out
    }

    fn finish(&mut self) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.directory);
        let (start, len) = (self.at, out.len() as u64);
        let end = start + len;
        let whole = self.count >= 0xffff || start >= u64::from(FULL) || len >= u64::from(FULL);
        if whole {
            put(&mut out, &[0x50, 0x4b, 6, 6]);
            put(&mut out, &44_u64.to_le_bytes());
            put(&mut out, &[45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for number in [self.count, self.count, len, start] {
                put(&mut out, &number.to_le_bytes());
            }
            put(&mut out, &[0x50, 0x4b, 6, 7, 0, 0, 0, 0]);
            put(&mut out, &end.to_le_bytes());
            put(&mut out, &1_u32.to_le_bytes());
        }
        put(&mut out, &[0x50, 0x4b, 5, 6, 0, 0, 0, 0]);
        let count = u16::try_from(self.count).unwrap_or(u16::MAX);
        put(&mut out, &count.to_le_bytes());
        put(&mut out, &count.to_le_bytes());
        put(&mut out, &narrow(len).to_le_bytes());
        put(&mut out, &narrow(start).to_le_bytes());
        put(&mut out, &[0, 0]);
        out
    }
}

impl Zip {
    /// Adds an entry to the directory (APPNOTE §4.3.12).
    fn list(&mut self, entry: &Entry) {
        let mut extra = entry.time();
        let mut wide = Vec::new();
        for value in [entry.len, entry.len, entry.start] {
            if value >= u64::from(FULL) {
                put(&mut wide, &value.to_le_bytes());
            }
        }
        if !wide.is_empty() {
            field(&mut extra, 1, &wide);
        }
        let out = &mut self.directory;
        put(out, &[0x50, 0x4b, 1, 2, 45, 3]);
        entry.common(out);
        put(out, &entry.crc.sum().to_le_bytes());
        put(out, &narrow(entry.len).to_le_bytes());
        put(out, &narrow(entry.len).to_le_bytes());
        put(out, &short(entry.name.len()));
        put(out, &short(extra.len()));
        put(out, &[0; 6]);
        // The mode of Unix above, the directory bit of DOS below.
        let mode: u32 = if entry.is_dir { 0o040_755 << 16 | 0x10 } else { 0o100_644 << 16 };
        put(out, &mode.to_le_bytes());
        put(out, &narrow(entry.start).to_le_bytes());
        put(out, &entry.name);
        put(out, &extra);
    }
}

impl Entry {
    fn is_large(&self) -> bool {
        self.expected >= u64::from(FULL)
    }

    /// Version, flags, method and time.
    fn common(&self, out: &mut Vec<u8>) {
        put(out, &short(45));
        let sums_after = if self.is_dir { 0 } else { 1 << 3 };
        let utf8 = if str::from_utf8(&self.name).is_ok() { 1 << 11 } else { 0 };
        put(out, &short(sums_after | utf8));
        put(out, &short(0));
        let (date, time) = dos(self.mtime);
        put(out, &time.to_le_bytes());
        put(out, &date.to_le_bytes());
    }

    /// The extra field with the time as Unix knows it.
    fn time(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Ok(seconds) = u32::try_from(self.mtime) {
            field(&mut out, 0x5455, &[&[1][..], &seconds.to_le_bytes()].concat());
        }
        out
    }
}

fn put(out: &mut Vec<u8>, octets: &[u8]) {
    out.extend_from_slice(octets);
}

fn field(out: &mut Vec<u8>, id: u16, content: &[u8]) {
    put(out, &id.to_le_bytes());
    put(out, &short(content.len()));
    put(out, content);
}

/// A path has at most 4096 octets, and what else is so counted has fewer.
fn short(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes()
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(FULL)
}

/// Date and time as DOS has them, in UTC, from 1980 on.
fn dos(seconds: u64) -> (u16, u16) {
    const FIRST: (u16, u16) = (1 << 5 | 1, 0);
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let Ok(at) = jiff::Timestamp::from_second(seconds) else { return FIRST };
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let part = |value: i8| u16::try_from(value).unwrap_or_default();
    let year = at.year().saturating_sub(1980);
    match u16::try_from(year) {
        Ok(year @ 0..=127) => (
            year << 9 | part(at.month()) << 5 | part(at.day()),
            part(at.hour()) << 11 | part(at.minute()) << 5 | (part(at.second()) / 2),
        ),
        _ => FIRST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_that_of_dos() {
        // 2026-11-21T20:34:58Z
        assert_eq!(dos(1_795_293_298), (46 << 9 | 11 << 5 | 21, 20 << 11 | 34 << 5 | 29));
        assert_eq!(dos(0), (33, 0), "there was no DOS in 1970");
        assert_eq!(dos(u64::MAX), (33, 0));
    }
}
