//! Which program a path names.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::StatusCode;
use ropewalk_core::data::files::{DotDot, VPath};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, open, openat, openat2};
use rustix::io::Errno;

use crate::server::Request;

/// A folder of programs.
#[derive(Clone)]
pub(super) struct Folder {
    pub(super) path: Arc<Path>,
    /// What files are programs, and what runs them; all are, where there is none.
    extensions: Vec<(String, Arc<[OsString]>)>,
    pub(super) index: Vec<String>,
}

/// What a path names.
#[derive(Debug, PartialEq)]
pub(super) enum Located {
    Script(Script),
    /// Nothing that concerns us.
    Nothing,
    /// Something that is not run, and not shown either.
    Refused(StatusCode),
}

/// A program to be run.
#[derive(Debug, PartialEq)]
pub(super) struct Script {
    pub(super) file: PathBuf,
    /// What runs it; itself, where there is nothing.
    pub(super) command: Arc<[OsString]>,
    /// Components of the path that are behind it.
    extra: usize,
    /// The index file that stands for the folder that the path names.
    index: Option<String>,
}

impl Script {
    /// `SCRIPT_NAME` (RFC 3875 §4.1.13).
    pub(super) fn name(&self, request: &Request) -> Vec<u8> {
        let names = request.path.names().count().saturating_sub(self.extra);
        let names = request.path.names().take(names);
        names
            .chain(self.index.as_deref().map(str::as_bytes))
            .flat_map(|name| [b"/", name])
            .flatten()
            .copied()
            .collect()
    }

    /// The path that asks for it and for nothing behind it.
    pub(super) fn path(&self, request: &Request) -> Option<VPath> {
        VPath::parse(&self.name(request), &VPath::ROOT, DotDot::Refuse).ok()
    }

    /// `PATH_INFO` (RFC 3875 §4.1.5).
    pub(super) fn path_info(&self, request: &Request) -> Vec<u8> {
        let names = request.path.names().count().saturating_sub(self.extra);
        let mut info: Vec<u8> =
            request.path.names().skip(names).flat_map(|name| [b"/", name]).flatten().copied().collect();
        if request.slash && self.index.is_none() {
            info.push(b'/');
        }
        info
    }
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path: path.into(), extensions: Vec::new(), index: Vec::new() }
    }

    pub(super) fn add(&mut self, extension: String, command: Arc<[OsString]>) {
        self.extensions.push((extension, command));
    }

    /// What runs a file of this name, if it is to be run.
    fn command(&self, name: &[u8]) -> Option<Arc<[OsString]>> {
        if self.extensions.is_empty() {
            return Some(Arc::default());
        }
        let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0)?;
        let extension = name.get(dot + 1..)?;
        self.extensions
            .iter()
            .find(|(known, _)| known.as_bytes() == extension)
            .map(|(_, command)| Arc::clone(command))
    }

    /// Whether it is worth a look at what is there.
    pub(super) fn may_hold(&self, names: &[Vec<u8>], slash: bool) -> bool {
        (slash && !self.index.is_empty()) || names.iter().any(|name| self.command(name).is_some())
    }

    /// The program at a path below the folder. It is the first component that names a file; what comes after it is for
    /// the program.
    pub(super) fn locate(&self, names: &[Vec<u8>], slash: bool) -> Result<Located, Errno> {
        const REFUSED: Located = Located::Refused(StatusCode::NOT_FOUND);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(&*self.path, flags, Mode::empty())?;
        for depth in 1..=names.len() {
            let (Some(way), Some(rest)) = (names.get(..depth), names.get(depth - 1..)) else { break };
            let Some(name) = way.last() else { break };
            if name.starts_with(b".") {
                let runs = rest.iter().any(|name| self.command(name).is_some());
                return Ok(if runs { REFUSED } else { Located::Nothing });
            }
            let Some(command) = self.command(name) else { continue };
            match below(&root, &way.join(&b'/'))? {
                Some(found) if is(&found, FileType::Directory) => {}
                Some(found) if is(&found, FileType::RegularFile) => {
                    if command.is_empty() && found.st_mode & 0o111 == 0 {
                        tracing::warn!(file = ?self.file(way), "a program is not executable");
                        return Ok(Located::Refused(StatusCode::FORBIDDEN));
                    }
                    let extra = names.len() - depth;
                    return Ok(Located::Script(Script { file: self.file(way), command, extra, index: None }));
                }
                _ => return Ok(REFUSED),
            }
        }
        if !slash {
            return Ok(Located::Nothing);
        }
        self.locate_index(&root, names)
    }

    fn locate_index(&self, root: &OwnedFd, names: &[Vec<u8>]) -> Result<Located, Errno> {
        if names.iter().any(|name| name.starts_with(b".")) {
            return Ok(Located::Nothing);
        }
        for index in &self.index {
            let Some(command) = self.command(index.as_bytes()) else { continue };
            let way = [names, &[index.clone().into_bytes()]].concat();
            if let Some(found) = below(root, &way.join(&b'/'))?
                && is(&found, FileType::RegularFile)
                && (!command.is_empty() || found.st_mode & 0o111 != 0)
            {
                let (file, index) = (self.file(&way), Some(index.clone()));
                return Ok(Located::Script(Script { file, command, extra: 0, index }));
            }
        }
        Ok(Located::Nothing)
    }

    fn file(&self, names: &[Vec<u8>]) -> PathBuf {
        let mut file = self.path.to_path_buf();
        file.extend(names.iter().map(|name| OsStr::from_bytes(name)));
        file
    }
}

fn is(found: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(found.st_mode) == kind
}

/// The facts of what is at a path below `root`, links followed as long as they stay below it. Where the kernel has no
/// openat2, or a container forbids it, none is followed.
fn below(root: &OwnedFd, path: &[u8]) -> Result<Option<Stat>, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let opened = match openat2(root, path, flags, Mode::empty(), resolve) {
        Err(Errno::NOSYS | Errno::PERM) => walk(root, path),
        opened => opened,
    };
    match opened {
        Ok(found) => fstat(found).map(Some),
        Err(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::LOOP
            | Errno::XDEV
            | Errno::ACCESS
            | Errno::NAMETOOLONG
            // Somebody moves directories about.
            | Errno::AGAIN,
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

fn walk(root: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut here = openat(root, ".", flags, Mode::empty())?;
    for name in path.split(|byte| *byte == b'/') {
        here = openat(here, name, flags, Mode::empty())?;
    }
    Ok(here)
}

/// Whether there is a folder at this path.
pub(super) fn is_folder(path: &Path) -> Result<(), Errno> {
    openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A folder with programs, and what is around it.
    fn tree() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("sub/x.php")).unwrap();
        fs::create_dir_all(root.join(".hidden")).unwrap();
        for (name, mode) in [
            ("root/run", 0o755),
            ("root/plain", 0o644),
            ("root/sub/deep", 0o711),
            ("root/.hidden/run.php", 0o755),
            ("root/.run.php", 0o755),
            ("root/a.php", 0o644),
            ("root/sub/x.php/y.php", 0o644),
            ("root/sub/index.php", 0o644),
            ("outside.php", 0o755),
        ] {
            fs::write(dir.path().join(name), "").unwrap();
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink("sub/deep", root.join("inner")).unwrap();
        symlink("../outside.php", root.join("outer.php")).unwrap();
        symlink(dir.path().join("outside.php"), root.join("absolute.php")).unwrap();
        symlink("loop.php", root.join("loop.php")).unwrap();
        (dir, root)
    }

    fn names(path: &str) -> Vec<Vec<u8>> {
        path.split('/').filter(|name| !name.is_empty()).map(|name| name.as_bytes().to_vec()).collect()
    }

    /// The file that is run below `root`, and how many components come after it.
    fn found(folder: &Folder, path: &str) -> Result<(String, usize), u16> {
        match folder.locate(&names(path), path.ends_with('/')).unwrap() {
            Located::Script(script) => {
                let file = script.file.strip_prefix(&folder.path).unwrap();
                Ok((file.to_str().unwrap().to_owned(), script.extra))
            }
            Located::Nothing => Err(0),
            Located::Refused(status) => Err(status.as_u16()),
        }
    }

    #[test]
    fn the_first_file_on_the_way_is_the_program() {
        let (_dir, root) = tree();
        let folder = Folder::new(root);
        assert_eq!(found(&folder, "run"), Ok(("run".into(), 0)));
        assert_eq!(found(&folder, "run/a/.b"), Ok(("run".into(), 2)));
        assert_eq!(found(&folder, "sub/deep/x/"), Ok(("sub/deep".into(), 1)));
        assert_eq!(found(&folder, "inner"), Ok(("inner".into(), 0)));
        assert_eq!(found(&folder, "plain"), Err(403));
        assert_eq!(found(&folder, "sub"), Err(0));
        assert_eq!(found(&folder, "none/x"), Err(404));
    }

    #[test]
    fn nothing_hidden_or_outside_is_run() {
        let (_dir, root) = tree();
        for folder in [Folder::new(root.clone()), {
            let mut folder = Folder::new(root);
            folder.add("php".into(), Arc::from([OsString::from("php-cgi")]));
            folder
        }] {
            for path in [
                ".run.php",
                ".hidden/run.php",
                "outer.php",
                "absolute.php",
                "outer.php/x",
                "loop.php",
                "none.php",
            ] {
                assert_eq!(found(&folder, path), Err(404), "{path}");
            }
        }
    }

    #[test]
    fn by_extension_other_files_do_not_concern_us() {
        let (_dir, root) = tree();
        let mut folder = Folder::new(root);
        folder.add("php".into(), Arc::from([OsString::from("php-cgi")]));
        folder.index.push("index.php".into());
        assert_eq!(found(&folder, "a.php/more"), Ok(("a.php".into(), 1)));
        assert_eq!(found(&folder, "sub/x.php/y.php"), Ok(("sub/x.php/y.php".into(), 0)));
        assert_eq!(found(&folder, "sub/"), Ok(("sub/index.php".into(), 0)));
        for path in ["sub", "run", "plain", ".hidden/x", "sub/x.php", "", ".hidden/"] {
            assert_eq!(found(&folder, path), Err(0), "{path}");
        }
        assert!(folder.may_hold(&names("x/a.php"), false) && folder.may_hold(&names("x"), true));
        assert!(!folder.may_hold(&names("a.txt"), false) && !folder.may_hold(&names(".php"), false));
    }

    #[test]
    fn without_openat2_no_link_is_followed() {
        let (_dir, root) = tree();
        let root = open(&root, OFlags::PATH, Mode::empty()).unwrap();
        assert!(is(&fstat(walk(&root, b"sub/deep").unwrap()).unwrap(), FileType::RegularFile));
        assert!(is(&fstat(walk(&root, b"inner").unwrap()).unwrap(), FileType::Symlink));
        assert!(walk(&root, b"inner/x").is_err());
    }
}
