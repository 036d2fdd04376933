//! Signed zones (RFC 4033 to 4035, 5155 and what changed them), with NSEC and with NSEC3.
//!
//! The cases find the keys in the zones and verify by them: a server may have signed the zones itself. NSEC3 has no
//! opt-out here.

mod denial;
mod rfc4034;
mod rfc4035;
mod rfc5155;
mod signature;
mod signed;
mod whole;

use crate::Case;

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    rfc4034::CASES.iter().chain(rfc4035::cases()).chain(rfc5155::CASES).chain(whole::CASES)
}
