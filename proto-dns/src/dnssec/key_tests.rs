use data_encoding::BASE64;

use super::*;
use crate::wire::rdata::{Text, from_text};
use crate::wire::{Name, Type};

/// Of RFC 6605 §6.1 and RFC 8080 §6.1: origin, algorithm, private part, DNSKEY, DS.
const EXAMPLES: [(&str, Algorithm, &str, &str, &str); 3] = [
    (
        "example.net",
        Algorithm::EcdsaP256,
        "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
        "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
        "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
    ),
    (
        "example.com",
        Algorithm::Ed25519,
        "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
        "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
        "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
    ),
    (
        "EXAMPLE.com",
        Algorithm::Ed25519,
        "DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
        "257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
        "35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
    ),
];

fn key(algorithm: Algorithm, private: &str, dnskey: &str) -> Option<SigningKey> {
    let dnskey = from_text(Type::DNSKEY, dnskey.as_bytes(), None).unwrap();
    SigningKey::of(algorithm, &BASE64.decode(private.as_bytes()).unwrap(), &dnskey)
}

#[test]
fn the_keys_of_the_rfcs_have_their_tags_and_digests() {
    for (origin, algorithm, private, dnskey, ds) in EXAMPLES {
        let (key, origin) = (key(algorithm, private, dnskey).unwrap(), origin.parse::<Name>().unwrap());
        let rdata = key.ds(origin.view());
        let text = Text { rtype: Type::DS, rdata: &rdata }.to_string().to_ascii_lowercase();
        assert_eq!(text, ds);
        assert_eq!(ds.split_once(' ').unwrap().0, key.tag().to_string());
        assert_eq!(BASE64.encode(&key.private().unwrap()), private);
    }
}

#[test]
fn parts_of_different_keys_are_no_key() {
    let [_, (_, algorithm, private, _, _), (_, _, _, dnskey, _)] = EXAMPLES;
    assert!(key(algorithm, private, dnskey).is_none());
    let other = dnskey.replace("257", "256");
    let (_, _, own, _, _) = EXAMPLES[2];
    assert!(key(algorithm, own, dnskey).is_some());
    assert!(key(algorithm, own, &other).is_none(), "others have another tag of it");
    assert!(key(Algorithm::EcdsaP256, own, dnskey).is_none());
    assert!(SigningKey::of(algorithm, b"", b"").is_none());
}

#[test]
fn a_new_key_is_the_same_after_it_was_kept() {
    for algorithm in Algorithm::ALL {
        let new = SigningKey::generate(algorithm).unwrap();
        let same = SigningKey::of(algorithm, &new.private().unwrap(), new.dnskey()).unwrap();
        assert_eq!((same.tag(), same.dnskey(), same.algorithm()), (new.tag(), new.dnskey(), algorithm));
        assert_ne!(SigningKey::generate(algorithm).unwrap().dnskey(), new.dnskey());
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        assert_eq!(algorithm.number().to_string().parse(), Ok(algorithm));
    }
    assert!("rsasha256".parse::<Algorithm>().is_err());
}
