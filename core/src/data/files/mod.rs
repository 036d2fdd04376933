//! Files: one tree under every file protocol.
//!
//! A protocol parses what a peer sent into a [`VPath`] once, and asks a [`Files`] for it. A value of `Files` is one
//! person's view: its root and its rules are already inside, and no method says who is asking. Every place to keep
//! files implements it, and so does every
//! [layer](layers) over one.

mod changes;
mod draw;
mod error;
mod glob;
pub mod layers;
mod link;
mod locks;
mod marks;
mod memory;
mod meta;
mod open;
mod path;
mod props;
mod rights;
#[cfg(feature = "testkit")]
pub mod suite;
mod traits;
mod warm;

pub use changes::{Change, Changes};
pub use draw::{Drawn, Source, Turn};
pub use error::FsError;
pub use glob::{BadGlob, Glob, Inside};
pub use link::link_text;
pub use locks::{Lock, LockError, Locks, MemoryLocks, NewLock};
pub use marks::{Marks, Place};
pub use memory::Memory;
pub use meta::{Entry, Etag, FileId, Kind, Meta, SetMeta, Space, Time};
pub use open::{Caps, ListOptions, Open, Over, Remove, Wanted, Write};
pub use path::{BadPath, DotDot, Name, VPath};
pub use props::{MemoryProps, Prop, PropName, Props};
pub use rights::{NoSuchOp, Ops, Reach};
pub use traits::{DirStream, FileHandle, Files};
