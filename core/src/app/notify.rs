//! What the service manager is told: sd_notify(3). Without one, nothing happens.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::{env, io};

use sd_notify::NotifyState;

use super::Context;

/// The way to the service manager. It is opened before the root of the file system changes.
#[derive(Clone)]
pub(super) struct Notifier(Option<Arc<UnixDatagram>>);

impl Notifier {
    /// The one that the environment names.
    pub(super) fn open() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Self(None) };
        match connect(&name) {
            Ok(socket) => Self(Some(Arc::new(socket))),
            Err(error) => {
                tracing::warn!(%error, socket = %name.display(), "cannot reach the service manager");
                Self(None)
            }
        }
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Everything serves.
    pub(super) fn ready(&self) {
        self.say(&[NotifyState::Ready]);
    }

    /// The configuration is being read again. systemd wants the monotonic time with it.
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.say(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!(%error, "no monotonic clock"),
        }
    }

    /// Nothing new is accepted.
    pub(super) fn stopping(&self) {
        self.say(&[NotifyState::Stopping]);
    }

    /// Says at half the asked interval that the runtime is alive, where the service manager asks for that.
    pub(super) fn watchdog(&self, cx: &Context) {
        let (Some(_), Some(interval)) = (&self.0, sd_notify::watchdog_enabled()) else { return };
        let notifier = self.clone();
        let beat = async move {
            let mut ticks = tokio::time::interval(interval / 2);
            loop {
                ticks.tick().await;
                notifier.say(&[NotifyState::Watchdog]);
            }
        };
        cx.spawn(beat).detach();
    }

    fn say(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.0 else { return };
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::warn!(%error, "cannot notify the service manager");
        }
    }
}

/// A leading `@` stands for the abstract namespace.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // A manager that does not listen must not stop the runtime.
    socket.set_nonblocking(true)?;
    Ok(socket)
}
