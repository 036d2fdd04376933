//! Masking (RFC 6455 §5.3).

use ropewalk_core::{Error, Result};

/// What a client masks one frame with.
pub(super) type Key = [u8; 4];

/// Masks, or unmasks, a part of a payload of which `before` octets went before; eight octets at a time.
pub(super) fn apply(key: Key, before: u64, part: &mut [u8]) {
    let key = u32::from_be_bytes(key).rotate_left(8 * (before % 4) as u32);
    let wide = (u64::from(key) << 32) | u64::from(key);
    let (words, rest) = part.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_be_bytes(*word) ^ wide).to_be_bytes();
    }
    for (octet, mask) in rest.iter_mut().zip(wide.to_be_bytes()) {
        *octet ^= mask;
    }
}

/// Keys that nobody can foretell (RFC 6455 §10.3), made many at a time.
pub(super) struct Keys {
    made: [Key; 64],
    left: usize,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self { made: [[0; 4]; 64], left: 0 }
    }

    /// A key that was not given before.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub(super) fn next(&mut self) -> Result<Key> {
        if self.left == 0 {
            let random = aws_lc_rs::rand::fill(self.made.as_flattened_mut());
            random.map_err(|error| Error::local("no randomness").caused_by(error))?;
            self.left = self.made.len();
        }
        self.left -= 1;
        Ok(self.made.get(self.left).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_part_is_masked_as_the_rfc_says(
            key: Key, payload in prop::collection::vec(any::<u8>(), 0..100), cut in 0..100_usize,
        ) {
            let naive: Vec<u8> = payload.iter().zip(key.iter().cycle()).map(|(octet, mask)| octet ^ mask).collect();
            let mut masked = payload.clone();
            let (head, tail) = masked.split_at_mut(cut.min(payload.len()));
            apply(key, 0, head);
            apply(key, head.len() as u64, tail);
            prop_assert_eq!(&masked, &naive);
            apply(key, 0, &mut masked);
            prop_assert_eq!(masked, payload);
        }
    }

    #[test]
    fn no_key_comes_twice_in_a_row() {
        let mut keys = Keys::new();
        let made: HashSet<Key> = (0..200).map(|_| keys.next().unwrap()).collect();
        assert!(made.len() > 190, "{}", made.len());
    }
}
