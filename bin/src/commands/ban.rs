//! `ropewalk ban` and `ropewalk status`: asking the server that runs.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::{Span, SpanRelativeTo};
use ropewalk_core::policy::Network;
use serde_json::Value;

use crate::control::{Order, ask};
use crate::exit::Exit;
use crate::program::program;

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
        /// An address (of IPv6, its whole /64 network), or a network such as `192.0.2.0/24`.
        #[arg(value_parser = network)]
        network: Network,
        /// How long, such as `1h 30m`, `2d` or `1w`; as for an offence if it is not given.
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Option<Duration>,
        /// Why, for the list.
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        /// Also what is exempt: this machine, what is in `allow`, a network with one of these. It is exempt again after the
        /// next start.
        #[arg(long)]
        force: bool,
    },
    /// End a ban, and forget what led to it.
    Rm {
        /// The address, or the network as it was banned.
        #[arg(value_parser = network)]
        network: Network,
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
        BanCommand::Add { network, time, why, force } => {
            let (network, seconds) = (network.to_string(), time.map(|time| time.as_secs()));
            (Order::Ban { network, seconds, why, force }, false)
        }
        BanCommand::Rm { network } => (Order::Unban { network: network.to_string() }, false),
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

/// What counts as one peer, or a block.
fn network(text: &str) -> Result<Network, String> {
    let network = match text.parse::<IpAddr>() {
        Ok(ip) => Network::of_peer(&SocketAddr::new(ip, 0).into()),
        Err(_) => Some(text.parse().map_err(|error: ropewalk_core::Error| error.to_string())?),
    };
    let block = network.filter(|network: &Network| network.prefix().is_some());
    block.ok_or_else(|| "an address, or ADDRESS/BITS".into())
}

fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is such as 90s, 10m, 1h 30m, 2d or 1w".to_owned();
    let span: Span = text.parse().map_err(|_| wrong())?;
    let time = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    let time = Duration::try_from(time).map_err(|_| "a time is not in the past".to_owned())?;
    match time.as_secs() {
        0 => Err(format!("a ban lasts a second at least; `{} ban rm` ends one", program())),
        _ => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_up_to_weeks() {
        for (text, minutes) in
            [("90m", 90), ("1h 30m", 90), ("2d", 2 * 24 * 60), ("1w", 7 * 24 * 60), ("1w2d", 9 * 24 * 60)]
        {
            assert_eq!(time(text), Ok(Duration::from_secs(minutes * 60)), "{text}");
        }
        for text in ["", "2", "d", "1 month", "1y", "-2d", "2d ago", "0s", "0m", "500ms"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_what_counts_as_one_peer() {
        let shown = |text: &str| network(text).map(|network| network.to_string());
        assert_eq!(shown("192.0.2.7").as_deref(), Ok("192.0.2.7"));
        assert_eq!(shown("::ffff:192.0.2.7").as_deref(), Ok("192.0.2.7"));
        assert_eq!(shown("2001:db8::7").as_deref(), Ok("2001:db8::/64"));
        assert_eq!(shown("2001:db8::7/128").as_deref(), Ok("2001:db8::7/128"));
        assert_eq!(shown("192.0.2.0/24").as_deref(), Ok("192.0.2.0/24"));
        for text in ["loopback", "unix", "192.0.2.7/24", "nobody"] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
