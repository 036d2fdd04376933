use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::Context;
use crate::Address;
use crate::data::cred::Name;

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

/// People whose names a connection keeps, at most: a proxy may bring those of many in one.
const NAMES: usize = 64;

/// The connections that are open now, over all servers of an application.
#[derive(Default)]
pub struct Live {
    connections: Mutex<BTreeMap<ConnId, Entry>>,
    /// How often somebody was revoked. It changes under the lock.
    revoked: AtomicU64,
}

/// Whom an application had revoked when this was asked for: what [`Context::authenticated`] compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocations(u64);

struct Entry {
    service: String,
    peer: Address,
    /// Who has logged in, the last of them at the end.
    users: Vec<Name>,
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
    /// Who logged in last.
    pub user: Option<String>,
    /// How long it has been open.
    pub age: Duration,
}

impl Live {
    /// Enters a connection; it stands in the list until the returned value is dropped.
    pub(super) fn enter(&self, id: ConnId, service: &str, peer: Address, cx: Context) -> Listed {
        let (users, since) = (Vec::new(), Instant::now());
        let entry = Entry { service: service.into(), peer, users, since, cx: cx.clone() };
        self.lock().insert(id, entry);
        Listed { id, cx }
    }

    pub(super) fn revocations(&self) -> Revocations {
        Revocations(self.revoked.load(Ordering::Acquire))
    }

    /// Enters a name, unless somebody was revoked since then; whether it did.
    pub(super) fn name(&self, id: Option<ConnId>, who: &Name, since: Revocations) -> bool {
        let mut connections = self.lock();
        if self.revocations() != since {
            return false;
        }
        let Some(Entry { users, .. }) = id.and_then(|id| connections.get_mut(&id)) else { return true };
        if users.last() != Some(who) {
            users.retain(|user| user != who);
            if users.len() == NAMES {
                users.remove(0);
            }
            users.push(who.clone());
        }
        true
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
            user: entry.users.last().map(Name::to_string),
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

    /// Ends all on which this user has logged in; how many there were. For people whose account is another now: a login
    /// that has begun and is not entered yet is asked for again, so whoever checks it has to know of the change before.
    pub fn kill_user(&self, user: &str) -> usize {
        let connections = self.lock();
        self.revoked.fetch_add(1, Ordering::Release);
        let of_user = |entry: &&Entry| entry.users.iter().any(|name| name.as_str() == user);
        connections.values().filter(of_user).map(|entry| entry.cx.end()).count()
    }

    /// Ends all of this peer's network, whoever has logged in on them; how many there were. For banned peers.
    pub fn kill_peer(&self, peer: &Address) -> usize {
        let Some(network) = peer.network() else { return 0 };
        self.kill_peers(|peer| peer.network() == Some(network))
    }

    /// Ends all whose peer is such a one; how many there were.
    pub fn kill_peers(&self, is_one: impl Fn(&Address) -> bool) -> usize {
        self.lock().values().filter(|entry| is_one(&entry.peer)).map(|entry| entry.cx.end()).count()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConnId, Entry>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
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
    use crate::data::cred::Principal;

    #[test]
    fn ids_rise_and_differ() {
        let ids: Vec<_> = (0..10_000).map(|_| ConnId::next()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(ids[0].to_string().len(), 13);
        assert!(ids.is_sorted_by_key(ToString::to_string));
    }

    fn at(peer: &str) -> Address {
        peer.parse::<std::net::SocketAddr>().unwrap().into()
    }

    fn enter(root: &Context, peer: &str) -> (Context, Listed) {
        let id = ConnId::next();
        let cx = root.connection(tracing::Span::none(), id);
        let listed = root.live().enter(id, "web", at(peer), cx.clone());
        (cx, listed)
    }

    fn principal(name: &str) -> Principal {
        Principal::new(name.parse().unwrap(), [], crate::data::cred::Method::Password)
    }

    #[test]
    fn a_banned_network_is_cut_off_whoever_has_logged_in() {
        let root = Context::root(crate::Limits::default());
        let (stranger, _kept) = enter(&root, "[2001:db8::1]:1");
        let (known, _kept) = enter(&root, "[2001:db8::2]:1");
        let (other, _kept) = enter(&root, "[2001:db8:0:1::1]:1");
        assert!(known.authenticated(&principal("ann"), root.revocations()));
        assert_eq!(root.live().kill_peer(&at("[2001:db8::3]:9")), 2);
        assert_eq!([stranger, known, other].map(|cx| cx.is_ended()), [true, true, false]);
    }

    #[test]
    fn who_is_revoked_is_cut_off_on_every_connection_with_the_name() {
        let root = Context::root(crate::Limits::default());
        let (anns, _kept) = enter(&root, "192.0.2.1:1");
        let (of_both, _kept) = enter(&root, "192.0.2.1:2");
        let (bobs, _kept) = enter(&root, "192.0.2.1:3");
        for (cx, who) in [(&anns, "ann"), (&of_both, "ann"), (&of_both, "bob"), (&bobs, "bob")] {
            assert!(cx.authenticated(&principal(who), root.revocations()));
        }
        assert_eq!(root.live().list().iter().filter(|one| one.user.as_deref() == Some("bob")).count(), 2);
        assert_eq!(root.live().kill_user("ann"), 2);
        assert_eq!([anns, of_both, bobs].map(|cx| cx.is_ended()), [true, true, false]);
    }

    #[test]
    fn a_login_that_began_before_a_revocation_is_not_entered_after_it() {
        let root = Context::root(crate::Limits::default());
        let (cx, _kept) = enter(&root, "192.0.2.1:1");
        let before = cx.revocations();
        root.live().kill_user("ann");
        assert!(!cx.authenticated(&principal("ann"), before) && !cx.is_authenticated());
        assert_eq!(root.live().list()[0].user, None);
        assert!(cx.authenticated(&principal("ann"), cx.revocations()) && cx.is_authenticated());
    }

    #[test]
    fn a_connection_keeps_so_many_names_and_the_last() {
        let root = Context::root(crate::Limits::default());
        let (cx, _kept) = enter(&root, "192.0.2.1:1");
        for n in 0..2 * NAMES {
            assert!(cx.authenticated(&principal(&format!("u{n}")), root.revocations()));
        }
        assert_eq!(root.live().list()[0].user.as_deref(), Some("u127"));
        assert_eq!((root.live().kill_user("u63"), root.live().kill_user("u64")), (0, 1));
    }
}
