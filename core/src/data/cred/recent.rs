use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex as Lock, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::LoginError;
use super::hash::Hash;

/// How long a right password is not hashed again.
const RIGHT: Duration = Duration::from_secs(60);
/// And a wrong one: for the other connections on which a client says it.
const WRONG: Duration = Duration::from_secs(2);
/// Answers that are remembered.
const MOST: usize = 1024;

/// What was hashed a moment ago, and whether it matched, by an HMAC under a key of this process.
///
/// That a password has this hash stays true whatever becomes of the account; so there is nothing to forget
/// when one is changed, disabled or removed. Those who ask the same at the same time wait for one answer. The user
/// is part of the question: else an answer for one unknown name would be quick for the next.
#[derive(Default)]
pub(super) struct Recent(Lock<HashMap<Tag, Arc<Slot>>>);

type Tag = [u8; 32];
type Slot = Mutex<Option<Known>>;

struct Known {
    matches: bool,
    until: Instant,
}

/// None where the system gives no random numbers: then nothing is remembered.
static KEY: LazyLock<Option<hmac::Key>> =
    LazyLock::new(|| hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok());

impl Recent {
    /// What is known of this, or what `check` says of it.
    pub(super) async fn matches(
        &self,
        user: &str,
        hash: &Hash,
        password: &[u8],
        check: impl Future<Output = Result<bool, LoginError>>,
    ) -> Result<bool, LoginError> {
        let Some(slot) = tag(user, hash, password).and_then(|tag| self.slot(tag)) else { return check.await };
        let mut known = slot.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.until > Instant::now()) {
            return Ok(known.matches);
        }
        *known = None;
        let matches = check.await?;
        *known = Some(Known { matches, until: Instant::now() + if matches { RIGHT } else { WRONG } });
        Ok(matches)
    }

    /// The place for this answer; none where all are taken by others that count.
    fn slot(&self, tag: Tag) -> Option<Arc<Slot>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
}

/// The lengths keep apart what runs together: the user `a` with the password `bc`, and `ab` with `c`.
fn tag(user: &str, hash: &Hash, password: &[u8]) -> Option<Tag> {
    let mut hmac = hmac::Context::with_key(KEY.as_ref()?);
    hash.identity(|part| {
        hmac.update(&(part.len() as u64).to_be_bytes());
        hmac.update(part);
    });
    for part in [user.as_bytes(), password] {
        hmac.update(&(part.len() as u64).to_be_bytes());
        hmac.update(part);
    }
    hmac.sign().as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;
    use tokio::time::advance;

    use super::*;

    fn hash(digest: &str) -> Hash {
        Hash::htpasswd(&format!("$apr1$ab${digest}")).ok().unwrap()
    }

    fn old() -> Hash {
        hash("vZXhMKiOqO1yMl8FLQFrs0")
    }

    /// Asks, and counts in `checks` how often it is computed.
    async fn ask(
        recent: &Recent,
        user: &str,
        hash: &Hash,
        password: &str,
        checks: &Cell<u32>,
    ) -> Result<bool, LoginError> {
        let check = async {
            checks.set(checks.get() + 1);
            tokio::task::yield_now().await;
            if password == "busy" { Err(LoginError::Busy) } else { Ok(password == "right") }
        };
        recent.matches(user, hash, password.as_bytes(), check).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_password_is_hashed_once_a_minute() {
        let (recent, checks) = (Recent::default(), Cell::new(0));
        for _ in 0..3 {
            assert!(ask(&recent, "ann", &old(), "right", &checks).await.unwrap());
        }
        assert_eq!(checks.get(), 1);
        advance(RIGHT).await;
        assert!(ask(&recent, "ann", &old(), "right", &checks).await.unwrap());
        assert_eq!(checks.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn another_hash_user_or_password_is_another_question() {
        let (recent, checks) = (Recent::default(), Cell::new(0));
        assert!(ask(&recent, "ann", &old(), "right", &checks).await.unwrap());
        let new = hash("vZXhMKiOqO1yMl8FLQFrs.");
        assert!(ask(&recent, "ann", &new, "right", &checks).await.unwrap());
        assert!(ask(&recent, "bob", &old(), "right", &checks).await.unwrap());
        assert!(!ask(&recent, "annr", &old(), "ight", &checks).await.unwrap());
        assert_eq!(checks.get(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_one_is_wrong_for_two_seconds_and_says_nothing_of_another() {
        let (recent, checks) = (Recent::default(), Cell::new(0));
        for _ in 0..2 {
            assert!(!ask(&recent, "ann", &old(), "wrong", &checks).await.unwrap());
        }
        assert_eq!(checks.get(), 1);
        assert!(ask(&recent, "ann", &old(), "right", &checks).await.unwrap());
        advance(WRONG).await;
        assert!(!ask(&recent, "ann", &old(), "wrong", &checks).await.unwrap());
        assert_eq!(checks.get(), 3);
    }

    #[tokio::test]
    async fn many_at_once_with_one_password_are_one_hash() {
        let (recent, checks, hash) = (Recent::default(), Cell::new(0), old());
        let all = join_all((0..30).map(|_| ask(&recent, "ann", &hash, "right", &checks))).await;
        assert!(all.into_iter().all(|answer| answer.unwrap()));
        assert_eq!(checks.get(), 1);
    }

    #[tokio::test]
    async fn what_was_not_checked_is_not_remembered() {
        let (recent, checks) = (Recent::default(), Cell::new(0));
        for _ in 0..2 {
            let answer = ask(&recent, "ann", &old(), "busy", &checks).await;
            assert!(matches!(answer, Err(LoginError::Busy)));
        }
        assert_eq!(checks.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_wrong_passwords_takes_no_more_room_and_nobodys_place() {
        let (recent, checks, hash) = (Recent::default(), Cell::new(0), old());
        assert!(ask(&recent, "ann", &hash, "right", &checks).await.unwrap());
        for number in 0..3 * MOST {
            assert!(!ask(&recent, "ann", &hash, &number.to_string(), &checks).await.unwrap());
        }
        assert_eq!(recent.0.lock().unwrap().len(), MOST);
        let before = checks.get();
        assert!(ask(&recent, "ann", &hash, "right", &checks).await.unwrap());
        assert_eq!(checks.get(), before);
        advance(WRONG).await;
        for _ in 0..2 {
            assert!(ask(&recent, "bob", &hash, "right", &checks).await.unwrap());
        }
        assert_eq!(checks.get(), before + 1, "places come free");
        assert!(recent.0.lock().unwrap().len() < 10);
    }
}
