//! What stands between a protocol and the place where files are kept: each layer is itself a [`Files`](super::Files).

// What a layer forgets to ask of what it is over would be answered by the default of the trait, and never be missed.
#![cfg_attr(not(test), warn(clippy::missing_trait_methods))]

mod audit;
mod forward;
mod hide;
mod marked;
mod mounts;
#[cfg(test)]
mod one;
mod permissions;
mod quota;
mod shared;
mod throttle;
mod view;
mod whole;

pub use super::{NoSuchOp, Ops};
pub use audit::{Audit, Whose};
pub use hide::{Dots, Hide, OWN};
pub use marked::Marked;
pub use mounts::Mounts;
pub use permissions::{Permissions, Rule};
pub use quota::{Quota, Share, usage};
pub use throttle::{Rates, Throttle};
pub use view::View;
pub use whole::{Turns, Whole};

/// Whether this is the name of a file that a backend is still writing: `.` name `.` 16 hexadecimal digits `.part`.
pub fn is_part(name: &[u8]) -> bool {
    let middle = name.strip_prefix(b".").and_then(|name| name.strip_suffix(b".part"));
    let Some((name, digits)) =
        middle.and_then(|middle| middle.split_at_checked(middle.len().checked_sub(16)?))
    else {
        return false;
    };
    name.len() > 1 && name.ends_with(b".") && digits.iter().all(u8::is_ascii_hexdigit)
}
