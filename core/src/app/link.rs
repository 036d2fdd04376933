use std::fmt;

use tokio::sync::watch;

use crate::net::Info;
use crate::{Error, Result};

/// Whether a [`Reconnect`](super::Reconnect) is connected. Clones watch the same one.
#[derive(Clone)]
pub struct Link(pub(super) watch::Receiver<State>);

impl Link {
    /// Waits until there is a connection, and says between whom. Any number may wait.
    ///
    /// # Errors
    /// Ours, where the service has given up or stopped.
    pub async fn when_connected(&self) -> Result<Info> {
        let mut states = self.0.clone();
        let state = states.wait_for(|state| !matches!(state, State::Down)).await;
        match state.map(|state| state.clone()) {
            Ok(State::Up(info)) => Ok(info),
            Ok(State::GaveUp(cause)) => Err(Error::local("could not connect").caused_by(cause)),
            Ok(State::Stopped | State::Down) | Err(_) => Err(stopped()),
        }
    }

    /// Whether there is a connection now.
    pub fn is_connected(&self) -> bool {
        matches!(*self.0.borrow(), State::Up(_))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("connected", &self.is_connected()).finish()
    }
}

/// What a client says of itself.
#[derive(Clone)]
pub(super) enum State {
    Down,
    Up(Info),
    Stopped,
    GaveUp(String),
}

pub(super) fn stopped() -> Error {
    Error::local("the client has stopped")
}
