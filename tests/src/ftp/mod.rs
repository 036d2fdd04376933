//! FTP servers: RFC 959 with RFC 1123 §4.1, and what was added to it.
//!
//! The subject shows the tree of [`fixture`] to who logs in. Data connections are made by the cases themselves, to the host
//! that the control connection goes to.

mod client;
pub mod fixture;
mod reply;
mod rfc959;

use crate::Case;

/// The cases, in the order of the documents.
pub fn cases() -> Vec<&'static Case> {
    rfc959::cases().collect()
}
