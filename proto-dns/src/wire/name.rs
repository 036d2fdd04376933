//! Domain names in wire form (RFC 1035 §3.1).

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::str::FromStr;

mod buf;

pub use buf::NameBuf;
pub(crate) use buf::unescape;

/// The most octets of a name, its root label included (RFC 1035 §2.3.4).
pub const MAX_NAME: usize = 255;
/// The most octets of a label (RFC 1035 §2.3.4).
pub const MAX_LABEL: usize = 63;

/// A domain name: its labels in wire form, uncompressed, in the case they were given in.
///
/// Comparison and hash do not regard the case of ASCII letters (RFC 4343 §3), and the order is the canonical one
/// (RFC 4034 §6.1).
#[derive(Clone)]
pub struct Name(Box<[u8]>);

/// A borrowed [`Name`]: cheap to copy, compared and ordered as `Name` is.
#[derive(Clone, Copy)]
pub struct NameRef<'a>(&'a [u8]);

/// Why octets or text are not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The octets end within the name.
    Truncated,
    /// There are octets after the name.
    Trailing,
    /// A label is longer than 63 octets.
    LabelTooLong,
    /// The name is longer than 255 octets.
    NameTooLong,
    /// Two dots follow each other, or the text is empty.
    EmptyLabel,
    /// A backslash is not followed by a character, or by three digits up to 255.
    BadEscape,
    /// The name does not end in a dot, and there is no origin to complete it.
    Relative,
    /// A compression pointer does not point backwards, or where none may be.
    BadPointer,
    /// The two high bits of a label's length are 01 or 10.
    BadLabelType,
}

impl Name {
    /// The root.
    pub fn root() -> Self {
        NameRef::ROOT.to_name()
    }

    /// The name that is `octets`, no more and no less, without compression.
    ///
    /// # Errors
    /// If they are not a name.
    pub fn from_wire(octets: &[u8]) -> Result<Self, NameError> {
        NameRef::from_wire(octets).map(|name| name.to_name())
    }

    /// The name at `pos` in a message; `pos` is then after it. See [`NameBuf::read`].
    ///
    /// # Errors
    /// If there is none; `pos` is then unchanged.
    pub fn read(message: &[u8], pos: &mut usize) -> Result<Self, NameError> {
        let mut name = NameBuf::new();
        name.read(message, pos)?;
        Ok(name.view().to_name())
    }

    /// The name that `text` is, with escapes (RFC 1035 §5.1); one without a final dot is completed by `origin`.
    ///
    /// # Errors
    /// If it is not a name.
    pub fn parse(text: &[u8], origin: Option<NameRef<'_>>) -> Result<Self, NameError> {
        let mut name = NameBuf::new();
        name.parse(text, origin)?;
        Ok(name.view().to_name())
    }

    /// This name, borrowed.
    pub fn view(&self) -> NameRef<'_> {
        NameRef(&self.0)
    }

    /// The wire form.
    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// Makes all letters small.
    pub fn make_lower(&mut self) {
        self.0.make_ascii_lowercase();
    }
}

impl<'a> NameRef<'a> {
    /// The root.
    pub const ROOT: Self = Self(&[0]);

    /// The name that is `octets`, no more and no less, without compression.
    ///
    /// # Errors
    /// If they are not a name.
    pub fn from_wire(octets: &'a [u8]) -> Result<Self, NameError> {
        match Self::split(octets)? {
            (name, []) => Ok(name),
            _ => Err(NameError::Trailing),
        }
    }

    /// The uncompressed name at the start of `octets`, and what follows it.
    ///
    /// # Errors
    /// If there is none.
    pub fn split(octets: &'a [u8]) -> Result<(Self, &'a [u8]), NameError> {
        let mut at = 0;
        loop {
            let length = usize::from(*octets.get(at).ok_or(NameError::Truncated)?);
            match length {
                0 => break,
                1..=MAX_LABEL => at += 1 + length,
                0xc0.. => return Err(NameError::BadPointer),
                _ => return Err(NameError::BadLabelType),
            }
            if at >= MAX_NAME {
                return Err(NameError::NameTooLong);
            }
        }
        let (name, rest) = octets.split_at_checked(at + 1).ok_or(NameError::Truncated)?;
        Ok((Self(name), rest))
    }

    /// The wire form.
    pub fn wire(self) -> &'a [u8] {
        self.0
    }

    /// A name of its own.
    pub fn to_name(self) -> Name {
        Name(self.0.into())
    }

    /// A name of its own, in small letters.
    pub fn to_lower(self) -> Name {
        Name(self.0.to_ascii_lowercase().into())
    }

    /// The labels from left to right, without the root's.
    pub fn labels(self) -> Labels<'a> {
        Labels(self.0)
    }

    /// Whether this is the root.
    pub fn is_root(self) -> bool {
        self.0.len() <= 1
    }

    /// Whether the first label is an asterisk (RFC 4592 §2.1.1).
    pub fn is_wildcard(self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// The name without its first label; the root has none.
    pub fn parent(self) -> Option<Self> {
        let (&length, rest) = self.0.split_first()?;
        if length == 0 {
            return None;
        }
        rest.get(usize::from(length)..).map(Self)
    }

    /// This name, its parent, the parent of that, and so on up to the root.
    pub fn ancestors(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |name| name.parent())
    }

    /// Whether this name is `other` or below it.
    pub fn is_within(self, other: NameRef<'_>) -> bool {
        let mut name = self;
        while name.0.len() > other.0.len() {
            match name.parent() {
                Some(parent) => name = parent,
                None => return false,
            }
        }
        name == other
    }

    /// The name `label.self`.
    ///
    /// # Errors
    /// If the label is empty or too long, or the name becomes too long.
    pub fn child(self, label: &[u8]) -> Result<Name, NameError> {
        let mut name = NameBuf::new();
        name.push(label)?;
        name.finish(self)?;
        Ok(name.view().to_name())
    }

    /// The name `*.self`.
    ///
    /// # Errors
    /// If it becomes too long.
    pub fn wildcard(self) -> Result<Name, NameError> {
        self.child(b"*")
    }

    /// This name with the end `from` replaced by `to`, as DNAME does (RFC 6672 §2.2); `None` if it is not below `from`.
    ///
    /// # Errors
    /// If the new name is too long.
    pub fn redirected(self, from: NameRef<'_>, to: NameRef<'_>) -> Option<Result<Name, NameError>> {
        if self == from || !self.is_within(from) {
            return None;
        }
        let kept = self.0.get(..self.0.len() - from.0.len())?;
        if kept.len() + to.0.len() > MAX_NAME {
            return Some(Err(NameError::NameTooLong));
        }
        Some(Ok(Name([kept, to.0].concat().into())))
    }

    /// Where each label begins, and how many there are.
    fn starts(self) -> ([u8; 128], usize) {
        let (mut starts, mut count, mut at) = ([0; 128], 0, 0_u8);
        for label in self.labels() {
            if let Some(start) = starts.get_mut(count) {
                *start = at;
            }
            count += 1;
            at = at.wrapping_add(label.len() as u8 + 1);
        }
        (starts, count)
    }

    fn label_at(self, start: Option<&u8>) -> &'a [u8] {
        start.and_then(|&start| Labels(self.0.get(usize::from(start)..)?).next()).unwrap_or_default()
    }
}

/// The labels of a name from left to right, without the root's.
#[derive(Clone, Debug)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.split_first()?;
        if length == 0 {
            return None;
        }
        let (label, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(label)
    }
}

impl PartialEq for NameRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        // A length is at most 63, and so never a letter.
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for NameRef<'_> {}

impl Hash for NameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut lower = [0; MAX_NAME];
        if let Some(lower) = lower.get_mut(..self.0.len()) {
            lower.copy_from_slice(self.0);
            lower.make_ascii_lowercase();
            state.write(lower);
        }
    }
}

impl Ord for NameRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((a, count), (b, others)) = (self.starts(), other.starts());
        let mine = a.get(..count).unwrap_or_default().iter().rev();
        let theirs = b.get(..others).unwrap_or_default().iter().rev();
        for (a, b) in mine.zip(theirs) {
            let (a, b) = (self.label_at(Some(a)), other.label_at(Some(b)));
            let order = a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase));
            if order.is_ne() {
                return order;
            }
        }
        count.cmp(&others)
    }
}

impl PartialOrd for NameRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(octet))?
                    }
                    b'!'..=b'~' => f.write_char(char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.view().hash(state);
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.view().cmp(&other.view())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.view(), f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name without a final dot is taken as if it had one.
impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text.as_bytes(), Some(NameRef::ROOT))
    }
}

impl NameError {
    /// What is wrong, in words.
    pub fn message(self) -> &'static str {
        match self {
            Self::Truncated => "a name is cut short",
            Self::Trailing => "there are octets after the name",
            Self::LabelTooLong => "a label is longer than 63 octets",
            Self::NameTooLong => "a name is longer than 255 octets",
            Self::EmptyLabel => "a label is empty",
            Self::BadEscape => "a backslash needs a character, or three digits up to 255, after it",
            Self::Relative => "the name does not end in a dot, and no origin completes it",
            Self::BadPointer => "a compression pointer does not point backwards, or may not be here",
            Self::BadLabelType => "a label is of an unknown type",
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
