//! Protocol state without I/O: machines, and the bricks they are made of.
//!
//! A [`Machine`] is told what came in and what time it is, and says what is to be done about it. It owns
//! no socket, no clock and no task, so that a test drives it with any chunking and any time, and one
//! function, [`drive`](crate::app::drive), joins every machine to a connection.
//!
//! The bricks take bytes from the front of a buffer and leave there what is not whole yet: [`Lines`] for
//! commands, [`DotBody`] and [`DotStuffer`] for bodies that end in a dot, [`ReplyLines`] for what a client
//! reads, [`Frames`] and [`Netstrings`] for what comes behind its length. None of them scans a byte twice, and each
//! has a maximum.

mod dot;
mod frame;
mod inbox;
mod lines;
mod machine;
mod reply;

pub use dot::{DotBody, DotStuffer, Part};
pub use frame::{FrameError, Frames, Netstrings};
pub(crate) use inbox::Inbox;
pub use lines::{LineError, Lines};
pub use machine::{Machine, Output, Respond};
pub use reply::{Reply, ReplyError, ReplyLines};
