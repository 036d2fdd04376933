//! Early hints (RFC 8297): a page that takes a while says beforehand what it will need.
//!
//! Run it, and ask in a second terminal:
//!
//! ```console
//! $ cargo run -p ropewalk-http --example http_early_hints
//! $ curl -si http://localhost:8080/
//! ```
//!
//! Expected output, whose second part comes a moment later:
//!
//! ```text
//! HTTP/1.1 103 Early Hints
//! link: </style.css>; rel=preload; as=style
//!
//! HTTP/1.1 200 OK
//! content-type: text/html; charset=utf-8
//! ```
//!
//! A peer that cannot be sent them, as over HTTP/1.0, gets the page alone.

use std::time::Duration;

use ropewalk_core::Result;
use ropewalk_core::app::{Application, Member, Server};
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_http::{
    Body, Failure, HeaderMap, HeaderValue, Http, Request, Response, Routes, StatusCode, header,
};
use tokio::time::sleep;

const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>Early hints</title>
<link rel="stylesheet" href="/style.css">
<h1>Here at last</h1>
"#;

async fn page(request: Request) -> Result<Response, Failure> {
    let link = HeaderValue::from_static("</style.css>; rel=preload; as=style");
    // They are hints: the page is the same where they do not go out.
    request.interim().send(StatusCode::EARLY_HINTS, &HeaderMap::from_iter([(header::LINK, link.clone())]));
    // Such as a database takes.
    sleep(Duration::from_millis(300)).await;
    let mut response = of(PAGE, "text/html; charset=utf-8");
    // Who has not seen the hints finds them here (RFC 8297 §2).
    response.headers_mut().insert(header::LINK, link);
    Ok(response)
}

async fn style(_: Request) -> Result<Response, Failure> {
    Ok(of("h1 { color: seagreen }\n", "text/css; charset=utf-8"))
}

fn of(text: &'static str, media_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let at = std::env::args().nth(1).unwrap_or("tcp:8080:interface=localhost".into());
    let routes = Routes::new().mount("/", page)?.mount("/style.css", style)?;
    let server = Server::new("http", Http::new(routes)).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("http", server)]).run()
}
