//! What hostile peers and careless operators do to the built program, and what becomes of everybody else.
//!
//! Each test fails without the defence that it is about. The floods are small enough for every run; with
//! `ROPEWALK_HOSTILE=full` in the environment they are as large as descriptors permit, up to 10,000.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod descriptors;
mod floods;
mod ftp;
mod paths;
mod proxy;
mod slow;
mod startup;
mod subject;
mod tls;
