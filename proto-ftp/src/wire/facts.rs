use std::fmt::Write as _;

use ropewalk_core::data::files::layers::Ops;
use ropewalk_core::data::files::{Kind, Meta};

use super::list::Escaped;
use super::write_time;

/// A fact of a file (RFC 3659 §7.5), in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// What it is.
    Type,
    /// What may be done with it.
    Perm,
    /// Its length.
    Size,
    /// When it was last changed.
    Modify,
    /// When it was made.
    Create,
    /// Which file it is, whatever its name.
    Unique,
    /// Its permission bits.
    Mode,
    /// Its owner's number.
    Owner,
    /// Its group's number.
    Group,
}

impl Fact {
    /// All that there are.
    pub const ALL: [Self; 9] = [
        Self::Type,
        Self::Perm,
        Self::Size,
        Self::Modify,
        Self::Create,
        Self::Unique,
        Self::Mode,
        Self::Owner,
        Self::Group,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Size => "size",
            Self::Modify => "modify",
            Self::Create => "create",
            Self::Perm => "perm",
            Self::Unique => "unique",
            Self::Mode => "UNIX.mode",
            Self::Owner => "UNIX.owner",
            Self::Group => "UNIX.group",
        }
    }
}

/// The facts that a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts(u16);

impl Default for Facts {
    fn default() -> Self {
        Self(u16::MAX)
    }
}

impl Facts {
    /// Whether this one is wanted.
    pub fn has(self, fact: Fact) -> bool {
        self.0 >> (fact as u16) & 1 == 1
    }

    /// What OPTS MLST asks for: names with a `;` behind each, those that nobody knows ignored (RFC 3659 §7.9). `None` where
    /// it is not written so.
    pub fn chosen(names: &[u8]) -> Option<Self> {
        let names: Vec<&[u8]> = match names {
            b"" => Vec::new(),
            names => names.strip_suffix(b";")?.split(|byte| *byte == b';').collect(),
        };
        if names.iter().any(|name| name.is_empty() || !name.iter().all(u8::is_ascii_graphic)) {
            return None;
        }
        let wanted = |fact: &Fact| names.iter().any(|name| name.eq_ignore_ascii_case(fact.name().as_bytes()));
        Some(Self(Fact::ALL.into_iter().filter(wanted).fold(0, |bits, fact| bits | 1 << (fact as u16))))
    }

    /// The names of those wanted, as the answer to OPTS MLST says them.
    pub fn names(self) -> String {
        let wanted = Fact::ALL.into_iter().filter(|fact| self.has(*fact));
        wanted.fold(String::new(), |names, fact| names + fact.name() + ";")
    }

    /// All names, those wanted with a `*`, as FEAT says them (RFC 3659 §7.8).
    pub fn feature(self) -> String {
        Fact::ALL
            .into_iter()
            .fold(String::new(), |names, fact| names + fact.name() + if self.has(fact) { "*;" } else { ";" })
    }
}

/// What may be done with something, as the perm fact says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// With itself.
    pub own: Ops,
    /// With what is in it or would be, if it is a directory.
    pub within: Ops,
}

/// Appends the facts that are wanted and known, a space, and the name, without a line's end (RFC 3659 §7.2).
pub fn write_facts(facts: Facts, meta: &Meta, rights: Rights, name: &[u8], out: &mut Vec<u8>) {
    let mut text = String::with_capacity(96);
    for fact in Fact::ALL.into_iter().filter(|fact| facts.has(*fact)) {
        if let Some(value) = value(fact, meta, rights) {
            let _ = write!(text, "{}={value};", fact.name());
        }
    }
    out.extend_from_slice(text.as_bytes());
    out.push(b' ');
    Escaped(name).write(out);
}

fn value(fact: Fact, meta: &Meta, rights: Rights) -> Option<String> {
    Some(match fact {
        Fact::Type => match meta.kind {
            Kind::File => "file",
            Kind::Dir => "dir",
            Kind::Link => "OS.unix=symlink",
            _ => "OS.unix=special",
        }
        .to_owned(),
        Fact::Size if meta.kind == Kind::File => meta.len.to_string(),
        Fact::Modify => write_time(meta.mtime?),
        Fact::Create => write_time(meta.btime?),
        Fact::Perm => perm(meta.kind, rights),
        Fact::Unique => meta.id.map(|id| format!("{:x}g{:x}", id.device, id.number))?,
        Fact::Mode => format!("{:04o}", meta.mode?),
        Fact::Owner => meta.uid?.to_string(),
        Fact::Group => meta.gid?.to_string(),
        Fact::Size => return None,
    })
}

/// RFC 3659 §7.5.5. Whoever sees a directory may enter it.
fn perm(kind: Kind, Rights { own, within }: Rights) -> String {
    let rights: &[(char, bool)] = match kind {
        Kind::Dir => &[
            ('c', within.has(Ops::CREATE)),
            ('d', own.has(Ops::DELETE)),
            ('e', true),
            ('f', own.has(Ops::RENAME)),
            ('l', own.has(Ops::LIST)),
            ('m', within.has(Ops::MKDIR)),
            ('p', within.has(Ops::DELETE)),
        ],
        _ => &[
            ('a', own.has(Ops::APPEND)),
            ('d', own.has(Ops::DELETE)),
            ('f', own.has(Ops::RENAME)),
            ('r', own.has(Ops::READ)),
            ('w', own.has(Ops::OVERWRITE)),
        ],
    };
    rights.iter().filter(|(_, has)| *has).map(|(right, _)| *right).collect()
}

/// Facts by their names, as they were written.
pub type FactList<'a> = Vec<(&'a str, &'a str)>;

/// Splits a line of facts into those, their names as they were written, and the name of the file; as MFF's argument too.
/// `None` where it is no such line.
pub fn parse_facts(line: &[u8]) -> Option<(FactList<'_>, &[u8])> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (facts, name) = line.split_at_checked(space)?;
    let facts = str::from_utf8(facts).ok()?;
    let facts: Option<Vec<_>> = match facts.strip_suffix(';') {
        Some(facts) => facts.split(';').map(|fact| fact.split_once('=')).collect(),
        None if facts.is_empty() => Some(Vec::new()),
        None => None,
    };
    Some((facts?, name.get(1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ropewalk_core::data::files::{FileId, Time};

    use super::*;

    fn meta() -> Meta {
        let mut meta = Meta::new(Kind::File, 5);
        meta.mtime = Some(Time::new(0, 0));
        meta.mode = Some(0o644);
        meta.id = Some(FileId { device: 1, number: 255 });
        meta
    }

    const READS: Rights = Rights { own: Ops::READ, within: Ops::NONE };

    fn written(facts: Facts, meta: &Meta, rights: Rights, name: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_facts(facts, meta, rights, name, &mut out);
        out
    }

    #[test]
    fn facts_are_those_wanted_and_known() {
        let all = written(Facts::default(), &meta(), READS, b"a b");
        assert_eq!(
            String::from_utf8_lossy(&all),
            "type=file;perm=r;size=5;modify=19700101000000;unique=1gff;UNIX.mode=0644; a b"
        );
        let chosen = Facts::chosen(b"SIZE;unix.MODE;nonsense;").unwrap();
        assert_eq!(chosen.names(), "size;UNIX.mode;");
        assert_eq!(written(chosen, &meta(), READS, b"x"), b"size=5;UNIX.mode=0644; x");
        assert_eq!(written(Facts::chosen(b"").unwrap(), &meta(), READS, b"x"), b" x");
        assert!(chosen.feature().starts_with("type;perm;size*;modify;"));
    }

    #[test]
    fn what_is_no_list_of_facts_chooses_none() {
        for wrong in ["type", "type ;", "type;;", ";", "type;size", "type; size;"] {
            assert_eq!(Facts::chosen(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn rights_are_those_with_itself_and_with_what_is_in_it() {
        let perm = Facts::chosen(b"perm;").unwrap();
        let (file, dir) = (meta(), Meta::new(Kind::Dir, 0));
        let all = Rights { own: Ops::ALL, within: Ops::ALL };
        assert_eq!(written(perm, &file, all, b"x"), b"perm=adfrw; x");
        assert_eq!(written(perm, &dir, all, b"x"), b"perm=cdeflmp; x");
        assert_eq!(written(perm, &dir, Rights::default(), b"x"), b"perm=e; x");
        let drop_box = Rights { own: Ops::LIST | Ops::DELETE, within: Ops::CREATE };
        assert_eq!(written(perm, &dir, drop_box, b"x"), b"perm=cdel; x");
    }

    #[test]
    fn no_name_makes_a_second_line() {
        assert_eq!(written(Facts::chosen(b"").unwrap(), &meta(), READS, b"a\r\nb"), b" a\\x0d\\x0ab");
    }

    #[test]
    fn a_line_of_facts_is_split() {
        let line = b"modify=1; UNIX.mode=5; x";
        let (facts, name) = parse_facts(line).unwrap();
        assert_eq!((facts, name), (vec![("modify", "1")], &b"UNIX.mode=5; x"[..]));
        assert_eq!(parse_facts(b" x"), Some((vec![], &b"x"[..])));
        for bad in [&b""[..], b"x", b"modify=1 x", b"modify; x", b";; x"] {
            assert_eq!(parse_facts(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in prop::collection::vec(any::<u8>(), 1..20), bits: u16) {
            let line = written(Facts(bits), &meta(), READS, &name);
            let (facts, read) = parse_facts(&line).unwrap();
            prop_assert_eq!(facts.len(), Fact::ALL.iter().filter(|f| Facts(bits).has(**f) && !matches!(f,
                Fact::Create | Fact::Owner | Fact::Group)).count());
            let mut escaped = Vec::new();
            Escaped(&name).write(&mut escaped);
            prop_assert_eq!(read, &escaped[..]);
        }
    }
}
