//! What runs: protocols, policies, servers, services, groups, and the application around them.

mod accept;
mod application;
mod backoff;
mod context;
mod count;
mod datagrams;
mod defend;
mod drive;
mod generation;
mod group;
mod link;
mod live;
mod notify;
mod policy;
mod prepare;
mod privileges;
mod protocol;
mod reconnect;
mod server;
mod service;
mod shards;
mod task;
mod telling;
mod timer;
mod tls;

pub use application::{Application, Member, Rebuild, Rebuilt, Runtime};
pub use backoff::Backoff;
pub use context::{Context, Offence};
pub use count::{LimitConnections, LimitPerPeer};
pub use defend::Defend;
pub use drive::{Drive, drive};
pub use group::Group;
pub use link::Link;
pub use live::{ConnId, Live, LiveConnection, Revocations};
pub use policy::{BoxPolicy, Next, Policy};
pub use prepare::Prepare;
pub use privileges::Privileges;
pub use protocol::{BoxProtocol, Protocol};
pub use reconnect::Reconnect;
pub use server::Server;
pub use service::{BoxService, Service};
pub use task::Task;
#[cfg(feature = "quic")]
use tls::Shake;
pub use tls::Tls;
