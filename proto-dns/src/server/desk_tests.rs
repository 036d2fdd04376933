use super::super::testing::{OPT, peer, request, short};
use super::*;
use crate::server::asking::{engine, query};
use crate::server::{Policies, Transport, Views, Who};
use crate::wire::Name;
use crate::wire::tsig::{Algorithm, Signer, TsigKey};

fn key(name: &str, secret: &[u8]) -> Arc<TsigKey> {
    let name: Name = name.parse().unwrap();
    Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, secret))
}

fn ours() -> Arc<TsigKey> {
    key("ours.example.", b"a secret of thirty-two octets!!!")
}

fn desk() -> Desk {
    Desk::new(Arc::new(engine())).keys([ours()].into_iter().collect())
}

fn signed(mut request: Vec<u8>, key: Arc<TsigKey>, time: u64) -> Vec<u8> {
    Signer::new(key).sign(&mut request, 0, time);
    request
}

/// What is replied to it: the first message.
async fn ask_over(transport: Transport, desk: &Desk, request: &[u8]) -> Option<Vec<u8>> {
    let (replies, mut ready) = mpsc::channel(4);
    let peer = peer(transport);
    let mut reply = Vec::new();
    let verdict = desk.engine().respond(request, &peer, &mut reply);
    if verdict == Verdict::Reply {
        return Some(reply);
    }
    let said = desk.answer(verdict, request, &peer, &replies).await;
    let reply = ready.try_recv().ok();
    assert_eq!(said, reply.as_deref().and_then(Rcode::of));
    reply
}

async fn ask(desk: &Desk, request: &[u8]) -> String {
    short(&ask_over(Transport::Tcp, desk, request).await.unwrap())
}

#[tokio::test]
async fn who_signs_gets_a_signed_answer() {
    let www = query(7, "www.example.", 1);
    let reply = ask(&desk(), &signed(www.clone(), ours(), now())).await;
    assert!(reply.starts_with("NOERROR AA: www.example. A"), "{reply}");
    assert!(reply.ends_with("ours.example. TSIG"), "{reply}");
    assert!(!ask(&desk(), &www).await.contains("TSIG"));
    let with_edns = signed(request("www.example A", &[OPT]), ours(), now());
    assert!(ask(&desk(), &with_edns).await.ends_with(". OPT, ours.example. TSIG"));
}

#[tokio::test]
async fn a_signature_that_is_not_good_is_told_and_gets_no_answer() {
    let www = || query(7, "www.example.", 1);
    for (message, name) in [
        (signed(www(), key("other.example.", b"x"), now()), "other.example."),
        (signed(www(), key("ours.example.", b"another secret"), now()), "ours.example."),
        (signed(www(), ours(), now() - 1000), "ours.example."),
    ] {
        assert_eq!(ask(&desk(), &message).await, format!("NOTAUTH + {name} TSIG"));
    }
    let mut broken = signed(www(), ours(), now());
    let last = broken.len() - 1;
    broken[last] = 7;
    assert_eq!(ask(&desk(), &broken).await, "FORMERR");
}

/// The zones alone answer it: nobody waits for a turn.
#[test]
fn what_is_signed_is_answered_at_once_where_it_asks_for_no_more() {
    let (desk, peer) = (desk(), peer(Transport::Udp));
    let www = || query(7, "www.example.", 1);
    for (message, verdict, expected) in [
        (signed(www(), ours(), now()), Verdict::Reply, "NOERROR AA: www.example. A"),
        (signed(www(), ours(), now() - 1000), Verdict::Reply, "NOTAUTH + ours.example. TSIG"),
        (signed(www(), key("other.", b"x"), now()), Verdict::Reply, "NOTAUTH + other. TSIG"),
        (signed(query(7, "example.", 251), ours(), now()), Verdict::Signed, ""),
    ] {
        let mut out = b"before".to_vec();
        assert_eq!(desk.respond(&message, &peer, &mut out), verdict);
        let reply = out.strip_prefix(b"before").unwrap();
        let text = if reply.is_empty() { String::new() } else { short(reply) };
        assert!(text.starts_with(expected) && (!expected.is_empty() || text.is_empty()), "{text}");
        assert_eq!(text.ends_with("TSIG"), verdict == Verdict::Reply, "{text}");
    }
    // It is signed as by who works it off.
    let request = signed(www(), ours(), now());
    let mut signer = Signer::new(ours());
    signer.sign(&mut www(), 0, now());
    let mut out = Vec::new();
    assert_eq!(desk.respond(&request, &peer, &mut out), Verdict::Reply);
    assert!(signer.verifier().unwrap().check(&out, now()).is_ok());
}

#[tokio::test]
async fn a_reply_leaves_room_for_its_signature() {
    let large = signed(request("large.example TXT", &[OPT]), ours(), now());
    let reply = ask_over(Transport::Udp, &desk(), &large).await.unwrap();
    assert!(reply.len() <= 1232);
    assert!(short(&reply).ends_with("TSIG") && short(&reply).contains(" TC"), "{}", short(&reply));
}

#[tokio::test]
async fn who_may_ask_can_be_who_has_a_key() {
    let queries = Some(crate::server::Acl::new(["key:ours.example".parse::<Who>().unwrap()]));
    let engine = engine().with(Policies { queries, ..Policies::default() });
    let desk = Desk::new(Arc::new(engine)).keys([ours(), key("two.", b"two")].into_iter().collect());
    let www = query(7, "www.example.", 1);
    assert_eq!(ask(&desk, &www).await, "REFUSED");
    assert!(ask(&desk, &signed(www.clone(), key("two.", b"two"), now())).await.starts_with("REFUSED"));
    assert!(ask(&desk, &signed(www, ours(), now())).await.starts_with("NOERROR"));
}

#[tokio::test]
async fn what_nobody_works_off_is_refused() {
    for (octet, qtype) in [(0, 252), (0x20, 6), (0x28, 6)] {
        let mut message = query(7, "example.", qtype);
        message[2] = octet;
        assert_eq!(ask(&desk(), &message).await, "REFUSED");
    }
}

#[tokio::test]
async fn a_view_is_for_who_is_in_it() {
    let empty = || Arc::new(Desk::new(Arc::new(crate::server::testing::engine(&[]))));
    let www = query(7, "www.example.", 1);
    let mut out = Vec::new();
    let mut rcode = |views: &Views| {
        out.clear();
        assert_eq!(views.respond(&www, &peer(Transport::Udp), &mut out).0, Verdict::Reply);
        Rcode::of(&out).unwrap()
    };
    let of =
        |who: &str, desk| Views::new(empty()).with(crate::server::Acl::new([who.parse().unwrap()]), desk);
    assert_eq!(rcode(&of("loopback", Arc::new(desk()))), Rcode::NOERROR);
    assert_eq!(rcode(&of("192.0.2.0/24", Arc::new(desk()))), Rcode::REFUSED);
    let keyed = of("key:ours.example", Arc::new(desk()));
    assert_eq!(rcode(&keyed), Rcode::REFUSED);
    for (key, found) in [(ours(), true), (key("two.", b"two"), false)] {
        let request = signed(www.clone(), key, now());
        let mut reply = Vec::new();
        let (verdict, desk) = keyed.respond(&request, &peer(Transport::Udp), &mut reply);
        assert_eq!(verdict, Verdict::Reply);
        assert_eq!(short(&reply).starts_with("NOERROR"), found);
        assert_eq!(ask(desk, &request).await.starts_with("NOERROR"), found);
    }
}
