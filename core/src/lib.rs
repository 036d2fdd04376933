//! The core of Ropewalk: one small set of nouns that every protocol, server and client is made of.
//!
//! A [`Connection`](net::Connection) is a byte stream to one peer, a [`Protocol`](app::Protocol) says
//! what to do with it, a [`Policy`](app::Policy) does something around every connection, a
//! [`Server`](app::Server) joins endpoints, policies and a protocol, and an
//! [`Application`](app::Application) runs services until it is told to stop. Line protocols are written
//! as [`Machine`](sansio::Machine)s: state without I/O.
//!
//! The rooms, and who may import whom: [`sansio`], [`data`], [`telemetry`] and [`tls`] know none of the others;
//! [`net`] builds on [`tls`]; [`app`] on [`net`], [`sansio`] and [`telemetry`]; [`policy`] and [`config`] on [`app`].

mod address;
mod error;
mod limits;
mod pool;

pub mod app;
pub mod config;
pub mod data;
pub mod net;
pub mod policy;
pub mod sansio;
pub mod telemetry;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod tls;

pub use address::Address;
pub use error::{Error, Fault, Result};
pub use limits::Limits;
pub use pool::Pool;
