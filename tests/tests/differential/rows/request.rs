//! A request as the rows look at it.

use super::grammar::is_chunked;

/// A request taken apart as loosely as can be: a line ends with any LF, a field begins at any colon.
pub(crate) struct Request<'a> {
    /// The head, with its empty line, and what is before it.
    pub(super) head: &'a [u8],
    pub(super) line: &'a [u8],
    fields: Vec<(&'a [u8], &'a [u8])>,
    /// What follows the head.
    pub(super) body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let begin = bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(bytes.len());
        let mut at = begin;
        let mut lines = Vec::new();
        while let Some(end) = bytes[at..].iter().position(|byte| *byte == b'\n') {
            let line = &bytes[at..at + end];
            at += end + 1;
            match line.strip_suffix(b"\r").unwrap_or(line) {
                b"" => break,
                line => lines.push(line),
            }
        }
        let mut lines = lines.into_iter();
        let line = lines.next().unwrap_or_default();
        let colon = |line: &'a [u8]| line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let fields = lines.map(|line| line.split_at(colon(line))).collect();
        Self { head: &bytes[..at], line, fields, body: &bytes[at..] }
    }

    /// What follows the first request, where its content is this long.
    pub(crate) fn rest(&self, octets: usize) -> &'a [u8] {
        let end = self.body.windows(4).position(|it| it == b"\r\n\r\n").map_or(0, |end| end + 4);
        self.body.get(if self.has("transfer-encoding") { end } else { octets }..).unwrap_or_default()
    }

    /// The values of a field, without the whitespace around them.
    pub(super) fn all(&self, name: &str) -> Vec<&'a [u8]> {
        let is = |it: &&(&'a [u8], &'a [u8])| it.0.eq_ignore_ascii_case(name.as_bytes());
        self.fields
            .iter()
            .filter(is)
            .map(|(_, value)| value.get(1..).unwrap_or_default().trim_ascii())
            .collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    pub(super) fn field(&self, fits: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        self.fields.iter().any(|(name, value)| fits(name, value))
    }

    pub(super) fn has_bare_cr(text: &[u8]) -> bool {
        text.windows(2).any(|two| two[0] == b'\r' && two[1] != b'\n')
    }

    pub(super) fn has_bare_lf(text: &[u8]) -> bool {
        text.first() == Some(&b'\n') || text.windows(2).any(|two| two[0] != b'\r' && two[1] == b'\n')
    }

    pub(super) fn is_cut(&self) -> bool {
        !self.head.ends_with(b"\n") || (self.has("transfer-encoding") && !is_chunked(self.body))
    }

    /// What RFC 3986 lets programs read in two ways.
    pub(super) fn has_doubtful_path(&self) -> bool {
        let target = String::from_utf8_lossy(self.target()).to_ascii_lowercase();
        let path = target.split('?').next().unwrap_or_default();
        let bad = path
            .split('%')
            .skip(1)
            .any(|after| !after.as_bytes().get(..2).is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit)));
        let dots = path.replace("%2e", ".").split(['/', '\\']).any(|name| name == "..");
        bad || dots || ["%00", "%2f", "\\"].iter().any(|part| path.contains(part))
    }

    pub(super) fn words(&self) -> Vec<&'a [u8]> {
        self.line.split(|byte| *byte == b' ').collect()
    }

    pub(super) fn method(&self) -> &'a [u8] {
        self.words()[0]
    }

    pub(super) fn target(&self) -> &'a [u8] {
        self.words().get(1).copied().unwrap_or_default()
    }

    pub(super) fn version(&self) -> &'a [u8] {
        self.words().get(2).copied().unwrap_or_default()
    }
}
