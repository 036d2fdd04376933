use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA1_OUTPUT_LEN, digest};
use data_encoding::BASE32HEX_NOPAD;

use crate::wire::name::MAX_NAME;
use crate::wire::{NameBuf, NameRef};

/// How names are hashed for NSEC3 (RFC 5155 §5): with SHA-1, as there is nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hash {
    iterations: u16,
    salt: Box<[u8]>,
}

/// Octets of a salt at most.
const SALT: usize = 255;
/// The characters of a hash in base32hex.
const TEXT: usize = SHA1_OUTPUT_LEN * 8 / 5;

impl Hash {
    /// Without salt, and once: more of either helps nobody (RFC 9276 §3.1).
    pub(crate) fn plain() -> Self {
        Self { iterations: 0, salt: [].into() }
    }

    /// How the zone says that it does it, by the RDATA of NSEC3PARAM; `None` where that is nothing that we know.
    pub(crate) fn of(param: &[u8]) -> Option<Self> {
        let ([1, 0, high, low, length], salt) = param.split_first_chunk()? else { return None };
        (salt.len() == usize::from(*length))
            .then(|| Self { iterations: u16::from_be_bytes([*high, *low]), salt: salt.into() })
    }

    /// The RDATA of NSEC3PARAM, and what that of NSEC3 begins with.
    pub(crate) fn param(&self) -> Vec<u8> {
        let [high, low] = self.iterations.to_be_bytes();
        [&[1, 0, high, low, self.salt.len() as u8], &*self.salt].concat()
    }

    /// The hash of a name, in whatever case it is. It allocates nothing.
    pub(crate) fn digest(&self, name: NameRef<'_>) -> [u8; SHA1_OUTPUT_LEN] {
        let mut buffer = [0; MAX_NAME + SALT];
        let lower = name.wire().iter().map(u8::to_ascii_lowercase);
        let mut hash = self.once(&mut buffer, lower);
        for _ in 0..self.iterations {
            hash = self.once(&mut buffer, hash.into_iter());
        }
        hash
    }

    fn once(
        &self,
        buffer: &mut [u8; MAX_NAME + SALT],
        octets: impl Iterator<Item = u8>,
    ) -> [u8; SHA1_OUTPUT_LEN] {
        let octets = octets.chain(self.salt.iter().copied());
        let length = buffer.iter_mut().zip(octets).map(|(place, octet)| *place = octet).count();
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, buffer.get(..length).unwrap_or_default());
        hash.as_ref().try_into().unwrap_or_default()
    }

    /// The name that NSEC3 of `name` is at, in the zone at `origin`; the root where there is no room for it.
    pub(crate) fn owner(&self, name: NameRef<'_>, origin: NameRef<'_>) -> NameBuf {
        let mut label = [0; TEXT];
        BASE32HEX_NOPAD.encode_mut(&self.digest(name), &mut label);
        label.make_ascii_lowercase();
        let mut owner = NameBuf::new();
        match owner.push(&label).and_then(|()| owner.finish(origin)) {
            Ok(()) => owner,
            Err(_) => NameBuf::new(),
        }
    }

    /// The hash that the name of an NSEC3 begins with.
    pub(crate) fn read(owner: NameRef<'_>) -> Option<[u8; SHA1_OUTPUT_LEN]> {
        let label = owner.labels().next()?.to_ascii_uppercase();
        BASE32HEX_NOPAD.decode(&label).ok()?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;

    /// RFC 5155 Appendix A.
    #[test]
    fn the_names_of_the_rfc_have_its_hashes() {
        let hash = Hash::of(&[1, 0, 0, 12, 4, 0xaa, 0xbb, 0xcc, 0xdd]).unwrap();
        for (name, expected) in [
            ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
            ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
            ("ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"),
            ("ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"),
            ("NS2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r"),
            ("w.example", "k8udemvp1j2f7eg6jebps17vp3n8i58h"),
            ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
            ("x.w.example", "b4um86eghhds6nea196smvmlo4ors995"),
            ("y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"),
            ("x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"),
            ("xx.example", "t644ebqk9bibcna874givr6joj62mlhv"),
        ] {
            let (name, origin): (Name, Name) = (name.parse().unwrap(), "example".parse().unwrap());
            let owner = hash.owner(name.view(), origin.view());
            assert_eq!(owner.view().to_string(), format!("{expected}.example."), "{name}");
            assert_eq!(Hash::read(owner.view()), Some(hash.digest(name.view())));
        }
    }

    #[test]
    fn what_is_not_known_hashes_nothing() {
        for param in [&[2, 0, 0, 0, 0][..], &[1, 1, 0, 0, 0], &[1, 0, 0, 0, 1], &[1, 0, 0, 0], &[]] {
            assert_eq!(Hash::of(param), None, "{param:?}");
        }
        assert_eq!(Hash::of(&Hash::plain().param()), Some(Hash::plain()));
    }

    #[test]
    fn a_name_without_room_for_a_hash_has_none() {
        let long: Name = "a.".repeat(120).parse().unwrap();
        assert!(Hash::plain().owner(long.view(), long.view()).view().is_root());
    }
}
