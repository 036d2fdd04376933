use super::super::testing::{OPT, ask_over, engine, peer, request, short, zone};
use super::*;

const ZONE: &str = "
    example. 3600 IN SOA ns.elsewhere. root.elsewhere. 1 2 3 4 300
    example. 3600 IN NS ns.elsewhere.
    example. 3600 IN A 192.0.2.1
";
const ANSWER: &str = "NOERROR AA: example. A / example. NS";

fn udp(request: &[u8]) -> String {
    ask_over(&engine(&[ZONE]), Transport::Udp, request)
}

/// The request, with octets of it replaced.
fn with(at: usize, octets: &[u8]) -> Vec<u8> {
    let mut request = request("example A", &[]);
    request[at..at + octets.len()].copy_from_slice(octets);
    request
}

fn opt(changed: &[(usize, u8)]) -> Vec<u8> {
    let mut opt = OPT.to_vec();
    changed.iter().for_each(|&(at, octet)| opt[at] = octet);
    opt
}

#[test]
fn what_is_no_request_gets_no_reply() {
    assert_eq!(udp(&with(2, &[0x80])), "Silence");
    let request = request("example A", &[]);
    for length in 0..12 {
        assert_eq!(udp(&request[..length]), "Silence");
    }
}

#[test]
fn what_cannot_be_read_is_a_format_error() {
    let whole = request("example A", &[OPT]);
    for length in 12..whole.len() {
        assert_eq!(udp(&whole[..length]), "FORMERR", "{length}");
    }
    for (what, request) in [
        ("trailing octets", [&whole[..], &[0]].concat()),
        ("no question", with(4, &[0, 0])[..12].to_vec()),
        ("two questions", [&with(4, &[0, 2])[..], &whole[12..25]].concat()),
        ("a pointer to itself", with(12, &[0xc0, 12])),
        ("a pointer forward", with(12, &[0xc0, 14])),
        ("an unknown kind of label", with(12, &[0x47])),
        ("more records than there are", with(10, &[0xff, 0xff])),
        ("two OPT", request("example A", &[OPT, OPT])),
        ("OPT not at the root", request("example A", &[&[&[1, b'a'], OPT].concat()])),
        ("OPT in the answer", [&with(6, &[0, 1])[..], OPT].concat()),
        ("an option that ends early", request("example A", &[&opt(&[(10, 4)]), &[0, 10, 0, 1]])),
        ("a name of more than 255 octets", [&whole[..12], &[1, b'a'].repeat(128), &[0, 0, 1, 0, 1]].concat()),
    ] {
        assert_eq!(udp(&request), "FORMERR", "{what}");
    }
}

#[test]
fn tsig_comes_once_and_last() {
    let tsig = &[0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0][..];
    for (what, additional) in [
        ("two TSIG", &[tsig, tsig][..]),
        ("OPT after TSIG", &[tsig, OPT]),
        ("TSIG of class IN", &[&[0, 0, 250, 0, 1, 0, 0, 0, 0, 0, 0]]),
    ] {
        assert_eq!(udp(&request("example A", additional)), "FORMERR", "{what}");
    }
    assert_eq!(udp(&request("example A", &[OPT, tsig])), "Signed");
}

#[test]
fn what_is_unknown_is_ignored() {
    assert_eq!(udp(&request("example A", &[])), ANSWER);
    assert_eq!(udp(&with(3, &[0x40])), ANSWER, "Z");
    assert_eq!(udp(&with(3, &[0x20])), ANSWER, "AD");
    assert_eq!(udp(&with(3, &[0x10])), ANSWER.replace("AA", "AA CD"));
    assert_eq!(udp(&request("example TYPE1000", &[])), "NOERROR AA / example. SOA");
    let option = [&opt(&[(10, 5)])[..], &[0, 100, 0, 1, 7]].concat();
    assert_eq!(udp(&request("example A", &[&option])), format!("{ANSWER} + . OPT"));
    assert_eq!(udp(&request("example A", &[&opt(&[(8, 0x7f)])])), format!("{ANSWER} + . OPT"));
}

#[test]
fn opcodes_and_classes_have_their_replies() {
    for (opcode, expected) in [
        (1, "NOTIMP"),
        (2, "NOTIMP"),
        (3, "NOTIMP"),
        (4, "Notify"),
        (5, "Update"),
        (6, "NOTIMP"),
        (15, "NOTIMP"),
    ] {
        assert_eq!(udp(&with(2, &[opcode << 3])), expected, "{opcode}");
    }
    let question = 12 + 9;
    for (class, expected) in [(1, ANSWER), (255, ANSWER), (3, "REFUSED"), (254, "REFUSED"), (77, "REFUSED")] {
        assert_eq!(udp(&with(question + 2, &[0, class])), expected, "{class}");
    }
}

#[test]
fn an_unknown_version_of_edns_is_told_so() {
    let mut out = Vec::new();
    let request = request("example A", &[&opt(&[(6, 1), (7, 0x80)])]);
    let _ = engine(&[ZONE]).respond(&request, &peer(Transport::Udp), &mut out);
    assert_eq!(short(&out), "NOERROR + . OPT");
    // Our size, the high bits of BADVERS, version 0, DO as it came.
    assert_eq!(out[out.len() - 11..], [0, 0, 41, 4, 208, 1, 0, 0x80, 0, 0, 0]);
}

#[test]
fn a_request_for_a_cookie_needs_no_question() {
    let cookie = [&opt(&[(10, 12)])[..], &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]].concat();
    let header = [0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(udp(&[&header[..], &cookie].concat()), "NOERROR + . OPT");
    assert_eq!(udp(&[&header[..], OPT].concat()), "FORMERR");
}

#[test]
fn transfers_need_a_connection() {
    let engine = engine(&[ZONE]);
    for (question, transport, expected) in [
        ("example AXFR", Transport::Udp, "REFUSED"),
        ("example AXFR", Transport::Tcp, "Transfer"),
        ("example IXFR", Transport::Tls, "Transfer"),
        ("example IXFR", Transport::Udp, "Transfer"),
        ("example IXFR", Transport::Https, "REFUSED"),
        ("example AXFR", Transport::Https, "REFUSED"),
    ] {
        assert_eq!(ask_over(&engine, transport, &request(question, &[])), expected, "{question}");
    }
}

#[test]
fn a_reply_over_udp_is_as_large_as_both_sides_take() {
    let mut text = ZONE.to_string();
    for n in 0..4 {
        text += &format!("example. 3600 IN TXT {n}{}\n", "x".repeat(200));
    }
    let engine = engine(&[&text]);
    // 12 + 13 before the set, of 4 times 214, and 11 for OPT.
    for (size, fits) in [(0_u16, false), (512, false), (891, false), (892, true), (4096, true)] {
        let [high, low] = size.to_be_bytes();
        let reply =
            ask_over(&engine, Transport::Udp, &request("example TXT", &[&opt(&[(3, high), (4, low)])]));
        assert_eq!(reply.contains("TXT"), fits, "{size}: {reply}");
        assert_eq!(reply.contains("TC"), !fits, "{size}: {reply}");
    }
    assert_eq!(ask_over(&engine, Transport::Udp, &request("example TXT", &[])), "NOERROR AA TC");
    let small = Answering { udp_size: 800, ..Answering::default() };
    let small = Engine::new([zone(&text)].into_iter().collect(), small);
    assert!(ask_over(&small, Transport::Udp, &request("example TXT", &[OPT])).contains("TC"));
}

#[test]
fn zones_are_replaced_as_a_whole() {
    let engine = engine(&[ZONE]);
    let before = engine.zones();
    engine.update(|_| [zone(&ZONE.replace("example.", "org."))].into_iter().collect());
    assert_eq!(ask_over(&engine, Transport::Udp, &request("example A", &[])), "REFUSED");
    assert_eq!(ask_over(&engine, Transport::Udp, &request("org A", &[])), ANSWER.replace("example.", "org."));
    assert_eq!(before.zones().count(), 1);
}

proptest::proptest! {
    #[test]
    fn no_request_makes_it_panic(octets: Vec<u8>, at in 0..40_usize, length in 0..40_usize) {
        let engine = engine(&[ZONE]);
        let peer = peer(Transport::Udp);
        let _ = engine.respond(&octets, &peer, &mut Vec::new());
        let mut changed = request("example A", &[OPT]);
        for (place, octet) in changed.iter_mut().skip(at).zip(octets.iter().take(length)) {
            *place = *octet;
        }
        let mut out = Vec::new();
        if engine.respond(&changed, &peer, &mut out) == Verdict::Reply {
            short(&out);
        }
    }
}
