//! WebDAV servers: RFC 4918, with the quotas of RFC 4331 and the preconditions of RFC 9110.
//!
//! The subject needs no known tree: each case makes a collection below [`Subject::at_path`](crate::Subject::at_path), works in
//! there, and removes it at its end. Validators, lock tokens and time limits are taken from the answers, never computed. Cases
//! about locks, and about properties that clients make, do not apply to a server without them.

mod client;
mod lock;
mod multistatus;
mod rfc4331;
mod rfc4918;
mod rfc9110;
mod robust;
pub(crate) mod selfcheck;
mod xml;

use self::multistatus::{document, errors};
use self::xml::{DAV, Element};
use crate::case::{Verdict, check};
use crate::http::Response;
use crate::{Broken, Case};

/// Who may do everything at the servers of this crate's tests: the account, and its password.
pub const USER: (&str, &str) = ("rope", "strand");
/// The second account, and its password.
pub const OTHER: (&str, &str) = ("yarn", "fibre");

/// The cases, in the order of the documents.
pub fn cases() -> Vec<&'static Case> {
    rfc4918::cases().chain(rfc4331::CASES).chain(rfc9110::CASES).chain(robust::CASES).collect()
}

/// Declares cases that are given a client in a collection of their own.
macro_rules! dav_cases {
    ($(
        $(#[doc = $demand:literal])+
        $level:ident $id:literal $([$($need:ident),*])? = async |$dav:ident| $body:block
    )*) => {
        $crate::case::cases! {
            $(
                $(#[doc = $demand])+
                $level $id $([$($need),*])? = async |peer| {
                    async fn body($dav: &mut $crate::webdav::client::Dav<'_>) -> $crate::case::Verdict $body
                    let mut dav = $crate::webdav::client::Dav::begin(peer, $id).await?;
                    let verdict = body(&mut dav).await;
                    dav.end().await;
                    verdict
                }
            )*
        }
    };
}
use dav_cases;

/// An error response whose body says this condition; gives the condition.
fn condition(response: &Response, name: &str) -> Result<Element, Broken> {
    let wrong = || Broken::new(format!("error with {name} in the body"), response.brief());
    let root = document(response).map_err(|_| wrong())?;
    if !root.is(DAV, "error") {
        return Err(wrong());
    }
    errors(&root).into_iter().find(|error| error.is(DAV, name)).ok_or_else(wrong)
}

/// The names are these.
fn names(found: &[String], expected: &[&str]) -> Verdict {
    check(found == expected, format!("{expected:?}"), format!("{found:?}"))
}

/// A refusal: some status code of the client's errors.
fn refused(response: &Response) -> Verdict {
    check((400..500).contains(&response.status), "4xx", response.brief())
}
