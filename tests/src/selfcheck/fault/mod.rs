//! What the mutants of the reference server do wrong: the faults that the files beside this one list.

mod answering;
mod conditions;
mod reading;

use self::answering::answering;
use self::conditions::conditions;
use self::reading::reading;

/// Declares the faults: the doc comment is what the mutant does wrong.
macro_rules! faults {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        /// What a mutant of the reference server does wrong; each mutant has one fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Fault { $($(#[doc = $what])+ $name,)* }

        impl Fault {
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}
pub(crate) use faults;

// Each list is given to the next, with those before it: one `faults!` sees them all.
reading! { conditions answering faults }
