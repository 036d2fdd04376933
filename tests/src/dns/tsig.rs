//! TSIG (RFC 8945): signatures that are made, in every wrong way too, and those that come back.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::client::{Over, exchange, read};
use super::reader::Reader;
use super::wire::{ANY, Message, Name, Record, TSIG};
use crate::{Broken, Peer};

pub(super) const BADSIG: u16 = 16;
pub(super) const BADKEY: u16 = 17;
pub(super) const BADTIME: u16 = 18;
pub(super) const BADTRUNC: u16 = 22;

/// A key of HMAC-SHA256.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) name: Name,
    pub(super) secret: Vec<u8>,
}

/// The data of a TSIG record (RFC 8945 §4.2), with the name of its key.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) key: Name,
    pub(super) algorithm: Name,
    pub(super) time: u64,
    pub(super) fudge: u16,
    pub(super) mac: Vec<u8>,
    pub(super) original_id: u16,
    pub(super) error: u16,
    pub(super) other: Vec<u8>,
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Key {
    /// From its name and its secret in base64.
    pub(super) fn of((name, secret): (&str, &str)) -> Result<Self, Broken> {
        let name =
            super::text::name(name, &Name::default()).map_err(|why| Broken::new("the name of a key", why))?;
        let secret = BASE64_STANDARD
            .decode(secret)
            .map_err(|why| Broken::new("a secret in base64", why.to_string()))?;
        Ok(Self { name, secret })
    }

    /// The key that the subject was told of.
    pub(super) fn main(peer: &Peer) -> Result<Self, Broken> {
        Self::of(peer.subject().login())
    }

    /// The key that may do nothing.
    pub(super) fn other(peer: &Peer) -> Result<Self, Broken> {
        Self::of(peer.subject().second())
    }

    /// What a signature by this key begins as.
    pub(super) fn signature(&self, message: &Message) -> Signature {
        Signature {
            key: self.name.clone(),
            algorithm: Name(vec![b"hmac-sha256".to_vec()]),
            time: now(),
            fudge: 300,
            mac: Vec::new(),
            original_id: message.id,
            error: 0,
            other: Vec::new(),
        }
    }

    fn mac(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.secret));
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().to_vec()
    }

    /// The message with a TSIG record behind it, and its MAC. `form` changes the record once it is signed.
    pub(super) fn sign(
        &self,
        message: &Message,
        mut signature: Signature,
        form: impl FnOnce(&mut Signature),
    ) -> (Vec<u8>, Vec<u8>) {
        let as_signed = Message { id: signature.original_id, ..message.clone() };
        signature.mac = self.mac(&[&as_signed.to_wire(), &signature.variables()]);
        let mac = signature.mac.clone();
        form(&mut signature);
        let mut signed = message.clone();
        signed.additional.push(signature.record());
        (signed.to_wire(), mac)
    }

    /// An answer to what `prior` is the MAC of, signed, and its MAC. `later` is for the messages after the first.
    pub(super) fn answer(&self, message: &Message, prior: &[u8], later: bool) -> (Vec<u8>, Vec<u8>) {
        let mut signature = self.signature(message);
        let tail = if later { signature.timers() } else { signature.variables() };
        signature.mac = self.mac(&[&length(prior), prior, &message.to_wire(), &tail]);
        let mut signed = message.clone();
        signed.additional.push(signature.record());
        (signed.to_wire(), signature.mac)
    }

    /// Whether a message is signed by this key, in answer to what `prior` is the MAC of. `before` are messages without TSIG
    /// that came since the last one with it; the second message with TSIG and those after it have its timers only.
    pub(super) fn verify(
        &self,
        wire: &[u8],
        prior: &[u8],
        before: &[u8],
        later: bool,
    ) -> Result<Signature, Broken> {
        let wrong = |why: &str| Broken::new("a message that the key has signed", why);
        let message = Message::read(wire).map_err(|why| wrong(&why))?;
        let record = message.tsig().ok_or_else(|| wrong(&format!("no TSIG in {message}")))?;
        let signature = Signature::read(record).map_err(|why| wrong(&why))?;
        if signature.key != self.name {
            return Err(wrong(&format!("the key {}", signature.key)));
        }
        if signature.time.abs_diff(now()) > 300 && signature.error != BADTIME {
            return Err(wrong("another time"));
        }
        let mut unsigned = wire.get(..message.last).unwrap_or_default().to_vec();
        unsigned.splice(..2, signature.original_id.to_be_bytes());
        let count = u16::try_from(message.additional.len().saturating_sub(1)).unwrap_or_default();
        unsigned.splice(10..12, count.to_be_bytes());
        let length = u16::try_from(prior.len()).unwrap_or_default().to_be_bytes();
        let prior: &[&[u8]] = if prior.is_empty() { &[] } else { &[&length, prior] };
        let tail = if later { signature.timers() } else { signature.variables() };
        let mac = self.mac(&[prior, &[before, &unsigned, &tail]].concat());
        if mac != signature.mac {
            return Err(wrong(&format!("another MAC in {message} with the error {}", signature.error)));
        }
        Ok(signature)
    }
}

impl Signature {
    /// RFC 8945 §4.3.3.
    fn variables(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.key.lower().write(&mut out);
        out.extend(ANY.to_be_bytes());
        out.extend(0_u32.to_be_bytes());
        self.algorithm.lower().write(&mut out);
        out.extend(self.timers());
        out.extend(self.error.to_be_bytes());
        out.extend(length(&self.other));
        out.extend_from_slice(&self.other);
        out
    }

    fn timers(&self) -> Vec<u8> {
        self.time.to_be_bytes().into_iter().skip(2).chain(self.fudge.to_be_bytes()).collect()
    }

    pub(super) fn record(&self) -> Record {
        let mut data = Vec::new();
        self.algorithm.write(&mut data);
        data.extend(self.timers());
        data.extend(length(&self.mac));
        data.extend_from_slice(&self.mac);
        data.extend(self.original_id.to_be_bytes());
        data.extend(self.error.to_be_bytes());
        data.extend(length(&self.other));
        data.extend_from_slice(&self.other);
        Record { name: self.key.clone(), kind: TSIG, class: ANY, ttl: 0, data }
    }

    pub(super) fn read(record: &Record) -> Result<Self, String> {
        if record.class != ANY || record.ttl != 0 {
            return Err("TSIG of another class than ANY, or with a TTL".into());
        }
        let mut reader = Reader { wire: &record.data, at: 0 };
        let algorithm = reader.name(false)?;
        let time = (u64::from(reader.u16()?) << 32) | u64::from(reader.u32()?);
        let fudge = reader.u16()?;
        let size = reader.u16()?;
        let mac = reader.take(usize::from(size))?.to_vec();
        let (original_id, error) = (reader.u16()?, reader.u16()?);
        let size = reader.u16()?;
        let other = reader.take(usize::from(size))?.to_vec();
        if reader.at != record.data.len() {
            return Err("octets behind TSIG".into());
        }
        Ok(Self { key: record.name.clone(), algorithm, time, fudge, mac, original_id, error, other })
    }
}

fn length(octets: &[u8]) -> [u8; 2] {
    u16::try_from(octets.len()).unwrap_or(u16::MAX).to_be_bytes()
}

/// Asks what is signed by this key, and sees that the answer is signed by it too; but for FORMERR, since a message that
/// cannot be read shows no signature.
pub(super) async fn ask_signed(
    peer: &mut Peer,
    over: Over,
    query: &Message,
    key: &Key,
) -> Result<Message, Broken> {
    let (wire, mac) = key.sign(query, key.signature(query), |_| {});
    let came = exchange(peer, over, &wire).await?;
    let answer = read(query, &came)?;
    if answer.rcode() != 1 || answer.tsig().is_some() {
        key.verify(&came, &mac, &[], false)?;
    }
    Ok(answer)
}
