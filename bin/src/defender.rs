//! `[defender]`: when peers are banned.

use ropewalk_core::config::{Section, Text};
use ropewalk_core::policy::{DefenderOptions, Network};

/// Reads the table.
pub(crate) fn read(section: &mut Section<'_>) -> DefenderOptions {
    let mut options = DefenderOptions::default();
    options.threshold = section
        .key("threshold", "Points at which a peer is banned: 2 for a wrong password, 3 for an unknown user.")
        .or(options.threshold);
    options.half_life =
        section.key("half_life", "Time after which points are half as many.").or(options.half_life);
    options.ban = section.key("ban", "The first ban; each further one is twice as long.").or(options.ban);
    options.longest = section
        .key("longest", "The longest ban; who was not banned for so long begins anew.")
        .or(options.longest);
    let allow: Option<Vec<Text<Network>>> =
        section.key("allow", "Networks whose peers are never banned.").optional();
    options.allow = allow.into_iter().flatten().map(|Text(network)| network).collect();
    options.local = section.key("local", "Whether peers on this machine are counted too.").or(false);
    options.dry_run = section.key("dry_run", "Only say in the log who would be banned.").or(false);
    if options.threshold == 0 {
        section.error_in("threshold", "a threshold of 0 would ban everybody");
    }
    options
}
