use std::fmt;
use std::ops::{BitAnd, BitOr, Sub};
use std::os::fd::BorrowedFd;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::data::files::meta::Result;
use crate::data::files::{
    Caps, DirStream, Entry, FileHandle, Files, FsError, Glob, Kind, ListOptions, Meta, Open, Over, Place,
    Remove, SetMeta, Space, VPath, Write,
};

/// What may be done with a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ops(u16);

impl Ops {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// See what is in a directory.
    pub const LIST: Self = Self(1);
    /// Read a file.
    pub const READ: Self = Self(1 << 1);
    /// Make a file.
    pub const CREATE: Self = Self(1 << 2);
    /// Change or replace the content of a file.
    pub const OVERWRITE: Self = Self(1 << 3);
    /// Add to the end of a file.
    pub const APPEND: Self = Self(1 << 4);
    /// Take something away to another name.
    pub const RENAME: Self = Self(1 << 5);
    /// Remove it.
    pub const DELETE: Self = Self(1 << 6);
    /// Make a directory.
    pub const MKDIR: Self = Self(1 << 7);
    /// Change modes and times.
    pub const SET: Self = Self(1 << 8);
    /// Make links, and give second names.
    pub const LINK: Self = Self(1 << 9);
    /// All.
    pub const ALL: Self = Self((1 << 10) - 1);

    /// The words for them, in configuration and messages.
    pub const NAMES: [(&'static str, Self); 10] = [
        ("list", Self::LIST),
        ("read", Self::READ),
        ("create", Self::CREATE),
        ("overwrite", Self::OVERWRITE),
        ("append", Self::APPEND),
        ("rename", Self::RENAME),
        ("delete", Self::DELETE),
        ("mkdir", Self::MKDIR),
        ("set", Self::SET),
        ("link", Self::LINK),
    ];

    /// Whether all of `ops` are among these.
    pub fn has(self, ops: Self) -> bool {
        self.0 & ops.0 == ops.0
    }

    /// What can be done in a tree that has these capabilities.
    pub fn of(caps: Caps) -> Self {
        let writes = caps.has(Caps::ATOMIC_PUT) || caps.has(Caps::RANDOM_WRITE);
        let can = [
            (Self::LIST | Self::READ, true),
            (Self::CREATE, writes || caps.has(Caps::CREATE_NEW)),
            (Self::OVERWRITE | Self::DELETE | Self::MKDIR, writes),
            (Self::APPEND, caps.has(Caps::APPEND)),
            (Self::RENAME, caps.has(Caps::RENAME_FILE) || caps.has(Caps::RENAME_DIR)),
            (Self::SET, caps.has(Caps::MODE) || caps.has(Caps::SET_MTIME)),
            (Self::LINK, caps.has(Caps::SYMLINK) || caps.has(Caps::HARDLINK)),
        ];
        can.into_iter().filter(|(_, can)| *can).fold(Self::NONE, |all, (ops, _)| all | ops)
    }
}

impl FromStr for Ops {
    type Err = NoSuchOp;

    /// One word, or `all`.
    fn from_str(word: &str) -> std::result::Result<Self, NoSuchOp> {
        let known = Self::NAMES.iter().find(|(name, _)| *name == word).map(|(_, op)| *op);
        known.or((word == "all").then_some(Self::ALL)).ok_or(NoSuchOp)
    }
}

impl fmt::Display for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> =
            Self::NAMES.iter().filter(|(_, op)| self.has(*op)).map(|(name, _)| *name).collect();
        f.write_str(&words.join(","))
    }
}

/// A word that stands for no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchOp;

impl fmt::Display for NoSuchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Ops::NAMES.map(|(name, _)| name).join(", ");
        write!(f, "what may be done is one of {words}, or all")
    }
}

impl std::error::Error for NoSuchOp {}

/// Those that are among both.
impl BitAnd for Ops {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Ops {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Sub for Ops {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

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
/// be done is not seen: it is not listed, and [`FsError::NotFound`]. Directories on the way to what is seen are seen,
/// and list what is. What is seen and may not be done is [`FsError::Denied`].
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

    fn may(&self, path: &VPath, ops: Ops) -> Result<()> {
        may(&self.rules, path, ops)
    }

    /// Whether it is a directory on the way to what is seen, of which no rule says anything.
    fn is_on_the_way(&self, path: &VPath) -> bool {
        leads(&self.rules, path) && !self.rules.iter().any(|rule| rule.path.matches(path))
    }

    /// The same, for a directory with all that can be in it.
    fn may_below(&self, path: &VPath, ops: Ops) -> Result<()> {
        self.may(path, ops)?;
        for rule in self.rules.iter() {
            if (rule.path.leads(path) || rule.path.matches(path)) && !rule.allow.has(ops) {
                return Err(FsError::Denied);
            }
            if rule.path.covers(path) {
                return Ok(());
            }
        }
        Err(FsError::Denied)
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
            self.may(path, Ops::READ)?;
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
                self.may(path, Ops::NONE)?;
                return Err(FsError::Denied);
            }
        }
        Ok(how)
    }

    /// What may come to `path`, over what is there.
    fn over(&self, path: &VPath, over: Over, make: Ops) -> Result<Over> {
        let may_replace = over == Over::Never || allowed(&self.rules, path).has(Ops::OVERWRITE);
        self.may(path, make)?;
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

/// Whether a path leads to something with which something may be done.
fn leads(rules: &[Rule], path: &VPath) -> bool {
    *path == VPath::ROOT || rules.iter().any(|rule| rule.allow != Ops::NONE && rule.path.leads(path))
}

fn may(rules: &[Rule], path: &VPath, ops: Ops) -> Result<()> {
    let allowed = allowed(rules, path);
    if allowed == Ops::NONE && !leads(rules, path) {
        return Err(FsError::NotFound);
    }
    if allowed.has(ops) { Ok(()) } else { Err(FsError::Denied) }
}

#[async_trait]
impl<F: Files> Files for Permissions<F> {
    fn caps(&self) -> Caps {
        self.files.caps()
    }

    fn rights(&self, path: &VPath) -> Ops {
        let on_the_way = if self.is_on_the_way(path) { Ops::LIST } else { Ops::NONE };
        (allowed(&self.rules, path) | on_the_way) & self.files.rights(path)
    }

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        self.may(path, Ops::NONE)?;
        self.files.stat(path, follow).await
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        self.may(path, if self.is_on_the_way(path) { Ops::NONE } else { Ops::LIST })?;
        let stream = self.files.list(path, options).await?;
        Ok(Box::new(Seen { stream, rules: self.rules.clone(), path: path.clone() }))
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        let Some(write) = how.write else {
            self.may(path, Ops::READ)?;
            return self.files.open(path, how).await;
        };
        let asked = self.to_write(path, how, write).await?;
        let opened = self.files.open(path, &asked).await;
        let handle = match opened {
            // It was there after all, and may not be replaced.
            Err(FsError::Exists) if asked.write != how.write => return Err(FsError::Denied),
            opened => opened?,
        };
        let may_set = allowed(&self.rules, path).has(Ops::SET);
        let may_cut = !(how.append && write == Write::Update);
        Ok(if may_set && may_cut { handle } else { Box::new(Bounded { handle, may_set, may_cut }) })
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        if how.write.is_some() {
            return None;
        }
        match self.may(path, Ops::READ) {
            Ok(()) => self.files.open_now(path, how),
            Err(error) => Some(Err(error)),
        }
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        self.may(path, Ops::MKDIR)?;
        self.files.mkdir(path, mode).await
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        match what {
            Remove::Tree => self.may_below(path, Ops::DELETE)?,
            Remove::File | Remove::EmptyDir => self.may(path, Ops::DELETE)?,
        }
        self.files.remove(path, what).await
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.may(from, Ops::RENAME)?;
        let is_dir = self.files.stat(from, false).await?.kind == Kind::Dir;
        let over = self.over(to, over, if is_dir { Ops::MKDIR } else { Ops::CREATE })?;
        self.no_more(from, to)?;
        if is_dir {
            let every = Ops::RENAME | Ops::READ | Ops::OVERWRITE | Ops::APPEND | Ops::DELETE;
            self.may_below(from, every)?;
            self.may_below(to, Ops::MKDIR | Ops::CREATE)?;
        }
        self.files.rename(from, to, over).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.may(from, Ops::READ)?;
        let over = self.over(to, over, Ops::CREATE)?;
        self.files.copy(from, to, over).await
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        if facts.len.is_some() {
            self.may(path, Ops::OVERWRITE)?;
        }
        if facts != (SetMeta { len: facts.len, ..SetMeta::default() }) || facts.len.is_none() {
            self.may(path, Ops::SET)?;
        }
        self.files.set(path, facts, follow).await
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        self.may(path, Ops::LINK)?;
        self.files.symlink(path, target).await
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        self.may(from, Ops::LINK)?;
        self.may(to, Ops::LINK | Ops::CREATE)?;
        self.no_more(from, to)?;
        self.files.hardlink(from, to).await
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes> {
        self.may(path, Ops::READ)?;
        self.files.readlink(path).await
    }

    async fn space(&self, path: &VPath) -> Result<Space> {
        self.may(path, Ops::NONE)?;
        self.files.space(path).await
    }

    fn place(&self, path: &VPath) -> Option<Place> {
        self.may(path, Ops::NONE).ok()?;
        self.files.place(path)
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
                self.path.join(&entry.name).is_ok_and(|path| may(&self.rules, &path, Ops::NONE).is_ok())
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
    fn opened(&self) -> &Meta {
        self.handle.opened()
    }

    fn read_now(&self, offset: u64, buf: &mut BytesMut) -> Option<Result<usize>> {
        self.handle.read_now(offset, buf)
    }

    async fn read_at(&self, offset: u64, buf: BytesMut) -> Result<BytesMut> {
        self.handle.read_at(offset, buf).await
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        self.handle.write_at(offset, data).await
    }

    async fn meta(&self) -> Result<Meta> {
        self.handle.meta().await
    }

    async fn set(&self, facts: SetMeta) -> Result<()> {
        let other = SetMeta { len: None, ..facts.clone() } != SetMeta::default();
        if facts.len.is_some() && !self.may_cut || other && !self.may_set {
            return Err(FsError::Denied);
        }
        self.handle.set(facts).await
    }

    async fn sync(&self, data_only: bool) -> Result<()> {
        self.handle.sync(data_only).await
    }

    async fn commit(self: Box<Self>) -> Result<Meta> {
        self.handle.commit().await
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.handle.as_fd()
    }
}

#[cfg(test)]
mod tests;
