use std::fmt;

use ropewalk_core::data::files::{Entry, Kind, Meta, Name, Time};

use super::{Calendar, parse_facts, parse_time};

/// Why a line of a listing is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadEntry {
    /// It is in no form that is known.
    Syntax,
    /// What it names is no name: with a `/` or a NUL in it, or empty.
    Name,
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "a line of a form that is not known",
            Self::Name => "a name that is none",
        })
    }
}

impl std::error::Error for BadEntry {}

type Read = Result<Option<Entry>, BadEntry>;

/// Reads a line of MLSD, without its end (RFC 3659 §7.2); nothing for the directory itself and the one above.
///
/// # Errors
/// See [`BadEntry`]. `.` and `..` are names of nothing unless their type says what they are.
pub fn parse_mlsd(line: &[u8]) -> Read {
    let (facts, name) = parse_facts(line).ok_or(BadEntry::Syntax)?;
    let fact = |wanted: &str| {
        facts.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
    };
    let word = fact("type").unwrap_or("file").to_ascii_lowercase();
    let kind = match word.as_str() {
        "cdir" | "pdir" => return Ok(None),
        "file" => Kind::File,
        "dir" => Kind::Dir,
        word if word.starts_with("os.unix=symlink") || word.starts_with("os.unix=slink") => Kind::Link,
        _ => Kind::Special,
    };
    let mut meta = Meta::new(kind, fact("size").and_then(|size| size.parse().ok()).unwrap_or(0));
    meta.mtime = fact("modify").and_then(|time| parse_time(time.as_bytes()));
    meta.btime = fact("create").and_then(|time| parse_time(time.as_bytes()));
    meta.mode = fact("unix.mode").and_then(|mode| u16::from_str_radix(mode, 8).ok()).map(|m| m & 0o7777);
    entry(name, meta).map(Some)
}

/// Reads a line of LIST, without its end, in the form of `ls -l`, of DOS, or of EPLF; nothing for a line about no entry:
/// an empty one, `total 8`, the directory itself and the one above. A time without a zone is taken for UTC, one without
/// a year for the last that it can be as of `now`.
///
/// # Errors
/// See [`BadEntry`].
pub fn parse_ls(line: &[u8], now: Time) -> Read {
    if line.trim_ascii().is_empty() || line.to_ascii_lowercase().starts_with(b"total ") {
        return Ok(None);
    }
    let read = match line.first() {
        Some(b'+') => eplf(line),
        Some(digit) if digit.is_ascii_digit() => dos(line),
        _ => unix(line, now),
    };
    let (name, meta) = read.ok_or(BadEntry::Syntax)?;
    if matches!(name, b"." | b"..") { Ok(None) } else { entry(name, meta).map(Some) }
}

fn entry(name: &[u8], meta: Meta) -> Result<Entry, BadEntry> {
    let name = Name::new(name.to_vec()).map_err(|_| BadEntry::Name)?;
    Ok(Entry { name, meta })
}

/// `-rw-r--r--   1 ftp      ftp                42 Nov 21 19:01 a file`, and what else begins with a kind and has a date
/// behind a length.
fn unix(line: &[u8], now: Time) -> Option<(&[u8], Meta)> {
    let kind = match line.first()? {
        b'-' => Kind::File,
        b'd' => Kind::Dir,
        b'l' => Kind::Link,
        b'b' | b'c' | b'p' | b's' | b'D' => Kind::Special,
        _ => return None,
    };
    let words = words(line);
    let (date, mtime, used) = (2..words.len()).find_map(|at| {
        let (time, used) = date(words.get(at..)?, now)?;
        // What stands before the date is a length: no name of a group is taken for a date.
        number(words.get(at - 1)?.0)?;
        Some((at, time, used))
    })?;
    let len = number(words.get(date - 1)?.0)?;
    let (last, start) = words.get(date + used - 1)?;
    let name = line.get(start + last.len()..)?.strip_prefix(b" ")?;
    let name = match (kind, name.windows(4).position(|four| four == b" -> ")) {
        (Kind::Link, Some(arrow)) => name.get(..arrow)?,
        _ => name,
    };
    let mut meta = Meta::new(kind, len);
    (meta.mtime, meta.mode) = (Some(mtime), words.first().and_then(|(word, _)| mode(word)));
    Some((name, meta))
}

/// The words of a line, each with where it begins.
fn words(line: &[u8]) -> Vec<(&[u8], usize)> {
    let (mut words, mut at) = (Vec::new(), 0);
    for word in line.split(|byte| *byte == b' ') {
        if !word.is_empty() {
            words.push((word, at));
        }
        at += word.len() + 1;
    }
    words
}

/// The date at the front of these words, and of how many it is made: `Nov 21 19:01`, `21 Nov 2026`, `2026-11-21 19:01`.
fn date(words: &[(&[u8], usize)], now: Time) -> Option<(Time, usize)> {
    let first = words.first()?.0;
    let parts: Vec<_> = first.split(|byte| *byte == b'-').collect();
    if let [year, month, day] = parts.as_slice() {
        let (hour, minute) = clock(words.get(1)?.0)?;
        let at = (i64::try_from(number(year)?).ok()?, small(month)?, small(day)?);
        return Some((moment(at, (hour, minute))?, 2));
    }
    let (second, third) = (words.get(1)?.0, words.get(2)?.0);
    let (month, day) = match month(first) {
        Some(month) => (month, small(second)?),
        None => (month(second)?, small(first)?),
    };
    if let Some(clock) = clock(third) {
        let this = Calendar::of(now.secs()).year;
        let time = moment((this, month, day), clock);
        // A clock that is ahead of ours by a zone is not last year's.
        let near = time.filter(|time| time.secs() <= now.secs().saturating_add(86_400));
        return Some((near.or_else(|| moment((this - 1, month, day), clock))?, 3));
    }
    let year = number(third).filter(|year| (1000..=9999).contains(year))?;
    Some((moment((i64::try_from(year).ok()?, month, day), (0, 0))?, 3))
}

fn moment((year, month, day): (i64, u8, u8), (hour, minute): (u8, u8)) -> Option<Time> {
    let calendar = Calendar { year, month, day, hour, minute, second: 0 };
    calendar.secs().map(|secs| Time::new(secs, 0))
}

fn month(word: &[u8]) -> Option<u8> {
    const MONTHS: &[u8] = b"janfebmaraprmayjunjulaugsepoctnovdec";
    let word = word.to_ascii_lowercase();
    let at = MONTHS.chunks(3).position(|month| month == word)?;
    u8::try_from(at + 1).ok()
}

/// `19:01`, or with seconds.
fn clock(word: &[u8]) -> Option<(u8, u8)> {
    let mut parts = word.split(|byte| *byte == b':');
    Some((small(parts.next()?)?, small(parts.next()?)?))
}

/// `rwxr-x---` behind the kind, with what `s` and `t` mean.
fn mode(word: &[u8]) -> Option<u16> {
    let bits = word.get(1..10)?;
    bits.iter().enumerate().try_fold(0, |mode, (at, bit)| {
        let (this, special) = (1 << (8 - at), [0o4000, 0o2000, 0o1000].get(at / 3).copied().unwrap_or(0));
        Some(match (bit, at % 3) {
            (b'-', _) => mode,
            (b'r', 0) | (b'w', 1) | (b'x', 2) => mode | this,
            (b's' | b't', 2) => mode | this | special,
            (b'S' | b'T', 2) => mode | special,
            _ => return None,
        })
    })
}

/// `11-21-26  07:01PM       <DIR>          name`
fn dos(line: &[u8]) -> Option<(&[u8], Meta)> {
    let words = words(line);
    let parts: Vec<_> = words.first()?.0.split(|byte| matches!(byte, b'-' | b'/')).collect();
    let [month, day, year] = parts.as_slice() else { return None };
    let year = match i64::try_from(number(year)?).ok()? {
        year @ ..70 => 2000 + year,
        year @ ..100 => 1900 + year,
        year => year,
    };
    let time = words.get(1)?.0.to_ascii_uppercase();
    let (clock, half) = match time.strip_suffix(b"M") {
        Some(rest) => (clock(rest.get(..rest.len().checked_sub(1)?)?)?, rest.last().copied()),
        None => (clock(&time)?, None),
    };
    let hour = match (half, clock.0) {
        (Some(b'A'), 12) => 0,
        (Some(b'P'), hour @ ..12) => hour + 12,
        (None | Some(b'A' | b'P'), hour) => hour,
        _ => return None,
    };
    let (size, start) = words.get(2)?;
    let mut meta = match *size {
        b"<DIR>" => Meta::new(Kind::Dir, 0),
        [b'<', ..] => Meta::new(Kind::Link, 0),
        size => {
            let digits: Vec<u8> = size.iter().copied().filter(|byte| *byte != b',').collect();
            Meta::new(Kind::File, number(&digits)?)
        }
    };
    meta.mtime = Some(moment((year, small(month)?, small(day)?), (hour, clock.1))?);
    Some((line.get(start + size.len()..)?.trim_ascii_start(), meta))
}

/// `+i8388621.29609,m824255902,/,` TAB `name`
fn eplf(line: &[u8]) -> Option<(&[u8], Meta)> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let mut meta = Meta::new(Kind::Special, 0);
    for fact in line.get(1..tab)?.split(|byte| *byte == b',') {
        match fact.split_first() {
            Some((b'/', b"")) => meta.kind = Kind::Dir,
            Some((b'r', b"")) => meta.kind = Kind::File,
            Some((b's', size)) => meta.len = number(size)?,
            Some((b'm', time)) => meta.mtime = Some(Time::new(i64::try_from(number(time)?).ok()?, 0)),
            _ => {}
        }
    }
    Some((line.get(tab + 1..)?, meta))
}

/// Digits, and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    text.iter().all(u8::is_ascii_digit).then(|| str::from_utf8(text).ok()?.parse().ok())?
}

fn small(text: &[u8]) -> Option<u8> {
    number(text).and_then(|number| u8::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Facts, Rights, write_facts, write_ls, write_time};
    use super::*;

    /// 2026-11-21 19:02:56.
    fn now() -> Time {
        Time::new(1_795_287_776, 0)
    }

    fn shown(read: Read) -> String {
        match read {
            Ok(Some(Entry { name, meta })) => {
                let time = meta.mtime.map_or_else(|| "-".into(), write_time);
                let mode = meta.mode.map_or_else(|| "-".into(), |mode| format!("{mode:o}"));
                let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
                format!("{:?} {} {time} {mode} {name}", meta.kind, meta.len)
            }
            Ok(None) => "nothing".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_forms_of_many_servers_are_read() {
        for (line, entry) in [
            ("-rw-r-----   1 ftp ftp  42 Nov 21 19:01 a file", "File 42 20261121190100 640 a file"),
            ("drwxr-sr-t  12 0 0 4096 Jan  1  1970 old", "Dir 4096 19700101000000 3755 old"),
            ("-rw-r--r-- 1 a b 5 Nov 23 10:00 last", "File 5 20251123100000 644 last"),
            ("-rw-r--r-- 1 a b 5 Feb 29 10:00 leap", "a line of a form that is not known"),
            ("lrwxrwxrwx 1 a b 3 Nov 21 2026 l -> a/b", "Link 3 20261121000000 777 l"),
            ("-rw-r--r-- 1 a 5 Nov 21 2026 no group", "File 5 20261121000000 644 no group"),
            ("-rw-r--r-- 1 a b 5 21 Nov 19:01 day first", "File 5 20261121190100 644 day first"),
            ("-rw-r--r-- 1 a b 5 2026-11-21 19:01 iso", "File 5 20261121190100 644 iso"),
            ("d [RWCEAFMS] me 512 Nov 21 19:01 netware", "Dir 512 20261121190100 - netware"),
            ("-rw-r--r-- 1 a b 5 Nov 21 2026  leading", "File 5 20261121000000 644  leading"),
            ("11-21-26  07:01PM       <DIR>          a dir", "Dir 0 20261121190100 - a dir"),
            ("11-21-99  12:01AM              1,234 f", "File 1234 19991121000100 - f"),
            ("11-21-2026  19:01              7 f", "File 7 20261121190100 - f"),
            ("+i8388621.29609,m824255902,/,\tdev", "Dir 0 19960213235822 - dev"),
            ("+i1.2,m825718503,r,s280,\tdjb.html", "File 280 19960301221503 - djb.html"),
            ("total 8", "nothing"),
            ("", "nothing"),
            ("drwxr-xr-x 2 a b 4096 Nov 21 19:01 .", "nothing"),
            ("drwxr-xr-x 2 a b 4096 Nov 21 19:01 ..", "nothing"),
            ("ls: .: Permission denied", "a line of a form that is not known"),
            ("-rw-r--r-- 1 a b 5 Nov 21 2026 ../x", "a name that is none"),
            ("-rw-r--r-- 1 a b 5 Nov 21 2026 ", "a name that is none"),
        ] {
            assert_eq!(shown(parse_ls(line.as_bytes(), now())), entry, "{line}");
        }
    }

    #[test]
    fn facts_are_read_and_names_that_are_none_refused() {
        for (line, entry) in [
            ("Type=file;Size=5;Modify=20261121190100;UNIX.mode=0644; a b", "File 5 20261121190100 644 a b"),
            ("type=dir;perm=el; d", "Dir 0 - - d"),
            ("type=OS.unix=slink:/x; l", "Link 0 - - l"),
            ("type=OS.unix=symlink; l", "Link 0 - - l"),
            ("type=OS.unix=chr-1; c", "Special 0 - - c"),
            (" x", "File 0 - - x"),
            ("type=cdir; /pub", "nothing"),
            ("type=pdir; ..", "nothing"),
            ("type=dir; ..", "a name that is none"),
            ("type=file; ../../etc/passwd", "a name that is none"),
            ("type=file; a/b", "a name that is none"),
            ("type=file; a\0b", "a name that is none"),
            ("type=file; ", "a name that is none"),
            ("nonsense", "a line of a form that is not known"),
        ] {
            assert_eq!(shown(parse_mlsd(line.as_bytes())), entry, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_we_write_is_read(
            name in "[a-z >-][ -~&&[^/]]{0,20}".prop_filter("a name", |name| name != "." && name != ".." && !name.contains(" -> ")),
            dir: bool, len in 0_u64..1 << 40, age in 0_i64..2_000_000_000, mode in 0_u16..0o1000,
        ) {
            let mut meta = Meta::new(if dir { Kind::Dir } else { Kind::File }, len);
            let mtime = now().secs() - age;
            (meta.mtime, meta.mode) = (Some(Time::new(mtime, 0)), Some(mode));
            let entry = Entry { name: Name::new(name.clone().into_bytes()).unwrap(), meta };
            let mut line = Vec::new();
            write_ls(&entry, now(), &mut line);
            let read = parse_ls(line.strip_suffix(b"\r\n").unwrap(), now()).unwrap().unwrap();
            prop_assert_eq!(&read.name, &entry.name);
            prop_assert_eq!((read.meta.kind, read.meta.len, read.meta.mode), (entry.meta.kind, len, Some(mode)));
            prop_assert!((0..86_400).contains(&(mtime - read.meta.mtime.unwrap().secs())));
            let mut line = Vec::new();
            write_facts(Facts::default(), &entry.meta, Rights::default(), name.as_bytes(), &mut line);
            let read = parse_mlsd(&line).unwrap().unwrap();
            prop_assert_eq!((&read.name, read.meta.mtime), (&entry.name, entry.meta.mtime));
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = (parse_ls(&text, now()), parse_mlsd(&text));
        }

        #[test]
        fn no_words_panic(words in prop::collection::vec("(-rw-r--r--|Nov|21|19:01|2026|[0-9]{1,20}|11-21-26|07:01PM|<DIR>|\\+m1,\t|x)", 0..10)) {
            let _ = parse_ls(words.join(" ").as_bytes(), now());
        }
    }
}
