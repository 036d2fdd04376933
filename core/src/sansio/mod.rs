//! Protocol state without I/O.
