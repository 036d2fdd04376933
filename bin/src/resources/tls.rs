use std::path::PathBuf;
use std::sync::Arc;

use ropewalk_core::config::{ResourceKind, Section, TlsResource};
use ropewalk_core::tls::{Authorities, CertSource, Certificates, ClientAuth};

use super::Unseen;

/// `[tls.NAME]`: certificates by name.
pub(crate) const TLS: ResourceKind = ResourceKind {
    name: "tls",
    summary: "Certificates and their keys, for `tls:` endpoints",
    example: "cert = \"full.pem\"\nkey = \"key.pem\"",
    build: |section, resources| {
        if let Some((tls, unseen)) = read(section) {
            resources.provide(section, Arc::new(tls));
            resources.provide(section, Arc::new(unseen));
        }
    },
};

#[derive(Clone, Copy)]
enum Clients {
    Off,
    Request,
    Require,
}

fn read(section: &mut Section<'_>) -> Option<(TlsResource, Unseen)> {
    let first = pair(section, "PEM file with the certificate and the intermediate ones.");
    let more: Vec<_> = section
        .tables("more", "Further certificates, chosen by the name that the client asks for.")
        .iter_mut()
        .map(|table| pair(table, "PEM file with a further certificate."))
        .collect();
    let ca: Option<PathBuf> =
        section.key("client_ca", "PEM file with the authorities of client certificates.").optional();
    let clients = section
        .key("clients", "Whether clients show a certificate of `client_ca`.")
        .word_or(("off", Clients::Off), &[("request", Clients::Request), ("require", Clients::Require)]);
    let clients = client_auth(section, ca, clients);
    let mut sources = vec![(section.name().to_owned(), first?)];
    for (n, source) in more.into_iter().enumerate() {
        sources.push((format!("{}.{}", section.name(), n + 1), source?));
    }
    let keys = sources.iter().filter_map(|(_, source)| match source {
        CertSource::Files { key, .. } => Some(key.as_path()),
        _ => None,
    });
    let unseen = Unseen::new(keys);
    match Certificates::load(sources) {
        Ok(certificates) => Some((TlsResource { certificates, clients: clients? }, unseen)),
        Err(errors) => {
            for error in errors {
                section.error_in("cert", error.chain());
            }
            None
        }
    }
}

fn pair(section: &mut Section<'_>, doc: &'static str) -> Option<CertSource> {
    let cert: Option<PathBuf> = section.key("cert", doc).required();
    let key: Option<PathBuf> = section.key("key", "PEM file with its private key.").required();
    Some(CertSource::files(cert?, key?))
}

fn client_auth(section: &Section<'_>, ca: Option<PathBuf>, clients: Clients) -> Option<ClientAuth> {
    let authorities = match (ca, clients) {
        (_, Clients::Off) => return Some(ClientAuth::Off),
        (Some(file), _) => {
            Authorities::file(&file).map_err(|e| section.error_in("client_ca", e.chain())).ok()?
        }
        (None, _) => {
            section.error_in("clients", "client certificates need `client_ca`");
            return None;
        }
    };
    Some(match clients {
        Clients::Require => ClientAuth::Require(authorities),
        Clients::Request | Clients::Off => ClientAuth::Request(authorities),
    })
}
