//! PROPFIND.

use std::time::UNIX_EPOCH;

use super::desk::{Answer, Desk, Result};
use super::fault::Fault;
use super::tree::{Node, parent};
use crate::webdav::xml::{DAV, Element, Node as Child};

/// What is asked of each resource.
enum Query {
    /// Everything, and what is included beside it.
    All(Vec<Element>),
    Names,
    Props(Vec<Element>),
}

const QUOTA: [&str; 2] = ["quota-available-bytes", "quota-used-bytes"];

/// What there is room for.
const ROOM: usize = 1 << 30;

fn with_text(name: &str, text: String) -> Element {
    Element { children: vec![Child::Text(text)], ..Element::new(DAV, name) }
}

impl Desk<'_> {
    pub(super) fn propfind(&mut self) -> Result<Answer> {
        let query = self.query()?;
        let path = self.path.clone();
        let Some(node) = self.tree.nodes.get(&path) else {
            return Err(if self.is(Fault::MissingIs207) { self.multistatus("") } else { Answer::of(404) });
        };
        let is_file = !node.is_collection();
        let mut answer = String::new();
        for path in self.members(&path, is_file)? {
            if let Some(node) = self.tree.nodes.get(&path) {
                answer += &self.response(&path, node, &query);
            }
        }
        let mut answer = self.multistatus(&answer);
        if !is_file && !self.request.target.ends_with('/') && !self.is(Fault::NoContentLocation) {
            answer.fields.push(("Content-Location", format!("{}/", self.request.target)));
        }
        Ok(answer)
    }

    fn query(&self) -> Result<Query> {
        if self.request.content.is_empty() {
            return Ok(if self.is(Fault::NoBodyIsNames) { Query::Names } else { Query::All(Vec::new()) });
        }
        let root = self.document()?;
        if root.is(DAV, "any") {
            return Ok(Query::All(Vec::new()));
        }
        if !self.knows(&root, "propfind")
            || (self.is(Fault::AttributesRefused) && !root.attributes.is_empty())
        {
            return Err(Answer::of(400));
        }
        let named = |name: &str| root.elements().find(|element| self.knows(element, name));
        let (all, names, props) = (named("allprop"), named("propname"), named("prop"));
        let count = [all, names, props].iter().flatten().count();
        let unknown =
            root.elements().any(|it| !["allprop", "propname", "prop", "include"].contains(&it.name.as_str()));
        if (unknown && self.is(Fault::UnknownRefused)) || (count > 1 && !self.is(Fault::FirstKind)) {
            return Err(Answer::of(400));
        }
        let included = named("include").filter(|_| !self.is(Fault::IncludeIgnored));
        let included = included.map(|it| it.elements().cloned().collect()).unwrap_or_default();
        match (all, names, props) {
            (Some(_), ..) => Ok(Query::All(included)),
            (_, Some(_), _) => Ok(Query::Names),
            (_, _, Some(_)) if self.is(Fault::PropIgnored) => Ok(Query::All(included)),
            (_, _, Some(props)) => Ok(Query::Props(self.once(props))),
            _ if self.is(Fault::EmptyIsAllprop) => Ok(Query::All(included)),
            _ => Err(Answer::of(400)),
        }
    }

    /// The properties that are asked for, each once.
    fn once(&self, props: &Element) -> Vec<Element> {
        let mut once: Vec<Element> = Vec::new();
        for prop in props.elements() {
            if self.is(Fault::PropsTwice) || !once.iter().any(|it| it.is(&prop.space, &prop.name)) {
                once.push(prop.clone());
            }
        }
        once
    }

    fn members(&self, path: &str, is_file: bool) -> Result<Vec<String>> {
        let zero = self.is(Fault::NoDepthIsZero);
        let depth = self
            .request
            .field("depth")
            .map_or(if zero { "0".into() } else { "infinity".into() }, str::to_ascii_lowercase);
        if is_file && depth != "0" && self.is(Fault::DepthOfFile) {
            return Err(Answer::of(400));
        }
        let depth = match depth.as_str() {
            "0" if self.is(Fault::Depth0Is1) => 1,
            "0" => 0,
            "1" if self.is(Fault::Depth1IsInfinity) => usize::MAX,
            "1" => 1,
            "infinity" if self.is(Fault::InfinityUnknown) => return Err(Answer::of(400)),
            "infinity" if self.is(Fault::InfinityRefused) => return Err(Answer::of(403)),
            "infinity" if self.is(Fault::InfinityIs1) => 1,
            "infinity" => usize::MAX,
            _ if self.is(Fault::AnyDepth) => 1,
            _ => return Err(Answer::of(400)),
        };
        let mut members = vec![path.to_owned()];
        let found = if depth == 0 { Vec::new() } else { self.tree.under(path) };
        for member in found {
            let node = self.tree.nodes.get(&member);
            let hidden = node.is_some_and(|node| {
                (node.reserved && self.is(Fault::ReservedUnlisted))
                    || (node.is_collection() && self.is(Fault::HidesCollections))
            });
            if !hidden && (depth > 1 || parent(&member) == path) {
                members.push(member.clone());
                if self.is(Fault::ListsTwice) {
                    members.push(member);
                }
            }
        }
        Ok(members)
    }

    fn response(&self, path: &str, node: &Node, query: &Query) -> String {
        let mut there: Vec<Element> = self.live(path, node);
        there.retain(|live| !node.props.iter().any(|own| own.is(&live.space, &live.name)));
        let dead = node.props.iter().cloned();
        let is_quota = |prop: &Element| prop.space == DAV && QUOTA.contains(&prop.name.as_str());
        let (found, missing) = match query {
            Query::All(included) => {
                let mut found: Vec<_> = there
                    .iter()
                    .filter(|prop| !is_quota(prop) || self.is(Fault::QuotaInAllprop))
                    .cloned()
                    .collect();
                if self.is(Fault::AllpropDeadOnly) {
                    found.clear();
                }
                if !self.is(Fault::AllpropLiveOnly) {
                    found.extend(dead.clone());
                }
                there.extend(dead);
                let (more, missing) = self.pick(&there, included);
                found.extend(more);
                (found, missing)
            }
            Query::Names => {
                if !self.is(Fault::PropnameLiveOnly) {
                    there.extend(dead);
                }
                there.retain(|prop| !(is_quota(prop) && self.is(Fault::QuotaUnnamed)));
                let bare = |prop: Element| Element { children: Vec::new(), attributes: Vec::new(), ..prop };
                let bare = there
                    .into_iter()
                    .map(|prop| if self.is(Fault::PropnameValues) { prop } else { bare(prop) });
                (bare.collect(), Vec::new())
            }
            Query::Props(asked) => {
                there.extend(dead);
                self.pick(&there, asked)
            }
        };
        self.rendered(path, &found, &missing)
    }

    /// Those of the asked properties that are there, and those that are not.
    fn pick(&self, there: &[Element], asked: &[Element]) -> (Vec<Element>, Vec<Element>) {
        let same = |prop: &Element, asked: &Element| {
            let space = prop.space == asked.space || (self.is(Fault::SpacesIgnored) && prop.space != DAV);
            let case = self.is(Fault::CaseIgnored) && prop.name.eq_ignore_ascii_case(&asked.name);
            space && (prop.name == asked.name || case)
        };
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for asked in asked {
            match there.iter().find(|prop| same(prop, asked)) {
                // Told by the name that was asked for.
                Some(prop) => found.push(Element {
                    space: asked.space.clone(),
                    name: asked.name.clone(),
                    ..prop.clone()
                }),
                None => missing.push(Element { children: Vec::new(), ..asked.clone() }),
            }
        }
        (found, missing)
    }

    fn rendered(&self, path: &str, found: &[Element], missing: &[Element]) -> String {
        let stat = |props: &[Element], status: &str| {
            let props: String = props.iter().map(Element::write).collect();
            let status =
                if self.is(Fault::StatusShort) { status.get(..12).unwrap_or_default() } else { status };
            let status = if self.is(Fault::StatusUnsaid) {
                String::new()
            } else {
                format!("<D:status>{status}</D:status>")
            };
            format!("<D:propstat><D:prop>{props}</D:prop>{status}</D:propstat>")
        };
        let mut response = self.href(path);
        if !found.is_empty() {
            response += &stat(found, "HTTP/1.1 200 OK");
        }
        if !missing.is_empty() && !self.is(Fault::MissingUnsaid) {
            response += &stat(missing, "HTTP/1.1 404 Not Found");
        }
        if self.is(Fault::InterimStatus) {
            response += &stat(&[Element::new("urn:late", "late")], "HTTP/1.1 102 Processing");
        }
        if self.is(Fault::StatusBesides) {
            response += "<D:status>HTTP/1.1 200 OK</D:status>";
        }
        if self.is(Fault::UnknownElements) {
            response += "<D:rope/>";
        }
        format!("<D:response>{response}</D:response>")
    }

    /// The properties that the server makes.
    fn live(&self, path: &str, node: &Node) -> Vec<Element> {
        let at = node.created;
        let date = format!("2020-02-02T{:02}:{:02}:{:02}Z", at / 3600 % 24, at / 60 % 60, at % 60);
        let mut props = vec![with_text(
            "creationdate",
            if self.is(Fault::DateForm) { date.replace('T', " ") } else { date },
        )];
        let mut kind = Element::new(DAV, "resourcetype");
        if node.is_collection() && !self.is(Fault::KindUnsaid) {
            kind.children.push(Child::Element(Element::new(DAV, "collection")));
        }
        if self.is(Fault::KindInText) {
            kind.children.push(Child::Text("thing".into()));
        }
        props.push(kind);
        props.push(self.supported());
        let locks = self.covering(path);
        if !locks.is_empty() || !self.is(Fault::NoEmptyDiscovery) {
            props.push(if self.is(Fault::DiscoveryEmpty) {
                Element::new(DAV, "lockdiscovery")
            } else {
                self.discovery(&locks)
            });
        }
        match &node.content {
            Some(content) => {
                let length = if self.is(Fault::PropsFrozen) { node.first } else { content.len() };
                let etag = self.etag(node);
                let date = UNIX_EPOCH + Self::modified(node);
                props.push(with_text(
                    "getcontentlength",
                    (length + usize::from(self.is(Fault::LengthWrong))).to_string(),
                ));
                props.push(with_text(
                    "getcontenttype",
                    if self.is(Fault::TypeDiffers) { "text/x-rope".into() } else { node.kind.clone() },
                ));
                props.push(with_text(
                    "getetag",
                    if self.is(Fault::EtagUnquoted) { etag.replace('"', "") } else { etag },
                ));
                let date = httpdate::fmt_http_date(date);
                props.push(with_text(
                    "getlastmodified",
                    if self.is(Fault::DateDiffers) { date.replace("GMT", "UTC") } else { date },
                ));
            }
            None => {
                let deep = |member: &&String| !self.is(Fault::QuotaShallow) || parent(member) == path;
                let members = self.tree.under(path);
                let sizes = members
                    .iter()
                    .filter(deep)
                    .filter_map(|member| self.tree.nodes.get(member)?.content.as_ref());
                let used = sizes.map(Vec::len).sum::<usize>();
                props.push(with_text("quota-available-bytes", ROOM.saturating_sub(used).to_string()));
                if !self.is(Fault::QuotaHalf) {
                    props.push(with_text("quota-used-bytes", used.to_string()));
                }
            }
        }
        props
    }
}
