//! Conformance cases for internet servers, written from the RFCs and never from a server.
//!
//! A [`Case`] is one demand of one document. It speaks raw bytes through a [`Peer`] to a [`Subject`]: a server
//! in this process, or any server at an endpoint. A [`Suite`] runs cases and yields a [`Report`]:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ropewalk_conformance::{Expectations, Options, Subject, suite};
//!
//! let subject = Subject::at("tcp:8080:host=127.0.0.1")?;
//! let suite = suite("http").ok_or("no such suite")?;
//! let report = suite.run(&subject, &Options::default().only("http/9112/3.2")).await;
//! let report = report.judged_by(&Expectations::none());
//! print!("{}", report.text());
//! std::process::exit(i32::from(report.exit_code()));
//! # }
//! ```
//!
//! The subject serves the tree that the suite knows; [`http::fixture::write`] writes it into a directory.
//! What else it was given (that tree, short time limits) it says by its [`Need`]s; a case that
//! needs more is skipped, which the report says.
//!
//! A client is a subject as well ([`Subject::client`]): the suite `http-client` plays the server for it.
//!
//! [`selfcheck`] proves that every case can fail, [`coverage`](requirements::coverage) compares the cases with
//! the demands of the documents, and [`Expectations`] name the known failures of one subject.

mod case;
mod client;
mod datagrams;
pub mod dns;
mod doors;
mod expectations;
pub mod ftp;
pub mod http;
mod peer;
mod report;
pub mod requirements;
mod run;
pub mod selfcheck;
mod subject;
pub mod webdav;
pub mod websocket;

pub use case::{BoxFuture, Broken, Case, Level, Need, Outcome, Reason};
pub use client::{Fetch, Fetched};
pub use expectations::{Expectations, Surprise};
pub use peer::Peer;
pub use report::{Report, Row, Tally};
pub use run::{Options, Suite, suite, suites};
pub use subject::{Io, Subject};
