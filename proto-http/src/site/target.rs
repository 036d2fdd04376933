use std::fmt;
use std::str::FromStr;

use ropewalk_core::data::files::VPath;
use ropewalk_core::{Error, Result};

use crate::server::Request;
use crate::wire::{host, target};

/// Where a redirect or a rewrite leads: a path, or `https://` or `http://` with a host and a path.
///
/// In it `*` is what the `*` of the pattern stood for, `{path}` the whole path that was asked for, and `{host}`, which
/// only stands for a whole host, the host without its port. No path that a peer asks for makes another host of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    text: String,
    origin: Option<Origin>,
    path: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: &'static str,
    /// None: the host that was asked for.
    host: Option<String>,
    /// With its colon, or empty.
    port: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Rest,
    Path,
}

/// What comes of a [`Target`] for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    At(String),
    /// It is where the request already is.
    Same,
    /// It needs a host, and the request named none that could stand in a target.
    NoHost,
}

impl Target {
    /// Whether it is a path and nothing else.
    pub(super) fn is_path(&self) -> bool {
        self.origin.is_none() && !self.says_query()
    }

    pub(super) fn has_rest(&self) -> bool {
        self.path.contains(&Piece::Rest)
    }

    /// The path of it, encoded. `rest` is what the pattern's `*` stood for.
    pub(super) fn path(&self, request: &Request, rest: &[u8]) -> String {
        let mut path = String::new();
        for piece in &self.path {
            match piece {
                Piece::Text(text) => push(&mut path, text),
                Piece::Path => push(&mut path, &asked(request)),
                Piece::Rest => {
                    let names: Vec<_> = rest.split(|byte| *byte == b'/').map(target::encode).collect();
                    path.push_str(&names.join("/"));
                }
            }
        }
        let keeps_slash = request.slash && self.path.last() == Some(&Piece::Rest);
        if path.is_empty() || (keeps_slash && !path.ends_with('/')) {
            path.push('/');
        }
        path
    }

    /// The whole of it. The query that was asked with goes along, unless it has one of its own.
    pub(super) fn place(&self, request: &Request, rest: &[u8]) -> Place {
        let query = |path: String| match request.uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let path = self.path(request, rest);
        let path = if self.says_query() { path } else { query(path) };
        let stays = path == query(asked(request));
        let Some(Origin { scheme, host, port }) = &self.origin else {
            return if stays { Place::Same } else { Place::At(path) };
        };
        let here = host::name(&request.uri, &request.headers).filter(|name| is_plain(name));
        let Some(name) = host.as_deref().or(here) else { return Place::NoHost };
        let authority = format!("{name}{port}");
        let now = if request.facts.info.tls.is_some() { "https" } else { "http" };
        let is_here = host::authority(&request.uri, &request.headers)
            .is_some_and(|here| host::same(&authority, here, Some(now)));
        match stays && *scheme == now && is_here {
            true => Place::Same,
            false => Place::At(format!("{scheme}://{authority}{path}")),
        }
    }

    fn says_query(&self) -> bool {
        self.path.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains(['?', '#'])))
    }
}

/// The path that was asked for, encoded anew: it begins with one slash.
fn asked(request: &Request) -> String {
    let mut path = target::encode_path(&request.path);
    if request.slash || request.path == VPath::ROOT {
        path.push('/');
    }
    path
}

/// Two pieces never make a double slash, which would begin an authority (RFC 3986 §4.2).
fn push(path: &mut String, piece: &str) {
    path.push_str(if path.ends_with('/') { piece.strip_prefix('/').unwrap_or(piece) } else { piece });
}

/// A name or address that means itself wherever it is written.
fn is_plain(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
        && !host.split('.').any(str::is_empty)
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text).map_err(|why| Error::local(format!("{text:?}: {why}")))
    }
}

fn parse(text: &str) -> Result<Target, &'static str> {
    let schemes = [("https", "https://"), ("http", "http://")];
    let absolute = schemes.iter().find_map(|(scheme, prefix)| Some((*scheme, text.strip_prefix(prefix)?)));
    let (origin, path) = match absolute {
        Some((scheme, rest)) => {
            let end =
                [rest.find('/'), rest.find("{path}"), rest.find(['?', '#'])].into_iter().flatten().min();
            let (authority, path) = rest.split_at(end.unwrap_or(rest.len()));
            (Some(origin(scheme, authority)?), path)
        }
        None => (None, text),
    };
    if origin.is_none() && path.starts_with("//") {
        return Err("two slashes begin a host: write `https://host/…`");
    }
    if !(path.starts_with('/') || path.starts_with("{path}") || (origin.is_some() && path.is_empty())) {
        return Err(
            "a target begins with `/`, `{path}`, `https://` or `http://`, and its path with `/` or `{path}`",
        );
    }
    Ok(Target { text: text.to_owned(), origin, path: pieces(path)? })
}

fn origin(scheme: &'static str, authority: &str) -> Result<Origin, &'static str> {
    let (host, port) = match authority.strip_prefix("{host}") {
        Some(port) => (None, port),
        None => {
            let (host, port) = host::split(authority);
            (Some(host.to_owned()), port)
        }
    };
    let whole = format!("{}{port}", host.as_deref().unwrap_or("host"));
    let fits = host::valid(&whole)
        && host.as_deref().is_none_or(is_plain)
        && (port.is_empty() || port.starts_with(':'))
        && !port.ends_with(':');
    let port = port.to_owned();
    if fits {
        Ok(Origin { scheme, host, port })
    } else {
        Err("this is no host, and no `{host}`, with or without a port")
    }
}

fn pieces(path: &str) -> Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = path;
    while let Some(first) = rest.chars().next() {
        let (piece, after) = match first {
            '*' => (Piece::Rest, rest.strip_prefix('*')),
            '{' => (Piece::Path, rest.strip_prefix("{path}")),
            _ => {
                let (text, after) = rest.split_at(rest.find(['*', '{']).unwrap_or(rest.len()));
                (Piece::Text(text.to_owned()), Some(after))
            }
        };
        rest = after.ok_or("what stands in braces is `{path}`, or `{host}` in place of a whole host")?;
        pieces.push(piece);
    }
    let placeholders = pieces.iter().filter(|piece| !matches!(piece, Piece::Text(_))).count();
    if placeholders > 1 {
        return Err("one `*` or one `{path}` is enough");
    }
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    let are_fit = |piece: &Piece| !matches!(piece, Piece::Text(text) if !text.bytes().all(fits));
    if !pieces.iter().all(are_fit) {
        return Err("spaces, quotes, backslashes and what is not ASCII are written as %XX");
    }
    Ok(pieces)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_become_another_host_is_no_target() {
        for text in [
            "",
            "x",
            "//evil/",
            "*",
            "https://",
            "https://a*",
            "https://*/",
            "https://a.*/",
            "https://{host}.evil/",
            "https://evil{host}/",
            "https://{host}*",
            "https://u@a/",
            "https://a:x/",
            "https://a:/",
            "https:///a",
            "ftp://a/",
            "/a\\b",
            "/a b",
            "/a\r\nb",
            "/é",
            "/{query}",
            "/{host}",
            "/*/*",
            "/*{path}",
            "javascript:x",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_target_is_written_as_it_was_read() {
        for text in [
            "/",
            "/new/*",
            "{path}",
            "/x{path}",
            "https://a.example",
            "https://a.example:8443/x?y#z",
            "https://{host}{path}",
            "https://{host}:8443/*",
            "http://[::1]:80/",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }
}
