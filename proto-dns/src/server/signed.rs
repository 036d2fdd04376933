//! Requests that are signed, and the keys that they are signed with (RFC 8945).

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::answered::Proof;
use crate::wire::tsig::{Signer, TsigKey};
use crate::wire::{NameRef, Rcode};

/// The keys that a server knows, by their names.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<[Arc<TsigKey>]>);

/// What vouches for a request: a signature that was checked and is good, or nothing.
#[derive(Debug, Default)]
pub struct Signed(Option<Signer>);

impl Keys {
    /// The key of this name.
    pub fn find(&self, name: NameRef<'_>) -> Option<Arc<TsigKey>> {
        self.0.iter().find(|key| key.name() == name).cloned()
    }
}

impl FromIterator<Arc<TsigKey>> for Keys {
    fn from_iter<I: IntoIterator<Item = Arc<TsigKey>>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl Signed {
    /// By what signs the replies.
    pub(super) fn by(signer: Signer) -> Self {
        Self(Some(signer))
    }

    /// The key; `None` where nobody vouches for the request, and where its signature is not good.
    pub fn key(&self) -> Option<&Arc<TsigKey>> {
        self.0.as_ref().filter(|signer| signer.error() == Rcode::NOERROR)?.key()
    }

    /// What tells the request from others, where its signature is good and nothing was replied to it.
    pub(super) fn proof(&self) -> Option<Proof> {
        let (until, mac) = self.0.as_ref().filter(|_| self.key().is_some())?.proof();
        Some((until, mac.to_vec()))
    }

    /// The name of the key.
    pub fn name(&self) -> Option<NameRef<'_>> {
        self.key().map(|key| key.name())
    }

    /// Octets to be kept free in each reply.
    pub fn length(&self) -> usize {
        self.0.as_ref().map_or(0, Signer::length)
    }

    /// Signs the reply that begins at `start`, which is whole but for that, where the request was signed; each reply with
    /// the one before it.
    pub fn sign(&mut self, message: &mut Vec<u8>, start: usize) {
        if let Some(signer) = &mut self.0 {
            signer.sign(message, start, now());
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
