//! What signs zones, by what the zones are made of: whoever reads the configuration anew goes on with what was signed before.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Sign;
use super::signer::Signer;
use super::source::Source;
use crate::wire::NameRef;

/// Those that sign now.
#[derive(Default)]
pub(super) struct Signers(Mutex<Vec<(Source, Weak<Signer>)>>);

impl Signers {
    /// What signs the zone at `origin` that this source has: who does it already, if in the same way; else somebody new, who serves
    /// what others have signed until there is something else.
    pub(super) fn of(&self, source: &Source, origin: NameRef<'_>, how: &Sign) -> Arc<Signer> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, signer)| signer.strong_count() > 0);
        let has_zone = |(other, _): &&(Source, Weak<Signer>)| other.has_zone_of(source);
        let known = all.iter().rev().filter(has_zone).filter_map(|(_, signer)| signer.upgrade());
        let known: Vec<_> = known.filter(|signer| signer.origin() == origin).collect();
        if let Some(same) = known.iter().find(|signer| signer.how() == how) {
            return Arc::clone(same);
        }
        let shown = known.iter().find_map(|signer| signer.signed());
        let signer = Arc::new(Signer::new(origin.to_name(), how.clone(), shown));
        all.push((source.clone(), Arc::downgrade(&signer)));
        signer
    }
}
