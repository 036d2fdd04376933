use super::*;
#[cfg(feature = "quic")]
use crate::Address;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

#[test]
fn a_second_service_on_one_port_is_an_error_that_names_it() {
    let mut sockets = Sockets::default();
    let first = endpoint("memory:sockets-twice");
    sockets.claim(&first).unwrap();
    let error = sockets.claim(&first).unwrap_err();
    assert!(error.to_string().contains("memory:sockets-twice"), "{error}");
}

#[test]
fn tls_options_are_no_part_of_where_it_is_bound() {
    let mut sockets = Sockets::default();
    // Somebody may take a free port before it is bound here.
    let (port, bound) = (0..100)
        .find_map(|_| {
            let port = free_port();
            let first = endpoint(&format!("tls:{port}:interface=127.0.0.1:cert=a"));
            Some((port, sockets.claim(&first).ok()?))
        })
        .unwrap();
    sockets.begin();
    let again = sockets.claim(&endpoint(&format!("tls:{port}:interface=127.0.0.1:cert=b"))).unwrap();
    assert_eq!(again.local(), bound.local());
    sockets.commit();
    assert_eq!(again.local().len(), 1);
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn commit_closes_what_the_new_generation_did_not_claim() {
    let mut sockets = Sockets::default();
    let old = sockets.claim(&endpoint("memory:sockets-old")).unwrap();
    let kept = sockets.claim(&endpoint("memory:sockets-kept")).unwrap();
    sockets.begin();
    sockets.claim(&endpoint("memory:sockets-kept")).unwrap();
    sockets.commit();
    assert!(old.local().is_empty(), "closed, though a service still holds it");
    assert_eq!(kept.local().len(), 1);
    assert!(Sockets::default().claim(&endpoint("memory:sockets-old")).is_ok());
}

#[test]
fn rollback_closes_what_only_the_new_generation_claimed() {
    let mut sockets = Sockets::default();
    let old = sockets.claim(&endpoint("memory:sockets-before")).unwrap();
    sockets.begin();
    let new = sockets.claim(&endpoint("memory:sockets-never")).unwrap();
    sockets.rollback();
    assert!(new.local().is_empty());
    assert_eq!(old.local().len(), 1);
    assert!(sockets.claim(&endpoint("memory:sockets-before")).is_err(), "the old generation still has it");
}

#[test]
fn any_port_is_a_new_one_each_time_and_the_same_ones_in_the_next_generation() {
    let mut sockets = Sockets::default();
    let any = endpoint("tcp:0:interface=127.0.0.1");
    let (a, b) = (sockets.claim(&any).unwrap().local(), sockets.claim(&any).unwrap().local());
    assert_ne!(a, b);
    sockets.begin();
    assert_eq!([sockets.claim(&any).unwrap().local(), sockets.claim(&any).unwrap().local()], [a, b]);
}

#[test]
fn a_failed_claim_leaves_nothing_behind() {
    let mut sockets = Sockets::default();
    let nowhere = endpoint("tcp:25:host=example.org");
    for _ in 0..2 {
        assert!(sockets.claim(&nowhere).unwrap_err().chain().contains("use `interface=`"));
    }
}

#[test]
fn datagrams_have_generations_too() {
    let mut sockets = Sockets::default();
    let any = endpoint("udp:0:interface=127.0.0.1");
    let (kept, gone) = (sockets.claim_datagram(&any).unwrap(), sockets.claim_datagram(&any).unwrap());
    sockets.begin();
    assert_eq!(sockets.claim_datagram(&any).unwrap().local(), kept.local());
    sockets.commit();
    assert_eq!(kept.local().len(), 1);
    assert!(gone.local().is_empty());
    assert!(sockets.claim_datagram(&endpoint("memory:datagrams")).is_err());
}

/// Binds these one after the other, each in the place of the one before, and gives the first up once.
#[cfg(feature = "quic")]
fn turns(sockets: &mut Sockets, port: u16, first: &str, next: &str) {
    let at = |scheme: &str, interface: &str| {
        endpoint(&scheme.replace("PORT", &port.to_string()).replace("IF", interface))
    };
    let claim = |sockets: &mut Sockets, endpoint: &Endpoint| match endpoint.is_datagram() {
        true => sockets.claim_datagram(endpoint).map(|bound| bound.local()),
        false => sockets.claim(endpoint).map(|bound| bound.local()),
    };
    let (first, next) = (at(first, "127.0.0.1"), at(next, "localhost"));
    let here = claim(sockets, &first).unwrap();
    sockets.commit();
    sockets.begin();
    assert_eq!(claim(sockets, &next).unwrap()[0], here[0]);
    sockets.rollback();
    sockets.begin();
    assert_eq!(claim(sockets, &first).unwrap(), here, "what was there is there still");
    assert!(claim(sockets, &next).is_err(), "both at once are not to be had");
    sockets.rollback();
    sockets.begin();
    assert_eq!(claim(sockets, &next).unwrap()[0], here[0]);
    sockets.commit();
    sockets.begin();
    sockets.commit();
}

#[cfg(feature = "quic")]
#[test]
fn a_port_of_datagrams_passes_from_one_protocol_to_the_other() {
    let mut sockets = Sockets::default();
    // A port that nobody else has.
    let any = sockets.claim_datagram(&endpoint("udp:0:interface=127.0.0.1")).unwrap();
    let Address::Ip(at) = any.local()[0] else { panic!("no port") };
    drop(any);
    sockets.begin();
    sockets.commit();
    let (udp, quic) = ("udp:PORT:interface=IF", "quic:PORT:interface=IF:cert=a");
    turns(&mut sockets, at.port(), udp, quic);
    turns(&mut sockets, at.port(), quic, udp);
    turns(&mut sockets, at.port(), udp, udp);
}
