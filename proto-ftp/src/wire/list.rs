use std::io::Write as _;

use ropewalk_core::data::files::{Entry, Kind, Time};

use super::Calendar;

/// Half a year: what is older, or in the future, is shown with its year.
const RECENT: i64 = 182 * 86_400;

/// A name as a line of a listing can hold it: its bytes, but CR and LF as `\x0d` and `\x0a`.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a [u8]);

impl Escaped<'_> {
    /// Appends the name.
    pub fn write(&self, out: &mut Vec<u8>) {
        for byte in self.0 {
            match byte {
                b'\r' => out.extend_from_slice(b"\\x0d"),
                b'\n' => out.extend_from_slice(b"\\x0a"),
                _ => out.push(*byte),
            }
        }
    }
}

/// A name as a terminal may be shown it: with `?` for every control character, as `ls` writes it, and CR and LF as
/// [`Escaped`] has them. What is no UTF-8 stays as it is, but for the octets that are control characters by themselves.
struct Shown<'a>(&'a [u8]);

impl Shown<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\r' | '\n' => Escaped(&[c as u8]).write(out),
                    c if c.is_control() => out.push(b'?'),
                    c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            let is_c1 = |byte: u8| (0x80..0xa0).contains(&byte);
            out.extend(chunk.invalid().iter().map(|byte| if is_c1(*byte) { b'?' } else { *byte }));
        }
    }
}

/// Appends a line of a listing as `ls -l` writes it, which clients without MLSD read and others show to people, with its
/// end. Times are UTC; no name says anything to a terminal.
pub fn write_ls(entry: &Entry, now: Time, out: &mut Vec<u8>) {
    let meta = &entry.meta;
    let (mark, usual) = match meta.kind {
        Kind::Dir => ('d', 0o755),
        Kind::Link => ('l', 0o777),
        _ => ('-', 0o644),
    };
    let mode = meta.mode.unwrap_or(usual);
    let bits: String = ("rwxrwxrwx".chars().enumerate())
        .map(|(at, bit)| if mode >> (8 - at) & 1 == 1 { bit } else { '-' })
        .collect();
    let owner = |id: Option<u32>| id.map_or_else(|| "ftp".to_owned(), |id| id.to_string());
    let (uid, gid, links) = (owner(meta.uid), owner(meta.gid), meta.nlink.unwrap_or(1));
    let date = date(meta.mtime.unwrap_or(Time::new(0, 0)), now);
    // Writing into memory does not fail.
    let _ = write!(out, "{mark}{bits} {links:>3} {uid:<8} {gid:<8} {:>12} {date} ", meta.len);
    Shown(entry.name.as_bytes()).write(out);
    out.extend_from_slice(b"\r\n");
}

fn date(time: Time, now: Time) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Calendar { year, month, day, hour, minute, .. } = Calendar::of(time.secs());
    let name = MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or("Jan");
    let age = now.secs().saturating_sub(time.secs());
    // A clock that is a little ahead of ours is not the future.
    if (-3600..RECENT).contains(&age) {
        format!("{name} {day:>2} {hour:02}:{minute:02}")
    } else {
        format!("{name} {day:>2} {year:>5}")
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_core::data::files::{Meta, Name};

    use super::*;

    fn line(name: &'static [u8], kind: Kind, mode: Option<u16>, mtime: i64) -> String {
        let mut meta = Meta::new(kind, 42);
        (meta.mode, meta.mtime) = (mode, Some(Time::new(mtime, 0)));
        let mut out = Vec::new();
        let entry = Entry { name: Name::new(name).unwrap(), meta };
        write_ls(&entry, Time::new(1_795_287_776, 0), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_line_is_as_ls_writes_it() {
        assert_eq!(
            line(b"a file", Kind::File, Some(0o640), 1_795_287_776 - 60),
            "-rw-r-----   1 ftp      ftp                42 Nov 21 19:01 a file\r\n"
        );
        assert_eq!(
            line(b"old", Kind::Dir, None, 0),
            "drwxr-xr-x   1 ftp      ftp                42 Jan  1  1970 old\r\n"
        );
    }

    #[test]
    fn no_name_makes_a_second_line() {
        let line = line(b"a\r\nb\x1b\"", Kind::File, None, 0);
        assert!(line.ends_with("1970 a\\x0d\\x0ab?\"\r\n"), "{line}");
    }

    #[test]
    fn no_name_speaks_to_a_terminal() {
        let mut shown = Vec::new();
        Shown("é\x1b]0;x\x07\x7f\u{9b}2J".as_bytes()).write(&mut shown);
        assert_eq!(String::from_utf8(shown).unwrap(), "é?]0;x???2J");
        // Latin-1, and a control character of eight bits.
        let mut shown = Vec::new();
        Shown(b"\xe9\x9b2J\xff").write(&mut shown);
        assert_eq!(shown, b"\xe9?2J\xff");
    }
}
