//! What is on the wire: names, types, codes and RDATA.

pub mod code;
pub mod name;
pub mod rdata;
pub mod rtype;

pub use code::{Opcode, Rcode};
pub use name::{Name, NameBuf, NameError, NameRef};
pub use rtype::{Class, Type};
