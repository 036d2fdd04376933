//! The server: what happens between a connection and a handler.

mod accept;
mod body;
mod deadlines;
mod file_range;
mod h1;
mod h2;
mod handler;
mod interim;
mod log;
pub(crate) mod page;
mod pipeline;
mod plaintext;
mod routes;
mod sent;
mod tower;
mod upgrade;

pub use accept::{Http, Options};
pub use body::{Body, Frames};
pub(crate) use deadlines::Alarm;
pub use deadlines::Deadlines;
pub use file_range::FileRange;
#[cfg(fuzzing)]
pub(crate) use h1::fuzzing;
pub use handler::{BoxHandler, Facts, Failure, Handler, Request, Response};
pub use interim::Interim;
pub use log::AccessLog;
pub use plaintext::plaintext_notice;
pub use routes::Routes;
pub use tower::Tower;
pub use upgrade::Upgrade;
