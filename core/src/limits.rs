use std::time::Duration;

/// The bounds that every server keeps. All are finite unless the operator says otherwise, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections of one server at once. More are accepted and closed at once, so that clients see it.
    pub connections: usize,
    /// Connections of one peer (IPv6: of one /64) at once. Loopback is exempt unless a policy says otherwise.
    pub connections_per_peer: usize,
    /// From accept to the peer's first byte, where the client speaks first.
    pub first_byte: Duration,
    /// From accept to the end of a TLS handshake or a PROXY header.
    pub handshake: Duration,
    /// From accept to a login, on servers that require one.
    pub login: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
    /// What a peer may keep bytes waiting that are for it, beyond a second for each 500 that it takes.
    pub write: Duration,
    /// A whole connection.
    pub connection: Duration,
    /// Octets of one line without its end; also of one frame's header.
    pub line: usize,
    /// Octets of one message, body or frame that is held in memory.
    pub message: usize,
    /// Time that running connections get to finish in when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_peer: 256,
            first_byte: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            login: Duration::from_secs(30),
            idle: Duration::from_secs(5 * 60),
            write: Duration::from_secs(30),
            connection: Duration::from_secs(24 * 60 * 60),
            line: 8 * 1024,
            message: 1024 * 1024,
            drain: Duration::from_secs(30),
        }
    }
}
