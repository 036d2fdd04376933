//! What runs: protocols, policies, servers, services, groups, and the application around them.

mod context;
mod drive;
mod live;
mod policy;
mod prepare;
mod protocol;
mod service;
mod task;

pub use context::{Context, Offence};
pub use drive::{Drive, drive};
pub use live::{ConnId, Live, LiveConnection};
pub use policy::{BoxPolicy, Next, Policy};
pub use prepare::Prepare;
pub use protocol::{BoxProtocol, Protocol};
pub use service::{BoxService, Service};
pub use task::Task;
