//! The engine for HTTP/1.0 and 1.1 (RFC 9112). Parsing and encoding know no I/O; the session joins them to a
//! connection, which one task owns: no request makes another.

mod chunked;
mod content;
mod encode;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod head;
mod linger;
mod link;
mod sendfile;
mod session;
mod transmit;

pub(super) use encode::interim;
pub(super) use session::serve;
