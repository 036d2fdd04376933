use proptest::prelude::*;

use super::super::frame::encode;
use super::*;

const KEY: Key = [0x37, 0xfa, 0x21, 0x3d];

/// All events of an input that comes in these parts, and the violation that ends it.
fn events<'a>(
    mut incoming: Incoming,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Event>, Option<Violation>) {
    let mut left = Vec::new();
    let mut events = Vec::new();
    for part in parts {
        left.extend_from_slice(part);
        let mut input = &left[..];
        loop {
            match incoming.next(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => return (events, Some(violation)),
            }
        }
        assert!(input.len() < 14, "{} octets are left to be kept", input.len());
        left = input.to_vec();
    }
    (events, None)
}

fn server() -> Incoming {
    Incoming::new(Role::Server, 1000, 10)
}

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    encode(&mut wire, fin, opcode, payload, Some(KEY));
    wire
}

fn heard(frames: &[Vec<u8>]) -> (Vec<Event>, Option<Violation>) {
    events(server(), frames.iter().map(Vec::as_slice))
}

/// The code of the violation that these frames are, and that they bring nothing before.
fn refused(frames: &[Vec<u8>]) -> u16 {
    let (events, violation) = heard(frames);
    assert_eq!(events, []);
    violation.expect("a violation").code.as_u16()
}

fn text(text: &str) -> Event {
    Event::Message(Message::Text(text.into()))
}

#[test]
fn control_frames_stand_between_the_fragments_of_a_message() {
    let wire = [
        frame(false, Opcode::Text, b"a"),
        frame(true, Opcode::Ping, b"1"),
        frame(false, Opcode::Continuation, b""),
        frame(true, Opcode::Pong, b"2"),
        frame(true, Opcode::Continuation, b"b"),
        frame(true, Opcode::Binary, b""),
        frame(true, Opcode::Close, b"\x03\xe8"),
    ];
    let close = Close { code: Some(CloseCode::NORMAL), reason: String::new() };
    let binary = Event::Message(Message::Binary(Bytes::new()));
    let expected = vec![Event::Ping(b"1".into()), Event::Pong, text("ab"), binary, Event::Close(close)];
    assert_eq!(heard(&wire), (expected, None));
}

#[test]
fn fragments_that_belong_to_nothing_are_refused() {
    assert_eq!(refused(&[frame(true, Opcode::Continuation, b"x")]), 1002);
    assert_eq!(refused(&[frame(false, Opcode::Continuation, b"x")]), 1002);
    assert_eq!(refused(&[frame(false, Opcode::Text, b"x"), frame(true, Opcode::Text, b"y")]), 1002);
    assert_eq!(refused(&[frame(false, Opcode::Text, b"x"), frame(false, Opcode::Binary, b"y")]), 1002);
}

#[test]
fn a_message_over_the_limit_is_refused_when_it_is_announced() {
    let whole = frame(true, Opcode::Binary, &[0; 1001]);
    assert_eq!(refused(&[whole[..8].to_vec()]), 1009, "the head alone");
    assert_eq!(heard(&[frame(true, Opcode::Binary, &[0; 1000])]).1, None);
    let fragments = [frame(false, Opcode::Binary, &[0; 600]), frame(true, Opcode::Continuation, &[0; 401])];
    assert_eq!(refused(&fragments), 1009);
    let huge = [&[0x82, 0xff, 0x7f][..], &[0xff; 7], &KEY].concat();
    assert_eq!(refused(&[huge]), 1009);
}

#[test]
fn a_message_in_too_many_frames_is_refused() {
    let mut wire = vec![frame(false, Opcode::Binary, b"")];
    wire.extend(vec![frame(false, Opcode::Continuation, b""); 9]);
    assert_eq!(heard(&wire), (vec![], None));
    wire.push(frame(true, Opcode::Continuation, b""));
    assert_eq!(refused(&wire), 1009);
}

#[test]
fn memory_grows_with_what_came_and_not_with_what_was_announced() {
    let mut incoming = Incoming::new(Role::Server, 1 << 30, 10);
    let announced = [&[0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0][..], &KEY, &[7; 100]].concat();
    assert_eq!(incoming.next(&mut &announced[..]), Ok(None));
    let held = incoming.message.as_ref().unwrap().octets.capacity();
    assert!(held < 1000, "{held} octets for 100");
}

#[test]
fn text_that_is_not_utf_8_is_refused_at_the_octet_that_shows_it() {
    // Malformed by RFC 3629: overlong, surrogates, above U+10FFFF, continuation alone.
    for bad in
        [&b"\xc0"[..], b"\xc1", b"\xf5", b"\xff", b"\x80", b"\xe0\x80", b"\xed\xa0", b"\xf4\x90", b"\xf0\x80"]
    {
        let text = [b"\xce\xba", bad].concat();
        let wire = frame(true, Opcode::Text, &[&text[..], b"more"].concat());
        let first = (0..=wire.len()).find(|&cut| events(server(), [&wire[..cut]]).1.is_some());
        assert_eq!(first, Some(6 + text.len()), "{bad:x?}");
    }
}

#[test]
fn a_character_may_be_cut_by_frames_but_not_by_the_end() {
    let wire = [frame(false, Opcode::Text, b"\xf0\x9d"), frame(true, Opcode::Continuation, b"\x84\x9e")];
    assert_eq!(heard(&wire), (vec![text("𝄞")], None));
    assert_eq!(refused(&[frame(true, Opcode::Text, b"\xf0\x9d\x84")]), 1007);
    let wire = [frame(false, Opcode::Text, b"\xf0\x9d"), frame(true, Opcode::Continuation, b"x")];
    assert_eq!(refused(&wire), 1007);
    let wire = [frame(false, Opcode::Text, b"\xf0\x9d"), frame(true, Opcode::Continuation, b"")];
    assert_eq!(refused(&wire), 1007);
    assert_eq!(heard(&[frame(true, Opcode::Binary, b"\xff")]).1, None, "octets are no text");
}

#[test]
fn a_close_frame_is_checked() {
    assert_eq!(refused(&[frame(true, Opcode::Close, b"\x03")]), 1002);
    assert_eq!(refused(&[frame(true, Opcode::Close, b"\x03\xed")]), 1002);
    assert_eq!(refused(&[frame(true, Opcode::Close, b"\x03\xe8\xff")]), 1007);
}

/// A message in fragments, with control frames between.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let part = || prop::collection::vec(any::<u8>(), 0..40);
    let fragments = prop::collection::vec((part(), any::<bool>()), 1..4);
    let message = (any::<bool>(), fragments).prop_map(|(is_text, parts)| {
        let last = parts.len() - 1;
        let mut wire = Vec::new();
        for (at, (mut part, ping)) in parts.into_iter().enumerate() {
            if is_text {
                part = String::from_utf8_lossy(&part).into_owned().into_bytes();
            }
            let first = if is_text { Opcode::Text } else { Opcode::Binary };
            let opcode = if at == 0 { first } else { Opcode::Continuation };
            wire.extend(frame(at == last, opcode, &part));
            if ping {
                wire.extend(frame(true, Opcode::Ping, b"p"));
            }
        }
        wire
    });
    prop::collection::vec(message, 1..5).prop_map(|messages| messages.concat())
}

proptest! {
    #[test]
    fn events_do_not_depend_on_how_the_input_is_cut(
        mut wire in conversation(), change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        // One octet may be wrong: then the violation does not depend on it either.
        if let Some((at, octet)) = change {
            let at = at.index(wire.len());
            wire[at] = octet;
        }
        let whole = events(server(), [&wire[..]]);
        prop_assert!(change.is_some() || whole.1.is_none(), "{:?}", whole);
        let singly = events(server(), wire.chunks(1));
        prop_assert_eq!(&singly, &whole);
        cuts.sort_by_key(|cut| cut.index(wire.len()));
        let mut parts = Vec::new();
        let mut start = 0;
        for cut in cuts {
            let cut = cut.index(wire.len());
            parts.push(&wire[start..cut]);
            start = cut;
        }
        parts.push(&wire[start..]);
        prop_assert_eq!(events(server(), parts), whole);
    }

    #[test]
    fn no_input_makes_it_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
        for role in [Role::Server, Role::Client] {
            events(Incoming::new(role, 1000, 10), [&input[..]]);
        }
    }

    #[test]
    fn what_is_encoded_is_what_is_heard(
        binary: bool, text in ".*", octets in prop::collection::vec(any::<u8>(), 0..70_000), key: Option<Key>,
    ) {
        let message = if binary { Message::Binary(octets.into()) } else { Message::Text(text) };
        let (opcode, payload) = Payload::from(&message).into_parts();
        let mut wire = Vec::new();
        encode(&mut wire, true, opcode, payload, key);
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let (events, violation) = events(Incoming::new(role, 100_000, 10), [&wire[..]]);
        prop_assert_eq!(violation, None);
        prop_assert_eq!(events, vec![Event::Message(message)]);
    }
}
