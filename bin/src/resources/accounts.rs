use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use ropewalk_core::config::{ResourceKind, Secret, Section};
use ropewalk_core::data::cred::{Accounts, AnyOf, Authenticator, Format, Hashing, Memory};
use ropewalk_core::tls::check_secret;
use ropewalk_store::accounts::Store;

use super::Unseen;

/// `[accounts.NAME]`: people and their passwords by name.
pub(crate) const ACCOUNTS: ResourceKind = ResourceKind {
    name: "accounts",
    summary: "People who can log in, for every service that asks who somebody is",
    example: "store = \"ropewalk-data\"",
    build: |section, resources| {
        let own = resources.of_settings::<Path>();
        let Some(Read { accounts, unseen }) = read(section, own.as_deref()) else { return };
        resources.provide::<dyn Authenticator>(section, accounts);
        resources.provide(section, Arc::new(unseen));
    },
};

struct Read {
    accounts: Arc<dyn Authenticator>,
    unseen: Unseen,
}

/// One for the whole process, as it bounds what all logins together cost.
static HASHING: LazyLock<Arc<Hashing>> = LazyLock::new(Arc::default);

/// Those of one table; of the store that is the server's `own` is told where it stands.
fn read(section: &mut Section<'_>, own: Option<&Path>) -> Option<Read> {
    let file: Option<PathBuf> =
        section.key("file", "File of accounts; changes count within a second.").optional();
    let format = section
        .key("format", "How it is written; by default `toml` where its name ends so, else `htpasswd`.")
        .word(&[("toml", Format::Toml), ("htpasswd", Format::Htpasswd)]);
    let users: Vec<Secret> = section.key("users", "People as `name:password`, besides.").or(Vec::new());
    let store: Option<PathBuf> = section
        .key("store", "Folder of a store, as `ropewalk user` makes it; changes count within a second.")
        .optional();
    let mut all: Vec<Arc<dyn Authenticator>> = Vec::new();
    if !users.is_empty() {
        all.push(memory(section, &users)?);
    }
    if let Some(path) = &file {
        let by_name = || match path.extension().is_some_and(|extension| extension == "toml") {
            true => Format::Toml,
            false => Format::Htpasswd,
        };
        if let Ok(meta) = std::fs::metadata(path)
            && let Err(wide) = check_secret(path, &meta)
        {
            section.warn_in("file", wide.to_string());
        }
        let accounts = Accounts::open(path, format.unwrap_or_else(by_name), Arc::clone(&HASHING));
        all.push(Arc::new(accounts.map_err(|error| section.error_in("file", error.chain())).ok()?));
    }
    let unseen = Unseen::new([&file, &store].into_iter().flatten().map(PathBuf::as_path));
    if let Some(dir) = store {
        let store = Store::open(dir, Arc::clone(&HASHING));
        let store = store.map_err(|error| section.error_in("store", error.chain())).ok()?;
        if let Some(wide) = store.warning().filter(|_| own != Some(store.dir())) {
            section.warn_in("store", wide);
        }
        all.push(Arc::new(store));
    }
    if all.is_empty() && !section.has("file") && !section.has("store") {
        section.error("accounts have a `store`, a `file` or `users`");
    }
    let accounts = if all.len() == 1 { all.remove(0) } else { Arc::new(AnyOf::new(all)) };
    Some(Read { accounts, unseen })
}

/// An entry that cannot be read is not repeated: it may be a password.
fn memory(section: &Section<'_>, users: &[Secret]) -> Option<Arc<dyn Authenticator>> {
    let mut memory = Memory::new().map_err(|error| section.error(error.chain())).ok()?;
    for (number, user) in (1..).zip(users) {
        match user.expose().parse() {
            Ok(user) => memory = memory.user(user),
            Err(error) => section.error_in("users", format!("number {number}: {}", error.chain())),
        }
    }
    Some(Arc::new(memory))
}
