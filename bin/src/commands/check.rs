use clap::Args;
use ropewalk_core::app::{Member, Prepare, Service as _};
use ropewalk_core::config::Registry;
use ropewalk_core::net::Sockets;
use serde_json::json;

use crate::cli::SourceArgs;
use crate::exit::Exit;
use crate::process::{Source, tell};
use crate::settings;

/// `ropewalk check`.
#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Try the environment too: bind the ports, as this user.
    #[arg(long)]
    env: bool,
    /// As JSON: one object for each thing found.
    #[arg(long)]
    json: bool,
}

/// Says all that is wrong with a configuration.
pub(crate) fn run(args: &CheckArgs, registry: &Registry) -> Exit {
    let source = Source::File(args.source.clone());
    let reading = source.document().read(registry, settings::read);
    let records = reading.diagnostics.records();
    let plan = if args.json { reading.plan } else { tell(reading) };
    let Some(plan) = plan else {
        if args.json {
            println!("{:#}", json!({"version": 1, "diagnostics": records, "environment": []}));
        }
        return Exit::Config;
    };
    let services = plan.members.len();
    let members = plan.members.into_iter().map(Member::from);
    let problems = if args.env { environment(members) } else { Vec::new() };
    if args.json {
        println!("{:#}", json!({"version": 1, "diagnostics": records, "environment": problems}));
    } else {
        for problem in &problems {
            eprintln!("error: {problem}");
        }
        if problems.is_empty() {
            println!("{} is right: {services} services", args.source.config.display());
        }
    }
    if problems.is_empty() { Exit::Ok } else { Exit::Problems }
}

/// What each service could not get.
fn environment(members: impl Iterator<Item = Member>) -> Vec<String> {
    let mut sockets = Sockets::default();
    members
        .filter_map(|mut member| {
            let error = member.service.prepare(&mut Prepare::new(&mut sockets)).err()?;
            Some(format!("service {}: {}", member.name, error.chain()))
        })
        .collect()
}
