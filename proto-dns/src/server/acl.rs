use ropewalk_core::Address;
use ropewalk_core::policy::Network;

/// Who may: peers of these networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl(Vec<Network>);

impl Acl {
    /// These, and nobody else.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether this peer may.
    pub fn admits(&self, peer: &Address) -> bool {
        self.0.iter().any(|network| network.contains(peer))
    }
}
