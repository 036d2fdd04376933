use clap::Args;
use ropewalk_core::data::zones::{Difference, Zones as _};
use ropewalk_core::{Error, Result};
use ropewalk_dns::wire::{Name, NameRef, Type};
use ropewalk_dns::zone::{Change, Record, Zone, kept, text};
use ropewalk_store::zones::Store;

use super::stored::{begins_with, zone_of};

/// `ropewalk zone set`.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    ropewalk zone set www.example.org A 192.0.2.80 192.0.2.81\n  \
    ropewalk zone set example.org MX '10 mail' --ttl 1d\n  \
    ropewalk zone set _acme-challenge.example.org TXT token --ttl 60")]
pub(super) struct SetArgs {
    /// The name, which is in a zone of the store.
    name: Name,
    /// The type, such as A, AAAA, MX or TXT.
    #[arg(value_name = "TYPE", value_parser = rtype)]
    rtype: Type,
    /// The data of each record, as in a zone's text; of TXT, one text that needs no quotes of its own.
    #[arg(required = true)]
    data: Vec<String>,
    /// How long the records may be kept, such as `300` or `1h`; by default as those that the name has of the type, or as the
    /// zone's SOA record.
    #[arg(long)]
    ttl: Option<String>,
    /// Besides those that the name has.
    #[arg(long)]
    add: bool,
}

/// `ropewalk zone del`.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    ropewalk zone del www.example.org A 192.0.2.81\n  \
    ropewalk zone del www.example.org A\n  \
    ropewalk zone del www.example.org\n  \
    ropewalk zone del example.org --zone")]
pub(super) struct DelArgs {
    /// The name, which is in a zone of the store.
    name: Name,
    /// The type; all of them, if none is given.
    #[arg(value_name = "TYPE", value_parser = rtype)]
    rtype: Option<Type>,
    /// The data of each record; all of the type, if none is given.
    data: Vec<String>,
    /// Forget the whole zone of this name, with all that was changed. One that has a file begins anew with it.
    #[arg(long, conflicts_with = "rtype")]
    zone: bool,
    /// Forget it also where a server that runs begins it anew with its file.
    #[arg(long, requires = "zone")]
    force: bool,
}

/// The TTL in a zone that tells none, in seconds.
const TTL: u32 = 3600;

/// What has changed in which zone; nothing where that has been said.
type Changed = Option<(Name, Difference)>;

pub(super) async fn set(store: &Store, args: SetArgs) -> Result<Changed> {
    let SetArgs { name, rtype, data, ttl, add } = args;
    let (_, origin) = zone_of(store, name.view()).await?;
    let records = records(&name, ttl.as_deref().unwrap_or("0"), rtype, &data, origin.view())?;
    let instead = (!add).then(|| Change::RemoveSet(name.clone(), rtype));
    edit(store, origin, |zone| {
        let usual = ttl.is_none().then(|| usual_ttl(zone, name.view(), rtype));
        let records = records.iter().map(|one| Record { ttl: usual.unwrap_or(one.ttl), ..one.clone() });
        instead.iter().cloned().chain(records.map(Change::Add)).collect()
    })
    .await
}

/// The TTL of what is added where none is told: that of the set, or that of the SOA record, as `$TTL` is written by an export.
fn usual_ttl(zone: &Zone, name: NameRef<'_>, rtype: Type) -> u32 {
    let set = zone.node(name).and_then(|node| node.set(rtype));
    set.or_else(|| zone.soa()).map_or(TTL, |set| set.ttl)
}

pub(super) async fn del(store: &Store, args: DelArgs) -> Result<Changed> {
    let DelArgs { name, rtype, data, zone, force } = args;
    if zone {
        return forget(store, &name, force).await;
    }
    let (there, origin) = zone_of(store, name.view()).await?;
    let has = |rtype: Option<Type>| {
        let node = there.node(name.view());
        node.is_some_and(|node| node.sets().any(|set| rtype.is_none_or(|rtype| set.rtype == rtype)))
    };
    if !has(rtype) {
        let what = rtype.map(|rtype| format!(" of type {rtype}")).unwrap_or_default();
        return Err(Error::local(format!("{name} has no records{what}")));
    }
    let changes = match rtype {
        None => vec![Change::RemoveName(name)],
        Some(rtype) if data.is_empty() => vec![Change::RemoveSet(name, rtype)],
        Some(rtype) => {
            records(&name, "0", rtype, &data, origin.view())?.into_iter().map(Change::Remove).collect()
        }
    };
    edit(store, origin, |_| changes.clone()).await
}

async fn edit(store: &Store, origin: Name, changes: impl Fn(&Zone) -> Vec<Change>) -> Result<Changed> {
    let edited = kept::edit(store, origin.view(), changes).await?;
    let (_, difference) =
        edited.ok_or_else(|| Error::local(format!("the zone {origin} was removed just now")))?;
    Ok(Some((origin, difference)))
}

/// Removes the zone of this name as a whole.
async fn forget(store: &Store, name: &Name, force: bool) -> Result<Changed> {
    let wire = name.view().to_lower();
    let known = store.stamp(wire.wire()).await?;
    let known = known.ok_or_else(|| Error::local(format!("the zone {name} is not in the store")))?;
    if !force && let Some(file) = begins_with(store.dir(), name)? {
        return Err(Error::local(format!(
            "all changes of {name} up to serial {} would be lost, and the server that runs would begin it anew with {file}: \
             secondaries do not take it from there before its serial is after {0}. With `--force` it is done",
            known.serial
        )));
    }
    if !store.remove(wire.wire(), known).await? {
        return Err(Error::local(format!("{name} was changed just now: look at it, and try again")));
    }
    outln!("{name}: forgotten, with serial {}", known.serial);
    super::stored::follow(store.dir());
    Ok(None)
}

/// Records from what was typed, all of whose names are completed by the zone's.
fn records(name: &Name, ttl: &str, rtype: Type, data: &[String], origin: NameRef<'_>) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for data in data {
        let data = match rtype {
            // As shells take quotes away.
            Type::TXT if !data.starts_with('"') => {
                format!("\"{}\"", data.replace('\\', "\\\\").replace('"', "\\\""))
            }
            _ => data.clone(),
        };
        if data.contains(['\n', '\r']) || ttl.contains(char::is_whitespace) {
            return Err(Error::local("a record is one line"));
        }
        let line = format!("{name} {ttl} IN {rtype} {data}\n");
        let read = text::records("record", line.as_bytes(), Some(origin));
        let wrong = |problems: Vec<text::Problem>| {
            let told: Vec<_> = problems.iter().map(|problem| problem.what.to_string()).collect();
            Error::local(format!("{rtype} {data}: {}", told.join("; ")))
        };
        records.extend(read.map_err(wrong)?);
    }
    Ok(records)
}

fn rtype(text: &str) -> Result<Type, String> {
    let rtype: Type = text.parse().map_err(|_| format!("{text:?} is no type of records"))?;
    if rtype.is_meta() { Err(format!("{rtype} is for questions only")) } else { Ok(rtype) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rtype: Type, data: &[&str]) -> Result<Vec<String>> {
        let origin: Name = "example.org".parse().unwrap();
        let name: Name = "www.example.org".parse().unwrap();
        let data: Vec<_> = data.iter().map(|data| (*data).to_owned()).collect();
        let records = records(&name, "1h", rtype, &data, origin.view())?;
        Ok(records.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn data_is_as_in_a_zone() {
        for (rtype, data, expected) in [
            (Type::A, "192.0.2.1", "www.example.org. 3600 IN A 192.0.2.1"),
            (Type::MX, "10 mail", "www.example.org. 3600 IN MX 10 mail.example.org."),
            (Type::TXT, "v=spf1 -all", "www.example.org. 3600 IN TXT \"v=spf1 -all\""),
            (Type::TXT, "\"a\" \"b\"", "www.example.org. 3600 IN TXT \"a\" \"b\""),
            (Type::TXT, "say \"a\\", r#"www.example.org. 3600 IN TXT "say \"a\\""#),
        ] {
            assert_eq!(lines(rtype, &[data]).unwrap(), [expected]);
        }
        assert_eq!(lines(Type::A, &["192.0.2.1", "192.0.2.2"]).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_data_is_told() {
        let error = lines(Type::A, &["192.0.2"]).unwrap_err().to_string();
        assert!(error.starts_with("A 192.0.2: an IPv4 address is expected"), "{error}");
        assert!(lines(Type::A, &["192.0.2.1\nx A 192.0.2.1"]).is_err());
        assert!(lines(Type::A, &["( 192.0.2.1"]).is_err());
        assert!(rtype("AXFR").is_err() && rtype("nothing").is_err());
    }
}
