//! `ropewalk ban` and `ropewalk status`: asking the server that runs.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::control::{Order, ask};
use crate::exit::Exit;

/// `ropewalk ban`.
#[derive(Args)]
pub(crate) struct BanArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: BanCommand,
}

/// Which server.
#[derive(Args)]
struct StoreArgs {
    /// The folder of the store that the server's configuration names by `store`.
    #[arg(long, global = true, value_name = "DIR", default_value = "./ropewalk-data")]
    store: PathBuf,
}

#[derive(Subcommand)]
enum BanCommand {
    /// List who is banned.
    Ls {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ban somebody.
    Add {
        /// The address; of IPv6, its whole /64 network.
        address: IpAddr,
        /// How long, such as `1h 30m`; as for an offence if it is not given.
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Option<Duration>,
        /// Why, for the list.
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        /// Also an address that is exempt: of this machine, or in `allow`. It is exempt again after the next start.
        #[arg(long)]
        force: bool,
    },
    /// End a ban, and forget what led to it.
    Rm {
        /// The address.
        address: IpAddr,
    },
}

/// `ropewalk status`.
#[derive(Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Lists, bans and unbans.
pub(crate) fn run(args: BanArgs) -> Exit {
    let (order, json) = match args.command {
        BanCommand::Ls { json } => (Order::Bans {}, json),
        BanCommand::Add { address, time, why, force } => {
            (Order::Ban { address, seconds: time.map(|time| time.as_secs()), why, force }, false)
        }
        BanCommand::Rm { address } => (Order::Unban { address }, false),
    };
    asked(&args.store, &order, json, list)
}

/// Says what runs.
pub(crate) fn status(args: &StatusArgs) -> Exit {
    asked(&args.store, &Order::Status {}, args.json, overview)
}

fn asked(StoreArgs { store }: &StoreArgs, order: &Order, json: bool, show: fn(&Value)) -> Exit {
    match ask(store, order) {
        Ok(answer) if json => outln!("{answer:#}"),
        Ok(answer) => show(&answer),
        Err((exit, message)) => {
            eprintln!("error: {message}");
            return exit;
        }
    }
    Exit::Ok
}

/// Nothing for what was only done.
fn list(answer: &Value) {
    let Some(bans) = answer["bans"].as_array() else { return };
    if bans.is_empty() {
        return eprintln!("nobody is banned");
    }
    outln!("{:<39}  {:>8}  {:>5}  {}", "NETWORK", "SECONDS", "TIMES", "WHY");
    for ban in bans {
        let text = |key: &str| ban[key].as_str().unwrap_or_default().escape_debug().to_string();
        let (seconds, times) = (ban["seconds"].to_string(), ban["times"].to_string());
        outln!("{:<39}  {seconds:>8}  {times:>5}  {}", text("network"), text("why"));
    }
}

fn overview(answer: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ready = if answer["ready"] == true { "ready" } else { "not ready" };
    let (version, pid, uptime) = (text(&answer["ropewalk"]), &answer["pid"], &answer["uptime"]);
    outln!("ropewalk {version}, process {pid}, {ready}, for {uptime} s");
    if let Some(bans) = answer["bans"].as_u64() {
        outln!("{bans} banned");
    }
    outln!("{:<24}  {:<9}  {:>11}  {}", "SERVICE", "STATE", "CONNECTIONS", "ADDRESSES");
    for service in answer["services"].as_array().into_iter().flatten() {
        let ready = if service["ready"] == true { "ready" } else { "not ready" };
        let (open, name) = (service["connections"].to_string(), text(&service["name"]));
        let at: Vec<_> = service["addresses"].as_array().into_iter().flatten().map(text).collect();
        outln!("{name:<24}  {ready:<9}  {open:>11}  {}", at.join(", "));
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time: jiff::SignedDuration = text.parse().map_err(|_| "a time is such as 90s, 10m or 1h 30m")?;
    Duration::try_from(time).map_err(|_| "a time is not in the past".into())
}
