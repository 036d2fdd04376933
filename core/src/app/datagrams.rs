use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::sleep;

use super::{Context, Prepare, Task};
use crate::net::{Admits, BoundDatagrams, DatagramSocket, Endpoint};
use crate::{Address, Error, Result};

/// How long a socket rests after its service has failed.
const PAUSE: Duration = Duration::from_millis(250);

type Serving = Pin<Box<dyn Future<Output = Result<()>> + Send>>;
type Serve = Arc<dyn Fn(DatagramSocket, Context) -> Serving + Send + Sync>;

/// The `udp:` endpoints of a server, and what serves them.
#[derive(Default)]
pub(super) struct Ports {
    serve: Option<Serve>,
    admits: Vec<Arc<Admits>>,
    endpoints: Vec<Endpoint>,
    /// The port of each of `endpoints`, once prepared.
    bound: Vec<BoundDatagrams>,
}

impl Ports {
    pub(super) fn serve<F, R>(&mut self, serve: F)
    where
        F: Fn(DatagramSocket, Context) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.serve = Some(Arc::new(move |socket, cx| Box::pin(serve(socket, cx))));
    }

    pub(super) fn admit(&mut self, admits: Arc<Admits>) {
        self.admits.push(admits);
    }

    pub(super) fn listen(&mut self, endpoint: Endpoint) {
        self.endpoints.push(endpoint);
    }

    pub(super) fn prepare(&mut self, prepare: &mut Prepare<'_>) -> Result<()> {
        self.bound.clear();
        for endpoint in &self.endpoints {
            if self.serve.is_none() {
                return Err(Error::local(format!("{endpoint}: this protocol is not spoken in datagrams")));
            }
            self.bound.push(prepare.claim_datagram(endpoint)?);
        }
        Ok(())
    }

    /// Begins to serve, each socket on one of the threads for connections; the tasks, and where they listen.
    pub(super) fn start(&self, proto: &'static str, cx: &Context) -> Result<(Vec<Task<()>>, Vec<Address>)> {
        let (mut tasks, mut addresses) = (Vec::new(), Vec::new());
        let Some(serve) = &self.serve else { return Ok((tasks, addresses)) };
        let admits = self.filter(cx);
        for port in &self.bound {
            let at = port.local();
            if let [first, rest @ ..] = at.as_slice() {
                let also = rest.first().map(tracing::field::display);
                tracing::info!(at = %first, also, udp = true, "listening");
            }
            addresses.extend(at);
            for number in 0.. {
                let _entered = shard(cx, number).map(tokio::runtime::Handle::enter);
                let Some(socket) = port.open_one(number)? else { break };
                let one = One { proto, number, port: port.clone(), serve: Arc::clone(serve), cx: cx.clone() };
                let run = one.run(socket, admits.clone());
                tasks.push(match shard(cx, number) {
                    Some(shard) => cx.spawn_on(shard, run),
                    None => cx.spawn(run),
                });
            }
        }
        Ok((tasks, addresses))
    }

    /// Whom this server and the application's defender let in; nothing where nobody is kept out.
    fn filter(&self, cx: &Context) -> Option<Arc<Admits>> {
        if self.admits.is_empty() && cx.defender().is_none() {
            return None;
        }
        let (all, cx) = (self.admits.clone(), cx.clone());
        Some(Arc::new(move |peer| {
            all.iter().all(|admits| admits(peer)) && !cx.defender().is_some_and(|d| d.shuts_out(peer))
        }))
    }
}

/// The thread that has the socket of this number.
fn shard(cx: &Context, number: usize) -> Option<&tokio::runtime::Handle> {
    let shards = cx.shards();
    number.checked_rem(shards.len()).and_then(|nth| shards.get(nth))
}

/// One socket of a port.
struct One {
    proto: &'static str,
    number: usize,
    port: BoundDatagrams,
    serve: Serve,
    cx: Context,
}

impl One {
    /// The kernel goes on to give this socket its share of the peers: it is served until the server stops, come what may.
    async fn run(self, first: DatagramSocket, admits: Option<Arc<Admits>>) {
        let mut socket = Some(first);
        while !self.cx.is_stopping() {
            let again =
                socket.take().map_or_else(|| self.port.open_one(self.number), |socket| Ok(Some(socket)));
            let served = match again {
                Ok(Some(socket)) => self.once(socket.only(admits.clone())).await,
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let Err(error) = served else { continue };
            error.log("socket failed; it is opened again");
            self.cx.metrics().error(self.proto, "local");
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = self.cx.stopping() => {}
            }
        }
    }

    async fn once(&self, socket: DatagramSocket) -> Result<()> {
        let serving = AssertUnwindSafe((self.serve)(socket, self.cx.clone())).catch_unwind();
        serving.await.unwrap_or_else(|_| Err(Error::local("what serves the datagrams panicked")))
    }
}

#[cfg(test)]
#[path = "datagrams_tests.rs"]
mod tests;
