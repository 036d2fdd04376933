//! What the mutants of the reference server do wrong: the faults that the files beside this one list.

mod answers;
mod locks;
mod resources;

use self::answers::answers;
use self::locks::locks;
use self::resources::resources;
use crate::selfcheck::faults;

// Each list is given to the next, with those before it: one `faults!` sees them all.
resources! { answers locks faults }
