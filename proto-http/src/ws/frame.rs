//! Frames (RFC 6455 §5.2), without I/O.

use super::mask::{self, Key};

/// What a frame is. Those from `Close` on are control frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn of(nibble: u8) -> Option<Self> {
        let all = [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong];
        all.into_iter().find(|opcode| *opcode as u8 == nibble)
    }

    pub(super) fn is_control(self) -> bool {
        self >= Self::Close
    }
}

/// Which side of a WebSocket this is: a client masks what it says, and a server does not (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Server,
    Client,
}

/// The most octets of a control frame's payload (RFC 6455 §5.5).
pub(super) const CONTROL: usize = 125;

/// What stands before a frame's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    pub(super) key: Option<Key>,
    /// Octets of the payload, as announced.
    pub(super) octets: u64,
}

impl Head {
    /// The head at the start of what `hearer` heard, and its own octets; `None` while it is not whole. What is wrong
    /// with it is said as soon as it can be seen.
    pub(super) fn parse(input: &[u8], hearer: Role) -> Result<Option<(Self, usize)>, &'static str> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        let fin = first & 0x80 != 0;
        if first & 0x70 != 0 {
            return Err("reserved bit");
        }
        let opcode = Opcode::of(first & 0x0f).ok_or("reserved opcode")?;
        if opcode.is_control() && !fin {
            return Err("control frame in fragments");
        }
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let is_masked = second & 0x80 != 0;
        match hearer {
            Role::Server if !is_masked => return Err("frame without a mask"),
            Role::Client if is_masked => return Err("frame with a mask"),
            _ => {}
        }
        let (octets, rest) = match second & 0x7f {
            126.. if opcode.is_control() => return Err("control frame too long"),
            126 => match rest.split_first_chunk() {
                Some((length, rest)) => (u16::from_be_bytes(*length).into(), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(None),
            },
            short => (short.into(), rest),
        };
        if length(octets) != second & 0x7f {
            return Err("length not in its shortest form");
        }
        if octets > i64::MAX as u64 {
            return Err("length of 64 bits");
        }
        let (key, rest) = match rest.split_first_chunk() {
            _ if !is_masked => (None, rest),
            Some((key, rest)) => (Some(*key), rest),
            None => return Ok(None),
        };
        Ok(Some((Self { fin, opcode, key, octets }, input.len() - rest.len())))
    }

    fn put(&self, out: &mut Vec<u8>) {
        let fin = if self.fin { 0x80 } else { 0 };
        let masked = if self.key.is_some() { 0x80 } else { 0 };
        let length = length(self.octets);
        out.extend([fin | self.opcode as u8, masked | length]);
        match length {
            126 => out.extend((self.octets as u16).to_be_bytes()),
            127 => out.extend(self.octets.to_be_bytes()),
            _ => {}
        }
        out.extend(self.key.iter().flatten());
    }
}

/// The seven bits that say a length, or in how many octets it follows.
fn length(octets: u64) -> u8 {
    match octets {
        0..=125 => octets as u8,
        126..=0xffff => 126,
        _ => 127,
    }
}

/// Appends a frame.
pub(super) fn encode(out: &mut Vec<u8>, fin: bool, opcode: Opcode, payload: &[u8], key: Option<Key>) {
    out.reserve(payload.len() + 14);
    Head { fin, opcode, key, octets: payload.len() as u64 }.put(out);
    let start = out.len();
    out.extend_from_slice(payload);
    if let (Some(key), Some(payload)) = (key, out.get_mut(start..)) {
        mask::apply(key, 0, payload);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server(input: &[u8]) -> Result<Option<(Head, usize)>, &'static str> {
        Head::parse(input, Role::Server)
    }

    fn opcode() -> impl Strategy<Value = Opcode> {
        use Opcode::*;
        prop::sample::select(vec![Continuation, Text, Binary, Close, Ping, Pong])
    }

    proptest! {
        #[test]
        fn a_head_is_read_as_it_was_written(
            fin: bool, opcode in opcode(), key: Option<Key>,
            octets in prop_oneof![0..130_u64, 65_500..65_600_u64, 0..=i64::MAX as u64],
        ) {
            prop_assume!(!opcode.is_control() || (fin && octets <= CONTROL as u64));
            let head = Head { fin, opcode, key, octets };
            let mut wire = Vec::new();
            head.put(&mut wire);
            let role = if key.is_some() { Role::Server } else { Role::Client };
            for cut in 0..wire.len() {
                prop_assert_eq!(Head::parse(&wire[..cut], role), Ok(None));
            }
            let whole = wire.len();
            wire.extend(b"payload");
            prop_assert_eq!(Head::parse(&wire, role), Ok(Some((head, whole))));
        }

        #[test]
        fn no_octets_make_it_panic(input in prop::collection::vec(any::<u8>(), 0..16)) {
            for role in [Role::Server, Role::Client] {
                if let Ok(Some((head, octets))) = Head::parse(&input, role) {
                    let mut wire = Vec::new();
                    head.put(&mut wire);
                    prop_assert_eq!(&wire, &input[..octets]);
                }
            }
        }
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 6455 §5.7.
        let mut wire = Vec::new();
        encode(&mut wire, true, Opcode::Text, b"Hello", None);
        assert_eq!(wire, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        wire.clear();
        encode(&mut wire, true, Opcode::Text, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d]));
        assert_eq!(wire, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        wire.clear();
        encode(&mut wire, true, Opcode::Binary, &[0; 256], None);
        assert_eq!(wire[..4], [0x82, 0x7e, 0x01, 0x00]);
        wire.clear();
        encode(&mut wire, true, Opcode::Binary, &[0; 65536], None);
        assert_eq!(wire[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn reserved_bits_and_opcodes_are_refused_from_the_first_octet() {
        for bit in [0x40, 0x20, 0x10] {
            assert_eq!(server(&[0x81 | bit]), Err("reserved bit"));
        }
        for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            assert_eq!(server(&[0x80 | opcode]), Err("reserved opcode"));
        }
    }

    #[test]
    fn a_control_frame_is_short_and_whole() {
        for opcode in [8, 9, 10] {
            assert_eq!(server(&[opcode]), Err("control frame in fragments"));
            assert_eq!(server(&[0x80 | opcode, 0xfe]), Err("control frame too long"));
            assert_eq!(server(&[0x80 | opcode, 0xff]), Err("control frame too long"));
            assert_eq!(server(&[0x80 | opcode, 0xfd]), Ok(None));
        }
    }

    #[test]
    fn a_mask_is_what_clients_have() {
        assert_eq!(server(&[0x81, 0x05]), Err("frame without a mask"));
        assert_eq!(Head::parse(&[0x81, 0x85], Role::Client), Err("frame with a mask"));
    }

    #[test]
    fn a_length_is_in_its_shortest_form_and_of_63_bits() {
        let client = |input: &[u8]| Head::parse(input, Role::Client).map(|head| head.map(|(h, _)| h.octets));
        assert_eq!(client(&[0x82, 126, 0, 125]), Err("length not in its shortest form"));
        assert_eq!(client(&[0x82, 126, 0, 126]), Ok(Some(126)));
        assert_eq!(client(&[0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255]), Err("length not in its shortest form"));
        assert_eq!(client(&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]), Ok(Some(65536)));
        assert_eq!(client(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), Err("length of 64 bits"));
        assert_eq!(client(&[0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]), Ok(Some(i64::MAX as u64)));
    }
}
