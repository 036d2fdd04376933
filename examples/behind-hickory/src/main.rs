//! Answers from zone files on a server of hickory's, whose sockets and other handlers stay what they are.
//!
//! ```sh
//! printf '$ORIGIN example.org.\n@ 1h SOA ns hostmaster 1 2h 30m 2w 5m\n@ 1h NS ns\nns 1h A 192.0.2.1\n' > example.zone
//! cargo run -p behind-hickory -- 127.0.0.1:5553 example.zone
//! dig @127.0.0.1 -p 5553 ns.example.org +short
//! ```

use std::env;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::zone_handler::Catalog;
use ropewalk_dns::server::{Answering, Desk, Engine};
use ropewalk_dns::wire::hickory::Handler;
use ropewalk_dns::zone::{ZoneSet, load};
use tokio::net::{TcpListener, UdpSocket};

/// How long hickory's server waits for the next request on a connection, and how many replies it keeps for one.
const IDLE: Duration = Duration::from_secs(10);
const REPLIES: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let at = args.next().ok_or("usage: behind-hickory ADDRESS:PORT FILE…")?;
    let mut zones = ZoneSet::default();
    for file in args {
        let (zone, reading) = load(Path::new(&file), None);
        reading.problems.iter().for_each(|problem| eprintln!("{problem}"));
        zones.insert(Arc::new(zone.ok_or_else(|| format!("{file} was not read"))?));
    }
    let engine = Arc::new(Engine::new(zones, Answering::default()));
    // An empty catalog refuses; yours forwards, resolves, or serves other zones.
    let mut server = Server::new(Handler::new(Arc::new(Desk::new(engine))).or(Catalog::new()));
    server.register_socket(UdpSocket::bind(&at).await?);
    server.register_listener(TcpListener::bind(&at).await?, IDLE, REPLIES);
    println!("listening on {at}");
    server.block_until_done().await?;
    Ok(())
}
