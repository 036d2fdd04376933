//! The access log, and what is counted.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Uri, Version, header};
use ropewalk_core::app::Context;
use ropewalk_core::data::cred::{Name, Principal};
use ropewalk_core::net::Info;
use tokio::time::Instant;

use super::Facts;
use crate::wire::{date, host};

/// What is written about each request, to the log's target `access`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLog {
    /// Nothing.
    Off,
    /// One event with a field for each fact; peer and connection are those of its span.
    #[default]
    Fields,
    /// One line in the Combined Log Format, as the event's message.
    Combined,
}

/// What is known of a request until its answer is through: it is then counted, and logged where that is on.
pub(super) struct Entry {
    facts: Arc<Facts>,
    begun: Instant,
    /// None: of a head that could not be read.
    method: Option<Method>,
    line: Option<Line>,
}

/// What the log alone needs.
struct Line {
    form: AccessLog,
    target: Option<(Uri, Version)>,
    host: Option<String>,
    user: Option<Name>,
    agent: Option<HeaderValue>,
    referer: Option<HeaderValue>,
}

impl Entry {
    pub(super) fn new(form: AccessLog, facts: &Arc<Facts>, head: &Parts) -> Self {
        let line = is_on(form).then(|| Line {
            form,
            target: Some((head.uri.clone(), head.version)),
            host: host::name(&head.uri, &head.headers).map(str::to_ascii_lowercase),
            user: None,
            agent: head.headers.get(header::USER_AGENT).cloned(),
            referer: head.headers.get(header::REFERER).cloned(),
        });
        Self { facts: Arc::clone(facts), begun: Instant::now(), method: Some(head.method.clone()), line }
    }

    /// Of a head that could not be read: nothing in it is known.
    pub(super) fn unread(form: AccessLog, facts: &Arc<Facts>) -> Self {
        let line = is_on(form).then(|| Line {
            form,
            target: None,
            host: None,
            user: None,
            agent: None,
            referer: None,
        });
        Self { facts: Arc::clone(facts), begun: Instant::now(), method: None, line }
    }

    /// Says who asked.
    pub(super) fn of(&mut self, who: &Principal) {
        if let Some(line) = &mut self.line {
            line.user = Some(who.name().clone());
        }
    }

    /// Counts and logs the request: its answer is through, or was cut.
    pub(super) fn write(&self, status: StatusCode, bytes: u64) {
        let duration = self.begun.elapsed();
        count(&self.facts.cx, self.method.as_ref(), status, duration);
        let Some(line) = &self.line else { return };
        if line.form == AccessLog::Combined {
            tracing::info!(target: "access", "{}", self.combined(line, status, bytes));
            return;
        }
        // As strings, which the log quotes: what a peer says cannot pass for another field. The span of the connection says
        // who the peer is, and the connection's id.
        let agent = line.agent.as_ref().map_or("-".into(), |agent| visible(agent.as_bytes()));
        tracing::info!(
            target: "access",
            method = self.method(),
            host = line.host.as_deref().unwrap_or("-"),
            path = line.target.as_ref().map_or("-", |(uri, _)| uri.path()),
            status = status.as_u16(),
            bytes,
            duration_us = duration.as_micros() as u64,
            user = line.user.as_ref().map_or("-", Name::as_str),
            tls = %Tls(&self.facts.info),
            agent = &*agent,
        );
    }

    fn method(&self) -> &str {
        self.method.as_ref().map_or("-", Method::as_str)
    }

    /// `host ident user [date] "request" status bytes "referer" "agent"`, the form that log readers know.
    fn combined(&self, line: &Line, status: StatusCode, bytes: u64) -> String {
        let peer = &self.facts.info.peer;
        let peer = peer.ip().map_or_else(|| peer.to_string(), |ip| ip.to_string());
        let asked = line.target.as_ref().map(|(uri, version)| {
            let target = uri.path_and_query().map_or("*", |target| target.as_str());
            format!("{} {target} {version:?}", self.method())
        });
        format!(
            "{peer} - {} [{}] \"{}\" {} {bytes} \"{}\" \"{}\"",
            text(line.user.as_ref().map(Name::as_str)),
            date::common_log(std::time::SystemTime::now()),
            text(asked.as_deref()),
            status.as_u16(),
            field(&line.referer),
            field(&line.agent),
        )
    }
}

fn is_on(form: AccessLog) -> bool {
    form != AccessLog::Off && tracing::enabled!(target: "access", tracing::Level::INFO)
}

/// A text for the log; a dash where there is none.
fn text(value: Option<&str>) -> Escaped<'_> {
    Escaped(value.unwrap_or("-").as_bytes())
}

/// The version of TLS; a dash where there is none.
struct Tls<'a>(&'a Info);

impl fmt::Display for Tls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.tls {
            Some(tls) => tls.version.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// A field for the log; a dash where there is none.
fn field(value: &Option<HeaderValue>) -> Escaped<'_> {
    Escaped(value.as_ref().map_or(b"-", HeaderValue::as_bytes))
}

/// The one place where requests are counted.
fn count(cx: &Context, method: Option<&Method>, status: StatusCode, duration: Duration) {
    let class = match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    cx.metrics().command("http", method.map_or("other", name), class, duration);
}

/// The method as a label: one of a few, whatever a peer says.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

/// Bytes of a peer as text without controls, for a log that quotes it.
fn visible(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) => text.into(),
        _ => bytes.escape_ascii().to_string().into(),
    }
}

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
