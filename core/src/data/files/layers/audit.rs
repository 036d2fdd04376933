use std::fmt;
use std::sync::Arc;

use super::forward::*;

/// A tree that says in the log who does what with it: one event for each operation, with the fields `user`, `tree`, `op`,
/// `path`, where there are two also `to`, and `outcome`, under the target `audit`.
///
/// What changes something is said at `info`, and so is the opening of a file; looks are said at `debug`. A file that is
/// written has its event when it is committed, or given up: `create` where there was none when it was opened, else `replace`,
/// `append`, or `update` for what is written into it.
pub struct Audit<F> {
    files: F,
    whose: Whose,
}

/// What all events of an [`Audit`] say.
#[derive(Clone, Debug)]
pub struct Whose {
    /// Who does it.
    pub user: Arc<str>,
    /// The tree's name.
    pub tree: Arc<str>,
}

impl<F: Files> Audit<F> {
    /// `files`, as seen by this person.
    pub fn new(files: F, whose: Whose) -> Self {
        Self { files, whose }
    }

    fn change<T>(&self, op: &str, path: &VPath, result: Result<T>) -> Result<T> {
        say(&self.whose, op, path, &outcome(&result));
        result
    }

    fn change_two<T>(&self, op: &str, from: &VPath, to: &VPath, result: Result<T>) -> Result<T> {
        let (Whose { user, tree }, outcome) = (&self.whose, outcome(&result));
        tracing::info!(target: "audit", %user, %tree, op, path = %from, %to, %outcome);
        result
    }

    fn look<T>(&self, op: &str, path: &VPath, result: Result<T>) -> Result<T> {
        let (Whose { user, tree }, outcome) = (&self.whose, outcome(&result));
        tracing::debug!(target: "audit", %user, %tree, op, %path, %outcome);
        result
    }

    /// What the opening of a file to write it is.
    async fn op(&self, path: &VPath, how: &Open, write: Write) -> &'static str {
        match write {
            Write::CreateNew => "create",
            _ if matches!(self.files.stat(path, false).await, Err(FsError::NotFound)) => "create",
            Write::Update if how.append => "append",
            Write::Update => "update",
            Write::Replace => "replace",
        }
    }
}

fn say(Whose { user, tree }: &Whose, op: &str, path: &VPath, outcome: &dyn fmt::Display) {
    tracing::info!(target: "audit", %user, %tree, op, %path, %outcome);
}

/// `done`, or what is said to the peer too.
fn outcome<T>(result: &Result<T>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[async_trait]
impl<F: Files> Files for Audit<F> {
    forward!(caps, rights, place to files);

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        self.look("stat", path, self.files.stat(path, follow).await)
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        self.look("list", path, self.files.list(path, options).await)
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        let Some(write) = how.write else {
            return self.change("read", path, self.files.open(path, how).await);
        };
        let op = self.op(path, how, write).await;
        match self.files.open(path, how).await {
            Ok(handle) => {
                let written = Written { whose: self.whose.clone(), op, path: path.clone(), said: false };
                Ok(Box::new(Watched { handle, written }))
            }
            refused => self.change(op, path, refused),
        }
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        // What a write is called needs a look.
        if how.write.is_some() {
            return None;
        }
        Some(self.change("read", path, self.files.open_now(path, how)?))
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        self.change("mkdir", path, self.files.mkdir(path, mode).await)
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        self.change("remove", path, self.files.remove(path, what).await)
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.change_two("rename", from, to, self.files.rename(from, to, over).await)
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.change_two("copy", from, to, self.files.copy(from, to, over).await)
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        self.change("set", path, self.files.set(path, facts, follow).await)
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        self.change("symlink", path, self.files.symlink(path, target).await)
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        self.change_two("hardlink", from, to, self.files.hardlink(from, to).await)
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes> {
        self.look("readlink", path, self.files.readlink(path).await)
    }

    async fn space(&self, path: &VPath) -> Result<Space> {
        self.look("space", path, self.files.space(path).await)
    }
}

/// The event of a file that is written, which comes when it is closed.
struct Written {
    whose: Whose,
    op: &'static str,
    path: VPath,
    said: bool,
}

impl Written {
    fn say(&mut self, outcome: &str) {
        say(&self.whose, self.op, &self.path, &outcome);
        self.said = true;
    }

    fn ends(mut self, committed: Result<Meta>) -> Result<Meta> {
        self.say(&outcome(&committed));
        committed
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.said {
            self.say("given up");
        }
    }
}

struct Watched {
    handle: Box<dyn FileHandle>,
    written: Written,
}

#[async_trait]
impl FileHandle for Watched {
    forward_handle!(opened, read_now, read_at, write_at, write_from, meta, set, sync, as_fd to handle);

    async fn commit_with(self: Box<Self>, offset: u64, data: Bytes) -> Result<Meta> {
        let Self { handle, written } = *self;
        written.ends(handle.commit_with(offset, data).await)
    }

    async fn commit(self: Box<Self>) -> Result<Meta> {
        let Self { handle, written } = *self;
        written.ends(handle.commit().await)
    }
}
