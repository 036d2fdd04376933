use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, Signature,
};
use ropewalk_core::{Error, Result};
use zeroize::Zeroizing;

use crate::wire::NameRef;

/// An algorithm that zones are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA with the curve P-256 and SHA-256 (RFC 6605).
    EcdsaP256,
    /// Ed25519 (RFC 8080).
    Ed25519,
}

/// The key of a zone, which signs all of it: what is called a CSK.
pub struct SigningKey {
    pair: Pair,
    dnskey: Vec<u8>,
    tag: u16,
}

enum Pair {
    EcdsaP256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key of a zone that others hold by a DS (RFC 4034 §2.1.1).
const FLAGS: u16 = 257;
/// RFC 4034 §2.1.2.
const PROTOCOL: u8 = 3;
/// The octet before the point of a public key that is not compressed (SEC 1), which DNSKEY leaves out.
const POINT: u8 = 4;
/// SHA-256, as a digest of DS (RFC 4509).
const DIGEST: u8 = 2;

impl Algorithm {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::EcdsaP256, Self::Ed25519];

    /// Its number in the registry.
    pub fn number(self) -> u8 {
        match self {
            Self::EcdsaP256 => 13,
            Self::Ed25519 => 15,
        }
    }

    /// Its mnemonic there.
    pub fn mnemonic(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ECDSAP256SHA256",
            Self::Ed25519 => "ED25519",
        }
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is = |one: &Self| one.mnemonic().eq_ignore_ascii_case(text) || one.number().to_string() == text;
        let unknown =
            || format!("{text:?} is no algorithm that zones are signed with: ecdsap256sha256, ed25519");
        Self::ALL.into_iter().find(is).ok_or_else(unknown)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mnemonic().to_ascii_lowercase())
    }
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let failed = |error| Error::local("a key could not be made").caused_by(error);
        Ok(Self::new(match algorithm {
            Algorithm::EcdsaP256 => {
                Pair::EcdsaP256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?)
            }
            Algorithm::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
        }))
    }

    /// The key whose private part is `private`, and whose DNSKEY has this RDATA; `None` if they do not belong together, or
    /// are not of the form of the algorithm.
    pub fn of(algorithm: Algorithm, private: &[u8], dnskey: &[u8]) -> Option<Self> {
        let (_, public) = dnskey.split_at_checked(4)?;
        let pair = match algorithm {
            Algorithm::EcdsaP256 => {
                let point = [&[POINT], public].concat();
                let known = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_private_key_and_public_key(known, private, &point);
                Pair::EcdsaP256(pair.ok()?)
            }
            Algorithm::Ed25519 => {
                Pair::Ed25519(Ed25519KeyPair::from_seed_and_public_key(private, public).ok()?)
            }
        };
        Some(Self::new(pair)).filter(|key| key.dnskey == dnskey)
    }

    fn new(pair: Pair) -> Self {
        let mut dnskey = FLAGS.to_be_bytes().to_vec();
        match &pair {
            Pair::EcdsaP256(pair) => {
                dnskey.extend([PROTOCOL, Algorithm::EcdsaP256.number()]);
                dnskey.extend(pair.public_key().as_ref().iter().skip(1));
            }
            Pair::Ed25519(pair) => {
                dnskey.extend([PROTOCOL, Algorithm::Ed25519.number()]);
                dnskey.extend(pair.public_key().as_ref());
            }
        }
        let tag = tag(&dnskey);
        Self { pair, dnskey, tag }
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::EcdsaP256(_) => Algorithm::EcdsaP256,
            Pair::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// What tells it from others, nearly always (RFC 4034 §B).
    pub fn tag(&self) -> u16 {
        self.tag
    }

    /// The RDATA of its DNSKEY.
    pub fn dnskey(&self) -> &[u8] {
        &self.dnskey
    }

    /// The RDATA of its DS, with SHA-256, as the key of the zone at `origin`.
    pub fn ds(&self, origin: NameRef<'_>) -> Vec<u8> {
        let digest = digest(&SHA256, &[origin.to_lower().wire(), &self.dnskey].concat());
        let [high, low] = self.tag.to_be_bytes();
        [&[high, low, self.algorithm().number(), DIGEST], digest.as_ref()].concat()
    }

    /// Its private part, as it is kept.
    ///
    /// # Errors
    /// If it is nothing that can be kept.
    pub(crate) fn private(&self) -> Result<Zeroizing<Vec<u8>>> {
        let failed = |error| Error::local("a key could not be written").caused_by(error);
        match &self.pair {
            Pair::EcdsaP256(pair) => {
                let octets = pair.private_key().as_be_bytes().map_err(failed)?;
                Ok(Zeroizing::new(octets.as_ref().to_vec()))
            }
            Pair::Ed25519(pair) => {
                let octets = pair.seed().and_then(|seed| seed.as_be_bytes()).map_err(failed)?;
                Ok(Zeroizing::new(octets.as_ref().to_vec()))
            }
        }
    }

    /// The signature of these octets.
    pub(crate) fn sign(&self, octets: &[u8]) -> Result<Signature> {
        let signed = match &self.pair {
            Pair::EcdsaP256(pair) => pair.sign(&SystemRandom::new(), octets),
            Pair::Ed25519(pair) => pair.try_sign(octets),
        };
        signed.map_err(|error| Error::local("a signature could not be made").caused_by(error))
    }
}

/// The tag of a key (RFC 4034 §B).
fn tag(dnskey: &[u8]) -> u16 {
    let (pairs, last) = dnskey.as_chunks::<2>();
    let words = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair)));
    let sum: u32 = words.sum::<u32>() + last.iter().map(|octet| u32::from(*octet) << 8).sum::<u32>();
    (sum + (sum >> 16)) as u16
}

/// Without what is secret.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm()).field("tag", &self.tag).finish()
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
