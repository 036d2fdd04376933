//! The kind `ftp`: how a server of FTP is configured.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::app::{BoxService, Service as _};
use ropewalk_core::config::{Kind, Resources, Section, Size, Text, TlsResource};
use ropewalk_core::data::cred::{Authenticator, Realm};
use ropewalk_core::data::files::{DotDot, Files, VPath};
use ropewalk_core::policy::Network;
use ropewalk_core::tls::ServerTls;

use crate::server::{Area, Ftp, Options, Public, Same, Tie};

/// The kind `ftp`: files over FTP and FTPS.
pub const KIND: Kind = Kind {
    name: "ftp",
    summary: "Serves files over FTP and FTPS",
    example: "listen = [\"tcp:2121:interface=localhost\"]\nanonymous = \"example\"",
    build,
};

/// What is said of a service to which passwords may come from other machines as anybody on the way can read them.
const CLEAR: &str = "passwords from other machines come in the clear: give certificates by `tls` and write `tls_required = true` \
    (of a command: --tls auto), or listen at `tls:` alone";

/// The same where TLS is there for those who ask for it.
const UNASKED: &str = "passwords from other machines come in the clear where the client does not ask for TLS: write `tls_required = true`";

fn build(section: &mut Section<'_>, resources: &Resources) -> Option<BoxService> {
    let area = area(section, resources);
    let mut has_people = section.has("accounts");
    let mut hosts = Vec::new();
    for mut table in
        section.named_tables("host", "Other people and files, for clients that ask for this host (HOST).")
    {
        let area = self::area(&mut table, resources);
        has_people |= table.has("accounts");
        hosts.push(area.map(|area| (table.name().to_owned(), area)));
    }
    let tls = section
        .key("tls", "The certificates for clients that ask for TLS (AUTH TLS).")
        .optional_resource::<TlsResource>("tls", resources);
    let tls = tls.map(|tls| ServerTls::new(&tls.certificates, tls.clients.clone()));
    let tls = tls.transpose().map_err(|error| section.error_in("tls", error.chain())).ok();
    let options = options(section);
    let tls_required = options.as_ref().is_some_and(|options| options.tls_required);
    let ftp = area.zip(tls).zip(options).map(|((area, tls), options)| {
        let mut ftp = Ftp::new(area).named(section.name()).with(options);
        for (name, area) in hosts.iter().flatten() {
            ftp = ftp.host(name, area.clone());
        }
        match &tls {
            Some(certificates) => (ftp.tls(certificates), tls),
            None => (ftp, tls),
        }
    });
    let (ftp, tls) = ftp.map_or((None, None), |(ftp, tls)| (Some(ftp), tls));
    let server = section.server("ftp", &["ftp"], ftp, resources)?.tls_apart();
    if tls_required && tls.is_none() && !server.listens_with_tls() {
        section.error_in(
            "tls_required",
            "nobody can log in: TLS needs certificates: `tls`, or a `tls:` endpoint",
        );
    } else if has_people && !tls_required && server.is_exposed_in_clear() && !section.has("allow") {
        section.warn_in("listen", if tls.is_some() { UNASKED } else { CLEAR });
    }
    hosts.iter().all(Option::is_some).then_some(())?;
    Some(match tls {
        Some(tls) => server.starttls(tls).boxed(),
        None => server.boxed(),
    })
}

/// Who may log in, and to what.
fn area(section: &mut Section<'_>, resources: &Resources) -> Option<Area> {
    let accounts = section
        .key("accounts", "Whose passwords count.")
        .optional_resource::<dyn Authenticator>("accounts", resources);
    let files = people(section, resources);
    let guests = section
        .key("anonymous", "What is served to whoever logs in as `anonymous`, with any password; read only.")
        .optional_resource::<dyn Files>("files", resources);
    let mut area = Area::new();
    match (accounts, files) {
        (Some(accounts), Some(realm)) => area = area.people(accounts, realm),
        (Some(_), None) if !section.has("files") => section.error_in("accounts", "accounts need `files`"),
        (None, Some(_)) if !section.has("accounts") => section.error_in("files", "`files` need `accounts`"),
        _ => {}
    }
    if let Some(guests) = guests {
        return Some(area.guests(guests));
    }
    if !section.has("accounts") && !section.has("anonymous") {
        section.error("nobody can log in: give `accounts` and `files`, or `anonymous`");
    }
    Some(area)
}

/// The trees of people: one for each, where the resource has them, or one for all.
fn people(section: &mut Section<'_>, resources: &Resources) -> Option<Arc<dyn Realm<dyn Files>>> {
    // What there is no value for is only documented, as what it refers to.
    let has = section.has("files");
    let name: Option<String> = if has { section.key("files", FILES).optional() } else { None };
    if name.is_some_and(|name| resources.get::<dyn Realm<dyn Files>>("files", &name).is_some()) {
        return section.key("files", FILES).optional_resource("files", resources);
    }
    let same = section.key("files", FILES).optional_resource::<dyn Files>("files", resources)?;
    Some(Arc::new(Same(same)))
}

const FILES: &str = "What is served to those who have logged in.";

fn options(section: &mut Section<'_>) -> Option<Options> {
    let mut options = Options::default();
    let o = &mut options;
    o.tls_required = section.key("tls_required", "Nobody logs in, and no data flow, without TLS.").or(false);
    o.tie = section
        .key("tie", "Whether a data connection must go on with its control connection's TLS session.")
        .word_or(("prefer", Tie::Prefer), &[("off", Tie::Off), ("require", Tie::Require)]);
    let passive: String =
        section.key("passive", "Ports that data connections come to; `0` is any.").or("50000-50999".into());
    let passive = range(section, &passive);
    let masquerade: Vec<Text<Public>> = section
        .key("masquerade", "Public addresses by the client's network: `0.0.0.0/0=203.0.113.1`.")
        .or(Vec::new());
    o.masquerade = masquerade.into_iter().map(|Text(public)| public).collect();
    o.active = section.key("active", "Connect to clients that ask for it (PORT, EPRT).").or(false);
    let fxp: Vec<Text<Network>> = section
        .key("fxp", "Networks that data connections may come from and go to beside the client's own address.")
        .or(Vec::new());
    o.fxp = fxp.into_iter().map(|Text(network)| network).collect();
    o.ascii = section.key("ascii", "Convert line ends in TYPE A.").or(true);
    o.stall = time(section, "stall", "Without a byte on a data connection.", o.stall);
    o.connect = time(section, "connect", "To the opening of a data connection.", o.connect);
    o.login_attempts = section
        .key("login_attempts", "Logins that may fail in one session; the last of them ends it.")
        .or(o.login_attempts);
    if o.login_attempts == 0 {
        section.error_in("login_attempts", "a limit is more than zero");
    }
    o.per_person = section
        .key("per_person", "Logins of one person, or of guests from one address, at once.")
        .or(o.per_person);
    o.welcome = section.key("welcome", "What is said to who connects.").or(o.welcome.clone());
    let umask: String =
        section.key("umask", "Permission bits that new files do not get, in octal.").or("022".into());
    match u16::from_str_radix(&umask, 8) {
        Ok(umask) if umask <= 0o777 => o.umask = umask,
        _ => section.error_in("umask", format!("{umask:?} is no mask such as \"022\"")),
    }
    o.hash = section.key("hash", "Octets that are read for one digest (HASH, XCRC).").or(Size(o.hash)).0;
    let incoming: Option<String> = section
        .key("incoming", "Where the anonymous may leave files, which none of them can read.")
        .optional();
    o.incoming = incoming.and_then(|text| {
        let path = VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse);
        path.map_err(|error| section.error_in("incoming", error.to_string())).ok()
    });
    o.passive = passive?;
    Some(options)
}

fn time(section: &mut Section<'_>, name: &'static str, doc: &'static str, default: Duration) -> Duration {
    let time = section.key(name, doc).or(default);
    if time.is_zero() {
        section.error_in(name, "a limit is more than zero");
    }
    time
}

/// `50000-50999`, or one port.
fn range(section: &Section<'_>, text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(0), Ok(0)) => Some(0..=0),
        (Ok(first), Ok(last)) if (1024..=last).contains(&first) => Some(first..=last),
        _ => {
            section.error_in(
                "passive",
                format!("{text:?} is no range of ports from 1024 on, such as \"50000-50999\""),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
