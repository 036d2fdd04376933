//! How the head is taken apart: RFC 9112 §2, §3 and §5.

use super::{Fault, Reader, Request, Result, Stop};

impl Reader<'_> {
    pub(super) fn parse(&self, head: &str) -> Result<Request> {
        let bad = || Stop::Refuse(400);
        let split = if self.is(Fault::BareCrEndsLine) {
            head.replace("\r\n", "\r")
        } else {
            head.replace("\r\n", "\n")
        };
        let folds = [Fault::LastFold, Fault::JoinsFolds].into_iter().any(|fault| self.is(fault));
        let split = if folds { self.unfolded(&split) } else { split };
        let mut lines = split.split(if self.is(Fault::BareCrEndsLine) { '\r' } else { '\n' });
        let words: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, target, version] = words.as_slice() else { return Err(bad()) };
        let minor = self.minor(version)?;
        let mut fields = Vec::new();
        for line in lines {
            fields.extend(self.field(line)?);
        }
        let mut request = Request {
            method: (*method).into(),
            target: (*target).into(),
            minor,
            fields,
            ..Request::unread()
        };
        self.host(&request)?;
        request.target = self.target(&request)?;
        request.close = self.closes(&request);
        Ok(request)
    }

    /// The lines with folds taken away, wrongly.
    fn unfolded(&self, head: &str) -> String {
        let mut out: Vec<String> = Vec::new();
        for line in head.split('\n') {
            match out.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => {
                    let name = last.split(':').next().unwrap_or_default().to_owned();
                    if self.is(Fault::LastFold) {
                        *last = format!("{name}:{line}");
                    } else {
                        last.push_str(line.trim_start());
                    }
                }
                _ => out.push(line.into()),
            }
        }
        out.join("\n")
    }

    fn minor(&self, version: &str) -> Result<u8> {
        match version {
            "HTTP/1.0" => Ok(0),
            "HTTP/1.2" if self.is(Fault::MinorUnknown) => Err(Stop::Refuse(505)),
            _ if self.is(Fault::AnyVersion) => Ok(1),
            "HTTP/2.0" | "HTTP/3.0" => Err(Stop::Refuse(505)),
            _ if version.len() == 8
                && version.starts_with("HTTP/1.")
                && version.ends_with(|c: char| c.is_ascii_digit()) =>
            {
                Ok(1)
            }
            _ => Err(Stop::Refuse(400)),
        }
    }

    pub(super) fn field(&self, line: &str) -> Result<Option<(String, String)>> {
        let line = if self.is(Fault::FoldsAreFields) { line.trim_start() } else { line };
        let Some((name, value)) = line.split_once(':') else {
            return if self.is(Fault::SkipsBadFields) { Ok(None) } else { Err(Stop::Refuse(400)) };
        };
        let name = if self.is(Fault::SpaceBeforeColon) { name.trim_end() } else { name };
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return if self.is(Fault::SkipsBadFields) { Ok(None) } else { Err(Stop::Refuse(400)) };
        }
        let mut value = if self.is(Fault::KeepsWhitespace) { value } else { value.trim_matches([' ', '\t']) };
        if self.is(Fault::KeepsWhitespace) {
            value = value.strip_prefix(' ').unwrap_or(value);
        }
        if self.is(Fault::NulEndsValue) {
            value = value.split('\0').next().unwrap_or_default();
        }
        if self.is(Fault::KeepsControls) {
            return Ok(Some((name.into(), value.replace(['\r', '\0'], "\u{b}"))));
        }
        if value.contains(['\r', '\n', '\0']) || (self.is(Fault::AsciiOnly) && !value.is_ascii()) {
            return Err(Stop::Refuse(400));
        }
        Ok(Some((name.into(), value.into())))
    }

    fn host(&self, request: &Request) -> Result<()> {
        let valid = |host: &str| {
            let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((name, port)) => (name, port.strip_prefix(':').unwrap_or(port)),
                None => host.split_once(':').unwrap_or((host, "")),
            };
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&b);
            let literal = host.starts_with('[') && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
            (literal || name.bytes().all(plain)) && port.bytes().all(|b| b.is_ascii_digit())
        };
        let hosts: Vec<_> = request.all("host").collect();
        match hosts.as_slice() {
            _ if self.is(Fault::AnyHost) => Ok(()),
            [host] if valid(host) => Ok(()),
            [] if request.minor == 0 => Ok(()),
            _ => Err(Stop::Refuse(400)),
        }
    }

    /// The target in origin form, or `*`.
    fn target(&self, request: &Request) -> Result<String> {
        let target = request.target.as_str();
        if target.bytes().any(|b| b <= b' ' || b >= 127) || target.contains('#') {
            return Err(Stop::Refuse(400));
        }
        let options = request.method == "OPTIONS" && target == "*";
        if target.starts_with('/') || (options && !self.is(Fault::OriginFormOnly)) {
            return Ok(target.into());
        }
        if self.is(Fault::AnyTarget) || (self.is(Fault::ConnectsAnywhere) && request.method == "CONNECT") {
            return Ok(format!("/{target}"));
        }
        let scheme = target.get(..7).unwrap_or_default();
        let http = if self.is(Fault::SchemeByCase) {
            scheme == "http://"
        } else {
            scheme.eq_ignore_ascii_case("http://")
        };
        let https = target.strip_prefix("https://").filter(|_| self.is(Fault::TakesHttps));
        let Some(rest) = https.or(target.get(7..).filter(|_| http && !self.is(Fault::OriginFormOnly))) else {
            return Err(Stop::Refuse(400));
        };
        let (authority, path) = match rest.split_once('/') {
            Some(halves) => halves,
            None if self.is(Fault::NeedsPath) => return Err(Stop::Refuse(400)),
            None => (rest, ""),
        };
        if authority.contains('@') && !self.is(Fault::TakesUserinfo) {
            return Err(Stop::Refuse(400));
        }
        if authority.is_empty() && !self.is(Fault::EmptyHost) {
            return Err(Stop::Refuse(400));
        }
        if self.is(Fault::ComparesHost) && request.field("host").as_deref() != Some(authority) {
            return Err(Stop::Refuse(400));
        }
        Ok(format!("/{path}"))
    }

    fn closes(&self, request: &Request) -> bool {
        let asked = if self.is(Fault::CloseAlone) {
            request.field("connection").as_deref() == Some("close")
        } else {
            request.lists("connection", "close")
        };
        let by_version = request.minor == 0
            && !self.is(Fault::PersistentIn10)
            && (!request.lists("connection", "keep-alive") || self.is(Fault::FalseKeepAlive));
        (asked && !self.is(Fault::IgnoresClose)) || by_version
    }
}
