use clap::{Args, Subcommand};
use ropewalk_core::Limits;
use ropewalk_core::config::{FromValue as _, Kind, Need, Registry, ResourceKind, Schema, SchemaKey, Size};

use crate::cli::SourceArgs;
use crate::exit::Exit;
use crate::process::{Source, colour};
use crate::program::program;
use crate::settings;

/// `ropewalk config`.
#[derive(Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Show the merged configuration; secrets are masked.
    Show {
        #[command(flatten)]
        source: SourceArgs,
        /// Add where each value comes from.
        #[arg(long)]
        origin: bool,
        /// Show the limits in force instead, defaults and all.
        #[arg(long)]
        effective: bool,
    },
    /// Print the JSON Schema of the configuration file, for editors.
    Schema,
    /// Print an example of a kind, or of a whole file.
    Example {
        /// A kind of service or resource: see `ropewalk kinds`.
        kind: Option<String>,
    },
    /// Say what a key is.
    Explain {
        /// The key, such as `limits.idle`.
        key: String,
    },
}

/// Shows what can be configured, or what is.
pub(crate) fn run(args: &ConfigArgs, registry: &Registry) -> Exit {
    match &args.command {
        ConfigCommand::Show { source, origin, effective } => show(source, *origin, *effective, registry),
        ConfigCommand::Schema => {
            outln!("{:#}", registry.json_schema(settings::read));
            Exit::Ok
        }
        ConfigCommand::Example { kind: None } => {
            out!("{}", whole(registry));
            Exit::Ok
        }
        ConfigCommand::Example { kind: Some(name) } => example(name, registry),
        ConfigCommand::Explain { key } => explain(key, registry),
    }
}

fn show(source: &SourceArgs, origin: bool, effective: bool, registry: &Registry) -> Exit {
    let document = Source::file(source).document();
    let reading = document.read(registry, settings::read);
    if !reading.diagnostics.is_empty() {
        eprint!("{}", reading.diagnostics.render(colour()));
    }
    if !effective {
        out!("{}", reading.show(&document, origin));
    } else if let Some(plan) = &reading.plan {
        out!("{}", limits_in_force(&plan.limits));
    }
    if reading.diagnostics.has_errors() { Exit::Config } else { Exit::Ok }
}

/// The limits as they would be written, with their units.
fn limits_in_force(limits: &Limits) -> String {
    let size = |octets: usize| Size(octets as u64).to_toml();
    let keys = [
        ("connections", limits.connections.to_toml()),
        ("connections_per_peer", limits.connections_per_peer.to_toml()),
        ("first_byte", limits.first_byte.to_toml()),
        ("handshake", limits.handshake.to_toml()),
        ("login", limits.login.to_toml()),
        ("idle", limits.idle.to_toml()),
        ("write", limits.write.to_toml()),
        ("connection", limits.connection.to_toml()),
        ("line", size(limits.line)),
        ("message", size(limits.message)),
    ];
    let mut text = format!("drain = {}\n\n", limits.drain.to_toml());
    text.push_str("# Of every service that sets none of its own.\n[limits]\n");
    text.extend(keys.map(|(key, value)| format!("{key} = {value}\n")));
    text
}

/// A file with one of everything.
fn whole(registry: &Registry) -> String {
    let resources = registry.resources().map(resource_example);
    let services = registry.kinds().map(service_example);
    resources.chain(services).collect::<Vec<_>>().join("\n")
}

fn resource_example(kind: &ResourceKind) -> String {
    format!("# {}\n[{}.example]\n{}\n", kind.summary, kind.name, kind.example)
}

fn service_example(kind: &Kind) -> String {
    format!("# {}\n[[service]]\nkind = \"{}\"\n{}\n", kind.summary, kind.name, kind.example)
}

fn example(name: &str, registry: &Registry) -> Exit {
    let text = match (registry.kind(name), registry.resources().find(|kind| kind.name == name)) {
        (Some(kind), _) => (service_example(kind), kind.schema()),
        (None, Some(kind)) => (resource_example(kind), kind.schema()),
        (None, None) => {
            let services = registry.kinds().map(|kind| kind.name);
            let known: Vec<_> = services.chain(registry.resources().map(|kind| kind.name)).collect();
            eprintln!("error: there is no kind `{name}`; known are {}", known.join(", "));
            return Exit::Usage;
        }
    };
    let (text, schema) = text;
    out!("{text}\n# Keys:\n");
    for key in &schema.keys {
        outln!("#   {}", line(key));
    }
    Exit::Ok
}

fn line(key: &SchemaKey) -> String {
    let kind = if key.words.is_empty() { key.kind.clone() } else { key.words.join(" | ") };
    let need = match &key.need {
        Need::Required => "required".to_owned(),
        Need::Optional => "optional".to_owned(),
        Need::Default(value) => format!("default {value}"),
    };
    format!("{} ({kind}, {need}): {}", key.path, key.doc)
}

/// What of a key stands below a section: of `zones.main.zone.keep`, `zone.keep` in `zones.NAME`, whatever its name is.
fn below<'k>(section: &str, key: &'k str) -> &'k str {
    let of_name = |kind: &str| Some(key.strip_prefix(kind)?.strip_prefix('.')?.split_once('.')?.1);
    section.strip_suffix(".NAME").and_then(of_name).unwrap_or(key)
}

fn explain(key: &str, registry: &Registry) -> Exit {
    let mut found = false;
    for schema in Schema::all(registry, settings::read) {
        let rest = below(&schema.section, key);
        let is_it = |known: &&SchemaKey| known.path.replace("[]", "") == rest.replace("[]", "");
        let mut all: Vec<_> = schema.explain(key).collect();
        if all.is_empty() {
            all.extend(schema.keys.iter().filter(is_it));
        }
        for known in all {
            found = true;
            let place = match (schema.section.as_str(), schema.kind) {
                ("", _) => "at the top".to_owned(),
                (section, "") => format!("in [{section}]"),
                (_, kind) => format!("in [[service]] of kind {kind}"),
            };
            outln!("{place}: {}", line(known));
        }
    }
    if !found {
        eprintln!("error: there is no key `{key}`; all keys: {} config schema", program());
        return Exit::Usage;
    }
    Exit::Ok
}
