//! The configuration: read from all its sources, checked as a whole, built into services.
//!
//! A [`Document`] is the merged text of file, `conf.d`, environment and `--set`; every value in it remembers its
//! [`Origin`]. A [`Registry`] knows the [`Kind`]s of services and of resources. [`Document::read`] gives each its
//! [`Section`] and gathers what they build in a [`Plan`], and what they complain of in [`Diagnostics`]: all of it at
//! once. What can be configured is asked of the same code that reads it, so the reference ([`Schema`]) cannot differ
//! from what is read.

mod diagnostic;
mod document;
mod json;
mod kind;
mod limits;
mod notes;
mod overlay;
mod plan;
mod resources;
mod schema;
mod secret;
mod section;
mod server;
mod show;
mod typed;
mod value;

#[cfg(test)]
mod tests;

pub use diagnostic::{Diagnostics, Record, Severity};
pub use document::{Document, MAX_SIZE};
pub use kind::{Kind, Registry, ResourceKind};
pub use plan::{Fingerprint, Member, Plan, Reading};
pub use resources::Resources;
pub use schema::{Need, Schema, SchemaKey, check_example, check_resource_example};
pub use secret::Secret;
pub use section::{Field, Section};
pub use server::TlsResource;
pub use typed::{Found, FromValue, Size, Text, Wrong};
pub use value::Origin;
