//! What servers serve: accounts and files, as traits with a reference in memory.

pub mod cred;
pub mod files;
