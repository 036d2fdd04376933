//! Words of zone text (RFC 1035 §5.1), each with where it stands.

use std::borrow::Cow;
use std::fmt;

use super::name::unescape;

/// Splits zone text into entries, and these into words, without copying any.
///
/// Spaces, comments, parentheses and the line ends between them are passed over.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    /// The parenthesis that is open.
    open: Option<(usize, u32)>,
    params: bool,
}

/// A word of zone text.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// Its octets, with escapes, and without the quotes around them.
    pub text: &'a [u8],
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// Where it begins.
    pub at: Spot,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// How many octets are before it.
    pub offset: usize,
    /// The line, from 1.
    pub line: u32,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: Spot,
    /// What, in words.
    pub what: Cow<'static, str>,
}

const ORDINARY: u8 = 0;
const BREAK: u8 = 1;
const ESCAPE: u8 = 2;
const CONTROL: u8 = 3;

/// What each octet is within a word.
static KINDS: [u8; 256] = {
    let mut kinds = [ORDINARY; 256];
    let mut octet = 0;
    while octet < 0x20 {
        kinds[octet] = CONTROL;
        octet += 1;
    }
    kinds[0x7f] = CONTROL;
    let breaks = b" \t\r\n;()\"";
    octet = 0;
    while octet < breaks.len() {
        kinds[breaks[octet] as usize] = BREAK;
        octet += 1;
    }
    kinds[b'\\' as usize] = ESCAPE;
    kinds
};

impl<'a> Lexer<'a> {
    /// The first entry of `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, line: 1, open: None, params: false }
    }

    /// The next word of the entry, or `None` at its end.
    ///
    /// # Errors
    /// If parentheses, quotes or escapes are not as they must be. The next call goes on behind.
    pub fn word(&mut self) -> Result<Option<Word<'a>>, Fault> {
        loop {
            let Some(&octet) = self.text.get(self.at) else {
                return match self.open.take() {
                    Some((offset, line)) => {
                        Err(Spot { offset, line }.fault("this parenthesis is not closed"))
                    }
                    None => Ok(None),
                };
            };
            match octet {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' if self.open.is_none() => return Ok(None),
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                }
                b';' => self.skip_line(),
                b'(' => {
                    let here = self.spot();
                    self.at += 1;
                    if self.open.is_some() {
                        return Err(here.fault("a parenthesis within parentheses"));
                    }
                    self.open = Some((here.offset, here.line));
                }
                b')' => {
                    let here = self.spot();
                    self.at += 1;
                    if self.open.take().is_none() {
                        return Err(here.fault("this parenthesis was not opened"));
                    }
                }
                b'"' => return self.quoted().map(Some),
                _ => return self.bare().map(Some),
            }
        }
    }

    /// The next word of the entry.
    ///
    /// # Errors
    /// If there is none, `what` was expected; and as [`word`](Self::word).
    pub fn need(&mut self, what: &'static str) -> Result<Word<'a>, Fault> {
        match self.word()? {
            Some(word) => Ok(word),
            None => Err(self.spot().fault(format!("{what} is missing here"))),
        }
    }

    /// Checks that the entry has no more words.
    ///
    /// # Errors
    /// If it has.
    pub fn end(&mut self) -> Result<(), Fault> {
        match self.word()? {
            Some(word) => Err(word.at.fault("the entry should have ended before this")),
            None => Ok(()),
        }
    }

    /// Passes over the rest of the entry, and gives each fault in it to `tell`.
    pub fn skip(&mut self, mut tell: impl FnMut(Fault)) {
        loop {
            match self.word() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(fault) => tell(fault),
            }
        }
    }

    /// Goes from the end of an entry to the start of the next; false if there is none.
    pub fn advance(&mut self) -> bool {
        if self.at < self.text.len() {
            self.at += 1;
            self.line += 1;
        }
        self.at < self.text.len()
    }

    /// Whether there is a space here.
    pub fn at_space(&self) -> bool {
        matches!(self.text.get(self.at), Some(b' ' | b'\t'))
    }

    /// Where the lexer is.
    pub fn spot(&self) -> Spot {
        Spot { offset: self.at, line: self.line }
    }

    /// Takes quotes behind an equals sign as part of a word, as service parameters have them (RFC 9460 §2.1), until
    /// told otherwise.
    pub fn keep_params(&mut self, params: bool) {
        self.params = params;
    }

    fn skip_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn quoted(&mut self) -> Result<Word<'a>, Fault> {
        let at = self.spot();
        let text = self.text.get(self.at + 1..).unwrap_or_default();
        match closing(text) {
            Some(length) => {
                self.at += length + 2;
                Ok(Word { text: text.get(..length).unwrap_or_default(), quoted: true, at })
            }
            None => {
                self.skip_line();
                Err(at.fault("this quote is not closed on its line"))
            }
        }
    }

    fn bare(&mut self) -> Result<Word<'a>, Fault> {
        let at = self.spot();
        let mut end = self.at;
        let mut fault = None;
        while let Some(&octet) = self.text.get(end) {
            match KINDS[usize::from(octet)] {
                ORDINARY => end += 1,
                BREAK if octet == b'"' && self.params && self.text.get(end - 1) == Some(&b'=') => {
                    let Some(length) = closing(self.text.get(end + 1..).unwrap_or_default()) else {
                        self.at = end;
                        self.skip_line();
                        return Err(Spot { offset: end, ..at }.fault("this quote is not closed on its line"));
                    };
                    end += length + 2;
                }
                BREAK => break,
                ESCAPE if matches!(self.text.get(end + 1), None | Some(b'\r' | b'\n')) => {
                    fault = Some(Spot { offset: end, ..at }.fault("a backslash at the end of the line"));
                    end += 1;
                }
                ESCAPE => end += 2,
                _ => {
                    fault = Some(Spot { offset: end, ..at }.fault("a control character"));
                    end += 1;
                }
            }
        }
        self.at = end;
        match fault {
            Some(fault) => Err(fault),
            None => Ok(Word { text: self.text.get(at.offset..end).unwrap_or_default(), quoted: false, at }),
        }
    }
}

/// How many octets are before the closing quote, if it is on the same line.
fn closing(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr3(b'"', b'\\', b'\n', text.get(at..)?)?;
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' if text.get(at + 1) != Some(&b'\n') => at += 2,
            _ => return None,
        }
    }
}

impl Word<'_> {
    /// This word is wrong.
    pub fn fault(&self, what: impl Into<Cow<'static, str>>) -> Fault {
        self.at.fault(what)
    }

    /// Adds the octets that the word means to `out`.
    ///
    /// # Errors
    /// If an escape is not as it must be.
    pub fn unescape(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut rest = self.text;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let (before, after) = rest.split_at(at);
            out.extend_from_slice(before);
            rest = after.get(1..).unwrap_or_default();
            let offset = self.at.offset + usize::from(self.quoted) + self.text.len() - rest.len() - 1;
            let octet = unescape(&mut rest);
            out.push(octet.ok_or_else(|| {
                let at = Spot { offset, ..self.at };
                at.fault("a backslash needs a character, or three digits up to 255, after it")
            })?);
        }
        out.extend_from_slice(rest);
        Ok(())
    }
}

impl Spot {
    /// What is wrong here.
    pub fn fault(self, what: impl Into<Cow<'static, str>>) -> Fault {
        Fault { at: self, what: what.into() }
    }

    /// The column, from 1, in characters of `text`.
    pub fn column(self, text: &[u8]) -> u32 {
        let before = text.get(..self.offset).unwrap_or(text);
        let line = before.get(memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)..).unwrap_or_default();
        // What continues a character of UTF-8 is not one.
        let characters = line.iter().filter(|&&octet| octet & 0xc0 != 0x80).count();
        u32::try_from(characters).unwrap_or(u32::MAX).saturating_add(1)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut lexer = Lexer::new(text.as_bytes());
        let mut all = Vec::new();
        loop {
            match lexer.word() {
                Ok(Some(word)) => all.push(String::from_utf8(word.text.to_vec()).unwrap()),
                Ok(None) if lexer.advance() => all.push("/".to_owned()),
                Ok(None) => return all,
                Err(fault) => all.push(format!("!{}:{}", fault.at.line, fault.at.column(text.as_bytes()))),
            }
        }
    }

    #[test]
    fn entries_are_lines_but_for_parentheses() {
        assert_eq!(words("a b ; c\n\td (e ; f\n g)h\r\ni"), ["a", "b", "/", "d", "e", "g", "h", "/", "i"]);
    }

    #[test]
    fn quotes_and_escapes_hide_what_separates() {
        assert_eq!(
            words(r#"a\ b "c ;(d" "" e\;f "g\"h""i""#),
            [r"a\ b", "c ;(d", "", r"e\;f", r#"g\"h"#, "i"]
        );
        assert_eq!(words("alpn=\"a b\""), ["alpn=", "a b"]);
        let mut lexer = Lexer::new(b"alpn=\"a b\" x");
        lexer.keep_params(true);
        assert_eq!(lexer.word().unwrap().unwrap().text, b"alpn=\"a b\"");
        assert_eq!(lexer.word().unwrap().unwrap().text, b"x");
    }

    #[test]
    fn faults_have_their_place_and_do_not_stop() {
        assert_eq!(words("a \"b\nc"), ["a", "!1:3", "/", "c"]);
        assert_eq!(words("a \"b\\\nc"), ["a", "!1:3", "/", "c"]);
        assert_eq!(words("a )\nb"), ["a", "!1:3", "/", "b"]);
        assert_eq!(words("a\n (b\n(c)"), ["a", "/", "b", "!3:1", "c"]);
        assert_eq!(words("a\n (b\nc"), ["a", "/", "b", "c", "!2:2"]);
        assert_eq!(words("\u{e9} a\\\nb"), ["\u{e9}", "!1:4", "/", "b"]);
        assert_eq!(words("a\u{1}b c"), ["!1:2", "c"]);
    }

    #[test]
    fn a_wrong_escape_is_told_where_it_is() {
        for (text, column) in [(r#""ab\999""#, 4), (r"a\25", 2), (r"a\2x4b", 2)] {
            let word = Lexer::new(text.as_bytes()).word().unwrap().unwrap();
            let fault = word.unescape(&mut Vec::new()).unwrap_err();
            assert_eq!(fault.at.column(text.as_bytes()), column, "{text}");
        }
    }
}
