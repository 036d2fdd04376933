//! Header fields and targets as types: parsed strictly, written as the RFCs say. No state, no I/O.
#![deny(clippy::indexing_slicing)]

pub(crate) mod accept;
pub(crate) mod coding;
pub(crate) mod date;
pub(crate) mod etag;
pub(crate) mod host;
pub(crate) mod list;
pub(crate) mod range;
pub(crate) mod target;
