//! What runs: protocols, policies, servers, services, groups, and the application around them.

mod backoff;
mod context;
mod link;
mod live;
mod policy;
mod prepare;
mod protocol;
mod reconnect;
mod service;
mod task;
mod timer;

pub use backoff::Backoff;
pub use context::{Context, Offence};
pub use link::Link;
pub use live::{ConnId, Live, LiveConnection};
pub use policy::{BoxPolicy, Next, Policy};
pub use prepare::Prepare;
pub use protocol::{BoxProtocol, Protocol};
pub use reconnect::Reconnect;
pub use service::{BoxService, Service};
pub use task::Task;
