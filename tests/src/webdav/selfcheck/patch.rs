//! PROPPATCH.

use super::desk::{Answer, Desk, Result};
use super::fault::Fault;
use super::tree::Node;
use crate::webdav::xml::{DAV, Element, Node as Child, OWN};

const PROTECTED: &[&str] = &[
    "creationdate",
    "getcontentlength",
    "getcontenttype",
    "getetag",
    "getlastmodified",
    "lockdiscovery",
    "quota-available-bytes",
    "quota-used-bytes",
    "resourcetype",
    "supportedlock",
];

/// An instruction: whether the property is removed, and the property.
type Instruction = (bool, Element);

impl Desk<'_> {
    pub(super) fn proppatch(&mut self) -> Result<Answer> {
        let instructions = self.instructions()?;
        let path = self.path.clone();
        if !self.tree.nodes.contains_key(&path) {
            if !self.is(Fault::PatchMakes) {
                return Err(Answer::of(404));
            }
            self.tree.make(&path, Node { content: Some(Vec::new()), ..Node::default() });
        }
        self.conditions()?;
        if !self.is(Fault::PatchUnlocked) {
            self.guard(&[&path])?;
        }
        let refused: Vec<_> = instructions.iter().map(|instruction| self.refuses(instruction)).collect();
        let fails = refused.contains(&true);
        let mut props = self.tree.nodes.get(&path).map(|node| node.props.clone()).unwrap_or_default();
        for ((removed, prop), refused) in instructions.iter().zip(&refused) {
            if (!fails || self.is(Fault::PatchHalf)) && !refused {
                self.apply(&mut props, *removed, prop);
            }
        }
        let version = self.tree.next();
        let changes = self.is(Fault::PatchChangesEtag);
        if let Some(node) = self.tree.nodes.get_mut(&path) {
            node.props = props;
            node.version = if changes { version } else { node.version };
        }
        Ok(self.patched(&path, &instructions, &refused))
    }

    fn instructions(&self) -> Result<Vec<Instruction>> {
        let lenient = self.is(Fault::EmptyPatch);
        let root =
            if self.request.content.is_empty() { Element::new("", "nothing") } else { self.document()? };
        if root.is(DAV, "file") {
            let note =
                Element { children: vec![Child::Text("root:x:0:0:".into())], ..Element::new(OWN, "note") };
            return Ok(vec![(false, note)]);
        }
        if root.is(DAV, "any") {
            return Ok(Vec::new());
        }
        if !lenient && !self.knows(&root, "propertyupdate") {
            return Err(Answer::of(400));
        }
        let mut instructions = Vec::new();
        for step in root.elements().filter(|it| self.knows(it, "set") || self.knows(it, "remove")) {
            for prop in step.elements().filter(|it| self.knows(it, "prop")).flat_map(Element::elements) {
                instructions.push((step.name == "remove", prop.clone()));
            }
        }
        if self.is(Fault::SetsFirst) {
            instructions.sort_by_key(|(removed, _)| *removed);
        }
        if instructions.is_empty() && !lenient { Err(Answer::of(400)) } else { Ok(instructions) }
    }

    fn refuses(&self, (removed, prop): &Instruction) -> bool {
        let node = self.tree.nodes.get(&self.path);
        let has = node.is_some_and(|node| node.props.iter().any(|own| own.is(&prop.space, &prop.name)));
        let of_collection = node.is_some_and(Node::is_collection);
        let live =
            prop.space == DAV && PROTECTED.contains(&prop.name.as_str()) && !self.is(Fault::NoneProtected);
        live || (*removed && !has && self.is(Fault::RemoveMissing))
            || (of_collection && self.is(Fault::CollectionsBare))
            || (self.is(Fault::NoProps) && prop.space != DAV)
            || (self.is(Fault::DisplaynameProtected) && prop.is(DAV, "displayname"))
            || (self.is(Fault::LanguageProtected) && prop.is(DAV, "getcontentlanguage"))
    }

    fn apply(&self, props: &mut Vec<Element>, removed: bool, prop: &Element) {
        if removed && self.is(Fault::RemoveDoesNothing) {
            return;
        }
        let mut prop = prop.clone();
        if prop.space.is_empty() && self.is(Fault::BareIsDav) {
            prop.space = OWN.into();
        }
        if removed || !self.is(Fault::KeepsOldValues) {
            props.retain(|own| !own.is(&prop.space, &prop.name));
        }
        let full = props.len() >= 50 && self.is(Fault::FewProps);
        let lost = prop.children.is_empty() && self.is(Fault::EmptyIsMissing);
        if !(removed || lost || full) {
            self.spoil(&mut prop);
            props.push(prop);
        }
    }

    /// Loses of a value what the fault loses.
    fn spoil(&self, prop: &mut Element) {
        if self.is(Fault::TextLost) {
            prop.children.retain(|child| matches!(child, Child::Element(_)));
        }
        if self.is(Fault::LangLost) {
            prop.lang = None;
        }
        if self.is(Fault::ScopedLangLost) {
            prop.lang =
                prop.attributes.iter().find(|(_, name, _)| name == "lang").map(|(_, _, value)| value.clone());
        }
        let outer = prop.space.clone();
        self.spoil_content(prop, &outer);
    }

    fn spoil_content(&self, element: &mut Element, outer: &str) {
        let collapsed =
            self.is(Fault::SpaceHeeded) && element.attributes.iter().any(|(_, name, _)| name == "space");
        if self.is(Fault::MixedReordered) {
            element.children.sort_by_key(|child| matches!(child, Child::Text(_)));
        }
        if self.is(Fault::SpacesTrimmed) {
            element.children.retain(|child| !matches!(child, Child::Text(text) if text.trim().is_empty()));
        }
        for child in &mut element.children {
            match child {
                Child::Text(text) if self.is(Fault::WideLost) => {
                    *text = text.replace(|char: char| !char.is_ascii(), "?")
                }
                Child::Text(text) if collapsed => {
                    *text = text.split_whitespace().collect::<Vec<_>>().join(" ")
                }
                Child::Text(_) => {}
                Child::Element(inner) => {
                    if self.is(Fault::InnerSpacesLost) {
                        inner.space = outer.into();
                    }
                    if self.is(Fault::AttributesLost) {
                        inner.attributes.clear();
                    }
                    if self.is(Fault::PrefixesLost) {
                        inner.prefix = "ns".into();
                    }
                    self.spoil_content(inner, outer);
                }
            }
        }
    }

    fn patched(&self, path: &str, instructions: &[Instruction], refused: &[bool]) -> Answer {
        let fails = refused.contains(&true);
        let said = if self.is(Fault::AnswersOne) { 1 } else { usize::MAX };
        let mut told: Vec<&Element> = Vec::new();
        let mut response = self.href(path);
        // Of several instructions for one property, that which was refused is told.
        let mut all: Vec<_> = instructions.iter().zip(refused).collect();
        all.sort_by_key(|(_, refused)| !**refused);
        for ((_, prop), refused) in all.into_iter().take(said) {
            if told.iter().any(|other| other.is(&prop.space, &prop.name)) {
                continue;
            }
            told.push(prop);
            let status = match (refused, fails) {
                (true, _) if self.is(Fault::ProtectedIs409) => 409,
                (true, _) => 403,
                (false, true) if !self.is(Fault::DependencyUnsaid) => 424,
                _ => 200,
            };
            let error = "<D:error><D:cannot-modify-protected-property/></D:error>";
            let error = if *refused && !self.is(Fault::PlainRefusals) { error } else { "" };
            let name = Element { children: Vec::new(), attributes: Vec::new(), ..prop.clone() }.write();
            response += &format!(
                "<D:propstat><D:prop>{name}</D:prop><D:status>HTTP/1.1 {status} so</D:status>{error}</D:propstat>"
            );
        }
        self.multistatus(&format!("<D:response>{response}</D:response>"))
    }
}
