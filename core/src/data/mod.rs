//! What servers serve: accounts, files and zones, as traits, the first two with a reference in memory.

pub mod cred;
pub mod files;
pub mod zones;
