use bytes::{Buf as _, Bytes, BytesMut};

use crate::Error;

/// Frames behind their length: a number of one, two or four octets, the greatest first, that does not
/// count itself. DNS over TCP is `u16` (RFC 1035 §4.2.2).
///
/// A frame may be longer than the buffer it comes through. Memory grows with what has come, never with what was announced.
#[derive(Clone, Debug)]
pub struct Frames {
    width: usize,
    max: usize,
    partial: Partial,
}

/// Netstrings: `5:hello,`. Strict: a length has no leading zero and no sign, and the comma must be there.
#[derive(Clone, Debug)]
pub struct Netstrings {
    max: usize,
    partial: Partial,
    broken: bool,
}

/// Why a frame was refused. Where the next one begins is not known: close. Asking again gives the error again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameError {
    /// No comma behind a netstring.
    NoComma,
    /// No length where there must be one.
    NoLength,
    /// More octets than the maximum, or than the length can say.
    TooLong,
}

impl Frames {
    /// Lengths of one octet: at most 255.
    pub fn u8(max: usize) -> Self {
        Self::of(1, max.min(u8::MAX.into()))
    }

    /// Lengths of two octets: at most 65,535.
    pub fn u16(max: usize) -> Self {
        Self::of(2, max.min(u16::MAX.into()))
    }

    /// Lengths of four octets.
    pub fn u32(max: usize) -> Self {
        Self::of(4, max.min(usize::try_from(u32::MAX).unwrap_or(usize::MAX)))
    }

    fn of(width: usize, max: usize) -> Self {
        Self { width, max, partial: Partial::default() }
    }

    /// The next whole frame; `None` until it is there.
    ///
    /// # Errors
    /// [`FrameError::TooLong`], as soon as the length says so.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        if self.partial.whole.is_none() {
            let Some(length) = input.get(..self.width) else { return Ok(None) };
            let length = length.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet));
            if length > self.max {
                return Err(FrameError::TooLong);
            }
            input.advance(self.width);
            self.partial.whole = Some(length);
        }
        Ok(self.partial.take(input))
    }

    /// Appends a frame to `out`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`]; nothing was appended.
    pub fn encode(&self, frame: &[u8], out: &mut BytesMut) -> Result<(), FrameError> {
        if frame.len() > self.max {
            return Err(FrameError::TooLong);
        }
        let length = (frame.len() as u64).to_be_bytes();
        out.extend_from_slice(length.get(length.len() - self.width..).unwrap_or_default());
        out.extend_from_slice(frame);
        Ok(())
    }
}

impl Netstrings {
    /// Strings of at most `max` octets.
    pub fn new(max: usize) -> Self {
        // So that a length can be counted without overflow.
        Self { max: max.min(usize::MAX / 100), partial: Partial::default(), broken: false }
    }

    /// The next whole string; `None` until it and its comma are there.
    ///
    /// # Errors
    /// As soon as something is wrong.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        if self.broken {
            return Err(FrameError::NoComma);
        }
        if self.partial.whole.is_none() {
            let Some((length, octets)) = self.length(input)? else { return Ok(None) };
            input.advance(octets);
            // The comma is fetched along, so that a string without one is never given.
            self.partial.whole = Some(length + 1);
        }
        let Some(mut string) = self.partial.take(input) else { return Ok(None) };
        if string.last() == Some(&b',') {
            string.truncate(string.len() - 1);
            return Ok(Some(string));
        }
        self.broken = true;
        Err(FrameError::NoComma)
    }

    /// The length, and how many octets it and its colon take.
    fn length(&self, input: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
        let mut length = 0_usize;
        for (index, octet) in input.iter().enumerate() {
            match octet {
                b':' if index > 0 => return Ok(Some((length, index + 1))),
                // Behind a leading zero comes the colon.
                b'0'..=b'9' if index == 1 && length == 0 => return Err(FrameError::NoLength),
                b'0'..=b'9' => {
                    length = length * 10 + usize::from(octet - b'0');
                    if length > self.max {
                        return Err(FrameError::TooLong);
                    }
                }
                _ => return Err(FrameError::NoLength),
            }
        }
        Ok(None)
    }

    /// Appends a string to `out`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`]; nothing was appended.
    pub fn encode(&self, string: &[u8], out: &mut BytesMut) -> Result<(), FrameError> {
        if string.len() > self.max {
            return Err(FrameError::TooLong);
        }
        out.extend_from_slice(format!("{}:", string.len()).as_bytes());
        out.extend_from_slice(string);
        out.extend_from_slice(b",");
        Ok(())
    }
}

/// A frame whose length is known.
#[derive(Clone, Debug, Default)]
struct Partial {
    whole: Option<usize>,
    have: BytesMut,
}

impl Partial {
    /// Takes what belongs to the frame; the frame, if it is whole. One that is there as a whole is not copied.
    fn take(&mut self, input: &mut BytesMut) -> Option<Bytes> {
        let whole = self.whole?;
        let part = input.split_to(input.len().min(whole - self.have.len()));
        if self.have.is_empty() {
            self.have = part;
        } else {
            self.have.extend_from_slice(&part);
        }
        if self.have.len() < whole {
            return None;
        }
        self.whole = None;
        Some(std::mem::take(&mut self.have).freeze())
    }
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoComma => "no comma behind a netstring",
            Self::NoLength => "no length of a frame",
            Self::TooLong => "frame too long",
        })
    }
}

impl std::error::Error for FrameError {}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLong => Self::limit("message", "frame too long"),
            FrameError::NoComma | FrameError::NoLength => Self::peer("broken frame").caused_by(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testkit::every_chunking;
    use crate::testkit::toy::{Brick, cut};

    /// All frames of an input, and the error that ends it.
    fn frames(input: &[u8], cuts: &[usize], mut brick: impl FnMut(&mut BytesMut) -> Found) -> Vec<Found> {
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for chunk in cut(input, cuts) {
            buffer.extend_from_slice(chunk);
            loop {
                match brick(&mut buffer) {
                    Ok(None) => break,
                    Ok(frame) => found.push(Ok(frame)),
                    Err(error) => {
                        found.push(Err(error));
                        return found;
                    }
                }
            }
        }
        found
    }

    type Found = Result<Option<Bytes>, FrameError>;

    fn naive_u16(mut input: &[u8], max: usize) -> Vec<Found> {
        let mut found = Vec::new();
        while let [high, low, rest @ ..] = input {
            let length = usize::from(*high) * 256 + usize::from(*low);
            if length > max {
                found.push(Err(FrameError::TooLong));
                break;
            }
            let Some(frame) = rest.get(..length) else { break };
            found.push(Ok(Some(Bytes::copy_from_slice(frame))));
            input = &rest[length..];
        }
        found
    }

    fn naive_netstrings(mut input: &[u8], max: usize) -> Vec<Found> {
        let mut found = Vec::new();
        loop {
            let digits = input.iter().take_while(|octet| octet.is_ascii_digit()).count();
            let number = std::str::from_utf8(&input[..digits]).unwrap();
            let ended = input.get(digits);
            // The first thing wrong, from the left.
            let zeros = number.len() > 1 && number.starts_with('0');
            let too_long = !zeros && !number.is_empty() && number.parse::<usize>().map_or(true, |n| n > max);
            let error = if too_long {
                Some(FrameError::TooLong)
            } else if zeros || ended.is_some_and(|octet| *octet != b':' || digits == 0) {
                Some(FrameError::NoLength)
            } else {
                None
            };
            if let Some(error) = error {
                found.push(Err(error));
                return found;
            }
            if ended.is_none() {
                return found;
            }
            let length: usize = number.parse().unwrap();
            let body = &input[digits + 1..];
            match body.get(length) {
                None => return found,
                Some(b',') => found.push(Ok(Some(Bytes::copy_from_slice(&body[..length])))),
                Some(_) => {
                    found.push(Err(FrameError::NoComma));
                    return found;
                }
            }
            input = &body[length + 1..];
        }
    }

    proptest! {
        #[test]
        fn frames_are_those_of_a_naive_reader(
            input in prop::collection::vec(prop_oneof![Just(0_u8), 0..9_u8, any::<u8>()], 0..60),
            cuts in prop::collection::vec(0..60_usize, 0..10),
        ) {
            let mut brick = Frames::u16(300);
            prop_assert_eq!(frames(&input, &cuts, |b| brick.next(b)), naive_u16(&input, 300));
        }

        #[test]
        fn netstrings_are_those_of_a_naive_reader(
            input in "([0-9]{0,3}:?[a,]{0,4},?){0,5}",
            cuts in prop::collection::vec(0..60_usize, 0..10),
        ) {
            let mut brick = Netstrings::new(120);
            let input = input.as_bytes();
            prop_assert_eq!(frames(input, &cuts, |b| brick.next(b)), naive_netstrings(input, 120));
        }

        #[test]
        fn what_was_encoded_is_decoded(
            all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5),
            cuts in prop::collection::vec(0..200_usize, 0..10),
        ) {
            let expected: Vec<Found> = all.iter().map(|one| Ok(Some(one.clone().into()))).collect();
            for mut brick in [Frames::u8(40), Frames::u16(40), Frames::u32(40)] {
                let mut wire = BytesMut::new();
                all.iter().for_each(|one| brick.encode(one, &mut wire).unwrap());
                prop_assert_eq!(&frames(&wire, &cuts, |b| brick.next(b)), &expected);
            }
            let mut brick = Netstrings::new(40);
            let mut wire = BytesMut::new();
            all.iter().for_each(|one| brick.encode(one, &mut wire).unwrap());
            prop_assert_eq!(&frames(&wire, &cuts, |b| brick.next(b)), &expected);
        }
    }

    /// As a machine does that closes on the first error.
    fn until_error<T>(
        mut next: impl FnMut(&mut BytesMut) -> Option<Result<T, FrameError>>,
    ) -> impl FnMut(&mut BytesMut) -> Option<Result<T, FrameError>> {
        let mut broken = false;
        move |input| {
            let found = if broken { None } else { next(input) };
            broken |= matches!(found, Some(Err(_)));
            found
        }
    }

    #[test]
    fn every_chunking_gives_the_same_frames() {
        let frames = |now| {
            let mut frames = Frames::u8(9);
            Brick::new(now, until_error(move |input| frames.next(input).transpose()))
        };
        every_chunking(frames, |_| (), b"\x03abc\x00\x01x\xff").unwrap();
        let netstrings = |now| {
            let mut netstrings = Netstrings::new(9);
            Brick::new(now, until_error(move |input| netstrings.next(input).transpose()))
        };
        for input in [&b"3:abc,0:,1:,,"[..], b"2:ab;1:x,", b"01:a,", b"99:a", b"1a:", b":,", b"0:x"] {
            every_chunking(netstrings, |_| (), input).unwrap();
        }
    }

    #[test]
    fn a_long_frame_is_refused_by_its_length_alone() {
        assert_eq!(Frames::u32(1000).next(&mut b"\xff\xff\xff\xff"[..].into()), Err(FrameError::TooLong));
        assert_eq!(Netstrings::new(99).next(&mut b"100"[..].into()), Err(FrameError::TooLong));
        let mut out = BytesMut::new();
        assert_eq!(Frames::u8(1000).encode(&[0; 256], &mut out), Err(FrameError::TooLong));
        assert_eq!(Netstrings::new(2).encode(b"abc", &mut out), Err(FrameError::TooLong));
        assert!(out.is_empty());
    }

    #[test]
    fn an_announced_length_takes_no_memory() {
        let mut frames = Frames::u32(usize::MAX);
        let mut input = BytesMut::from(&b"\x7f\xff\xff\xffabc"[..]);
        assert_eq!(frames.next(&mut input), Ok(None));
        assert!(frames.partial.have.capacity() < 1024);
        assert!(input.is_empty(), "the frame may be longer than the buffer it comes through");
    }
}
