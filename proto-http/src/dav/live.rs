//! The properties that the server itself knows (RFC 4918 §15, RFC 4331 §3).

use std::fmt::Write as _;
use std::time::SystemTime;

use ropewalk_core::data::files::{Kind, Lock, Meta, Place, Prop, PropName, Space, Time, VPath};

use super::View;
use super::xml::{DAV, escape};
use crate::files::LOCKABLE;
use crate::wire::date;

/// Those that are told to whoever asks for all.
pub(super) const ALL: [&str; 9] = [
    "creationdate",
    "displayname",
    "getcontentlength",
    "getcontenttype",
    "getetag",
    "getlastmodified",
    "lockdiscovery",
    "resourcetype",
    "supportedlock",
];
/// Those that are told only to whoever asks for them (RFC 4331 §3).
pub(super) const QUOTA: [&str; 2] = ["quota-available-bytes", "quota-used-bytes"];

/// Whether nobody may set a property: it is told from the file itself.
pub(super) fn is_protected(name: &PropName) -> bool {
    let local = name.local.as_str();
    &*name.namespace == DAV && local != "displayname" && (ALL.contains(&local) || QUOTA.contains(&local))
}

/// What is known of a resource.
pub(super) struct Item {
    pub(super) path: VPath,
    pub(super) meta: Meta,
    pub(super) place: Option<Place>,
    /// The locks that hold for it.
    pub(super) locks: Vec<Lock>,
    /// What others have given it.
    pub(super) dead: Vec<Prop>,
    pub(super) space: Option<Space>,
}

impl Item {
    pub(super) fn is_dir(&self) -> bool {
        self.meta.kind == Kind::Dir
    }

    /// Writes the property of this name, where it has it.
    pub(super) fn write(&self, out: &mut String, view: &View, name: &PropName) -> bool {
        if let Some(dead) = self.dead.iter().find(|prop| prop.name == *name) {
            out.push_str(&String::from_utf8_lossy(&dead.value));
            return true;
        }
        &*name.namespace == DAV && self.live(out, view, &name.local)
    }

    /// Writes the property of WebDAV of this name, where it has it.
    pub(super) fn live(&self, out: &mut String, view: &View, local: &str) -> bool {
        let start = out.len();
        let _ = write!(out, "<D:{local}>");
        if self.value(out, view, local).is_none() {
            out.truncate(start);
            return false;
        }
        let _ = write!(out, "</D:{local}>");
        true
    }

    /// Whether it has the property of WebDAV of this name.
    pub(super) fn has(&self, view: &View, local: &str) -> bool {
        self.live(&mut String::new(), view, local)
    }

    fn value(&self, out: &mut String, view: &View, local: &str) -> Option<()> {
        let meta = &self.meta;
        let in_file = (!self.is_dir()).then_some(());
        match local {
            "creationdate" => {
                // RFC 3339, of which jiff writes a form with `Z`.
                let at = meta.btime.or(meta.mtime)?;
                let _ = write!(out, "{}", jiff::Timestamp::from_second(at.secs()).ok()?);
            }
            "displayname" => {
                let name = self.path.file_name()?;
                out.push_str(&escape(&String::from_utf8_lossy(name.as_bytes())));
            }
            "getcontentlength" => {
                in_file?;
                let _ = write!(out, "{}", meta.len);
            }
            "getcontenttype" => {
                in_file?;
                out.push_str(&escape(view.types.of(&self.path).to_str().ok()?));
            }
            "getetag" => {
                let _ = write!(out, "\"{}\"", escape(meta.etag.as_ref()?.as_str()));
            }
            "getlastmodified" => out.push_str(&last_modified(meta.mtime?)?),
            "lockdiscovery" => {
                let place = self.place.as_ref()?;
                for lock in &self.locks {
                    active(out, &view.lock_root(&self.path, &place.path, lock, self.is_dir()), lock);
                }
            }
            "resourcetype" => out.push_str(if self.is_dir() { "<D:collection/>" } else { "" }),
            "supportedlock" => {
                self.place.as_ref()?;
                if !view.rights(&self.path).has_any(LOCKABLE) {
                    // RFC 4918 §15.10: an empty one says that there are no locks.
                    return Some(());
                }
                for scope in ["exclusive", "shared"] {
                    let _ = write!(
                        out,
                        "<D:lockentry><D:lockscope><D:{scope}/></D:lockscope>\
                         <D:locktype><D:write/></D:locktype></D:lockentry>"
                    );
                }
            }
            "quota-available-bytes" => {
                let _ = write!(out, "{}", self.space?.free);
            }
            "quota-used-bytes" => {
                let space = self.space?;
                let _ = write!(out, "{}", space.total.saturating_sub(space.free));
            }
            _ => return None,
        }
        Some(())
    }
}

fn last_modified(time: Time) -> Option<String> {
    Some(date::encode(u64::try_from(time.secs()).ok()?)?.to_str().ok()?.to_owned())
}

/// An element `activelock` (RFC 4918 §14.1).
pub(super) fn active(out: &mut String, root: &str, lock: &Lock) {
    let scope = if lock.exclusive { "exclusive" } else { "shared" };
    let depth = if lock.deep { "infinity" } else { "0" };
    let left = lock.until.duration_since(SystemTime::now()).map_or(0, |left| left.as_secs());
    let _ = write!(
        out,
        "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:{scope}/></D:lockscope>\
         <D:depth>{depth}</D:depth>{}<D:timeout>Second-{left}</D:timeout>\
         <D:locktoken><D:href>{}</D:href></D:locktoken><D:lockroot><D:href>{root}</D:href></D:lockroot>\
         </D:activelock>",
        String::from_utf8_lossy(&lock.owner),
        lock.token,
    );
}
