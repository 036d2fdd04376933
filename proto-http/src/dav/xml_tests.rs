use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Option<Element> {
    Element::parse(text.as_bytes()).ok()
}

#[test]
fn names_are_those_of_their_namespaces() {
    let root = parse("<?xml version=\"1.0\"?>\n<D:a xmlns:D='DAV:' xmlns='urn:x'><b c='1' D:c='2'/><D:d>t</D:d><e xmlns=''/></D:a>").unwrap();
    assert!(root.is("a"));
    let names: Vec<_> = root.elements().map(|e| (&*e.name.namespace, e.name.local.as_str())).collect();
    assert_eq!(names, [("urn:x", "b"), ("DAV:", "d"), ("", "e")]);
    assert_eq!(root.child("d").unwrap().text(), "t");
    assert!(root.child("b").is_none());
}

#[test]
fn what_is_written_means_the_same_without_its_surroundings() {
    let root = parse(
        "<D:prop xmlns:D='DAV:' xmlns:x='urn:x' xml:lang='de'><x:p q='&lt;1&#10;' x:r='2'>a &amp; <![CDATA[<b>]]><D:c/>\
         <d>&#x41;</d></x:p></D:prop>",
    )
    .unwrap();
    let property = root.elements().next().unwrap().clone().spoken(root.language());
    let text = property.written();
    assert_eq!(
        text,
        "<p xmlns=\"urn:x\" q=\"&lt;1&#10;\" xmlns:n1=\"urn:x\" n1:r=\"2\" xml:lang=\"de\">a &amp; &lt;b&gt;\
         <c xmlns=\"DAV:\"/><d xmlns=\"\">A</d></p>"
    );
    assert_eq!(parse(&text).unwrap(), property);
}

#[test]
fn what_is_no_document_or_dangerous_is_refused() {
    let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    assert!(parse(&deep(DEEPEST)).is_some());
    let many = |n: usize| format!("<a>{}</a>", "<b/>".repeat(n));
    assert!(parse(&many(MOST - 1)).is_some());
    for bad in [
        "",
        "text",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>text",
        "<a>&unknown;</a>",
        "<a>&#1;</a>",
        "<a>\u{1}</a>",
        "<a b='&#0;'/>",
        "<a b='1' b='2'/>",
        "<x:a/>",
        "<a x:b='1'/>",
        "<1a/>",
        "<a\"/>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>",
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
        &deep(DEEPEST + 1),
        &deep(20_000),
        &many(MOST),
    ] {
        assert!(parse(bad).is_none(), "{}", bad.get(..60).unwrap_or(bad));
    }
    assert_eq!(Element::parse(many(MOST).as_bytes()), Err(BadXml::TooMuch));
    let attributes: String = (0..MOST).map(|n| format!(" b{n}=''")).collect();
    assert_eq!(Element::parse(format!("<a{attributes}/>").as_bytes()), Err(BadXml::TooMuch));
    assert!(Element::parse(b"<a>\xff</a>").is_err());
    assert!(Element::parse(b"\xef\xbb\xbf<a/>").is_ok());
    let utf16: Vec<u16> =
        "\u{feff}<?xml version='1.0' encoding='utf-16'?><ä>\u{1f300}</ä>".encode_utf16().collect();
    let be: Vec<u8> = utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let le: Vec<u8> = utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let utf8 = Element::parse("<ä>\u{1f300}</ä>".as_bytes());
    assert!(utf8.is_ok() && Element::parse(&be) == utf8 && Element::parse(&le) == utf8);
    assert!(Element::parse(be.split_last().unwrap().1).is_err());
    let external = b"<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>";
    assert_eq!(Element::parse(external), Err(BadXml::External));
}

#[test]
fn namespaces_without_end_are_refused() {
    let bindings: String = (0..1000).map(|n| format!(" xmlns:n{n}='urn:{n}'")).collect();
    assert!(parse(&format!("<a{bindings}/>")).is_none());
}

/// A long namespace is written once and used by many: what is kept of it, and what comes of it, stays small.
#[test]
fn a_namespace_is_kept_once_and_not_spelt_without_end() {
    let document = |uri: usize, names: usize| {
        format!("<a xmlns:z='urn:{}'>{}</a>", "n".repeat(uri - 4), "<z:b/>".repeat(names))
    };
    let root = parse(&document(SPELT / 64, 64)).unwrap();
    let mut uris = root.elements().map(|element| &element.name.namespace);
    let first = uris.next().unwrap();
    assert_eq!(first.len(), SPELT / 64);
    assert!(uris.all(|uri| Arc::ptr_eq(uri, first)), "each has a copy");
    assert!(root.written().len() <= SPELT + 64 * 32);
    for (uri, names) in [(SPELT / 64, 65), (44_000, 3000), (60_000, 250)] {
        let document = document(uri, names);
        assert_eq!(Element::parse(document.as_bytes()), Err(BadXml::TooMuch), "{uri} {names}");
    }
    let attributes: String = (0..65).map(|n| format!(" z:b{n}=''")).collect();
    let document = format!("<a xmlns:z='{}'{attributes}/>", "n".repeat(SPELT / 64));
    assert_eq!(Element::parse(document.as_bytes()), Err(BadXml::TooMuch));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(<|>|/|a|=|'|\"|&|;|!\\[CDATA\\[|\\]\\]>|xmlns|:| |#x|DOCTYPE|\\?|-){0,40}") {
        if let Some(element) = parse(&text) {
            prop_assert_eq!(parse(&element.written()), Some(element));
        }
    }

    #[test]
    fn any_text_survives(text in any::<String>(), value in any::<String>()) {
        prop_assume!(text.chars().chain(value.chars()).all(is_char));
        let document = format!("<a xmlns=\"urn:a\" b=\"{}\">{}</a>", escape(&value), escape(&text));
        let element = parse(&document).unwrap();
        prop_assert_eq!(element.text(), text);
        prop_assert_eq!(parse(&element.written()), Some(element));
    }
}
