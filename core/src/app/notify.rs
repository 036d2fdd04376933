//! What the service manager is told: sd_notify(3). Without one, nothing happens.

use sd_notify::NotifyState;

use super::Context;

/// Everything serves.
pub(super) fn ready() {
    say(&[NotifyState::Ready]);
}

/// The configuration is being read again. systemd wants the monotonic time with it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic clock"),
    }
}

/// Nothing new is accepted.
pub(super) fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// Says at half the asked interval that the runtime is alive, where the service manager asks for that.
pub(super) fn watchdog(cx: &Context) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let beat = async move {
        let mut ticks = tokio::time::interval(interval / 2);
        loop {
            ticks.tick().await;
            say(&[NotifyState::Watchdog]);
        }
    };
    cx.spawn(beat).detach();
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot notify the service manager");
    }
}
