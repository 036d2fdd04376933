//! A handler beside static files: `/` serves a tree, `/hello/NAME` is answered by a function.
//!
//! Run it, and ask in a second terminal:
//!
//! ```console
//! $ cargo run -p ropewalk-http --example http_mounted
//! $ curl http://localhost:8080/
//! $ curl http://localhost:8080/hello/rope
//! ```
//!
//! Expected output:
//!
//! ```text
//! <h1>Ropewalk</h1>
//! hello, rope
//! ```

use std::sync::Arc;

use ropewalk_core::Result;
use ropewalk_core::app::{Application, Member, Server};
use ropewalk_core::data::files::Memory;
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_http::{Body, Failure, Http, Request, Response, Routes, Static, StatusCode};

async fn hello(request: Request) -> Result<Response, Failure> {
    let name = request.rest.file_name().ok_or(StatusCode::NOT_FOUND)?;
    let name = String::from_utf8_lossy(name.as_bytes());
    Ok(Response::new(Body::from(format!("hello, {name}\n"))))
}

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let at = std::env::args().nth(1).unwrap_or("tcp:8080:interface=localhost".into());
    let files = Memory::new().with("/index.html", "<h1>Ropewalk</h1>\n");
    let routes = Routes::new().mount("/", Static::new(Arc::new(files)))?.mount("/hello", hello)?;
    let server = Server::new("http", Http::new(routes)).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("http", server)]).run()
}
