//! The field `If` (RFC 4918 §10.4), without a look at what is there.

use crate::wire::etag::Tag;

/// Lists of conditions, of which one has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct If<'a>(pub(super) Vec<List<'a>>);

/// Conditions that all have to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List<'a> {
    /// The resource that they are about; nothing is what was asked for.
    pub(super) resource: Option<&'a str>,
    pub(super) conditions: Vec<Condition<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition<'a> {
    pub(super) not: bool,
    pub(super) state: State<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State<'a> {
    /// A lock's token, or another URI, which no resource has.
    Token(&'a str),
    Tag(Tag<'a>),
}

/// More lists than these are not evaluated: each may be about another resource.
const MOST: usize = 100;

impl<'a> If<'a> {
    /// What the field says, if it can be understood.
    pub(super) fn parse(field: &'a [u8]) -> Option<Self> {
        let mut rest = field.trim_ascii();
        let mut lists = Vec::new();
        let mut resource = None;
        let tagged = rest.starts_with(b"<");
        while !rest.is_empty() {
            // Either all lists are about a resource that is named, or none is.
            if tagged && rest.starts_with(b"<") {
                resource = Some(coded(&mut rest)?);
                rest = rest.trim_ascii_start();
            }
            // A resource without a list is none of either.
            let conditions = list(&mut rest)?;
            lists.push(List { resource, conditions });
            rest = rest.trim_ascii_start();
            if lists.len() > MOST {
                return None;
            }
        }
        (!lists.is_empty()).then_some(Self(lists))
    }

    /// Every token in it: that is how a client shows that it knows of a lock, whatever the condition says.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().flat_map(|list| &list.conditions).filter_map(|condition| match condition.state {
            State::Token(token) => Some(token),
            State::Tag(_) => None,
        })
    }
}

/// `"(" 1*Condition ")"`
fn list<'a>(rest: &mut &'a [u8]) -> Option<Vec<Condition<'a>>> {
    *rest = rest.strip_prefix(b"(")?;
    let mut conditions = Vec::new();
    loop {
        *rest = rest.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b")") {
            *rest = after;
            return (!conditions.is_empty()).then_some(conditions);
        }
        let not = rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"not"));
        if not {
            *rest = rest.get(3..)?.trim_ascii_start();
        }
        let state = match rest.first()? {
            b'<' => State::Token(coded(rest)?),
            b'[' => {
                let end = closing(rest)?;
                let tag = rest.get(1..end)?.trim_ascii();
                *rest = rest.get(end + 1..)?;
                State::Tag(Tag::parse(tag)?)
            }
            _ => return None,
        };
        conditions.push(Condition { not, state });
    }
}

/// Where the bracket that begins `text` ends: a tag may hold brackets between its quotes.
fn closing(text: &[u8]) -> Option<usize> {
    let mut quoted = false;
    text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        *byte == b']' && !quoted
    })
}

/// `"<" URI ">"`
fn coded<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let inside = rest.strip_prefix(b"<")?;
    let end = inside.iter().position(|byte| *byte == b'>')?;
    let (uri, after) = inside.split_at_checked(end)?;
    *rest = after.get(1..)?;
    let uri = str::from_utf8(uri).ok()?;
    (!uri.is_empty() && !uri.contains(|c: char| c.is_whitespace() || c == '<')).then_some(uri)
}

/// The URI in angle brackets that is the whole of a field.
pub(super) fn coded_url(field: &[u8]) -> Option<&str> {
    let mut rest = field.trim_ascii();
    let uri = coded(&mut rest)?;
    rest.is_empty().then_some(uri)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(not: bool, token: &str) -> Condition<'_> {
        Condition { not, state: State::Token(token) }
    }

    fn tag(not: bool, weak: bool, text: &str) -> Condition<'_> {
        Condition { not, state: State::Tag(Tag { weak, text: text.as_bytes() }) }
    }

    #[test]
    fn lists_are_read_as_the_rfc_writes_them() {
        let untagged =
            If::parse(b"(<urn:uuid:1> [\"I am an ETag\"]) (Not <DAV:no-lock>[W/\"]b\"])").is_none();
        assert!(untagged, "a tag has no spaces");
        let parsed = If::parse(b"(<urn:uuid:1> [\"etag\"]) (Not <DAV:no-lock>[W/\"]b\"])").unwrap();
        let lists = vec![
            List { resource: None, conditions: vec![token(false, "urn:uuid:1"), tag(false, false, "etag")] },
            List { resource: None, conditions: vec![token(true, "DAV:no-lock"), tag(false, true, "]b")] },
        ];
        assert_eq!(parsed, If(lists));
        assert_eq!(parsed.tokens().collect::<Vec<_>>(), ["urn:uuid:1", "DAV:no-lock"]);
    }

    #[test]
    fn a_resource_is_that_of_all_lists_up_to_the_next() {
        let parsed = If::parse(b"<http://x/a> (<urn:1>)(NOT[\"e\"])\t</b>(<urn:2>)").unwrap();
        let lists = vec![
            List { resource: Some("http://x/a"), conditions: vec![token(false, "urn:1")] },
            List { resource: Some("http://x/a"), conditions: vec![tag(true, false, "e")] },
            List { resource: Some("/b"), conditions: vec![token(false, "urn:2")] },
        ];
        assert_eq!(parsed, If(lists));
    }

    #[test]
    fn what_cannot_be_understood_is_nothing() {
        for bad in [
            "",
            "()",
            "(",
            "(<urn:1>",
            "<urn:1>",
            "urn:1",
            "(urn:1)",
            "(<>)",
            "(<a b>)",
            "([e])",
            "([\"e\")",
            "(Not)",
            "(<urn:1>) </a> (<urn:2>)",
            "</a>",
            "</a></b>(<urn:1>)",
            "(<urn:1>),(<urn:2>)",
            "(Not Not <a>)",
        ] {
            assert_eq!(If::parse(bad.as_bytes()), None, "{bad}");
        }
        assert!(If::parse("(<a>)".repeat(MOST).as_bytes()).is_some());
        assert!(If::parse("(<a>)".repeat(MOST + 1).as_bytes()).is_none());
    }

    #[test]
    fn a_coded_url_is_the_whole_field() {
        assert_eq!(coded_url(b" <urn:uuid:1> "), Some("urn:uuid:1"));
        for bad in [&b"urn:uuid:1"[..], b"<urn:uuid:1", b"<a><b>", b"<a> x", b""] {
            assert_eq!(coded_url(bad), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            lists in prop::collection::vec(prop::collection::vec((any::<bool>(), any::<bool>(), "[a-z:/]{1,9}"), 1..4), 1..5),
            tagged in any::<bool>(),
        ) {
            let mut text = String::new();
            let mut expected = Vec::new();
            for list in &lists {
                if tagged {
                    text.push_str("</r> ");
                }
                text.push('(');
                for (not, is_tag, word) in list {
                    text.push_str(if *not { "Not " } else { "" });
                    text.push_str(&if *is_tag { format!("[\"{word}\"] ") } else { format!("<{word}>") });
                }
                text.push(')');
                let conditions =
                    list.iter().map(|(not, is_tag, word)| match is_tag {
                        true => tag(*not, false, word),
                        false => token(*not, word),
                    });
                expected.push(List { resource: tagged.then_some("/r"), conditions: conditions.collect() });
            }
            prop_assert_eq!(If::parse(text.as_bytes()), Some(If(expected)));
        }

        #[test]
        fn no_bytes_panic(field in "[<>()\\[\\]\"Not a]{0,40}") {
            If::parse(field.as_bytes());
        }
    }
}
