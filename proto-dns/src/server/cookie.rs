//! Cookies (RFC 7873), whose server part every server that knows the secret can make and check (RFC 9018).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::rand;
use ropewalk_core::{Error, Result};
use subtle::ConstantTimeEq as _;

use super::siphash::siphash;

/// Octets of a whole cookie in an answer: the client's, and ours.
pub(super) const COOKIE: usize = 24;
/// Octets of the client's part.
const CLIENT: usize = 8;
/// The one version there is (RFC 9018 §4.1), and its reserved octets.
const VERSION: [u8; 4] = [1, 0, 0, 0];
/// Seconds for which a server cookie counts, and those that it may seem to come from the future (RFC 9018 §4.3).
const OLDEST: u32 = 60 * 60;
const EARLIEST: u32 = 5 * 60;
/// Seconds after which one is made anew.
const RENEWED: u32 = 30 * 60;

/// A secret that server cookies are made with: 32 hexadecimal digits, as other servers write it.
#[derive(Clone, Copy)]
pub struct Secret([u8; 16]);

/// What makes and checks the cookies of a server.
pub struct Cookies {
    secrets: ArcSwap<Vec<Secret>>,
    /// No other server knows them.
    own: bool,
}

/// The cookie of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    client: [u8; CLIENT],
    /// Whether we have given it to this client lately: nobody has forged the address.
    pub valid: bool,
    /// Ours, where it is valid and not to be renewed yet.
    server: Option<[u8; 16]>,
}

impl Cookies {
    /// Cookies of these secrets: the first makes, all of them check, as while servers change to a new one (RFC 9018 §5).
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self { secrets: ArcSwap::from_pointee(secrets), own: false }
    }

    /// Cookies of a secret that nobody knows: for a server that shares its address with no other.
    ///
    /// # Errors
    /// Where the system gives no random octets.
    pub fn random() -> Result<Self> {
        Ok(Self { own: true, ..Self::new(vec![Secret::random()?]) })
    }

    /// Makes cookies with a new secret, and those of the one before still count; but not where the secrets were given.
    ///
    /// # Errors
    /// Where the system gives no random octets: all is as before.
    pub fn rotate(&self) -> Result<()> {
        if !self.own {
            return Ok(());
        }
        let before = self.secrets.load().first().copied();
        self.secrets.store(Arc::new([Some(Secret::random()?), before].into_iter().flatten().collect()));
        Ok(())
    }

    /// What the data of a COOKIE option say; none where they cannot be read (RFC 7873 §5.2.2). `now` is in seconds since 1970.
    pub fn read(&self, data: &[u8], peer: IpAddr, now: u32) -> Option<Seen> {
        let (client, server) = data.split_first_chunk::<CLIENT>()?;
        if !(server.is_empty() || (8..=32).contains(&server.len())) {
            return None;
        }
        let mut seen = Seen { client: *client, valid: false, server: None };
        let Some((ours, [])) = server.split_first_chunk::<16>() else { return Some(seen) };
        let [1, .., a, b, c, d] = *ours.first_chunk::<8>()? else { return Some(seen) };
        // The clock wraps (RFC 1982).
        let age = now.wrapping_sub(u32::from_be_bytes([a, b, c, d]));
        if age > OLDEST && age <= u32::MAX - EARLIEST {
            return Some(seen);
        }
        let (head, hash) = ours.split_first_chunk::<8>()?;
        let genuine = |secret: &Secret| secret.hash(client, head, peer).ct_eq(hash).into();
        seen.valid = self.secrets.load().iter().any(genuine);
        seen.server = Some(*ours).filter(|_| seen.valid && age < RENEWED);
        Some(seen)
    }

    /// The cookie to answer with.
    pub fn answer(&self, seen: &Seen, peer: IpAddr, now: u32) -> [u8; COOKIE] {
        let server = seen.server.unwrap_or_else(|| {
            let head = concat(&VERSION, &now.to_be_bytes());
            let hash = self.secrets.load().first().map(|secret| secret.hash(&seen.client, &head, peer));
            concat(&head, &hash.unwrap_or_default())
        });
        concat(&seen.client, &server)
    }
}

impl Secret {
    fn random() -> Result<Self> {
        let mut secret = [0; 16];
        rand::fill(&mut secret).map_err(|_| Error::local("the system gives no random octets"))?;
        Ok(Self(secret))
    }

    /// RFC 9018 §4.4.
    fn hash(&self, client: &[u8; CLIENT], head: &[u8; 8], peer: IpAddr) -> [u8; 8] {
        let known: [u8; 16] = concat(client, head);
        match peer {
            IpAddr::V4(ip) => siphash(&self.0, &concat::<20>(&known, &ip.octets())),
            IpAddr::V6(ip) => siphash(&self.0, &concat::<32>(&known, &ip.octets())),
        }
        .to_le_bytes()
    }
}

/// Both, one behind the other; together they have `N` octets.
fn concat<const N: usize>(a: &[u8], b: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    all.iter_mut().zip(a.iter().chain(b)).for_each(|(to, from)| *to = *from);
    all
}

impl FromStr for Secret {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::local("a secret for cookies is 32 hexadecimal digits");
        let number = u128::from_str_radix(text, 16).map_err(|_| wrong())?;
        (text.len() == 32 && !text.starts_with('+')).then_some(Self(number.to_be_bytes())).ok_or_else(wrong)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cookies").field(&self.secrets.load().len()).finish()
    }
}

#[cfg(test)]
#[path = "cookie_tests.rs"]
mod tests;
