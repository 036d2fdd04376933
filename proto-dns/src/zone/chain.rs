use std::sync::Arc;

use super::Node;
use crate::wire::NameRef;

/// The nodes of a page at which it becomes two.
const FULL: usize = 128;

/// Nodes in the canonical order of their names (RFC 4034 §6.1), the last followed by the first. As of a table, copies share
/// all that is the same in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    /// None of them is empty.
    pages: Vec<Arc<[Node]>>,
}

impl Chain {
    /// A chain of these nodes, no two of which have the same name.
    pub(crate) fn new(mut nodes: Vec<Node>) -> Self {
        nodes.sort_by(|a, b| a.name().cmp(&b.name()));
        Self { pages: nodes.chunks(FULL / 2).map(Arc::from).collect() }
    }

    /// The node of this name, or the one before it; and whether it is the former.
    pub(crate) fn at_or_before(&self, name: NameRef<'_>) -> Option<(&Node, bool)> {
        let page = self.pages.get(self.page(name))?;
        match page.binary_search_by(|node| node.name().cmp(&name)) {
            Ok(at) => Some((page.get(at)?, true)),
            Err(0) => Some((self.pages.last()?.last()?, false)),
            Err(at) => Some((page.get(at - 1)?, false)),
        }
    }

    /// The node before this name.
    pub(crate) fn before(&self, name: NameRef<'_>) -> Option<&Node> {
        let number = self.page(name);
        let at = self.pages.get(number)?.partition_point(|node| node.name() < name);
        match (at, number) {
            (0, 0) => self.pages.last()?.last(),
            (0, _) => self.pages.get(number - 1)?.last(),
            _ => self.pages.get(number)?.get(at - 1),
        }
    }

    /// The node after this name.
    pub(crate) fn after(&self, name: NameRef<'_>) -> Option<&Node> {
        let number = self.page(name);
        let page = self.pages.get(number)?;
        let at = page.partition_point(|node| node.name() <= name);
        page.get(at).or_else(|| self.pages.get(number + 1)?.first()).or_else(|| self.pages.first()?.first())
    }

    /// Puts a node in the place of the one of its name, or in a new one.
    pub(crate) fn put(&mut self, node: Node) {
        let number = self.page(node.name());
        let Some(page) = self.pages.get_mut(number) else { return self.pages.push([node].into()) };
        let mut nodes = page.to_vec();
        match nodes.binary_search_by(|other| other.name().cmp(&node.name())) {
            Ok(at) => {
                if let Some(place) = nodes.get_mut(at) {
                    *place = node;
                }
            }
            Err(at) => nodes.insert(at, node),
        }
        let second = if nodes.len() > FULL { nodes.split_off(FULL / 2) } else { Vec::new() };
        *page = nodes.into();
        if !second.is_empty() {
            self.pages.insert(number + 1, second.into());
        }
    }

    /// Takes out the node of this name.
    pub(crate) fn remove(&mut self, name: NameRef<'_>) {
        let number = self.page(name);
        let Some(page) = self.pages.get_mut(number) else { return };
        *page = page.iter().filter(|node| node.name() != name).cloned().collect();
        if page.is_empty() {
            self.pages.remove(number);
        }
    }

    /// The page that a name is in, if it is in one.
    fn page(&self, name: NameRef<'_>) -> usize {
        let begins_after = |page: &Arc<[Node]>| page.first().is_some_and(|first| first.name() > name);
        self.pages.partition_point(|page| !begins_after(page)).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::node::Draft;
    use super::*;
    use crate::wire::{Key, Name};

    fn node(name: &Name) -> Node {
        Node::new(Key::new(name.view()).whole(), &Draft::default())
    }

    fn name(number: u16) -> Name {
        format!("n{}.x{}", number / 7, number % 7).parse().unwrap()
    }

    proptest! {
        #[test]
        fn a_chain_is_as_a_sorted_set(
            first in prop::collection::btree_set(0_u16..999, 0..400),
            steps in prop::collection::vec((0_u16..999, any::<bool>()), 0..400),
            asked in 0_u16..999,
        ) {
            let mut model: BTreeSet<Name> = first.into_iter().map(name).collect();
            let mut chain = Chain::new(model.iter().map(node).collect());
            for (number, puts) in steps {
                let name = name(number);
                if puts {
                    chain.put(node(&name));
                    model.insert(name);
                } else {
                    chain.remove(name.view());
                    model.remove(&name);
                }
            }
            let asked = name(asked);
            let found = chain.at_or_before(asked.view()).map(|(node, exact)| (node.name().to_name(), exact));
            let expected = model.range(..=&asked).next_back().or(model.last());
            prop_assert_eq!(found, expected.map(|name| (name.clone(), *name == asked)));
            let next = chain.after(asked.view()).map(|node| node.name().to_name());
            let above = model.iter().find(|name| **name > asked).or(model.first());
            prop_assert_eq!(next.as_ref(), above);
            let last = chain.before(asked.view()).map(|node| node.name().to_name());
            let below = model.range(..&asked).next_back().or(model.last());
            prop_assert_eq!(last.as_ref(), below);
        }
    }
}
