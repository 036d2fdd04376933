use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Group, Uid, User, chroot, initgroups, setgid, setgroups, setuid};

use super::generation::Asked;
use crate::net::Endpoint;
use crate::{Error, Result};

/// Ports below this one need a privilege to be bound.
const UNPRIVILEGED: u16 = 1024;

/// What a process gives up once its sockets are bound and its keys are read, before the runtime starts.
#[derive(Clone, Debug, Default)]
pub struct Privileges {
    /// Run as this user: a name or a number. Their groups are taken too, unless `gid` is given.
    pub uid: Option<String>,
    /// Run in this group only: a name or a number.
    pub gid: Option<String>,
    /// See this folder as the root of the file system.
    pub chroot: Option<PathBuf>,
    /// Take these permissions away from files that are made.
    pub umask: Option<u32>,
    /// Work in this folder; below the new root, if there is one.
    pub rundir: Option<PathBuf>,
}

/// What was given up.
#[derive(Clone, Debug, Default)]
pub(super) struct Dropped {
    user: Option<String>,
}

struct Target {
    uid: Option<Uid>,
    gid: Option<Gid>,
    /// The user's name, for the supplementary groups.
    name: Option<CString>,
}

impl Privileges {
    /// Gives them up in every thread of the process, for good.
    pub(super) fn give_up(&self) -> Result<Dropped> {
        let target = self.target()?;
        if let Some(mask) = self.umask {
            umask(Mode::from_bits_truncate(mask));
        }
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
            check_threads(uid)?;
        }
        Ok(Dropped { user: self.uid.clone().or_else(|| self.gid.clone()) })
    }

    /// Looks the names up; before the root changes, since the user database may not be below it.
    fn target(&self) -> Result<Target> {
        let user = self.uid.as_deref().map(find_user).transpose()?;
        let group = self.gid.as_deref().map(find_group).transpose()?;
        let gid = group.or_else(|| user.as_ref().map(|u| u.gid));
        let name = user.as_ref().and_then(|u| CString::new(u.name.as_str()).ok());
        Ok(Target { uid: user.map(|u| u.uid), gid, name })
    }
}

fn find_user(text: &str) -> Result<User> {
    let found = match text.parse() {
        Ok(id) => User::from_uid(Uid::from_raw(id)),
        Err(_) => User::from_name(text),
    };
    found
        .map_err(|e| failed(format!("cannot look up user {text}"), e))?
        .ok_or_else(|| Error::local(format!("there is no user {text}")))
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
    Error::local(what).caused_by(errno)
}

/// Each thread has identities of its own in the kernel; one that kept uid 0 would be a hole.
fn check_threads(uid: Uid) -> Result<()> {
    let wrong = |e| Error::local("cannot check that privileges are gone").caused_by(e);
    for thread in fs::read_dir("/proc/self/task").map_err(wrong)? {
        let status = fs::read_to_string(thread.map_err(wrong)?.path().join("status")).map_err(wrong)?;
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
        if ids.split_whitespace().any(|id| id != uid.to_string()) {
            return Err(Error::local("a thread kept its privileges"));
        }
    }
    if !uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        return Err(Error::local("privileges can be taken back"));
    }
    Ok(())
}

impl Dropped {
    /// What the run-time user could not bind or read again, by name.
    pub(super) fn lost(&self, asked: &Asked) -> Vec<String> {
        let Some(user) = &self.user else { return Vec::new() };
        let port = |e: &Endpoint| e.port().is_some_and(|port| port != 0 && port < UNPRIVILEGED);
        let ports = asked.claims.iter().filter(|e| port(e)).map(|endpoint| {
            format!(
                "{endpoint} is held, but user {user} could not bind it again: a reload keeps it, a restart needs root"
            )
        });
        let files = asked.reads.iter().filter_map(|path| {
            let error = fs::File::open(path).err()?;
            Some(format!(
                "{} cannot be read again by user {user}: {error}; a reload will fail on it",
                path.display()
            ))
        });
        ports.chain(files).collect()
    }

    /// An error of a reload, with what was given up.
    pub(super) fn explain(&self, error: Error) -> Error {
        match &self.user {
            Some(user) => error.during(format!("after privileges were given up to {user}")),
            None => error,
        }
    }
}
