use std::borrow::Cow;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{apr1, prepare};

/// Costs beyond these are refused in files: one login would take seconds, or all memory.
const MOST_ARGON2: (u32, u32, u32) = (256 * 1024, 16, 16);
const MOST_BCRYPT: u32 = 15;

/// A password, hashed. Clones are cheap. Comparing takes constant time; it has no `Debug`.
#[derive(Clone)]
pub(super) enum Hash {
    Argon2id { params: Params, salt: Arc<[u8]>, output: Arc<[u8]> },
    Bcrypt { cost: u32, text: Arc<str> },
    Apr1 { salt: Arc<str>, digest: [u8; 22] },
    Sha1([u8; 20]),
}

impl Hash {
    /// From `$argon2id$v=19$m=…,t=…,p=…$salt$output`.
    pub(super) fn argon2id(text: &str) -> Result<Self, &'static str> {
        const NOT: &str = "this is not an argon2id hash ($argon2id$v=19$m=…,t=…,p=…$…$…)";
        let hash = PasswordHash::new(text).map_err(|_| NOT)?;
        let (Some(salt), Some(output)) = (&hash.salt, &hash.hash) else { return Err(NOT) };
        if hash.algorithm.as_str() != "argon2id" || hash.version != Some(Version::V0x13.into()) {
            return Err(NOT);
        }
        let params = Params::try_from(&hash).map_err(|_| NOT)?;
        let (m, t, p) = MOST_ARGON2;
        if params.m_cost() > m || params.t_cost() > t || params.p_cost() > p {
            return Err("this argon2id hash costs more than m=262144 (256 MiB), t=16, p=16");
        }
        let (salt, output): (&[u8], &[u8]) = (salt.as_ref(), output.as_bytes());
        if salt.len() < argon2::MIN_SALT_LEN || output.len() < 16 {
            return Err("this argon2id hash has a salt under 8 octets or an output under 16");
        }
        Ok(Self::Argon2id { params, salt: salt.into(), output: output.into() })
    }

    /// From the second field of an htpasswd line.
    pub(super) fn htpasswd(text: &str) -> Result<Self, &'static str> {
        if text.starts_with("$argon2id$") {
            Self::argon2id(text)
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            Self::bcrypt(text)
        } else if let Some(rest) = text.strip_prefix(apr1::PREFIX) {
            let (salt, digest) = apr1::parse(rest).ok_or("this is not an apr1 hash ($apr1$salt$digest)")?;
            Ok(Self::Apr1 { salt: salt.into(), digest })
        } else if let Some(rest) = text.strip_prefix("{SHA}") {
            let octets = BASE64.decode(rest).ok().and_then(|octets| octets.try_into().ok());
            octets.map(Self::Sha1).ok_or("this is not 20 octets in base64 after {SHA}")
        } else if text.starts_with('$') || text.starts_with('{') {
            Err("this kind of hash is not supported: make a new one with `htpasswd -B`")
        } else {
            Err("plain text and crypt(3) passwords are refused: make a hash with `htpasswd -B`")
        }
    }

    fn bcrypt(text: &str) -> Result<Self, &'static str> {
        let parts: bcrypt::HashParts = text.parse().map_err(|_| "this is not a bcrypt hash ($2y$cost$…)")?;
        match parts.get_cost() {
            cost @ 4..=MOST_BCRYPT => Ok(Self::Bcrypt { cost, text: text.into() }),
            _ => Err("a bcrypt hash costs 4 to 15"),
        }
    }

    /// Whether this is the password's hash, computed in this memory, which grows where it is too small. Takes its time: not
    /// for the threads of the runtime.
    pub(super) fn matches(&self, password: &[u8], memory: &mut Vec<Block>) -> bool {
        match self {
            Self::Argon2id { params, salt, output } => {
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
                let mut computed = vec![0; output.len()];
                memory.resize(memory.len().max(params.block_count()), Block::default());
                let mut is = |password: &[u8]| {
                    let memory = memory.as_mut_slice();
                    argon2.hash_password_into_with_memory(password, salt, &mut computed, memory).is_ok()
                        && computed.ct_eq(output).into()
                };
                match prepare(password) {
                    Cow::Borrowed(password) => is(password),
                    // Who made the hash may have taken the octets as they were. Both, whichever it is.
                    Cow::Owned(prepared) => is(&Zeroizing::new(prepared)) | is(password),
                }
            }
            // Like Apache, which looks at 72 octets.
            Self::Bcrypt { text, .. } => bcrypt::verify(password, text).unwrap_or(false),
            Self::Apr1 { salt, digest } => apr1::digest(password, salt).ct_eq(digest).into(),
            Self::Sha1(stored) => {
                let computed = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password);
                computed.as_ref().ct_eq(stored).into()
            }
        }
    }

    /// The hash of no known password that takes as long as this one.
    pub(super) fn of_nobody(&self) -> Self {
        match self {
            Self::Argon2id { params, salt, output } => Self::Argon2id {
                params: params.clone(),
                salt: vec![0; salt.len()].into(),
                output: vec![0; output.len()].into(),
            },
            Self::Bcrypt { cost, .. } => {
                Self::Bcrypt { cost: *cost, text: format!("$2y${cost:02}${:.<53}", "").into() }
            }
            Self::Apr1 { salt, .. } => Self::Apr1 { salt: Arc::clone(salt), digest: [0; 22] },
            Self::Sha1(_) => Self::Sha1([0; 20]),
        }
    }

    /// The same where there is no other to resemble.
    pub(super) fn default_of_nobody() -> Self {
        Self::Argon2id { params: Params::DEFAULT, salt: [0; 16].into(), output: [0; 32].into() }
    }

    /// The parts that tell this hash from every other one, in order.
    pub(super) fn identity(&self, mut part: impl FnMut(&[u8])) {
        match self {
            Self::Argon2id { params, salt, output } => {
                for cost in [params.m_cost(), params.t_cost(), params.p_cost()] {
                    part(&cost.to_be_bytes());
                }
                part(salt);
                part(output);
            }
            Self::Bcrypt { text, .. } => part(text.as_bytes()),
            Self::Apr1 { salt, digest } => {
                part(salt.as_bytes());
                part(digest);
            }
            Self::Sha1(digest) => part(digest),
        }
    }

    /// What one check costs, in about half a microsecond.
    pub(super) fn price(&self) -> u64 {
        match self {
            Self::Argon2id { params, .. } => u64::from(params.m_cost()) * u64::from(params.t_cost()),
            Self::Bcrypt { cost, .. } => 100 << cost,
            Self::Apr1 { .. } => 600,
            Self::Sha1(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hashes by OpenSSL, Apache's htpasswd and, for argon2id, from the reference implementation's tests.
    #[test]
    fn each_scheme_knows_its_password() {
        let hashes = [
            "$apr1$ab$vZXhMKiOqO1yMl8FLQFrs0",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "$2y$05$.ItURXye9cfMf6hrkcx3L.q4MXgJ/x5T6CCF9wfC9DDZUFo/b9s6W",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        ];
        // What one leaves there means nothing to the next.
        let memory = &mut Vec::new();
        for text in hashes.into_iter().chain(hashes) {
            let hash = Hash::htpasswd(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert!(hash.matches(b"password", memory), "{text}");
            assert!(!hash.matches(b"passwore", memory) && !hash.matches(b"", memory), "{text}");
            let nobody = hash.of_nobody();
            assert!(!nobody.matches(b"password", memory) && nobody.price() == hash.price(), "{text}");
        }
    }

    #[test]
    fn plain_text_and_unknown_schemes_are_refused_with_a_reason() {
        for (text, reason) in [
            ("swordfish", "plain text"),
            ("rl.3StKT.4T8M", "plain text and crypt(3)"),
            ("", "plain text"),
            ("$1$abc$xyz", "not supported"),
            ("$6$abc$xyz", "not supported"),
            ("{SSHA}abc", "not supported"),
            ("{SHA}abc", "20 octets"),
            ("$apr1$toolongsalt$xxxxxxxxxxxxxxxxxxxxxx", "apr1"),
            ("$2y$05$short", "bcrypt"),
            ("$2y$31$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe", "4 to 15"),
        ] {
            let error = Hash::htpasswd(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn only_whole_and_bounded_argon2id_is_taken() {
        for text in [
            "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$zxQoMYLBfFBCPhDp0vkGkxWdGfuTwYvzpGhLkXYKJQ0",
            "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$zxQoMYLBfFBCPhDp0vkGkxWdGfuTwYvzpGhLkXYKJQ0",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=64,t=1,p=1",
            "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$zxQoMYLBfFBCPhDp0vkGkxWdGfuTwYvzpGhLkXYKJQ0",
            "$argon2id$v=19$m=64,t=99,p=1$c29tZXNhbHQ$zxQoMYLBfFBCPhDp0vkGkxWdGfuTwYvzpGhLkXYKJQ0",
            "$argon2id$v=19$m=64,t=1,p=1$c29t$zxQoMYLBfFBCPhDp0vkGkxWdGfuTwYvzpGhLkXYKJQ0",
            "swordfish",
        ] {
            assert!(Hash::argon2id(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(\\$argon2id\\$v=19\\$|\\$2y\\$|\\$apr1\\$|\\{SHA\\})?[!-~äß]{0,80}") {
            if let Ok(hash) = Hash::htpasswd(&text) && hash.price() < 10_000 {
                prop_assert!(!hash.of_nobody().matches(b"password", &mut Vec::new()));
            }
        }
    }
}
