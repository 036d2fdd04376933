use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use super::NameRef;

/// The labels that a name can have, its root label included.
const MAX_LABELS: usize = 128;
/// What is multiplied with: odd, and without pattern.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Differs in each process, so that nobody can prepare names that collide.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());

/// A name made ready to be looked up: where each label begins, and a hash of the name from there on. So the name and
/// all its ancestors are hashed in one pass.
pub struct Key<'a> {
    name: NameRef<'a>,
    labels: usize,
    starts: [u8; MAX_LABELS],
    /// Of the last labels: the first is that of the root.
    hashes: [u32; MAX_LABELS],
}

/// The end of a name from a label on: itself a name.
#[derive(Clone, Copy, Debug)]
pub struct Suffix<'a> {
    /// A hash that does not regard case.
    pub hash: u32,
    /// The wire form.
    pub wire: &'a [u8],
}

impl<'a> Key<'a> {
    /// The key of a name.
    pub fn new(name: NameRef<'a>) -> Self {
        let (mut starts, mut hashes) = ([0; MAX_LABELS], [0; MAX_LABELS]);
        let (mut labels, mut at) = (0, 0_u8);
        for label in name.labels() {
            if let Some(start) = starts.get_mut(labels) {
                *start = at;
                labels += 1;
            }
            at = at.wrapping_add(label.len() as u8 + 1);
        }
        let (wire, mut end, mut hash) = (name.wire(), usize::from(at), 0);
        let places = starts.get(..labels).unwrap_or_default().iter().rev();
        for (&start, place) in places.zip(hashes.iter_mut().skip(1)) {
            let start = usize::from(start);
            hash = step(hash, wire.get(start..end).unwrap_or_default());
            *place = hash;
            end = start;
        }
        Self { name, labels, starts, hashes }
    }

    /// The name.
    pub fn name(&self) -> NameRef<'a> {
        self.name
    }

    /// How many labels it has, without the root's.
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// The name of its last labels, so many of them without the root's.
    pub fn suffix(&self, labels: usize) -> Suffix<'a> {
        let hash = self.hashes.get(labels).copied().unwrap_or_default();
        Suffix { hash, wire: self.wire(labels) }
    }

    /// The wire form of its last labels.
    pub(crate) fn wire(&self, labels: usize) -> &'a [u8] {
        self.name.wire().get(self.start(labels)..).unwrap_or_default()
    }

    /// What comes before its last labels.
    pub fn prefix(&self, labels: usize) -> &'a [u8] {
        self.name.wire().get(..self.start(labels)).unwrap_or_default()
    }

    /// Where its last labels begin.
    pub fn start(&self, labels: usize) -> usize {
        match self.labels.checked_sub(labels).and_then(|skipped| self.starts.get(..self.labels)?.get(skipped))
        {
            Some(&start) => usize::from(start),
            None => self.name.wire().len().saturating_sub(1),
        }
    }

    /// All of it.
    pub fn whole(&self) -> Suffix<'a> {
        self.suffix(self.labels)
    }
}

impl Suffix<'_> {
    /// The hash of `*` under this name.
    pub fn wildcard(self) -> u32 {
        step(self.hash, b"\x01*")
    }
}

/// The hash of a name's end with one label, length and octets, before it.
fn step(rest: u32, label: &[u8]) -> u32 {
    let mut hash = *SEED ^ u64::from(rest) << 8;
    let mut chunks = label.chunks_exact(8);
    for chunk in &mut chunks {
        hash = mix(hash, u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
    }
    let mut last = [0; 8];
    for (place, &octet) in last.iter_mut().zip(chunks.remainder()) {
        *place = octet;
    }
    (mix(hash, u64::from_le_bytes(last)) >> 32) as u32
}

fn mix(hash: u64, octets: u64) -> u64 {
    let product = u128::from(hash ^ lower(octets)) * u128::from(FACTOR);
    (product as u64) ^ (product >> 64) as u64
}

/// Makes the ASCII letters among eight octets small.
fn lower(octets: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let low = octets & (0x7f * ONES);
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let past_z = low + (0x7f - b'Z' as u64) * ONES;
    octets | ((from_a ^ past_z) & !octets & (0x80 * ONES)) >> 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Name;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_suffix_has_the_hash_of_the_name_that_it_is() {
        let long = name("a.longer-label-than-8.Example.ORG");
        let key = Key::new(long.view());
        assert_eq!(key.labels(), 4);
        for (labels, text) in
            [(0, "."), (1, "org."), (2, "example.org"), (4, "a.longer-label-than-8.example.org")]
        {
            let other = name(text);
            let other = Key::new(other.view()).whole();
            assert_eq!(key.suffix(labels).hash, other.hash, "{text}");
            assert!(key.suffix(labels).wire.eq_ignore_ascii_case(other.wire), "{text}");
        }
        assert_eq!(key.prefix(3), b"\x01a");
        assert_eq!(key.prefix(4), b"");
    }

    #[test]
    fn a_wildcard_has_the_hash_of_its_name() {
        let (parent, child) = (name("example.org"), name("*.EXAMPLE.org"));
        assert_eq!(Key::new(parent.view()).whole().wildcard(), Key::new(child.view()).whole().hash);
    }

    #[test]
    fn the_longest_names_have_keys() {
        let many = name(&"a.".repeat(127));
        let key = Key::new(many.view());
        assert_eq!((key.labels(), key.start(127), key.start(0)), (127, 0, 254));
        assert_eq!(key.suffix(126).wire.len(), 253);
    }

    proptest! {
        #[test]
        fn letters_are_made_small_as_std_does(octets: [u8; 8]) {
            let small = lower(u64::from_le_bytes(octets)).to_le_bytes();
            prop_assert_eq!(small.to_vec(), octets.to_ascii_lowercase());
        }
    }
}
