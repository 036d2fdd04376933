//! Frames, to be written with every field under control, and read without judging them: RFC 6455 §5.2.

use bytes::Buf;

pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xa;

/// What a client masks with unless a case says otherwise.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame to be written: as a client would, final and masked, unless it is told otherwise.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    first: u8,
    key: Option<[u8; 4]>,
    length: Length,
    payload: Vec<u8>,
}

/// How the length of the payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// In as few octets as possible.
    Minimal,
    /// In two octets behind the head.
    In16,
    /// In eight octets behind the head.
    In64,
    /// In eight octets, and not as it is.
    Says(u64),
}

impl Frame {
    pub(super) fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Self {
        let payload = payload.as_ref().to_vec();
        Self { first: 0x80 | opcode, key: Some(KEY), length: Length::Minimal, payload }
    }

    pub(super) fn text(text: impl AsRef<[u8]>) -> Self {
        Self::new(TEXT, text)
    }

    pub(super) fn binary(payload: impl AsRef<[u8]>) -> Self {
        Self::new(BINARY, payload)
    }

    /// The next fragment of a message.
    pub(super) fn next(payload: impl AsRef<[u8]>) -> Self {
        Self::new(CONTINUATION, payload)
    }

    pub(super) fn ping(payload: impl AsRef<[u8]>) -> Self {
        Self::new(PING, payload)
    }

    pub(super) fn pong(payload: impl AsRef<[u8]>) -> Self {
        Self::new(PONG, payload)
    }

    pub(super) fn close(code: u16, reason: impl AsRef<[u8]>) -> Self {
        Self::new(CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
    }

    /// Not the last of its message.
    pub(super) fn unfinished(mut self) -> Self {
        self.first &= 0x7f;
        self
    }

    /// With these of the three reserved bits: 4 is RSV1, 1 is RSV3.
    pub(super) fn reserved(mut self, bits: u8) -> Self {
        self.first |= (bits & 7) << 4;
        self
    }

    pub(super) fn masked_by(mut self, key: [u8; 4]) -> Self {
        self.key = Some(key);
        self
    }

    pub(super) fn unmasked(mut self) -> Self {
        self.key = None;
        self
    }

    pub(super) fn length(mut self, length: Length) -> Self {
        self.length = length;
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let masked = if self.key.is_some() { 0x80 } else { 0 };
        let octets = self.payload.len() as u64;
        let mut bytes = vec![self.first];
        match (self.length, octets) {
            (Length::Says(octets), _) | (Length::In64, octets) | (Length::Minimal, octets @ 0x1_0000..) => {
                bytes.push(masked | 127);
                bytes.extend(octets.to_be_bytes());
            }
            (Length::In16, octets) | (Length::Minimal, octets @ 126..) => {
                bytes.push(masked | 126);
                bytes.extend((octets as u16).to_be_bytes());
            }
            (Length::Minimal, octets) => bytes.push(masked | octets as u8),
        }
        bytes.extend(self.key.unwrap_or_default().iter().take(if self.key.is_some() { 4 } else { 0 }));
        let from = bytes.len();
        bytes.extend_from_slice(&self.payload);
        if let (Some(key), Some(payload)) = (self.key, bytes.get_mut(from..)) {
            mask(key, payload);
        }
        bytes
    }
}

/// The frames one behind the other, for one write.
pub(super) fn joined(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        bytes.extend_from_slice(&frame.bytes());
    }
    bytes
}

/// Masks, or unmasks: RFC 6455 §5.3.
pub(super) fn mask(key: [u8; 4], payload: &mut [u8]) {
    for four in payload.chunks_mut(key.len()) {
        for (octet, key) in four.iter_mut().zip(key) {
            *octet ^= key;
        }
    }
}

/// The head of a frame as it came, judged by nobody yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) last: bool,
    pub(super) reserved: u8,
    pub(super) opcode: u8,
    pub(super) key: Option<[u8; 4]>,
    pub(super) length: u64,
    /// In how many octets behind the first two the length stands.
    pub(super) width: usize,
    /// How long the head itself is.
    pub(super) octets: usize,
}

impl Head {
    /// The head at the front of these bytes, if it is there whole.
    pub(super) fn at_front(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let (first, second) = (rest.try_get_u8().ok()?, rest.try_get_u8().ok()?);
        let (width, length) = match second & 0x7f {
            126 => (2, rest.try_get_u16().ok()?.into()),
            127 => (8, rest.try_get_u64().ok()?),
            short => (0, short.into()),
        };
        let key = if second & 0x80 == 0 { None } else { Some(rest.try_get_u32().ok()?.to_be_bytes()) };
        Some(Self {
            last: first & 0x80 != 0,
            reserved: first >> 4 & 7,
            opcode: first & 0xf,
            key,
            length,
            width,
            octets: bytes.len() - rest.len(),
        })
    }

    pub(super) fn is_control(&self) -> bool {
        self.opcode & 8 != 0
    }

    /// Whether the length stands in as few octets as possible.
    pub(super) fn is_minimal(&self) -> bool {
        match self.width {
            0 => true,
            2 => self.length > 125,
            _ => self.length > 0xffff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_as_in_the_examples_of_the_document() {
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(Frame::text("Hello").bytes(), hello);
        assert_eq!(Frame::text("Hel").unmasked().unfinished().bytes(), b"\x01\x03Hel");
        assert_eq!(Frame::next("lo").unmasked().bytes(), b"\x80\x02lo");
        assert_eq!(Frame::binary([0; 256]).unmasked().bytes()[..4], [0x82, 0x7e, 1, 0]);
        assert_eq!(Frame::binary([0; 65536]).unmasked().bytes()[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        for length in [Length::Minimal, Length::In16, Length::In64, Length::Says(1 << 63)] {
            let bytes = Frame::ping("abc").unfinished().reserved(5).length(length).bytes();
            let head = Head::at_front(&bytes).unwrap();
            assert_eq!((head.last, head.reserved, head.opcode, head.key), (false, 5, PING, Some(KEY)));
            assert_eq!(head.is_minimal(), matches!(length, Length::Minimal | Length::Says(_)));
            assert_eq!(head.length, if length == Length::Says(1 << 63) { 1 << 63 } else { 3 });
            assert!((0..head.octets).all(|octets| Head::at_front(&bytes[..octets]).is_none()));
        }
    }
}
