//! What was said a moment ago, and what came of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use ropewalk_core::data::cred::{LoginError, Principal};
use ropewalk_core::{Error, Result};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a right password is not checked again.
const RIGHT: Duration = Duration::from_secs(60);
/// And a wrong one: for the other requests that a client sends with it.
const WRONG: Duration = Duration::from_secs(2);
/// Credentials that are remembered.
const MOST: usize = 1024;

/// Remembers credentials by an HMAC under a key of its own, which nobody else has and which ends with it. Those who come
/// with the same one at the same time wait for one check.
pub(super) struct Cache {
    key: hmac::Key,
    slots: Lock<HashMap<Tag, Arc<Slot>>>,
}

type Tag = [u8; 32];
type Slot = Mutex<Option<Known>>;

/// Who it was, or nobody, and until when that counts.
struct Known {
    who: Option<Principal>,
    until: Instant,
}

impl Cache {
    pub(super) fn new() -> Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|e| Error::local("no random numbers").caused_by(e))?;
        Ok(Self { key, slots: Lock::default() })
    }

    /// What is known of these credentials, or what `check` says of them.
    pub(super) async fn verify(
        &self,
        user: &[u8],
        password: &[u8],
        check: impl Future<Output = Result<Principal, LoginError>>,
    ) -> Result<Principal, LoginError> {
        let Some(slot) = self.slot(self.tag(user, password)) else { return check.await };
        let mut known = slot.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.until > Instant::now()) {
            return known.who.clone().ok_or(LoginError::Refused);
        }
        let answer = check.await;
        let keep = match &answer {
            Ok(who) => Some((Some(who.clone()), RIGHT)),
            Err(LoginError::Refused) => Some((None, WRONG)),
            Err(_) => None,
        };
        *known = keep.map(|(who, time)| Known { who, until: Instant::now() + time });
        answer
    }

    /// The place for this credential; none where all are taken by others that count.
    fn slot(&self, tag: Tag) -> Option<Arc<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(&tag) {
            return Some(Arc::clone(slot));
        }
        if slots.len() >= MOST {
            let now = Instant::now();
            let counts = |known: &Option<Known>| known.as_ref().is_some_and(|known| known.until > now);
            // One that is locked is being checked, or asked.
            slots.retain(|_, slot| slot.try_lock().map_or(true, |known| counts(&known)));
        }
        (slots.len() < MOST).then(|| Arc::clone(slots.entry(tag).or_default()))
    }

    /// The length of the name keeps `a` and `b:c` apart from `a:b` and `c`.
    fn tag(&self, user: &[u8], password: &[u8]) -> Tag {
        let mut hmac = hmac::Context::with_key(&self.key);
        hmac.update(&(user.len() as u64).to_be_bytes());
        hmac.update(user);
        hmac.update(password);
        let mut tag = Tag::default();
        tag.iter_mut().zip(hmac.sign().as_ref()).for_each(|(to, from)| *to = *from);
        tag
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;
    use ropewalk_core::data::cred::Method;
    use tokio::time::advance;

    use super::*;

    fn ann() -> Principal {
        Principal::new("ann".parse().unwrap(), [], Method::Password)
    }

    /// Asks `cache`, and counts in `checks` how often it has to ask.
    async fn ask(
        cache: &Cache,
        user: &str,
        password: &str,
        checks: &Cell<u32>,
    ) -> Result<Principal, LoginError> {
        let check = async {
            checks.set(checks.get() + 1);
            tokio::task::yield_now().await;
            match password {
                "right" => Ok(ann()),
                "busy" => Err(LoginError::Busy),
                _ => Err(LoginError::Refused),
            }
        };
        cache.verify(user.as_bytes(), password.as_bytes(), check).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_password_is_checked_once_a_minute() {
        let (cache, checks) = (Cache::new().unwrap(), Cell::new(0));
        for _ in 0..3 {
            assert_eq!(ask(&cache, "ann", "right", &checks).await.unwrap(), ann());
        }
        assert_eq!(checks.get(), 1);
        advance(RIGHT).await;
        ask(&cache, "ann", "right", &checks).await.unwrap();
        assert_eq!(checks.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_one_is_wrong_for_two_seconds_and_says_nothing_of_another() {
        let (cache, checks) = (Cache::new().unwrap(), Cell::new(0));
        for _ in 0..2 {
            assert!(matches!(ask(&cache, "ann", "wrong", &checks).await, Err(LoginError::Refused)));
        }
        assert_eq!(checks.get(), 1);
        assert!(ask(&cache, "ann", "right", &checks).await.is_ok());
        assert!(matches!(ask(&cache, "annr", "ight", &checks).await, Err(LoginError::Refused)));
        advance(WRONG).await;
        assert!(matches!(ask(&cache, "ann", "wrong", &checks).await, Err(LoginError::Refused)));
        assert_eq!(checks.get(), 4);
    }

    #[tokio::test]
    async fn many_at_once_with_one_password_are_one_check() {
        let (cache, checks) = (Cache::new().unwrap(), Cell::new(0));
        let all = join_all((0..30).map(|_| ask(&cache, "ann", "right", &checks))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(checks.get(), 1);
    }

    #[tokio::test]
    async fn what_was_not_checked_is_not_remembered() {
        let (cache, checks) = (Cache::new().unwrap(), Cell::new(0));
        for _ in 0..2 {
            assert!(matches!(ask(&cache, "ann", "busy", &checks).await, Err(LoginError::Busy)));
        }
        assert_eq!(checks.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_wrong_passwords_takes_no_more_room_and_nobodys_place() {
        let (cache, checks) = (Cache::new().unwrap(), Cell::new(0));
        ask(&cache, "ann", "right", &checks).await.unwrap();
        for number in 0..3 * MOST {
            assert!(ask(&cache, "ann", &number.to_string(), &checks).await.is_err());
        }
        assert_eq!(cache.slots.lock().unwrap().len(), MOST);
        let before = checks.get();
        ask(&cache, "ann", "right", &checks).await.unwrap();
        assert_eq!(checks.get(), before);
        advance(WRONG).await;
        ask(&cache, "bob", "right", &checks).await.unwrap();
        ask(&cache, "bob", "right", &checks).await.unwrap();
        assert_eq!(checks.get(), before + 1, "places come free");
        assert!(cache.slots.lock().unwrap().len() < 10);
    }
}
