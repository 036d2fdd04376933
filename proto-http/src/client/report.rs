use std::sync::Arc;

use http::{StatusCode, Uri};
use ropewalk_core::net::Info;

use super::Spent;
use super::decode::Coding;

/// How an answer came; among the extensions of the answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What was asked for in the end, without a name and password.
    pub url: Uri,
    /// The redirects on the way there.
    pub hops: Vec<Hop>,
    /// Both ends of the connection, and its TLS. Through a proxy: the proxy's address.
    pub info: Arc<Info>,
    /// Whether the connection had served another request before.
    pub reused: bool,
    /// How long the last request took.
    pub spent: Spent,
    /// The codings that were taken off the content, in the order in which they had been applied.
    pub decoded: Vec<Coding>,
}

/// One redirect that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop {
    /// The status of the answer.
    pub status: StatusCode,
    /// What had been asked for.
    pub url: Uri,
}
