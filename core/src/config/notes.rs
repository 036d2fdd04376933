use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use blake2::{Blake2s256, Digest as _};

use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::document::Document;
use super::resources::Resources;
use super::schema::SchemaKey;
use super::value::Origin;
use crate::Limits;
use crate::net::Endpoint;

/// What reading leaves behind.
pub(super) struct Notes {
    pub(super) diagnostics: RefCell<Diagnostics>,
    pub(super) keys: RefCell<Vec<SchemaKey>>,
    pub(super) limits: RefCell<Limits>,
    /// What is listened on, and where that is said.
    claims: RefCell<Vec<(Endpoint, Origin)>>,
    /// What the program's own settings give to resources.
    pub(super) provided: RefCell<Resources>,
    digest: RefCell<Blake2s256>,
    /// Nothing is read: keys are only asked for.
    pub(super) probing: bool,
    /// Whether what is missing may only be unread.
    broken: bool,
    broken_parts: BTreeSet<Origin>,
    errors: Cell<usize>,
}

impl Notes {
    pub(super) fn new(document: &Document) -> Self {
        Self {
            diagnostics: RefCell::new(document.diagnostics.clone()),
            keys: RefCell::default(),
            limits: RefCell::default(),
            claims: RefCell::default(),
            provided: RefCell::default(),
            digest: RefCell::default(),
            probing: false,
            broken: document.broken,
            broken_parts: document.broken_parts.clone(),
            errors: Cell::new(0),
        }
    }

    pub(super) fn probe() -> Self {
        Self { probing: true, ..Self::new(&Document::new()) }
    }

    pub(super) fn push(&self, at: Origin, severity: Severity, message: String, help: Option<String>) {
        self.push_with(Diagnostic { at, severity, message, help, also: None });
    }

    pub(super) fn push_with(&self, diagnostic: Diagnostic) {
        if self.tells(&diagnostic.at) {
            self.errors.set(self.errors.get() + usize::from(diagnostic.severity == Severity::Error));
            self.diagnostics.borrow_mut().push(diagnostic);
        }
    }

    /// Notes what is wrong with something that all else can do without.
    pub(super) fn push_confined(&self, at: Origin, message: String) {
        if self.tells(&at) {
            let diagnostic = Diagnostic { at, severity: Severity::Error, message, help: None, also: None };
            self.diagnostics.borrow_mut().confined(diagnostic);
        }
    }

    /// Whether what stands there is read, and is what was meant.
    fn tells(&self, at: &Origin) -> bool {
        !self.probing && !self.broken_parts.iter().any(|line| line.meets(at))
    }

    /// Notes that this is listened on. Where something listens there already: where that is said.
    pub(super) fn claim(&self, endpoint: &Endpoint, at: &Origin) -> Option<Origin> {
        let mut claims = self.claims.borrow_mut();
        let first = claims.iter().find(|(other, _)| endpoint.collides(other)).map(|(_, at)| at.clone());
        if first.is_none() {
            claims.push((endpoint.clone(), at.clone()));
        }
        first
    }

    /// Whether what is missing may only be unread.
    pub(super) fn broken(&self) -> bool {
        self.broken
    }

    /// Whether any source has an error yet that stops all.
    pub(super) fn stop(&self) -> bool {
        self.diagnostics.borrow().stop()
    }

    /// How many errors reading has found yet.
    pub(super) fn errors(&self) -> usize {
        self.errors.get()
    }

    pub(super) fn mask(&self, at: Origin) {
        self.diagnostics.borrow_mut().masks.insert(at);
    }

    /// Adds something that what is being built depends on.
    pub(super) fn witness(&self, tag: &str, bytes: &[u8]) {
        let mut digest = self.digest.borrow_mut();
        for part in [tag.as_bytes(), bytes] {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
    }

    /// The digest of all since the last call.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        self.digest.take().finalize().into()
    }
}
