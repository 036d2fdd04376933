use http::HeaderValue;
use ropewalk_core::app::{BoxService, Service as _};
use ropewalk_core::config::{Kind, Resources, Section, Size};
use ropewalk_core::data::files::{Files, Name};

use crate::server::{AccessLog, Http, Options};
use crate::{Static, Types, coding};

/// The kind `http`: a tree of files over HTTP/1.1 and HTTP/2.
pub const KIND: Kind = Kind {
    name: "http",
    summary: "Serves files over HTTP/1.1 and HTTP/2",
    example: "listen = [\"tcp:8080:interface=localhost\"]\nfiles = \"example\"",
    build,
};

fn build(section: &mut Section<'_>, resources: &Resources) -> Option<BoxService> {
    let files = files(section, resources);
    let codings = coding::read(section);
    let options = options(section);
    let http = files.map(|files| {
        let files = files.precompressed(codings.precompressed.iter().copied());
        Http::new(codings.around(files)).with(options)
    });
    Some(section.server("http", &["h2", "http/1.1"], http, resources)?.boxed())
}

fn files(section: &mut Section<'_>, resources: &Resources) -> Option<Static> {
    let files = section.key("files", "The tree to serve.").resource::<dyn Files>("files", resources);
    let listing = section.key("listing", "Whether a folder without an index file is listed.").or(true);
    let most: usize = section.key("listing_most", "Names in a listing at most.").or(10_000);
    let index: Vec<String> =
        section.key("index", "Files that stand for their folder.").or(vec!["index.html".into()]);
    let cache: Option<String> = section.key("cache_control", "`Cache-Control` of files.").optional();
    let types = types(section);
    let names = index.iter().map(|name| Name::new(name.clone())).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|e| section.error_in("index", e.to_string())).ok();
    let cache = cache.map(HeaderValue::try_from).transpose();
    let cache = cache.map_err(|_| section.error_in("cache_control", "this cannot stand in a header")).ok();
    let mut all = Static::new(files?).listing(listing.then_some(most)).index(names?).types(types);
    if let Some(value) = cache? {
        all = all.cache_control(value);
    }
    Some(all)
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

fn options(section: &mut Section<'_>) -> Options {
    let mut options = Options::default();
    let size = |Size(octets)| usize::try_from(octets).unwrap_or(usize::MAX);
    let head = section.key("head", "Octets of a request's head; more is 431.").or(Size(options.head as u64));
    let target = section.key("target", "Octets of a target; more is 414.").or(Size(options.target as u64));
    options.head = size(head);
    options.target = size(target);
    options.headers = section.key("headers", "Header fields of a request; more is 431.").or(options.headers);
    options.streams = section.key("streams", "Requests at once in an HTTP/2 connection.").or(options.streams);
    options.access_log = section.key("access_log", "What is written about each request.").word_or(
        ("fields", AccessLog::Fields),
        &[("combined", AccessLog::Combined), ("off", AccessLog::Off)],
    );
    let deadlines = &mut options.deadlines;
    deadlines.head = section.key("head_time", "From the first byte of a head to its end.").optional();
    deadlines.body = section.key("body_time", "What a body may keep us waiting.").optional();
    deadlines.idle = section.key("keep_alive", "Between two requests.").optional();
    options
}
