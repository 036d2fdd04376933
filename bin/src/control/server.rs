use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::app::{self, Context, Defend as _, Protocol, Server, Service};
use ropewalk_core::net::{Connection, Endpoint};
use ropewalk_core::policy::{Ban, Defender, Network};
use ropewalk_core::{Error, Limits, Result};
use ropewalk_store::accounts::{self, Store};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Order, Served, socket};

/// The names of these services.
const NAME: &str = "control";
const KEEPER: &str = "bans";
/// Octets of the longest order.
const LONGEST: u64 = 16 * 1024;
/// Bans are written so long after a change, together with those that come meanwhile.
const GATHER: Duration = Duration::from_secs(1);

/// The service that listens in the store. It stays until the others have stopped, so that their drain can be watched.
/// The configuration is the file that the process was started with, if there is one.
pub(crate) fn member(
    store: &Path,
    bans: Arc<Bans>,
    zones: Arc<Served>,
    config: Option<PathBuf>,
) -> Result<app::Member> {
    let path = std::path::absolute(socket(store))?;
    let path = path.to_str().ok_or_else(|| Error::local(format!("{} is not UTF-8", path.display())))?;
    let escaped = path.replace('\\', "\\\\").replace(':', "\\:");
    let endpoint: Endpoint = format!("unix:{escaped}:mode=666").parse()?;
    let mut limits = Limits::default();
    limits.connections = 64;
    limits.idle = Duration::from_secs(10);
    let control = Control { bans, zones, config, since: Instant::now() };
    let server = Server::new(NAME, control).listen(endpoint).limits(limits);
    Ok(app::Member { stays: true, ..app::Member::new(NAME, server) })
}

/// The service that keeps bans in the store.
pub(crate) fn keeper(bans: Arc<Bans>) -> app::Member {
    app::Member::new(KEEPER, Keeper(bans))
}

/// The bans of a process, and where they are kept.
pub(crate) struct Bans {
    defender: Arc<Defender>,
    store: Store,
    /// What is written is never older than what was.
    turn: Mutex<()>,
}

impl Bans {
    pub(crate) fn new(defender: Arc<Defender>, store: Store) -> Self {
        Self { defender, store, turn: Mutex::default() }
    }

    /// All are on the disk when this returns.
    async fn keep(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.store.keep_bans(self.defender.bans()).await
    }
}

struct Control {
    bans: Arc<Bans>,
    zones: Arc<Served>,
    config: Option<PathBuf>,
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
                self.obey(order, &cx).await
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

/// Whether this user may give orders. The mode of the socket does not say it: whoever made it may have given up to be root.
fn may(uid: u32) -> bool {
    uid == 0 || uid == nix::unistd::geteuid().as_raw()
}

impl Control {
    async fn obey(&self, order: Order, cx: &Context) -> Result<Value, String> {
        match order {
            Order::Status {} => Ok(self.status(cx)),
            Order::Bans {} => {
                Ok(json!({ "bans": self.defender()?.bans().iter().map(ban).collect::<Vec<_>>() }))
            }
            Order::Ban { network, seconds, why, force } => {
                let why = why.unwrap_or_else(|| "by hand".into());
                self.ban(parsed(&network)?, seconds.map(Duration::from_secs), &why, force, cx).await
            }
            Order::Unban { network } => self.unban(&parsed(&network)?).await,
            Order::Revoke { user } => {
                // In this order: what is read from now on is new, and a login with what was read before comes too late.
                accounts::forget();
                Ok(json!({ "ended": cx.live().kill_user(&user) }))
            }
            Order::Zones {} => Ok(self.zones.list()),
            Order::Follow {} => Ok(self.zones.follow().await),
            Order::Reload {} => Ok(self.zones.reload().await),
        }
    }

    fn defender(&self) -> Result<&Defender, String> {
        let defender = &*self.bans.defender;
        if defender.is_on() {
            Ok(defender)
        } else {
            Err("the configuration that the server runs by has no [defender]: it bans nobody".into())
        }
    }

    async fn unban(&self, network: &Network) -> Result<Value, String> {
        let defender = self.defender()?;
        let was = defender.unban(network);
        self.kept("not banned any more").await?;
        let others = defender.bans().into_iter().map(|ban| ban.network).find(|other| other.overlaps(network));
        match (was, others) {
            (true, _) => Ok(json!({})),
            (false, Some(other)) => Err(format!("{network} is not banned by itself, but {other} is")),
            (false, None) => Err(format!("{network} is not banned")),
        }
    }

    async fn ban(
        &self,
        network: Network,
        time: Option<Duration>,
        why: &str,
        force: bool,
        cx: &Context,
    ) -> Result<Value, String> {
        let defender = self.defender()?;
        if !force && defender.is_exempt(&network) {
            let who = match network.overlaps(&Network::LOOPBACK) {
                true => "this machine, or has it in it",
                false => "exempt: `allow` in [defender] has it, or a part of it",
            };
            return Err(format!("{network} is {who}; --force bans it all the same, until the next start"));
        }
        defender.ban(network, time, why);
        // A new connection is entered into the list before its peer is looked for among the banned: none slips by.
        let ended = cx.live().kill_peers(|peer| defender.shuts_out(peer));
        self.kept("banned").await?;
        Ok(json!({ "ended": ended }))
    }

    /// What was done outlives the process, or the operator hears that it does not.
    async fn kept(&self, done: &str) -> Result<(), String> {
        let kept = self.bans.keep().await;
        kept.map_err(|error| format!("{done}, but only until the next start: {}", error.chain()))
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
            "bans": self.defender().ok().map(|defender| defender.bans().len()),
            "config": self.config.as_deref().and_then(Path::to_str),
        })
    }
}

fn parsed(network: &str) -> Result<Network, String> {
    network.parse().map_err(|error: Error| error.to_string())
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
struct Keeper(Arc<Bans>);

impl Service for Keeper {
    async fn run(&self, cx: Context) -> Result<()> {
        let Self(bans) = self;
        match bans.store.bans().await {
            Ok(kept) => bans.defender.restore(kept),
            // Without what was kept, bans begin anew: no reason not to serve.
            Err(error) => error.log("bans could not be read"),
        }
        cx.ready();
        loop {
            tokio::select! {
                () = bans.defender.changed() => {}
                () = cx.stopping() => return bans.keep().await,
            }
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = cx.stopping() => {}
            }
            if let Err(error) = bans.keep().await {
                error.log("bans could not be kept");
            }
        }
    }
}
