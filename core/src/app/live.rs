use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::Context;
use crate::Address;
use crate::data::cred::Principal;

/// The id of a connection: 64 bits that sort by time, written in 13 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(u64);

impl ConnId {
    /// A new id: the time in milliseconds, then a count.
    pub fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
        let floor = millis << 20;
        let next = |last: u64| Some(floor.max(last + 1));
        // The closure never refuses, so both arms give the value before.
        let last = match LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(last) | Err(last) => last,
        };
        Self(floor.max(last + 1))
    }
}

/// Crockford's base 32: no letter that is taken for another.
impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        for place in (0..13).rev() {
            let digit = (self.0 >> (5 * place)) as usize % 32;
            fmt::Write::write_char(f, char::from(DIGITS.get(digit).copied().unwrap_or(b'?')))?;
        }
        Ok(())
    }
}

/// The connections that are open now, over all servers of an application.
#[derive(Default)]
pub struct Live(Mutex<BTreeMap<ConnId, Entry>>);

struct Entry {
    service: String,
    peer: Address,
    user: Option<String>,
    since: Instant,
    cx: Context,
}

/// One line of the list of connections.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LiveConnection {
    /// Its id.
    pub id: ConnId,
    /// The server that accepted it.
    pub service: String,
    /// Its peer.
    pub peer: Address,
    /// Who logged in.
    pub user: Option<String>,
    /// How long it has been open.
    pub age: Duration,
}

impl Live {
    /// Enters a connection; it stands in the list until the returned value is dropped.
    pub(super) fn enter(&self, id: ConnId, service: &str, peer: Address, cx: Context) -> Listed {
        let entry =
            Entry { service: service.into(), peer, user: None, since: Instant::now(), cx: cx.clone() };
        self.lock().insert(id, entry);
        Listed { id, cx }
    }

    pub(super) fn name(&self, id: ConnId, who: &Principal) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.user = Some(who.name().to_string());
        }
    }

    /// A proxy said that the peer is another.
    pub(crate) fn readdress(&self, id: ConnId, peer: &Address) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.peer = peer.clone();
        }
    }

    /// All of them, oldest first.
    pub fn list(&self) -> Vec<LiveConnection> {
        let line = |(id, entry): (&ConnId, &Entry)| LiveConnection {
            id: *id,
            service: entry.service.clone(),
            peer: entry.peer.clone(),
            user: entry.user.clone(),
            age: entry.since.elapsed(),
        };
        self.lock().iter().map(line).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Ends one now; whether it was there.
    pub fn kill(&self, id: ConnId) -> bool {
        self.lock().get(&id).map(|entry| entry.cx.end()).is_some()
    }

    /// Ends all that this user has; how many there were. For revoked people.
    pub fn kill_user(&self, user: &str) -> usize {
        let of_user = |entry: &&Entry| entry.user.as_deref() == Some(user);
        self.lock().values().filter(of_user).map(|entry| entry.cx.end()).count()
    }

    /// Ends all of this peer's network that nobody has logged in on.
    pub(super) fn end_strangers(&self, peer: &Address) {
        let Some(network) = peer.network() else { return };
        let is_one = |entry: &&Entry| entry.user.is_none() && entry.peer.network() == Some(network);
        self.lock().values().filter(is_one).for_each(|entry| entry.cx.end());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConnId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in the list.
pub(super) struct Listed {
    id: ConnId,
    cx: Context,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.cx.live().lock().remove(&self.id);
        self.cx.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_differ() {
        let ids: Vec<_> = (0..10_000).map(|_| ConnId::next()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(ids[0].to_string().len(), 13);
        assert!(ids.is_sorted_by_key(ToString::to_string));
    }

    #[test]
    fn strangers_of_a_network_end_and_nobody_else() {
        use crate::data::cred::Method;
        let root = Context::root(crate::Limits::default());
        let enter = |peer: &str| {
            let (id, peer) = (ConnId::next(), Address::from(peer.parse::<std::net::SocketAddr>().unwrap()));
            let cx = root.connection(tracing::Span::none(), id);
            let listed = root.live().enter(id, "web", peer, cx.clone());
            (id, cx, listed)
        };
        let (_, stranger, _kept) = enter("[2001:db8::1]:1");
        let (id, known, _kept) = enter("[2001:db8::2]:1");
        let (_, other, _kept) = enter("[2001:db8:0:1::1]:1");
        root.live().name(id, &Principal::new("ann".parse().unwrap(), [], Method::Password));
        root.live().end_strangers(&Address::from("[2001:db8::3]:9".parse::<std::net::SocketAddr>().unwrap()));
        assert_eq!([stranger, known, other].map(|cx| cx.is_ended()), [true, false, false]);
    }
}
