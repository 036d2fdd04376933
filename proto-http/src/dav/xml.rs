//! The documents that clients send (RFC 4918 §14, §17), read into a small tree, and what of it is kept written again.
//!
//! There is no DTD, so no entity but the five of XML; a document is short, and not deep.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::{NsReader, XmlVersion};
use ropewalk_core::data::files::PropName;

use super::Stop;
use crate::server::Failure;

/// The namespace of WebDAV.
pub(super) const DAV: &str = "DAV:";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Elements within each other.
const DEEPEST: usize = 32;
/// Elements and attributes in a document.
const MOST: usize = 4096;
/// Octets that the namespaces of all names in a document have together, each counted wherever it is used: so much more can
/// become of a document when each of its names is written with its own.
const SPELT: usize = 256 * 1024;

/// An element, with names resolved; comments and instructions are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: PropName,
    attributes: Vec<(PropName, String)>,
    children: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Element(Element),
    Text(String),
}

/// Why a document is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadXml {
    /// It is no XML, or none that is read here.
    Unread,
    /// It has more names, or longer ones, than anybody needs.
    TooMuch,
    /// It would have us read something else.
    External,
}

impl From<BadXml> for Stop {
    fn from(bad: BadXml) -> Self {
        match bad {
            BadXml::Unread => {
                Failure::bad_request().saying("The document in the request cannot be read.").into()
            }
            BadXml::TooMuch => Failure::new(StatusCode::PAYLOAD_TOO_LARGE)
                .saying("The document in the request has too many names, or too long ones.")
                .into(),
            BadXml::External => Self::condition(StatusCode::FORBIDDEN, "no-external-entities", ""),
        }
    }
}

impl<T: Into<quick_xml::Error>> From<T> for BadXml {
    fn from(_: T) -> Self {
        Self::Unread
    }
}

impl Element {
    /// The element that a document is.
    pub(super) fn parse(document: &[u8]) -> Result<Self, BadXml> {
        let document = decoded(document).ok_or(BadXml::Unread)?;
        let mut reader = NsReader::from_str(&document);
        // The elements that are open, the outermost first.
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut names = Names::default();
        loop {
            let event = reader.read_event()?;
            match event {
                Event::Start(_) | Event::Empty(_) if root.is_some() => return Err(BadXml::Unread),
                Event::Start(tag) => {
                    open.push(Self::begin(&reader, &tag, &mut names)?);
                    if open.len() > DEEPEST {
                        return Err(BadXml::Unread);
                    }
                }
                Event::Empty(tag) => {
                    let element = Self::begin(&reader, &tag, &mut names)?;
                    close(element, &mut open, &mut root);
                }
                Event::End(_) => {
                    let element = open.pop().ok_or(BadXml::Unread)?;
                    close(element, &mut open, &mut root);
                }
                Event::Text(text) => add(&text.xml10_content(), &mut open)?,
                Event::CData(text) => add(&text.xml10_content(), &mut open)?,
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref()? {
                        Some(character) => character,
                        None => entity(&reference.xml10_content()).ok_or(BadXml::Unread)?,
                    };
                    add(character.encode_utf8(&mut [0; 4]), &mut open)?;
                }
                Event::Eof => return root.filter(|_| open.is_empty()).ok_or(BadXml::Unread),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                // Nothing good comes of a DTD (RFC 4918 §20.6).
                Event::DocType(dtd) => {
                    let external = ["SYSTEM", "PUBLIC"].iter().any(|word| dtd.xml10_content().contains(word));
                    return Err(if external { BadXml::External } else { BadXml::Unread });
                }
            }
        }
    }

    fn begin(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>, names: &mut Names) -> Result<Self, BadXml> {
        let resolver = reader.resolver();
        let (namespace, local) = resolver.resolve_element(tag.name());
        let name = names.name(namespace, local.as_ref())?;
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| BadXml::Unread)?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (namespace, local) = resolver.resolve_attribute(attribute.key);
            let value = attribute.normalized_value(XmlVersion::Implicit1_0)?.into_owned();
            check(&value)?;
            attributes.push((names.name(namespace, local.as_ref())?, value));
        }
        Ok(Self { name, attributes, children: Vec::new() })
    }

    /// Whether it is this element of WebDAV.
    pub(super) fn is(&self, local: &str) -> bool {
        &*self.name.namespace == DAV && self.name.local == local
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// Its first child of this name.
    pub(super) fn child(&self, local: &str) -> Option<&Self> {
        self.elements().find(|element| element.is(local))
    }

    /// Its text, without that of its children.
    pub(super) fn text(&self) -> String {
        let texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// Its `xml:lang`, which what is in it inherits (RFC 4918 §4.3).
    pub(super) fn language(&self) -> Option<&str> {
        let is_language = |name: &PropName| &*name.namespace == XML && name.local == "lang";
        self.attributes.iter().find(|(name, _)| is_language(name)).map(|(_, value)| value.as_str())
    }

    /// It, in this language where it says none.
    pub(super) fn spoken(mut self, language: Option<&str>) -> Self {
        if let (Some(language), None) = (language, self.language()) {
            let name = PropName { namespace: XML.into(), local: "lang".into() };
            self.attributes.push((name, language.to_owned()));
        }
        self
    }

    /// It as text that means the same wherever it stands, if no namespace is the default there.
    pub(super) fn written(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, "");
        out
    }

    fn write(&self, out: &mut String, default: &str) {
        let PropName { namespace, local } = &self.name;
        out.push('<');
        out.push_str(local);
        if &**namespace != default {
            out.extend([" xmlns=\"", &escape(namespace), "\""]);
        }
        for (number, (name, value)) in self.attributes.iter().enumerate() {
            let prefix = match &*name.namespace {
                "" => String::new(),
                XML => "xml:".to_owned(),
                namespace => {
                    out.extend([" xmlns:n", &number.to_string(), "=\"", &escape(namespace), "\""]);
                    format!("n{number}:")
                }
            };
            out.extend([" ", &prefix, &name.local, "=\"", &escape(value), "\""]);
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for child in &self.children {
            match child {
                Node::Text(text) => out.push_str(&escape(text)),
                Node::Element(element) => element.write(out, namespace),
            }
        }
        out.extend(["</", local, ">"]);
    }
}

/// The text of a document in UTF-8 or UTF-16: every reader of XML knows both (XML 1.0 §2.2), and UTF-16 by its mark.
fn decoded(document: &[u8]) -> Option<Cow<'_, str>> {
    let unit: fn([u8; 2]) -> u16 = match document {
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xef, 0xbb, 0xbf, utf8 @ ..] | utf8 => return str::from_utf8(utf8).ok().map(Cow::Borrowed),
    };
    let (pairs, rest) = document.as_chunks();
    let units: Vec<_> = pairs.iter().skip(1).map(|pair| unit(*pair)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok())?.map(Cow::Owned)
}

/// Puts an element that has ended into the one around it.
fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(around) => around.children.push(Node::Element(element)),
        None => *root = Some(element),
    }
}

/// Puts text into the innermost element; around all of them there is only white space.
fn add(text: &str, open: &mut [Element]) -> Result<(), BadXml> {
    check(text)?;
    let Some(element) = open.last_mut() else {
        return if text.trim_ascii().is_empty() { Ok(()) } else { Err(BadXml::Unread) };
    };
    match element.children.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ => element.children.push(Node::Text(text.to_owned())),
    }
    Ok(())
}

/// The names of a document. A namespace that many use is kept once.
#[derive(Default)]
struct Names {
    namespaces: BTreeSet<Arc<str>>,
    count: usize,
    /// See [`SPELT`].
    spelt: usize,
}

impl Names {
    fn name(&mut self, namespace: ResolveResult<'_>, local: &str) -> Result<PropName, BadXml> {
        let namespace = match namespace {
            ResolveResult::Unbound => "",
            ResolveResult::Bound(Namespace(namespace)) => namespace,
            ResolveResult::Unknown(_) => return Err(BadXml::Unread),
        };
        self.count += 1;
        self.spelt += namespace.len();
        if self.count > MOST || self.spelt > SPELT {
            return Err(BadXml::TooMuch);
        }
        let starts = |c: char| c.is_alphabetic() || c == '_';
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '\u{b7}');
        if !local.starts_with(starts) || !local.chars().all(goes_on) {
            return Err(BadXml::Unread);
        }
        Ok(PropName { namespace: self.namespace(namespace)?, local: local.to_owned() })
    }

    /// The URI as it was written: it is compared so.
    fn namespace(&mut self, written: &str) -> Result<Arc<str>, BadXml> {
        let uri = quick_xml::escape::unescape(written).map_err(|_| BadXml::Unread)?;
        if let Some(known) = self.namespaces.get(&*uri) {
            return Ok(Arc::clone(known));
        }
        check(&uri)?;
        let uri = Arc::<str>::from(uri);
        self.namespaces.insert(Arc::clone(&uri));
        Ok(uri)
    }
}

/// What may not stand in a document (XML 1.0 §2.2) would make ours one that nobody can read.
fn check(text: &str) -> Result<(), BadXml> {
    if text.chars().all(is_char) { Ok(()) } else { Err(BadXml::Unread) }
}

fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return None,
    })
}

/// Text as it stands in a document, also in an attribute. What no document can hold is U+FFFD.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| is_char(c) && !matches!(c, '<' | '>' | '&' | '"' | '\'' | '\t' | '\n' | '\r');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // An attribute would have a space in their place.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c if is_char(c) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
