use std::fmt;
use std::str::FromStr;

use super::VPath;

/// The longest pattern.
const MAX_GLOB: usize = 1024;

/// A pattern of paths: `/pub/**`, `/home/*/inbox`, `/**/*.log`.
///
/// It begins with `/`. In a component `*` stands for any bytes, also none, and `?` for one byte; a component `**` stands for any
/// number of components, also none, so that `/pub/**` is `/pub` and all below it. `\` takes its meaning from the
/// character after it. Trailing and repeated slashes mean nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: Box<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`
    Any,
    Name(Vec<Piece>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// `?`
    One,
    /// `*`
    Run,
}

/// Of what in a directory a pattern is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inside {
    /// Of something that could be there.
    pub some: bool,
    /// Of everything.
    pub all: bool,
}

impl Glob {
    /// Whether the pattern is one of this path.
    pub fn matches(&self, path: &VPath) -> bool {
        self.reach(path).last().is_some_and(|end| *end)
    }

    /// Whether it is one of something below this path, should that be there.
    pub fn leads(&self, path: &VPath) -> bool {
        let reached = self.reach(path);
        // At a `**`, also the last one, there can be more.
        reached.iter().zip(&self.parts).any(|(reached, _)| *reached)
    }

    /// Whether it is one of this path and of all that is below it.
    pub fn covers(&self, path: &VPath) -> bool {
        let reached = self.reach(path);
        self.parts.last() == Some(&Part::Any) && reached.iter().rev().nth(1).is_some_and(|at_any| *at_any)
    }

    /// Whether it is one of something directly in this path, and whether of all that is.
    pub fn inside(&self, path: &VPath) -> Inside {
        let reached = self.reach(path);
        let mut found = Inside::default();
        for (at, part) in self.parts.iter().enumerate().filter(|(at, _)| reached.get(*at) == Some(&true)) {
            let (left, takes_all) = match part {
                Part::Any => (at, true),
                Part::Name(pieces) => (at + 1, pieces.iter().all(|piece| *piece == Piece::Run)),
            };
            let ends = self.parts.iter().skip(left).all(|part| *part == Part::Any);
            found.some |= ends;
            found.all |= ends && takes_all;
        }
        found
    }

    /// How much of the pattern the path can have used up: for each number of parts, whether it can be that many.
    fn reach(&self, path: &VPath) -> Vec<bool> {
        let mut reached = vec![false; self.parts.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        self.skip(&mut reached);
        for name in path.names() {
            let mut next = vec![false; reached.len()];
            for (at, part) in self.parts.iter().enumerate() {
                if !reached.get(at).is_some_and(|reached| *reached) {
                    continue;
                }
                let to = match part {
                    Part::Any => at,
                    Part::Name(pieces) if fits(pieces, name) => at + 1,
                    Part::Name(_) => continue,
                };
                if let Some(next) = next.get_mut(to) {
                    *next = true;
                }
            }
            self.skip(&mut next);
            reached = next;
        }
        reached
    }

    /// A `**` may stand for nothing.
    fn skip(&self, reached: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            if *part == Part::Any
                && reached.get(at).is_some_and(|reached| *reached)
                && let Some(next) = reached.get_mut(at + 1)
            {
                *next = true;
            }
        }
    }
}

/// Whether a name is one that the pieces stand for. After the last `*` that was met, only that one takes more.
fn fits(pieces: &[Piece], name: &[u8]) -> bool {
    let (mut at, mut used) = (0, 0);
    let mut back = None;
    while used < name.len() {
        let here = match pieces.get(at) {
            Some(Piece::Run) => {
                back = Some((at, used));
                at += 1;
                continue;
            }
            Some(Piece::One) => true,
            Some(Piece::Byte(byte)) => name.get(used) == Some(byte),
            None => false,
        };
        match (here, &mut back) {
            (true, _) => (at, used) = (at + 1, used + 1),
            (false, Some((run, from))) => {
                *from += 1;
                (at, used) = (*run + 1, *from);
            }
            (false, None) => return false,
        }
    }
    pieces.get(at..).unwrap_or_default().iter().all(|piece| *piece == Piece::Run)
}

impl FromStr for Glob {
    type Err = BadGlob;

    fn from_str(text: &str) -> Result<Self, BadGlob> {
        if text.len() > MAX_GLOB {
            return Err(BadGlob("a pattern is at most 1024 bytes long"));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(BadGlob("a pattern begins with \"/\""));
        };
        let mut parts = Vec::new();
        for part in rest.split('/').filter(|part| !part.is_empty()) {
            match part {
                "." | ".." => return Err(BadGlob("a pattern has no \".\" and \"..\"")),
                "**" if parts.last() == Some(&Part::Any) => {}
                "**" => parts.push(Part::Any),
                _ => parts.push(Part::Name(pieces(part)?)),
            }
        }
        Ok(Self { text: text.into(), parts })
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn pieces(part: &str) -> Result<Vec<Piece>, BadGlob> {
    let mut bytes = part.bytes();
    let mut pieces = Vec::new();
    while let Some(byte) = bytes.next() {
        pieces.push(match byte {
            b'*' => Piece::Run,
            b'?' => Piece::One,
            b'\\' => Piece::Byte(bytes.next().ok_or(BadGlob("a pattern does not end in \"\\\""))?),
            0 => return Err(BadGlob("a pattern has no NUL")),
            byte => Piece::Byte(byte),
        });
    }
    Ok(pieces)
}

/// Why a text is no [`Glob`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadGlob(&'static str);

impl fmt::Display for BadGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadGlob {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::files::DotDot;

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    fn glob(text: &str) -> Glob {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_match_whole_paths_by_components() {
        for (pattern, yes, no) in [
            ("/", &["/"][..], &["/a"][..]),
            ("/**", &["/", "/a", "/a/b"], &[]),
            ("/pub/**", &["/pub", "/pub/a", "/pub/a/b"], &["/", "/public", "/a/pub"]),
            ("/pub/*", &["/pub/a"], &["/pub", "/pub/a/b"]),
            ("/*/in", &["/a/in", "/*/in"], &["/in", "/a/b/in"]),
            ("/**/*.log", &["/a.log", "/x/y/.log"], &["/a.log/b", "/log"]),
            ("/a/**/b/", &["/a/b", "/a/x/b", "/a/x/y/b"], &["/a", "/b", "/a/x"]),
            ("/a?c", &["/abc"], &["/ac", "/abbc", "/a/c"]),
            ("/a*b*c", &["/abc", "/aXbYbZc"], &["/ab", "/abcd"]),
            ("/\\*\\?", &["/*?"], &["/ab"]),
            ("/a**", &["/a", "/ab"], &["/a/b"]),
        ] {
            for at in yes {
                assert!(glob(pattern).matches(&path(at)), "{pattern} and {at}");
            }
            for at in no {
                assert!(!glob(pattern).matches(&path(at)), "{pattern} and {at}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for bad in ["", "a", "*", "/a/../b", "/./a", "/a\\", &format!("/{}", "a".repeat(1024))] {
            assert!(bad.parse::<Glob>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_leads_to_what_it_stands_for_and_covers_what_ends_open() {
        let leads = |pattern: &str, at: &str| glob(pattern).leads(&path(at));
        assert!(leads("/a/b", "/") && leads("/a/b", "/a") && leads("/a/**", "/a/b/c"));
        assert!(!leads("/a/b", "/a/b") && !leads("/a/b", "/b") && !leads("/", "/"));
        assert!(glob("/a/**").covers(&path("/a")) && glob("/a/**").covers(&path("/a/b")));
        assert!(!glob("/a/**").covers(&path("/")) && !glob("/a/**/b").covers(&path("/a/b")));
    }

    #[test]
    fn many_stars_take_no_time() {
        let glob = glob(&format!("/{}b", "*a".repeat(100)));
        assert!(!glob.matches(&path(&format!("/{}", "a".repeat(255)))));
        let glob = format!("{}/b", "/**/a".repeat(100)).parse::<Glob>().unwrap();
        assert!(!glob.matches(&path(&"/a".repeat(2000))));
    }

    /// The same, the plain way.
    fn naive(pattern: &[&str], names: &[&str]) -> bool {
        match (pattern, names) {
            ([], names) => names.is_empty(),
            (["**", rest @ ..], names) => {
                naive(rest, names) || !names.is_empty() && naive(pattern, &names[1..])
            }
            ([part, rest @ ..], [name, more @ ..]) => {
                naive_name(part.as_bytes(), name.as_bytes()) && naive(rest, more)
            }
            _ => false,
        }
    }

    fn naive_name(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], name) => name.is_empty(),
            ([b'*', rest @ ..], name) => {
                naive_name(rest, name) || !name.is_empty() && naive_name(pattern, &name[1..])
            }
            ([b'?', rest @ ..], [_, more @ ..]) => naive_name(rest, more),
            ([byte, rest @ ..], [same, more @ ..]) => byte == same && naive_name(rest, more),
            _ => false,
        }
    }

    fn split(text: &str) -> Vec<&str> {
        text.split('/').filter(|part| !part.is_empty()).collect()
    }

    proptest! {
        #[test]
        fn matching_agrees_with_a_naive_model(pattern in "/([ab*?/]{0,3}(/\\*\\*)?){0,4}", at in "/[ab/]{0,9}") {
            let (glob, path) = (glob(&pattern), path(&at));
            prop_assert_eq!(glob.matches(&path), naive(&split(&pattern), &split(&at)));
        }

        #[test]
        fn what_leads_and_what_covers_agree_with_what_matches(
            pattern in "/([ab*?]{0,2}/|\\*\\*/){0,3}", at in "/[ab/]{0,5}", below in "[ab]{1,2}(/[ab]){0,2}",
        ) {
            let glob = glob(&pattern);
            let under = path(&format!("{at}/{below}"));
            if glob.matches(&under) {
                prop_assert!(glob.leads(&path(&at)), "leads");
            }
            if glob.covers(&path(&at)) {
                prop_assert!(glob.matches(&under) && glob.matches(&path(&at)), "covers");
            }
        }

        #[test]
        fn what_is_inside_agrees_with_what_matches(
            pattern in "/([ab*?]{0,2}/|\\*\\*/){0,4}", at in "/[ab/]{0,5}", name in "[ab]{1,2}",
        ) {
            let glob = glob(&pattern);
            let (at, child) = (path(&at), path(&format!("{at}/{name}")));
            let inside = glob.inside(&at);
            prop_assert!(inside.some || !glob.matches(&child), "some");
            prop_assert!(!inside.all || glob.matches(&child), "all");
            // Of the names of one or two letters that a part of two pieces can be, it is one.
            let all = ["a", "b", "aa", "ab", "ba", "bb"];
            let one = all.iter().any(|name| glob.matches(&path(&format!("{at}/{name}"))));
            prop_assert_eq!(inside.some, one);
        }

        #[test]
        fn any_text_is_a_pattern_or_an_error(text in "\\PC{0,40}", at in "/[ab/]{0,9}") {
            if let Ok(glob) = text.parse::<Glob>() {
                glob.matches(&path(&at));
            }
        }
    }
}
