//! One request and its answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;

use super::fault::Fault;
use super::tree::{Tree, parent};
use crate::webdav::xml::{DAV, Element, escaped, parse};
use crate::webdav::{OTHER, USER};

pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    /// Names in lower case.
    pub(super) fields: Vec<(String, String)>,
    pub(super) content: Vec<u8>,
}

impl Request {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) content: Vec<u8>,
}

impl Answer {
    pub(super) fn of(status: u16) -> Self {
        Self { status, ..Self::default() }
    }
}

/// `Err` is an answer too: one that ends the work at once.
pub(super) type Result<T> = std::result::Result<T, Answer>;

pub(super) struct Desk<'a> {
    pub(super) tree: &'a mut Tree,
    fault: Option<Fault>,
    pub(super) request: &'a Request,
    pub(super) user: String,
    pub(super) path: String,
    /// The tokens in If.
    pub(super) submitted: Vec<String>,
}

pub(super) fn answer(tree: &mut Tree, fault: Option<Fault>, request: &Request) -> Answer {
    let now = Instant::now();
    if fault != Some(Fault::NeverExpires) {
        tree.locks.retain(|lock| lock.until > now);
    }
    let (user, path) = (String::new(), String::new());
    let mut desk = Desk { tree, fault, request, user, path, submitted: Vec::new() };
    desk.handle().unwrap_or_else(|answer| answer)
}

impl Desk<'_> {
    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn handle(&mut self) -> Result<Answer> {
        self.user = self.login()?;
        self.path = self.resolve(&self.request.target)?;
        match self.request.method.as_str() {
            "OPTIONS" => Ok(self.options()),
            "GET" | "HEAD" => self.get(),
            "PUT" => self.put(),
            "DELETE" => self.delete(),
            "MKCOL" => self.mkcol(),
            "COPY" | "MOVE" => self.transfer(),
            "PROPFIND" => self.propfind(),
            "PROPPATCH" => self.proppatch(),
            "LOCK" => self.lock(),
            "UNLOCK" => self.unlock(),
            _ => Err(Answer::of(501)),
        }
    }

    fn login(&self) -> Result<String> {
        let has = |name| self.request.field(name).is_some();
        if let Some(login) = self.request.field("authorization").and_then(|it| it.strip_prefix("Basic ")) {
            let known =
                |(name, password): &(&str, &str)| STANDARD.encode(format!("{name}:{password}")) == login;
            if let Some((name, _)) = [USER, OTHER].iter().find(|user| known(user)) {
                return Ok((*name).into());
            }
        }
        let early = self.is(Fault::ConditionsBeforeLogin) && (has("if-match") || has("if"));
        let overwrite = self.is(Fault::OverwriteBeforeLogin) && has("overwrite");
        let mut answer = Answer::of(if early || overwrite { 412 } else { 401 });
        answer.fields.push(("WWW-Authenticate", "Basic realm=\"rope\"".into()));
        Err(answer)
    }

    /// The path that a target names.
    pub(super) fn resolve(&self, target: &str) -> Result<String> {
        let path = target.split('?').next().unwrap_or_default();
        let path = self.decoded(path).ok_or_else(|| Answer::of(400))?;
        if !path.starts_with('/') || path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(Answer::of(400));
        }
        let path = path.trim_end_matches('/').to_owned();
        if self.is(Fault::CaseConfused) && self.request.method == "GET" {
            let same = |other: &&String| other.eq_ignore_ascii_case(&path);
            return Ok(self.tree.nodes.keys().find(same).cloned().unwrap_or(path));
        }
        Ok(path)
    }

    fn decoded(&self, text: &str) -> Option<String> {
        let mut octets = Vec::new();
        let mut rest = text.bytes();
        while let Some(octet) = rest.next() {
            octets.push(match octet {
                b'%' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                octet => octet,
            });
        }
        String::from_utf8(octets).ok()
    }

    /// Refuses content that means nothing.
    pub(super) fn no_content(&self) -> Result<()> {
        let refused = !self.request.content.is_empty() && !self.is(Fault::IgnoresBodies);
        if refused { Err(Answer::of(415)) } else { Ok(()) }
    }

    /// Refuses what has no collection to be in.
    pub(super) fn needs_parent(&mut self, path: &str) -> Result<()> {
        let above = parent(path).to_owned();
        let is_file = self.tree.nodes.contains_key(&above);
        if self.tree.has_collection(&above) || (is_file && self.is(Fault::BelowFiles)) {
            return Ok(());
        }
        if self.is(Fault::MakesParents) && !is_file {
            self.tree.make(&above, super::tree::Node::default());
            return Ok(());
        }
        Err(Answer::of(if self.is(Fault::NeedlessPrecondition) { 412 } else { 409 }))
    }

    /// The document in the request.
    pub(super) fn document(&self) -> Result<Element> {
        let content = &self.request.content;
        let has = |text: &[u8]| content.windows(text.len()).any(|octets| octets == text);
        let kind = self.request.field("content-type").unwrap_or_default().to_ascii_lowercase();
        if self.is(Fault::ApplicationXmlOnly) && kind.starts_with("text/") {
            return Err(Answer::of(415));
        }
        if has(b"<!DOCTYPE") {
            return match (self.is(Fault::ReadsFiles), self.is(Fault::TakesDtd)) {
                (true, _) => Ok(Element::new(DAV, "file")),
                (_, true) => Err(self.multistatus("")),
                _ => Err(self.error(403, "<D:no-external-entities/>")),
            };
        }
        let odd = (self.is(Fault::Utf8Only) && content.first().is_some_and(|octet| *octet >= 0xfe))
            || (self.is(Fault::InstructionsRefused) && has(b"<!--"));
        if self.is(Fault::DeepFails) && content.len() > 100_000 && has(b"<a><a>") {
            return Err(Answer::of(500));
        }
        match parse(content) {
            Ok(root) if !odd => Ok(root),
            Err(_) if self.is(Fault::AnyXml) => Ok(Element::new(DAV, "any")),
            _ => Err(Answer::of(400)),
        }
    }

    /// Whether an element is the one of this name in WebDAV.
    pub(super) fn knows(&self, element: &Element, name: &str) -> bool {
        element.name == name
            && (element.space == DAV || self.is(Fault::AnyNamespace))
            && (element.prefix == "D" || !self.is(Fault::PrefixDOnly))
    }

    /// An error with this condition.
    pub(super) fn error(&self, status: u16, condition: &str) -> Answer {
        if self.is(Fault::PlainRefusals) {
            return Answer::of(status);
        }
        let text = if self.is(Fault::ErrorInText) { "sorry: " } else { "" };
        self.xml(status, &format!("<D:error xmlns:D=\"DAV:\">{text}{condition}</D:error>"))
    }

    pub(super) fn multistatus(&self, responses: &str) -> Answer {
        self.xml(207, &format!("<D:multistatus xmlns:D=\"DAV:\">{responses}</D:multistatus>"))
    }

    pub(super) fn xml(&self, status: u16, text: &str) -> Answer {
        let kind = match self.fault {
            Some(Fault::SendsTextXml) => "text/xml",
            Some(Fault::SendsTextPlain) => "text/plain",
            _ => "application/xml",
        };
        let content = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{text}").into();
        Answer { status, fields: vec![("Content-Type", format!("{kind}; charset=\"utf-8\""))], content }
    }

    /// A response of a 207 that tells of a resource as a whole.
    pub(super) fn told(&self, path: &str, status: u16) -> String {
        format!("<D:response>{}<D:status>HTTP/1.1 {status} so</D:status></D:response>", self.href(path))
    }

    /// The URL of a path, as an element.
    pub(super) fn href(&self, path: &str) -> String {
        let is_collection = self.tree.has_collection(path);
        let mut url = String::new();
        for octet in path.bytes() {
            if self.is(Fault::NoEscapes) || octet.is_ascii_alphanumeric() || b"/-._~".contains(&octet) {
                url.push(char::from(octet));
            } else {
                url += &format!("%{octet:02X}");
            }
        }
        if is_collection && !self.is(Fault::NoSlash) {
            url.push('/');
        }
        if is_collection && self.is(Fault::MixesForms) {
            url = format!("http://{}{url}", self.request.field("host").unwrap_or_default());
        }
        if self.is(Fault::HrefsElsewhere) {
            url = format!("/..{url}");
        }
        format!("<D:href>{}</D:href>", escaped(&url))
    }
}
