//! What servers serve: accounts, files and zones, as traits, each with a reference in memory.

pub mod cred;
pub mod files;
pub mod zones;
