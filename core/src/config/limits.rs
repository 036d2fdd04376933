use std::time::Duration;

use super::Section;
use super::typed::Size;
use crate::Limits;

impl Section<'_> {
    /// The table `limits` of this section over those of the whole configuration.
    pub fn limits(&mut self) -> Limits {
        let base = self.notes().limits.borrow().clone();
        let limits = match self.table("limits", "Bounds of this service, where others than the general ones.")
        {
            Some(mut section) => section.read_limits(base),
            None => base,
        };
        self.depends_on(format!("{limits:?}").as_bytes());
        limits
    }

    fn read_limits(&mut self, mut l: Limits) -> Limits {
        l.connections = self.count("connections", "Connections of one server at once.", l.connections);
        l.connections_per_peer = self.count(
            "connections_per_peer",
            "Connections of one peer (IPv6: of one /64) at once.",
            l.connections_per_peer,
        );
        l.first_byte = self.time("first_byte", "From accept to the peer's first byte.", l.first_byte);
        l.handshake = self.time("handshake", "From accept to the end of a TLS handshake.", l.handshake);
        l.login = self.time("login", "From accept to a login, where one is required.", l.login);
        l.idle = self.time("idle", "Without a byte in either direction.", l.idle);
        l.write = self.time(
            "write",
            "What a peer may keep bytes waiting for it, and a second more for each 500 it takes.",
            l.write,
        );
        l.connection = self.time("connection", "A whole connection.", l.connection);
        l.line = self.size("line", "Octets of one line without its end.", l.line);
        l.message = self.size("message", "Octets of one message that is held in memory.", l.message);
        l
    }

    fn count(&mut self, name: &'static str, doc: &'static str, default: usize) -> usize {
        let value = self.key(name, doc).or(default);
        self.positive(name, value > 0);
        value
    }

    fn time(&mut self, name: &'static str, doc: &'static str, default: Duration) -> Duration {
        let value = self.key(name, doc).or(default);
        self.positive(name, !value.is_zero());
        value
    }

    fn size(&mut self, name: &'static str, doc: &'static str, default: usize) -> usize {
        let size = self.key(name, doc).or(Size(default as u64)).0;
        self.positive(name, size > 0);
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    /// A limit of nothing would serve nobody.
    fn positive(&self, name: &str, holds: bool) {
        if !holds {
            self.error_in(name, "a limit is more than zero");
        }
    }
}
