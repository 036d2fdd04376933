//! What goes over the wire, for both sides: types, parsing, encoding. No state of a conversation, no I/O.

#![deny(clippy::indexing_slicing)]

mod command;
mod facts;
mod hostport;
mod list;
mod ls;
mod reply;
mod time;

pub use command::{BadLine, Command, CommandReader, Heard};
pub use facts::{Fact, FactList, Facts, Rights, parse_facts, write_facts};
pub use hostport::{
    BadAddress, parse_eprt, parse_epsv_reply, parse_pasv_reply, parse_port, write_eprt, write_epsv_reply,
    write_pasv_reply, write_port,
};
pub use list::{Escaped, write_ls};
pub use ls::{BadEntry, parse_ls, parse_mlsd};
pub use reply::Reply;
pub use time::{Calendar, parse_time, write_time};
