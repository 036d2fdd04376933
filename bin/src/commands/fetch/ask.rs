//! From the command line to a request.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ropewalk_core::data::files::{FileHandle, Files as _, Name, Open, VPath};
use ropewalk_core::{Error, Result};
use ropewalk_http::client::{self, Client, Options, Proxies, Versions, basic};
use ropewalk_http::{Body, FileRange, HeaderName, HeaderValue, HttpRequest, Method, header};
use ropewalk_store::files::local::Local;
use tokio::io::AsyncReadExt as _;

use super::part::Part;
use super::progress::Watched;
use super::{FetchArgs, Proxy};

/// Octets that are read from standard input at once.
const CHUNK: usize = 64 * 1024;

/// `--proxy`.
#[derive(Clone, Debug)]
pub(super) enum ProxyChoice {
    None,
    At(Proxy),
}

pub(super) fn proxy(text: &str) -> Result<ProxyChoice, String> {
    match text {
        "none" => Ok(ProxyChoice::None),
        text => text.parse().map(ProxyChoice::At).map_err(|error: Error| error.chain()),
    }
}

pub(super) fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a field is `Name: value`")?;
    let name: HeaderName = name.parse().map_err(|_| "not the name of a field")?;
    if name == header::TRANSFER_ENCODING || name == header::CONTENT_LENGTH {
        return Err("how long the content is, and how it is framed, is said by what sends it".into());
    }
    let value = HeaderValue::from_str(value.trim()).map_err(|_| "not the value of a field")?;
    Ok((name, value))
}

/// RFC 7617 §2: no control characters in the name or the password.
pub(in crate::commands) fn user(text: &str) -> Result<String, String> {
    let fits = !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| "a control character in the name or the password".into())
}

pub(in crate::commands) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| *time <= Duration::from_secs(365 * 24 * 3600))
        .ok_or_else(|| "a number of seconds, such as 2.5".into())
}

pub(super) fn options(args: &FetchArgs) -> Result<Options> {
    let mut options = args.reach.http()?;
    options.versions = match (args.http1, args.http2) {
        (true, _) => Versions::One,
        (_, true) => Versions::Two,
        _ => Versions::Both,
    };
    match &args.proxy {
        Some(ProxyChoice::None) => options.proxies = Proxies::default(),
        Some(ProxyChoice::At(proxy)) => {
            options.proxies = Proxies::default();
            options.proxies.http = Some(proxy.clone());
            options.proxies.https = Some(proxy.clone());
        }
        None => {}
    }
    options.redirects = (!args.no_follow).then_some(args.max_redirects);
    options.downgrade = args.allow_downgrade;
    options.cookies = args.cookies;
    options.decode = !args.no_compressed;
    Ok(options)
}

/// As other programs read them: in lower case first. `HTTP_PROXY` is not read, since a CGI program's peer sets it.
pub(in crate::commands) fn environment() -> Result<Proxies> {
    let read = |names: &[&str]| {
        names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    };
    let proxy = |names: &[&str]| {
        let Some(text) = read(names) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: Error| error.during(names.join(", ")))
    };
    let mut proxies = Proxies::default();
    proxies.http = proxy(&["http_proxy", "all_proxy", "ALL_PROXY"])?;
    proxies.https = proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?;
    let except = read(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    proxies.except =
        except.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect();
    Ok(proxies)
}

/// The request; for what follows the part that is there, where there is one.
pub(super) async fn request(args: &FetchArgs, part: Option<&Part>) -> Result<HttpRequest<Body>, super::Stop> {
    let content = content(args).await?;
    let sends = args.data.is_some() || args.data_file.is_some();
    let method = match &args.method {
        Some(method) => method.clone(),
        None if args.head => Method::HEAD,
        None if sends => Method::POST,
        None => Method::GET,
    };
    let mut request = HttpRequest::new(content);
    *request.method_mut() = method;
    *request.uri_mut() = Client::url(&args.url)?;
    let fields = request.headers_mut();
    if args.data.is_some() {
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    } else if args.data_file.is_some() {
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    }
    if let Some(user) = &args.reach.user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        fields.insert(header::AUTHORIZATION, basic(name, password));
    }
    if args.resume {
        // What is to be gone on with later is not to be coded on the way.
        fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if let Some(part) = part {
        let range = HeaderValue::from_str(&format!("bytes={}-", part.octets));
        fields.insert(header::RANGE, range.map_err(|error| Error::local("range").caused_by(error))?);
        fields.insert(header::IF_RANGE, part.validator.clone());
    }
    let mut seen: Vec<&HeaderName> = Vec::new();
    for (name, value) in &args.header {
        if seen.contains(&name) {
            fields.append(name, value.clone());
        } else {
            fields.insert(name, value.clone());
            seen.push(name);
        }
    }
    Ok(request)
}

/// A request for what comes behind the end of this file, where that makes sense. A server whose content has changed since the
/// file was written, as far as it can tell, fails it.
pub(super) async fn behind(
    args: &FetchArgs,
    file: &std::fs::Metadata,
) -> Result<Option<HttpRequest<Body>>, super::Stop> {
    let mut request = request(args, None).await?;
    let fields = request.headers_mut();
    if fields.contains_key(header::RANGE) || request.method() != Method::GET {
        return Ok(None);
    }
    let value =
        |text: &str| HeaderValue::from_str(text).map_err(|error| Error::local("range").caused_by(error));
    let written = file.modified().map_err(Error::from)?;
    let fields = request.headers_mut();
    fields.insert(header::RANGE, value(&format!("bytes={}-", file.len()))?);
    fields.insert(header::IF_UNMODIFIED_SINCE, value(&httpdate::fmt_http_date(written))?);
    Ok(Some(request))
}

async fn content(args: &FetchArgs) -> Result<Body, Error> {
    match (&args.data, &args.data_file) {
        (Some(text), _) => Ok(Body::from(text.clone())),
        (None, None) => Ok(Body::empty()),
        (None, Some(file)) if file.as_os_str() == "-" => Ok(input(false)),
        (None, Some(file)) => {
            open(file, false).await.map_err(|error| error.during(format!("cannot send {}", file.display())))
        }
    }
}

/// A file, which can be sent again where a redirect asks for it; how far that is, is shown if somebody watches.
pub(in crate::commands) async fn open(file: &Path, watched: bool) -> Result<Body> {
    whole(file, watched).await.map_err(|error| error.during(format!("cannot read {}", file.display())))
}

async fn whole(file: &Path, watched: bool) -> Result<Body> {
    let file = file.canonicalize()?;
    let no_file = || Error::local("not a file");
    let (folder, name) = file.parent().zip(file.file_name()).ok_or_else(no_file)?;
    let name = Name::new(name.as_encoded_bytes().to_vec()).map_err(|error| no_file().caused_by(error))?;
    let path = VPath::ROOT.join(&name).map_err(|error| no_file().caused_by(error))?;
    let handle = Local::new(folder)?.open(&path, &Open::read()).await.map_err(|e| no_file().caused_by(e))?;
    let octets = handle.opened().len;
    let handle: Arc<dyn FileHandle> = if watched { Arc::new(Watched::new(handle)) } else { handle.into() };
    Ok(Body::File(FileRange::new(handle, 0, octets)))
}

/// Standard input, as it comes; how much that is, is shown if somebody watches.
pub(in crate::commands) fn input(watched: bool) -> Body {
    let content = Body::stream(futures_util::stream::unfold(Some(tokio::io::stdin()), async |input| {
        let mut input = input?;
        let mut chunk = BytesMut::with_capacity(CHUNK);
        match input.read_buf(&mut chunk).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(chunk.freeze()), Some(input))),
            Err(error) => Some((Err::<Bytes, _>(Error::from(error)), None)),
        }
    }));
    if watched { super::progress::watched(content) } else { content }
}

/// The name that the URL ends with.
pub(super) fn name_of(url: &str) -> Result<String, String> {
    #[cfg(feature = "ftp")]
    if let Ok(true) = crate::commands::remote::is_ftp(url) {
        let url: ropewalk_ftp::client::Url =
            url.parse().map_err(|error: ropewalk_ftp::client::Error| error.chain())?;
        let name = url.name().ok_or("the URL ends with no name: say one with -o")?;
        return plain(&String::from_utf8_lossy(name));
    }
    let uri = Client::url(url).map_err(|error: client::Error| error.chain())?;
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    plain(&decode(last))
}

/// A name that is no path.
fn plain(decoded: &str) -> Result<String, String> {
    let name: String = decoded.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    match name.as_str() {
        "" => Ok("index.html".into()),
        "." | ".." => Err("the URL ends with no name: say one with -o".into()),
        _ => Ok(name),
    }
}

/// Percent-encoded octets as what they stand for, where that is text.
fn decode(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(octets).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_url_is_never_a_path() {
        for (url, name) in [
            ("http://x.example/a/b.txt?c=d#e", "b.txt"),
            ("http://x.example/a/", "index.html"),
            ("http://x.example", "index.html"),
            ("http://x.example/a%20b", "a b"),
            ("http://x.example/%2e%2e%2fetc%2fpasswd", ".._etc_passwd"),
            ("http://x.example/a%0ab%1b", "a_b_"),
            ("http://x.example/%ff", "%ff"),
            ("http://x.example/100%", "100%"),
        ] {
            assert_eq!(name_of(url).unwrap(), name, "{url}");
        }
        assert!(name_of("http://x.example/%2e%2e").is_err());
    }

    #[test]
    fn fields_are_names_and_values() {
        assert_eq!(field("X-A:  b c ").unwrap(), ("x-a".parse().unwrap(), HeaderValue::from_static("b c")));
        for wrong in
            ["", "x", "a b: c", "x: a\r\nb: c", ": x", "Transfer-Encoding: chunked", "content-length: 1"]
        {
            assert!(field(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_login_is_on_one_line() {
        assert_eq!(user("ann:sword fish:ü"), Ok("ann:sword fish:ü".into()));
        for wrong in ["ann\r\nX: y:z", "ann:a\nb", "ann:\0"] {
            assert!(user(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn times_are_positive_and_end() {
        assert_eq!(seconds("2.5"), Ok(Duration::from_millis(2500)));
        for wrong in ["0", "-1", "x", "inf", "NaN", "1e300"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
