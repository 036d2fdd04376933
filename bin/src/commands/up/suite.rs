use ropewalk_core::net::{Endpoint, Interface, Sockets};
use ropewalk_core::{Error, Result};

/// The servers of `up`, and their ports without an offset.
const PLAIN: [(&str, u16); 4] = [("http", 8080), ("ftp", 2121), ("dns", 5553), ("admin", 8081)];
/// Those over UDP.
const UDP: [(&str, u16); 1] = [("dns", 5553)];
/// Those over TLS.
const TLS: [(&str, u16); 2] = [("http", 8443), ("dns", 8853)];
/// Those over QUIC.
const QUIC: [(&str, u16); 1] = [("dns", 8853)];

/// Where every server of `up` listens.
pub(super) struct Suite {
    public: bool,
    offset: u16,
}

impl Suite {
    pub(super) fn new(public: bool, offset: u16) -> Self {
        Self { public, offset }
    }

    /// Whether others than this machine come.
    pub(super) fn is_public(&self) -> bool {
        self.public
    }

    /// The endpoint of a server without TLS.
    pub(super) fn plain(&self, server: &str) -> String {
        let port = PLAIN.iter().find(|(name, _)| *name == server).map_or(0, |(_, port)| *port);
        // Health and metrics are for this machine.
        self.at(Endpoint::tcp, port, server != "admin").to_string()
    }

    /// The endpoint of a server over UDP.
    pub(super) fn udp(&self, server: &str) -> String {
        let port = UDP.iter().find(|(name, _)| *name == server).map_or(0, |(_, port)| *port);
        self.at(Endpoint::udp, port, true).to_string()
    }

    /// The endpoint of a server over TLS, with the certificate `main`.
    pub(super) fn tls(&self, server: &str) -> String {
        let port = TLS.iter().find(|(name, _)| *name == server).map_or(0, |(_, port)| *port);
        self.at(Endpoint::tcp, port, true).with_certificate("main").to_string()
    }

    /// The endpoint of a server over QUIC, likewise.
    pub(super) fn quic(&self, server: &str) -> String {
        let port = QUIC.iter().find(|(name, _)| *name == server).map_or(0, |(_, port)| *port);
        self.at(Endpoint::quic, port, true).with_certificate("main").to_string()
    }

    fn at(&self, kind: fn(u16) -> Endpoint, port: u16, may_be_public: bool) -> Endpoint {
        let endpoint = kind(port.saturating_add(self.offset));
        if self.public && may_be_public { endpoint } else { endpoint.with_interface(Interface::Localhost) }
    }

    /// Whether all ports can be had.
    ///
    /// # Errors
    /// The first that is taken, with who holds it.
    pub(super) fn are_free(&self) -> Result<()> {
        let mut sockets = Sockets::default();
        let taken = |error: Error| {
            Error::local("nothing was made or started (--port-offset N moves all ports)").caused_by(error)
        };
        for (_, port) in PLAIN.into_iter().chain(TLS) {
            sockets.claim(&self.at(Endpoint::tcp, port, true)).map_err(taken)?;
        }
        for (_, port) in UDP.into_iter().chain(QUIC) {
            sockets.claim_datagram(&self.at(Endpoint::udp, port, true)).map_err(taken)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_on_loopback_unless_public_and_admin_always() {
        let here = Suite::new(false, 100);
        assert_eq!(here.plain("ftp"), "tcp:2221:interface=localhost");
        assert_eq!(here.udp("dns"), "udp:5653:interface=localhost");
        assert_eq!(here.tls("http"), "tls:8543:interface=localhost:cert=main");
        assert_eq!(here.quic("dns"), "quic:8953:interface=localhost:cert=main");
        let everywhere = Suite::new(true, 0);
        assert_eq!(everywhere.plain("http"), "tcp:8080");
        assert_eq!(everywhere.plain("admin"), "tcp:8081:interface=localhost");
    }
}
