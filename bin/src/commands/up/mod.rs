//! `ropewalk up` and `ropewalk dev`: every server at once.

mod greeting;
mod made;
mod suite;

use std::path::{Path, PathBuf};

use clap::{Args, value_parser};
use ropewalk_core::config::Registry;
use ropewalk_core::{Error, Result};

use crate::cli::{ProcessArgs, SourceArgs};
use crate::exit::Exit;
use crate::process::{Root, Source, is_child, launch};
use greeting::Greeting;
use made::Made;
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
    let made = if config.exists() { known(&args.ports) } else { first(&config, &args.ports).map(Some) };
    let made = match made {
        Ok(made) => made,
        Err(error) => return super::fail(&error),
    };
    let source = Source::file(&SourceArgs { config, set: Vec::new() });
    let mut process = args.process;
    // Held by the process that runs: a second one is told which that is.
    process.pidfile.get_or_insert_with(|| Path::new(DATA).join("ropewalk.pid"));
    let greeting = Greeting::of(&source, registry, made);
    launch(registry, source, &process, Root::Warned, move || greeting.print())
}

/// Nothing is made twice; what the first `up` wrote is the operator's now.
fn known(ports: &PortArgs) -> Result<Option<Made>> {
    if (ports.public || ports.port_offset != 0) && !is_child() {
        return Err(Error::local(format!(
            "{CONFIG} is there already, and says where to listen: --public and --port-offset are for a folder without one"
        )));
    }
    Ok(None)
}

fn first(config: &Path, ports: &PortArgs) -> Result<Made> {
    let suite = Suite::new(ports.public, ports.port_offset);
    // Before anything is written, so that another try begins where this one did.
    suite.are_free()?;
    made::make(config, Path::new(DATA), &suite)
}

/// Runs every server over data that is gone when the process ends.
pub(crate) fn dev(args: &DevArgs, registry: &Registry) -> Exit {
    let suite = Suite::new(args.ports.public, args.ports.port_offset);
    let demo = match made::demo(&suite) {
        Ok(demo) => demo,
        Err(error) => return super::fail(&error),
    };
    let source = Source::text(demo.config.clone());
    let greeting = Greeting::of(&source, registry, Some(demo.made.clone()));
    launch(registry, source, &args.process, Root::Warned, move || greeting.print())
}
