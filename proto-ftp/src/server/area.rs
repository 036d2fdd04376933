use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ropewalk_core::data::cred::{Anonymous, AnyOf, Authenticator, LoginError, Portal, Principal, Realm};
use ropewalk_core::data::files::Files;

/// Who may log in, and what each gets to see.
#[derive(Clone, Default)]
pub struct Area {
    authenticator: Option<Arc<dyn Authenticator>>,
    people: Option<Arc<dyn Realm<dyn Files>>>,
    guests: Option<Arc<dyn Files>>,
}

impl Area {
    /// Nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// People of these accounts, each with a tree of their own.
    #[must_use]
    pub fn people(mut self, accounts: Arc<dyn Authenticator>, realm: Arc<dyn Realm<dyn Files>>) -> Self {
        (self.authenticator, self.people) = (Some(accounts), Some(realm));
        self
    }

    /// People of these accounts, all with the same tree.
    #[must_use]
    pub fn shared(self, accounts: Arc<dyn Authenticator>, files: Arc<dyn Files>) -> Self {
        self.people(accounts, Arc::new(Same(files)))
    }

    /// Anybody, as `anonymous` or `ftp` with any password (RFC 1635), who may read this tree. What they may leave there
    /// is said by [`Options::incoming`](super::Options::incoming).
    #[must_use]
    pub fn guests(mut self, files: Arc<dyn Files>) -> Self {
        self.guests = Some(files);
        self
    }

    /// The way in.
    pub(super) fn portal(&self) -> Portal<dyn Files> {
        let guests = self.guests.as_ref().map(|_| Arc::new(Anonymous::new()) as Arc<dyn Authenticator>);
        let all: Vec<_> = guests.into_iter().chain(self.authenticator.clone()).collect();
        Portal::new(Arc::new(AnyOf::new(all)), Arc::new(self.clone()))
    }
}

#[async_trait]
impl Realm<dyn Files> for Area {
    async fn avatar(&self, who: &Principal) -> Result<Arc<dyn Files>, LoginError> {
        match (&self.guests, &self.people) {
            (Some(guests), _) if who.is_guest() => Ok(Arc::clone(guests)),
            (_, Some(people)) if !who.is_guest() => people.avatar(who).await,
            _ => Err(LoginError::Refused),
        }
    }
}

impl fmt::Debug for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Area")
            .field("people", &self.people.is_some())
            .field("guests", &self.guests.is_some())
            .finish()
    }
}

/// One tree for everybody.
pub(crate) struct Same(pub(crate) Arc<dyn Files>);

#[async_trait]
impl Realm<dyn Files> for Same {
    async fn avatar(&self, _: &Principal) -> Result<Arc<dyn Files>, LoginError> {
        Ok(Arc::clone(&self.0))
    }
}
