use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::prepare_name;

/// The name of a user or a group, fit to be shown, logged and made a directory of.
///
/// It is 1 to 255 octets of UTF-8 without control characters, white space, invisible or direction-changing
/// characters, `/` and `:`, and is not `.` or `..`. It is prepared by SASLprep (RFC 4013), as what a client says is by
/// [`prepare_name`]: so a name that is typed with other code points for the same letters is the same. Two names are the
/// same if their octets are then.
///
/// Of the `UsernameCasePreserved` profile (RFC 8265 §3.4) this keeps that case is preserved, that a name is not
/// empty, and, for ASCII, exactly the characters of PRECIS' IdentifierClass (RFC 8264) less `/` and `:`.
/// It does not consult the class of each non-ASCII character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Octets of the longest name.
    pub const LONGEST: usize = 255;

    /// The name of a guest.
    pub(super) fn anonymous() -> Self {
        Self("anonymous".into())
    }

    /// A name for somebody: none that stands for others where people are named.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_person(text: &str) -> Result<Self, InvalidName> {
        let name: Self = text.parse()?;
        if name.as_str() == "*" || name.as_str().starts_with('@') {
            return Err(InvalidName("`*` and what begins with `@` stand for several people in rules"));
        }
        if GUESTS.iter().any(|guest| guest.eq_ignore_ascii_case(name.as_str())) {
            return Err(InvalidName("`anonymous` and `ftp` are what guests call themselves"));
        }
        Ok(name)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What guests call themselves (RFC 1635), in any case.
pub(super) const GUESTS: [&str; 2] = ["anonymous", "ftp"];

/// Whether a character may stand in a name.
fn is_allowed(c: char) -> bool {
    match c {
        '/' | ':' => false,
        // Invisible: soft hyphen, joiners, direction marks and overrides, byte order mark, fillers, tags.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => false,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => false,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' => false,
        '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}' => false,
        // Private use; characters that will never be.
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. | '\u{fdd0}'..='\u{fdef}' => false,
        _ => !c.is_control() && !c.is_whitespace() && u32::from(c) & 0xfffe != 0xfffe,
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.is_empty() || text.len() > Self::LONGEST {
            return Err(InvalidName("a name is 1 to 255 octets long"));
        }
        let name = prepare_name(text);
        if name.len() > Self::LONGEST {
            return Err(InvalidName("a name is 1 to 255 octets long"));
        }
        if [".", ".."].contains(&&*name) {
            return Err(InvalidName("a name is not \".\" or \"..\""));
        }
        // What was there before too: what vanishes would deceive whoever reads it.
        if !text.chars().chain(name.chars()).all(is_allowed) {
            return Err(InvalidName(
                "a name has no spaces, no control or invisible characters, no \"/\" or \":\"",
            ));
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Lets a map of names be asked with what the peer sent.
impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a text is no [`Name`]. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidName(&'static str);

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidName {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_are_names() {
        for name in ["ann", "Ann", "ann.lee", "ann@example.org", "jürgen", "田中", "...", "-x", "a\\b"] {
            assert_eq!(name.parse::<Name>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn case_makes_a_difference() {
        assert_ne!("Ann".parse::<Name>().unwrap(), "ann".parse::<Name>().unwrap());
    }

    #[test]
    fn what_could_deceive_is_no_name() {
        let deceivers = [
            "",
            ".",
            "..",
            "a/b",
            "/",
            "a:b",
            "a b",
            " a",
            "a\0",
            "a\r\nb",
            "a\u{85}",
            "a\u{a0}",
            "a\u{202e}b",
            "a\u{200b}",
            "a\u{ad}",
            "\u{feff}a",
            "a\u{e0041}",
            "a\u{3164}",
            "a\u{ffff}",
            "a\u{1fffe}",
            "\u{e000}",
        ];
        for text in deceivers {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_the_same_however_a_keyboard_makes_it() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert_eq!(name("ju\u{308}rgen"), name("j\u{fc}rgen"));
        assert_eq!(name("ｊürgen").as_str(), "jürgen");
        // These would be others: ".", "a/b".
        assert!("\u{ff0e}".parse::<Name>().is_err() && "a\u{ff0f}b".parse::<Name>().is_err());
    }

    #[test]
    fn what_stands_for_others_is_nobodys_name() {
        for text in ["*", "@staff", "＊", "＠staff", "anonymous", "Anonymous", "ftp", "FTP", "ｆtp"] {
            assert!(text.parse::<Name>().is_ok() && Name::of_person(text).is_err(), "{text}");
        }
        for text in ["ann@example.org", "a*", "ftpuser", "anonymous2"] {
            assert_eq!(Name::of_person(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn length_is_counted_in_octets() {
        assert!("a".repeat(255).parse::<Name>().is_ok());
        assert!("a".repeat(256).parse::<Name>().is_err());
        assert!("ü".repeat(128).parse::<Name>().is_err());
    }

    proptest! {
        #[test]
        fn a_name_is_one_harmless_path_part(text in "\\PC{0,40}|.{0,40}|[./:a ]{0,5}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.as_str(), prepare_name(&text));
                prop_assert_eq!(name.as_str().parse::<Name>(), Ok(name.clone()));
                let path = std::path::Path::new(name.as_str());
                let parts: Vec<_> = path.components().collect();
                prop_assert!(matches!(parts.as_slice(), [std::path::Component::Normal(part)] if *part == name.as_str()));
                prop_assert!(!name.as_str().chars().any(|c| c.is_control() || c.is_whitespace()));
            }
        }

        #[test]
        fn visible_ascii_is_allowed_but_slash_and_colon(text in "[!-.0-9;-~]{3,40}") {
            prop_assert!(text.parse::<Name>().is_ok());
        }
    }
}
