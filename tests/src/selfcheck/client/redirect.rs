//! How a redirect is followed: RFC 9110 §15.4.

use std::io;

use super::{Client, F, wrong};
use crate::{Fetch, Fetched};

impl Client {
    /// RFC 9110 §15.4.
    pub(super) async fn fetch(&mut self, mut fetch: Fetch, fetched: &mut Fetched) -> io::Result<()> {
        for _ in 0..if self.is(F::FollowsForEver) { 10_000 } else { 20 } {
            let head = self.exchange(&fetch, fetched).await?;
            let location = head.all("location").first().map(|to| (*to).to_owned());
            let Some(to) = location.filter(|_| fetch.follow && !self.is(F::FollowsNone)) else {
                return Ok(());
            };
            let (authority, path) = parts(&fetch.url);
            let next = match to.strip_prefix("http://") {
                Some(_) => to,
                None if to.starts_with('/') => format!("http://{authority}{to}"),
                None if self.is(F::NoRelative) => format!("http://{authority}/{to}"),
                None => format!("http://{authority}/{}", resolved(&path, &to)),
            };
            if parts(&next).0 != authority && !self.is(F::CredentialsElsewhere) {
                fetch
                    .fields
                    .retain(|field| !field.starts_with("Authorization") && !field.starts_with("Cookie"));
            }
            fetch.url = next;
            let as_get = match head.status {
                303 => !self.is(F::PostAfter303) && fetch.method != "HEAD",
                307 | 308 => self.is(F::GetAfter307),
                _ => fetch.method == "POST",
            };
            if as_get || (self.is(F::GetAfterHead) && fetch.method == "HEAD") {
                fetch.method = "GET";
                fetch.content = None;
            }
        }
        Err(wrong("redirected too often"))
    }
}

/// Authority and target of a URL.
pub(super) fn parts(url: &str) -> (String, String) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let at = rest.find(['/', '#', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    (authority.into(), path.into())
}

/// RFC 3986 §5.2.3 and §5.2.4, for what the cases have: a path without its first slash.
fn resolved(path: &str, reference: &str) -> String {
    let base = path.split('?').next().unwrap_or_default();
    let mut segments: Vec<_> = base.trim_start_matches('/').split('/').collect();
    segments.pop();
    for segment in reference.split('/') {
        if segment == ".." {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
    segments.join("/")
}
