//! A tree in memory over WebDAV, to be read and written: with locks, and with properties.
//!
//! Run it, and ask in a second terminal, or mount it:
//!
//! ```console
//! $ cargo run -p ropewalk-http --example http_dav
//! $ curl -X PROPFIND -H 'Depth: 1' http://localhost:8080/
//! $ curl -T Cargo.toml http://localhost:8080/
//! $ cadaver http://localhost:8080/
//! ```
//!
//! The first answer has a line for each of what is there:
//!
//! ```text
//! <D:response><D:href>/hello.txt</D:href>…
//! ```

use std::sync::Arc;

use ropewalk_core::Result;
use ropewalk_core::app::{Application, Member, Server};
use ropewalk_core::data::files::layers::Marked;
use ropewalk_core::data::files::{Marks, Memory};
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_http::{Http, Static};

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let files = Memory::new().with("/hello.txt", "hello\n");
    let files = Marked::new(files, Arc::new(Marks::memory()));
    let site = Static::new(Arc::new(files)).writable().dav().archives();
    let at = std::env::args().nth(1).unwrap_or("tcp:8080:interface=localhost".into());
    let server = Server::new("dav", Http::new(site)).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("dav", server)]).run()
}
