//! The admin endpoint: health and metrics over HTTP.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ropewalk_core::app::{Member, Server, Service as _};
use ropewalk_core::net::Endpoint;
use ropewalk_http::{Body, Failure, Http, Method, Request, Response, StatusCode, header};

/// The name of the service that answers there.
pub(crate) const NAME: &str = "admin";

/// The service that answers there. It stays until the others have stopped, so that their drain can be watched.
pub(crate) fn member(endpoint: Endpoint) -> Member {
    let mut digest = DefaultHasher::new();
    endpoint.hash(&mut digest);
    let mut fingerprint = [0; 32];
    fingerprint[..8].copy_from_slice(&digest.finish().to_be_bytes());
    let service = Server::new(NAME, Http::new(answer)).listen(endpoint).boxed();
    Member { name: NAME.into(), fingerprint, service, stays: true }
}

/// Says whether the process lives, serves, has started, and what it has counted.
async fn answer(request: Request) -> Result<Response, Failure> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let allow = header::HeaderValue::from_static("GET, HEAD");
        return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED).with(header::ALLOW, allow));
    }
    let health = request.facts.cx.health();
    match request.path.as_bytes() {
        b"/livez" => Ok(text(true, "alive\n".into())),
        b"/startupz" => {
            Ok(text(health.is_started(), if health.is_started() { "started\n" } else { "starting\n" }.into()))
        }
        b"/readyz" => {
            let mut page = String::from(match (health.is_ready(), health.is_draining()) {
                (true, _) => "ready\n",
                (false, true) => "draining\n",
                (false, false) => "not ready\n",
            });
            for (name, ready) in health.services() {
                page.push_str(&format!("{name}: {}\n", if ready { "ready" } else { "not ready" }));
            }
            Ok(text(health.is_ready(), page))
        }
        b"/metrics" => {
            let mut response = text(true, request.facts.cx.metrics().render());
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
            Ok(response)
        }
        _ => Err(Failure::new(StatusCode::NOT_FOUND)),
    }
}

fn text(well: bool, page: String) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let kind = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
