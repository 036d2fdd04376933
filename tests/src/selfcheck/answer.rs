//! How the reference server answers a request: RFC 9110.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::fault::Fault;
use super::range::{self, Ranges};
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
    pub(super) fault: Option<Fault>,
}

impl Answerer {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        let mut answer = self.route(request);
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
        let content = if self.is(Fault::MuteErrors) { String::new() } else { format!("{status}\n") };
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

    fn route(&self, request: &Request) -> Answer {
        let method = request.method.as_str();
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
        self.file(request, path, content)
    }

    /// The path below the root, decoded once.
    fn path(&self, target: &str) -> Result<String, u16> {
        let raw = target.split('?').next().unwrap_or_default();
        let mut path = self.decoded(raw)?;
        if self.is(Fault::DecodesTwice) {
            path = self.decoded(&path)?;
        }
        if self.is(Fault::NulEndsPath) {
            path = path.split('\0').next().unwrap_or_default().to_owned();
        }
        let leaves = path.split(['/', '\\']).any(|segment| segment == "..");
        if self.is(Fault::LeavesRoot) && leaves {
            return Ok(fixture::OUTSIDE.into());
        }
        if leaves || path.contains(['\0', '\\']) {
            return Err(400);
        }
        Ok(path.strip_prefix('/').unwrap_or(&path).to_owned())
    }

    fn decoded(&self, raw: &str) -> Result<String, u16> {
        if self.is(Fault::DecodesNothing) {
            return Ok(raw.into());
        }
        let mut out = String::new();
        let mut rest = raw;
        while let Some((plain, escape)) = rest.split_once('%') {
            out.push_str(plain);
            match escape.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(b'/') if !self.is(Fault::LeavesRoot) => return Err(400),
                Some(octet) => out.push(char::from(octet)),
                None if self.is(Fault::AnyEscape) => return Ok("/hello.txt".into()),
                None => return Err(400),
            }
            rest = escape.get(2..).unwrap_or_default();
        }
        Ok(out + rest)
    }

    fn content(&self, path: &str) -> Option<Vec<u8>> {
        if self.is(Fault::LeavesRoot) && path == fixture::OUTSIDE {
            return Some(fixture::SECRET.into());
        }
        let mut content = fixture::FILES.iter().find(|file| file.path == path)?.content();
        if self.is(Fault::Corrupts)
            && let Some(octet) = content.get_mut(0)
        {
            *octet ^= 1;
        }
        Some(content)
    }

    fn file(&self, request: &Request, path: &str, content: Vec<u8>) -> Answer {
        let kind = match path.rsplit('.').next() {
            Some("txt") => "text/plain",
            Some("html") => "text/html",
            _ => "application/octet-stream",
        };
        let mut fields = Vec::new();
        if !self.is(Fault::NoType) {
            fields.push(("Content-Type", kind.to_owned()));
        }
        if self.is(Fault::AlwaysEncodes) {
            fields.push(("Content-Encoding", "gzip".to_owned()));
        }
        if !self.is(Fault::NoLastModified) {
            let late = if self.is(Fault::FutureLastModified) {
                Duration::from_secs(1 << 30)
            } else {
                Duration::ZERO
            };
            fields.push(("Last-Modified", self.date(fixture::modified() + late)));
        }
        if !self.is(Fault::NoEtag) {
            fields.push(("ETag", if self.is(Fault::BareEtag) { "rope-1".into() } else { ETAG.into() }));
        }
        fields.push(("Accept-Ranges", "bytes".into()));
        match self.precondition(request) {
            Some(304) => {
                fields.retain(|(name, _)| *name == "ETag" && !self.is(Fault::NoEtagIn304));
                if self.is(Fault::LengthZeroIn304) {
                    fields.push(("Content-Length", "0".into()));
                }
                return Answer { status: 304, fields, content: vec![] };
            }
            Some(status) => return self.error(status),
            None => {}
        }
        match self.ranges(request, content.len()) {
            Ranges::All => Answer { status: 200, fields, content },
            Ranges::None => {
                let mut answer = self.error(416);
                if !self.is(Fault::NoLengthIn416) {
                    answer.fields.push(("Content-Range", format!("bytes */{}", content.len())));
                }
                answer
            }
            Ranges::These(ranges) => self.partial(fields, &ranges, &content, kind),
        }
    }

    /// RFC 9110 §13.2.2, the steps before Range.
    fn precondition(&self, request: &Request) -> Option<u16> {
        let if_match = request.field("if-match").filter(|_| !self.is(Fault::NoIfMatch));
        let none_match = request.field("if-none-match").filter(|_| !self.is(Fault::NoIfNoneMatch));
        let matched = none_match.as_deref().is_some_and(|list| self.none_match(list));
        if matched && self.is(Fault::NoneMatchFirst) {
            return Some(304);
        }
        if matched && self.is(Fault::RangeFirst) && request.field("range").is_some() {
            return None;
        }
        if if_match.as_deref().is_some_and(|list| !self.if_match(list)) {
            return Some(412);
        }
        let unmodified = if_match.is_none() || self.is(Fault::UnmodifiedBesideEtag);
        if unmodified && let Some(since) = request.field("if-unmodified-since") {
            match self.time(&since) {
                Some(since) if since < fixture::modified() && !self.is(Fault::NoIfUnmodifiedSince) => {
                    return Some(412);
                }
                None if self.is(Fault::InvalidDateFails) => return Some(412),
                _ => {}
            }
        }
        if matched {
            return Some(304);
        }
        let modified = none_match.is_none() || self.is(Fault::SinceBesideEtag);
        if modified && let Some(since) = request.field("if-modified-since") {
            let hit = match self.time(&since) {
                Some(_) if self.is(Fault::NoIfModifiedSince) => false,
                Some(since) if self.is(Fault::SinceByEquality) => since == fixture::modified(),
                Some(since) => since >= fixture::modified() || self.is(Fault::AnyIfModifiedSince),
                None => self.is(Fault::InvalidDateMatches),
            };
            return hit.then_some(304);
        }
        None
    }

    fn if_match(&self, list: &str) -> bool {
        (list == "*" && !self.is(Fault::NoStarInIfMatch)) || self.has_etag(list, self.is(Fault::WeakIfMatch))
    }

    fn none_match(&self, list: &str) -> bool {
        let star = list == "*" && !self.is(Fault::NoStarInIfNoneMatch);
        star || self.has_etag(list, !self.is(Fault::StrongIfNoneMatch)) || self.is(Fault::AnyIfNoneMatch)
    }

    fn has_etag(&self, list: &str, weak: bool) -> bool {
        if self.is(Fault::OneEtag) {
            return list == ETAG;
        }
        if self.is(Fault::NoEmptyMembers) && list.split(',').any(|member| member.trim().is_empty()) {
            return false;
        }
        let trimmed = |tag| if self.is(Fault::KeepsWhitespace) { tag } else { str::trim(tag) };
        list.split(',').map(trimmed).any(|tag| {
            let tag = if weak { tag.strip_prefix("W/").unwrap_or(tag) } else { tag };
            tag == ETAG
        })
    }

    fn time(&self, text: &str) -> Option<SystemTime> {
        let time = httpdate::parse_http_date(text).ok()?;
        if self.is(Fault::OneDateForm) && httpdate::fmt_http_date(time) != text {
            return None;
        }
        let short_year = text.contains('-') && self.is(Fault::YearsOfThisCentury);
        Some(if short_year { time + Duration::from_secs(36_525 * 86_400) } else { time })
    }

    fn ranges(&self, request: &Request, length: usize) -> Ranges {
        let get = request.method == "GET" || self.is(Fault::RangeOnHead);
        let Some(range) = request.field("range").filter(|_| get && !self.is(Fault::NoRange)) else {
            return if self.is(Fault::IfRangeAlone) && request.field("if-range").is_some() {
                Ranges::None
            } else {
                Ranges::All
            };
        };
        match request.field("if-range") {
            Some(validator) if !self.is(Fault::NoIfRange) && !self.if_range(&validator) => Ranges::All,
            _ => range::parse(&range, length, self.fault),
        }
    }

    fn if_range(&self, validator: &str) -> bool {
        if self.is(Fault::FalseIfRange) {
            return false;
        }
        let weak = self.is(Fault::WeakIfRange);
        self.has_etag(validator, weak)
            || self.time(validator).is_some_and(|time| {
                time == fixture::modified() || (self.is(Fault::LateIfRange) && time > fixture::modified())
            })
    }

    /// RFC 9110 §15.3.7.
    fn partial(
        &self,
        mut fields: Vec<(&'static str, String)>,
        ranges: &[(usize, usize)],
        content: &[u8],
        kind: &str,
    ) -> Answer {
        fields.retain(|(name, _)| *name != "ETag" || !self.is(Fault::NoEtagIn206));
        fields.retain(|(name, _)| *name != "Last-Modified" || !self.is(Fault::NoLastModifiedIn206));
        let complete =
            if self.is(Fault::NoCompleteLength) { "*".to_owned() } else { content.len().to_string() };
        let content_range = |(from, to): &(usize, usize)| format!("bytes {from}-{}/{complete}", to - 1);
        if let [one @ (from, to)] = ranges
            && !self.is(Fault::MultipartForOne)
        {
            if !self.is(Fault::NoContentRange) {
                fields.push(("Content-Range", content_range(one)));
            }
            return Answer {
                status: 206,
                fields,
                content: content.get(*from..*to).unwrap_or_default().into(),
            };
        }
        fields.retain(|(name, _)| *name != "Content-Type");
        let boundary = if self.is(Fault::NoBoundary) { "" } else { "; boundary=strand" };
        fields.push(("Content-Type", format!("multipart/byteranges{boundary}")));
        if self.is(Fault::RangeInMultipartHead) {
            fields.extend(ranges.first().map(|first| ("Content-Range", content_range(first))));
        }
        let mut ranges = ranges.to_vec();
        if self.is(Fault::PartsReversed) {
            ranges.reverse();
        }
        let mut body = Vec::new();
        for range in &ranges {
            let mut head = String::from("\r\n--strand\r\n");
            if !self.is(Fault::PartsWithoutType) {
                let _ = write!(head, "Content-Type: {kind}\r\n");
            }
            if !self.is(Fault::PartsWithoutRange) {
                let _ = write!(head, "Content-Range: {}\r\n", content_range(range));
            }
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(b"\r\n");
            body.extend_from_slice(content.get(range.0..range.1).unwrap_or_default());
        }
        body.extend_from_slice(b"\r\n--strand--\r\n");
        Answer { status: 206, fields, content: body }
    }
}
