use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User, chroot, initgroups, setgid, setgroups, setuid};
use rustix::fs::{Access, Dir, Mode, OFlags, access, open, openat};

use super::generation::Asked;
use crate::net::{At, Endpoint};
use crate::{Error, Result};

/// What a process gives up once its sockets are bound and its keys are read, before the runtime starts.
#[derive(Clone, Debug, Default)]
pub struct Privileges {
    /// Run as this user: a name or a number. Their groups are taken too, unless `gid` is given.
    pub uid: Option<String>,
    /// Run in this group only: a name or a number.
    pub gid: Option<String>,
    /// See this folder as the root of the file system.
    pub chroot: Option<PathBuf>,
    /// Work in this folder; below the new root, if there is one.
    pub rundir: Option<PathBuf>,
}

/// What was given up.
#[derive(Clone, Debug, Default)]
pub(super) struct Dropped {
    /// The user, where it is not root.
    user: Option<String>,
    chroot: bool,
    /// Ports from here on need no privilege.
    unprivileged: u16,
}

struct Target {
    uid: Option<Uid>,
    gid: Option<Gid>,
    /// The user's name, for the supplementary groups.
    name: Option<CString>,
}

impl Privileges {
    /// Gives them up in every thread of the process, for good.
    ///
    /// # Errors
    /// If a user, group or folder is not there, or we may not. The process should then end: it may have given up
    /// a part.
    pub fn give_up(&self) -> Result<()> {
        self.give_up_all().map(drop)
    }

    /// The numbers of the user and of the group that remain, where these are given.
    ///
    /// # Errors
    /// If there is no such user or group.
    pub fn ids(&self) -> Result<(Option<u32>, Option<u32>)> {
        let Target { uid, gid, .. } = self.target()?;
        Ok((uid.map(Uid::as_raw), gid.map(Gid::as_raw)))
    }

    pub(super) fn give_up_all(&self) -> Result<Dropped> {
        // What is looked up may not be below the new root.
        let target = self.target()?;
        let threads = open("/proc/self/task", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let unprivileged = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        if let Some(root) = &self.chroot {
            chroot(root).map_err(|e| failed(format!("cannot change the root to {}", root.display()), e))?;
            change_to(Path::new("/"))?;
        }
        if let Some(folder) = &self.rundir {
            change_to(folder)?;
        }
        // Groups first: without uid 0 they can no longer be changed.
        if let Some(gid) = target.gid {
            match &target.name {
                Some(name) if self.gid.is_none() => initgroups(name, gid),
                _ => setgroups(&[gid]),
            }
            .map_err(|e| failed("cannot set the supplementary groups".into(), e))?;
            setgid(gid).map_err(|e| failed(format!("cannot change to group {gid}"), e))?;
        }
        if let Some(uid) = target.uid {
            setuid(uid).map_err(|e| failed(format!("cannot change to user {uid}"), e))?;
            let threads = threads.map_err(|e| Error::local("cannot open /proc/self/task").caused_by(e))?;
            check_threads(threads, uid, target.gid)?;
        }
        Ok(Dropped {
            user: target.uid.filter(|uid| !uid.is_root()).and(self.uid.clone()),
            chroot: self.chroot.is_some(),
            unprivileged: unprivileged.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024),
        })
    }

    fn target(&self) -> Result<Target> {
        let mut target =
            Target { uid: None, gid: self.gid.as_deref().map(find_group).transpose()?, name: None };
        let Some(text) = self.uid.as_deref() else { return Ok(target) };
        match (find_user(text)?, text.parse().map(Uid::from_raw)) {
            (Some(user), _) => {
                target.uid = Some(user.uid);
                target.gid = target.gid.or(Some(user.gid));
                target.name = CString::new(user.name).ok();
            }
            (None, Ok(uid)) if target.gid.is_some() => target.uid = Some(uid),
            (None, Ok(uid)) => {
                return Err(Error::local(format!(
                    "user {uid} is not in the user database: give a group too"
                )));
            }
            (None, Err(_)) => return Err(Error::local(format!("there is no user {text}"))),
        }
        Ok(target)
    }
}

fn find_user(text: &str) -> Result<Option<User>> {
    match text.parse() {
        Ok(id) => User::from_uid(Uid::from_raw(id)),
        Err(_) => User::from_name(text),
    }
    .map_err(|e| failed(format!("cannot look up user {text}"), e))
}

fn find_group(text: &str) -> Result<Gid> {
    if let Ok(id) = text.parse() {
        return Ok(Gid::from_raw(id));
    }
    let found = Group::from_name(text).map_err(|e| failed(format!("cannot look up group {text}"), e))?;
    found.map(|g| g.gid).ok_or_else(|| Error::local(format!("there is no group {text}")))
}

fn change_to(folder: &Path) -> Result<()> {
    std::env::set_current_dir(folder)
        .map_err(|e| Error::local(format!("cannot change to folder {}", folder.display())).caused_by(e))
}

fn failed(what: String, errno: nix::errno::Errno) -> Error {
    let what = if errno == nix::errno::Errno::EPERM { format!("{what}: only root can") } else { what };
    Error::local(what).caused_by(errno)
}

/// Each thread has identities of its own in the kernel; one that kept uid 0 would be a hole.
fn check_threads(folder: OwnedFd, uid: Uid, gid: Option<Gid>) -> Result<()> {
    let wrong = |e: std::io::Error| Error::local("cannot check that privileges are gone").caused_by(e);
    for thread in Dir::read_from(&folder).map_err(|e| wrong(e.into()))? {
        let name = thread.map_err(|e| wrong(e.into()))?.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let status = openat(&folder, format!("{name}/status"), OFlags::CLOEXEC, Mode::empty());
        let mut text = String::new();
        File::from(status.map_err(|e| wrong(e.into()))?).read_to_string(&mut text).map_err(wrong)?;
        if !has_only(&text, "Uid:", uid.as_raw()) || gid.is_some_and(|g| !has_only(&text, "Gid:", g.as_raw()))
        {
            return Err(Error::local("a thread kept its privileges"));
        }
    }
    if !uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        return Err(Error::local("privileges can be taken back"));
    }
    Ok(())
}

/// Whether all ids of that line of a thread's status (real, effective, saved, file system) are this one.
fn has_only(status: &str, line: &str, id: u32) -> bool {
    let ids = status.lines().find_map(|text| text.strip_prefix(line)).unwrap_or_default();
    let mut ids = ids.split_whitespace().peekable();
    ids.peek().is_some() && ids.all(|found| found == id.to_string())
}

impl Dropped {
    /// What could not be bound or read again, by name.
    pub(super) fn lost(&self, asked: &Asked) -> Vec<String> {
        let who = match (&self.user, self.chroot) {
            (Some(user), false) => format!("by user {user}"),
            (Some(user), true) => format!("by user {user} below the new root"),
            (None, true) => "below the new root".to_owned(),
            (None, false) => return Vec::new(),
        };
        let claims = asked.claims.iter().filter(|endpoint| self.is_lost(endpoint)).map(|endpoint| {
            format!("{endpoint} is held, but cannot be bound again {who}: a reload that gives it up cannot have it back")
        });
        let reads = asked.reads.iter().filter_map(|path| {
            let error = File::open(path).err()?;
            Some(format!("{} cannot be read again {who}: {error}; a reload will fail on it", path.display()))
        });
        // A folder that was opened before the root changed is where it was.
        let folders = if self.chroot { [].as_slice() } else { &asked.writes };
        let writes = folders.iter().filter_map(|folder| {
            let error = access(folder, Access::WRITE_OK | Access::EXEC_OK).err()?;
            Some(format!("{} cannot be written to {who}: {error}; uploads to it will fail", folder.display()))
        });
        claims.chain(reads).chain(writes).collect()
    }

    fn is_lost(&self, endpoint: &Endpoint) -> bool {
        match endpoint.at() {
            At::Tcp { port, .. } | At::Udp { port, .. } | At::Quic { port, .. } => {
                self.user.is_some() && *port != 0 && *port < self.unprivileged
            }
            At::Unix { path, .. } => {
                let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                access(folder, Access::WRITE_OK).is_err()
            }
            _ => false,
        }
    }

    /// An error of a reload, with what was given up.
    pub(super) fn explain(&self, error: Error) -> Error {
        match &self.user {
            Some(user) => error.during(format!("as user {user}")),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_of_another_user_is_seen() {
        assert!(has_only("Name:\tx\nUid:\t7\t7\t7\t7\n", "Uid:", 7));
        assert!(!has_only("Uid:\t7\t7\t0\t7\n", "Uid:", 7));
        assert!(!has_only("Gid:\t7\t7\t7\t7\n", "Uid:", 7));
    }

    #[test]
    fn a_number_without_a_user_needs_a_group() {
        let nobody_has_this = "4000000017";
        let alone = Privileges { uid: Some(nobody_has_this.into()), ..Privileges::default() };
        let error = alone.target().err().unwrap();
        assert!(error.to_string().contains("give a group"), "{error}");
        let with = Privileges { gid: Some("4000000018".into()), ..alone };
        let target = with.target().unwrap();
        assert_eq!(target.uid.map(Uid::as_raw), Some(4_000_000_017));
        assert_eq!(target.gid.map(Gid::as_raw), Some(4_000_000_018));
    }

    #[test]
    fn what_the_run_time_user_has_lost_is_told_by_name() {
        let asked = Asked {
            claims: ["tcp:80", "tcp:8080", "udp:53", "tcp:0"].map(|e| e.parse().unwrap()).to_vec(),
            reads: vec!["/nonexistent/key.pem".into(), "/proc/self/status".into()],
            writes: vec!["/nonexistent/files".into(), "/tmp".into()],
            warnings: Vec::new(),
        };
        let dropped = Dropped { user: Some("www".into()), chroot: false, unprivileged: 1024 };
        let lost = dropped.lost(&asked);
        let names = ["tcp:80 ", "udp:53 ", "/nonexistent/key.pem ", "/nonexistent/files "];
        assert_eq!(lost.len(), names.len(), "{lost:?}");
        for (line, name) in lost.iter().zip(names) {
            assert!(line.starts_with(name) && line.contains("user www"), "{line}");
        }
        let open = Dropped { unprivileged: 0, ..dropped.clone() };
        assert_eq!(open.lost(&asked).len(), 2);
        let elsewhere = Dropped { chroot: true, ..dropped };
        assert!(!elsewhere.lost(&asked).iter().any(|line| line.contains("/files")));
        assert!(Dropped::default().lost(&asked).is_empty());
    }
}
