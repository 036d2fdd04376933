use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use ropewalk_core::{Error, Result};

use super::{Record, Signer, TsigKey, timers};
use crate::wire::query::{Raw, word};
use crate::wire::{Class, HEADER, NameBuf, Rcode, Type};

/// Messages without a signature between two that have one, at most (RFC 8945 §5.3.1).
const UNSIGNED: u32 = 99;

/// Checks the replies to a request that was signed, in their order.
#[derive(Clone)]
pub struct Verifier {
    key: Arc<TsigKey>,
    /// Of the MAC before, and of the messages since then, which have none of their own.
    context: hmac::Context,
    unsigned: u32,
    is_first: bool,
}

impl Signer {
    /// What checks the replies to the request that this has signed; `None` where it has no key.
    pub fn verifier(&self) -> Option<Verifier> {
        let key = Arc::clone(self.key.as_ref()?);
        let context = after(&key, &self.prior);
        Some(Verifier { key, context, unsigned: 0, is_first: true })
    }
}

impl Verifier {
    /// Checks the next reply, at the time `now`, in seconds since 1970. The first must be signed, and then one of a hundred
    /// and the last: see [`end`](Self::end).
    ///
    /// # Errors
    /// Where it is not what the peer has signed with the key, or not in time; or why the peer did not take the request.
    pub fn check(&mut self, reply: &[u8], now: u64) -> Result<()> {
        let wrong = |what: &str| Error::peer(format!("the reply {what}"));
        let at = signature(reply).ok_or_else(|| wrong("cannot be read"))?;
        let Some(at) = at else {
            self.unsigned += 1;
            self.context.update(reply);
            let is_allowed = !self.is_first && self.unsigned <= UNSIGNED;
            return if is_allowed { Ok(()) } else { Err(wrong("is not signed")) };
        };
        let record = Record::read(reply, at).ok_or_else(|| wrong("has a signature that cannot be read"))?;
        let algorithm = self.key.algorithm.name();
        if record.name.view() != self.key.name() || record.algorithm != algorithm.view() {
            return Err(wrong("is signed with another key"));
        }
        let error = Rcode(u16::from_be_bytes(record.error));
        let refused = || {
            let error = if error == Rcode::BADSIG { "BADSIG".to_owned() } else { error.to_string() };
            Error::peer(format!("the server does not take what {} has signed: {error}", self.key.name()))
        };
        // Whoever says so without a signature, it is no reply; where it is the server, the key is what to look at.
        if record.mac.is_empty() && error != Rcode::NOERROR {
            return Err(refused());
        }
        let mut context = self.context.clone();
        record.update(&mut context, reply, at).ok_or_else(|| wrong("cannot be read"))?;
        match self.is_first {
            true => record.variables(&mut context),
            false => context.update(&timers(record.time, record.fudge)),
        }
        if verify_slices_are_equal(context.sign().as_ref(), record.mac).is_err() {
            return Err(wrong("has a bad signature"));
        }
        if error != Rcode::NOERROR {
            return Err(refused());
        }
        if now.abs_diff(record.time) > u64::from(record.fudge) {
            return Err(wrong("was signed at another time"));
        }
        self.context = after(&self.key, record.mac);
        (self.unsigned, self.is_first) = (0, false);
        Ok(())
    }

    /// Says that there are no more replies.
    ///
    /// # Errors
    /// Where the last was not signed.
    pub fn end(&self) -> Result<()> {
        let is_signed = self.unsigned == 0 && !self.is_first;
        if is_signed { Ok(()) } else { Err(Error::peer("the last reply is not signed")) }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What follows a MAC begins with it.
fn after(key: &TsigKey, mac: &[u8]) -> hmac::Context {
    let mut context = hmac::Context::with_key(&key.key);
    context.update(&(mac.len() as u16).to_be_bytes());
    context.update(mac);
    context
}

/// Where the TSIG of a message begins, if its last record is one; `None` for what is no message.
fn signature(message: &[u8]) -> Option<Option<usize>> {
    let mut pos = HEADER;
    for _ in 0..word(message, 4)? {
        NameBuf::new().read(message, &mut pos).ok()?;
        pos += 4;
    }
    let mut count = 0_u32;
    for at in [6, 8, 10] {
        count += u32::from(word(message, at)?);
    }
    let mut last = None;
    for _ in 0..count {
        last = Some(Raw::read(message, &mut pos)?);
    }
    let last = last.filter(|record| record.rtype == Type::TSIG && record.class == Class::ANY);
    (pos == message.len()).then(|| last.map(|record| record.start))
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, Check, TsigKey};
    use super::*;
    use crate::wire::{Head, Name, Query};

    const NOW: u64 = 1_700_000_000;

    fn key(secret: &[u8]) -> Arc<TsigKey> {
        let name: Name = "key.example".parse().unwrap();
        Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, secret))
    }

    /// A request, what checks its replies, and the server's side of the conversation.
    fn conversation(theirs: Arc<TsigKey>) -> (Verifier, Signer) {
        let mut request = b"\0\x07\0\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01".to_vec();
        let mut signer = Signer::new(key(b"secret"));
        signer.sign(&mut request, 0, NOW);
        let query = Query::read(Head::read(&request).unwrap(), &request).unwrap();
        let (Check::Good(server) | Check::Bad(server)) = Check::new(&query, |_| Some(theirs), NOW).unwrap()
        else {
            panic!();
        };
        (signer.verifier().unwrap(), server)
    }

    fn reply() -> Vec<u8> {
        b"\0\x07\x80\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01".to_vec()
    }

    fn signed(server: &mut Signer, now: u64) -> Vec<u8> {
        let mut reply = reply();
        server.sign(&mut reply, 0, now);
        reply
    }

    #[test]
    fn replies_are_good_in_their_order_and_with_some_unsigned_between() {
        let (mut client, mut server) = conversation(key(b"secret"));
        for _ in 0..3 {
            client.check(&signed(&mut server, NOW + 10), NOW).unwrap();
        }
        client.end().unwrap();
        client.check(&reply(), NOW).unwrap();
        assert!(client.end().is_err());
        // The server has signed nothing of what came between.
        assert!(client.clone().check(&signed(&mut server, NOW), NOW).is_err());
    }

    #[test]
    fn what_is_not_signed_by_the_key_is_no_reply() {
        let said =
            |reply: &[u8], mut client: Verifier, now| client.check(reply, now).unwrap_err().to_string();
        let (client, mut server) = conversation(key(b"secret"));
        assert_eq!(said(&reply(), client.clone(), NOW), "the reply is not signed");
        let good = signed(&mut server, NOW);
        assert_eq!(said(&good, client.clone(), NOW + 301), "the reply was signed at another time");
        for at in [2, 14, good.len() - 30] {
            let mut changed = good.clone();
            changed[at] ^= 1;
            assert!(client.clone().check(&changed, NOW).is_err(), "{at}");
        }
        assert!(client.clone().check(&good[..good.len() - 1], NOW).is_err());
        client.clone().check(&good, NOW).unwrap();
        let (client, mut server) = conversation(key(b"another"));
        let told = said(&signed(&mut server, NOW), client, NOW);
        assert_eq!(told, "the server does not take what key.example. has signed: BADSIG");
    }

    #[test]
    fn a_hundred_unsigned_messages_are_too_many() {
        let (mut client, mut server) = conversation(key(b"secret"));
        client.check(&signed(&mut server, NOW), NOW).unwrap();
        for _ in 0..99 {
            client.check(&reply(), NOW).unwrap();
        }
        assert!(client.check(&reply(), NOW).is_err());
    }
}
