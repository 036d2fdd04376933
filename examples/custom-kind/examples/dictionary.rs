//! The dictionary as a program of its own, without a configuration file.
//!
//! Run it, and ask in a second terminal:
//!
//! ```console
//! $ cargo run -p custom-kind --example dictionary
//! $ printf 'strand\r\nknot\r\nquit\r\n' | nc localhost 2628
//! ```
//!
//! Expected output:
//!
//! ```text
//! yarns laid together
//! ? no such word
//! bye
//! ```

use custom_kind::Dictionary;
use ropewalk_core::Result;
use ropewalk_core::app::{Application, Member, Server};
use ropewalk_core::telemetry::{self, LogOptions};

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let dictionary = Dictionary::default().with("strand", "yarns laid together");
    let at = std::env::args().nth(1).unwrap_or("tcp:2628:interface=localhost".into());
    let server = Server::new("dictionary", dictionary).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("dictionary", server)]).run()
}
