use std::path::{Path, PathBuf};

use clap::Args;
use ropewalk_core::{Error, Result};
use ropewalk_dns::dnssec::{SigningKey, folder};
use ropewalk_dns::wire::rdata::Text;
use ropewalk_dns::wire::{Name, Type};
use serde_json::{Value, json};

use crate::commands::fail;
use crate::exit::Exit;

/// `ropewalk zone ds`.
#[derive(Args)]
pub(super) struct DsArgs {
    /// The zone.
    #[arg(required = true)]
    zones: Vec<Name>,
    /// The folder of the keys, which the server's configuration names by `keys`; by default `dnssec` in the store.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// The DNSKEY records too, which some registries want instead.
    #[arg(long)]
    dnskey: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// How long others may keep a DS, where nobody says anything else.
const TTL: u32 = 3600;

/// Shows what the parents are to have.
pub(super) fn run(args: &DsArgs, store: &Path) -> Exit {
    let folder = args.keys.clone().unwrap_or_else(|| store.join("dnssec"));
    let keys = args.zones.iter().map(|zone| Ok((zone, key(&folder, zone)?)));
    let keys: Vec<(&Name, SigningKey)> = match keys.collect::<Result<_>>() {
        Ok(keys) => keys,
        Err(error) => return fail(&error),
    };
    if args.json {
        let zones: Vec<_> = keys.iter().map(|(zone, key)| record(zone, key)).collect();
        outln!("{:#}", json!({ "version": 1, "zones": zones }));
        return Exit::Ok;
    }
    for (zone, key) in &keys {
        outln!("{zone} {TTL} IN DS {}", text(Type::DS, &key.ds(zone.view())));
        if args.dnskey {
            outln!("{zone} {TTL} IN DNSKEY {}", text(Type::DNSKEY, key.dnskey()));
        }
    }
    Exit::Ok
}

fn key(folder: &Path, zone: &Name) -> Result<SigningKey> {
    let none = || {
        let folder = folder.display();
        Error::local(format!(
            "there is no key of {zone} in {folder}: the server that signs the zone makes it when it starts"
        ))
    };
    folder::find(folder, zone.view())?.ok_or_else(none)
}

fn text(rtype: Type, rdata: &[u8]) -> String {
    Text { rtype, rdata }.to_string()
}

fn record(zone: &Name, key: &SigningKey) -> Value {
    json!({
        "zone": zone.to_string(),
        "algorithm": key.algorithm().number(),
        "tag": key.tag(),
        "ds": text(Type::DS, &key.ds(zone.view())),
        "dnskey": text(Type::DNSKEY, key.dnskey()),
    })
}
