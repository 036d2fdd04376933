//! LOCK and UNLOCK.

use std::time::Duration;

use tokio::time::Instant;

use super::desk::{Answer, Desk, Result};
use super::fault::Fault;
use super::tree::{Held, Node, parent};
use crate::webdav::xml::{DAV, Element, Node as Child};

const MISMATCH: &str = "<D:lock-token-matches-request-uri/>";
/// How long locks live, unless the client wishes otherwise, and at most.
const SECONDS: (u64, u64) = (600, 3600);

fn holding(name: &str, children: Vec<Element>) -> Element {
    let children = children.into_iter().map(Child::Element).collect();
    Element { children, ..Element::new(DAV, name) }
}

fn text(name: &str, text: impl Into<String>) -> Element {
    Element { children: vec![Child::Text(text.into())], ..Element::new(DAV, name) }
}

fn kind(shared: bool) -> Vec<Element> {
    let scope = Element::new(DAV, if shared { "shared" } else { "exclusive" });
    vec![holding("lockscope", vec![scope]), holding("locktype", vec![Element::new(DAV, "write")])]
}

impl Desk<'_> {
    pub(super) fn supported(&self) -> Element {
        let entries = [false, true].map(|shared| holding("lockentry", kind(shared)));
        if self.is(Fault::SupportedEmpty) {
            Element::new(DAV, "supportedlock")
        } else {
            holding("supportedlock", entries.into())
        }
    }

    pub(super) fn discovery(&self, locks: &[Held]) -> Element {
        let active = |lock: &Held| {
            let mut parts = kind(lock.shared);
            let deep = lock.deep || self.is(Fault::SaysInfinity);
            parts.push(text("depth", if deep { "infinity" } else { "0" }));
            parts.extend(lock.owner.clone().filter(|_| !self.is(Fault::OwnerLost)));
            let unit = if self.is(Fault::TimeoutForm) { "" } else { "Second-" };
            parts.push(text("timeout", format!("{unit}{}", lock.seconds)));
            parts.push(holding("locktoken", vec![text("href", &lock.token)]));
            if !self.is(Fault::NoLockroot) {
                let slash = if self.tree.has_collection(&lock.root) { "/" } else { "" };
                parts.push(holding("lockroot", vec![text("href", format!("{}{slash}", lock.root))]));
            }
            holding("activelock", parts)
        };
        holding("lockdiscovery", locks.iter().map(active).collect())
    }

    fn granted(&self, status: u16, locks: &[Held], token: Option<&str>) -> Answer {
        let mut answer = self.xml(status, &holding("prop", vec![self.discovery(locks)]).write());
        answer.fields.extend(token.map(|token| ("Lock-Token", format!("<{token}>"))));
        answer
    }

    pub(super) fn lock(&mut self) -> Result<Answer> {
        if self.request.content.is_empty() {
            return self.refresh();
        }
        if self.is(Fault::LongOwnerFails) && self.request.content.len() > 100_000 {
            return Err(Answer::of(500));
        }
        let (shared, owner) = self.lockinfo()?;
        let deep = self.lock_depth()?;
        let path = self.path.clone();
        let there = self.tree.nodes.contains_key(&path);
        if !there {
            self.needs_parent(&path)?;
        }
        self.conditions()?;
        self.conflicts(shared, deep)?;
        if !there {
            if !self.is(Fault::ParentUnlocked) {
                self.guard(&[parent(&path)])?;
            }
            self.tree.make(
                &path,
                Node {
                    content: Some(Vec::new()),
                    reserved: true,
                    kind: "text/plain".into(),
                    ..Node::default()
                },
            );
        }
        let lock = self.hold(shared, deep, owner)?;
        let created = (!there && !self.is(Fault::LockIs200)) || self.is(Fault::LockIs201);
        Ok(self.granted(if created { 201 } else { 200 }, std::slice::from_ref(&lock), Some(&lock.token)))
    }

    /// Whether the lock is to be shared, and its owner.
    fn lockinfo(&self) -> Result<(bool, Option<Element>)> {
        let root = self.document()?;
        let within = |name, kind| {
            root.elements().any(|it| self.knows(it, name) && it.elements().any(|it| self.knows(it, kind)))
        };
        let (exclusive, shared) = (within("lockscope", "exclusive"), within("lockscope", "shared"));
        let known = self.knows(&root, "lockinfo") && (exclusive || shared) && within("locktype", "write");
        if !known && !self.is(Fault::AnyKind) && !root.is(DAV, "any") {
            return Err(Answer::of(422));
        }
        let owner = root.dav("owner").cloned();
        if owner.is_none() && self.is(Fault::OwnerNeeded) {
            return Err(Answer::of(400));
        }
        Ok((shared, owner))
    }

    fn lock_depth(&self) -> Result<bool> {
        match self.request.field("depth").map(str::to_ascii_lowercase).as_deref() {
            None => Ok(!self.is(Fault::LockDepth0)),
            Some("infinity") => Ok(true),
            Some("0") => Ok(false),
            Some("1") if self.is(Fault::LockDepth1) => Ok(true),
            Some(_) => Err(Answer::of(400)),
        }
    }

    fn conflicts(&self, shared: bool, deep: bool) -> Result<()> {
        let path = &self.path;
        let conflicts = |held: &&Held| match (held.shared, shared) {
            (true, true) => self.is(Fault::SharedConflicts),
            (true, false) => !self.is(Fault::ExclusiveBesideShared),
            (false, true) => !self.is(Fault::SharedBesideExclusive),
            (false, false) => !self.is(Fault::OwnerLocksAgain),
        };
        let direct = |held: &&Held| held.root == *path || !self.is(Fault::IndirectIgnored);
        let covering = self.covering(path);
        if let Some(held) = covering.iter().filter(direct).find(conflicts) {
            let condition =
                format!("<D:no-conflicting-lock>{}</D:no-conflicting-lock>", self.href(&held.root));
            return Err(self.error(423, &condition));
        }
        let members = self.tree.under(path);
        let held = self.tree.locks.iter().filter(|held| members.contains(&held.root)).find(conflicts);
        match held.filter(|_| deep && !self.is(Fault::MembersIgnored)) {
            None => Ok(()),
            Some(_) if self.is(Fault::PlainRefusals) => Err(Answer::of(423)),
            Some(held) => Err(self.multistatus(&(self.told(&held.root, 423) + &self.told(path, 424)))),
        }
    }

    fn hold(&mut self, shared: bool, deep: bool, owner: Option<Element>) -> Result<Held> {
        let path = self.path.clone();
        let number = self.tree.next();
        let beside = self.tree.locks.iter().find(|held| held.root == path && held.shared);
        let token = match beside {
            Some(held) if self.is(Fault::SharedToken) => held.token.clone(),
            _ if self.is(Fault::SameToken) => format!("urn:same:{}", path.replace('/', ":")),
            _ if self.is(Fault::TokenNoUri) => format!("token{number}"),
            _ => format!("urn:uuid:00000000-0000-4000-9000-{number:012x}"),
        };
        let seconds = self.wished()?;
        let lock = Held {
            token,
            root: path.clone(),
            raw: self.request.target.clone(),
            deep,
            shared,
            owner,
            user: self.user.clone(),
            seconds,
            until: Instant::now() + Duration::from_secs(seconds),
            had: self.tree.under(&path),
        };
        self.tree.locks.push(lock.clone());
        Ok(lock)
    }

    /// The seconds that a lock is granted.
    fn wished(&self) -> Result<u64> {
        let Some(wish) = self.request.field("timeout") else { return Ok(SECONDS.0) };
        let first = wish.split(',').next().unwrap_or_default().trim();
        let wished = match first.strip_prefix("Second-").map(str::parse) {
            Some(Ok(seconds)) => seconds,
            Some(Err(_)) if self.is(Fault::HugeTimeoutFails) => return Err(Answer::of(400)),
            _ => SECONDS.1,
        };
        Ok(if self.is(Fault::TimeoutIgnored) { SECONDS.0 } else { wished.clamp(1, SECONDS.1) })
    }

    fn refresh(&mut self) -> Result<Answer> {
        if self.request.field("if").is_none() {
            if !self.is(Fault::LocksWithoutBody) {
                return Err(Answer::of(400));
            }
            let lock = self.hold(false, false, None)?;
            return Ok(self.granted(200, std::slice::from_ref(&lock), Some(&lock.token)));
        }
        let path = self.path.clone();
        if let Err(refused) = self.conditions() {
            let locks = self.covering(&path);
            return if self.is(Fault::RefreshesAny) {
                Ok(self.granted(200, &locks, None))
            } else {
                Err(refused)
            };
        }
        let named = self.covering(&path).into_iter().find(|held| self.submitted.contains(&held.token));
        let lock = named
            .filter(|held| held.user == self.user && (held.root == path || !self.is(Fault::RefreshByRoot)));
        let Some(lock) = lock else { return Err(self.error(412, MISMATCH)) };
        if self.is(Fault::RefreshMakesNew) {
            let lock = self.hold(lock.shared, lock.deep, lock.owner)?;
            return Ok(self.granted(200, &[lock], None));
        }
        let seconds = self.wished()?;
        let (keeps, shallow) = (self.is(Fault::RefreshKeepsTime), self.is(Fault::RefreshHeedsDepth));
        let shallow = shallow && self.request.field("depth") == Some("0");
        for held in self.tree.locks.iter_mut().filter(|held| held.token == lock.token) {
            held.seconds = seconds;
            held.until = if keeps { held.until } else { Instant::now() + Duration::from_secs(seconds) };
            held.deep &= !shallow;
        }
        if self.is(Fault::RefreshDropsOthers) {
            self.tree.locks.retain(|held| held.root != path || held.token == lock.token);
        }
        let locks: Vec<_> =
            self.covering(&path).into_iter().filter(|held| held.token == lock.token).collect();
        Ok(self.granted(200, &locks, Some(lock.token.as_str()).filter(|_| self.is(Fault::RefreshSaysToken))))
    }

    pub(super) fn unlock(&mut self) -> Result<Answer> {
        let path = self.path.clone();
        self.no_content()?;
        let covering = self.covering(&path);
        let token = match (self.request.field("lock-token"), covering.first()) {
            (Some(token), _) => token.trim_matches(['<', '>']).to_owned(),
            (None, Some(held)) if self.is(Fault::UnlockWithoutToken) => held.token.clone(),
            _ => return Err(Answer::of(400)),
        };
        self.conditions()?;
        let anywhere = if self.is(Fault::UnlockAnywhere) { self.tree.locks.clone() } else { covering };
        let found = anywhere.into_iter().find(|held| held.token == token);
        let Some(lock) = found.filter(|held| held.root == path || !self.is(Fault::UnlockByRoot)) else {
            return Err(if self.is(Fault::UnlocksNothing) {
                Answer::of(204)
            } else {
                self.error(409, MISMATCH)
            });
        };
        if lock.user != self.user && !self.is(Fault::AnyonesToken) {
            return Err(Answer::of(403));
        }
        let others = self.is(Fault::UnlockFreesAll);
        if !self.is(Fault::UnlockDoesNothing) {
            self.tree.locks.retain(|held| held.token != token && !(others && held.root == lock.root));
        }
        if self.is(Fault::ReservedVanishes) && self.tree.nodes.get(&path).is_some_and(|node| node.reserved) {
            self.tree.nodes.remove(&path);
        }
        Ok(Answer::of(if self.is(Fault::UnlockIs200) { 200 } else { 204 }))
    }
}
