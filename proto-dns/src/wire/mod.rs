//! What is on the wire: names, types, codes and RDATA.

pub mod code;
mod encode;
#[cfg(feature = "hickory")]
pub mod hickory;
pub(crate) mod key;
pub mod lexer;
mod message;
pub mod name;
mod query;
pub mod rdata;
mod rrset;
pub mod rtype;
pub mod tsig;

pub use code::{Opcode, Rcode};
pub use encode::{Encoder, Opt, Owner, Part};
pub use key::{Key, Suffix};
pub use message::{Asked, Extension, Flags, Message};
pub use name::{Name, NameBuf, NameError, NameRef};
pub use query::{Edns, HEADER, Head, Query, Question, Raw, Section};
pub use rrset::Rrset;
pub use rtype::{Class, Type};
