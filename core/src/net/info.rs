use crate::Address;
use crate::tls::TlsInfo;

/// What is known about a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Info {
    /// The other end. Behind a trusted proxy: the client's address, as the PROXY header said.
    pub peer: Address,
    /// This end, as the peer addressed it.
    pub local: Address,
    /// Facts of the TLS session, once there is one.
    pub tls: Option<TlsInfo>,
    /// The user that a UNIX socket's peer is, by its process when it connected.
    pub uid: Option<u32>,
}

impl Info {
    /// A plain connection between these two.
    pub fn new(peer: Address, local: Address) -> Self {
        Self { peer, local, tls: None, uid: None }
    }
}
