//! The access log, and what is counted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};
use ropewalk_core::app::Context;
use tokio::time::Instant;

use super::Facts;
use crate::wire::date;

/// What is written about each request, to the log's target `access`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLog {
    /// Nothing.
    Off,
    /// One event with a field for each fact.
    #[default]
    Fields,
    /// One line in the Combined Log Format, as the event's message.
    Combined,
}

/// What the log will say of a request, kept until its answer is through.
pub(super) struct Entry {
    form: AccessLog,
    facts: Arc<Facts>,
    begun: Instant,
    method: Method,
    uri: Uri,
    version: Version,
    agent: Option<HeaderValue>,
    referer: Option<HeaderValue>,
}

impl Entry {
    pub(super) fn new(
        form: AccessLog,
        facts: &Arc<Facts>,
        method: &Method,
        uri: &Uri,
        version: Version,
        headers: &HeaderMap,
    ) -> Self {
        Self {
            form,
            facts: Arc::clone(facts),
            begun: Instant::now(),
            method: method.clone(),
            uri: uri.clone(),
            version,
            agent: headers.get(header::USER_AGENT).cloned(),
            referer: headers.get(header::REFERER).cloned(),
        }
    }

    /// Writes the entry: the answer is through, or was cut.
    pub(super) fn write(&self, status: StatusCode, bytes: u64) {
        let duration = self.begun.elapsed();
        count(&self.facts.cx, &self.method, status, duration);
        match self.form {
            AccessLog::Off => {}
            AccessLog::Fields => tracing::info!(
                target: "access",
                method = %self.method,
                path = %Escaped(self.uri.path().as_bytes()),
                status = status.as_u16(),
                bytes,
                duration_us = duration.as_micros() as u64,
                peer = %self.facts.info.peer,
                agent = %Escaped(self.agent.as_ref().map_or(b"-", HeaderValue::as_bytes)),
                conn = %self.facts.id().map(|id| id.to_string()).unwrap_or_default(),
            ),
            AccessLog::Combined => tracing::info!(target: "access", "{}", self.combined(status, bytes)),
        }
    }

    /// `host ident user [date] "request" status bytes "referer" "agent"`, the form that log readers know.
    fn combined(&self, status: StatusCode, bytes: u64) -> String {
        let field = |value: &Option<HeaderValue>| {
            Escaped(value.as_ref().map_or(b"-".as_slice(), HeaderValue::as_bytes)).to_string()
        };
        let peer = &self.facts.info.peer;
        let peer = peer.ip().map_or_else(|| peer.to_string(), |ip| ip.to_string());
        let target = self.uri.path_and_query().map_or("*", |target| target.as_str());
        format!(
            "{peer} - - [{}] \"{} {} {:?}\" {} {bytes} \"{}\" \"{}\"",
            date::common_log(std::time::SystemTime::now()),
            self.method,
            Escaped(target.as_bytes()),
            self.version,
            status.as_u16(),
            field(&self.referer),
            field(&self.agent),
        )
    }
}

/// The one place where requests are counted.
fn count(_cx: &Context, _method: &Method, _status: StatusCode, _duration: Duration) {}

/// Bytes of a peer, in a log: no control, quote or backslash is written as it is.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0 {
            match byte {
                b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                b' '..=b'~' => fmt::Write::write_char(f, char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_bytes_cannot_forge_a_line() {
        assert_eq!(Escaped(b"a\"b\\c\r\n\x1b[2J\xff").to_string(), r#"a\"b\\c\x0d\x0a\x1b[2J\xff"#);
    }
}
