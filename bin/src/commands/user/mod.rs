//! `ropewalk user`: people, in a store.

mod around;
mod keys;
mod password;
mod show;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgGroup, Args, Subcommand};
use ropewalk_core::config::{Registry, Size};
use ropewalk_core::data::cred::{Hashing, Name, Profile};
use ropewalk_core::data::files::{
    self,
    layers::{NoSuchOp, Ops},
};
use ropewalk_core::{Error, Fault, Result};
use ropewalk_store::accounts::{Change, NewAccount, Scram, Store};

use crate::control::{Order, ask};
use crate::exit::Exit;
use around::Around;
use password::{Asked, PasswordArgs};

/// `ropewalk user`.
#[derive(Args)]
pub(crate) struct UserArgs {
    /// The folder of the store.
    #[arg(long, global = true, value_name = "DIR", default_value = "./ropewalk-data")]
    store: PathBuf,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Add somebody; makes the store where there is none. The password is asked for, or is one line of standard input.
    Add(AddArgs),
    /// Give somebody another password. It is asked for, or is one line of standard input.
    Passwd(PasswdArgs),
    /// Change somebody's groups and files.
    Set(SetArgs),
    /// Let nobody log in as this person, until `enable`.
    Disable {
        /// Who.
        name: Name,
    },
    /// Let somebody log in again.
    Enable {
        /// Who.
        name: Name,
    },
    /// List all people, and how many passwords, keys and the like each can log in by.
    Ls {
        /// Only those of this group.
        #[arg(long, value_name = "NAME")]
        group: Option<Name>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what is known of somebody.
    Show {
        /// Who.
        name: Name,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove somebody, with all keys and app passwords. Their files stay.
    Rm {
        /// Who.
        name: Name,
    },
    /// SSH keys, certificates and tokens, which open an account besides its password.
    Keys(keys::KeysArgs),
    /// Passwords for one program each, which are made here.
    Apppw(keys::AppArgs),
}

#[derive(Args)]
struct AddArgs {
    /// The name.
    #[arg(value_parser = Name::of_person)]
    name: Name,
    /// A group to be in; may be repeated.
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<Name>,
    /// The name of the folder that is the person's own, where it is not the person's name.
    #[arg(long, value_name = "FOLDER", value_parser = home)]
    home: Option<String>,
    /// What the person's files may take, such as `10GiB`.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    quota: Option<u64>,
    /// All that the person may do with files, whatever rules allow besides: words such as `list,read`.
    #[arg(long, value_name = "WORDS", value_parser = rights)]
    rights: Option<String>,
    #[command(flatten)]
    password: PasswordArgs,
    /// Also keep a SCRAM-SHA-256 verifier, for protocols that log in so. A stolen one is cheaper to guess at.
    #[arg(long, conflicts_with = "no_password")]
    scram: bool,
}

#[derive(Args)]
struct PasswdArgs {
    /// Who.
    name: Name,
    #[command(flatten)]
    password: PasswordArgs,
    /// Also keep a SCRAM-SHA-256 verifier from now on.
    #[arg(long, conflicts_with_all = ["no_password", "no_scram"])]
    scram: bool,
    /// Keep none any more.
    #[arg(long)]
    no_scram: bool,
}

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["groups", "no_groups", "home", "quota", "rights"])))]
struct SetArgs {
    /// Who.
    name: Name,
    /// A group to be in, instead of all that were; may be repeated.
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<Name>,
    /// To be in no group.
    #[arg(long, conflicts_with = "groups")]
    no_groups: bool,
    /// The name of the folder that is the person's own; the person's name if it is empty.
    #[arg(long, value_name = "FOLDER", value_parser = home)]
    home: Option<String>,
    /// What the person's files may take, such as `10GiB`, or `none`.
    #[arg(long, value_name = "SIZE", value_parser = size_or_none)]
    quota: Option<Limit>,
    /// All that the person may do with files, such as `list,read`; what rules allow if it is empty.
    #[arg(long, value_name = "WORDS", value_parser = rights)]
    rights: Option<String>,
}

/// A quota, or that there is none.
#[derive(Clone, Copy)]
struct Limit(Option<u64>);

/// Does what is asked for.
pub(crate) fn run(args: UserArgs, registry: &Registry) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return super::fail(&Error::local("cannot start").caused_by(error)),
    };
    match runtime.block_on(done(args, registry)) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            let code = super::fail(&error);
            // Another process has the store locked.
            if error.fault() == Fault::Limit { Exit::TryLater } else { code }
        }
    }
}

async fn done(UserArgs { store: dir, command }: UserArgs, registry: &Registry) -> Result<()> {
    let hashing = Arc::new(Hashing::new());
    if let UserCommand::Add(args) = command {
        let is_new = !Store::is_in(&dir);
        let store = Store::create(dir, hashing)?;
        if is_new {
            eprintln!("made a new store in {}", store.dir().display());
        }
        return add(args, store, registry).await;
    }
    let store = Store::open(dir, hashing)?;
    if let Some(wide) = store.warning() {
        eprintln!("warning: {wide}");
    }
    match command {
        UserCommand::Add(_) => Ok(()),
        UserCommand::Passwd(args) => passwd(args, &store).await,
        UserCommand::Set(args) => set(args, &store).await,
        UserCommand::Disable { name } => {
            store.change(&name, Change { disabled: Some(true), ..Change::default() }).await?;
            revoke(&store, &name);
            Ok(())
        }
        UserCommand::Enable { name } => {
            store.change(&name, Change { disabled: Some(false), ..Change::default() }).await
        }
        UserCommand::Ls { group, json } => {
            let mut all = store.list().await?;
            all.retain(|account| group.as_ref().is_none_or(|group| account.groups.contains(group)));
            show::list(&all, json);
            Ok(())
        }
        UserCommand::Show { name, json } => {
            show::account(&known(&store, &name).await?, json);
            Ok(())
        }
        UserCommand::Rm { name } => remove(&store, &name, registry).await,
        UserCommand::Keys(args) => keys::run(args, &store).await,
        UserCommand::Apppw(args) => keys::run_apps(args, &store, registry).await,
    }
}

async fn add(args: AddArgs, store: Store, registry: &Registry) -> Result<()> {
    let AddArgs { name, groups, home, quota, rights, password, scram } = args;
    if store.show(&name).await?.is_some() {
        // Before a password is typed for nothing.
        return Err(Error::local(format!("there is an account {:?} already", name.as_str())));
    }
    let around = Around::of(store.dir(), registry);
    for folder in around.iter().flat_map(|around| around.homes(home.as_deref().unwrap_or(name.as_str()))) {
        let folder = folder.display();
        eprintln!(
            "warning: {folder} is there already, with something in it: it will be the own folder of {name}"
        );
    }
    let asked = password.ask(&name)?;
    let profile = Profile { home: given(home), quota, rights: given(rights) };
    store.add(NewAccount { name, groups, profile, password: asked.password(), scram }).await?;
    asked.tell();
    Ok(())
}

async fn passwd(args: PasswdArgs, store: &Store) -> Result<()> {
    let PasswdArgs { name, password, scram, no_scram } = args;
    known(store, &name).await?;
    let scram = match (scram, no_scram) {
        (true, _) => Scram::On,
        (_, true) => Scram::Off,
        _ => Scram::AsBefore,
    };
    let asked: Asked = password.ask(&name)?;
    store.set_password(&name, asked.password(), scram).await?;
    revoke(store, &name);
    asked.tell();
    Ok(())
}

async fn remove(store: &Store, name: &Name, registry: &Registry) -> Result<()> {
    let home = known(store, name).await?.profile.home.unwrap_or_else(|| name.to_string());
    let around = Around::of(store.dir(), registry);
    store.remove(name).await?;
    revoke(store, name);
    for folder in around.iter().flat_map(|around| around.homes(&home)) {
        eprintln!("the files of {name} stay, for whoever gets the name next: {}", folder.display());
    }
    Ok(())
}

/// Ends what is open by this name, on the server that runs on the store, if one does: what is open was let in by what the
/// account was before.
fn revoke(store: &Store, name: &Name) {
    match ask(store.dir(), &Order::Revoke { user: name.to_string() }) {
        Ok(_) | Err((Exit::Unavailable, _)) => {}
        Err((_, why)) => eprintln!("warning: connections that are open may go on: {why}"),
    }
}

async fn set(args: SetArgs, store: &Store) -> Result<()> {
    let SetArgs { name, groups, no_groups, home, quota, rights } = args;
    let change = Change {
        groups: (no_groups || !groups.is_empty()).then_some(groups),
        home: home.map(|home| given(Some(home))),
        quota: quota.map(|Limit(quota)| quota),
        rights: rights.map(|rights| given(Some(rights))),
        ..Change::default()
    };
    store.change(&name, change).await?;
    revoke(store, &name);
    Ok(())
}

async fn known(store: &Store, name: &Name) -> Result<ropewalk_store::accounts::Account> {
    let account = store.show(name).await?;
    account.ok_or_else(|| Error::local(format!("there is no account {:?}", name.as_str())))
}

/// What is empty was not given.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// One name of a folder, or nothing.
fn home(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        files::Name::new(text.as_bytes().to_vec()).map_err(|error| error.to_string())?;
    }
    Ok(text.to_owned())
}

/// Words with commas between them, or nothing.
fn rights(text: &str) -> Result<String, String> {
    let words = text.split(',').filter(|_| !text.is_empty());
    let ops = words.map(str::parse).try_fold(Ops::NONE, |all, one: Result<Ops, NoSuchOp>| Ok(all | one?));
    ops.map(|ops| ops.to_string()).map_err(|error: NoSuchOp| error.to_string())
}

/// A number of octets, as in the configuration.
fn size(text: &str) -> Result<u64, String> {
    text.parse().map(|Size(octets)| octets).map_err(|error: Error| error.to_string())
}

fn size_or_none(text: &str) -> Result<Limit, String> {
    if text == "none" { Ok(Limit(None)) } else { size(text).map(|octets| Limit(Some(octets))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_one_name_and_rights_are_words() {
        assert_eq!(home("annex").as_deref(), Ok("annex"));
        assert_eq!((home("").as_deref(), rights("").as_deref()), (Ok(""), Ok("")));
        assert_eq!(rights("read,list").as_deref(), Ok("list,read"));
        for text in ["a/b", "..", "/", "."] {
            assert!(home(text).is_err(), "{text}");
        }
        for text in ["write", "read,", "read list", ","] {
            assert!(rights(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, octets) in [("0", 0), ("10KiB", 10240), ("5GB", 5_000_000_000), ("2g", 2 << 30)] {
            assert_eq!(size(text), Ok(octets), "{text}");
        }
        let says = size("5 apples").unwrap_err();
        assert!(says.contains("\"5 apples\"") && says.contains("GiB"), "{says}");
        assert!(size_or_none("none").is_ok_and(|Limit(limit)| limit.is_none()));
    }
}
