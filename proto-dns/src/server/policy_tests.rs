use super::*;
use crate::server::asking::{asks, engine, options, query};
use crate::server::rrl::RrlOptions;
use crate::server::{Engine, Verdict};

fn with(policies: Policies) -> Engine {
    engine().with(policies)
}

fn from(addr: &str, transport: Transport) -> Peer {
    Peer { addr: addr.parse().unwrap(), transport, idle: None }
}

fn udp() -> Peer {
    from("192.0.2.9:1000", Transport::Udp)
}

fn ask(engine: &Engine, request: &[u8], peer: &Peer) -> Option<Vec<u8>> {
    let mut reply = Vec::new();
    match engine.respond(request, peer, &mut reply) {
        Verdict::Reply => Some(reply),
        Verdict::Silence => {
            assert_eq!(reply, b"", "silence is without a word");
            None
        }
        verdict => panic!("{verdict:?}"),
    }
}

fn rcode(reply: &[u8]) -> u16 {
    u16::from(reply[3] & 15)
}

/// The response code with the bits that EDNS adds; OPT has no options before them.
fn extended(reply: &[u8]) -> u16 {
    let opt = reply.windows(3).rposition(|three| three == [0, 0, 41]).unwrap();
    u16::from(reply[opt + 5]) << 4 | rcode(reply)
}

fn www(options: &[(u16, &[u8])]) -> Vec<u8> {
    asks(1, "www.example.", 1, 1, Some(options))
}

fn cookies(required: bool) -> Policies {
    Policies { cookies: Some(Cookies::random().unwrap()), cookie_required: required, ..Policies::default() }
}

#[test]
fn a_client_gets_a_cookie_and_may_show_it() {
    let engine = with(cookies(true));
    let tcp = from("192.0.2.9:1000", Transport::Tcp);
    for (peer, code) in [(udp(), 23), (tcp, 0)] {
        let first = ask(&engine, &www(&[(COOKIE_OPTION, &[7; 8])]), &peer).unwrap();
        let [(COOKIE_OPTION, cookie)] = &options(&first)[..] else { panic!("no cookie") };
        assert_eq!((cookie.len(), &cookie[..8], extended(&first)), (24, &[7; 8][..], code));
        let again = ask(&engine, &www(&[(COOKIE_OPTION, cookie)]), &udp()).unwrap();
        assert_eq!((extended(&again), again[7]), (0, 1));
        let elsewhere = from("192.0.2.10:1000", Transport::Udp);
        assert_eq!(extended(&ask(&engine, &www(&[(COOKIE_OPTION, cookie)]), &elsewhere).unwrap()), 23);
    }
    // Who knows no cookies is answered; who knows them wrong is told so.
    assert_eq!(rcode(&ask(&engine, &query(1, "www.example.", 1), &udp()).unwrap()), 0);
    for wrong in [&[0; 7][..], &[0; 9], &[0; 41], b""] {
        assert_eq!(rcode(&ask(&engine, &www(&[(COOKIE_OPTION, wrong)]), &udp()).unwrap()), 1);
    }
}

#[test]
fn a_request_may_be_for_a_cookie_alone() {
    let engine = with(cookies(false));
    let mut request = www(&[(COOKIE_OPTION, &[7; 8])]);
    request[5] = 0;
    let name = b"\x03www\x07example\0".len() + 4;
    request.drain(12..12 + name);
    let reply = ask(&engine, &request, &udp()).unwrap();
    assert_eq!((rcode(&reply), options(&reply).len()), (0, 1));
}

#[test]
fn a_name_of_the_server_is_for_who_asks_for_it() {
    let engine = with(Policies { nsid: Some(b"ns1"[..].into()), ..Policies::default() });
    let reply = ask(&engine, &www(&[(NSID, b"")]), &udp()).unwrap();
    assert_eq!(options(&reply), [(NSID, b"ns1".to_vec())]);
    assert_eq!(options(&ask(&engine, &www(&[]), &udp()).unwrap()), []);
    let unnamed = with(Policies::default());
    assert_eq!(options(&ask(&unnamed, &www(&[(NSID, b"")]), &udp()).unwrap()), []);
}

#[test]
fn answers_are_padded_where_nobody_else_can_read_them() {
    let engine = with(Policies::default());
    for transport in [Transport::Tls, Transport::Https, Transport::Quic] {
        for name in ["www.example.", "large.example."] {
            let peer = from("192.0.2.9:1000", transport);
            let padded = asks(1, name, 16, 1, Some(&[(PADDING, &[0; 10])]));
            let reply = ask(&engine, &padded, &peer).unwrap();
            assert_eq!(reply.len() % BLOCK, 0, "{name}");
            assert!(
                options(&reply).iter().any(|(code, data)| *code == PADDING && data.iter().all(|o| *o == 0))
            );
            let plain = ask(&engine, &asks(1, name, 16, 1, Some(&[])), &peer).unwrap();
            assert_eq!(options(&plain), []);
        }
    }
    for transport in [Transport::Udp, Transport::Tcp] {
        let peer = from("192.0.2.9:1000", transport);
        assert_eq!(options(&ask(&engine, &www(&[(PADDING, b"")]), &peer).unwrap()), []);
    }
}

#[test]
fn connections_are_told_how_long_they_may_be_silent() {
    let engine = with(Policies::default());
    for (transport, told) in [(Transport::Tcp, true), (Transport::Tls, true), (Transport::Udp, false)] {
        let peer = Peer { idle: Some(std::time::Duration::from_secs(30)), ..from("192.0.2.9:1", transport) };
        let reply = ask(&engine, &www(&[(KEEPALIVE, b"")]), &peer).unwrap();
        assert_eq!(options(&reply) == [(KEEPALIVE, vec![1, 44])], told, "{transport:?}");
        assert_eq!(options(&ask(&engine, &www(&[]), &peer).unwrap()), []);
    }
}

#[test]
fn only_those_may_ask_who_are_named() {
    let acl = |text: &str| Acl::new([text.parse().unwrap()]);
    let engine = with(Policies { queries: Some(acl("198.51.100.0/24")), ..Policies::default() });
    let (stranger, friend) = (udp(), from("198.51.100.1:9", Transport::Udp));
    let refused = ask(&engine, &www(&[]), &stranger).unwrap();
    assert_eq!((rcode(&refused), refused[7]), (5, 0));
    assert_eq!(options(&refused), [(ERROR, vec![0, 18])], "prohibited");
    assert_eq!(rcode(&ask(&engine, &www(&[]), &friend).unwrap()), 0);
    // Of a zone that only others may ask about, nobody else is told that it is there.
    let zones = vec![("example.".parse().unwrap(), acl("198.51.100.0/24"))];
    let hiding = with(Policies { zones, ..Policies::default() });
    let foreign = asks(7, "www.elsewhere.", 1, 1, Some(&[]));
    let refused = [www(&[]), foreign].map(|request| ask(&hiding, &request, &stranger).unwrap());
    assert_eq!(refused.each_ref().map(|reply| rcode(reply)), [5, 5]);
    assert_eq!(options(&refused[0]), options(&refused[1]));
    // A zone's own rule goes before that of all.
    let zones = vec![("Example.".parse().unwrap(), acl("192.0.2.0/24"))];
    let engine = with(Policies { queries: Some(acl("198.51.100.0/24")), zones, ..Policies::default() });
    assert_eq!(rcode(&ask(&engine, &www(&[]), &stranger).unwrap()), 0);
    assert_eq!(rcode(&ask(&engine, &www(&[]), &friend).unwrap()), 5);
}

#[test]
fn an_alias_shows_nothing_of_a_zone_that_may_not_be_asked() {
    let acl = |text: &str| Acl::new([text.parse().unwrap()]);
    let public = "public. 60 IN SOA . . 1 2 3 4 5\npublic. 60 IN NS ns.public.\nhost.public. 60 IN CNAME db.secret.\n\
                  none.public. 60 IN CNAME none.secret.\nold.public. 60 IN DNAME secret.\n";
    let secret =
        "secret. 60 IN SOA . . 1 2 3 4 5\nsecret. 60 IN NS ns.secret.\ndb.secret. 60 IN A 10.0.0.1\n";
    let zones = vec![("secret.".parse().unwrap(), acl("198.51.100.0/24"))];
    let policies = Policies { zones, ..Policies::default() };
    let engine = crate::server::testing::engine(&[public, secret]).with(policies);
    let (stranger, friend) = (udp(), from("198.51.100.1:9", Transport::Udp));
    let asked = |name: &str, peer| {
        let reply = ask(&engine, &query(1, name, 1), peer).unwrap();
        (rcode(&reply), reply[7], reply[9])
    };
    assert_eq!(asked("db.secret.", &stranger), (5, 0, 0));
    for (name, answers, rcode) in [("host.public.", 2, 0), ("none.public.", 1, 3), ("db.old.public.", 3, 0)] {
        let seen = asked(name, &friend);
        assert_eq!((seen.0, seen.1), (rcode, answers), "{name}");
        // Nor whether there is such a name.
        assert_eq!(asked(name, &stranger), (0, if name == "db.old.public." { 2 } else { 1 }, 0), "{name}");
    }
}

#[test]
fn a_foreign_name_is_refused_with_the_reason_for_who_understands_it() {
    let engine = with(Policies::default());
    let reply = ask(&engine, &asks(1, "example.org.", 1, 1, Some(&[])), &udp()).unwrap();
    assert_eq!((rcode(&reply), options(&reply)), (5, vec![(ERROR, vec![0, 20])]));
    let plain = ask(&engine, &query(1, "example.org.", 1), &udp()).unwrap();
    assert_eq!((rcode(&plain), plain[11]), (5, 0));
}

#[test]
fn the_server_says_of_itself_what_it_is_told_to() {
    let told = Policies { version: Some("it".into()), id: Some("ns1".into()), ..Policies::default() };
    let (silent, told) = (with(Policies::default()), with(told));
    for (name, text) in
        [("version.bind.", "it"), ("VERSION.SERVER.", "it"), ("id.server.", "ns1"), ("hostname.bind.", "ns1")]
    {
        let request = asks(1, name, 16, 3, None);
        let reply = ask(&told, &request, &udp()).unwrap();
        assert_eq!((rcode(&reply), reply[7]), (0, 1), "{name}");
        assert!(reply.ends_with(&[&[text.len() as u8], text.as_bytes()].concat()));
        assert_eq!(rcode(&ask(&silent, &request, &udp()).unwrap()), 5);
    }
    assert_eq!(rcode(&ask(&told, &asks(1, "authors.bind.", 16, 3, None), &udp()).unwrap()), 5);
    assert_eq!(rcode(&ask(&told, &asks(1, "www.example.", 1, 3, None), &udp()).unwrap()), 5);
}

#[test]
fn a_flood_is_thinned_and_a_cookie_goes_before_it() {
    let limiter = Limiter::new(RrlOptions { rate: 5, slip: 2, ..RrlOptions::default() });
    let engine = with(Policies { limiter: Some(limiter), ..cookies(false) });
    let replies: Vec<_> = (0..25).map(|_| ask(&engine, &www(&[]), &udp())).collect();
    let (sent, rest) = replies.split_at(5);
    assert!(sent.iter().all(|reply| reply.as_ref().is_some_and(|reply| reply[7] == 1 && reply[2] & 2 == 0)));
    let slipped: Vec<_> = rest.iter().flatten().collect();
    assert_eq!(slipped.len(), 10);
    for reply in slipped {
        assert_eq!((reply[2] & 2, &reply[6..12]), (2, &[0, 0, 0, 0, 0, 1][..]), "truncated, with OPT alone");
        assert_eq!(options(reply), []);
    }
    // Over TCP nobody is forged.
    let tcp = from("192.0.2.9:1000", Transport::Tcp);
    let first = ask(&engine, &www(&[(COOKIE_OPTION, &[7; 8])]), &tcp).unwrap();
    let cookie = &options(&first)[0].1;
    for _ in 0..25 {
        let reply = ask(&engine, &www(&[(COOKIE_OPTION, cookie)]), &udp()).unwrap();
        assert_eq!(reply[7], 1);
    }
}

#[test]
fn what_is_not_done_is_declined_with_a_whole_reply() {
    let engine = with(Policies::default());
    let udp = udp();
    let request = asks(7, "example.", 252, 1, Some(&[]));
    let reply = ask(&engine, &request, &udp).unwrap();
    assert_eq!((rcode(&reply), &reply[..2], options(&reply)), (5, &[0, 7][..], vec![(ERROR, vec![0, 21])]));
}
