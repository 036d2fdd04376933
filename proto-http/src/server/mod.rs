//! The server: what happens between a connection and a handler.

mod accept;
mod body;
mod deadlines;
mod handler;
mod hyper;
mod log;
mod page;
mod pipeline;
mod sent;

pub use accept::{Http, Options};
pub use body::Body;
pub use deadlines::Deadlines;
pub use handler::{BoxHandler, Facts, Failure, Handler, Request, Response};
pub use log::AccessLog;
