use std::fmt::Debug;
use std::time::Instant;

use bytes::Bytes;

use super::rig::BodyOf;
use super::rng::Rng;
use super::{Entry, Failure, Rig};
use crate::sansio::Machine;

/// Inputs up to this length are cut in every way there is.
const EXHAUSTIVE: usize = 12;
/// Inputs up to this length are cut in two at every place.
const EVERY_CUT: usize = 2_000;
/// Ways to cut a longer input at random.
const RANDOM: u64 = 200;

/// Gives a machine one input in every chunking, then the end of input, and compares the dialogues: bytes
/// sent, events raised, and their order must be the same however the network cut the input.
///
/// Inputs of up to 12 octets are cut in every way; longer ones whole, in two at every place, octet by octet, and in 200 random ways.
/// Input is best short and full of edges: two commands sent at once, an error, the end of a body.
///
/// # Errors
/// Two chunkings that differ, or a machine that spins.
pub fn every_chunking<M, R>(make: impl Fn(Instant) -> M, respond: R, input: &[u8]) -> Result<(), Failure>
where
    M: Machine<Event: Debug>,
    R: FnMut(M::Event) -> M::Answer + Clone,
{
    Chunking::of(input).check(make, respond)
}

/// [`every_chunking`] for machines whose events carry parts of a body: parts are joined before they are compared.
pub struct Chunking<'a, E> {
    input: &'a [u8],
    body: Option<BodyOf<E>>,
}

impl<'a, E: Debug> Chunking<'a, E> {
    /// All chunkings of this input.
    pub fn of(input: &'a [u8]) -> Self {
        Self { input, body: None }
    }

    /// Events of which `part` gives octets are parts of one body where they follow each other.
    #[must_use]
    pub fn joining(mut self, part: fn(&E) -> Option<&[u8]>) -> Self {
        self.body = Some(part);
        self
    }

    /// Gives the machine each chunking.
    ///
    /// # Errors
    /// As [`every_chunking`].
    pub fn check<M, R>(&self, make: impl Fn(Instant) -> M, respond: R) -> Result<(), Failure>
    where
        M: Machine<Event = E>,
        R: FnMut(M::Event) -> M::Answer + Clone,
    {
        let now = Instant::now();
        let run = |chunks: &[Bytes]| {
            let talk = || {
                let mut rig = Rig::begin(&make, respond.clone(), now, self.body)?;
                for chunk in chunks {
                    rig.receive(chunk)?;
                    rig.handshake()?;
                }
                rig.finish()?;
                Ok(rig.said())
            };
            talk().map_err(|failure: Failure| failure.on(chunks))
        };
        let input = Bytes::copy_from_slice(self.input);
        let whole = run(std::slice::from_ref(&input))?;
        for chunks in cuts(&input) {
            let parts = run(&chunks)?;
            if parts != whole {
                return Err(Failure::new(difference(&whole, &parts)).on(&chunks));
            }
        }
        Ok(())
    }
}

fn difference(whole: &[Entry], parts: &[Entry]) -> String {
    let same = whole.iter().zip(parts).take_while(|(a, b)| a == b).count();
    let entry = |of: &[Entry]| of.get(same).map_or_else(|| "nothing".into(), |entry| format!("{entry:?}"));
    format!(
        "the dialogue depends on the chunking: after {same} equal entries,\n  whole:  {}\n  chunks: {}",
        entry(whole),
        entry(parts)
    )
}

/// Chunkings, the simplest first, so that the first that fails is easy to read.
fn cuts(input: &Bytes) -> Box<dyn Iterator<Item = Vec<Bytes>> + '_> {
    let places = 1..input.len();
    let two = places.clone().step_by(input.len().div_ceil(EVERY_CUT).max(1));
    let two = two.map(|place| cut(input, |at| at == place));
    let each = std::iter::once_with(|| cut(input, |_| true));
    if input.len() <= EXHAUSTIVE {
        let all = 0..1_usize << places.len();
        return Box::new(two.chain(all.map(|set| cut(input, |at| set >> (at - 1) & 1 == 1))));
    }
    let random = (0..RANDOM).map(|seed| {
        let mut rng = Rng::new(seed);
        let mean = 1 + rng.below(input.len().min(64));
        cut(input, |_| rng.below(mean) == 0)
    });
    Box::new(two.chain(each).chain(random))
}

fn cut(input: &Bytes, mut here: impl FnMut(usize) -> bool) -> Vec<Bytes> {
    let mut rest = input.clone();
    let mut chunks = Vec::new();
    for at in 1..input.len() {
        if here(at) {
            chunks.push(rest.split_to(at - (input.len() - rest.len())));
        }
    }
    chunks.push(rest);
    chunks
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::testkit::toy::{Bug, Toy};

    fn upper(text: String) -> String {
        text.to_uppercase()
    }

    const INPUT: &[u8] = b"ask one\r\nask two\r\nx\ny\r\nhold\r\nquit\r\n";

    #[test]
    fn a_sound_machine_passes() {
        every_chunking(Toy::new, upper, INPUT).unwrap();
        every_chunking(Toy::new, upper, b"ask a\r\nx").unwrap();
    }

    #[test]
    fn a_machine_that_wants_whole_lines_is_caught() {
        let failure = every_chunking(Toy::with(Bug::WantsWholeLines), upper, b"ask one\r\n").unwrap_err();
        assert_eq!(failure.input(), [&b"a"[..], b"sk one\r\n"], "the simplest chunking is told");
        assert!(failure.to_string().contains(r#"chunks: Sent(b"hello\r\n? \r\n"#), "{failure}");
    }

    #[test]
    fn a_machine_that_reads_ahead_is_caught() {
        // It forgets that it has a second line until more bytes come.
        every_chunking(Toy::with(Bug::KeepsBuffer), upper, INPUT).unwrap_err();
    }

    #[test]
    fn a_machine_that_spins_is_caught() {
        for bug in [Bug::Spins, Bug::SpinsMute] {
            let failure = every_chunking(Toy::with(bug), upper, b"spin\r\n").unwrap_err();
            assert!(failure.to_string().contains("never waits"), "{failure}");
        }
    }

    #[test]
    fn a_short_input_is_cut_in_every_way() {
        let input = Bytes::from_static(b"abcdefghij");
        let all: HashSet<_> = cuts(&input).collect();
        assert_eq!(all.len(), 1 << 9);
        assert!(all.iter().all(|chunks| chunks.concat() == input && chunks.iter().all(|c| !c.is_empty())));
    }

    #[test]
    fn a_long_input_is_cut_octet_by_octet_and_at_every_place() {
        let input = Bytes::from(vec![7; 100]);
        let all: Vec<_> = cuts(&input).collect();
        assert!(all.iter().all(|chunks| chunks.concat() == input));
        assert!(all.iter().any(|chunks| chunks.len() == 100));
        assert_eq!(
            all.iter().take(99).map(|chunks| chunks[0].len()).collect::<Vec<_>>(),
            (1..100).collect::<Vec<_>>()
        );
    }
}
