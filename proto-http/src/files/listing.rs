//! A directory as a page, or as JSON where the client would rather have that.

use std::cmp::Ordering;
use std::sync::Arc;

use http::{HeaderValue, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ropewalk_core::data::files::{Entry, Files, Kind, ListOptions, Time};
use serde::Serialize;

use super::{failed, held};
use crate::server::page::{STYLE, protect, protect_form};
use crate::server::{Failure, Request, Response};
use crate::site::Gate;
use crate::wire::accept::quality;
use crate::wire::target::encode;

/// Names that are asked of a directory at once.
const BATCH: usize = 256;

/// What a page offers beside the names.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offers {
    /// A form to send files with.
    pub(super) upload: bool,
    /// The directory as one file.
    pub(super) archives: bool,
}

/// Lists the directory that was asked for: at most `most` names, and says if there are more.
pub(super) async fn answer(
    files: &dyn Files,
    request: &Request,
    most: usize,
    offers: Offers,
) -> Result<Response, Failure> {
    // A peer that asks for many and takes none would have us hold megabytes for each stream.
    let permit = Arc::clone(&request.facts.costly).acquire_owned().await.ok();
    let closed = Gate::closed(request).await;
    let is_open = |entry: &Entry| match request.path.join(&entry.name) {
        Ok(path) => !closed.has(&path),
        Err(_) => closed.is_empty(),
    };
    let mut options = ListOptions::default();
    options.follow = true;
    let mut stream =
        files.list(&request.rest, options).await.map_err(|error| failed(&request.rest, error))?;
    let mut entries = Vec::new();
    let cut = loop {
        // One more than fits tells whether there are more.
        let room = (most + 1).saturating_sub(entries.len());
        if room == 0 {
            entries.truncate(most);
            break true;
        }
        let batch = stream.next_batch(BATCH.min(room)).await.map_err(|error| failed(&request.rest, error))?;
        if batch.is_empty() {
            break false;
        }
        entries.extend(batch.into_iter().filter(is_open));
    };
    let order = Order::parse(request.uri.query().unwrap_or_default());
    entries.sort_unstable_by(|a, b| order.compare(a, b));

    let json = "application/json";
    let as_json = quality(&request.headers, json) > quality(&request.headers, "text/html");
    let mut response = if as_json {
        let body = serde_json::to_vec(&Listing::of(request, &entries, cut))
            .map_err(|_| Failure::new(http::StatusCode::INTERNAL_SERVER_ERROR))?;
        Response::new(held::body(body, permit))
    } else {
        let body = page(request, &entries, cut, order, offers).into_string();
        Response::new(held::body(body.into_bytes(), permit))
    };
    let headers = response.headers_mut();
    if offers.upload && !as_json {
        protect_form(headers)
    } else {
        protect(headers)
    }
    let media_type = if as_json { json } else { "text/html; charset=utf-8" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// What entries are sorted by: `?sort=name|size|time&order=asc|desc`. Directories come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    by: Column,
    down: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Size,
    Time,
}

impl Column {
    const ALL: [Self; 3] = [Self::Name, Self::Size, Self::Time];

    fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Time => "time",
        }
    }
}

impl Order {
    fn parse(query: &str) -> Self {
        let value = |key| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(k, _)| *k == key);
        let word = value("sort").map_or("name", |(_, word)| word);
        let by = Column::ALL.into_iter().find(|column| column.word() == word).unwrap_or(Column::Name);
        Self { by, down: value("order").is_some_and(|(_, word)| word == "desc") }
    }

    fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        let is_file = |entry: &Entry| entry.meta.kind != Kind::Dir;
        let name = || a.name.as_bytes().cmp(b.name.as_bytes());
        let way = match self.by {
            Column::Name => name(),
            Column::Size => size(a).cmp(&size(b)).then_with(name),
            Column::Time => a.meta.mtime.cmp(&b.meta.mtime).then_with(name),
        };
        is_file(a).cmp(&is_file(b)).then(if self.down { way.reverse() } else { way })
    }
}

/// The size that is shown: that of a file.
fn size(entry: &Entry) -> Option<u64> {
    (entry.meta.kind == Kind::File).then_some(entry.meta.len)
}

/// `2026-11-21T13:00:00Z`
fn instant(time: Time) -> Option<String> {
    jiff::Timestamp::from_second(time.secs()).ok().map(|at| at.to_string())
}

/// A name as people read it: what is no text or no visible character is a sign that says so. Bidirectional
/// controls are such, for they make one name look like another.
pub(super) fn shown(name: &[u8]) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    String::from_utf8_lossy(name).chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

/// A reference to an entry, relative to its directory.
fn reference(entry: &Entry) -> String {
    let mut text = encode(entry.name.as_bytes());
    if entry.meta.kind == Kind::Dir {
        text.push('/');
    }
    text
}

fn page(request: &Request, entries: &[Entry], cut: bool, order: Order, offers: Offers) -> Markup {
    let title = shown(request.path.as_bytes());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (crumbs(request))
                    table {
                        thead { tr { @for column in Column::ALL { (heading(column, order)) } } }
                        tbody {
                            @for entry in entries { (row(entry)) }
                        }
                    }
                    @if entries.is_empty() { p.note { "This directory is empty." } }
                    @if cut { p.note { "Only the first " (entries.len()) " names are shown." } }
                    @if offers.archives {
                        p.note { "All of it: " a href="?archive=tar" { "tar" } ", " a href="?archive=zip" { "zip" } }
                    }
                    @if offers.upload { (form()) }
                }
            }
        }
    }
}

/// To send files, without a script.
fn form() -> Markup {
    html! {
        form.note method="post" enctype="multipart/form-data" {
            label { "Add files: " input type="file" name="file" multiple required; }
            " "
            button { "Send" }
        }
    }
}

/// The way from the root: every directory on it is a link, but the last.
fn crumbs(request: &Request) -> Markup {
    let mut href = String::from("/");
    let mut steps = vec![(href.clone(), String::from("/"))];
    for name in request.path.names() {
        href.push_str(&encode(name));
        href.push('/');
        steps.push((href.clone(), shown(name)));
    }
    let last = steps.pop();
    html! {
        nav aria-label="Path" {
            @for (number, (href, name)) in steps.iter().enumerate() {
                a href=(href) { (name) }
                // The root is a slash itself.
                @if number > 0 { span { "/" } }
            }
            @if let Some((_, name)) = last { b { (name) } }
        }
    }
}

fn heading(column: Column, order: Order) -> Markup {
    let current = column == order.by;
    let next = if current && !order.down { "desc" } else { "asc" };
    let sort = match (current, order.down) {
        (false, _) => None,
        (true, false) => Some("ascending"),
        (true, true) => Some("descending"),
    };
    let mark = match (current, order.down) {
        (false, _) => "",
        (true, false) => " \u{2191}",
        (true, true) => " \u{2193}",
    };
    let title = match column {
        Column::Name => "Name",
        Column::Size => "Size",
        Column::Time => "Modified",
    };
    html! {
        th class=(column.word()) aria-sort=[sort] {
            a href={ "?sort=" (column.word()) "&order=" (next) } { (title) (mark) }
        }
    }
}

fn row(entry: &Entry) -> Markup {
    let name = shown(entry.name.as_bytes());
    let openable = matches!(entry.meta.kind, Kind::File | Kind::Dir);
    html! {
        tr {
            td.name {
                @if openable {
                    a href=(reference(entry)) { (name) @if entry.meta.kind == Kind::Dir { "/" } }
                } @else { (name) }
            }
            td.size { @if let Some(octets) = size(entry) { (human(octets)) } }
            td.time {
                @if let Some(at) = entry.meta.mtime.and_then(instant) {
                    time datetime=(at) { (at.get(..10).unwrap_or(&at)) " " (at.get(11..16).unwrap_or_default()) }
                }
            }
        }
    }
}

/// `1.5 KiB`
fn human(octets: u64) -> String {
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut value = octets as f64 / 1024.0;
    let mut units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].into_iter().peekable();
    while value >= 1023.95 && units.len() > 1 {
        value /= 1024.0;
        units.next();
    }
    format!("{value:.1} {}", units.next().unwrap_or_default())
}

/// The listing as data. Fields may be added; what is here stays as it is within version 1.
#[derive(Serialize)]
struct Listing {
    version: u32,
    path: String,
    entries: Vec<Item>,
    /// Whether there are more names than these.
    truncated: bool,
}

#[derive(Serialize)]
struct Item {
    /// As text; where the name is none, with U+FFFD in it.
    name: String,
    /// The name as it is, as a relative reference.
    href: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

impl Listing {
    fn of(request: &Request, entries: &[Entry], cut: bool) -> Self {
        let item = |entry: &Entry| Item {
            name: String::from_utf8_lossy(entry.name.as_bytes()).into_owned(),
            href: reference(entry),
            r#type: match entry.meta.kind {
                Kind::File => "file",
                Kind::Dir => "directory",
                Kind::Link => "link",
                _ => "special",
            },
            size: size(entry),
            modified: entry.meta.mtime.and_then(instant),
        };
        Self {
            version: 1,
            path: String::from_utf8_lossy(request.path.as_bytes()).into_owned(),
            entries: entries.iter().map(item).collect(),
            truncated: cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (octets, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(human(octets), text);
        }
    }

    #[test]
    fn an_order_that_is_none_is_by_name() {
        let by = |by, down| Order { by, down };
        assert_eq!(Order::parse(""), by(Column::Name, false));
        assert_eq!(Order::parse("sort=size&order=desc"), by(Column::Size, true));
        assert_eq!(Order::parse("order=desc&x&sort=time"), by(Column::Time, true));
        assert_eq!(Order::parse("sort=<script>&order=up"), by(Column::Name, false));
    }

    #[test]
    fn a_name_cannot_look_like_another() {
        assert_eq!(shown("a\u{202e}gpj.exe\r\n".as_bytes()), "a\u{fffd}gpj.exe\u{fffd}\u{fffd}");
        assert_eq!(shown(b"\xff"), "\u{fffd}");
    }
}
