//! Policies that ship.
