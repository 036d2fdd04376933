//! What the reference server keeps: resources by path, and locks.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::webdav::xml::Element;

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// None for a collection.
    pub(super) content: Option<Vec<u8>>,
    pub(super) kind: String,
    pub(super) props: Vec<Element>,
    pub(super) version: u64,
    pub(super) created: u64,
    /// How long the content was at first.
    pub(super) first: usize,
    /// Whether it was made by LOCK, and never put.
    pub(super) reserved: bool,
}

impl Node {
    pub(super) fn is_collection(&self) -> bool {
        self.content.is_none()
    }
}

/// A lock that is held.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) token: String,
    pub(super) root: String,
    /// The root as it was written.
    pub(super) raw: String,
    pub(super) deep: bool,
    pub(super) shared: bool,
    pub(super) owner: Option<Element>,
    pub(super) user: String,
    pub(super) seconds: u64,
    pub(super) until: Instant,
    /// What was below the root when it was locked.
    pub(super) had: Vec<String>,
}

/// Paths have a slash at their front, and none at their end: the root is empty, and always there.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) locks: Vec<Held>,
    /// Pairs of files of which one follows the other.
    pub(super) links: Vec<(String, String)>,
    /// Properties that have outlived their files.
    pub(super) ghosts: BTreeMap<String, Vec<Element>>,
    clock: u64,
}

pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Whether a path lies below another.
pub(super) fn below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

impl Tree {
    /// A number that was never given before.
    pub(super) fn next(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    pub(super) fn has_collection(&self, path: &str) -> bool {
        path.is_empty() || self.nodes.get(path).is_some_and(Node::is_collection)
    }

    /// The paths below this one.
    pub(super) fn under(&self, path: &str) -> Vec<String> {
        self.nodes.keys().filter(|other| below(other, path)).cloned().collect()
    }

    pub(super) fn make(&mut self, path: &str, mut node: Node) {
        node.version = self.next();
        node.created = node.version;
        node.first = node.content.as_ref().map_or(0, Vec::len);
        node.props.extend(self.ghosts.remove(path).unwrap_or_default());
        self.nodes.insert(path.into(), node);
    }
}
