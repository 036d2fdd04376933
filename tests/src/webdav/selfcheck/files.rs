//! OPTIONS, GET, PUT, DELETE and MKCOL.

use std::time::{Duration, UNIX_EPOCH};

use super::desk::{Answer, Desk, Result};
use super::fault::Fault;
use super::tree::Node;
use crate::webdav::xml::DAV;

impl Desk<'_> {
    pub(super) fn options(&self) -> Answer {
        let of_file = self.tree.nodes.get(&self.path).is_some_and(|node| !node.is_collection());
        let classes = if self.is(Fault::NoDav) || (of_file && self.is(Fault::NoDavOfFiles)) {
            ""
        } else if self.is(Fault::Class1Only) {
            "1"
        } else if self.is(Fault::WithoutClass1) {
            "2, 3"
        } else if self.is(Fault::DavForm) {
            "1, 2, 3, <rope>, "
        } else {
            "1, 2, 3"
        };
        let allow = if self.is(Fault::AllowsNothing) {
            "GET"
        } else {
            "GET, HEAD, OPTIONS, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK"
        };
        let fields = vec![("DAV", classes.to_owned()), ("Allow", allow.to_owned())];
        Answer { fields, ..Answer::of(200) }
    }

    pub(super) fn etag(&self, node: &Node) -> String {
        let length = node.content.as_ref().map_or(0, Vec::len);
        let version = if self.is(Fault::EtagByLength) { length as u64 } else { node.version };
        format!("\"v{version}\"")
    }

    /// When a resource was last changed, after 1970.
    pub(super) fn modified(node: &Node) -> Duration {
        Duration::from_secs(1_580_608_922 + node.version)
    }

    pub(super) fn get(&mut self) -> Result<Answer> {
        let node = self.tree.nodes.get(&self.path).cloned().ok_or_else(|| Answer::of(404))?;
        if (self.is(Fault::ReservedUnfetched) && node.reserved)
            || (self.is(Fault::LockedUnreadable) && !self.covering(&self.path).is_empty())
        {
            return Err(Answer::of(if node.reserved { 404 } else { 423 }));
        }
        let mut answer = Answer::of(200);
        let Some(content) = &node.content else {
            answer.content = b"a collection\n".into();
            return Ok(answer);
        };
        answer.content.clone_from(content);
        answer.fields.push(("ETag", self.etag(&node)));
        answer.fields.push(("Content-Type", node.kind.clone()));
        answer.fields.push(("Last-Modified", httpdate::fmt_http_date(UNIX_EPOCH + Self::modified(&node))));
        if let Some(language) = node.props.iter().find(|prop| prop.is(DAV, "getcontentlanguage")) {
            let other = if self.is(Fault::LanguageDiffers) { "x-" } else { "" };
            answer.fields.push(("Content-Language", format!("{other}{}", language.text())));
        }
        Ok(answer)
    }

    pub(super) fn put(&mut self) -> Result<Answer> {
        let path = self.path.clone();
        if self.tree.has_collection(&path) {
            if self.is(Fault::PutCollectionFails) {
                return Err(Answer::of(500));
            }
            if !self.is(Fault::PutReplacesCollection) {
                return Err(Answer::of(405));
            }
            self.remove(&path);
        }
        self.needs_parent(&path)?;
        self.conditions()?;
        let old = self.tree.nodes.get(&path).cloned();
        if !self.is(Fault::PutUnlocked) {
            if old.is_some() { self.guard(&[&path])? } else { self.guard_member(&path)? }
        }
        let content = self.request.content.clone();
        let kind = self.request.field("content-type").unwrap_or("application/octet-stream").to_owned();
        for (one, other) in self.tree.links.clone() {
            let linked = if one == path {
                other
            } else if other == path {
                one
            } else {
                continue;
            };
            if let Some(node) = self.tree.nodes.get_mut(&linked) {
                node.content = Some(content.clone());
            }
        }
        match old {
            Some(old) => {
                let version = self.tree.next();
                let props = if self.is(Fault::PutForgets) { Vec::new() } else { old.props };
                let node = Node { content: Some(content), kind, props, version, reserved: false, ..old };
                self.tree.nodes.insert(path, node);
                Ok(Answer::of(204))
            }
            None => {
                self.tree.make(&path, Node { content: Some(content), kind, ..Node::default() });
                Ok(Answer::of(201))
            }
        }
    }

    /// Removes a resource with all below it, and the locks rooted there.
    pub(super) fn remove(&mut self, path: &str) {
        let mut paths = self.tree.under(path);
        paths.push(path.into());
        for path in paths {
            let node = self.tree.nodes.remove(&path);
            if let Some(node) = node.filter(|_| self.is(Fault::PropsOutlive)) {
                self.tree.ghosts.insert(path.clone(), node.props);
            }
            if !self.is(Fault::LocksOutlive) {
                self.tree.locks.retain(|lock| lock.root != path);
            }
        }
    }

    pub(super) fn delete(&mut self) -> Result<Answer> {
        let path = self.path.clone();
        let Some(node) = self.tree.nodes.get(&path) else {
            return Err(Answer::of(if self.is(Fault::DeleteMissing) { 204 } else { 404 }));
        };
        self.no_content()?;
        let shallow =
            self.request.field("depth").is_some_and(|depth| !depth.eq_ignore_ascii_case("infinity"));
        if shallow && node.is_collection() && !self.is(Fault::DeleteHeedsDepth) {
            return Err(Answer::of(400));
        }
        self.conditions()?;
        if !self.is(Fault::DeleteUnlocked) {
            self.guard_member(&path)?;
        }
        if !self.is(Fault::DeletesLockedMembers) {
            self.guard_below(&path)?;
        }
        if (shallow && self.is(Fault::DeleteHeedsDepth)) || self.is(Fault::DeleteShallow) {
            self.tree.nodes.remove(&path);
        } else if !self.is(Fault::DeleteDoesNothing) {
            self.remove(&path);
        }
        Ok(Answer::of(204))
    }

    pub(super) fn mkcol(&mut self) -> Result<Answer> {
        let path = self.path.clone();
        self.no_content()?;
        let converts = self.is(Fault::MkcolConverts);
        if self.tree.nodes.get(&path).is_some_and(|node| !(node.reserved && converts)) {
            return Err(Answer::of(if self.is(Fault::MkcolAgain) { 201 } else { 405 }));
        }
        self.needs_parent(&path)?;
        self.conditions()?;
        self.guard_member(&path)?;
        self.tree.make(&path, Node::default());
        if self.is(Fault::RedirectsCreated) && !self.request.target.ends_with('/') {
            return Ok(Answer::of(301));
        }
        let first = path.matches('/').count() == 1;
        Ok(Answer::of(if self.is(Fault::MkcolIs200) && !first { 200 } else { 201 }))
    }
}
