//! `ropewalk up` and `ropewalk dev`: every server at once.

mod greeting;
mod made;
mod suite;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, value_parser};
use ropewalk_core::config::Registry;
use ropewalk_core::{Error, Result};

use crate::cli::{ProcessArgs, SourceArgs};
use crate::exit::Exit;
use crate::process::{Root, Source, is_child, launch, tell};
use crate::program::program;
use greeting::Greeting;
use made::Person;
use suite::Suite;

/// The configuration that `up` looks for, and makes.
const CONFIG: &str = "ropewalk.toml";
/// The folder of everything else: the store, the authority, the files.
const DATA: &str = "ropewalk-data";

/// `ropewalk up`.
#[derive(Args, Clone, Debug)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

/// `ropewalk dev`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DevArgs {
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

/// Where all servers listen.
#[derive(Args, Clone, Debug)]
struct PortArgs {
    /// Listen on every address of this machine, not only on loopback.
    #[arg(long)]
    public: bool,
    /// Add this to every port.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = value_parser!(u16).range(0..=50_000))]
    port_offset: u16,
}

/// Runs every server, over what is in this folder: what is not there is made.
pub(crate) fn up(args: UpArgs, registry: &Registry) -> Exit {
    let config = PathBuf::from(CONFIG);
    let source = Source::file(&SourceArgs { config: config.clone(), set: Vec::new() });
    // The process in the background finds what the one in front has made.
    let made = if is_child() {
        Ok(None)
    } else if config.exists() {
        known(&config, &args.ports).map(|()| None)
    } else {
        first(&config, &args).map(Some)
    };
    let admin = match made {
        Ok(admin) => admin,
        Err(error) => return super::fail(&error),
    };
    let reading = (!is_child()).then(|| source.read(registry));
    if let Some(reading) = reading.filter(|reading| reading.plan.is_none()) {
        tell(reading);
        eprintln!(
            "error: {CONFIG} cannot be used as it is: mend what is said above; or move it away, and up makes another"
        );
        return Exit::Config;
    }
    let mut process = args.process;
    // Held by the process that runs: a second one is told which that is.
    process.pidfile.get_or_insert_with(|| Path::new(DATA).join("ropewalk.pid"));
    let mut greeting = Greeting::of(&source, registry, admin.as_ref());
    if let Some(Person { name, password }) = admin {
        greeting.add(format!(
            "The account is {name}, its password {password}. It is not shown again; for another: {} user passwd {name}",
            program()
        ));
    }
    launch(registry, source, &process, Root::Warned, move || greeting.print())
}

/// Nothing is made twice; what the first `up` wrote is the operator's now. What somebody else wrote, for something else, is not
/// taken for it.
fn known(config: &Path, ports: &PortArgs) -> Result<()> {
    let text =
        fs::read_to_string(config).map_err(|e| Error::local(format!("cannot read {CONFIG}")).caused_by(e))?;
    if !text.contains(made::MARK) {
        if !Path::new(DATA).exists() {
            return Err(Error::local(format!(
                "{CONFIG} is there already, and up did not make it: `{} run` serves what it says; up begins in a folder without one",
                program()
            )));
        }
        eprintln!("warning: {CONFIG} does not say that up has made it: what it says is served");
    }
    if ports.public || ports.port_offset != 0 {
        return Err(Error::local(format!(
            "{CONFIG} is there already, and says where to listen: --public and --port-offset are for a folder without one"
        )));
    }
    Ok(())
}

fn first(config: &Path, args: &UpArgs) -> Result<Person> {
    let suite = Suite::new(args.ports.public, args.ports.port_offset);
    // Before anything is written, so that another try begins where this one did.
    suite.are_free()?;
    made::make(config, Path::new(DATA), &suite, args.process.uid.as_deref())
}

/// Runs every server over data that is gone when the process ends.
pub(crate) fn dev(args: &DevArgs, registry: &Registry) -> Exit {
    if args.process.detach {
        eprintln!("error: dev runs in the foreground, as its data end with it; up can be detached");
        return Exit::Usage;
    }
    let suite = Suite::new(args.ports.public, args.ports.port_offset);
    let made::Demo { config, people, folder } = match made::demo(&suite) {
        Ok(demo) => demo,
        Err(error) => return super::fail(&error),
    };
    let source = Source::text(config);
    let mut greeting = Greeting::of(&source, registry, people.first());
    let accounts: Vec<_> = people.iter().map(|who| format!("{}:{}", who.name, who.password)).collect();
    greeting.add(format!("The accounts are {}. All data is gone when this ends.", accounts.join(" and ")));
    let exit = launch(registry, source, &args.process, Root::Warned, move || greeting.print());
    drop(folder);
    exit
}
