//! What servers serve: accounts, files and zones, as traits, each with a reference in memory; and what they tell of themselves.

pub mod cred;
pub mod facts;
pub mod files;
pub mod zones;
