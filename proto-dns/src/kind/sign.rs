//! `sign`: whether zones are signed, and how.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ropewalk_core::config::{Resources, Section, Text};

use crate::dnssec::Algorithm;
use crate::server::Sign;
use crate::zone::Cds;

/// How long signatures count, from to.
const VALIDITY: RangeInclusive<Duration> =
    Duration::from_secs(60 * 60)..=Duration::from_secs(365 * 24 * 60 * 60);

/// How a zone is signed, if it is.
pub(super) fn sign(section: &mut Section<'_>, resources: &Resources) -> Option<Sign> {
    let doc = "Signs the zone (DNSSEC): `true`, or a table where something is to be other than usual.";
    let mut table = section.switch("sign", doc)?;
    let default = Sign::default();
    let doc = "The folder of the zone's key, which is made where there is none, and of its serial: by default `dnssec` in the store, or in `ropewalk-data` beside the configuration.";
    let keys: Option<PathBuf> = table.key("keys", doc).optional();
    let doc = "The algorithm of a key that is made: `ecdsap256sha256` or `ed25519`.";
    let algorithm: Text<Algorithm> = table.key("algorithm", doc).or(Text(default.algorithm));
    let doc = "Deny names by hashes (NSEC3, without salt and further iterations), so that they are not so easily listed.";
    let nsec3 = table.key("nsec3", doc).or(default.nsec3);
    let doc = "What the parent is told by CDS and CDNSKEY: the DS to have, nothing, or to delete it.";
    let others = [("none", Cds::None), ("delete", Cds::Delete)];
    let cds = table.key("cds", doc).word_or(("publish", Cds::Publish), &others);
    let doc = "How long signatures count; they are renewed when a quarter of it is left.";
    let validity = table.key("validity", doc).or(default.validity);
    if !VALIDITY.contains(&validity) {
        table.error_in("validity", "signatures count from an hour to a year");
    }
    let keys = keys.unwrap_or_else(|| usual(resources, &default.keys));
    Some(Sign { keys, algorithm: algorithm.0, nsec3, cds, validity })
}

/// The folder where nothing is said.
fn usual(resources: &Resources, default: &Path) -> PathBuf {
    if let Some(store) = resources.of_settings::<Path>() {
        return store.join("dnssec");
    }
    let beside = resources.files().first().and_then(|file| file.parent());
    beside.map_or_else(|| default.to_owned(), |folder| folder.join(default))
}
