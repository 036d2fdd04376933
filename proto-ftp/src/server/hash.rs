use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};

/// A digest of a file that a client can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Algorithm {
    #[default]
    Sha256,
    Sha512,
    Sha1,
    Crc32,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Sha256, Self::Sha512, Self::Sha1, Self::Crc32];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
            Self::Sha1 => "SHA-1",
            Self::Crc32 => "CRC32",
        }
    }

    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| name.eq_ignore_ascii_case(algorithm.name().as_bytes()))
    }

    /// The line of FEAT, with a `*` at this one.
    pub(super) fn feature(self) -> String {
        let mark =
            |other: Self| if other == self { format!("{}*", other.name()) } else { other.name().into() };
        format!("HASH {}", Self::ALL.map(mark).join(";"))
    }
}

/// A digest on its way.
pub(super) enum Digest {
    Sha(Context),
    Crc(u32),
}

impl Digest {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha(Context::new(&SHA256)),
            Algorithm::Sha512 => Self::Sha(Context::new(&SHA512)),
            Algorithm::Sha1 => Self::Sha(Context::new(&SHA1_FOR_LEGACY_USE_ONLY)),
            Algorithm::Crc32 => Self::Crc(u32::MAX),
        }
    }

    pub(super) fn update(&mut self, octets: &[u8]) {
        match self {
            Self::Sha(context) => context.update(octets),
            Self::Crc(crc) => {
                for octet in octets {
                    let [low, ..] = crc.to_le_bytes();
                    *crc = *crc >> 8 ^ TABLE.get(usize::from(low ^ octet)).copied().unwrap_or(0);
                }
            }
        }
    }

    /// In hexadecimal digits.
    pub(super) fn finish(self) -> String {
        match self {
            Self::Sha(context) => {
                context.finish().as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
            }
            Self::Crc(crc) => format!("{:08x}", !crc),
        }
    }
}

/// The remainders of all octets, by the polynomial of Ethernet and ZIP.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut crc = octet as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[octet] = crc;
        octet += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_everybody_knows() {
        for (algorithm, digest) in [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ] {
            let mut hash = Digest::new(algorithm);
            hash.update(b"1234");
            hash.update(b"56789");
            assert_eq!(hash.finish(), digest, "{algorithm:?}");
        }
    }
}
