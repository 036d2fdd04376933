//! XML as the cases see it: names with their namespaces, and text as it is.

use roxmltree::{Document, Node as Source, NodeType};

/// The namespace of WebDAV.
pub(super) const DAV: &str = "DAV:";
/// The namespace of the properties that the cases make.
pub(super) const OWN: &str = "http://conform.test/ns";
/// The most levels of a document that is read.
const DEEPEST: usize = 200;
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// An element with all that RFC 4918 §4.3 wants preserved of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Element {
    pub(super) prefix: String,
    pub(super) space: String,
    pub(super) name: String,
    /// Namespace, name and value of each; declarations of namespaces are none.
    pub(super) attributes: Vec<(String, String, String)>,
    pub(super) children: Vec<Node>,
    /// The language in whose scope it is, its own or that of an element around it.
    pub(super) lang: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

/// The root of a document: without a DTD, well-formed, and with every prefix declared.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(octets: &[u8]) -> Result<Element, String> {
    let text = decoded(octets)?;
    let document = Document::parse(&text).map_err(|error| error.to_string())?;
    if document.descendants().any(|node| node.ancestors().nth(DEEPEST).is_some()) {
        return Err(format!("more than {DEEPEST} levels"));
    }
    Ok(element(document.root_element(), &text, None))
}

/// UTF-16 where a byte order mark says so, else UTF-8.
fn decoded(octets: &[u8]) -> Result<String, String> {
    let (rest, unit): (_, fn([u8; 2]) -> u16) = match octets {
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        _ => return String::from_utf8(octets.to_vec()).map_err(|error| error.to_string()),
    };
    let (pairs, _) = rest.as_chunks::<2>();
    String::from_utf16(&pairs.iter().copied().map(unit).collect::<Vec<_>>())
        .map_err(|error| error.to_string())
}

fn element(source: Source<'_, '_>, text: &str, lang: Option<&str>) -> Element {
    let lang = source.attribute((XML, "lang")).or(lang);
    let mut children: Vec<Node> = Vec::new();
    for child in source.children() {
        match (child.node_type(), children.last_mut()) {
            (NodeType::Element, _) => children.push(Node::Element(element(child, text, lang))),
            (NodeType::Text, Some(Node::Text(before))) => *before += child.text().unwrap_or_default(),
            (NodeType::Text, _) => children.push(Node::Text(child.text().unwrap_or_default().into())),
            _ => {}
        }
    }
    let tag = text.get(source.range()).unwrap_or_default();
    let tag =
        tag.split(|char: char| char.is_whitespace() || matches!(char, '>' | '/')).next().unwrap_or_default();
    let prefix = tag.split_once(':').map_or("", |(prefix, _)| prefix.trim_start_matches('<'));
    let attribute = |attribute: roxmltree::Attribute<'_, '_>| {
        let space = attribute.namespace().unwrap_or_default();
        (space.to_owned(), attribute.name().to_owned(), attribute.value().to_owned())
    };
    Element {
        prefix: prefix.into(),
        space: source.tag_name().namespace().unwrap_or_default().into(),
        name: source.tag_name().name().into(),
        attributes: source.attributes().map(attribute).collect(),
        children,
        lang: lang.filter(|lang| !lang.is_empty()).map(str::to_owned),
    }
}

impl Element {
    /// An empty element.
    pub(super) fn new(space: &str, name: &str) -> Self {
        Self { prefix: "p".into(), space: space.into(), name: name.into(), ..Self::default() }
    }

    pub(super) fn is(&self, space: &str, name: &str) -> bool {
        self.space == space && self.name == name
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// Its first child of this name in the namespace of WebDAV.
    pub(super) fn dav(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.is(DAV, name))
    }

    /// All text in it.
    pub(super) fn text(&self) -> String {
        let of = |node: &Node| match node {
            Node::Element(element) => element.text(),
            Node::Text(text) => text.clone(),
        };
        self.children.iter().map(of).collect()
    }

    /// Whether both have the same content, but for prefixes and the order of attributes.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        let same = |pair: (&Node, &Node)| match pair {
            (Node::Text(a), Node::Text(b)) => a == b,
            (Node::Element(a), Node::Element(b)) => a.same(b),
            _ => false,
        };
        self.children.len() == other.children.len() && self.children.iter().zip(&other.children).all(same)
    }

    fn same(&self, other: &Self) -> bool {
        let sorted = |element: &Self| {
            let mut attributes = element.attributes.clone();
            attributes.sort();
            attributes
        };
        self.is(&other.space, &other.name) && sorted(self) == sorted(other) && self.same_content(other)
    }

    /// The element as text, with the declarations that it needs.
    pub(super) fn write(&self) -> String {
        self.write_within(None)
    }

    fn write_within(&self, lang: Option<&str>) -> String {
        let tag =
            if self.prefix.is_empty() { self.name.clone() } else { format!("{}:{}", self.prefix, self.name) };
        let declared = if self.prefix.is_empty() { "xmlns".into() } else { format!("xmlns:{}", self.prefix) };
        let mut text = format!("<{tag} {declared}=\"{}\"", escaped(&self.space));
        for (at, (space, name, value)) in self.attributes.iter().enumerate() {
            let value = escaped(value);
            text += &match space.as_str() {
                "" => format!(" {name}=\"{value}\""),
                XML if name == "lang" => continue,
                XML => format!(" xml:{name}=\"{value}\""),
                space => format!(" xmlns:a{at}=\"{}\" a{at}:{name}=\"{value}\"", escaped(space)),
            };
        }
        if let Some(own) = self.lang.as_deref().filter(|own| Some(*own) != lang) {
            text += &format!(" xml:lang=\"{}\"", escaped(own));
        }
        text.push('>');
        for child in &self.children {
            text += &match child {
                Node::Element(element) => element.write_within(self.lang.as_deref()),
                Node::Text(plain) => escaped(plain),
            };
        }
        text + &format!("</{tag}>")
    }
}

pub(super) fn escaped(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    escaped.replace('\r', "&#13;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let text = "<a:x xmlns:a='u:a' xmlns:b='u:b' xml:lang='de'> t&amp;<b:y b:k='1' k=\"&quot;\">\r\n</b:y><z/>\
                    <![CDATA[<]]>&gt;</a:x>";
        let read = parse(text.as_bytes()).unwrap();
        let again = parse(read.write().as_bytes()).unwrap();
        assert!(read.same(&again), "{read:?}\n{again:?}");
        assert_eq!((again.prefix.as_str(), again.lang.as_deref()), ("a", Some("de")));
        assert_eq!(again.elements().next().map(|y| y.prefix.as_str()), Some("b"));
        assert_eq!(again.text(), " t&\n<>");
    }

    #[test]
    fn what_differs_in_its_content_is_not_the_same() {
        let read = |text: &str| parse(text.as_bytes()).unwrap();
        let one = read("<a><b k='1'>t</b></a>");
        for other in [
            "<a/>",
            "<a><b>t</b></a>",
            "<a><b k='1'> t</b></a>",
            "<a><b k='1' xmlns='u:'>t</b></a>",
            "<a>t</a>",
        ] {
            assert!(!one.same_content(&read(other)), "{other}");
        }
    }

    #[test]
    fn no_document_is_read_that_is_not_well_formed() {
        for text in ["", "<a>", "<a></b>", "<p:a/>", "<a b='1' b='2'/>", "<!DOCTYPE a><a/>", "<a/><b/>"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        let wide: Vec<u8> = "\u{feff}<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(parse(&wide).is_ok());
    }
}
