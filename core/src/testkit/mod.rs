//! Tools for testing machines.
