use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use data_encoding::BASE64;
use proptest::prelude::*;

use super::super::{Algorithm, SigningKey};
use super::*;
use crate::wire::rdata::from_text;
use crate::wire::{Name, Rrset};
use crate::zone::testing::record;

fn set(rtype: Type, ttl: u32, rdata: Vec<&[u8]>) -> DraftSet<'_> {
    DraftSet { rtype, covers: Type(0), ttl, rdata }
}

/// RFC 8080 §6.1: its signatures are always the same.
#[test]
fn the_signature_of_the_rfc_is_made_again() {
    let dnskey = from_text(Type::DNSKEY, b"257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=", None);
    let private = BASE64.decode(b"ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=").unwrap();
    let key = SigningKey::of(Algorithm::Ed25519, &private, &dnskey.unwrap()).unwrap();
    let mx = record("example.com. 3600 IN MX 10 mail.example.com.");
    let origin: Name = "Example.COM".parse().unwrap();
    let times = Times { inception: 1_438_207_200, expiration: 1_440_021_600 };
    let signed =
        rrsig(&key, origin.view(), mx.name.view(), &set(Type::MX, 3600, vec![&mx.rdata]), times).unwrap();
    let expected = from_text(
        Type::RRSIG,
        b"MX 15 2 3600 20150819220000 20150729220000 3613 example.com. \
          oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
        None,
    );
    assert_eq!(super::times(&signed).unwrap().expiration, 1_440_021_600);
    // The text of the RFC has a signature over another number of labels; the errata of it has this one.
    assert_eq!(signed, expected.unwrap());
}

/// RFC 6605 §6.1.
#[test]
fn the_signature_of_the_rfc_is_over_what_we_sign() {
    let dnskey = from_text(
        Type::DNSKEY,
        b"257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
        None,
    );
    let theirs = from_text(
        Type::RRSIG,
        b"A 13 3 3600 20100909100439 20100812100439 55648 example.net. \
          qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
        None,
    );
    let a = record("www.example.net. 3600 IN A 192.0.2.1");
    let theirs = theirs.unwrap();
    let (head, signature) = theirs.split_at(theirs.len() - 64);
    let mut signed = head.to_vec();
    canonical_set(a.name.view(), &set(Type::A, 3600, vec![&a.rdata]), &mut signed);
    let point = [&[4], &dnskey.unwrap()[4..]].concat();
    let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap();
    public.verify_sig(&signed, signature).unwrap();
}

#[test]
fn names_are_small_in_the_types_of_the_rfc_only() {
    for (text, expected) in [
        ("x. 1 IN NS NS.Example.", "x. 1 IN NS ns.example."),
        ("x. 1 IN SRV 1 2 3 Host.Example.", "x. 1 IN SRV 1 2 3 host.example."),
        ("x. 1 IN DNAME Host.Example.", "x. 1 IN DNAME host.example."),
        ("x. 1 IN SVCB 1 Host.Example.", "x. 1 IN SVCB 1 Host.Example."),
        ("x. 1 IN NSEC Next.Example. A", "x. 1 IN NSEC Next.Example. A"),
        ("x. 1 IN NSAP-PTR Host.Example.", "x. 1 IN NSAP-PTR Host.Example."),
        ("x. 1 IN TXT \"Text\"", "x. 1 IN TXT \"Text\""),
    ] {
        let (given, wanted) = (record(text), record(expected));
        assert_eq!(canonical(given.rtype, &given.rdata), wanted.rdata.to_vec(), "{text}");
    }
}

#[test]
fn records_are_in_the_order_of_their_octets_and_each_is_there_once() {
    let owner: Name = "OWNER.Example".parse().unwrap();
    let rdata: [&[u8]; 4] = [&[1, 0], &[0, 9, 9], &[0, 9], &[1, 0]];
    let mut out = Vec::new();
    canonical_set(owner.view(), &set(Type(65280), 7, rdata.to_vec()), &mut out);
    let one = |rdata: &[u8]| {
        let length = (rdata.len() as u16).to_be_bytes();
        [b"\x05owner\x07example\0", &[0xff, 0, 0, 1, 0, 0, 0, 7][..], &length, rdata].concat()
    };
    assert_eq!(out, [one(&[0, 9]), one(&[0, 9, 9]), one(&[1, 0])].concat());
}

#[test]
fn a_wildcard_is_no_label_of_its_signature() {
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let origin: Name = "example".parse().unwrap();
    for (owner, labels) in [("*.a.example", 2), ("a.*.example", 3), ("example", 1)] {
        let owner: Name = owner.parse().unwrap();
        let times = Times { inception: 0, expiration: 1 };
        let made = rrsig(&key, origin.view(), owner.view(), &set(Type::A, 1, vec![&[1, 2, 3, 4]]), times);
        assert_eq!(made.unwrap()[3], labels, "{owner}");
    }
}

proptest! {
    #[test]
    fn a_signature_is_good_whatever_the_order_and_the_case(
        mut octets in prop::collection::vec(any::<[u8; 4]>(), 1..6), swap: bool, second: bool,
    ) {
        let algorithm = if second { Algorithm::EcdsaP256 } else { Algorithm::Ed25519 };
        let key = SigningKey::generate(algorithm).unwrap();
        let (origin, owner): (Name, Name) = ("example".parse().unwrap(), "Www.example".parse().unwrap());
        let times = Times { inception: 5, expiration: 6 };
        let made = {
            let set = set(Type::A, 60, octets.iter().map(|octets| &octets[..]).collect());
            rrsig(&key, origin.view(), owner.view(), &set, times).unwrap()
        };
        if swap {
            octets.reverse();
        }
        let lower = owner.view().to_lower();
        let (head, signature) = made.split_at(made.len() - 64);
        let mut signed = head.to_vec();
        canonical_set(lower.view(), &set(Type::A, 60, octets.iter().map(|octets| &octets[..]).collect()), &mut signed);
        let public = match algorithm {
            Algorithm::EcdsaP256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], &key.dnskey()[4..]].concat()),
            Algorithm::Ed25519 => ParsedPublicKey::new(&ED25519, &key.dnskey()[4..]),
        };
        prop_assert!(public.unwrap().verify_sig(&signed, signature).is_ok());
        prop_assert!(rdata_is_rrsig(&made));
    }
}

fn rdata_is_rrsig(rdata: &[u8]) -> bool {
    let length = (rdata.len() as u16).to_be_bytes();
    let octets = [&length, rdata].concat();
    let set = Rrset::new(Type::RRSIG, Type::A, 60, &octets);
    crate::wire::rdata::check(Type::RRSIG, rdata).is_ok() && set.rdata().count() == 1
}
