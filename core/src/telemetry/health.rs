use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Whether an application is ready to serve, and each of its services.
#[derive(Debug, Default)]
pub struct Health {
    started: AtomicBool,
    draining: AtomicBool,
    services: Mutex<BTreeMap<String, bool>>,
    listening: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Health {
    /// Whether everything has started once, nothing is down, and the application is not stopping.
    pub fn is_ready(&self) -> bool {
        self.is_started() && !self.is_draining() && self.services().iter().all(|(_, ready)| *ready)
    }

    /// Whether everything has started once.
    pub fn is_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// Whether the application is stopping.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Each service by name, and whether it serves.
    pub fn services(&self) -> Vec<(String, bool)> {
        self.lock().iter().map(|(name, ready)| (name.clone(), *ready)).collect()
    }

    /// Where a service listens, in the form that addresses are shown in; nowhere, for one that does not.
    pub fn addresses(&self, service: &str) -> Vec<String> {
        let listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        listening.get(service).cloned().unwrap_or_default()
    }

    pub(crate) fn listens(&self, service: &str, addresses: Vec<String>) {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).insert(service.into(), addresses);
    }

    /// Enters a service that does not serve yet. One of that name that is there already keeps its state: it serves
    /// until the new one does.
    pub(crate) fn enter(&self, service: &str) {
        self.lock().entry(service.into()).or_insert(false);
    }

    pub(crate) fn set(&self, service: &str, ready: bool) {
        self.lock().insert(service.into(), ready);
    }

    pub(crate) fn forget(&self, service: &str) {
        self.lock().remove(service);
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).remove(service);
    }

    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Release);
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, bool>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
