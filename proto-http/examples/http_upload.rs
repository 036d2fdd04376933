//! A form with a file: it is read part by part, and never held as a whole.
//!
//! Run it, and ask in a second terminal, or open <http://localhost:8080/> in a browser:
//!
//! ```console
//! $ cargo run -p ropewalk-http --example http_upload
//! $ curl -F who=ann -F file=@Cargo.toml http://localhost:8080/
//! ```
//!
//! Expected output, where the number is that of the file:
//!
//! ```text
//! who is ann
//! Cargo.toml has 3612 octets
//! ```

use ropewalk_core::Result;
use ropewalk_core::app::{Application, Member, Server};
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_http::{
    Body, Failure, FormLimits, HeaderValue, Http, Method, Multipart, Request, Response, header,
};

const PAGE: &str = r#"<!doctype html>
<title>Upload</title>
<form method="post" enctype="multipart/form-data">
<input name="who"> <input type="file" name="file"> <button>Send</button>
</form>
"#;

async fn form(request: Request) -> Result<Response, Failure> {
    if request.method != Method::POST {
        let mut response = Response::new(Body::from(PAGE));
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        return Ok(response);
    }
    let mut limits = FormLimits::default();
    (limits.total, limits.part) = (1 << 30, 1 << 30);
    let mut form = Multipart::new(request, limits)?;
    let mut answer = String::new();
    while let Some(mut part) = form.next().await? {
        let name = part.name().to_owned();
        match part.filename().map(str::to_owned) {
            Some(file) => {
                let mut octets = 0;
                while let Some(chunk) = part.chunk().await? {
                    octets += chunk.len();
                }
                answer += &format!("{file} has {octets} octets\n");
            }
            None => answer += &format!("{name} is {}\n", part.text().await?),
        }
    }
    Ok(Response::new(Body::from(answer)))
}

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let at = std::env::args().nth(1).unwrap_or("tcp:8080:interface=localhost".into());
    let server = Server::new("http", Http::new(form)).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("http", server)]).run()
}
