use std::time::Duration;

/// The bounds of a WebSocket. A time of [`Duration::MAX`] never comes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Octets of a message that comes; a larger one is answered by 1009. By default
    /// [`Limits::message`](ropewalk_core::Limits::message).
    pub message: Option<usize>,
    /// Frames of a message that comes; more are answered by 1009.
    pub frames: usize,
    /// Octets that wait to be sent, at which senders wait.
    pub queue: usize,
    /// What a peer may keep us waiting that takes too little. By default that of the HTTP server
    /// ([`Deadlines::write`](crate::Deadlines::write)), and [`Limits::write`](ropewalk_core::Limits::write) for a client.
    pub write: Option<Duration>,
    /// A peer that has been silent for this long is asked for a sign of life, by a ping.
    pub ping: Duration,
    /// What it may take to answer. Then the connection is cut.
    pub pong: Duration,
    /// What a peer may take to answer a Close; also what the application may take to answer what came before one of the peer's, and
    /// a function that serves a WebSocket to return once the connection is gone.
    pub close: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            message: None,
            frames: 16 * 1024,
            queue: 256 * 1024,
            write: None,
            ping: Duration::from_secs(30),
            pong: Duration::from_secs(30),
            close: Duration::from_secs(10),
        }
    }
}
