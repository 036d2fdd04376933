use std::path::Path;
use std::sync::Arc;

use http::HeaderValue;
use ropewalk_core::config::{Resources, Section, Text};
use ropewalk_core::data::cred::Realm;
use ropewalk_core::data::files::layers::Mounts;
use ropewalk_core::data::files::{Files, Name, Ops, Reach, VPath};
use ropewalk_core::data::zones::Answer;

use super::auth::Accounts;
use super::rules;
use crate::doh::{self, Place};
use crate::server::{BoxHandler, Handler as _};
use crate::{
    Failure, Host, LocalRedirects, Request, Response, Site, Sites, Static, StatusCode, Types, UnknownHost,
    coding, gateway,
};

/// What is known of the sites of a service besides.
#[derive(Default)]
pub(super) struct Found {
    /// What they answer by that is to be kept fresh.
    pub(super) answers: Vec<Arc<dyn Answer>>,
    /// Whether one has files that can be changed, and no login.
    pub(super) unguarded: bool,
    /// Whether one has a login for which TLS is needed.
    pub(super) guarded: bool,
}

/// The site at the top of a service, and those of its `[[service.site]]` tables.
pub(super) fn sites(section: &mut Section<'_>, resources: &Resources) -> (BoxHandler, Found) {
    let mut accounts = Accounts::new(section.name(), resources);
    let mut found = Found::default();
    let unknown = section
        .key("unknown_host", "What is answered to a request for a host that no site has.")
        .word_or(("first", UnknownHost::First), &[("misdirected", UnknownHost::Misdirected)]);
    let names: Vec<Text<Host>> = section
        .key("names", "Hosts that are answered by what stands here, and by no site below.")
        .or(Vec::new());
    let mut programs = section.has("cgi");
    let first = site(section, resources, &mut accounts, &mut found);
    let reached = unknown == UnknownHost::First || !names.is_empty();
    if reached && !["files", "redirect", "cgi", "dns"].iter().any(|key| section.has(key)) {
        section.error("`files` is missing: there is nothing to answer with");
    }
    let mut sites = Sites::new(first).unknown(unknown);
    claim(section, &mut sites, |sites| sites.named(plain(names)));
    for mut below in section.tables("site", "Another site, told apart by the host that is asked for.") {
        let names: Option<Vec<Text<Host>>> =
            below.key("names", "Its hosts, such as `example.org` and `*.example.org`.").required();
        programs |= below.has("cgi");
        let site = site(&mut below, resources, &mut accounts, &mut found);
        if names.as_ref().is_some_and(Vec::is_empty) {
            below.error_in("names", "a site has a name, or nobody finds it");
        }
        claim(&below, &mut sites, |sites| sites.with(plain(names.unwrap_or_default()), site));
    }
    found.guarded = accounts.need_tls;
    // Around the logins: where a program sends a request is a path like any other (RFC 3875 §6.2.2).
    let sites = if programs { LocalRedirects::new(sites).boxed() } else { sites.boxed() };
    (sites, found)
}

/// Two sites of one name are told of where the second stands.
fn claim(section: &Section<'_>, sites: &mut Sites, add: impl FnOnce(Sites) -> ropewalk_core::Result<Sites>) {
    match add(sites.clone()) {
        Ok(more) => *sites = more,
        Err(error) => section.error_in("names", error.to_string()),
    }
}

fn plain(names: Vec<Text<Host>>) -> impl Iterator<Item = Host> {
    names.into_iter().map(|Text(host)| host)
}

/// The keys of a site, wherever it stands.
fn site(
    section: &mut Section<'_>,
    resources: &Resources,
    accounts: &mut Accounts<'_>,
    found: &mut Found,
) -> Site {
    let site = match handler(section, resources, found) {
        Some(handler) => Site::new(handler),
        None => Site::new(nothing),
    };
    let site = rules::read(section, site);
    accounts.rules(section).into_iter().fold(site, Site::auth)
}

/// What answers within the rules of a site, if anything does: the one place where its parts are put together. Each room
/// reads its own keys, whether they are there or not: `files` here, then what runs programs and what answers DNS, and around
/// all what codes content.
fn handler(section: &mut Section<'_>, resources: &Resources, found: &mut Found) -> Option<BoxHandler> {
    let codings = coding::read(section);
    let files = files(section, resources, found);
    let files = files.map(|files| files.precompressed(codings.precompressed.iter().copied()).boxed());
    let root = section.text("files").and_then(|name| resources.get::<Path>("files", name));
    let programs = gateway::read(section, root.as_deref());
    let dns = doh::read(section, resources, &mut found.answers);
    let files = match files {
        None if programs.is_empty() && dns.is_none() => return None,
        None => nothing.boxed(),
        Some(files) => files,
    };
    Some(codings.around(Place::before(dns, programs.before(files))))
}

async fn nothing(_: Request) -> Result<Response, Failure> {
    Err(StatusCode::NOT_FOUND.into())
}

fn files(section: &mut Section<'_>, resources: &Resources, found: &mut Found) -> Option<Static> {
    let (files, people) = trees(section, resources);
    let listing = section.key("listing", "Whether a folder without an index file is listed.").or(true);
    let most: usize = section.key("listing_most", "Names in a listing at most.").or(10_000);
    let index: Vec<String> =
        section.key("index", "Files that stand for their folder.").or(vec!["index.html".into()]);
    let cache: Option<String> = section.key("cache_control", "`Cache-Control` of files.").optional();
    let types = types(section);
    let write = section
        .key("write", "Whether files can be sent and removed, where the tree may be written.")
        .or(false);
    let dav = section.key("dav", "Whether WebDAV is spoken: to read, and with `write` to write.").or(false);
    let archives =
        section.key("archive", "Whether a folder can be fetched as one file: `?archive=zip`.").or(false);
    let names = index.iter().map(|name| Name::new(name.clone())).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|e| section.error_in("index", e.to_string())).ok();
    let cache = cache.map(HeaderValue::try_from).transpose();
    let cache = cache.map_err(|_| section.error_in("cache_control", "this cannot stand in a header")).ok();
    let files = files?;
    // By the rules of the tree: it may be read only, for those whom nobody knows.
    let changes = Ops::CREATE | Ops::OVERWRITE | Ops::APPEND | Ops::RENAME | Ops::DELETE | Ops::MKDIR;
    let changed = write && files.rights(&VPath::ROOT, Reach::Below).has_any(changes);
    found.unguarded |= changed && !section.has("auth");
    let mut all = Static::new(files).listing(listing.then_some(most)).index(names?).types(types);
    if let Some(value) = cache? {
        all = all.cache_control(value);
    }
    if let Some(people) = people {
        all = all.people(people);
    }
    all = if write { all.writable() } else { all };
    all = if dav { all.dav() } else { all };
    all = if archives { all.archives() } else { all };
    Some(all)
}

/// What gives each person their own view of a tree.
type People = Arc<dyn Realm<dyn Files>>;

/// The tree for all, and that of each person. Where there is none for all, whoever has not logged in sees nothing.
fn trees(section: &mut Section<'_>, resources: &Resources) -> (Option<Arc<dyn Files>>, Option<People>) {
    const DOC: &str = "The tree to serve; whoever has logged in sees it with their own rights.";
    let name = section.text("files");
    let people = name.and_then(|name| resources.get::<dyn Realm<dyn Files>>("files", name));
    let of_people = name.is_some_and(|name| resources.get::<dyn Files>("files", name).is_none());
    if people.is_some() && of_people {
        let people = section.key("files", DOC).optional_resource::<dyn Realm<dyn Files>>("files", resources);
        let nothing: Arc<dyn Files> = Arc::new(Mounts::new(None, []));
        return (Some(nothing), people);
    }
    (section.key("files", DOC).optional_resource::<dyn Files>("files", resources), people)
}

/// `types = ["md=text/markdown; charset=utf-8"]`.
fn types(section: &mut Section<'_>) -> Types {
    let more: Vec<String> =
        section.key("types", "Further content types, as `extension=type/subtype`.").or(Vec::new());
    let mut types = Types::default();
    for entry in &more {
        let parts =
            entry.split_once('=').and_then(|(ext, kind)| Some((ext, HeaderValue::try_from(kind).ok()?)));
        match parts.filter(|(ext, _)| !ext.is_empty()) {
            Some((extension, kind)) => types = types.with(extension, kind),
            None => section.error_in("types", format!("{entry:?} is not `extension=type/subtype`")),
        }
    }
    types
}
