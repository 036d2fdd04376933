//! Why a WebSocket ends (RFC 6455 §7).

use std::fmt;

use super::frame::CONTROL;

/// A status code of a Close frame (RFC 6455 §7.4): only those that may be on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// What it was opened for is done.
    pub const NORMAL: Self = Self(1000);
    /// The server stops, or the page is left.
    pub const AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// Data of a kind that is not taken, such as binary where text is spoken.
    pub const UNSUPPORTED: Self = Self(1003);
    /// Data that is not what it says, such as text that is not UTF-8.
    pub const INVALID: Self = Self(1007);
    /// A message that is not allowed.
    pub const POLICY: Self = Self(1008);
    /// A message too large.
    pub const TOO_LARGE: Self = Self(1009);
    /// Something went wrong in the server.
    pub const INTERNAL: Self = Self(1011);

    /// This code, if it may be on the wire: those that are registered, and those from 3000 to 4999 for
    /// libraries and applications. 1005, 1006 and 1015 stand for what no frame says.
    pub fn new(code: u16) -> Option<Self> {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(Self(code))
    }

    /// The number.
    pub fn as_u16(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a Close frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Close {
    /// The code; a peer need not give one.
    pub code: Option<CloseCode>,
    /// For people who read logs; often empty.
    pub reason: String,
}

/// How a peer broke the protocol, and the code that it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) code: CloseCode,
    pub(super) what: &'static str,
}

impl Violation {
    pub(super) fn new(code: CloseCode, what: &'static str) -> Self {
        Self { code, what }
    }
}

/// Most that is wrong is an error of the protocol.
impl From<&'static str> for Violation {
    fn from(what: &'static str) -> Self {
        Self::new(CloseCode::PROTOCOL, what)
    }
}

impl Close {
    /// What a payload of a Close frame says (RFC 6455 §5.5.1).
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Violation> {
        if payload.is_empty() {
            return Ok(Self::default());
        }
        let (code, reason) = payload.split_first_chunk().ok_or("half a close code")?;
        let code = CloseCode::new(u16::from_be_bytes(*code)).ok_or("close code out of place")?;
        let reason = std::str::from_utf8(reason)
            .map_err(|_| Violation::new(CloseCode::INVALID, "close reason not in UTF-8"))?;
        Ok(Self { code: Some(code), reason: reason.to_owned() })
    }

    /// The payload that says a code and as much of a reason as has room.
    pub(super) fn payload(code: CloseCode, reason: &str) -> Vec<u8> {
        let end = reason.floor_char_boundary(CONTROL - 2);
        [&code.0.to_be_bytes(), reason.as_bytes().get(..end).unwrap_or_default()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_for_the_wire_are_codes() {
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1014, 3000, 3999, 4000, 4999]
        {
            assert_eq!(CloseCode::new(code).map(CloseCode::as_u16), Some(code));
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert_eq!(CloseCode::new(code), None, "{code}");
            let error = Close::parse(&code.to_be_bytes()).unwrap_err();
            assert_eq!(error.code, CloseCode::PROTOCOL, "{code}");
        }
    }

    #[test]
    fn a_payload_is_nothing_or_a_code_and_a_reason_in_utf_8() {
        assert_eq!(Close::parse(b""), Ok(Close::default()));
        let close = Close::parse(b"\x03\xe8bye").unwrap();
        assert_eq!((close.code, close.reason.as_str()), (Some(CloseCode::NORMAL), "bye"));
        assert_eq!(Close::parse(b"\x03").unwrap_err().code, CloseCode::PROTOCOL);
        assert_eq!(Close::parse(b"\x03\xe8\xce").unwrap_err().code, CloseCode::INVALID);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let payload = Close::payload(CloseCode::NORMAL, &"é".repeat(100));
        assert_eq!(payload.len(), 124);
        assert_eq!(Close::parse(&payload).unwrap().reason, "é".repeat(61));
    }
}
