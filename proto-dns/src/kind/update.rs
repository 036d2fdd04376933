//! Who may change zones, and where they are kept then.

use std::path::Path;
use std::sync::Arc;

use ropewalk_core::config::{Resources, Section, Size, Text};
use ropewalk_core::data::zones::Zones as Store;

use super::name;
use crate::server::{Editors, Grant, Keys, Names};
use crate::wire::Type;

/// The store of the process, if it has one.
pub(super) fn store(resources: &Resources) -> Option<Arc<dyn Store>> {
    resources.of_settings::<dyn Store>()
}

/// `allow_update` of a zone.
pub(super) fn editors(section: &mut Section<'_>, keys: &Keys) -> Editors {
    let mut editors = Editors::default();
    let doc = "What who signs with a key may change (RFC 2136): nobody may, where nothing is said.";
    for table in &mut section.tables("allow_update", doc) {
        editors.grants.extend(grant(table, keys));
    }
    editors.records =
        section.key("max_records", "Records that updates may bring the zone to.").or(editors.records);
    let doc = "Octets that updates may bring its records to, as they are on the wire without compression.";
    let octets = section.key("max_size", doc).or(Size(editors.octets as u64));
    editors.octets = usize::try_from(octets.0).unwrap_or(usize::MAX);
    editors
}

fn grant(section: &mut Section<'_>, keys: &Keys) -> Option<Grant> {
    let key: Option<String> =
        section.key("key", "The key that updates are signed with: the name of a `[keys.NAME]`.").required();
    let names: Option<Vec<Text<Names>>> = section
        .key("names", "Names that may be changed: `host.example`, or `*.example` for all below.")
        .required();
    let types: Vec<Text<Type>> = section
        .key("types", "Their types; `ANY` for all. By default all but those that make a zone or sign it.")
        .or(Vec::new());
    let key = key.and_then(|text| {
        let name = name(section, "key", &text)?;
        if keys.find(name.view()).is_none() {
            section.error_in("key", format!("there is no [keys.\"{text}\"]"));
        }
        Some(name)
    });
    let names = names?.into_iter().map(|Text(names)| names).collect();
    Some(Grant { key: key?, names, types: types.into_iter().map(|Text(rtype)| rtype).collect() })
}

/// Whether a zone is kept in the store: always where it has no file, or can be updated.
pub(super) fn is_kept(
    section: &mut Section<'_>,
    has_file: bool,
    is_fetched: bool,
    editors: &Editors,
    resources: &Resources,
) -> bool {
    let asked = section
        .key("keep", "Keep it in the store, so that `ropewalk zone` can change it too. So is a zone without a file or with `allow_update`.")
        .or(false);
    let is_changed = asked || !editors.grants.is_empty();
    let is_kept = is_changed || !has_file && !is_fetched;
    if is_changed && is_fetched {
        section.error("a zone that has primaries is changed there, and not here");
    } else if is_kept && store(resources).is_none() {
        section.error(match resources.of_settings::<Path>() {
            Some(_) => "a zone that changes is kept in the store at the top, which cannot be used",
            None => "a zone that changes is kept in a store: name one by `store` at the top",
        });
    }
    is_kept
}
