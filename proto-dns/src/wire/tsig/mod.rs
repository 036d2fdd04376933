//! Messages that are signed with a shared secret (RFC 8945).

mod text;
mod verify;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::query::Raw;
use super::{Class, HEADER, Name, NameRef, Query, Rcode, Type};
pub use verify::Verifier;

/// For how many seconds what we sign is good, before and after (RFC 8945 §10).
const FUDGE: u16 = 300;
/// The fewest octets that a MAC may be cut to (RFC 8945 §5.2.2.1).
const SHORTEST: usize = 10;

/// A secret that is shared with a peer, under a name that both know it by.
#[derive(Debug)]
pub struct TsigKey {
    name: Name,
    algorithm: Algorithm,
    key: hmac::Key,
}

/// How a MAC is made (RFC 8945 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// For old peers only.
    HmacSha1,
    /// HMAC with SHA-224.
    HmacSha224,
    /// What all have.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// What was found out about the signature of a request.
#[derive(Debug)]
pub enum Check {
    /// It has none.
    Unsigned,
    /// It is good: this signs the reply, or all messages of it.
    Good(Signer),
    /// It is not: the reply is NOTAUTH, and this adds why, signed where that can be (RFC 8945 §5.3.2).
    Bad(Signer),
}

/// What signs the messages of a conversation, each with what was signed before it.
#[derive(Debug)]
pub struct Signer {
    key: Option<Arc<TsigKey>>,
    name: Name,
    algorithm: Name,
    /// The MAC before, of the request or of the last message.
    prior: Vec<u8>,
    is_first: bool,
    error: Rcode,
    /// Of a request: the last second in which it is taken.
    until: u64,
    /// The time of the client, where ours is what it does not take.
    time: Option<(u64, u16)>,
}

/// A TSIG record.
struct Record<'a> {
    name: Name,
    algorithm: NameRef<'a>,
    time: u64,
    fudge: u16,
    mac: &'a [u8],
    id: [u8; 2],
    error: [u8; 2],
    other: &'a [u8],
}

impl TsigKey {
    /// The key of this name.
    pub fn new(name: NameRef<'_>, algorithm: Algorithm, secret: &[u8]) -> Self {
        Self { name: name.to_lower(), algorithm, key: hmac::Key::new(algorithm.hmac(), secret) }
    }

    /// Its name, in small letters.
    pub fn name(&self) -> NameRef<'_> {
        self.name.view()
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What tells it from every other key, and tells nobody the secret.
    pub fn fingerprint(&self) -> impl AsRef<[u8]> + use<> {
        hmac::sign(&self.key, self.name.wire())
    }
}

impl Check {
    /// Checks the signature of a request at the time `now`, in seconds since 1970: its key, its MAC, its time, and whether
    /// the MAC is whole, in this order.
    ///
    /// # Errors
    /// FORMERR, if the record cannot be read.
    pub fn new(
        query: &Query<'_>,
        key: impl FnOnce(NameRef<'_>) -> Option<Arc<TsigKey>>,
        now: u64,
    ) -> Result<Self, Rcode> {
        let Some(at) = query.tsig else { return Ok(Self::Unsigned) };
        let record = Record::read(query.message, at).ok_or(Rcode::FORMERR)?;
        let mut signer = Signer {
            key: None,
            name: record.name.view().to_lower(),
            algorithm: record.algorithm.to_lower(),
            prior: Vec::new(),
            is_first: true,
            error: Rcode::BADKEY,
            until: record.time.saturating_add(record.fudge.into()),
            time: Some((record.time, record.fudge)),
        };
        let key = key(record.name.view()).filter(|key| key.algorithm.name() == signer.algorithm);
        let Some(key) = key else { return Ok(Self::Bad(signer)) };
        let mac = record.mac(&key, query.message, at).ok_or(Rcode::FORMERR)?;
        let mac = mac.as_ref();
        if record.mac.len() > mac.len() || record.mac.len() < SHORTEST.max(mac.len() / 2) {
            return Err(Rcode::FORMERR);
        }
        let start = mac.get(..record.mac.len()).unwrap_or_default();
        if verify_slices_are_equal(start, record.mac).is_err() {
            signer.error = Rcode::BADSIG;
            return Ok(Self::Bad(signer));
        }
        let is_whole = record.mac.len() == mac.len();
        signer.key = Some(key);
        signer.prior = record.mac.to_vec();
        if now.abs_diff(record.time) > u64::from(record.fudge) {
            signer.error = Rcode::BADTIME;
        } else {
            signer.time = None;
            signer.error = if is_whole { Rcode::NOERROR } else { Rcode::BADTRUNC };
        }
        Ok(if signer.error == Rcode::NOERROR { Self::Good(signer) } else { Self::Bad(signer) })
    }
}

impl Signer {
    /// What signs a request with a key.
    pub fn new(key: Arc<TsigKey>) -> Self {
        let (name, algorithm) = (key.name.clone(), key.algorithm.name());
        let (prior, error) = (Vec::new(), Rcode::NOERROR);
        Self { key: Some(key), name, algorithm, prior, is_first: true, error, until: 0, time: None }
    }

    /// What tells the request that was checked from others, until it has signed a reply to it: the last second in which the request
    /// is taken, and its MAC.
    pub(crate) fn proof(&self) -> (u64, &[u8]) {
        (self.until, &self.prior)
    }

    /// The key, if the request was signed with one of ours.
    pub fn key(&self) -> Option<&Arc<TsigKey>> {
        self.key.as_ref()
    }

    /// What is wrong with the request, or NOERROR.
    pub fn error(&self) -> Rcode {
        self.error
    }

    /// How many octets the record has, at most: to be kept free in a message.
    pub fn length(&self) -> usize {
        let mac = self.key.as_ref().map_or(0, |key| key.key.algorithm().digest_algorithm().output_len());
        self.name.wire().len() + 10 + self.algorithm.wire().len() + 16 + mac + 6
    }

    /// Adds a TSIG record to the message that begins at `start`, which is whole but for it, at the time `now`.
    pub fn sign(&mut self, message: &mut Vec<u8>, start: usize, now: u64) {
        let now_octets = now.to_be_bytes();
        let other = match self.error {
            Rcode::BADTIME => now_octets.get(2..).unwrap_or_default(),
            _ => &[],
        };
        let (time, fudge) = self.time.unwrap_or((now, FUDGE));
        let error = self.error.0.to_be_bytes();
        let mac = self.key.as_ref().map(|key| {
            let mut context = hmac::Context::with_key(&key.key);
            if !self.prior.is_empty() {
                context.update(&(self.prior.len() as u16).to_be_bytes());
                context.update(&self.prior);
            }
            context.update(message.get(start..).unwrap_or_default());
            if self.is_first {
                variables(&mut context, self.name.view(), self.algorithm.view(), time, fudge, error, other);
            } else {
                context.update(&timers(time, fudge));
            }
            context.sign()
        });
        let mac = mac.as_ref().map_or(&[][..], hmac::Tag::as_ref);
        let id: [u8; 2] =
            message.get(start..).and_then(|message| message.first_chunk()).copied().unwrap_or_default();
        let length = |octets: &[u8]| (octets.len() as u16).to_be_bytes();
        let data = [
            self.algorithm.wire(),
            &timers(time, fudge),
            &length(mac),
            mac,
            &id,
            &error,
            &length(other),
            other,
        ];
        let data = data.concat();
        message.extend_from_slice(self.name.wire());
        message.extend_from_slice(&Type::TSIG.0.to_be_bytes());
        message.extend_from_slice(&Class::ANY.0.to_be_bytes());
        message.extend_from_slice(&[0; 4]);
        message.extend_from_slice(&length(&data));
        message.extend_from_slice(&data);
        if let Some([high, low]) = message.get_mut(start + 10..start + 12) {
            [*high, *low] = u16::from_be_bytes([*high, *low]).wrapping_add(1).to_be_bytes();
        }
        self.prior = mac.to_vec();
        self.is_first = false;
    }
}

impl<'a> Record<'a> {
    fn read(message: &'a [u8], at: usize) -> Option<Self> {
        let raw = Raw::read(message, &mut { at })?;
        let data = message.get(raw.at..raw.at + usize::from(raw.length))?;
        let (algorithm, rest) = NameRef::split(data).ok()?;
        let (&[a, b, c, d, e, f, g, h, i, j], rest) = rest.split_first_chunk()?;
        let (mac, rest) = rest.split_at_checked(u16::from_be_bytes([i, j]).into())?;
        let (&[id, id2, error, error2, k, l], other) = rest.split_first_chunk()?;
        let is_whole = raw.ttl == 0 && other.len() == usize::from(u16::from_be_bytes([k, l]));
        is_whole.then_some(Self {
            name: raw.owner(message)?,
            algorithm,
            time: u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
            fudge: u16::from_be_bytes([g, h]),
            mac,
            id: [id, id2],
            error: [error, error2],
            other,
        })
    }

    /// The MAC that the message should have.
    fn mac(&self, key: &TsigKey, message: &[u8], at: usize) -> Option<hmac::Tag> {
        let mut context = hmac::Context::with_key(&key.key);
        self.update(&mut context, message, at)?;
        self.variables(&mut context);
        Some(context.sign())
    }

    /// Adds the message as it was before the record was added to it, by the sender itself.
    fn update(&self, context: &mut hmac::Context, message: &[u8], at: usize) -> Option<()> {
        let header = message.first_chunk::<HEADER>()?;
        let [_, _, flags @ .., high, low] = *header;
        let additional = u16::from_be_bytes([high, low]).checked_sub(1)?;
        context.update(&self.id);
        context.update(&flags);
        context.update(&additional.to_be_bytes());
        context.update(message.get(HEADER..at)?);
        Some(())
    }

    fn variables(&self, context: &mut hmac::Context) {
        let (name, algorithm) = (self.name.view().to_lower(), self.algorithm.to_lower());
        variables(context, name.view(), algorithm.view(), self.time, self.fudge, self.error, self.other);
    }
}

/// What of a TSIG record is signed (RFC 8945 §4.3.3); names are in small letters.
fn variables(
    context: &mut hmac::Context,
    name: NameRef<'_>,
    algorithm: NameRef<'_>,
    time: u64,
    fudge: u16,
    error: [u8; 2],
    other: &[u8],
) {
    context.update(name.wire());
    context.update(&Class::ANY.0.to_be_bytes());
    context.update(&[0; 4]);
    context.update(algorithm.wire());
    context.update(&timers(time, fudge));
    context.update(&error);
    context.update(&(other.len() as u16).to_be_bytes());
    context.update(other);
}

/// 48 bits of seconds, and the fudge.
fn timers(time: u64, fudge: u16) -> [u8; 8] {
    let ([_, _, a, b, c, d, e, f], [g, h]) = (time.to_be_bytes(), fudge.to_be_bytes());
    [a, b, c, d, e, f, g, h]
}

impl Algorithm {
    const ALL: [Self; 5] =
        [Self::HmacSha1, Self::HmacSha224, Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::HmacSha224 => hmac::HMAC_SHA224,
            Self::HmacSha256 => hmac::HMAC_SHA256,
            Self::HmacSha384 => hmac::HMAC_SHA384,
            Self::HmacSha512 => hmac::HMAC_SHA512,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha224 => "hmac-sha224",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    /// The name that stands in messages.
    fn name(self) -> Name {
        NameRef::ROOT.child(self.text().as_bytes()).unwrap_or_else(|_| Name::root())
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for Algorithm {
    type Err = ropewalk_core::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.text().eq_ignore_ascii_case(text));
        known.ok_or_else(|| {
            ropewalk_core::Error::local(format!("{text:?} is no algorithm of TSIG, such as hmac-sha256"))
        })
    }
}

#[cfg(test)]
mod tests;
