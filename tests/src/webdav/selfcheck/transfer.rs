//! COPY and MOVE.

use super::desk::{Answer, Desk, Result};
use super::fault::Fault;
use super::tree::{Node, below};
use crate::webdav::xml::DAV;

impl Desk<'_> {
    pub(super) fn transfer(&mut self) -> Result<Answer> {
        let moves = self.request.method == "MOVE";
        let from = self.path.clone();
        let Some(source) = self.tree.nodes.get(&from).cloned() else {
            return Err(Answer::of(if self.is(Fault::TransferMissing) { 204 } else { 404 }));
        };
        self.no_content()?;
        let to = self.destination()?;
        self.conditions()?;
        self.apart(&from, &to, moves)?;
        let deep = self.depth(moves, &source)?;
        self.needs_parent(&to)?;
        let old = self.tree.nodes.get(&to).cloned();
        self.overwrite(old.is_some())?;
        let kinds = old.as_ref().is_some_and(|old| old.is_collection() != source.is_collection());
        if kinds && self.is(Fault::KindsConflict) {
            return Err(Answer::of(409));
        }
        self.guard_transfer(&from, &to, moves, old.is_some())?;
        self.carry_locks(&from, &to, moves);
        let nodes = self.taken(&from, &source, deep, moves);
        self.clear(&to);
        for (path, node) in nodes {
            let path = format!("{to}{path}");
            self.place(&path, node, moves, old.as_ref().filter(|_| path == to));
        }
        if moves && !self.is(Fault::MoveCopies) {
            if deep || self.is(Fault::MoveShallow) {
                self.remove(&from)
            } else {
                drop(self.tree.nodes.remove(&from))
            }
        }
        if self.is(Fault::CopyLinks) && !moves {
            self.tree.links.push((from, to));
        }
        let replaced = old.is_some() && !self.is(Fault::ReplacedIs201);
        Ok(Answer::of(if replaced {
            204
        } else if self.is(Fault::CreatedIs200) {
            200
        } else {
            201
        }))
    }

    fn destination(&self) -> Result<String> {
        let Some(url) = self.request.field("destination") else {
            return Err(Answer::of(if self.is(Fault::NoDestination) { 204 } else { 400 }));
        };
        if self.is(Fault::LeavesRoot) && (url.contains("/..") || url.contains("%2e")) {
            return Err(Answer::of(201));
        }
        let path = match url.split_once("://") {
            Some((_, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let same = Some(authority) == self.request.field("host") || self.is(Fault::HostIgnored);
                if authority.is_empty() {
                    return Err(Answer::of(400));
                }
                if !same {
                    return Err(Answer::of(if self.is(Fault::OtherHostIs400) { 400 } else { 502 }));
                }
                path
            }
            None if self.is(Fault::UriDestinationOnly) => return Err(Answer::of(400)),
            None => url,
        };
        if self.is(Fault::DestinationUndecoded) {
            return Ok(path.trim_end_matches('/').into());
        }
        let path = self.resolve(path);
        if self.is(Fault::AnyDestination) { path.map_err(|_| Answer::of(409)) } else { path }
    }

    /// Refuses what would destroy its own source.
    fn apart(&mut self, from: &str, to: &str, moves: bool) -> Result<()> {
        if from == to {
            if self.is(Fault::ItselfLost) {
                self.remove(from);
            }
            return Err(Answer::of(if self.is(Fault::ItselfIs204) { 204 } else { 403 }));
        }
        if below(to, from) {
            if moves && self.is(Fault::MoveIntoItself) {
                self.remove(from);
                return Err(Answer::of(201));
            }
            return Err(Answer::of(if self.is(Fault::IntoItselfFails) { 500 } else { 403 }));
        }
        if below(from, to) {
            if self.is(Fault::OverParentLoses) {
                self.remove(to);
            }
            return Err(Answer::of(403));
        }
        Ok(())
    }

    /// Whether members are taken along.
    fn depth(&self, moves: bool, source: &Node) -> Result<bool> {
        let depth = self.request.field("depth").unwrap_or("infinity").to_ascii_lowercase();
        match depth.as_str() {
            "infinity" => Ok(!self.is(if moves { Fault::MoveShallow } else { Fault::CopyShallow })),
            "0" if moves && source.is_collection() && !self.is(Fault::MoveHeedsDepth) => Err(Answer::of(400)),
            "0" => Ok(self.is(Fault::CopyIgnoresDepth) && !moves),
            "1" if self.is(Fault::CopyDepth1) => Ok(true),
            _ => Err(Answer::of(400)),
        }
    }

    fn overwrite(&self, there: bool) -> Result<()> {
        let fails = match self.request.field("overwrite") {
            Some("F") => (there && !self.is(Fault::OverwriteIgnored)) || self.is(Fault::OverwriteFFails),
            Some("T") => there && self.is(Fault::OverwriteTFails),
            None => false,
            Some(_) if self.is(Fault::AnyOverwrite) => false,
            Some(_) => return Err(Answer::of(400)),
        };
        if fails { Err(Answer::of(412)) } else { Ok(()) }
    }

    fn guard_transfer(&self, from: &str, to: &str, moves: bool, replaces: bool) -> Result<()> {
        if self.is(Fault::CopyNeedsSource) && !moves {
            self.guard(&[from])?;
        }
        let mut changed = Vec::new();
        if moves && !self.is(Fault::MoveUnlocked) {
            changed.extend([from, super::tree::parent(from)]);
        }
        if !self.is(Fault::DestinationUnlocked) {
            changed.push(to);
            if !replaces || moves {
                changed.push(super::tree::parent(to));
            }
        }
        if self.is(Fault::ParentUnlocked) {
            changed.retain(|path| [from, to].contains(path));
        }
        self.guard(&changed)?;
        if moves && !self.is(Fault::MovesLockedMembers) {
            self.guard_below(from)?;
        }
        if self.is(Fault::CopiesOverLocked) { Ok(()) } else { self.guard_below(to) }
    }

    /// Moves and copies locks, as no server should.
    fn carry_locks(&mut self, from: &str, to: &str, moves: bool) {
        let carried: Vec<_> = self
            .covering(from)
            .into_iter()
            .filter(|lock| {
                (lock.root == from && self.is(if moves { Fault::MovesLocks } else { Fault::CopiesLocks }))
                    || (lock.root != from && moves && self.is(Fault::LocksFollow))
            })
            .collect();
        for lock in carried {
            self.tree.locks.push(super::tree::Held { root: to.into(), ..lock });
        }
    }

    /// What is taken along, by its path below the source.
    fn taken(&self, from: &str, source: &Node, deep: bool, moves: bool) -> Vec<(String, Node)> {
        let mut nodes = vec![(String::new(), source.clone())];
        if deep || (moves && !source.is_collection()) {
            for path in self.tree.under(from) {
                let node = self.tree.nodes.get(&path).cloned().unwrap_or_default();
                nodes.push((path.strip_prefix(from).unwrap_or_default().into(), node));
            }
        }
        nodes
    }

    /// Makes room at the destination. A lock that is rooted there stays.
    fn clear(&mut self, to: &str) {
        if self.is(Fault::Merges) {
            return;
        }
        let kept: Vec<_> = self.tree.locks.iter().filter(|lock| lock.root == to).cloned().collect();
        self.remove(to);
        for lock in kept {
            if !self.tree.locks.iter().any(|other| other.token == lock.token && other.root == lock.root) {
                self.tree.locks.push(lock);
            }
        }
    }

    fn place(&mut self, path: &str, mut node: Node, moves: bool, old: Option<&Node>) {
        let created = node.created;
        if self.is(if moves { Fault::MoveForgets } else { Fault::CopyForgets }) {
            node.props.clear();
        }
        if let Some(old) =
            old.filter(|_| self.is(if moves { Fault::MoveKeepsOld } else { Fault::CopyKeepsOld }))
        {
            node.props.clone_from(&old.props);
        }
        if self.is(Fault::DisplaynameStays) {
            node.props.retain(|prop| !prop.is(DAV, "displayname"));
        }
        if self.is(Fault::TypeStays) {
            node.kind = "application/octet-stream".into();
        }
        self.tree.make(path, node);
        let keeps = moves && !self.is(Fault::MoveResetsDate);
        if let Some(node) = self.tree.nodes.get_mut(path).filter(|_| keeps) {
            node.created = created;
        }
    }
}
