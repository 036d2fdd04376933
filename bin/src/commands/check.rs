use clap::Args;
use ropewalk_core::app::{Member, Prepare, Privileges, Service as _};
use ropewalk_core::config::{Reading, Registry};
use ropewalk_core::net::Sockets;
use serde_json::json;

use crate::cli::SourceArgs;
use crate::exit::Exit;
use crate::process::{Source, colour, lines, members};

/// `ropewalk check`.
#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Try the environment too: bind the ports, as this user.
    #[arg(long)]
    env: bool,
    /// Try the environment as the user whom the server will run as: what they cannot bind or read is what a reload
    /// cannot have again. Needs root.
    #[arg(long = "as", value_name = "USER")]
    run_as: Option<String>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Says all that is wrong with a configuration.
pub(crate) fn run(args: &CheckArgs, registry: &Registry) -> Exit {
    let source = Source::file(&args.source);
    let Reading { plan, diagnostics, .. } = source.read(registry);
    if !args.json {
        eprint!("{}", diagnostics.render(colour()));
    }
    let (mut services, mut problems) = (0, Vec::new());
    let exit = match plan.map(members) {
        None => Exit::Config,
        Some(Err(error)) => {
            problems.push(error.chain());
            Exit::Config
        }
        Some(Ok(members)) => {
            services = members.len();
            match environment(args, &source, members, registry, &lines(&diagnostics)) {
                Ok(found) => problems = found,
                Err(error) => return super::fail(&error),
            }
            match (diagnostics.has_errors(), problems.is_empty()) {
                (true, _) => Exit::Config,
                (false, false) => Exit::Problems,
                (false, true) => Exit::Ok,
            }
        }
    };
    if args.json {
        let records = diagnostics.records();
        outln!("{:#}", json!({"version": 1, "diagnostics": records, "environment": problems}));
        return exit;
    }
    for problem in &problems {
        eprintln!("error: {problem}");
    }
    if exit == Exit::Ok {
        let s = if services == 1 { "" } else { "s" };
        outln!("{}: no mistakes, {services} service{s}", args.source.config.display());
    }
    exit
}

/// What the user in question cannot have: by itself nothing is asked. What is `known` was told.
fn environment(
    args: &CheckArgs,
    source: &Source,
    members: Vec<Member>,
    registry: &Registry,
    known: &[String],
) -> ropewalk_core::Result<Vec<String>> {
    let Some(user) = &args.run_as else {
        return Ok(if args.env { unbindable(members) } else { Vec::new() });
    };
    drop(members);
    Privileges { uid: Some(user.clone()), ..Privileges::default() }.give_up()?;
    let Reading { plan, diagnostics, .. } = source.read(registry);
    let found = lines(&diagnostics).into_iter().filter(|line| !known.contains(line));
    let mut problems: Vec<_> = found.map(|line| format!("as user {user}: {line}")).collect();
    if let Some(plan) = plan {
        problems.append(&mut unbindable(crate::process::members(plan)?));
    }
    Ok(problems)
}

/// What each service could not bind.
fn unbindable(members: Vec<Member>) -> Vec<String> {
    let mut sockets = Sockets::default();
    members
        .into_iter()
        .filter_map(|mut member| {
            let error = member.service.prepare(&mut Prepare::new(&mut sockets)).err()?;
            Some(format!("service {}: {}", member.name, error.chain()))
        })
        .collect()
}
