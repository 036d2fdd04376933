//! Secrets that we make: 128 bits and more, so that a quick hash of them is enough.

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use ropewalk_core::{Error, Result};
use zeroize::Zeroizing;

/// The digits: no letter that is taken for another.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Of a password: five bits each.
const LETTERS: usize = 26;

pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).map_err(|e| Error::local("no random numbers").caused_by(e))?;
    Ok(octets)
}

pub(super) fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let digest = digest::digest(&digest::SHA256, octets);
    hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

/// A password that nobody guesses: 26 letters and digits (130 bits), in groups that can be read out.
///
/// # Errors
/// Where the system gives no random numbers.
pub fn generate_password() -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(LETTERS * 2));
    for (place, octet) in Zeroizing::new(random::<LETTERS>()?).iter().enumerate() {
        if place > 0 && place % 4 == 0 && place < 24 {
            text.push('-');
        }
        text.push(char::from(DIGITS.get(usize::from(octet % 32)).copied().unwrap_or(b'0')));
    }
    Ok(text)
}

/// The hash by which an app password is found, whether its groups were typed or not; none for what cannot be one.
pub(super) fn app_hash(typed: &[u8]) -> Option<[u8; 32]> {
    let mut letters = Zeroizing::new([0; LETTERS]);
    let mut kept = typed.iter().filter(|octet| !matches!(octet, b'-' | b' '));
    for to in letters.iter_mut() {
        *to = kept.next().filter(|octet| DIGITS.contains(octet)).copied()?;
    }
    kept.next().is_none().then(|| sha256(&*letters))
}

/// A token, to be shown once: 256 bits in hexadecimal digits.
pub(super) fn token() -> Result<Zeroizing<String>> {
    let octets = Zeroizing::new(random::<32>()?);
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_password_is_130_bits_and_no_two_are_the_same() {
        let (one, two) = (generate_password().unwrap(), generate_password().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.chars().filter(|c| *c != '-').count(), 26);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4, 4, 6]);
    }

    #[test]
    fn an_app_password_may_be_typed_with_or_without_its_groups() {
        let text = generate_password().unwrap();
        let hash = app_hash(text.as_bytes()).unwrap();
        assert_eq!(app_hash(text.replace('-', "").as_bytes()), Some(hash));
        assert_eq!(app_hash(text.replace('-', " ").as_bytes()), Some(hash));
        for other in
            ["", "swordfish", &format!("{}0", *text), &text[1..], &text.to_uppercase().replace('0', "O")]
        {
            assert_eq!(app_hash(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_token_is_256_bits() {
        assert_eq!(token().unwrap().len(), 64);
        assert_ne!(token().unwrap(), token().unwrap());
    }

    #[test]
    fn sha256_is_that_of_fips_180() {
        assert_eq!(sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
