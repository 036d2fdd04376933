use std::sync::Arc;

use data_encoding::BASE64;
use ropewalk_core::config::{ResourceKind, Resources, Secret, Section, Text};

use super::name;
use crate::server::Keys;
use crate::wire::tsig::{Algorithm, TsigKey};

/// `[keys.NAME]`: secrets that are shared with other servers and clients.
pub const KEYS: ResourceKind = ResourceKind {
    name: "keys",
    summary: "Keys that requests of DNS are signed with (TSIG), by their names",
    example: "secret = { file = \"example.key\" }",
    build: |section, resources| {
        if let Some(key) = key(section) {
            resources.provide::<TsigKey>(section, Arc::new(key));
        }
    },
};

fn key(section: &mut Section<'_>) -> Option<TsigKey> {
    let algorithm: Text<Algorithm> = section
        .key(
            "algorithm",
            "How it signs: hmac-sha256, or -sha224, -sha384, -sha512; -sha1 for old peers only.",
        )
        .or(Text(Algorithm::HmacSha256));
    let secret: Option<Secret> = section.key("secret", "The secret, in base64.").required();
    let title = section.name().to_owned();
    let name = name(section, "", &title);
    let octets = BASE64.decode(secret?.expose().trim().as_bytes());
    let octets =
        octets.map_err(|error| section.error_in("secret", format!("this is not base64: {error}"))).ok()?;
    match octets.len() {
        0 => section.error_in("secret", "the secret is empty"),
        1..16 => section.warn_in("secret", "a secret of fewer than 16 octets can be guessed"),
        _ => {}
    }
    Some(TsigKey::new(name?.view(), algorithm.0, &octets)).filter(|_| !octets.is_empty())
}

/// All keys. What is made of the section is made anew where one of them is another.
pub(super) fn keys(section: &Section<'_>, resources: &Resources) -> Keys {
    let mut all: Vec<_> = resources.all::<TsigKey>(KEYS.name).collect();
    all.sort_by(|a, b| a.name().cmp(&b.name()));
    for key in &all {
        section.depends_on(key.name().wire());
        section.depends_on(key.fingerprint().as_ref());
    }
    all.into_iter().collect()
}
