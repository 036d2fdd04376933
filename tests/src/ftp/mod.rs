//! FTP servers: RFC 959 with RFC 1123 §4.1, and what was added to it.
//!
//! The subject shows the tree of [`fixture`] to who logs in. Data connections are made by the cases themselves, to the host
//! that the control connection goes to.

mod client;
mod facts;
pub mod fixture;
mod reply;
mod rfc1123;
mod rfc2389;
mod rfc2428;
mod rfc2577;
mod rfc2640;
mod rfc3659;
mod rfc4217;
mod rfc959;
mod robust;
pub(crate) mod selfcheck;

use crate::Case;

/// The cases, in the order of the documents.
pub fn cases() -> Vec<&'static Case> {
    rfc959::cases()
        .chain(rfc1123::CASES)
        .chain(rfc2389::CASES)
        .chain(rfc2428::CASES)
        .chain(rfc2577::CASES)
        .chain(rfc2640::CASES)
        .chain(rfc3659::CASES)
        .chain(rfc4217::CASES)
        .chain(robust::CASES)
        .collect()
}
