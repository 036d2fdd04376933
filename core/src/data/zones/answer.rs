use async_trait::async_trait;
use bytes::Bytes;

use crate::Address;
use crate::data::facts::Facts;

/// What answers DNS messages, so that who carries them needs to know nothing of DNS: as HTTP does (RFC 8484).
#[async_trait]
pub trait Answer: Send + Sync {
    /// The answer to a message from this peer; `None` where it is nothing that is answered.
    async fn answer(&self, request: &[u8], peer: &Address) -> Option<Answered>;

    /// Reads again what has changed, and tells the log of what is wrong with it; what was known before is then kept. Whoever
    /// answers by it calls this every second or so, and with `asked` where the operator asks for it.
    async fn refresh(&self, asked: bool);

    /// Does what is to be done besides, for as long as it is polled: fetches zones from other servers, and tells them of changes.
    /// Whoever answers by it polls this; of several, one does it.
    async fn tend(&self);

    /// What was counted since it was asked for last: what was done, how that ended, and how often.
    fn counted(&self) -> Vec<(&'static str, &'static str, u64)>;

    /// Derives from now on what it derives from what these services tell. Whoever answers by it calls this first.
    fn derive_from(&self, facts: &Facts);
}

/// An answer, and how long it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The message.
    pub message: Bytes,
    /// Seconds for which it may be kept, at most: 0 for what may not.
    pub max_age: u32,
}
