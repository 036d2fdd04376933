use ropewalk_core::data::files::{Kind, Meta};

use super::{Format, seconds};

const BLOCK: usize = 512;

/// The interchange format of POSIX (ustar), with extended headers where a name or a length does not fit.
#[derive(Default)]
pub(super) struct Tar {
    /// Octets of the content so far.
    len: u64,
}

impl Format for Tar {
    fn begin(&mut self, name: &[u8], meta: &Meta) -> Vec<u8> {
        self.len = 0;
        let is_dir = meta.kind == Kind::Dir;
        let len = if is_dir { 0 } else { meta.len };
        let mut records = Vec::new();
        if name.len() > 100 {
            if str::from_utf8(name).is_err() {
                records.extend(record("hdrcharset", b"BINARY"));
            }
            records.extend(record("path", name));
        }
        if len >= 1 << 33 {
            records.extend(record("size", len.to_string().as_bytes()));
        }
        let mut out = Vec::new();
        if !records.is_empty() {
            out.extend(header(b"PaxHeader", b'x', records.len() as u64, 0));
            let octets = records.len() as u64;
            out.extend(records);
            out.extend(padding(octets));
        }
        out.extend(header(name, if is_dir { b'5' } else { b'0' }, len, seconds(meta)));
        out
    }

    fn content(&mut self, data: &[u8]) {
        self.len += data.len() as u64;
    }

    fn end(&mut self) -> Vec<u8> {
        padding(self.len)
    }

    fn finish(&mut self) -> Vec<u8> {
        vec![0; 2 * BLOCK]
    }
}

/// Zeros to the end of the block.
fn padding(len: u64) -> Vec<u8> {
    let over = (len % BLOCK as u64) as usize;
    vec![0; if over == 0 { 0 } else { BLOCK - over }]
}

/// A record of an extended header, which begins with its own length.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    [len.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

fn header(name: &[u8], kind: u8, len: u64, mtime: u64) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    let fixed = |block: &mut Vec<u8>, field: &[u8], width: usize| {
        block.extend(field.iter().chain(std::iter::repeat(&0)).take(width));
    };
    // A number that does not fit is in the extended header, or of no use to anybody.
    let number = |block: &mut Vec<u8>, value: u64, digits: u32| {
        let value = value.min((1 << (3 * digits)) - 1);
        block.extend(format!("{value:0width$o}\0", width = digits as usize).into_bytes());
    };
    fixed(&mut block, name, 100);
    number(&mut block, if kind == b'5' { 0o755 } else { 0o644 }, 7);
    number(&mut block, 0, 7);
    number(&mut block, 0, 7);
    number(&mut block, len, 11);
    number(&mut block, mtime, 11);
    let sum_at = block.len();
    block.extend([b' '; 8]);
    block.push(kind);
    fixed(&mut block, b"", 100);
    fixed(&mut block, b"ustar\x0000", 8);
    block.resize(BLOCK, 0);
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block.splice(sum_at..sum_at + 8, format!("{sum:06o}\0 ").into_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_itself() {
        assert_eq!(record("path", b"abc"), b"12 path=abc\n");
        let long = record("path", &[b'x'; 90]);
        assert_eq!(long.len(), 99);
        assert!(long.starts_with(b"99 "));
        let longer = record("path", &[b'x'; 91]);
        assert!(longer.starts_with(b"101 ") && longer.len() == 101, "{}", longer.len());
    }

    #[test]
    fn everything_is_in_whole_blocks() {
        let mut tar = Tar::default();
        for (name, len) in [("a".to_owned(), 0), ("b".repeat(300), 5), ("c".to_owned(), 1 << 34)] {
            assert_eq!(tar.begin(name.as_bytes(), &Meta::new(Kind::File, len)).len() % BLOCK, 0);
            tar.content(&[0; 5]);
            assert_eq!(tar.end().len(), BLOCK - 5);
        }
    }
}
