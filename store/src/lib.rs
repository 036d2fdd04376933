//! Engines behind the data traits of `ropewalk_core`: places to keep what servers serve.

pub mod accounts;
pub mod files;
pub mod marks;
pub mod sqlite;
pub mod zones;
