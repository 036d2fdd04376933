//! What is answered to a query: the documents about zones and their answers.

mod rfc1034;
mod rfc1035;
mod rfc2181;
mod rfc2308;
mod rfc4592;
mod rfc6672;
mod rfc8482;
mod rfc9471;

use crate::Case;

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    rfc1034::CASES
        .iter()
        .chain(rfc1035::cases())
        .chain(rfc2181::CASES)
        .chain(rfc2308::CASES)
        .chain(rfc4592::CASES)
        .chain(rfc6672::cases())
        .chain(rfc8482::CASES)
        .chain(rfc9471::CASES)
}
