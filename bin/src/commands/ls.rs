//! `ropewalk ls`: what is in a directory of a server.

use clap::Args;
use ropewalk_http::client::{Client, basic};
use ropewalk_http::{Body, HeaderValue, HttpRequest, header};
use serde_json::{Value, json};

use super::fetch::{Stop, ascii, clean};
use super::remote::Reach;
use crate::exit::Exit;

/// Octets of a listing.
const LISTING: usize = 64 * 1024 * 1024;

/// `ropewalk ls`.
#[derive(Args, Clone, Debug)]
pub(crate) struct LsArgs {
    /// The directory, of ftp, ftps, http or https; over HTTP, the server must be one of ours.
    url: String,
    /// Print what each name is, its length and its time.
    #[arg(long, short)]
    long: bool,
    /// Print it as JSON.
    #[arg(long, conflicts_with = "long")]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

/// One name.
struct Item {
    name: String,
    /// `file`, `directory`, `link` or `special`.
    kind: String,
    size: Option<u64>,
    /// As `2026-11-21T13:00:00Z`.
    modified: Option<String>,
}

/// Lists a directory.
pub(crate) fn run(args: &LsArgs) -> Exit {
    let mut args = args.clone();
    let asked = args.reach.ask(&args.url);
    let args = &args;
    args.reach.finish(async {
        asked?;
        let (url, items) = match super::remote::is_ftp(&args.url)? {
            #[cfg(feature = "ftp")]
            true => ftp(args).await?,
            _ => http(args).await?,
        };
        Ok(print(args, &url, items))
    })
}

#[cfg(feature = "ftp")]
async fn ftp(args: &LsArgs) -> Result<(String, Vec<Item>), Stop> {
    use ropewalk_core::data::files::{Entry, Kind};
    let url: ropewalk_ftp::client::Url = args.url.parse()?;
    let mut client = args.reach.ftp(&url).await?;
    let listing = client.list(Some(&url.path[..]).filter(|path| !path.is_empty())).await?;
    if let Err(error) = client.quit().await {
        tracing::debug!(?error, "quit");
    }
    let item = |entry: Entry| Item {
        name: String::from_utf8_lossy(entry.name.as_bytes()).into_owned(),
        kind: match entry.meta.kind {
            Kind::File => "file",
            Kind::Dir => "directory",
            Kind::Link => "link",
            _ => "special",
        }
        .into(),
        size: (entry.meta.kind == Kind::File).then_some(entry.meta.len),
        modified: entry
            .meta
            .mtime
            .and_then(|time| jiff::Timestamp::from_second(time.secs()).ok())
            .map(|t| t.to_string()),
    };
    Ok((url.to_string(), listing.entries.into_iter().map(item).collect()))
}

async fn http(args: &LsArgs) -> Result<(String, Vec<Item>), Stop> {
    let mut request = HttpRequest::new(Body::empty());
    *request.uri_mut() = Client::url(&args.url)?;
    let fields = request.headers_mut();
    fields.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(user) = &args.reach.user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        fields.insert(header::AUTHORIZATION, basic(name, password));
    }
    let answer = Client::with(args.reach.http()?).request(request).await?;
    let status = answer.status();
    if !status.is_success() {
        let reason = status.canonical_reason().unwrap_or("a status without a name");
        let says = format!("the server answers {} {reason}", status.as_u16());
        return Err(Stop::new(Exit::Failure, says));
    }
    let url = answer.extensions().get::<ropewalk_http::client::Report>().map(|report| report.url.to_string());
    let no_listing = || Stop::new(Exit::Failure, "the server sends no listing that is understood");
    let content = answer.into_body().read(LISTING).await.map_err(|_| no_listing())?;
    let listing: Value = serde_json::from_slice(&content).map_err(|_| no_listing())?;
    let entries = listing.get("entries").and_then(Value::as_array).filter(|_| listing["version"] == 1);
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let item = |entry: &Value| {
        Some(Item {
            name: text(entry, "name")?,
            kind: text(entry, "type")?,
            size: entry.get("size").and_then(Value::as_u64),
            modified: text(entry, "modified"),
        })
    };
    let items: Option<Vec<_>> = entries.ok_or_else(no_listing)?.iter().map(item).collect();
    if listing["truncated"] == true {
        eprintln!("warning: the server has more names than it tells");
    }
    Ok((url.unwrap_or_default(), items.ok_or_else(no_listing)?))
}

fn print(args: &LsArgs, url: &str, mut items: Vec<Item>) -> Exit {
    items.sort_by(|a, b| a.name.cmp(&b.name));
    if args.json {
        let entries: Vec<_> = items
            .iter()
            .map(|it| json!({"name": it.name, "type": it.kind, "size": it.size, "modified": it.modified}))
            .collect();
        outln!("{}", ascii(&format!("{:#}", json!({"version": 1, "url": url, "entries": entries}))));
        return Exit::Ok;
    }
    for item in &items {
        let mark = if item.kind == "directory" { "/" } else { "" };
        // A name is one line, whatever stands in it.
        let name = clean(&item.name).replace('\n', "\\u{a}");
        if args.long {
            let size = item.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
            let (kind, modified) = (clean(&item.kind), clean(item.modified.as_deref().unwrap_or("-")));
            outln!("{kind:<9} {size:>14} {modified:<20} {name}{mark}");
        } else {
            outln!("{name}{mark}");
        }
    }
    Exit::Ok
}
