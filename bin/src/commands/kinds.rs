use clap::Args;
use ropewalk_core::config::Registry;
use serde_json::json;

use crate::exit::Exit;
use crate::program::program;

/// `ropewalk kinds`.
#[derive(Args)]
pub(crate) struct KindsArgs {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Lists what a configuration can have.
pub(crate) fn run(args: &KindsArgs, registry: &Registry) -> Exit {
    if args.json {
        let services: Vec<_> =
            registry.kinds().map(|k| json!({"name": k.name, "summary": k.summary})).collect();
        let resources: Vec<_> =
            registry.resources().map(|k| json!({"name": k.name, "summary": k.summary})).collect();
        outln!("{:#}", json!({"version": 1, "services": services, "resources": resources}));
        return Exit::Ok;
    }
    outln!("[[service]] kinds:");
    for kind in registry.kinds() {
        outln!("  {:<10} {}", kind.name, kind.summary);
    }
    outln!("\n[KIND.NAME] resources:");
    for kind in registry.resources() {
        outln!("  {:<10} {}", kind.name, kind.summary);
    }
    outln!("\nKeys and an example of each: {} config example KIND", program());
    Exit::Ok
}
