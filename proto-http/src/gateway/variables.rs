//! What a program is told about its request: meta-variables (RFC 3875 §4.1), in an environment that is otherwise
//! empty.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use http::header::{self, HeaderMap, HeaderName};
use http::uri::Authority;
use http::{HeaderValue, Version};
use ropewalk_core::Address;
use ropewalk_core::data::cred::{Method, Principal};

use super::Cgi;
use super::script::Script;
use crate::server::Request;

/// Where programs look for programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The environment of a program.
#[derive(Default)]
struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), OsString::from_vec(value.into())));
    }
}

/// The variables of a request whose content has this length. Later ones win.
pub(super) fn of(
    cgi: &Cgi,
    request: &Request,
    script: &Script,
    length: Option<u64>,
) -> Vec<(OsString, OsString)> {
    let mut environment = Environment(Vec::with_capacity(32 + request.headers.len()));
    environment.set("PATH", PATH);
    environment.0.extend(cgi.variables.iter().cloned());
    fields(&mut environment, &request.headers, cgi.authorization);
    connection(&mut environment, request);
    environment.set("GATEWAY_INTERFACE", "CGI/1.1");
    environment.set("SERVER_SOFTWARE", concat!("ropewalk/", env!("CARGO_PKG_VERSION")));
    environment.set("SERVER_PROTOCOL", protocol(request.version));
    environment.set("REQUEST_METHOD", request.method.as_str());
    environment.set("QUERY_STRING", request.uri.query().unwrap_or_default());
    let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
    environment.set("REQUEST_URI", target);
    environment.set("SCRIPT_NAME", script.name(request));
    environment.set("SCRIPT_FILENAME", script.file.as_os_str().as_encoded_bytes());
    let root = cgi.root.as_os_str().as_encoded_bytes();
    environment.set("DOCUMENT_ROOT", root);
    let info = script.path_info(request);
    if !info.is_empty() {
        environment.set("PATH_TRANSLATED", [root, &info].concat());
        environment.set("PATH_INFO", info);
    }
    if let Some(length) = length {
        environment.set("CONTENT_LENGTH", length.to_string());
    }
    if let Some(kind) = request.headers.get(header::CONTENT_TYPE) {
        environment.set("CONTENT_TYPE", kind.as_bytes());
    }
    // php-cgi asks for proof that a server decided to run it.
    environment.set("REDIRECT_STATUS", "200");
    environment.0
}

/// Who asks whom, over what.
fn connection(environment: &mut Environment, request: &Request) {
    let info = &request.facts.info;
    let https = info.tls.is_some();
    let default = if https { 443 } else { 80 };
    let ends = |address: &Address| match address {
        Address::Ip(at) => (at.ip().to_string(), Some(at.port())),
        // Whoever speaks to us without an internet address is on this machine.
        _ => ("127.0.0.1".to_owned(), None),
    };
    let (peer, peer_port) = ends(&info.peer);
    let (local, port) = ends(&info.local);
    environment.set("REMOTE_HOST", peer.as_str());
    environment.set("REMOTE_ADDR", peer);
    if let Some(port) = peer_port {
        environment.set("REMOTE_PORT", port.to_string());
    }
    let field = || request.headers.get(header::HOST)?.to_str().ok()?.parse().ok();
    let authority: Option<Authority> = request.uri.authority().cloned().or_else(field);
    match &authority {
        Some(authority) => {
            environment.set("SERVER_NAME", authority.host());
            environment.set("HTTP_HOST", authority.as_str());
        }
        None => environment.set("SERVER_NAME", local.as_str()),
    }
    environment.set("SERVER_ADDR", local);
    environment.set("SERVER_PORT", port.unwrap_or(default).to_string());
    environment.set("REQUEST_SCHEME", if https { "https" } else { "http" });
    if https {
        environment.set("HTTPS", "on");
    }
    if let Some(who) = request.extensions.get::<Principal>().filter(|who| !who.is_guest()) {
        environment.set("REMOTE_USER", who.name().as_str());
        // Of a login that was checked, nothing but who it is has come to us.
        let scheme = match who.method() {
            Method::Password => "Basic",
            Method::Token => "Bearer",
            _ => "",
        };
        environment.set("AUTH_TYPE", scheme);
    }
}

/// Header fields as §4.1.18 says. Two names that become one variable would let a client forge what a proxy says, so
/// names with an underscore are left out, as are those that no shell could use.
fn fields(environment: &mut Environment, headers: &HeaderMap, authorization: bool) {
    for name in headers.keys() {
        if is_kept(name, authorization) {
            let variable: String = name
                .as_str()
                .chars()
                .map(|character| if character == '-' { '_' } else { character.to_ascii_uppercase() })
                .collect();
            // RFC 9113 §8.2.3: the pieces of a cookie are joined in another way.
            let between: &[u8] = if *name == header::COOKIE { b"; " } else { b", " };
            let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            environment.set(&format!("HTTP_{variable}"), values.join(between));
        }
    }
}

fn is_kept(name: &HeaderName, authorization: bool) -> bool {
    match name.as_str() {
        // `HTTP_PROXY` is how programs are told of a proxy for their own requests.
        "proxy" | "proxy-authorization" | "proxy-connection" => false,
        "authorization" => authorization,
        // Said in other variables.
        "content-length" | "content-type" | "host" => false,
        // Of this connection alone.
        "connection" | "expect" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" => false,
        name => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
    }
}

/// The version as §4.1.16 writes it.
fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}
