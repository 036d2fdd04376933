//! Which locks keep whom from what.

use super::desk::{Answer, Desk, Result};
use super::fault::Fault;
use super::tree::{Held, below, parent};

impl Desk<'_> {
    /// The locks that a path has.
    pub(super) fn covering(&self, path: &str) -> Vec<Held> {
        let covers = |lock: &&Held| {
            if self.is(Fault::LocksByRawName) && path == self.path {
                return lock.raw == self.request.target;
            }
            let shallow = self.is(Fault::ShallowLocks) && parent(path) != lock.root;
            let new = self.is(Fault::LocksPresentOnly) && !lock.had.iter().any(|had| had == path);
            let deep = (lock.deep || self.is(Fault::DepthIgnored)) && !shallow && !new;
            lock.root == path || (deep && below(path, &lock.root))
        };
        self.tree.locks.iter().filter(covers).cloned().collect()
    }

    fn opened(&self, lock: &Held) -> bool {
        if self.is(Fault::AnyTokenFits) {
            return self.tree.locks.iter().any(|lock| self.submitted.contains(&lock.token));
        }
        self.submitted.contains(&lock.token)
            && (lock.user == self.user || self.is(Fault::AnyonesToken))
            && !self.is(Fault::NoTokenFits)
    }

    /// A lock of a resource that the request may not pass.
    fn barrier(&self, path: &str) -> Option<Held> {
        let locks = self.covering(path);
        let open = if self.is(Fault::AllSharedNeeded) {
            locks.iter().all(|lock| self.opened(lock))
        } else {
            locks.iter().any(|lock| self.opened(lock))
        };
        locks.into_iter().next().filter(|_| !open)
    }

    /// Refuses to change these resources where a lock is in the way.
    pub(super) fn guard(&self, paths: &[&str]) -> Result<()> {
        let barriers: Vec<_> = paths.iter().filter_map(|path| self.barrier(path)).collect();
        if self.is(Fault::OneTokenEnough) && !self.submitted.is_empty() {
            let opened = |path: &&str| self.covering(path).iter().any(|lock| self.opened(lock));
            if paths.iter().any(opened) {
                return Ok(());
            }
        }
        match barriers.first() {
            Some(lock) => Err(self.locked(lock)),
            None => Ok(()),
        }
    }

    fn locked(&self, lock: &Held) -> Answer {
        let href = if self.is(Fault::SubmittedEmpty) { String::new() } else { self.href(&lock.root) };
        self.error(423, &format!("<D:lock-token-submitted>{href}</D:lock-token-submitted>"))
    }

    /// Refuses to change the mapping of a path where a lock of it or of its collection is in the way.
    pub(super) fn guard_member(&self, path: &str) -> Result<()> {
        if self.is(Fault::ParentUnlocked) {
            return self.guard(&[path]);
        }
        self.guard(&[path, parent(path)])
    }

    /// Refuses, by a 207, what would change a locked member.
    pub(super) fn guard_below(&self, path: &str) -> Result<()> {
        let Some(member) = self.tree.under(path).into_iter().find(|member| self.barrier(member).is_some())
        else {
            return Ok(());
        };
        if self.is(Fault::PlainRefusals) {
            return Err(Answer::of(423));
        }
        let named = if self.is(Fault::UnnamedMembers) { path } else { &member };
        let mut told = self.told(named, 423);
        if self.is(Fault::TellsDependents) {
            told += &self.told(path, 424);
        }
        Err(self.multistatus(&told))
    }
}
