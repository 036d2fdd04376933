use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::outcome::Outcome;
use crate::wire::{Name, Type};

/// What a reply is kept under: nothing of it is used for any other question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) qtype: Type,
    /// DO.
    pub(super) dnssec: bool,
    /// CD: what failed validation is answered too.
    pub(super) cd: bool,
}

/// Replies for as long as they count, in bounded memory.
///
/// It is in two halves. What is asked for is in the young one, or comes to it from the old one; when the young one is full, the
/// old one is forgotten, and the young one becomes it. So what was not asked for in a long time goes first.
#[derive(Debug)]
pub(super) struct Cache {
    /// Octets of a half.
    half: usize,
    halves: Mutex<Halves>,
}

#[derive(Debug, Default)]
struct Halves {
    young: HashMap<Question, Entry>,
    old: HashMap<Question, Entry>,
    /// Octets of the young one.
    octets: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    outcome: Arc<Outcome>,
    since: Instant,
}

impl Cache {
    /// A cache of so many octets.
    pub(super) fn new(octets: usize) -> Self {
        Self { half: octets / 2, halves: Mutex::default() }
    }

    /// What is known, and for how many seconds.
    pub(super) fn get(&self, question: &Question, now: Instant) -> Option<(Arc<Outcome>, u32)> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let (entry, is_old) = match halves.young.get(question) {
            Some(entry) => (entry.clone(), false),
            None => (halves.old.remove(question)?, true),
        };
        let age = now.saturating_duration_since(entry.since).as_secs();
        let age = u32::try_from(age).ok().filter(|age| *age < entry.outcome.life)?;
        if is_old {
            halves.put(question.clone(), entry.clone(), self.half);
        }
        Some((entry.outcome, age))
    }

    /// Keeps an outcome that counts for some time.
    pub(super) fn put(&self, question: Question, outcome: Arc<Outcome>, now: Instant) {
        if outcome.life > 0 {
            let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
            halves.put(question, Entry { outcome, since: now }, self.half);
        }
    }
}

impl Halves {
    fn put(&mut self, question: Question, entry: Entry, most: usize) {
        let octets = size(&question, &entry);
        if octets > most {
            return;
        }
        if self.octets + octets > most {
            self.old = std::mem::take(&mut self.young);
            self.octets = 0;
        }
        self.octets += octets;
        if let Some(before) = self.young.insert(question.clone(), entry) {
            self.octets = self.octets.saturating_sub(size(&question, &before));
        }
    }
}

/// About what an entry takes.
fn size(question: &Question, entry: &Entry) -> usize {
    128 + question.name.wire().len() + entry.outcome.octets()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn question(name: &str) -> Question {
        Question { name: name.parse().unwrap(), qtype: Type::A, dnssec: false, cd: false }
    }

    fn lasting(life: u32) -> Arc<Outcome> {
        Arc::new(Outcome { life, ..Outcome::failure() })
    }

    #[test]
    fn what_is_known_counts_for_its_life() {
        let (cache, now) = (Cache::new(10_000), Instant::now());
        cache.put(question("a.example"), lasting(10), now);
        let after = |seconds| cache.get(&question("A.EXAMPLE"), now + Duration::from_secs(seconds));
        assert_eq!(after(0).unwrap().1, 0);
        assert_eq!(after(9).unwrap().1, 9);
        assert!(after(10).is_none());
        cache.put(question("b.example"), lasting(0), now);
        assert!(cache.get(&question("b.example"), now).is_none());
    }

    #[test]
    fn questions_are_told_apart_by_all_that_they_say() {
        let (cache, now) = (Cache::new(10_000), Instant::now());
        cache.put(question("a.example"), lasting(10), now);
        for other in [
            Question { qtype: Type::AAAA, ..question("a.example") },
            Question { dnssec: true, ..question("a.example") },
            Question { cd: true, ..question("a.example") },
            question("b.example"),
        ] {
            assert!(cache.get(&other, now).is_none(), "{other:?}");
        }
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_asked_for() {
        let (cache, now) = (Cache::new(20_000), Instant::now());
        cache.put(question("kept.example"), lasting(10), now);
        for number in 0..10_000 {
            cache.put(question(&format!("{number}.example")), lasting(10), now);
            assert!(cache.get(&question("kept.example"), now).is_some(), "{number}");
        }
        let halves = cache.halves.lock().unwrap();
        assert!(halves.octets <= 10_000 && halves.young.len() + halves.old.len() < 200);
        assert!(!halves.young.contains_key(&question("1.example")));
    }
}
