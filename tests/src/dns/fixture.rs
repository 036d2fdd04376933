//! The zones that the cases know, and the keys.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// The name and the secret, in base64, of the TSIG key that may transfer the zones and update `update.test`; its
/// algorithm is HMAC-SHA256.
pub const KEY: (&str, &str) = ("rope-key", "cm9wZXdhbGsga2V5IGZvciB0ZXN0cyBvbmx5ISEhISE=");
/// A second key of the same algorithm, which the server knows and which may do nothing.
pub const OTHER: (&str, &str) = ("yarn-key", "YW5vdGhlciBrZXksIGFsc28gZm9yIHRlc3RzIG9ubHk=");

/// A zone: its name without the dot at the end, and its text as RFC 1035 §5 has it.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The name.
    pub name: &'static str,
    /// The text.
    pub text: String,
}

/// Every zone of the suite. Two come signed, with NSEC and with NSEC3; `zones/sign.sh` has signed them.
pub fn zones() -> Vec<Zone> {
    let zone = |name, text: &str| Zone { name, text: text.into() };
    let signed = [
        zone("nsec.test", include_str!("zones/signed/nsec.test.zone")),
        zone("nsec3.test", include_str!("zones/signed/nsec3.test.zone")),
    ];
    plain().into_iter().chain(signed).collect()
}

/// What the zones are made of that come signed: for a server that signs zones itself, with NSEC `nsec.test` and with
/// NSEC3 `nsec3.test`.
pub fn sources() -> Vec<Zone> {
    let text = include_str!("zones/nsec.test.zone");
    let nsec3 = text.replace("$ORIGIN nsec.test.", "$ORIGIN nsec3.test.");
    vec![Zone { name: "nsec.test", text: text.into() }, Zone { name: "nsec3.test", text: nsec3 }]
}

/// Those without signatures.
pub(super) fn plain() -> Vec<Zone> {
    let zone = |name, text: &str| Zone { name, text: text.into() };
    vec![
        zone("rope.test", include_str!("zones/rope.test.zone")),
        zone("child.rope.test", include_str!("zones/child.rope.test.zone")),
        zone("strand.test", include_str!("zones/strand.test.zone")),
        zone("update.test", include_str!("zones/update.test.zone")),
        zone("ixfr.test", include_str!("zones/ixfr.test.zone")),
        Zone { name: "big.test", text: big() },
    ]
}

/// How many records `big.test` has beside its SOA and its NS record.
pub(super) const MANY: usize = 5000;

/// A zone that no single message holds.
fn big() -> String {
    let mut text = String::from("$ORIGIN big.test.\n$TTL 3600\n");
    text.push_str("@ SOA ns1.rope.test. hostmaster.rope.test. 5 7200 900 1209600 300\n@ NS ns1.rope.test.\n");
    for number in 0..MANY {
        let _ = writeln!(text, "host{number:05} TXT \"some text of host {number}\"");
    }
    text
}

/// Writes the zones into `dir/dns`, each as `NAME.zone`, and what the signed ones are made of into `dir/dns/unsigned`.
///
/// # Errors
/// Where a folder or a file cannot be written.
pub fn write(dir: &Path) -> io::Result<()> {
    let dir = dir.join("dns");
    for (dir, zones) in [(dir.join("unsigned"), sources()), (dir, zones())] {
        fs::create_dir_all(&dir)?;
        for zone in zones {
            fs::write(dir.join(format!("{}.zone", zone.name)), zone.text)?;
        }
    }
    Ok(())
}
