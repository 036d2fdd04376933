//! Programs of a folder answer requests: whatever ends in `.sh` is run by sh.
//!
//! Run it, and ask in a second terminal:
//!
//! ```console
//! $ mkdir -p programs
//! $ echo 'echo Content-Type: text/plain; echo; echo "$REQUEST_METHOD $PATH_INFO"' > programs/hello.sh
//! $ cargo run -p ropewalk-http --example http_cgi tcp:8080:interface=localhost programs
//! $ curl http://localhost:8080/hello.sh/there
//! ```
//!
//! Expected output:
//!
//! ```text
//! GET /there
//! ```

use ropewalk_core::Result;
use ropewalk_core::app::{Application, Member, Server};
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_http::{Body, Cgi, Failure, Http, LocalRedirects, Request, Response};

async fn none(_: Request) -> Result<Response, Failure> {
    Ok(Response::new(Body::from("<h1>No program</h1>\n")))
}

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let at = std::env::args().nth(1).unwrap_or("tcp:8080:interface=localhost".into());
    let folder = std::env::args().nth(2).unwrap_or("programs".into());
    let programs = Cgi::new(folder).extension("sh", ["sh"]).otherwise(none);
    let server =
        Server::new("http", Http::new(LocalRedirects::new(programs))).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("http", server)]).run()
}
