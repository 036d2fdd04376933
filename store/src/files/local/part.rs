use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ropewalk_core::data::files::{FsError, Kind, Meta, Open, SetMeta, Write};
use rustix::fs::{
    Access, AtFlags, CWD, FallocateFlags, FlockOperation, Gid, Mode, OFlags, Uid, XattrFlags, accessat,
    fallocate, fchmod, fchown, fdatasync, fgetxattr, flistxattr, flock, fsetxattr, fstatvfs, ftruncate,
    linkat, openat, renameat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use super::Tree;
use super::copy::copy_all;
use super::facts::{error, facts};
use super::place::{Place, expect, rename_new};
use super::set::{permissions, set_fd};

/// The longest name that a file system takes.
const MAX_NAME: usize = 255;
/// What a part file's name has besides the name: two points, 16 digits and another point with `part`.
const AROUND: usize = 1 + 1 + 16 + 5;
/// What is set aside at most for content that is still to come: a peer that only says how much it is going to send
/// must not fill the disk.
const RESERVE: u64 = 64 << 20;
/// Names that are tried for a part while sweeps come between.
const TRIES: usize = 4;
/// Room for an extended attribute, and for the names of all.
const XATTR: usize = 64 << 10;

/// New content in a file of its own, which gets its name when it is complete.
///
/// It lies beside that name, under one of its own, and is removed when it is dropped, unless [`publish`](Self::publish)
/// gave it the name. Where nothing has the name yet and nobody waits for the disk, the file has no name at all until then
/// (O_TMPFILE), if the file system knows such files: that is less work in the directory, which only one at a time does.
/// Not all file systems promise that the new name of such a file is on the disk with its directory.
pub(super) struct Part {
    tree: Arc<Tree>,
    place: Place,
    /// Its own name, if it has one.
    name: Option<Vec<u8>>,
    pub(super) file: Arc<OwnedFd>,
    /// The facts of the file when it was made.
    pub(super) made: Meta,
    how: Open,
    reserved: bool,
    published: bool,
}

impl Part {
    pub(super) fn create(tree: &Arc<Tree>, place: Place, how: &Open) -> Result<Self, FsError> {
        let there = place.facts()?;
        expect(there.as_ref(), how)?;
        if there.is_some() {
            writable(&place)?;
        }
        let reserve = room(&place, how.expect_len)?;
        let nameless = if there.is_none() { tree.open_nameless(&place, how) } else { None };
        let (file, name) = match nameless {
            Some(file) => (file, None),
            None => make(&place, how).map(|(file, name)| (file, Some(name)))?,
        };
        let mut part = Self {
            tree: tree.clone(),
            place,
            name,
            made: facts(&file, b"").map_err(error)?,
            file: Arc::new(file),
            how: how.clone(),
            reserved: false,
            published: false,
        };
        if part.name.is_some() {
            fchmod(&part.file, Mode::RUSR | Mode::WUSR).map_err(error)?;
        }
        if reserve > 0 {
            part.reserved = reserved(&part.file, reserve)?;
        }
        Ok(part)
    }

    /// Puts this content at the place: at once, or, where another file has to stay the one it is, into that file.
    /// `wanted` are facts that it is to have.
    pub(super) fn publish(mut self, wanted: &SetMeta) -> Result<Meta, FsError> {
        if self.reserved {
            let len = facts(&self.file, b"").map_err(error)?.len;
            ftruncate(&self.file, len).map_err(error)?;
        }
        if self.name.is_none() && self.appear(wanted)? {
            return facts(&self.file, b"").map_err(error);
        }
        let there = self.place.facts()?;
        expect(there.as_ref(), &self.how)?;
        let like = self.dress(there.as_ref(), wanted)?;
        if self.tree.durable {
            retry_on_intr(|| fdatasync(&self.file)).map_err(error)?;
        }
        let tree = self.tree.clone();
        let _one = tree.locks.of(&self.place)?;
        let there = self.place.facts()?;
        expect(there.as_ref(), &self.how)?;
        self.how.still_wanted()?;
        let other_names = there.as_ref().is_some_and(|meta| meta.nlink > Some(1));
        if other_names || !like {
            return self.pour(wanted);
        }
        match self.take_the_name() {
            // A sticky directory, and somebody else's file; a file that is itself a mount point.
            Err(FsError::Denied | FsError::Busy) if there.is_some() => return self.pour(wanted),
            done => done?,
        }
        self.published = true;
        if tree.durable {
            self.place.sync()?;
        }
        facts(&self.file, b"").map_err(error)
    }

    /// Gives a file without a name the one that it is to get. Where something has that name by now, it gets one of its
    /// own, and it is as if it had had that from the beginning: whether there is nothing more to do.
    fn appear(&mut self, wanted: &SetMeta) -> Result<bool, FsError> {
        self.dress(None, wanted)?;
        self.how.still_wanted()?;
        match link_file(&self.file, &self.place, self.place.name.as_bytes()) {
            Ok(()) => self.published = true,
            Err(Errno::EXIST) => {
                let name = part_name(self.place.name.as_bytes());
                hold(&self.file);
                link_file(&self.file, &self.place, &name).map_err(error)?;
                self.name = Some(name);
            }
            Err(_) => self.copy_over()?,
        }
        Ok(self.published)
    }

    /// Goes on with a copy that has a name: there are systems that make files without one and give them none.
    fn copy_over(&mut self) -> Result<(), FsError> {
        let (file, name) = make(&self.place, &self.how)?;
        self.name = Some(name);
        let old = std::mem::replace(&mut self.file, Arc::new(file));
        copy_all(&old, &self.file)?;
        self.tree.nameless.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn take_the_name(&self) -> Result<(), FsError> {
        let (dir, name) = (&self.place.dir, self.place.name.as_bytes());
        let own = self.name.as_deref().ok_or(FsError::NotFound)?;
        match self.how.write {
            Some(Write::CreateNew) => rename_new((dir, own), (dir, name), Kind::File),
            _ => renameat(dir, own, dir, name).map_err(error),
        }
    }

    /// Gives the new file what the old one has, so that only the content is another. Whether that could be done.
    fn dress(&self, there: Option<&Meta>, wanted: &SetMeta) -> Result<bool, FsError> {
        let made = self.made.mode.unwrap_or(0o600) & 0o777;
        let mut mode = made;
        if let Some(there) = there {
            mode = there.mode.unwrap_or(mode);
            if (self.made.uid, self.made.gid) != (there.uid, there.gid) {
                let (uid, gid) = (there.uid.map(Uid::from_raw), there.gid.map(Gid::from_raw));
                if fchown(&self.file, uid, gid).is_err() {
                    return Ok(false);
                }
            }
            self.take_attributes();
        }
        let mode = wanted.mode.unwrap_or(mode);
        // One that never had a name has the mode that it was made with.
        if self.name.is_some() || mode != made {
            fchmod(&self.file, Mode::from_raw_mode(mode.into()) & permissions()).map_err(error)?;
        }
        // What was written after they were set changed them.
        set_fd(&self.file, &no_mode(wanted))?;
        Ok(true)
    }

    /// Access lists, labels and what users attached to the old file, as far as the system lets us.
    fn take_attributes(&self) {
        let Ok(old) = self.place.open(OFlags::RDONLY, Mode::empty()) else { return };
        let mut names = vec![0; XATTR];
        let length = flistxattr(&old, names.as_mut_slice()).unwrap_or(0);
        names.truncate(length);
        if names.is_empty() {
            return;
        }
        let kept = |name: &&[u8]| {
            name.starts_with(b"user.") || matches!(*name, b"system.posix_acl_access" | b"security.selinux")
        };
        let mut value = vec![0; XATTR];
        for name in names.split(|byte| *byte == 0).filter(kept) {
            if let Ok(length) = fgetxattr(&old, name, value.as_mut_slice()) {
                let _ =
                    fsetxattr(&self.file, name, value.get(..length).unwrap_or_default(), XattrFlags::empty());
            }
        }
    }

    /// Writes this content into the file that is there: it has other names, or an owner that ours would not have.
    fn pour(&self, wanted: &SetMeta) -> Result<Meta, FsError> {
        let old = self.place.open(OFlags::RDWR, Mode::empty()).or_else(|errno| match errno {
            Errno::ACCESS => self.place.open(OFlags::WRONLY, Mode::empty()),
            other => Err(other),
        });
        let old = old.map_err(error)?;
        expect(Some(&facts(&old, b"").map_err(error)?), &self.how)?;
        copy_all(&self.file, &old)?;
        ftruncate(&old, facts(&self.file, b"").map_err(error)?.len).map_err(error)?;
        set_fd(&old, wanted)?;
        if self.tree.durable {
            retry_on_intr(|| fdatasync(&old)).map_err(error)?;
        }
        facts(&old, b"").map_err(error)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.published {
            if let Some(name) = &self.name {
                let _ = unlinkat(&self.place.dir, &**name, AtFlags::empty());
            }
            // Giving back the room of a large file takes its time.
            let file = self.file.clone();
            self.tree.pool.start(move || drop(file));
        }
    }
}

impl Tree {
    /// A file that has no name, in the file system of this place.
    fn open_nameless(&self, place: &Place, how: &Open) -> Option<OwnedFd> {
        if self.durable || !self.nameless.load(Ordering::Relaxed) {
            return None;
        }
        match retry_on_intr(|| openat(&place.dir, ".", flags(how) | OFlags::TMPFILE, mode(how))) {
            Ok(file) => return Some(file),
            Err(Errno::OPNOTSUPP | Errno::ISDIR) => {
                self.nameless.store(false, Ordering::Relaxed);
            }
            // Whatever else is wrong is so with a name too, and said then.
            Err(_) => {}
        }
        None
    }
}

/// Makes a part file beside the name that it is to get.
fn make(place: &Place, how: &Open) -> Result<(OwnedFd, Vec<u8>), FsError> {
    let flags = flags(how) | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    for _ in 0..TRIES {
        let name = part_name(place.name.as_bytes());
        let file = retry_on_intr(|| openat(&place.dir, &*name, flags, mode(how))).map_err(error)?;
        // A sweep that came between has taken it for one that was left.
        if hold(&file) && facts(&file, b"").map_err(error)?.nlink != Some(0) {
            return Ok((file, name));
        }
    }
    Err(FsError::Busy)
}

/// Says that it is still written to, for as long as it is open; not where somebody else holds it. There are file systems that
/// cannot say so.
fn hold(file: &OwnedFd) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK)
}

fn flags(how: &Open) -> OFlags {
    let append = if how.append { OFlags::APPEND } else { OFlags::empty() };
    OFlags::RDWR | OFlags::CLOEXEC | append
}

/// The kernel takes from it what the umask and the directory's own rules say.
fn mode(how: &Open) -> Mode {
    Mode::from_raw_mode(how.mode.unwrap_or(0o666).into()) & permissions()
}

/// Gives a file without a name this one, if nothing has it.
fn link_file(file: &OwnedFd, place: &Place, name: &[u8]) -> Result<(), Errno> {
    match linkat(file, "", &place.dir, name, AtFlags::EMPTY_PATH) {
        // Before Linux 6.10 only root may, and others go this way.
        Err(Errno::NOENT | Errno::PERM) => {
            let file = format!("/proc/self/fd/{}", file.as_raw_fd());
            linkat(CWD, file, &place.dir, name, AtFlags::SYMLINK_FOLLOW)
        }
        done => done,
    }
}

fn no_mode(wanted: &SetMeta) -> SetMeta {
    let mut wanted = wanted.clone();
    wanted.mode = None;
    wanted
}

/// A file that we may not write is not replaced, though its directory would let us.
fn writable(place: &Place) -> Result<(), FsError> {
    match accessat(&place.dir, place.name.as_bytes(), Access::WRITE_OK, AtFlags::EACCESS) {
        Err(errno @ (Errno::ACCESS | Errno::PERM | Errno::ROFS)) => Err(error(errno)),
        _ => Ok(()),
    }
}

/// How much to set aside for content of this length, which must have room.
fn room(place: &Place, expected: Option<u64>) -> Result<u64, FsError> {
    let Some(len) = expected.filter(|len| *len > 0) else { return Ok(0) };
    let space = fstatvfs(&place.dir).map_err(error)?;
    if len > space.f_bavail.saturating_mul(space.f_frsize) {
        return Err(FsError::NoSpace);
    }
    Ok(len.min(RESERVE))
}

/// Sets room aside; whether this file system can.
fn reserved(file: &OwnedFd, len: u64) -> Result<bool, FsError> {
    match retry_on_intr(|| fallocate(file, FallocateFlags::KEEP_SIZE, 0, len)) {
        Ok(()) => Ok(true),
        Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(error(errno)),
        Err(_) => Ok(false),
    }
}

/// The name of a part file for `name`, as long as it may be; nobody can guess it.
fn part_name(name: &[u8]) -> Vec<u8> {
    let mut kept = name.get(..MAX_NAME - AROUND).unwrap_or(name);
    // Not in the middle of a character: some file systems take only UTF-8.
    if kept.len() < name.len()
        && let Err(cut) = str::from_utf8(kept)
        && cut.error_len().is_none()
    {
        kept = kept.get(..cut.valid_up_to()).unwrap_or(kept);
    }
    let number = RandomState::new().hash_one(name);
    [b".", kept, format!(".{number:016x}.part").as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ropewalk_core::data::files::layers::is_part;
    use ropewalk_core::data::files::{DotDot, VPath};

    use super::super::copy::write_all;
    use super::super::{Options, Tree};
    use super::*;

    #[test]
    fn where_a_file_never_gets_a_name_a_copy_of_it_does() {
        let dir = tempfile::TempDir::new().unwrap();
        let options = Options { write: true, durable: false, ..Options::default() };
        let tree = Arc::new(Tree::new(dir.path(), &options).unwrap());
        let mut how = Open::write(Write::Replace);
        how.mode = Some(0o640);
        let path = VPath::parse(b"/file", &VPath::ROOT, DotDot::Refuse).unwrap();
        let create = || Part::create(&tree, Place::find(&tree.jail, &path).unwrap(), &how).unwrap();
        let mut part = create();
        if part.name.is_some() {
            return eprintln!("skipped: this file system has no files without a name");
        }
        write_all(&part.file, b"content", 0).unwrap();
        part.copy_over().unwrap();
        assert!(part.name.is_some() && create().name.is_some(), "it is not tried again");
        part.publish(&SetMeta::default()).unwrap();
        assert_eq!(std::fs::read(dir.path().join("file")).unwrap(), b"content");
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(dir.path().join("file")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    proptest! {
        #[test]
        fn a_part_of_any_name_is_known_as_one_and_fits(name in prop::collection::vec(1..=255u8, 1..=255)) {
            let part = part_name(&name);
            prop_assert!(is_part(&part) && part.len() <= MAX_NAME);
            prop_assert_ne!(part, part_name(&name));
        }
    }

    #[test]
    fn a_long_name_is_not_cut_within_a_character() {
        let name = "日".repeat(85);
        let part = part_name(name.as_bytes());
        assert!(str::from_utf8(&part).is_ok());
        assert_eq!(part.len(), 77 * 3 + AROUND);
    }
}
