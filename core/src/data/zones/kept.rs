use async_trait::async_trait;

use super::Records;
use crate::Result;

/// Zones that are kept where a process that ends leaves them, each with what changed in it last.
///
/// An origin is a name in wire form (RFC 1035 §3.1), in small letters. Whoever changes a zone says which [`Stamp`] it has
/// looked at: where another came before, nothing is changed, and the newer zone is to be looked at first. So any number of
/// servers and commands can change a zone, and none undoes what it has not seen.
#[async_trait]
pub trait Zones: Send + Sync {
    /// All zones, in the order of their origins.
    async fn list(&self) -> Result<Vec<Listed>>;

    /// The state of a zone.
    async fn stamp(&self, origin: &[u8]) -> Result<Option<Stamp>>;

    /// A zone with all its records. This blocks, and may be called before anything runs.
    fn read(&self, origin: &[u8]) -> Result<Option<Kept>>;

    /// Keeps a zone where there is none of this origin, or in the place of the one that has the stamp `was`, whose
    /// differences are forgotten. The stamp that it has now; `None` where it is not as `was` says. The zone is on the disk
    /// when this returns.
    async fn put(&self, origin: &[u8], was: Option<Stamp>, zone: Kept) -> Result<Option<Stamp>>;

    /// Changes a zone that has the stamp `was`, and keeps the difference; one without records is none. `seed` takes the place
    /// of what was there, if it is given. The stamp that the zone has now; `None` where it has not the stamp `was`. The change
    /// is on the disk when this returns, all of it; nothing of it where this fails.
    ///
    /// # Errors
    /// Also where the zone has not what is to be taken out, or has what is to be put in.
    async fn change(
        &self,
        origin: &[u8],
        was: Stamp,
        difference: Difference,
        seed: Option<Seed>,
    ) -> Result<Option<Stamp>>;

    /// The differences that lead from this state to what the zone is now, in their order; `None` where they are not all
    /// there any more.
    async fn since(&self, origin: &[u8], was: Stamp) -> Result<Option<Vec<Difference>>>;

    /// Forgets a zone that has the stamp `was`; whether there was one.
    async fn remove(&self, origin: &[u8], was: Stamp) -> Result<bool>;
}

/// What tells one state of a zone from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Another one each time that a zone is [put](Zones::put).
    pub id: u64,
    /// The serial of its SOA.
    pub serial: u32,
}

/// The digest of what a zone was taken from, such as a file.
pub type Seed = [u8; 32];

/// A zone in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Its origin.
    pub origin: Vec<u8>,
    /// Its state.
    pub stamp: Stamp,
    /// How many records it has.
    pub records: u64,
    /// What it was taken from last, if that was told.
    pub seed: Option<Seed>,
}

impl Listed {
    /// A zone in a list.
    pub fn new(origin: Vec<u8>, stamp: Stamp, records: u64, seed: Option<Seed>) -> Self {
        Self { origin, stamp, records, seed }
    }
}

/// A zone that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its state. Where it is [put](Zones::put), only the serial counts.
    pub stamp: Stamp,
    /// What it was taken from last.
    pub seed: Option<Seed>,
    /// Its records, in no order.
    pub records: Records,
}

/// What is other in a zone than it was (RFC 1995 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The serial before.
    pub from: u32,
    /// The serial after.
    pub to: u32,
    /// The records that are gone, the SOA first.
    pub removed: Records,
    /// The records that are new, the SOA first.
    pub added: Records,
}

impl Difference {
    /// Octets of all differences that are kept of a zone; the oldest are dropped for newer ones.
    pub const KEPT: usize = 4 * 1024 * 1024;

    /// What it counts for, in octets.
    pub fn octets(&self) -> usize {
        self.removed.octets().len() + self.added.octets().len() + 64
    }

    /// Whether nothing is other.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}
