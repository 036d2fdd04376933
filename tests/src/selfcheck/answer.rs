//! How the reference server answers a request: RFC 9110.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::fault::Fault;
use super::range::{self, Ranges};
use super::request::Request;
use crate::http::{fixture, gzip};

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

    /// RFC 9110 §7.8.
    fn switch(&self, request: &Request) -> Answer {
        let upgrade = request.field("upgrade").unwrap_or_default();
        let same = |name: &str| {
            let name = name.trim();
            if self.is(Fault::ProtocolByCase) { name == "rope" } else { name.eq_ignore_ascii_case("rope") }
        };
        let mut protocol = upgrade.split(',').any(same).then(|| "rope".to_owned());
        if self.is(Fault::FirstProtocol) {
            protocol = upgrade.split(',').next().filter(|first| !first.is_empty()).map(str::to_owned);
        }
        let asked = request.lists("connection", "upgrade") || self.is(Fault::SwitchesWithoutOption);
        let named = ("Connection", "Upgrade".to_owned());
        match protocol.filter(|_| asked && request.minor >= 1) {
            Some(protocol) => {
                let mut fields = vec![named, ("Upgrade", protocol)];
                fields.retain(|(name, _)| *name != "Upgrade" || !self.is(Fault::NoUpgradeIn101));
                Answer { status: 101, fields, content: vec![] }
            }
            None => {
                let mut answer = self.error(426);
                answer.fields.push(named);
                if !self.is(Fault::NoUpgradeIn426) {
                    answer.fields.push(("Upgrade", "rope".into()));
                }
                answer
            }
        }
    }

    /// RFC 9110 §11; nothing where the client may come in.
    fn login(&self, request: &Request) -> Option<Answer> {
        let given = request.field("authorization");
        let (scheme, credentials) = given.as_deref().and_then(|it| it.split_once(' ')).unwrap_or_default();
        let basic = match self.fault {
            Some(Fault::AnyScheme) => true,
            Some(Fault::SchemeNameByCase) => scheme == "Basic",
            _ => scheme.eq_ignore_ascii_case("basic"),
        };
        let right = credentials == "cm9wZTpzdHJhbmQ="
            || (self.is(Fault::AnyPassword) && credentials.starts_with("cm9wZTp"));
        if (basic && right) || self.is(Fault::NoLogin) {
            return None;
        }
        if self.is(Fault::PreconditionsFirst)
            && (request.field("if-match").or(request.field("if-none-match"))).is_some()
        {
            return Some(self.error(412));
        }
        if self.is(Fault::MalformedIs500) && credentials.contains('%') {
            return Some(self.error(500));
        }
        let mut answer = self.error(401);
        let challenge = if self.is(Fault::TokenRealm) { "Basic realm=rope" } else { "Basic realm=\"rope\"" };
        let silent = self.is(Fault::NoChallenge) || (self.is(Fault::NoSecondChallenge) && given.is_some());
        if !silent {
            answer.fields.push(("WWW-Authenticate", challenge.into()));
        }
        Some(answer)
    }

    /// RFC 9110 §12.5.3: the text, or its gzip.
    fn coded(&self, request: &Request) -> Answer {
        let text = self.content("coded.txt").unwrap_or_default();
        let mut fields = Vec::new();
        let gzip = request.field("accept-encoding").is_some_and(|accept| self.accepts_gzip(&accept));
        let (content, etag) = match gzip {
            true => (
                gzip::stored(&text),
                if self.is(Fault::SameEtagForCodings) { ETAG } else { "\"rope-1-gzip\"" },
            ),
            false => (text.clone(), ETAG),
        };
        let no_vary = self.is(Fault::NoVary) || (self.is(Fault::VaryWithCodingOnly) && !gzip);
        if !no_vary {
            fields.push(("Vary", "Accept-Encoding".into()));
        }
        if gzip && !self.is(Fault::CodingUnsaid) {
            fields.push(("Content-Encoding", "gzip".into()));
        }
        let part = gzip && self.is(Fault::PartOfPlain) && request.field("range").is_some();
        let head = self.is(Fault::HeadOfPlain) && request.method == "HEAD";
        let content = if part || head { text } else { content };
        let (kind, modified) = ("text/plain", fixture::modified());
        self.file(request, Selected { content, kind, etag: etag.into(), modified, fields })
    }

    fn accepts_gzip(&self, accept: &str) -> bool {
        if accept.is_empty() {
            return self.is(Fault::EmptyAcceptsAll);
        }
        let mut star = false;
        for member in accept.split(',') {
            let (name, weight) = member.split_once(';').unwrap_or((member, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0);
            let accepted = weight > 0.0 || self.is(Fault::WeightZeroAccepted);
            let name = name.trim();
            let same = if self.is(Fault::CodingNameByCase) {
                name == "gzip"
            } else {
                name.eq_ignore_ascii_case("gzip")
            };
            if same || (name == "x-gzip" && !self.is(Fault::NoXGzip)) {
                return accepted && !(self.is(Fault::StarExcludesAll) && accept.contains('*'));
            }
            star |= name == "*" && (accepted || self.is(Fault::StarAcceptsAll));
        }
        star
    }

    /// RFC 9110 §9.3.4 and §9.3.5.
    fn stored(&mut self, request: &Request, path: String) -> Answer {
        let old = self.store.get(&path).cloned();
        let selected = old.clone().map(|(content, version)| Selected {
            content,
            kind: "text/plain",
            etag: format!("\"put-{version}\""),
            modified: fixture::modified() + Duration::from_secs(1),
            fields: vec![],
        });
        if let "GET" | "HEAD" = request.method.as_str() {
            return match selected {
                Some(selected) => self.file(request, selected),
                None => self.error(404),
            };
        }
        let failed = match &selected {
            Some(selected) if !self.is(Fault::PutUnconditional) => self.precondition(request, selected),
            _ => None,
        };
        if let Some(status) = failed.filter(|_| !self.is(Fault::PutFirst)) {
            return self.error(status);
        }
        if request.field("content-range").is_some() && !self.is(Fault::PutWholeOfPart) {
            return self.error(400);
        }
        if request.method == "DELETE" {
            if !self.is(Fault::DeleteDoesNothing) {
                self.store.remove(&path);
            }
            return Answer { status: if old.is_some() { 204 } else { 404 }, fields: vec![], content: vec![] };
        }
        self.puts += 1;
        let mut content = request.content.clone();
        if self.is(Fault::PutHeedsRange) && request.field("range").is_some() {
            content.truncate(2);
        }
        if self.is(Fault::PutAppends) {
            let before = old.iter().flat_map(|(content, _)| content.iter().copied());
            content = before.chain(content).collect();
        }
        self.store.insert(path, (content, self.puts));
        if let Some(status) = failed {
            return self.error(status);
        }
        let status = match old {
            _ if self.is(Fault::PutIs200) => 200,
            Some(_) if !self.is(Fault::PutIs201) => 204,
            _ => 201,
        };
        let version = if self.is(Fault::FalsePutEtag) { 0 } else { self.puts };
        Answer { status, fields: vec![("ETag", format!("\"put-{version}\""))], content: vec![] }
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

    fn file(&self, request: &Request, selected: Selected) -> Answer {
        let mut fields = selected.fields.clone();
        if !self.is(Fault::NoType) {
            fields.push(("Content-Type", selected.kind.to_owned()));
        }
        if self.is(Fault::AlwaysEncodes) {
            fields.push(("Content-Encoding", "gzip".to_owned()));
        }
        if self.is(Fault::SaysIdentity) {
            fields.push(("Content-Encoding", "identity".to_owned()));
        }
        if !self.is(Fault::NoLastModified) {
            let late = if self.is(Fault::FutureLastModified) {
                Duration::from_secs(1 << 30)
            } else {
                Duration::ZERO
            };
            fields.push(("Last-Modified", self.date(selected.modified + late)));
        }
        let etag = selected.etag.as_str();
        if !self.is(Fault::NoEtag) {
            let etag = if self.is(Fault::BareEtag) { etag.trim_matches('"') } else { etag };
            fields.push(("ETag", etag.into()));
        }
        fields.push(("Accept-Ranges", "bytes".into()));
        let unsatisfiable = matches!(self.ranges(request, &selected), Ranges::None);
        if self.is(Fault::UnsatisfiableFirst) && unsatisfiable {
            return self.error(416);
        }
        match self.precondition(request, &selected) {
            Some(304) => {
                fields.retain(|(name, _)| match *name {
                    "ETag" => !self.is(Fault::NoEtagIn304),
                    "Vary" => !self.is(Fault::NoVaryIn304),
                    "Content-Type" => self.is(Fault::TypeIn304),
                    _ => false,
                });
                if self.is(Fault::LengthZeroIn304) {
                    fields.push(("Content-Length", "0".into()));
                }
                return Answer { status: 304, fields, content: vec![] };
            }
            Some(status) => return self.error(status),
            None => {}
        }
        let ranges = self.ranges(request, &selected);
        let Selected { content, kind, .. } = selected;
        match ranges {
            Ranges::All => Answer { status: 200, fields, content },
            Ranges::None => {
                let mut answer = self.error(416);
                if !self.is(Fault::NoLengthIn416) {
                    answer.fields.push(("Content-Range", format!("bytes */{}", content.len())));
                }
                answer
            }
            Ranges::These(ranges) => {
                let known = request.field("if-range").is_some() && !self.is(Fault::TypeInPartOfIfRange);
                fields.retain(|(name, _)| !known || !matches!(*name, "Content-Type" | "Last-Modified"));
                self.partial(fields, &ranges, &content, kind)
            }
        }
    }

    /// RFC 9110 §13.2.2, the steps before Range: the status code where one fails.
    fn precondition(&self, request: &Request, selected: &Selected) -> Option<u16> {
        let get = matches!(request.method.as_str(), "GET" | "HEAD");
        let no_cache = self.is(Fault::NoCacheUnconditional) && request.lists("cache-control", "no-cache");
        if no_cache || (self.is(Fault::HeadUnconditional) && request.method == "HEAD") {
            return None;
        }
        let if_match = request.field("if-match").filter(|_| !self.is(Fault::NoIfMatch));
        let none_match = request.field("if-none-match").filter(|_| !self.is(Fault::NoIfNoneMatch));
        let matched = none_match.as_deref().is_some_and(|list| self.none_match(list, &selected.etag));
        let not_modified = if get || self.is(Fault::Put304) { 304 } else { 412 };
        let fails_match = if_match.as_deref().is_some_and(|list| !self.if_match(list, &selected.etag));
        let ranged = request.field("range").is_some();
        if matched && self.is(Fault::NoneMatchFirst) {
            return Some(304);
        }
        if matched && ranged && self.is(Fault::RangeFirst) {
            return None;
        }
        let true_range = ranged && request.field("if-range").is_some_and(|it| self.if_range(&it, selected));
        if true_range && self.is(Fault::IfRangeFirst) {
            return None;
        }
        if fails_match && !self.is(Fault::MatchLast) {
            return Some(412);
        }
        if if_match.is_some() && self.is(Fault::OnePrecondition) {
            return None;
        }
        let unmodified = if_match.is_none() || self.is(Fault::UnmodifiedBesideEtag);
        let unmodified = request.field("if-unmodified-since").filter(|_| unmodified);
        let late = unmodified.as_deref().is_some_and(|since| match self.time(since) {
            Some(_) if self.is(Fault::AnyUnmodifiedSince) => true,
            Some(since) => since < selected.modified && !self.is(Fault::NoIfUnmodifiedSince),
            None => self.is(Fault::InvalidDateFails),
        });
        if late && !self.is(Fault::UnmodifiedLast) {
            return Some(412);
        }
        if unmodified.is_some() && self.is(Fault::OnePrecondition) {
            return None;
        }
        if matched {
            return Some(not_modified);
        }
        let modified = none_match.is_none() || self.is(Fault::SinceBesideEtag);
        let modified = modified
            && (get || self.is(Fault::PutHeedsSince))
            && !(ranged && self.is(Fault::RangeBeforeSince));
        if modified && let Some(since) = request.field("if-modified-since") {
            let hit = match self.time(&since) {
                Some(_) if self.is(Fault::NoIfModifiedSince) => false,
                Some(since) if self.is(Fault::SinceByEquality) => since == selected.modified,
                Some(since) => since >= selected.modified || self.is(Fault::AnyIfModifiedSince),
                None => self.is(Fault::InvalidDateMatches),
            };
            if hit {
                return Some(304);
            }
        }
        (late || fails_match).then_some(412)
    }

    fn if_match(&self, list: &str, etag: &str) -> bool {
        (list == "*" && !self.is(Fault::NoStarInIfMatch))
            || self.has_etag(list, etag, self.is(Fault::WeakIfMatch))
    }

    fn none_match(&self, list: &str, etag: &str) -> bool {
        let star = list == "*" && !self.is(Fault::NoStarInIfNoneMatch);
        star || self.has_etag(list, etag, !self.is(Fault::StrongIfNoneMatch))
            || self.is(Fault::AnyIfNoneMatch)
    }

    fn has_etag(&self, list: &str, etag: &str, weak: bool) -> bool {
        if self.is(Fault::OneEtag) {
            return list == etag;
        }
        if self.is(Fault::NoEmptyMembers) && list.split(',').any(|member| member.trim().is_empty()) {
            return false;
        }
        if self.is(Fault::CommaDividesTags) {
            return list.split(',').any(|tag| tag.contains(etag.trim_matches('"')));
        }
        let trimmed = |tag| if self.is(Fault::KeepsWhitespace) { tag } else { str::trim(tag) };
        let mut quoted = false;
        let members = list.split(|c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        members
            .map(trimmed)
            .any(|tag| if weak { tag.strip_prefix("W/").unwrap_or(tag) == etag } else { tag == etag })
    }

    fn time(&self, text: &str) -> Option<SystemTime> {
        let time = httpdate::parse_http_date(text).ok()?;
        if self.is(Fault::OneDateForm) && httpdate::fmt_http_date(time) != text {
            return None;
        }
        let short_year = text.contains('-') && self.is(Fault::YearsOfThisCentury);
        Some(if short_year { time + Duration::from_secs(36_525 * 86_400) } else { time })
    }

    fn ranges(&self, request: &Request, selected: &Selected) -> Ranges {
        let get = request.method == "GET" || self.is(Fault::RangeOnHead);
        let conditional = || request.field("if-match").or(request.field("if-none-match")).is_some();
        let dropped = self.is(Fault::ConditionsDropRange) && conditional();
        let Some(range) = request.field("range").filter(|_| get && !dropped && !self.is(Fault::NoRange))
        else {
            return if self.is(Fault::IfRangeAlone) && request.field("if-range").is_some() {
                Ranges::None
            } else {
                Ranges::All
            };
        };
        match request.field("if-range") {
            Some(validator) if !self.is(Fault::NoIfRange) && !self.if_range(&validator, selected) => {
                Ranges::All
            }
            _ => range::parse(&range, selected.content.len(), self.fault),
        }
    }

    fn if_range(&self, validator: &str, selected: &Selected) -> bool {
        if self.is(Fault::FalseIfRange) {
            return false;
        }
        let weak = self.is(Fault::WeakIfRange);
        self.has_etag(validator, &selected.etag, weak)
            || self.time(validator).is_some_and(|time| {
                time == selected.modified || (self.is(Fault::LateIfRange) && time > selected.modified)
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
