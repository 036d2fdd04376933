use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::rng::Rng;
use super::{Failure, Rig};
use crate::sansio::Machine;

/// Conversations that are tried.
const ROUNDS: u64 = 2_000;
/// Pieces of one conversation.
const PIECES: usize = 24;

/// Throws arbitrary input in arbitrary chunks at a machine, in 2,000 conversations that are the same in every run: random
/// octets, line ends in every form, long runs, numbers at their edges, and `words` of the protocol, whole and broken, so that inputs get
/// further than the first check. Between chunks time passes, the server stops, and the peer goes away.
///
/// # Errors
/// The machine panics or spins; [`Failure::input`] is an input that makes it, with whatever chunks it can do without left out.
pub fn never_panics<M, R>(make: impl Fn(Instant) -> M, respond: R, words: &[&str]) -> Result<(), Failure>
where
    M: Machine<Event: Debug>,
    R: FnMut(M::Event) -> M::Answer + Clone,
{
    let now = Instant::now();
    let fails = |seed, chunks: &[Bytes]| {
        let talk = || talk(Rig::begin(&make, respond.clone(), now, None)?, seed, chunks);
        catch_unwind(AssertUnwindSafe(talk)).unwrap_or_else(|why| Err(panicked(&*why))).err()
    };
    for seed in 0..ROUNDS {
        let mut rng = Rng::new(seed);
        let mut chunks = chunks(&mut rng, words);
        if let Some(mut failure) = fails(seed, &chunks) {
            // Leave out what does not matter, from the end, where most of it is.
            for at in (0..chunks.len()).rev() {
                let without: Vec<_> = [chunks.get(..at), chunks.get(at + 1..)]
                    .into_iter()
                    .flatten()
                    .flatten()
                    .cloned()
                    .collect();
                if let Some(smaller) = fails(seed, &without) {
                    (failure, chunks) = (smaller, without);
                }
            }
            return Err(failure.on(&chunks));
        }
    }
    Ok(())
}

fn panicked(why: &(dyn std::any::Any + Send)) -> Failure {
    let text = why.downcast_ref::<String>().map(String::as_str).or(why.downcast_ref::<&str>().copied());
    Failure::new(format!("the machine panicked: {}", text.unwrap_or("without words")))
}

/// Says the chunks. What happens between them depends on the seed and the chunk, so that it stays when others are left out.
fn talk<M, R>(mut rig: Rig<M, R>, seed: u64, chunks: &[Bytes]) -> Result<(), Failure>
where
    M: Machine<Event: Debug>,
    R: FnMut(M::Event) -> M::Answer,
{
    for chunk in chunks {
        rig.receive(chunk)?;
        rig.handshake()?;
        let mut rng = Rng::new(seed ^ chunk.iter().fold(0, |sum, byte| sum * 31 % 65_521 + u64::from(*byte)));
        match rng.below(64) {
            0..4 => rig.pass(Duration::from_secs(rng.below(1_000) as u64))?,
            4 => rig.stop()?,
            5 => return rig.finish(),
            _ => {}
        }
    }
    rig.finish()
}

fn chunks(rng: &mut Rng, words: &[&str]) -> Vec<Bytes> {
    let mut input = Vec::new();
    for _ in 0..rng.below(PIECES) + 1 {
        piece(rng, words, &mut input);
    }
    let mut rest = Bytes::from(input);
    let mean = 1 + rng.below(rest.len().min(64));
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let octets = (1 + rng.below(2 * mean)).min(rest.len());
        chunks.push(rest.split_to(octets));
    }
    chunks
}

fn piece(rng: &mut Rng, words: &[&str], input: &mut Vec<u8>) {
    const ENDS: [&[u8]; 8] = [b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n.\r\n", b" ", b"\0"];
    const NUMBERS: [&str; 8] =
        ["0", "-1", "00", "255", "65536", "4294967295", "18446744073709551616", "999999999999999999999"];
    let word = words.get(rng.below(words.len())).map_or(&b""[..], |word| word.as_bytes());
    match rng.below(8) {
        0..3 => input.extend_from_slice(word),
        3 => {
            // A word with one octet changed, or cut short.
            let mut word = word.to_vec();
            let at = rng.below(word.len());
            match word.get_mut(at) {
                Some(octet) if rng.below(2) == 0 => *octet = rng.byte(),
                _ => word.truncate(at),
            }
            input.extend_from_slice(&word);
        }
        4 | 5 => input.extend_from_slice(ENDS.get(rng.below(ENDS.len())).copied().unwrap_or_default()),
        6 => input.extend((0..rng.below(16)).map(|_| rng.byte())),
        _ => match rng.below(4) {
            0 => input.extend(std::iter::repeat_n(rng.byte(), rng.below(2_000))),
            _ => input.extend_from_slice(
                NUMBERS.get(rng.below(NUMBERS.len())).copied().unwrap_or_default().as_bytes(),
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::toy::{Bug, Toy};

    const WORDS: &[&str] = &["ask ", "hold", "starttls", "spin", "quit", "x"];

    fn same(text: String) -> String {
        text
    }

    #[test]
    fn a_sound_machine_passes() {
        never_panics(Toy::new, same, WORDS).unwrap();
    }

    #[test]
    fn a_machine_that_panics_is_caught_with_a_small_input() {
        let failure = never_panics(Toy::with(Bug::Panics), same, WORDS).unwrap_err();
        assert!(failure.to_string().contains("panicked: over 127"), "{failure}");
        let [chunk] = failure.input() else { panic!("{failure}") };
        assert!(!chunk.is_ascii());
    }

    #[test]
    fn a_machine_that_spins_is_caught() {
        let failure = never_panics(Toy::with(Bug::Spins), same, WORDS).unwrap_err();
        assert!(failure.to_string().contains("never waits"), "{failure}");
    }

    #[test]
    fn words_come_whole() {
        let mut rng = Rng::new(0);
        let said = |word: &[u8]| {
            let mut inputs = (0..100).map(|_| chunks(&mut rng, WORDS).concat());
            inputs.any(|input| input.windows(word.len()).any(|at| at == word))
        };
        assert!([&b"starttls\r\n"[..], b"ask hold", b"\r\n.\r\n"].into_iter().all(said));
    }
}
