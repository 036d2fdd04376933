use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use ropewalk_core::policy::Network;
use ropewalk_core::{Address, Error};

use crate::wire::{Name, NameRef};

/// Who may: peers of these networks, and who signs with these keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl(Vec<Who>);

/// Somebody that an [`Acl`] names: a network as text, or `key:` and the name of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Peers with these addresses.
    From(Network),
    /// Peers that sign with this key (RFC 8945).
    Key(Name),
}

impl Acl {
    /// These, and nobody else.
    pub fn new(who: impl IntoIterator<Item = Who>) -> Self {
        Self(who.into_iter().collect())
    }

    /// Peers of these networks, and nobody else.
    pub fn of_networks(networks: impl IntoIterator<Item = Network>) -> Self {
        Self::new(networks.into_iter().map(Who::From))
    }

    /// Whether this peer may, who has signed with this key or has not.
    pub fn admits(&self, peer: &Address, key: Option<NameRef<'_>>) -> bool {
        self.0.iter().any(|who| match who {
            Who::From(network) => network.contains(peer),
            Who::Key(name) => key == Some(name.view()),
        })
    }

    /// Whom any of these names.
    pub(super) fn any<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut seen = HashSet::new();
        let each = all.into_iter().flat_map(|acl| &acl.0);
        Self::new(each.filter(|who| seen.insert(who.to_string())).cloned())
    }

    /// Whether nobody is named.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that are named.
    pub fn keys(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|who| match who {
            Who::Key(name) => Some(name),
            Who::From(_) => None,
        })
    }
}

impl FromStr for Who {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.strip_prefix("key:") {
            Some(name) => {
                let name = name.parse();
                name.map(Self::Key).map_err(|error| Error::local(format!("{text:?}: {error}")))
            }
            None => text.parse().map(Self::From),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(network) => network.fmt(f),
            Self::Key(name) => write!(f, "key:{name}"),
        }
    }
}
