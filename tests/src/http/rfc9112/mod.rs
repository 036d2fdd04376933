//! RFC 9112, HTTP/1.1: request line and head, framing, connections.

mod s2;
mod s3;
mod s3_2;
mod s5;
mod s6;
mod s7;
mod s9;

use crate::Case;

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    [s2::CASES, s3::CASES, s3_2::CASES, s5::CASES, s6::CASES, s7::CASES, s9::CASES].into_iter().flatten()
}
