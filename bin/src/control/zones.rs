#[cfg(feature = "dns")]
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ropewalk_core::config::Resources;
#[cfg(feature = "dns")]
use ropewalk_dns::server::Zones;
use serde_json::{Value, json};

/// The zones of all configurations by which something is served.
#[derive(Default)]
pub(crate) struct Served {
    #[cfg(feature = "dns")]
    zones: Mutex<Vec<Weak<Zones>>>,
}

#[cfg(feature = "dns")]
impl Served {
    /// Notes what a configuration has; it counts for as long as a service has it.
    pub(crate) fn note(&self, resources: &Resources) {
        let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        zones.retain(|known| known.strong_count() > 0);
        zones.extend(resources.all::<Zones>("zones").map(|zones| Arc::downgrade(&zones)));
    }

    fn all(&self) -> Vec<Arc<Zones>> {
        let zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        zones.iter().filter_map(Weak::upgrade).collect()
    }

    pub(super) fn list(&self) -> Value {
        let mut listed = Vec::new();
        for zones in self.all() {
            let set = zones.engine().zones();
            listed.extend(set.origins().map(|origin| {
                let serial = set.zone(origin).and_then(|zone| zone.serial());
                let file = zones.file(origin);
                json!({ "zone": origin.to_string(), "serial": serial, "kept": zones.keeps(origin), "file": file })
            }));
        }
        json!({ "zones": listed })
    }

    pub(super) async fn follow(&self) -> Value {
        for zones in self.all() {
            zones.follow().await;
        }
        json!({})
    }

    pub(super) async fn reload(&self) -> Value {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        for zones in self.all() {
            let report = zones.reload().await;
            problems.extend(report.problems);
            warnings.extend(report.warnings);
        }
        json!({ "problems": problems, "warnings": warnings })
    }
}

#[cfg(not(feature = "dns"))]
impl Served {
    pub(crate) fn note(&self, _: &Resources) {}

    pub(super) fn list(&self) -> Value {
        json!({ "zones": [] })
    }

    pub(super) async fn follow(&self) -> Value {
        json!({})
    }

    pub(super) async fn reload(&self) -> Value {
        json!({ "problems": [], "warnings": [] })
    }
}
