//! Where a database may lie.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::Path;

use ropewalk_core::{Error, Result};

/// File systems of other machines, by the numbers of statfs(2): they answer when nothing has reached the disk, and
/// lock for one machine only.
const NETWORK: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
];

pub(super) fn refuse_network(path: &Path) -> Result<()> {
    let dir = folder(path);
    let place = rustix::fs::statfs(dir)
        .map_err(|e| Error::local(format!("cannot look at {}", dir.display())).caused_by(e))?;
    // The type is signed in places, and 32 bits are all it has.
    match network(place.f_type as u64 & 0xffff_ffff) {
        None => Ok(()),
        Some(name) => Err(Error::local(format!(
            "{} is on a network file system ({name}), where a store could lose what it has confirmed",
            dir.display()
        ))),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn network(kind: u64) -> Option<&'static str> {
    NETWORK.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

/// Makes the file, for its owner only, where there is none; SQLite gives the files beside it the same mode.
pub(super) fn touch(path: &Path) -> Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        // Where root makes it in somebody's folder, it is for that person, as what SQLite makes beside it will be.
        Ok(_) if rustix::process::geteuid().is_root() => {
            let owner =
                folder(path).metadata().and_then(|meta| chown(path, Some(meta.uid()), Some(meta.gid())));
            owner.map_err(|e| Error::local(format!("cannot give {} away", path.display())).caused_by(e))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mode = path.metadata().map_or(0, |meta| meta.mode());
            if mode & 0o077 != 0 {
                let mode = format_args!("{:o}", mode & 0o777);
                tracing::warn!(path = %path.display(), %mode, "others may read or change the store: chmod 600");
            }
            Ok(())
        }
        Err(error) => Err(Error::local(format!("cannot make {}", path.display())).caused_by(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_taken_and_a_network_is_not() {
        let dir = tempfile::tempdir().unwrap();
        refuse_network(&dir.path().join("x.db")).unwrap();
        refuse_network(Path::new("x.db")).unwrap();
        assert_eq!((network(0x6969), network(0xff53_4d42)), (Some("NFS"), Some("CIFS")));
        for disk in [0xef53, 0x9123_683e, 0x5846_5342, 0x0102_1994] {
            assert_eq!(network(disk), None);
        }
    }

    #[test]
    fn a_new_file_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        touch(&path).unwrap();
        touch(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_root_makes_in_somebodys_folder_is_theirs() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        chown(dir.path(), Some(65534), Some(65534)).unwrap();
        let path = dir.path().join("x.db");
        touch(&path).unwrap();
        assert_eq!((path.metadata().unwrap().uid(), path.metadata().unwrap().gid()), (65534, 65534));
    }
}
