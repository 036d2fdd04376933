//! Talking to a server that runs: a UNIX socket in its store, which only its user and root may use.
//!
//! The client sends one [`Order`] as a line of JSON, and gets one line of JSON back.

mod client;
mod server;
mod zones;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use client::ask;
pub(crate) use server::{Bans, keeper, member};
pub(crate) use zones::Served;

/// What can be asked for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "order", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Order {
    /// What runs.
    Status {},
    /// Who is banned.
    Bans {},
    /// Ban this network.
    Ban {
        network: String,
        /// The usual time where there is none.
        seconds: Option<u64>,
        why: Option<String>,
        /// Also where it is exempt.
        #[serde(default)]
        force: bool,
    },
    /// Unban it.
    Unban { network: String },
    /// Somebody's account is another now: end the connections of this person, and read accounts again.
    Revoke { user: String },
    /// What zones are served.
    Zones {},
    /// Zones in the store are others now.
    Follow {},
    /// Read zone files again.
    Reload {},
}

fn socket(store: &Path) -> PathBuf {
    store.join("control.sock")
}
