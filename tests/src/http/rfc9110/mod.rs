//! RFC 9110, HTTP semantics.

mod s10_15;
mod s11_12;
mod s13;
mod s13_2;
mod s14;
mod s4_7;
mod s5_6;
mod s8_9;
mod s9_3;

use crate::case::Verdict;
use crate::http::{Response, expect};
use crate::{Broken, Case, Outcome, Peer};

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    [
        s4_7::CASES,
        s5_6::CASES,
        s8_9::CASES,
        s9_3::CASES,
        s10_15::CASES,
        s11_12::CASES,
        s13::CASES,
        s13_2::CASES,
        s14::CASES,
    ]
    .into_iter()
    .flatten()
}

/// The validators of `/digits.txt`, as the subject sends them.
struct Validators {
    etag: Option<String>,
    modified: Option<String>,
}

impl Validators {
    async fn of(peer: &mut Peer) -> Result<Self, Broken> {
        let response = peer.get("/digits.txt", &[]).await?;
        expect::status(&response, &[200])?;
        let own = |name| response.field(name).map(str::to_owned);
        Ok(Self { etag: own("etag"), modified: own("last-modified") })
    }
}

/// The subject's ETag for `/digits.txt`; without one the case does not apply.
macro_rules! etag {
    ($peer:ident) => {
        match $crate::http::rfc9110::Validators::of($peer).await?.etag {
            Some(etag) => etag,
            None => return Ok($crate::Outcome::Skip($crate::Reason::Unsupported("ETag"))),
        }
    };
}

/// The subject's ETag for `/digits.txt`, if it is a strong one; else the case does not apply.
macro_rules! strong_etag {
    ($peer:ident) => {
        match $crate::http::rfc9110::Validators::of($peer).await?.etag {
            Some(etag) if !etag.starts_with("W/") => etag,
            _ => return Ok($crate::Outcome::Skip($crate::Reason::Unsupported("strong ETags"))),
        }
    };
}

/// The subject's Last-Modified for `/digits.txt`; without one the case does not apply.
macro_rules! modified {
    ($peer:ident) => {
        match $crate::http::rfc9110::Validators::of($peer).await?.modified {
            Some(modified) => modified,
            None => return Ok($crate::Outcome::Skip($crate::Reason::Unsupported("Last-Modified"))),
        }
    };
}
use {etag, modified, strong_etag};

/// A date before every file of the fixture.
const BEFORE: &str = "Sat, 01 Jan 2000 00:00:00 GMT";
/// A date after every file of the fixture, and past.
const AFTER: &str = "Wed, 01 Jan 2025 00:00:00 GMT";

/// `GET /digits.txt` with these fields has one of these status codes.
async fn digits(peer: &mut Peer, fields: &[&str], allowed: &[u16]) -> Verdict {
    expect::status(&peer.get("/digits.txt", fields).await?, allowed)
}

/// A 206 with this Content-Range and these octets.
fn part(response: &Response, range: &str, octets: &str) -> Verdict {
    let met = response.status == 206
        && response.field("content-range") == Some(range)
        && response.body == octets.as_bytes();
    if met {
        return Ok(Outcome::Pass);
    }
    Err(Broken::new(format!("206 with Content-Range: {range} and {octets:?}"), response.brief()))
}
