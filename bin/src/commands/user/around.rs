//! What the configuration over a store says that matters to people: where their own files are, and what services there are.

use std::path::{Path, PathBuf};

use ropewalk_core::config::{Document, Registry};
use ropewalk_core::data::cred::Name;
use toml::{Table, Value};

use crate::control::{Order, ask};
use crate::settings;

/// The configuration that is looked for where no server runs.
const HERE: &str = "ropewalk.toml";

/// A configuration whose accounts are in a store.
pub(super) struct Around {
    file: PathBuf,
    /// The folders in which each person has one.
    homes: Vec<PathBuf>,
    services: Vec<String>,
}

impl Around {
    /// That of the server which runs on the store; else `ropewalk.toml` here, where that is about the store. `None` where it
    /// is neither, and where it cannot be read or has mistakes.
    pub(super) fn of(store: &Path, registry: &Registry) -> Option<Self> {
        let status = ask(store, &Order::Status {}).ok();
        let runs = status.as_ref().and_then(|status| status.get("config")?.as_str());
        let file = runs.map_or_else(|| PathBuf::from(HERE), PathBuf::from);
        if !file.exists() {
            return None;
        }
        let document = Document::new().file(&file).environment(std::env::vars_os());
        let reading = document.read(registry, settings::read);
        let config: Table = reading.show(&document, false).parse().ok()?;
        let folder = std::path::absolute(&file).ok()?.parent()?.to_owned();
        let text = |table: &Value, key: &str| table.get(key)?.as_str().map(|path| folder.join(path));
        let all = |kind: &str| config.get(kind).and_then(Value::as_table).into_iter().flat_map(Table::values);
        let is_it = |other: &Path| same(other, store);
        if !all("accounts").filter_map(|accounts| text(accounts, "store")).any(|other| is_it(&other)) {
            return None;
        }
        let each = |path: PathBuf| (path.file_name()? == "%u").then(|| path.parent().map(Path::to_owned))?;
        let homes = all("files").filter_map(|files| text(files, "path")).filter_map(each).collect();
        let services = reading.plan?.members.into_iter().map(|member| member.name).collect();
        Some(Self { file, homes, services })
    }

    /// The folders of this name in which there is something.
    pub(super) fn homes(&self, name: &str) -> Vec<PathBuf> {
        let is_full = |home: &PathBuf| std::fs::read_dir(home).is_ok_and(|mut all| all.next().is_some());
        self.homes.iter().map(|homes| homes.join(name)).filter(is_full).collect()
    }

    /// Which of these is no service, and what there is.
    pub(super) fn unknown(&self, services: &[Name]) -> Option<String> {
        let is_none = |name: &&Name| !self.services.iter().any(|known| known == name.as_str());
        let unknown = services.iter().find(is_none)?;
        let known = self.services.join(", ");
        Some(format!("{} has no service {:?}: known are {known}", self.file.display(), unknown.as_str()))
    }
}

/// Whether both are one folder.
fn same(one: &Path, other: &Path) -> bool {
    one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
}
