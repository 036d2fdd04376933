use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::app::{self, Context, Protocol, Server, Service};
use ropewalk_core::net::{Connection, Endpoint};
use ropewalk_core::policy::{Ban, Defender};
use ropewalk_core::{Error, Limits, Result};
use ropewalk_store::accounts::Store;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::Instant;

use super::{Order, socket};

/// The names of these services.
const NAME: &str = "control";
const KEEPER: &str = "bans";
/// Octets of the longest order.
const LONGEST: u64 = 16 * 1024;
/// Bans are written so long after a change, together with those that come meanwhile.
const GATHER: Duration = Duration::from_secs(1);

/// The service that listens in the store. It stays until the others have stopped, so that their drain can be watched.
pub(crate) fn member(store: &Path, defender: Option<Arc<Defender>>) -> Result<app::Member> {
    let path = std::path::absolute(socket(store))?;
    let path = path.to_str().ok_or_else(|| Error::local(format!("{} is not UTF-8", path.display())))?;
    let escaped = path.replace('\\', "\\\\").replace(':', "\\:");
    let endpoint: Endpoint = format!("unix:{escaped}:mode=600").parse()?;
    let mut limits = Limits::default();
    limits.connections = 64;
    limits.idle = Duration::from_secs(10);
    let control = Control { defender, since: Instant::now() };
    let server = Server::new(NAME, control).listen(endpoint).limits(limits);
    Ok(app::Member { stays: true, ..app::Member::new(NAME, server) })
}

/// The service that keeps bans in the store.
pub(crate) fn keeper(store: Store, defender: Arc<Defender>) -> app::Member {
    app::Member::new(KEEPER, Keeper { store, defender })
}

struct Control {
    defender: Option<Arc<Defender>>,
    since: Instant,
}

impl Protocol for Control {
    async fn serve(&self, conn: Connection, cx: Context) -> Result<()> {
        let uid = conn.info().uid;
        let mut conn = BufReader::new(conn);
        let mut line = String::new();
        (&mut conn).take(LONGEST).read_line(&mut line).await?;
        let answer = match serde_json::from_str(&line) {
            _ if !uid.is_some_and(may) => Err("this is for the server's own user and for root".to_owned()),
            Err(error) => Err(format!("no such order: {error}")),
            Ok(order) => {
                tracing::info!(?order, uid, "control");
                self.obey(order, &cx)
            }
        };
        let mut answer = answer.unwrap_or_else(|error| json!({ "error": error }));
        if let Value::Object(fields) = &mut answer {
            fields.insert("version".into(), 1.into());
        }
        conn.write_all(format!("{answer}\n").as_bytes()).await?;
        conn.shutdown().await?;
        Ok(())
    }
}

/// Whether this user may give orders. The mode of the socket says the same; this holds where somebody changed it.
fn may(uid: u32) -> bool {
    uid == 0 || uid == nix::unistd::geteuid().as_raw()
}

impl Control {
    fn obey(&self, order: Order, cx: &Context) -> Result<Value, String> {
        let defender = || self.defender.as_ref().ok_or("the configuration has no [defender]".to_owned());
        match order {
            Order::Status {} => Ok(self.status(cx)),
            Order::Bans {} => Ok(json!({ "bans": defender()?.bans().iter().map(ban).collect::<Vec<_>>() })),
            Order::Ban { address, seconds, why } => {
                let why = why.unwrap_or_else(|| "by hand".into());
                defender()?.ban(address, seconds.map(Duration::from_secs), &why);
                Ok(json!({}))
            }
            Order::Unban { address } => match defender()?.unban(address) {
                true => Ok(json!({})),
                false => Err(format!("{address} is not banned")),
            },
            Order::Revoke { user } => Ok(json!({ "ended": cx.live().kill_user(&user) })),
        }
    }

    fn status(&self, cx: &Context) -> Value {
        let mut open: BTreeMap<String, usize> = BTreeMap::new();
        for connection in cx.live().list() {
            *open.entry(connection.service).or_default() += 1;
        }
        let services: Vec<_> = cx
            .health()
            .services()
            .into_iter()
            .map(|(name, ready)| {
                let connections = open.get(&name).copied().unwrap_or_default();
                let addresses = cx.health().addresses(&name);
                json!({ "name": name, "ready": ready, "connections": connections, "addresses": addresses })
            })
            .collect();
        json!({
            "ropewalk": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "uptime": self.since.elapsed().as_secs(),
            "ready": cx.health().is_ready(),
            "services": services,
            "bans": self.defender.as_ref().map(|defender| defender.bans().len()),
        })
    }
}

fn ban(ban: &Ban) -> Value {
    json!({
        "network": ban.network.to_string(),
        "seconds": ban.left.as_secs(),
        "times": ban.times,
        "why": ban.why,
    })
}

/// Takes bans up when it starts, and writes them when they change.
struct Keeper {
    store: Store,
    defender: Arc<Defender>,
}

impl Service for Keeper {
    async fn run(&self, cx: Context) -> Result<()> {
        match self.store.bans().await {
            Ok(bans) => self.defender.restore(bans),
            // Without what was kept, bans begin anew: no reason not to serve.
            Err(error) => error.log("bans could not be read"),
        }
        cx.ready();
        loop {
            tokio::select! {
                () = self.defender.changed() => {}
                () = cx.stopping() => return self.keep().await,
            }
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = cx.stopping() => {}
            }
            if let Err(error) = self.keep().await {
                error.log("bans could not be kept");
            }
        }
    }
}

impl Keeper {
    async fn keep(&self) -> Result<()> {
        self.store.keep_bans(self.defender.bans()).await
    }
}
