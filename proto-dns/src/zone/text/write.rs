use std::fmt::{self, Write};

use crate::wire::rdata::Text;
use crate::wire::{Name, NameRef};
use crate::zone::RecordRef;

/// Writes records as zone text that people like to read: owners short of `origin` and told once, and the TTL only
/// where it is not `ttl`. Read again it is the same records.
///
/// # Errors
/// Those of `out`.
pub fn write<'a>(
    records: impl IntoIterator<Item = RecordRef<'a>>,
    origin: NameRef<'_>,
    ttl: u32,
    out: &mut dyn Write,
) -> fmt::Result {
    write!(out, "$ORIGIN {origin}\n$TTL {ttl}\n")?;
    let mut last: Option<Name> = None;
    for record in records {
        // A name of another case is told again, so that none is lost.
        if last.as_ref().is_none_or(|last| last.wire() != record.name.wire()) {
            owner(record.name, origin, out)?;
            last = Some(record.name.to_name());
        }
        if record.ttl != ttl {
            write!(out, "\t{}", record.ttl)?;
        }
        let text = Text { rtype: record.rtype, rdata: record.rdata };
        writeln!(out, "\t{}\t{}\t{text}", record.class, record.rtype)?;
    }
    Ok(())
}

/// The owner, short of the origin if that is its end to the letter.
fn owner(name: NameRef<'_>, origin: NameRef<'_>, out: &mut dyn Write) -> fmt::Result {
    let text = name.to_string();
    let ends = name.is_within(origin) && name.wire().ends_with(origin.wire()) && !origin.is_root();
    match text.len().checked_sub(origin.to_string().len() + 1).and_then(|end| text.get(..end)) {
        _ if ends && name == origin => out.write_char('@'),
        Some(short) if ends => out.write_str(short),
        _ => out.write_str(&text),
    }
}
