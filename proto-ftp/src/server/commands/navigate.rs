//! CWD, CDUP, PWD, MKD, RMD, DELE, RNFR, RNTO (RFC 959 §4.1.1, §4.1.3).

use ropewalk_core::data::files::{Caps, FsError, Kind, Ops, Over, Reach, Remove, VPath};

use super::super::errors::{Doing, for_good, refusal};
use super::super::event::{Answer, Ask, Event};
use super::super::handler::Handler;
use super::super::session::{Asked, Session};
use crate::wire::Reply;

impl Session {
    pub(super) fn cwd(&mut self, path: &[u8]) {
        // Without an argument some clients mean the home directory.
        let path = if path.is_empty() { b"/" } else { path };
        if let Some(path) = self.path(path) {
            self.ask(Asked::Enter(path.clone()), Event::Enter(path));
        }
    }

    pub(super) fn cdup(&mut self, _: &[u8]) {
        let path = self.cwd.parent().unwrap_or(VPath::ROOT);
        self.ask(Asked::Enter(path.clone()), Event::Enter(path));
    }

    pub(super) fn pwd(&mut self, _: &[u8]) {
        let text = [&quoted(&self.cwd), &b" is the current directory"[..]].concat();
        self.say(&Reply::new(257, text));
    }

    pub(super) fn mkd(&mut self, path: &[u8]) {
        self.about(path, Ask::Make);
    }

    pub(super) fn rmd(&mut self, path: &[u8]) {
        self.about(path, Ask::RemoveDir);
    }

    pub(super) fn dele(&mut self, path: &[u8]) {
        self.about(path, Ask::Delete);
    }

    pub(super) fn rnfr(&mut self, path: &[u8]) {
        if let Some(path) = self.path(path) {
            self.ask(Asked::Find(path.clone()), Event::Find(path));
        }
    }

    pub(super) fn rnto(&mut self, path: &[u8]) {
        let Some(from) = self.sticky.rename.take() else { return self.reply(503, "RNFR first") };
        self.about(path, |to| Ask::Rename(from, to));
    }

    /// Asks something about a path.
    pub(super) fn about(&mut self, path: &[u8], ask: impl FnOnce(VPath) -> Ask) {
        if let Some(path) = self.path(path) {
            self.ask(Asked::Reply, Event::Ask(ask(path)));
        }
    }
}

/// What is always there is not removed, and not renamed: for ever, whatever the backend calls it.
fn is_movable(path: &VPath) -> Result<(), Reply> {
    if *path == VPath::ROOT { Err(refusal(&FsError::Denied, Doing::Using, path)) } else { Ok(()) }
}

/// A path between quotes, those in it doubled (RFC 959 Appendix II).
fn quoted(path: &VPath) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for byte in path.as_bytes() {
        quoted.push(*byte);
        if *byte == b'"' {
            quoted.push(b'"');
        }
    }
    quoted.push(b'"');
    quoted
}

impl Handler<'_> {
    pub(in super::super) async fn enter_dir(&self, path: &VPath) -> Answer {
        let files = match self.files() {
            Ok(files) => files,
            Err(reply) => return Answer::Say(reply),
        };
        match files.stat(path, true).await {
            Ok(meta) if meta.kind == Kind::Dir => Answer::Done,
            Ok(_) => Answer::Say(refusal(&FsError::NotDir, Doing::Using, path)),
            Err(error) => Answer::Say(refusal(&error, Doing::Using, path)),
        }
    }

    pub(in super::super) async fn find(&self, path: &VPath) -> Answer {
        let files = match self.files() {
            Ok(files) => files,
            Err(reply) => return Answer::Say(reply),
        };
        if let Err(reply) = is_movable(path) {
            return Answer::Say(reply);
        }
        match files.stat(path, false).await {
            Ok(_) if !files.rights(path, Reach::Here).has(Ops::RENAME) => {
                Answer::Say(refusal(&FsError::Denied, Doing::Using, path))
            }
            Ok(_) => Answer::Done,
            Err(error) => Answer::Say(refusal(&error, Doing::Using, path)),
        }
    }

    pub(super) async fn make_dir(&self, path: &VPath) -> Result<Reply, Reply> {
        let files = self.files()?;
        let made = files.mkdir(path, Some(self.ftp.options.dir_mode())).await;
        // RFC 959 §5.4: of MKD, unlike of STOR and RNTO, there is no 553.
        made.map_err(|error| refusal(&for_good(error, &**files, path, Ops::MKDIR), Doing::Using, path))?;
        tracing::info!(%path, "directory made");
        Ok(Reply::new(257, [&quoted(path), &b" made"[..]].concat()))
    }

    pub(super) async fn remove(&self, path: &VPath, what: Remove) -> Result<Reply, Reply> {
        is_movable(path)?;
        let files = self.files()?;
        let removed = files.remove(path, what).await;
        removed
            .map_err(|error| refusal(&for_good(error, &**files, path, Ops::DELETE), Doing::Using, path))?;
        tracing::info!(%path, "removed");
        Ok(Reply::new(250, "removed"))
    }

    pub(super) async fn rename(&self, from: &VPath, to: &VPath) -> Result<Reply, Reply> {
        is_movable(from)?;
        is_movable(to)?;
        let files = self.files()?;
        let over = if files.caps().has(Caps::RENAME_REPLACE) { Over::File } else { Over::Never };
        let renamed = files.rename(from, to, over).await;
        let changes = Ops::RENAME | Ops::DELETE;
        renamed.map_err(|error| refusal(&for_good(error, &**files, to, changes), Doing::Naming, to))?;
        tracing::info!(%from, %to, "renamed");
        Ok(Reply::new(250, "renamed"))
    }

    /// What one reply answers.
    pub(in super::super) async fn reply_to(&self, ask: Ask) -> Reply {
        let reply = match ask {
            Ask::Make(path) => self.make_dir(&path).await,
            Ask::RemoveDir(path) => self.remove(&path, Remove::EmptyDir).await,
            Ask::Delete(path) => self.remove(&path, Remove::File).await,
            Ask::Rename(from, to) => self.rename(&from, &to).await,
            Ask::Size(path) => self.size(&path).await,
            Ask::Modified(path) => self.modified(&path).await,
            Ask::Set(path, facts, said) => self.set(&path, facts, said).await,
            Ask::Facts(path, facts) => self.facts(&path, facts).await,
            Ask::Status(path) => self.status(&path).await,
            Ask::Space(path) => self.space(&path).await,
        };
        reply.unwrap_or_else(|refused| refused)
    }
}
