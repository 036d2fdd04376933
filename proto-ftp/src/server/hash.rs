use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use ropewalk_core::data::cred::Name;
use ropewalk_core::data::files::{FileHandle, Files, FsError, Open, VPath};

use super::Options;
use super::errors::{Doing, refusal};
use super::event::{HashForm, Transfer, What};
use super::running::Progress;
use super::transfer::read;
use crate::wire::Reply;

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

/// Digests that are computed at once, for all together: so many that some whose files come slowly are in nobody's way.
const AT_ONCE: usize = 64;

/// Whose digests are computed: one of each person, so that nobody keeps the others from theirs. The anonymous are one.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashSet<Name>>);

/// Somebody's turn, until it is dropped.
struct Turn(Arc<Turns>, Name);

impl Turns {
    fn take(self: &Arc<Self>, person: &Name) -> Result<Turn, Reply> {
        let mut busy = self.all();
        if busy.contains(person) {
            return Err(Reply::new(450, "a digest of yours is on its way, wait for it"));
        }
        if busy.len() >= AT_ONCE {
            return Err(Reply::new(450, "too many digests at once, try again"));
        }
        busy.insert(person.clone());
        Ok(Turn(Arc::clone(self), person.clone()))
    }

    fn all(&self) -> MutexGuard<'_, HashSet<Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.all().remove(&self.1);
    }
}

/// A digest whose file is open.
pub(super) struct HashJob {
    file: Box<dyn FileHandle>,
    path: VPath,
    algorithm: Algorithm,
    from: u64,
    to: u64,
    form: HashForm,
    _turn: Turn,
}

/// Opens a file for its digest, if no more of them are computed than may be.
pub(super) async fn digest(
    files: &dyn Files,
    transfer: Transfer,
    options: &Options,
    turns: &Arc<Turns>,
    person: &Name,
) -> Result<HashJob, Reply> {
    let Transfer { what, path, .. } = transfer;
    let What::Hash { algorithm, from, to, form } = what else { return Err(Reply::new(451, "no digest")) };
    let turn = turns.take(person)?;
    let file =
        files.open(&path, &Open::read()).await.map_err(|error| refusal(&error, Doing::Using, &path))?;
    let len = file.opened().len;
    let to = to.unwrap_or(len).min(len);
    if from > to {
        return Err(Reply::new(501, "the file is shorter than that"));
    }
    if to - from > options.hash {
        return Err(Reply::new(450, "too large for a digest"));
    }
    Ok(HashJob { file, path, algorithm, from, to, form, _turn: turn })
}

impl HashJob {
    /// Computes it.
    pub(super) async fn run(self, progress: Arc<Progress>) -> Reply {
        let Self { file, path, algorithm, from, to, form, .. } = &self;
        let mut digest = Digest::new(*algorithm);
        let mut offset = *from;
        while offset < *to {
            let chunk = match read(&**file, offset, *to).await {
                Ok(chunk) if chunk.is_empty() => return refusal(&FsError::Stale, Doing::Using, path),
                Ok(chunk) => chunk,
                Err(error) => return refusal(&error, Doing::Using, path),
            };
            digest.update(&chunk);
            offset += chunk.len() as u64;
            progress.octets.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            // A chunk is work enough for one turn.
            tokio::task::yield_now().await;
        }
        let digest = digest.finish();
        match form {
            HashForm::Bare => Reply::new(250, digest),
            HashForm::Full => {
                let range = format!("{} {from}-{to} {digest} ", algorithm.name());
                Reply::new(213, [range.as_bytes(), path.as_bytes()].concat())
            }
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
    fn everybody_has_a_turn_and_all_together_so_many() {
        let turns = Arc::new(Turns::default());
        let name = |n: usize| format!("p{n}").parse::<Name>().unwrap();
        let mut held: Vec<_> = (0..AT_ONCE).map(|n| turns.take(&name(n)).ok().unwrap()).collect();
        assert_eq!(turns.take(&name(AT_ONCE)).err().map(|reply| reply.code()), Some(450));
        assert!(turns.take(&name(0)).is_err(), "one of each");
        held.pop();
        assert!(turns.take(&name(AT_ONCE)).is_ok());
    }

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
