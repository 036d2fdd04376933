mod marks;
mod people;
mod rules;
mod shares;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ropewalk_core::config::{ResourceKind, Resources, Section, Size};
use ropewalk_core::data::cred::Realm;
use ropewalk_core::data::files::layers::Dots;
use ropewalk_core::data::files::{DotDot, Files, Glob, VPath};
use ropewalk_store::files::local::{Local, Options};
use ropewalk_store::marks::Store;
use rustix::fs::{Access, access};

use super::{Unseen, Writes};
use people::{Base, People};

/// `[files.NAME]`: a tree of files by name.
pub(crate) const FILES: ResourceKind = ResourceKind {
    name: "files",
    summary: "A tree of files, for every service that serves files",
    example: "path = \".\"",
    build: |section, resources| {
        let Some(Tree { people, known, writes, folder }) = read(section, resources) else { return };
        let people = Arc::new(people);
        if let Some(folder) = writes {
            resources.provide(section, Arc::new(Writes(folder)));
        }
        resources.provide::<Known>(section, Arc::new(known));
        if let Some(everybody) = people.everybody() {
            resources.provide::<dyn Files>(section, everybody);
        }
        if let Some(folder) = folder {
            // For programs beside the files, which are told where those are.
            resources.provide::<Path>(section, folder.into());
        }
        resources.provide::<dyn Realm<dyn Files>>(section, people);
    },
};

/// What other trees ask of one.
struct Known {
    /// Whether it follows links.
    follows: bool,
    /// Where it is: its real path, or those of all that is mounted in it.
    at: PathBuf,
}

struct Tree {
    people: People,
    known: Known,
    /// Where something is written, if anything is.
    writes: Option<PathBuf>,
    /// Where all of it is, if it is in one folder.
    folder: Option<PathBuf>,
}

fn read(section: &mut Section<'_>, resources: &Resources) -> Option<Tree> {
    let path: Option<PathBuf> = section
        .key("path", "The folder to serve; `%u` at its end is the name of who has logged in, each with a folder of their own.")
        .optional();
    let mounts = section.key("mounts", MOUNTS).named_resources::<dyn Realm<dyn Files>>("files", resources);
    let shared: BTreeMap<String, String> = match &mounts {
        Some(_) => section.key("mounts", MOUNTS).or(BTreeMap::new()),
        None => BTreeMap::new(),
    };
    let dots = section
        .key("hidden", "Whether names that begin with a dot are served.")
        .word_or(("hide", Dots::Hide), &[("show", Dots::Show)]);
    let links = section
        .key(
            "links",
            "Whether symbolic links that stay inside the folder are followed; with `rules`, none is.",
        )
        .word_or(("contained", true), &[("none", false)]);
    let (ruled, chosen) = (section.has("rules"), section.has("links"));
    let options = options(section, links && !ruled);
    let rules = rules::read(section);
    let quota: Option<Size> = section
        .key(
            "quota",
            "Octets that all files may have: of each person where there is `%u`, else of the folder.",
        )
        .optional();
    let rate: Option<Size> =
        section.key("rate", "Octets a second that each person may read, and as many written.").optional();
    let audit = section.key("audit", "Say in the log who does what, under the target `audit`.").or(false);
    let rate = rate.and_then(|Size(rate)| {
        NonZeroU64::new(rate).or_else(|| wrong(section, "rate", "a rate is more than zero"))
    });
    if ruled && links && chosen {
        section.error_in("links", "links are ways around `rules`: with them it is \"none\"");
    }
    let mut follows = options.links;
    let base = match (&path, section.has("mounts")) {
        (Some(_), true) => return wrong(section, "mounts", "there is a `path` already: give one of them"),
        (None, false) => {
            section.error("files have a `path`, or `mounts`");
            return None;
        }
        (Some(path), false) => folder(section, path, &options),
        (None, true) => {
            let linked =
                |name: &&String| resources.get::<Known>("files", name).is_some_and(|known| known.follows);
            let linked = shared.values().find(linked);
            follows = linked.is_some();
            if let (true, Some(name)) = (ruled, linked) {
                let message = format!("links are ways around rules: [files.{name}] needs `links = \"none\"`");
                section.error_in("rules", message);
            }
            self::mounts(section, mounts?, &shared, resources)
        }
    };
    let writes = path.as_deref().filter(|_| options.write).map(|path| above(path).to_owned());
    let (quota, base) = (quota.map(|Size(quota)| quota), base?);
    let at = match &base {
        Base::Folder(_, at) | Base::Mounts { at, .. } => at.clone(),
        Base::Homes(_, at) => at.join("%u"),
    };
    let closed = match &base {
        Base::Folder(_, at) => closed(at, resources),
        Base::Homes(..) | Base::Mounts { .. } => Vec::new(),
    };
    let people = People::new(section.name(), base, rules?, dots, quota, rate, audit);
    let people = people.closed(closed).marks_in(resources.of_settings::<Store>());
    Some(Tree {
        people,
        known: Known { follows, at },
        writes,
        folder: path.filter(|path| !path.ends_with("%u")),
    })
}

/// Stores, accounts, keys and the configuration in a folder, as paths there: nobody gets to see them, whatever rules say.
fn closed(at: &Path, resources: &Resources) -> Vec<Glob> {
    let own = resources.of_settings::<Store>();
    let own = own.iter().map(|store| store.dir()).chain(resources.files().iter().map(PathBuf::as_path));
    let own = Unseen::new(own);
    let others: Vec<_> =
        ["accounts", "tls"].into_iter().flat_map(|kind| resources.all::<Unseen>(kind)).collect();
    let all: BTreeSet<_> = others.iter().flat_map(|unseen| unseen.paths()).chain(own.paths()).collect();
    all.into_iter().filter_map(|path| pattern(path.strip_prefix(at).ok()?)).collect()
}

/// Of what is at this path and below it.
fn pattern(path: &Path) -> Option<Glob> {
    let mut text = String::new();
    for part in path {
        text.push('/');
        for letter in part.to_str()?.chars() {
            text.extend(Some('\\').filter(|_| !letter.is_alphanumeric()));
            text.push(letter);
        }
    }
    format!("{text}/**").parse().ok()
}

const MOUNTS: &str = "Instead of `path`: other `[files.NAME]` by the path at which each is seen.";

/// Records an error.
fn wrong<T>(section: &Section<'_>, key: &str, message: &str) -> Option<T> {
    section.error_in(key, message);
    None
}

fn options(section: &mut Section<'_>, links: bool) -> Options {
    let mut options = Options::default();
    options.links = links;
    options.write = section.key("write", "Whether the folder may be written to.").or(false);
    options.durable =
        section.key("durable", "Wait for the disk before something is said to be written.").or(true);
    options.atomic = section
        .key(
            "resume",
            "Whether an upload appears when it is complete, or grows in place and can be continued.",
        )
        .word_or(("atomic", true), &[("in-place", false)]);
    for key in ["write", "durable", "resume", "links"] {
        if section.has("mounts") && section.has(key) {
            section
                .error_in(key, format!("with `mounts`, each of the mounted files says `{key}` for itself"));
        }
    }
    options
}

/// The folder itself; where it is that of each person, the one that these are in.
fn above(path: &Path) -> &Path {
    let each = path.file_name().is_some_and(|last| last == "%u");
    if each { path.parent().unwrap_or(Path::new("/")) } else { path }
}

/// The tree in a folder; the last part of its path may stand for who it is.
fn folder(section: &Section<'_>, path: &Path, options: &Options) -> Option<Base> {
    let dir = above(path);
    let each = dir != path;
    if dir.as_os_str().as_encoded_bytes().windows(2).any(|two| two == b"%u") {
        return wrong(section, "path", "`%u` is the whole last part of a path");
    }
    let local = Local::with(dir, options)
        .map_err(|e| section.error_in("path", format!("{}: {e}", dir.display())))
        .ok()?;
    if options.write
        && let Err(error) = access(dir, Access::WRITE_OK | Access::EXEC_OK)
    {
        let dir = dir.display();
        section.warn_in("path", format!("`write` is true, but this user cannot write to {dir}: {error}"));
    }
    let at = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    Some(if each { Base::Homes(local, at) } else { Base::Folder(local, at) })
}

fn mounts(
    section: &Section<'_>,
    realms: BTreeMap<String, Arc<dyn Realm<dyn Files>>>,
    names: &BTreeMap<String, String>,
    resources: &Resources,
) -> Option<Base> {
    let (mut people, mut everybody, mut all) = (BTreeMap::new(), Some(BTreeMap::new()), OsString::new());
    for (at, realm) in realms {
        let path = match VPath::parse(at.as_bytes(), &VPath::ROOT, DotDot::Refuse) {
            Ok(path) if at.starts_with('/') => path,
            Ok(_) => return wrong(section, "mounts", &format!("{at:?} does not begin with \"/\"")),
            Err(error) => return wrong(section, "mounts", &format!("{at:?}: {error}")),
        };
        let name = names.get(&at).map(String::as_str).unwrap_or_default();
        // Where one of them is somebody's own, there is no tree for everybody.
        everybody = everybody.zip(resources.get::<dyn Files>("files", name)).map(|(mut all, files)| {
            all.insert(path.clone(), files);
            all
        });
        // No path has a NUL in it.
        all.push(format!("\0{path}\0"));
        all.extend(resources.get::<Known>("files", name).map(|known| known.at.clone().into_os_string()));
        if people.insert(path, realm).is_some() {
            return wrong(section, "mounts", &format!("{at:?} is there twice"));
        }
    }
    Some(Base::Mounts { people, everybody, at: all.into() })
}
