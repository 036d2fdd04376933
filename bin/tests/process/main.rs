//! The built binary as a process: its command line, its life, and what it says.

#![expect(clippy::disallowed_methods, reason = "tests wait in threads of their own")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in what tests share")]

mod ban;
mod check;
mod clients;
mod clients_wget;
mod commands;
mod config;
#[cfg(all(feature = "conform", feature = "dns", feature = "http"))]
mod conform_dns;
mod cross;
mod daemon;
mod detach;
mod dig;
mod dig_keys;
mod dns;
mod dns_broken;
mod dns_derived;
mod dns_update;
mod drain;
mod fetch;
mod fetch_peers;
mod fetch_resume;
mod fsspec;
mod ftp;
mod ftp_client;
mod ftp_strangers;
mod notify;
mod password;
mod privileges;
mod process;
mod programs;
mod reload;
mod revoke;
mod servers;
mod sockets;
mod up;
mod user;
mod zone;
