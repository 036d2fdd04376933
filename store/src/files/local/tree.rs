use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use bytes::Bytes;
use ropewalk_core::data::files::{
    Caps, FsError, Kind, Meta, Name, Open, Over, SetMeta, Space, VPath, Write, link_text,
};
use rustix::fs::{
    AtFlags, Mode, OFlags, fstatvfs, linkat, mkdirat, readlinkat, renameat, symlinkat, unlinkat,
};

use super::copy::Copying;
use super::facts::{error, facts};
use super::handle::Handle;
use super::jail::Jail;
use super::part::Part;
use super::place::{Locks, Place, rename_new, two_places};
use super::pool::Pool;
use super::set::{permissions, set};
use super::sweep::{STALE, Sweep};
use super::writer::Writer;
use super::{Options, READ};

/// What [`Local`](super::Local) does, as it is done in a thread.
pub(super) struct Tree {
    pub(super) jail: Jail,
    pub(super) pool: Arc<Pool>,
    pub(super) writable: bool,
    pub(super) durable: bool,
    pub(super) atomic: bool,
    links: bool,
    /// The root's path when it was opened, without links: what some links in it begin with.
    root: Option<PathBuf>,
    pub(super) locks: Locks,
    /// New files may have no name until they are complete; found out in the end by trying.
    pub(super) nameless: AtomicBool,
    swept: Once,
    /// How often a directory was waited for.
    #[cfg(test)]
    pub(super) settled: std::sync::atomic::AtomicUsize,
}

impl Tree {
    pub(super) fn new(dir: &Path, options: &Options) -> io::Result<Self> {
        Ok(Self {
            jail: Jail::new(dir, options)?,
            pool: Arc::new(Pool::new(options.threads.get())),
            writable: options.write,
            durable: options.durable,
            atomic: options.atomic,
            links: options.links,
            root: dir.canonicalize().ok(),
            locks: Locks::default(),
            nameless: AtomicBool::new(true),
            swept: Once::new(),
            #[cfg(test)]
            settled: Default::default(),
        })
    }

    /// The tree in the directory of this name, with the same threads.
    pub(super) fn within(&self, name: &Name) -> Result<Self, FsError> {
        let path = Path::new(OsStr::from_bytes(name.as_bytes()));
        Ok(Self {
            jail: self.jail.within(name.as_bytes()).map_err(error)?,
            pool: self.pool.clone(),
            root: self.root.as_ref().map(|root| root.join(path)),
            locks: Locks::default(),
            nameless: AtomicBool::new(self.nameless.load(Ordering::Relaxed)),
            swept: Once::new(),
            #[cfg(test)]
            settled: Default::default(),
            ..*self
        })
    }

    pub(super) fn caps(&self) -> Caps {
        let mut caps = Caps::RANDOM_READ | Caps::REAL_DIRS | Caps::ETAG;
        if !self.writable {
            return caps;
        }
        caps |= Caps::RANDOM_WRITE | Caps::APPEND | Caps::TRUNCATE | Caps::CREATE_NEW | Caps::RENAME_FILE;
        caps |=
            Caps::RENAME_DIR | Caps::RENAME_REPLACE | Caps::RENAME_NOREPLACE | Caps::HARDLINK | Caps::MODE;
        caps |= Caps::SET_MTIME | Caps::COPY | Caps::SPACE | Caps::FSYNC;
        if self.atomic {
            caps |= Caps::ATOMIC_PUT;
        }
        if self.links {
            caps |= Caps::SYMLINK;
        }
        caps
    }

    /// Opens what is at `path`: at once if it can be, otherwise in a thread. Then `take` looks at it, where it was
    /// opened.
    pub(super) async fn open<T: Send + 'static>(
        self: &Arc<Self>,
        path: &VPath,
        flags: OFlags,
        take: impl FnOnce(OwnedFd) -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        if let Some(opened) = self.jail.open_now(path, flags) {
            return take(opened.map_err(error)?);
        }
        let (tree, path) = (self.clone(), path.clone());
        self.pool.run(move || take(tree.jail.open(&path, flags).map_err(error)?)).await
    }

    /// Has something done in a thread that only a tree that may be written to does.
    pub(super) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce(&Arc<Self>) -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        if !self.writable {
            return Err(FsError::Unsupported);
        }
        self.swept.call_once(|| Sweep::start(self, STALE));
        let tree = self.clone();
        self.pool.run(move || job(&tree)).await
    }

    pub(super) fn open_to_write(self: &Arc<Self>, path: &VPath, how: &Open) -> Result<Writer, FsError> {
        Writer::open(self, self.file(path)?, how)
    }

    pub(super) fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<(), FsError> {
        if *path == VPath::ROOT {
            return Err(FsError::Exists);
        }
        let place = Place::find(&self.jail, path)?;
        let mode = Mode::from_raw_mode(mode.unwrap_or(0o777).into()) & permissions();
        mkdirat(&place.dir, place.name.as_bytes(), mode).map_err(error)?;
        self.settle(&place)
    }

    pub(super) fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<(), FsError> {
        let source = Place::find(&self.jail, from)?;
        let moved = source.facts()?.ok_or(FsError::NotFound)?;
        let target = Place::find(&self.jail, to)?;
        let _one = self.locks.of(&target)?;
        let there = target.facts()?;
        if from == to && over != Over::Never {
            return Ok(());
        }
        may_replace(&moved, there.as_ref(), over)?;
        if to.is_within(from) {
            return Err(FsError::BadName);
        }
        let (source_at, target_at) =
            ((&source.dir, source.name.as_bytes()), (&target.dir, target.name.as_bytes()));
        if over == Over::Never {
            rename_new(source_at, target_at, moved.kind)?;
        } else {
            renameat(source_at.0, source_at.1, target_at.0, target_at.1).map_err(two_places)?;
            // Of two names of one file, rename(2) leaves both.
            let one = there.is_some_and(|there| there.id == moved.id && there.nlink > Some(1));
            if one && !source_at.1.eq_ignore_ascii_case(target_at.1) {
                let _ = unlinkat(source_at.0, source_at.1, AtFlags::empty());
            }
        }
        self.settle(&target)?;
        self.settle(&source)
    }

    pub(super) fn copy(self: &Arc<Self>, from: &VPath, to: &VPath, over: Over) -> Result<Copying, FsError> {
        let source = self.jail.open(from, READ).map_err(error)?;
        let facts =
            Handle::new(Arc::new(source.try_clone().map_err(FsError::from)?), &Open::read(), &self.pool)?;
        let meta = ropewalk_core::data::files::FileHandle::opened(&facts).clone();
        let place = self.file(to)?;
        if place.facts()?.is_some_and(|there| there.id == meta.id) {
            return Err(FsError::BadName);
        }
        let mut how = Open::write(if over == Over::Never { Write::CreateNew } else { Write::Replace });
        how.mode = meta.mode;
        how.expect_len = Some(meta.len);
        Ok(Copying::new(source, Part::create(self, place, &how)?))
    }

    pub(super) fn set(&self, path: &VPath, wanted: &SetMeta, follow: bool) -> Result<(), FsError> {
        if *path == VPath::ROOT {
            return set(self.jail.open_dir(path).map_err(error)?.as_fd(), b".", wanted, follow);
        }
        let place = Place::find(&self.jail, path)?;
        set(place.dir.as_fd(), place.name.as_bytes(), wanted, follow)
    }

    pub(super) fn symlink(&self, path: &VPath, target: &[u8]) -> Result<(), FsError> {
        if !self.links {
            return Err(FsError::Unsupported);
        }
        let place = Place::find(&self.jail, path)?;
        let text = link_text(path, target)?;
        symlinkat(&*text, &place.dir, place.name.as_bytes()).map_err(error)?;
        self.settle(&place)
    }

    pub(super) fn readlink(&self, path: &VPath) -> Result<Bytes, FsError> {
        if !self.links {
            return Err(FsError::Unsupported);
        }
        let link = self.jail.open(path, OFlags::PATH | OFlags::NOFOLLOW).map_err(error)?;
        if facts(&link, b"").map_err(error)?.kind != Kind::Link {
            return Err(FsError::BadName);
        }
        let text = readlinkat(&link, "", Vec::new()).map_err(error)?.into_bytes();
        if !text.starts_with(b"/") {
            return Ok(text.into());
        }
        // What lies outside is nobody's business, not even by name.
        let root = self.root.as_ref().map(|root| root.as_os_str().as_encoded_bytes());
        let inside = root.and_then(|root| text.strip_prefix(root)).ok_or(FsError::Denied)?;
        match inside {
            [] => Ok(Bytes::from_static(b"/")),
            [b'/', ..] => Ok(Bytes::copy_from_slice(inside)),
            _ => Err(FsError::Denied),
        }
    }

    pub(super) fn hardlink(&self, from: &VPath, to: &VPath) -> Result<(), FsError> {
        let (source, target) = (Place::find(&self.jail, from)?, Place::find(&self.jail, to)?);
        match source.facts()?.ok_or(FsError::NotFound)?.kind {
            Kind::File => {}
            Kind::Dir => return Err(FsError::IsDir),
            Kind::Link => return Err(FsError::Loop),
            _ => return Err(FsError::Denied),
        }
        let names = (source.name.as_bytes(), target.name.as_bytes());
        linkat(&source.dir, names.0, &target.dir, names.1, AtFlags::empty()).map_err(two_places)?;
        self.settle(&target)
    }

    pub(super) fn space(&self, path: &VPath) -> Result<Space, FsError> {
        let there = self.jail.open(path, OFlags::PATH).map_err(error)?;
        let space = fstatvfs(&there).map_err(error)?;
        let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
        Ok(Space { total: bytes(space.f_blocks), free: bytes(space.f_bavail) })
    }

    /// Where a file is to be: not at the root.
    fn file(&self, path: &VPath) -> Result<Place, FsError> {
        if *path == VPath::ROOT { Err(FsError::IsDir) } else { Place::find(&self.jail, path) }
    }

    /// Waits until a changed directory is on the disk.
    pub(super) fn settle(&self, place: &Place) -> Result<(), FsError> {
        if !self.durable {
            return Ok(());
        }
        #[cfg(test)]
        self.settled.fetch_add(1, Ordering::Relaxed);
        place.sync()
    }
}

/// Whether what is `there` may be replaced by what is `moved`; the kernel sees to it that a directory is empty.
fn may_replace(moved: &Meta, there: Option<&Meta>, over: Over) -> Result<(), FsError> {
    let is_dir = moved.kind == Kind::Dir;
    match there.map(|there| there.kind) {
        None => Ok(()),
        Some(_) if over == Over::Never => Err(FsError::Exists),
        Some(Kind::Dir) if !is_dir => Err(FsError::IsDir),
        Some(Kind::Dir) if over == Over::File => Err(FsError::Exists),
        Some(Kind::Dir) => Ok(()),
        Some(_) if is_dir => Err(FsError::NotDir),
        Some(_) => Ok(()),
    }
}
