use std::fmt;

use super::{MAX_LABEL, MAX_NAME, NameError, NameRef};

/// The most pointers that are followed for one name: as many as it can have labels.
const MAX_HOPS: usize = 127;
/// The octets of a message's header, which no name can be in.
const HEADER: usize = 12;

/// Room on the stack for one name, to be filled again and again without allocation.
#[derive(Clone)]
pub struct NameBuf {
    octets: [u8; MAX_NAME],
    length: usize,
}

impl NameBuf {
    /// The root.
    pub fn new() -> Self {
        Self { octets: [0; MAX_NAME], length: 0 }
    }

    /// The name in it.
    pub fn view(&self) -> NameRef<'_> {
        match self.octets.get(..self.length) {
            Some(wire @ [_, ..]) => NameRef(wire),
            _ => NameRef::ROOT,
        }
    }

    /// Takes in `name`.
    pub fn set(&mut self, name: NameRef<'_>) {
        self.length = 0;
        // Neither can be too long.
        let _ = self.append(name.wire());
    }

    /// Makes all letters small.
    pub fn make_lower(&mut self) {
        self.octets.make_ascii_lowercase();
    }

    /// Reads the name at `pos` in a message, following compression pointers (RFC 1035 §4.1.4); `pos` is then after
    /// it. A pointer must point before the labels that it continues and not into the header, so that no two can
    /// make a circle.
    ///
    /// # Errors
    /// If there is none; `pos` is then unchanged.
    pub fn read(&mut self, message: &[u8], pos: &mut usize) -> Result<(), NameError> {
        self.length = 0;
        let (mut at, mut start, mut end) = (*pos, *pos, None);
        for _ in 0..=MAX_HOPS {
            let length = loop {
                let length = usize::from(*message.get(at).ok_or(NameError::Truncated)?);
                match length {
                    0..=MAX_LABEL => {}
                    0xc0.. => break length,
                    _ => return Err(NameError::BadLabelType),
                }
                let next = at + 1 + length;
                self.append(message.get(at..next).ok_or(NameError::Truncated)?)?;
                at = next;
                if length == 0 {
                    *pos = end.unwrap_or(at);
                    return Ok(());
                }
            };
            let low = usize::from(*message.get(at + 1).ok_or(NameError::Truncated)?);
            let target = (length & 0x3f) << 8 | low;
            if target >= start || target < HEADER {
                return Err(NameError::BadPointer);
            }
            end.get_or_insert(at + 2);
            (at, start) = (target, target);
        }
        Err(NameError::BadPointer)
    }

    /// Takes in the name that `text` is, with escapes (RFC 1035 §5.1); one without a final dot is completed by
    /// `origin`.
    ///
    /// # Errors
    /// If it is not a name.
    pub fn parse(&mut self, text: &[u8], origin: Option<NameRef<'_>>) -> Result<(), NameError> {
        self.length = 0;
        if text == b"." {
            return self.finish(NameRef::ROOT);
        }
        // `start` is where the length of the label goes, `at` where its next octet does.
        let (mut start, mut at, mut rest) = (0, 1, text);
        while let Some((&octet, after)) = rest.split_first() {
            rest = after;
            let octet = match octet {
                b'.' => {
                    self.close(start, at)?;
                    start = at;
                    at += 1;
                    continue;
                }
                b'\\' => unescape(&mut rest).ok_or(NameError::BadEscape)?,
                _ => octet,
            };
            *self.octets.get_mut(at).ok_or(NameError::NameTooLong)? = octet;
            at += 1;
        }
        if at == start + 1 && start > 0 {
            return self.finish(NameRef::ROOT);
        }
        self.close(start, at)?;
        self.finish(origin.ok_or(NameError::Relative)?)
    }

    /// Adds a label at the end; [`finish`](Self::finish) must follow.
    ///
    /// # Errors
    /// If it is empty or too long, or the name becomes so.
    pub fn push(&mut self, label: &[u8]) -> Result<(), NameError> {
        let (start, at) = (self.length, self.length + 1 + label.len());
        self.octets.get_mut(start + 1..at).ok_or(NameError::NameTooLong)?.copy_from_slice(label);
        self.close(start, at)
    }

    /// Adds the rest of the name, which ends in the root.
    ///
    /// # Errors
    /// If the name becomes too long.
    pub fn finish(&mut self, rest: NameRef<'_>) -> Result<(), NameError> {
        self.append(rest.wire())
    }

    /// Ends the label whose octets are from `start` + 1 to `at`.
    fn close(&mut self, start: usize, at: usize) -> Result<(), NameError> {
        let length = at - start - 1;
        match length {
            0 => return Err(NameError::EmptyLabel),
            1..=MAX_LABEL => {}
            _ => return Err(NameError::LabelTooLong),
        }
        *self.octets.get_mut(start).ok_or(NameError::NameTooLong)? = length as u8;
        self.length = at;
        Ok(())
    }

    fn append(&mut self, octets: &[u8]) -> Result<(), NameError> {
        let end = self.length + octets.len();
        self.octets.get_mut(self.length..end).ok_or(NameError::NameTooLong)?.copy_from_slice(octets);
        self.length = end;
        Ok(())
    }
}

/// The octet that is escaped at the start of `rest`, after the backslash: a character, or three digits.
pub(crate) fn unescape(rest: &mut &[u8]) -> Option<u8> {
    let (&first, after) = rest.split_first()?;
    if !first.is_ascii_digit() {
        *rest = after;
        return Some(first);
    }
    let (digits, after) = rest.split_at_checked(3)?;
    let value = digits.iter().try_fold(0u16, |value, digit| {
        digit.is_ascii_digit().then(|| value * 10 + u16::from(digit - b'0'))
    })?;
    *rest = after;
    u8::try_from(value).ok()
}

impl Default for NameBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.view(), f)
    }
}
