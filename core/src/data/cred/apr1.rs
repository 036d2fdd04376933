//! Apache's variant of the MD5-based crypt of FreeBSD, as `htpasswd -m` writes it. 1,000 rounds of MD5: weak,
//! and read only so that an old file goes on working.

use md5::{Digest as _, Md5};

pub(super) const PREFIX: &str = "$apr1$";
const ROUNDS: usize = 1000;
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Salt and digest, from what follows the prefix.
pub(super) fn parse(rest: &str) -> Option<(&str, [u8; 22])> {
    let (salt, digest) = rest.split_once('$')?;
    let digest: [u8; 22] = digest.as_bytes().try_into().ok()?;
    let is_digit = |c: &u8| DIGITS.contains(c);
    (salt.len() <= 8 && salt.bytes().all(|c| is_digit(&c)) && digest.iter().all(is_digit))
        .then_some((salt, digest))
}

/// The digest of a password, in the scheme's own base 64.
pub(super) fn digest(password: &[u8], salt: &str) -> [u8; 22] {
    let salt = salt.as_bytes();
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new();
    first.update(password);
    first.update(PREFIX);
    first.update(salt);
    for part in password.chunks(inner.len()) {
        first.update(inner.iter().copied().take(part.len()).collect::<Vec<_>>());
    }
    let mut length = password.len();
    while length > 0 {
        let odd = length % 2 == 1;
        first.update(if odd { &[0] } else { password.get(..1).unwrap_or_default() });
        length /= 2;
    }
    let mut state: [u8; 16] = first.finalize().into();
    for round in 0..ROUNDS {
        let odd = round % 2 == 1;
        let mut next = Md5::new();
        next.update(if odd { password } else { &state });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &state } else { password });
        state = next.finalize().into();
    }
    encode(&state)
}

/// Three octets, scattered, to four digits, the lowest first; the last octet to two.
fn encode(state: &[u8; 16]) -> [u8; 22] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = state.map(u32::from);
    let words = [(a, g, m), (b, h, n), (c, i, o), (d, j, p), (e, k, f), (0, 0, l)];
    let digits = words.into_iter().flat_map(|(high, middle, low)| {
        let word = high << 16 | middle << 8 | low;
        (0..4).map(move |place| DIGITS[(word >> (6 * place)) as usize % 64])
    });
    let mut text = [0; 22];
    text.iter_mut().zip(digits).for_each(|(to, digit)| *to = digit);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_other_implementations() {
        for (password, hash) in [
            ("password", "ab$vZXhMKiOqO1yMl8FLQFrs0"),
            ("a rather longer password, of more than two times sixteen", "Zk3.hS9/$CHJ2WVDrVci2hVUKNqfv81"),
            ("", "12345678$sHuPAw7VA9xjRbJz7zKV7/"),
            ("x", "12345678$zbBEMgfXu4mAHPrplrtNt."),
            ("sixteen octets..", "abcdefgh$ClHVBCsAhuixJQM5C7dh6."),
            ("größer", "abcdefgh$Mu3GvyEqy9ReJkdHvX7c51"),
        ] {
            let (salt, expected) = parse(hash).unwrap();
            assert_eq!(digest(password.as_bytes(), salt), expected, "{password}");
        }
    }
}
