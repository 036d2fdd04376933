use std::net::SocketAddr;

use crate::Address;
use crate::data::facts::{Fact, Listens, Over};
use crate::tls::ServerTls;

/// Where a server listens, with what is told of it.
pub(super) struct Told {
    at: SocketAddr,
    over: Over,
    tls: Option<ServerTls>,
}

impl Told {
    /// What there is to tell of an address; nothing where it is none of the internet.
    pub(super) fn new(at: &Address, over: Over, tls: Option<&ServerTls>) -> Option<Self> {
        match at {
            Address::Ip(at) => Some(Self { at: *at, over, tls: tls.cloned() }),
            _ => None,
        }
    }

    /// It as it is now, with the certificates of now.
    pub(super) fn fact(&self, proto: &'static str) -> Fact {
        let tls = self.tls.as_ref();
        let certificates = tls.map(|tls| tls.certificates().all()).unwrap_or_default();
        let keys = certificates.iter().map(|(_, certificate)| certificate.public_key()).collect();
        // Where TLS begins later, the protocol is known already.
        let alpn = tls.filter(|_| self.over != Over::Tcp).map(|tls| tls.alpn().to_vec()).unwrap_or_default();
        Fact::Listens(Listens { proto, at: self.at, over: self.over, alpn, keys })
    }
}
