//! What is ours, and leads to others.

use super::*;

#[tokio::test]
async fn what_is_ours_is_answered_by_us_and_says_that_there_is_recursion() {
    let server = serving(1).await;
    let forwarder = forwarder(&[&server]);
    let ask = async |question: &str, from: &str| {
        let addr = (from.parse::<IpAddr>().unwrap(), 9).into();
        let peer = Peer { addr, ..peer(Transport::Tcp) };
        let octets = forwarder.forward(&request(question, &[OPT]), &peer).await.unwrap();
        Message::read(&octets).unwrap()
    };
    assert_eq!(ask("ns.ours A", "127.0.0.1").await.flags.to_string(), "qr aa rd ra");
    assert_eq!(ask("ns.ours A", "198.51.100.1").await.flags.to_string(), "qr aa rd");
    assert_eq!(ask("x.ours A", "127.0.0.1").await.rcode, Rcode::NXDOMAIN);
    let refused = ask("www.example A", "198.51.100.1").await;
    assert_eq!((refused.rcode, refused.flags.to_string()), (Rcode::REFUSED, "qr rd".into()));
    assert_eq!(refused.edns.unwrap().options, [(15, Box::from(&b"\0\x12"[..]))]);
    assert_eq!(asked(&server), 0);
}

#[tokio::test]
async fn an_alias_of_ours_is_followed_to_others() {
    let server = serving(1).await;
    let forwarder = forwarder(&[&server]);
    for _ in 0..2 {
        let said = ask(&forwarder, "far.ours A").await;
        assert_eq!(said, "NOERROR AA: far.ours. CNAME, www.ours. CNAME, cdn.example. A");
    }
    assert_eq!(asked(&server), 1);
    // Who wishes no recursion, or may not have it, gets what is ours.
    let mut alone = request("www.ours A", &[]);
    alone[2] = 0;
    let said = short(&forwarder.forward(&alone, &peer(Transport::Tcp)).await.unwrap());
    assert_eq!(said, "NOERROR AA: www.ours. CNAME");
    let stranger = Peer { addr: ([198, 51, 100, 1], 9).into(), ..peer(Transport::Tcp) };
    let said = short(&forwarder.forward(&request("www.ours A", &[]), &stranger).await.unwrap());
    assert_eq!(said, "NOERROR AA: www.ours. CNAME");
    assert_eq!(asked(&server), 1);

    let forwarder = routed(vec![route("example", &[&server])]);
    assert_eq!(ask(&forwarder, "lost.ours A").await, "NOERROR AA: lost.ours. CNAME");
    let gone = Scripted::new(|_, request| vec![negative(request, 3, true)], |_| vec![]).await;
    let forwarder = routed(vec![route("example", &[&gone])]);
    assert_eq!(ask(&forwarder, "www.ours A").await, "NXDOMAIN AA: www.ours. CNAME / example. SOA");
}

/// RFC 4035 §3.1.3.3: also where others go on, the alias of a wildcard comes with what denies that there is anything closer.
#[tokio::test]
async fn an_alias_of_a_signed_wildcard_is_proven_where_others_go_on() {
    let server = serving(7).await;
    let forwarder = forwarder(&[&server]);
    let key = crate::dnssec::SigningKey::generate(crate::dnssec::Algorithm::Ed25519).unwrap();
    let how = crate::zone::Signing { key, nsec3: false, cds: crate::zone::Cds::None, validity: 86_400 };
    let base = zone(&format!("{OURS}*.ours. 60 IN CNAME cdn.example.\n"));
    let signed = how.sign(&base, None, 1, 1_700_000_000).unwrap().unwrap().zone;
    forwarder.0.engine().update(|_| [signed.clone()].into_iter().collect());
    // With DO, once asked and once known.
    let request = request("any.ours A", &[&[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]]);
    for _ in 0..2 {
        let said = short(&forwarder.forward(&request, &peer(Transport::Tcp)).await.unwrap());
        let expected =
            "NOERROR AA: any.ours. CNAME, any.ours. RRSIG, cdn.example. A / *.ours. NSEC, *.ours. RRSIG";
        assert!(said.starts_with(expected), "{said}");
    }
}
