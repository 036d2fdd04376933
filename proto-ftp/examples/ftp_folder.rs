//! A folder in memory, over FTP, for anybody to read.
//!
//! # Run it
//!
//! ```console
//! $ cargo run -p ropewalk-ftp --example ftp_folder
//! $ curl ftp://localhost:2121/hello.txt
//! ```
//!
//! # Expected output
//!
//! ```text
//! hello
//! ```

use std::sync::Arc;

use ropewalk_core::Result;
use ropewalk_core::app::{Application, Member, Server};
use ropewalk_core::data::files::Memory;
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_ftp::{Area, Ftp};

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let files = Memory::new().with("/hello.txt", "hello\n");
    let at = std::env::args().nth(1).unwrap_or("tcp:2121:interface=localhost".into());
    let server = Server::new("ftp", Ftp::new(Area::new().guests(Arc::new(files)))).listen(at.parse()?);
    Application::new(vec![Member::new("ftp", server)]).run()
}
