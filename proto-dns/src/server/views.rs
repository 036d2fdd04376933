use std::sync::Arc;

use ropewalk_core::Address;

use super::{Acl, Desk, Peer, Verdict};
use crate::wire::{Head, Name, Query};

/// Who sees which zones: the first view that is for the client, or what all others see.
#[derive(Debug)]
pub struct Views {
    views: Vec<(Acl, Arc<Desk>)>,
    others: Arc<Desk>,
    /// Some are for who has a key.
    keyed: bool,
}

impl Views {
    /// What all see.
    pub fn new(others: Arc<Desk>) -> Self {
        Self { views: Vec::new(), others, keyed: false }
    }

    /// Where these see something else.
    #[must_use]
    pub fn with(mut self, clients: Acl, desk: Arc<Desk>) -> Self {
        self.keyed |= clients.keys().next().is_some();
        self.views.push((clients, desk));
        self
    }

    /// Answers a request, or says who works it off: see [`Desk::respond`].
    pub fn respond(&self, request: &[u8], from: &Peer, out: &mut Vec<u8>) -> (Verdict, &Arc<Desk>) {
        // Whether it has the key that it names is checked by the desk.
        let key = if self.keyed { key(request) } else { None };
        let desk = self.of(from, key.as_ref());
        (desk.respond(request, from, out), desk)
    }

    fn of(&self, from: &Peer, key: Option<&Name>) -> &Arc<Desk> {
        if self.views.is_empty() {
            return &self.others;
        }
        let address = Address::from(from.addr);
        let view = self.views.iter().find(|(acl, _)| acl.admits(&address, key.map(Name::view)));
        view.map_or(&self.others, |(_, desk)| desk)
    }
}

/// The name of the key that a request says it is signed with.
fn key(request: &[u8]) -> Option<Name> {
    let query = Query::read(Head::read(request)?, request).ok()?;
    Name::read(request, &mut query.tsig?).ok()
}
