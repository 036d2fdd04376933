//! How the reference server answers a request: RFC 9110.

mod coding;
mod file;
mod login;
mod path;
mod precondition;
mod store;
mod upgrade;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::fault::Fault;
use super::request::Request;
use crate::http::fixture;

/// A response before it is written.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) content: Vec<u8>,
}

/// The one strong validator that is needed for one version of every file.
const ETAG: &str = "\"rope-1\"";

pub(super) struct Answerer {
    fault: Option<Fault>,
    /// What was put: its content and its version.
    store: BTreeMap<String, (Vec<u8>, usize)>,
    puts: usize,
}

/// A representation that was selected for a request.
struct Selected {
    content: Vec<u8>,
    kind: &'static str,
    etag: String,
    modified: SystemTime,
    fields: Vec<(&'static str, String)>,
}

impl Answerer {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Self { fault, store: BTreeMap::new(), puts: 0 }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        let mut answer = self.route(request);
        answer.fields.append(&mut self.for_caches());
        let no_date = match answer.status {
            200..300 => self.is(Fault::NoDateIn2xx),
            300..400 => self.is(Fault::NoDateIn3xx),
            _ => self.is(Fault::NoDateIn4xx),
        };
        if !no_date {
            answer.fields.push(("Date", self.date(SystemTime::now())));
        }
        if self.is(Fault::DateTwice) {
            answer.fields.push(("Date", self.date(SystemTime::now())));
        }
        answer
    }

    pub(super) fn error(&self, status: u16) -> Answer {
        let content = match status {
            _ if self.is(Fault::MuteErrors) || (status == 505 && self.is(Fault::Mute505)) => String::new(),
            505 => "505: HTTP/1.1 and HTTP/1.0 are spoken here\n".into(),
            _ => format!("{status}\n"),
        };
        let fields =
            if self.is(Fault::NoType) { vec![] } else { vec![("Content-Type", "text/plain".to_owned())] };
        Answer { status, fields, content: content.into() }
    }

    fn date(&self, time: SystemTime) -> String {
        let date = httpdate::fmt_http_date(time);
        if self.is(Fault::OldDates) {
            date.replacen(", ", "day, ", 1).replace(' ', "-").replacen(",-", ", ", 1)
        } else {
            date
        }
    }

    /// What caches are told: RFC 9111 §5.
    fn for_caches(&self) -> Vec<(&'static str, String)> {
        let directives = match self.fault {
            Some(Fault::QuotedMaxAge) => "max-age=\"60\"",
            Some(Fault::QuotedSMaxAge) => "s-maxage=\"60\"",
            Some(Fault::UnderstandAlone) => "must-understand",
            Some(Fault::NoCacheToken) => "no-cache=set-cookie",
            Some(Fault::PrivateToken) => "private=set-cookie",
            Some(Fault::SpacedDirective) => "max-age=60 s-maxage=60",
            Some(Fault::EmptyMembersSent) => "max-age=60, , private",
            _ => "max-age=60, s-maxage=60, private=\"set-cookie\", no-cache=\"set-cookie, etag\"",
        };
        let mut fields = vec![("Cache-Control", directives.to_owned())];
        if self.is(Fault::ExpiresZero) {
            fields.push(("Expires", "0".into()));
        }
        if self.is(Fault::SendsAge) {
            fields.push(("Age", "5".into()));
        }
        fields
    }

    fn route(&mut self, request: &Request) -> Answer {
        let method = request.method.as_str();
        if method == "TRACE" && (self.is(Fault::TraceAll) || self.is(Fault::TraceNothing)) {
            let lines: Vec<_> =
                request.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let all = format!("TRACE {} HTTP/1.1\r\n{}", request.target, lines.concat());
            let content = if self.is(Fault::TraceAll) { all } else { "rope\n".into() };
            return Answer { status: 200, fields: vec![], content: content.into() };
        }
        if self.is(Fault::HeedsOnlyIfCached) && request.lists("cache-control", "only-if-cached") {
            return self.error(504);
        }
        if self.is(Fault::RefusesContentRange) && request.field("content-range").is_some() {
            return self.error(400);
        }
        if self.is(Fault::SwitchesAny)
            && let Some(protocol) = request.field("upgrade")
        {
            return Answer { status: 101, fields: vec![("Upgrade", protocol)], content: vec![] };
        }
        if method == "CONNECT" && self.is(Fault::ConnectsAnywhere) {
            return Answer { status: 200, fields: vec![], content: vec![] };
        }
        let known = matches!(method, "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" | "DELETE");
        if !known && !self.is(Fault::AnyMethod) {
            return self.error(if self.is(Fault::MethodNotLookedAt) { 404 } else { 501 });
        }
        if method == "OPTIONS" {
            if self.is(Fault::PreconditionsWithOptions) && request.field("if-match").is_some() {
                return self.error(412);
            }
            let mut answer = Answer { status: 204, fields: vec![], content: vec![] };
            if !self.is(Fault::NoAllowInOptions) {
                answer.fields.push(("Allow", "GET, HEAD, OPTIONS".into()));
            }
            return answer;
        }
        let path = match self.path(&request.target) {
            Ok(path) => path,
            Err(status) => return self.error(status),
        };
        if path == "dir" || (self.is(Fault::OpenRedirect) && path.ends_with("/dir")) {
            let mut answer = self.error(301);
            let location = if self.is(Fault::OpenRedirect) { format!("/{path}/") } else { "/dir/".into() };
            if !self.is(Fault::NoLocation) {
                answer.fields.push(("Location", location));
            }
            return answer;
        }
        match path.as_str() {
            "echo" => return self.echo(request),
            "early" => return Answer { status: 200, fields: vec![], content: b"early\n".into() },
            "switch" => return self.switch(request),
            "coded.txt" => return self.coded(request),
            "login/hello.txt" => {
                if let Some(refusal) = self.login(request) {
                    return refusal;
                }
            }
            other if other.starts_with("store/") => return self.stored(request, other.to_owned()),
            _ => {}
        }
        let path = if path == "dir/" { "dir/index.html" } else { &path };
        let Some(content) = self.content(path) else {
            let precondition = request.all("if-none-match").chain(request.all("if-match")).next().is_some();
            return self.error(if self.is(Fault::PreconditionsFirst) && precondition { 412 } else { 404 });
        };
        if matches!(method, "POST" | "PUT" | "DELETE") {
            let mut answer = self.error(405);
            if !self.is(Fault::NoAllowIn405) {
                answer.fields.push(("Allow", "GET, HEAD, OPTIONS".into()));
            }
            return answer;
        }
        let kind = match path.rsplit('.').next() {
            Some("txt") => "text/plain",
            Some("html") => "text/html",
            _ => "application/octet-stream",
        };
        let modified = match path {
            "future.txt" if self.is(Fault::FutureFileDate) => {
                SystemTime::now() + Duration::from_secs(1 << 30)
            }
            "future.txt" => SystemTime::now(),
            _ => fixture::modified(),
        };
        self.file(request, Selected { content, kind, etag: ETAG.into(), modified, fields: vec![] })
    }

    fn echo(&self, request: &Request) -> Answer {
        if self.is(Fault::DatesEverything) {
            let conditional = request.field("if-modified-since").or(request.field("if-unmodified-since"));
            return self.error(if conditional.is_some() { 412 } else { 200 });
        }
        let mut content = request.content.clone();
        if self.is(Fault::RangeWithPost) && request.field("range").is_some() {
            content.truncate(2);
        }
        let fields = request.field("x-echo").map(|value| ("X-Echo", value));
        Answer { status: 200, fields: fields.into_iter().collect(), content }
    }
}
