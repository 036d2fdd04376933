use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Severity};
use super::notes::Notes;
use super::section::{Section, nearest};
use super::value::Origin;

/// What services refer to by name: files, accounts, certificates, each as the traits it serves.
#[derive(Default)]
pub struct Resources {
    things: HashMap<(TypeId, String, String), Box<dyn Any + Send + Sync>>,
    declared: BTreeMap<(&'static str, String), State>,
    pub(super) files: Vec<PathBuf>,
}

enum State {
    Waiting(Origin),
    /// It had errors, which are told already.
    Failed,
    Built([u8; 32]),
}

impl Resources {
    /// Adds what a resource's section made, as a `T` (such as `dyn Files`). One resource may be several.
    pub fn provide<T: ?Sized + Send + Sync + 'static>(&mut self, section: &Section<'_>, thing: Arc<T>) {
        let key = (TypeId::of::<T>(), section.kind().to_owned(), section.name().to_owned());
        self.things.insert(key, Box::new(thing));
    }

    /// The resource of a kind and name as a `T`.
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self, kind: &str, name: &str) -> Option<Arc<T>> {
        let thing = self.things.get(&(TypeId::of::<T>(), kind.to_owned(), name.to_owned()))?;
        thing.downcast_ref::<Arc<T>>().cloned()
    }

    /// The files that the configuration itself is in.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// All resources of a kind that are a `T`, as far as they are built, in no order.
    pub fn all<T: ?Sized + Send + Sync + 'static>(&self, kind: &str) -> impl Iterator<Item = Arc<T>> {
        let of_kind =
            self.things.iter().filter(move |((id, of, _), _)| *id == TypeId::of::<T>() && of == kind);
        of_kind.filter_map(|(_, thing)| thing.downcast_ref::<Arc<T>>().cloned())
    }

    /// What the program's own settings [provide](Section::provide) as a `T`.
    pub fn of_settings<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.get("", "")
    }

    pub(super) fn declare(&mut self, kind: &'static str, name: &str, at: Origin) {
        self.declared.insert((kind, name.to_owned()), State::Waiting(at));
    }

    /// Ends the building of a resource.
    pub(super) fn built(&mut self, kind: &'static str, name: &str, fingerprint: Option<[u8; 32]>) {
        self.declared.insert((kind, name.to_owned()), fingerprint.map_or(State::Failed, State::Built));
    }

    /// The resource that a value refers to; an error where there is none.
    pub(super) fn find<T: ?Sized + Send + Sync + 'static>(
        &self,
        kind: &'static str,
        name: &str,
        at: &Origin,
        notes: &Notes,
    ) -> Option<Arc<T>> {
        let key = (kind, name.to_owned());
        let (message, help, also) = match self.declared.get(&key) {
            Some(State::Failed) => return None,
            Some(State::Built(fingerprint)) => {
                notes.witness(kind, name.as_bytes());
                notes.witness(kind, fingerprint);
                match self.get(kind, name) {
                    Some(thing) => return Some(thing),
                    None => (format!("[{kind}.{name}] cannot be used for this"), None, None),
                }
            }
            Some(State::Waiting(place)) => (
                format!("[{kind}.{name}] cannot be referred to from here, as it is made later"),
                None,
                Some((place.clone(), "it is defined here".to_owned())),
            ),
            None if notes.broken() => return None,
            None => {
                let names = self.declared.keys().filter(|(k, _)| *k == kind).map(|(_, name)| name.as_str());
                let help = match nearest(name, names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("define it: [{kind}.{name}]"),
                };
                (format!("there is no [{kind}.{name}]"), Some(help), None)
            }
        };
        notes.push_with(Diagnostic { at: at.clone(), severity: Severity::Error, message, help, also });
        None
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.declared.keys()).finish()
    }
}
