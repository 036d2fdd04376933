//! What signs zones, by what the zones are made of: whoever reads the configuration anew goes on with what was signed before.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Sign;
use super::signer::Signer;
use super::source::Source;
use crate::wire::NameRef;

/// Of the process, as who reads a configuration knows nothing of what is served.
static ALL: Mutex<Vec<(Source, Weak<Signer>)>> = Mutex::new(Vec::new());

/// What signs the zone at `origin` that this source has: the signer that does it already, or a new one.
pub(super) fn of(source: &Source, origin: NameRef<'_>, how: &Sign) -> Arc<Signer> {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|(_, signer)| signer.strong_count() > 0);
    let is = |(other, _): &&(Source, Weak<Signer>)| other.is_like(source);
    let mut known = all.iter().filter(is).filter_map(|(_, signer)| signer.upgrade());
    if let Some(signer) = known.find(|signer| signer.origin() == origin) {
        return signer;
    }
    let signer = Arc::new(Signer::new(origin.to_name(), how.clone()));
    all.push((source.clone(), Arc::downgrade(&signer)));
    signer
}
