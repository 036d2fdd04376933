use std::sync::Arc;

use super::forward::*;
use crate::data::files::{Glob, Kind};

/// What may be done with the paths of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which paths.
    pub path: Glob,
    /// What, and nothing else.
    pub allow: Ops,
}

/// A tree in which rules say what may be done where.
///
/// The first rule with a pattern of the path decides; where there is none, nothing may be done. With what nothing may
/// be done is not seen: it is not listed, and [`FsError::NotFound`], whether it is there or not. Directories on the way to
/// what may be seen are seen, and list what is. What is seen and may not be done is [`FsError::Denied`].
///
/// What concerns a whole directory, its removal or renaming, has to be allowed everywhere in it. Nothing is moved,
/// copied or linked to where more may be done with it.
///
/// Links are ways around rules: the tree below should follow none.
pub struct Permissions<F> {
    files: F,
    rules: Arc<[Rule]>,
}

impl<F: Files> Permissions<F> {
    /// `files` under these rules.
    pub fn new(files: F, rules: impl Into<Arc<[Rule]>>) -> Self {
        Self { files, rules: rules.into() }
    }

    async fn may(&self, path: &VPath, ops: Ops) -> Result<()> {
        match verdict(&self.rules, path, ops) {
            Verdict::May => Ok(()),
            Verdict::Denied => Err(FsError::Denied),
            Verdict::OnlyWay if self.is_dir(path).await => {
                if ops == Ops::NONE {
                    Ok(())
                } else {
                    Err(FsError::Denied)
                }
            }
            Verdict::OnlyWay | Verdict::Closed => Err(FsError::NotFound),
        }
    }

    /// Whether it is a directory, so that there can be something below it.
    async fn is_dir(&self, path: &VPath) -> bool {
        *path == VPath::ROOT || self.files.stat(path, false).await.is_ok_and(|meta| meta.kind == Kind::Dir)
    }

    /// The same as [`may`](Self::may), for a directory with all that can be in it.
    async fn may_below(&self, path: &VPath, ops: Ops) -> Result<()> {
        self.may(path, ops).await?;
        if throughout(&self.rules, path).has(ops) { Ok(()) } else { Err(FsError::Denied) }
    }

    /// The error as it is told: that something on the way is a file tells that it is there.
    fn told(&self, path: &VPath, error: FsError) -> FsError {
        let mut above = std::iter::successors(path.parent(), VPath::parent);
        match error {
            FsError::NotDir if above.any(|dir| allowed(&self.rules, &dir) == Ops::NONE) => FsError::NotFound,
            error => error,
        }
    }

    /// What is at `path` itself, if anything.
    async fn there(&self, path: &VPath) -> Result<Option<Meta>> {
        match self.files.stat(path, false).await {
            Ok(meta) => Ok(Some(meta)),
            Err(FsError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How `path` may be opened to write, if it may be as `how` says.
    async fn to_write(&self, path: &VPath, how: &Open, write: Write) -> Result<Open> {
        let mut how = how.clone();
        if how.read {
            self.may(path, Ops::READ).await?;
        }
        let ops = allowed(&self.rules, path);
        let over = if how.append && write == Write::Update { Ops::APPEND } else { Ops::OVERWRITE };
        match (ops.has(Ops::CREATE), ops.has(over)) {
            (true, true) => {}
            // Nothing that is there by the time that it is opened, or gets its name, is touched.
            (true, false) if write == Write::CreateNew || self.there(path).await?.is_none() => {
                how.write = Some(Write::CreateNew);
            }
            (false, true) if write != Write::CreateNew && self.there(path).await?.is_some() => {}
            _ => {
                self.may(path, Ops::NONE).await?;
                return Err(FsError::Denied);
            }
        }
        Ok(how)
    }

    /// What may come to `path`, over what is there.
    async fn over(&self, path: &VPath, over: Over, make: Ops) -> Result<Over> {
        let may_replace = over == Over::Never || allowed(&self.rules, path).has(Ops::OVERWRITE);
        self.may(path, make).await?;
        Ok(if may_replace { over } else { Over::Never })
    }

    /// Nothing comes to where more may be done with it than where it was.
    fn no_more(&self, from: &VPath, to: &VPath) -> Result<()> {
        let guarded = Ops::READ | Ops::OVERWRITE | Ops::APPEND | Ops::DELETE;
        let (before, after) = (allowed(&self.rules, from), allowed(&self.rules, to));
        if after.0 & guarded.0 & !before.0 == 0 { Ok(()) } else { Err(FsError::Denied) }
    }
}

/// What may be done with a path.
fn allowed(rules: &[Rule], path: &VPath) -> Ops {
    rules.iter().find(|rule| rule.path.matches(path)).map_or(Ops::NONE, |rule| rule.allow)
}

/// Whether something may be done with something below a path, should that be there: with what no earlier rule closes.
fn leads(rules: &[Rule], path: &VPath) -> bool {
    below(rules, path) != Ops::NONE
}

/// What may be done with something below a path.
fn below(rules: &[Rule], path: &VPath) -> Ops {
    let mut ops = Ops::NONE;
    for rule in rules.iter().filter(|rule| rule.path.leads(path)) {
        ops = ops | rule.allow;
        // Nothing that comes later says anything about what is there.
        if rule.path.covers(path) {
            break;
        }
    }
    ops
}

/// What may be done with a path and everything below it.
fn throughout(rules: &[Rule], path: &VPath) -> Ops {
    let mut ops = allowed(rules, path);
    for rule in rules.iter().filter(|rule| rule.path.leads(path) || rule.path.matches(path)) {
        ops = ops & rule.allow;
        if rule.path.covers(path) {
            return ops;
        }
    }
    Ops::NONE
}

/// What may be done with something directly in a path.
fn inside(rules: &[Rule], path: &VPath) -> Ops {
    let mut ops = Ops::NONE;
    for rule in rules {
        let inside = rule.path.inside(path);
        if inside.some {
            ops = ops | rule.allow;
        }
        if inside.all {
            break;
        }
    }
    ops
}

/// What rules say of doing something with a path.
enum Verdict {
    May,
    Denied,
    /// Nothing may be done with it; if it is a directory, it leads to something with which something may.
    OnlyWay,
    /// It is not there.
    Closed,
}

fn verdict(rules: &[Rule], path: &VPath, ops: Ops) -> Verdict {
    match allowed(rules, path) {
        Ops::NONE if *path == VPath::ROOT || leads(rules, path) => Verdict::OnlyWay,
        Ops::NONE => Verdict::Closed,
        allowed if allowed.has(ops) => Verdict::May,
        _ => Verdict::Denied,
    }
}

#[async_trait]
impl<F: Files> Files for Permissions<F> {
    forward!(caps to files);

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        self.may(path, Ops::NONE).await?;
        self.files.stat(path, follow).await.map_err(|error| self.told(path, error))
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        // Of a directory that is only on the way, no rule says anything.
        let is_said = self.rules.iter().any(|rule| rule.path.matches(path));
        self.may(path, if is_said { Ops::LIST } else { Ops::NONE }).await?;
        let stream = self.files.list(path, options).await.map_err(|error| self.told(path, error))?;
        Ok(Box::new(Seen { stream, rules: self.rules.clone(), path: path.clone() }))
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        let Some(write) = how.write else {
            self.may(path, Ops::READ).await?;
            return self.files.open(path, how).await.map_err(|error| self.told(path, error));
        };
        let asked = self.to_write(path, how, write).await?;
        let opened = self.files.open(path, &asked).await;
        let handle = match opened {
            // It was there after all, and may not be replaced.
            Err(FsError::Exists) if asked.write != how.write => return Err(FsError::Denied),
            opened => opened.map_err(|error| self.told(path, error))?,
        };
        let may_set = allowed(&self.rules, path).has(Ops::SET);
        let may_cut = !(how.append && write == Write::Update);
        Ok(if may_set && may_cut { handle } else { Box::new(Bounded { handle, may_set, may_cut }) })
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        if how.write.is_some() {
            return None;
        }
        match verdict(&self.rules, path, Ops::READ) {
            Verdict::May => {
                let opened = self.files.open_now(path, how)?;
                Some(opened.map_err(|error| self.told(path, error)))
            }
            Verdict::Denied => Some(Err(FsError::Denied)),
            Verdict::Closed => Some(Err(FsError::NotFound)),
            Verdict::OnlyWay => None,
        }
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        self.may(path, Ops::MKDIR).await?;
        self.files.mkdir(path, mode).await.map_err(|error| self.told(path, error))
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        match what {
            // That it is not empty would tell of what is not seen in it.
            Remove::Tree | Remove::EmptyDir => self.may_below(path, Ops::DELETE).await?,
            Remove::File => self.may(path, Ops::DELETE).await?,
        }
        self.files.remove(path, what).await.map_err(|error| self.told(path, error))
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.may(from, Ops::RENAME).await?;
        let is_dir = self.files.stat(from, false).await?.kind == Kind::Dir;
        let over = self.over(to, over, if is_dir { Ops::MKDIR } else { Ops::CREATE }).await?;
        self.no_more(from, to)?;
        if is_dir {
            let every = Ops::RENAME | Ops::READ | Ops::OVERWRITE | Ops::APPEND | Ops::DELETE;
            self.may_below(from, every).await?;
            self.may_below(to, Ops::MKDIR | Ops::CREATE).await?;
        }
        self.files.rename(from, to, over).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.may(from, Ops::READ).await?;
        let over = self.over(to, over, Ops::CREATE).await?;
        self.files.copy(from, to, over).await
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        if facts.len.is_some() {
            self.may(path, Ops::OVERWRITE).await?;
        }
        if facts != (SetMeta { len: facts.len, ..SetMeta::default() }) || facts.len.is_none() {
            self.may(path, Ops::SET).await?;
        }
        self.files.set(path, facts, follow).await.map_err(|error| self.told(path, error))
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        self.may(path, Ops::LINK).await?;
        self.files.symlink(path, target).await.map_err(|error| self.told(path, error))
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        self.may(from, Ops::LINK).await?;
        self.may(to, Ops::LINK | Ops::CREATE).await?;
        self.no_more(from, to)?;
        self.files.hardlink(from, to).await
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes> {
        self.may(path, Ops::READ).await?;
        self.files.readlink(path).await.map_err(|error| self.told(path, error))
    }

    async fn space(&self, path: &VPath) -> Result<Space> {
        self.may(path, Ops::NONE).await?;
        self.files.space(path).await.map_err(|error| self.told(path, error))
    }

    fn rights(&self, path: &VPath, reach: Reach) -> Ops {
        let ruled = match reach {
            Reach::Here => allowed(&self.rules, path),
            Reach::Inside => inside(&self.rules, path),
            Reach::Below => below(&self.rules, path),
            Reach::Throughout => throughout(&self.rules, path),
        };
        ruled & self.files.rights(path, reach)
    }

    fn place(&self, path: &VPath) -> Option<Place> {
        match verdict(&self.rules, path, Ops::NONE) {
            Verdict::Closed => None,
            // A lock on a directory on the way concerns what is made in it.
            _ => self.files.place(path),
        }
    }
}

/// A listing without what may not be seen.
struct Seen {
    stream: Box<dyn DirStream>,
    rules: Arc<[Rule]>,
    path: VPath,
}

#[async_trait]
impl DirStream for Seen {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Entry>> {
        loop {
            let mut batch = self.stream.next_batch(max).await?;
            let end = batch.is_empty();
            batch.retain(|entry| {
                let verdict = self.path.join(&entry.name).map(|path| verdict(&self.rules, &path, Ops::NONE));
                match verdict {
                    Ok(Verdict::May) => true,
                    Ok(Verdict::OnlyWay) => entry.meta.kind == Kind::Dir,
                    _ => false,
                }
            });
            // An empty batch would be the end.
            if end || !batch.is_empty() {
                return Ok(batch);
            }
        }
    }
}

/// A handle to write of which not all facts may be set.
struct Bounded {
    handle: Box<dyn FileHandle>,
    may_set: bool,
    may_cut: bool,
}

#[async_trait]
impl FileHandle for Bounded {
    forward_handle!(opened, read_now, read_at, write_at, write_from, meta, sync, commit_with, commit, as_fd to handle);

    async fn set(&self, facts: SetMeta) -> Result<()> {
        let other = SetMeta { len: None, ..facts.clone() } != SetMeta::default();
        if facts.len.is_some() && !self.may_cut || other && !self.may_set {
            return Err(FsError::Denied);
        }
        self.handle.set(facts).await
    }
}

#[cfg(test)]
mod tests;
