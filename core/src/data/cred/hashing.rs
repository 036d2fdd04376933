use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::hash::Hash;
use super::recent::Recent;
use super::{LONGEST_PASSWORD, LoginError, Origin, prepare};
use crate::{Error, Fault, Pool};

/// Logins that wait for a core.
const QUEUE: usize = 64;
/// Logins of one network that are checked at once, and that wait for that.
const AT_ONCE: usize = 2;
const WAITING: usize = 8;

/// Where passwords are hashed: as many at once as there are cores, since each takes 19 MiB and a core for some
/// tens of milliseconds. One for all authenticators of a process.
///
/// Further logins wait, 64 at most; then they are [`LoginError::Busy`]. Of one address (IPv6: one /64), two are
/// checked at once and eight wait, outside the common queue; this machine's own addresses are exempt. A peer
/// that goes away gives up its place in the queue, but not its share of the cores while its password is checked.
///
/// What matched is not hashed again for a minute, what did not for two seconds: clients log in for every file, and
/// with several connections at once. Of 1,024 passwords at most that is kept, as HMACs under a key of this process.
pub struct Hashing {
    pool: Pool,
    turns: Arc<Turns>,
    recent: Recent,
    computed: AtomicU64,
    rooms: Arc<Rooms>,
}

impl Hashing {
    /// On all cores.
    pub fn new() -> Self {
        Self::on(available_parallelism().map_or(1, Into::into), QUEUE)
    }

    /// On this many threads, with this many logins waiting for them.
    pub fn on(threads: usize, queue: usize) -> Self {
        Self {
            pool: Pool::new(threads, queue),
            turns: Arc::default(),
            recent: Recent::default(),
            computed: AtomicU64::new(0),
            rooms: Arc::default(),
        }
    }

    /// Hashes a new password, [prepared](super::prepare), with argon2id as RFC 9106 calls it, m = 19 MiB, t = 2, p = 1 and a random salt, into
    /// the form that accounts files keep.
    ///
    /// # Errors
    /// Ours where the password is not 1 to [`LONGEST_PASSWORD`] octets long; a limit's where too many logins
    /// wait.
    pub async fn hash(&self, password: Zeroizing<Vec<u8>>) -> Result<String, Error> {
        if password.is_empty() || password.len() > LONGEST_PASSWORD {
            return Err(Error::local("a password is 1 to 1024 octets long"));
        }
        self.computed.fetch_add(1, Ordering::Relaxed);
        let password = Zeroizing::new(prepare(&password).into_owned());
        let hash = move || argon2().hash_password(&password).map(|hash| hash.to_string());
        self.pool.run(hash).await?.map_err(|e| Error::local("cannot hash a password").caused_by(e))
    }

    /// How many hashes were computed so far, for right, wrong and unknown alike.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// How many hashes are being computed or waited for now.
    pub fn load(&self) -> usize {
        self.pool.load()
    }

    /// Whether this is the user's password, by the argon2id hash that [`hash`](Self::hash) has made of it. Where
    /// there is none, as for a user whom nobody knows, the answer is no after the same work.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for a password that is too long to be anybody's, [`LoginError::Busy`], and
    /// [`LoginError::Local`] where the hash is none.
    pub async fn check(
        &self,
        user: &str,
        hash: Option<&str>,
        password: &[u8],
        from: &Origin<'_>,
    ) -> Result<bool, LoginError> {
        if password.len() > LONGEST_PASSWORD {
            return Err(LoginError::Refused);
        }
        let known = hash.map(Hash::argon2id).transpose();
        let known = known.map_err(|why| LoginError::Local(Error::local(why)))?;
        let hash = known.clone().unwrap_or_else(Hash::default_of_nobody);
        Ok(self.matches(user, hash, password, from).await? && known.is_some())
    }

    pub(super) async fn matches(
        &self,
        user: &str,
        hash: Hash,
        password: &[u8],
        from: &Origin<'_>,
    ) -> Result<bool, LoginError> {
        self.recent.matches(user, &hash, password, self.compute(hash.clone(), password, from)).await
    }

    async fn compute(&self, hash: Hash, password: &[u8], from: &Origin<'_>) -> Result<bool, LoginError> {
        let password = Zeroizing::new(password.to_vec());
        let network = from.peer.network().filter(|_| !from.peer.is_local());
        let turn = match network {
            Some(network) => Some(Turns::enter(&self.turns, network)?.turn().await?),
            None => None,
        };
        self.computed.fetch_add(1, Ordering::Relaxed);
        let rooms = Arc::clone(&self.rooms);
        let check = move || {
            let _held = turn;
            rooms.lend(|memory| hash.matches(&password, memory))
        };
        self.pool.run(check).await.map_err(|error| match error.fault() {
            Fault::Limit => LoginError::Busy,
            _ => LoginError::Local(error),
        })
    }
}

/// m = 19 MiB, t = 2, p = 1: the library's default, and checked to be by a test.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashing").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// The memory that hashes are computed in, kept for the next: as much as was in use at once. Were it freed by ever
/// other threads, the allocator would keep some for each of them, and whoever guesses passwords would fill a gigabyte.
#[derive(Default)]
struct Rooms(Mutex<Vec<Vec<Block>>>);

/// Blocks of 1 KiB that are kept at most: more than that the allocator gives back to the system at once.
const KEPT: usize = 32 * 1024;

impl Rooms {
    fn lend<T>(&self, work: impl FnOnce(&mut Vec<Block>) -> T) -> T {
        let mut memory = self.all().pop().unwrap_or_default();
        let done = work(&mut memory);
        if memory.len() <= KEPT {
            self.all().push(memory);
        }
        done
    }

    fn all(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The networks that have logins in progress.
#[derive(Default)]
struct Turns(Mutex<HashMap<IpAddr, Network>>);

struct Network {
    logins: usize,
    slots: Arc<Semaphore>,
}

impl Turns {
    fn enter(turns: &Arc<Self>, network: IpAddr) -> Result<Place, LoginError> {
        let mut all = turns.lock();
        let fresh = || Network { logins: 0, slots: Arc::new(Semaphore::new(AT_ONCE)) };
        let entry = all.entry(network).or_insert_with(fresh);
        if entry.logins == AT_ONCE + WAITING {
            return Err(LoginError::Busy);
        }
        entry.logins += 1;
        let slots = Arc::clone(&entry.slots);
        drop(all);
        Ok(Place { turns: Arc::clone(turns), network, slots })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Network>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of a network's logins in progress, until it is dropped.
struct Place {
    turns: Arc<Turns>,
    network: IpAddr,
    slots: Arc<Semaphore>,
}

impl Place {
    async fn turn(self) -> Result<(OwnedSemaphorePermit, Self), LoginError> {
        let closed = |e| LoginError::Local(Error::local("the pool is closed").caused_by(e));
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(closed)?;
        Ok((slot, self))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.turns.lock().entry(self.network) {
            entry.get_mut().logins -= 1;
            if entry.get().logins == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::Address;

    fn sha() -> Hash {
        Hash::htpasswd("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=").ok().unwrap()
    }

    fn address(text: &str) -> Address {
        text.parse::<SocketAddr>().unwrap().into()
    }

    #[test]
    fn the_cost_is_19_mib_two_passes_one_lane() {
        let params = argon2().params().clone();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19 * 1024, 2, 1));
    }

    #[tokio::test]
    async fn a_new_hash_knows_its_password_and_no_other() {
        let hashing = Hashing::new();
        let text = hashing.hash(b"swordfish".to_vec().into()).await.unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        let again = hashing.hash(b"swordfish".to_vec().into()).await.unwrap();
        assert_ne!(text, again, "the salt is random");
        let hash = Hash::argon2id(&text).ok().unwrap();
        let from = Origin::new(&Address::Memory, "test");
        assert!(hashing.matches("ann", hash.clone(), b"swordfish", &from).await.unwrap());
        assert!(!hashing.matches("ann", hash, b"Swordfish", &from).await.unwrap());
        assert_eq!(hashing.computed(), 4);
        for unusable in [0, LONGEST_PASSWORD + 1] {
            assert!(hashing.hash(vec![b'a'; unusable].into()).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_user_without_a_hash_is_refused_after_the_same_work() {
        let hashing = Hashing::new();
        let from = Origin::new(&Address::Memory, "test");
        let text = hashing.hash(b"swordfish".to_vec().into()).await.unwrap();
        assert!(hashing.check("ann", Some(&text), b"swordfish", &from).await.unwrap());
        assert_eq!(hashing.computed(), 2);
        assert!(!hashing.check("ann", Some(&text), b"swordfist", &from).await.unwrap());
        assert!(!hashing.check("bob", None, b"swordfish", &from).await.unwrap());
        assert!(!hashing.check("cid", None, b"swordfish", &from).await.unwrap());
        assert_eq!(hashing.computed(), 5);
        assert!(hashing.check("ann", Some(&text), b"swordfish", &from).await.unwrap());
        assert_eq!(hashing.computed(), 5, "what matched is not hashed again");
        let long = vec![b'a'; LONGEST_PASSWORD + 1];
        assert!(matches!(hashing.check("ann", Some(&text), &long, &from).await, Err(LoginError::Refused)));
        let broken = hashing.check("ann", Some("swordfish"), b"swordfish", &from).await;
        assert!(matches!(broken, Err(LoginError::Local(_))));
    }

    #[tokio::test]
    async fn one_hash_is_computed_in_the_memory_of_the_one_before() {
        let hashing = Hashing::on(2, 4);
        let from = Origin::new(&Address::Memory, "test");
        let hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let known = || hashing.rooms.all().iter().map(|room| (room.as_ptr(), room.len())).collect::<Vec<_>>();
        assert!(hashing.check("ann", Some(hash), b"password", &from).await.unwrap());
        let first = known();
        assert_eq!(first.len(), 1);
        for guess in 0..10 {
            assert!(!hashing.check("ann", Some(hash), format!("{guess}").as_bytes(), &from).await.unwrap());
        }
        assert_eq!(known(), first);
        let large = hash.replace("m=256", "m=40000");
        assert!(!hashing.check("ann", Some(&large), b"password", &from).await.unwrap());
        assert!(known().iter().all(|(_, blocks)| *blocks <= KEPT), "what is large is not kept");
    }

    #[tokio::test]
    async fn a_full_queue_is_busy() {
        let hashing = Hashing::on(1, 1);
        let from = Origin::new(&Address::Memory, "test");
        let (go_on, may_go_on) = std::sync::mpsc::sync_channel::<()>(1);
        let mut running = Box::pin(hashing.pool.run(move || may_go_on.recv()));
        assert!(running.as_mut().now_or_never().is_none());
        let mut waiting = Box::pin(hashing.compute(sha(), b"password", &from));
        assert!(waiting.as_mut().now_or_never().is_none());
        let refused = hashing.compute(sha(), b"password", &from).now_or_never().unwrap();
        assert!(matches!(refused, Err(LoginError::Busy)));
        go_on.send(()).unwrap();
        running.await.unwrap().unwrap();
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_network_has_two_slots_and_eight_places_and_others_are_not_kept_waiting() {
        let turns = Arc::new(Turns::default());
        let here = address("[2001:db8::1]:1").network().unwrap();
        let mut running = Vec::new();
        for _ in 0..2 {
            running.push(Turns::enter(&turns, here).unwrap().turn().now_or_never().unwrap().unwrap());
        }
        let neighbour = address("[2001:db8::ffff]:9").network().unwrap();
        let enter = || Box::pin(Turns::enter(&turns, neighbour).unwrap().turn());
        let mut waiting: Vec<_> = (0..8).map(|_| enter()).collect();
        assert!(waiting.iter_mut().all(|turn| turn.as_mut().now_or_never().is_none()));
        assert!(matches!(Turns::enter(&turns, here), Err(LoginError::Busy)));

        let elsewhere = address("[2001:db8:0:1::1]:1").network().unwrap();
        assert!(Turns::enter(&turns, elsewhere).unwrap().turn().now_or_never().is_some());

        running.pop();
        let next = waiting[0].as_mut().now_or_never();
        assert!(next.is_some());
        assert!(waiting[1].as_mut().now_or_never().is_none());
        drop((running, waiting, next));
        assert!(turns.lock().is_empty(), "a network without logins is forgotten");
    }

    #[tokio::test]
    async fn a_peer_that_goes_away_keeps_its_slot_while_its_password_is_checked() {
        let hashing = Hashing::on(4, 4);
        let peer = address("192.0.2.1:1");
        let from = Origin::new(&peer, "test");
        let bcrypt = format!("$2y$11${}", ".".repeat(53));
        let slow = Hash::htpasswd(&bcrypt).ok().unwrap();
        assert!(hashing.compute(slow, b"x", &from).now_or_never().is_none());
        let slots = hashing.turns.lock().get(&peer.network().unwrap()).map(|n| n.slots.available_permits());
        assert_eq!(slots, Some(1));
        while hashing.load() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(hashing.turns.lock().is_empty());
    }
}
