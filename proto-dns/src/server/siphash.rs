/// SipHash-2-4 of these octets, as 64 bits.
///
/// Short, keyed, and the same everywhere: what server cookies are made with (RFC 9018 §4.4).
pub(super) fn siphash(key: &[u8; 16], octets: &[u8]) -> u64 {
    let (low, high) = key.split_at(8);
    let (k0, k1) = (word(low), word(high));
    let mut state = State([
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ]);
    let words = octets.chunks_exact(8);
    let last = word(words.remainder()) | (octets.len() as u64) << 56;
    for word in words.map(word).chain([last]) {
        state.0[3] ^= word;
        state.round();
        state.round();
        state.0[0] ^= word;
    }
    state.0[2] ^= 0xff;
    for _ in 0..4 {
        state.round();
    }
    let [a, b, c, d] = state.0;
    a ^ b ^ c ^ d
}

/// Up to eight octets as a number, the least first.
fn word(octets: &[u8]) -> u64 {
    octets.iter().rev().fold(0, |word, octet| word << 8 | u64::from(*octet))
}

struct State([u64; 4]);

impl State {
    fn round(&mut self) {
        let [a, b, c, d] = &mut self.0;
        *a = a.wrapping_add(*b);
        *b = b.rotate_left(13) ^ *a;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*d);
        *d = d.rotate_left(16) ^ *c;
        *a = a.wrapping_add(*d);
        *d = d.rotate_left(21) ^ *a;
        *c = c.wrapping_add(*b);
        *b = b.rotate_left(17) ^ *c;
        *c = c.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the paper that describes it: the key and the octets count up from zero.
    #[test]
    fn the_example_of_its_authors_comes_out() {
        let key = std::array::from_fn(|n| n as u8);
        let octets: Vec<u8> = (0..15).collect();
        assert_eq!(siphash(&key, &octets), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn every_length_has_its_own() {
        let all: std::collections::HashSet<u64> = (0..40).map(|n| siphash(&[7; 16], &vec![0; n])).collect();
        assert_eq!(all.len(), 40);
    }
}
