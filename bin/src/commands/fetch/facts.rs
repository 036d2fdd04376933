//! What is known of an answer, in words that do nothing to a terminal.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use ropewalk_core::net::Info;
use ropewalk_http::client::{Client, Report, Spent};
use ropewalk_http::{Body, HeaderMap, HttpResponse, StatusCode, Version, header};
use serde_json::{Value, json};

use super::Stop;

/// What is known of an answer.
pub(super) struct Facts {
    status: StatusCode,
    version: Version,
    fields: HeaderMap,
    report: Option<Report>,
    /// Of the content, where it is known.
    pub(super) length: Option<u64>,
    /// That came, without codings.
    pub(super) octets: u64,
    /// That had come before.
    pub(super) kept: u64,
    /// What the content took.
    pub(super) body: Option<Duration>,
    pub(super) whole: Duration,
}

impl Facts {
    pub(super) fn of(answer: &HttpResponse<Body>) -> Self {
        let length = answer.headers().get(header::CONTENT_LENGTH);
        Self {
            status: answer.status(),
            version: answer.version(),
            fields: answer.headers().clone(),
            report: answer.extensions().get().cloned(),
            length: length.and_then(|value| value.to_str().ok()?.parse().ok()),
            octets: 0,
            kept: 0,
            body: None,
            whole: Duration::ZERO,
        }
    }

    /// The head as HTTP/1.1 writes it.
    pub(super) fn head(&self) -> String {
        let reason = self.status.canonical_reason().unwrap_or_default();
        let mut text = format!("{:?} {} {reason}\n", self.version, self.status.as_u16());
        for (name, value) in &self.fields {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{name}: {}", clean(&String::from_utf8_lossy(value.as_bytes())));
        }
        text
    }

    /// All of it, as JSON of ASCII only.
    pub(super) fn json(&self, file: Option<&Path>, stop: Option<&Stop>) -> String {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let fields: Vec<_> =
            self.fields.iter().map(|(name, value)| json!([name.as_str(), text(value.as_bytes())])).collect();
        let report = self.report.as_ref();
        let spent = report.map_or_else(Spent::default, |report| report.spent);
        let facts = json!({
            "version": 1,
            "url": report.map(|report| report.url.to_string()),
            "status": self.status.as_u16(),
            "http": format!("{:?}", self.version),
            "headers": fields,
            "redirects": report.map_or_else(Vec::new, |report| report.hops.iter()
                .map(|hop| json!({"status": hop.status.as_u16(), "url": hop.url.to_string()})).collect()),
            "peer": report.map(|report| report.info.peer.to_string()),
            "tls": report.map_or(Value::Null, |report| tls(&report.info)),
            "seconds": {
                "resolve": seconds(spent.resolve),
                "connect": seconds(spent.connect),
                "tls": seconds(spent.tls),
                "head": seconds(Some(spent.head)),
                "body": seconds(self.body),
                "whole": seconds(Some(self.whole)),
            },
            "octets": self.octets,
            "resumed_from": self.kept,
            "decoded": report.map_or_else(Vec::new, |it| it.decoded.iter().map(ToString::to_string).collect()),
            "file": file.map(|file| file.to_string_lossy()),
            "error": stop.map(error),
        });
        ascii(&format!("{facts:#}"))
    }
}

/// What is known where it failed, as JSON of ASCII only.
pub(super) fn failed(url: &str, stop: &Stop) -> String {
    if let Some(facts) = &stop.facts {
        return facts.json(None, Some(stop));
    }
    // Without the name and password that may stand in it.
    #[cfg(feature = "ftp")]
    let ftp = url.parse::<ropewalk_ftp::client::Url>().ok();
    let url = Client::url(url).ok().and_then(|url| {
        let (scheme, host, path) = (url.scheme_str()?, url.host()?, url.path_and_query()?);
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        Some(format!("{scheme}://{host}{port}{path}"))
    });
    #[cfg(feature = "ftp")]
    let url = url.or_else(|| ftp.map(|url| url.to_string()));
    ascii(&format!("{:#}", json!({"version": 1, "url": url, "status": null, "error": error(stop)})))
}

fn error(stop: &Stop) -> Value {
    json!({"phase": stop.phase, "message": stop.message})
}

pub(super) fn seconds(time: Option<Duration>) -> Value {
    // Microseconds are as much as is meant.
    time.map_or(Value::Null, |time| json!((time.as_secs_f64() * 1e6).round() / 1e6))
}

pub(super) fn tls(info: &Info) -> Value {
    let Some(tls) = &info.tls else { return Value::Null };
    let certificate = tls.peer_certificate.as_ref().map(|certificate| {
        json!({
            "sha256": certificate.fingerprint_hex(),
            "common_name": certificate.common_name,
            "names": certificate.dns_names,
        })
    });
    json!({
        "version": tls.version.to_string(),
        "cipher_suite": tls.cipher_suite,
        "group": tls.group,
        "alpn": tls.alpn.as_ref().map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
        "resumed": tls.resumed,
        "certificate": certificate,
    })
}

/// JSON in which whatever is not ASCII is escaped: so that no terminal obeys it.
pub(in crate::commands) fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || (' '..='~').contains(&c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // As above.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// A text of a peer as it may be shown: control characters, and those that turn the direction of what follows, are
/// escaped.
pub(in crate::commands) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (c.is_control() && c != '\n') || turns || c == '\u{feff}' {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        assert_eq!(clean("a\x1b[2J\u{9b}b\u{202e}c"), "a\\u{1b}[2J\\u{9b}b\\u{202e}c");
        assert_eq!(clean("Grüße, 北京"), "Grüße, 北京");
        let shown = ascii(&json!({"x": "a\x1b\u{9b}ü😀\u{7f}"}).to_string());
        assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{shown}");
        let read: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["x"], "a\x1b\u{9b}ü😀\u{7f}");
    }
}
