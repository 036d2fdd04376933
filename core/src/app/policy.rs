use std::pin::Pin;
use std::sync::Arc;

use super::{BoxProtocol, Context, Protocol as _};
use crate::Result;
use crate::net::Connection;

/// Something done around every connection of a server: before its protocol, after it, or instead.
///
/// Call `next.run(conn, cx).await` to go on; return without it to refuse the connection, which closes it.
/// A policy that only measures or slows sets fields of the connection ([`Connection::pace`]) and never wraps
/// it, so that the socket stays in reach of sendfile. Policies run in the connection's own task, in the order
/// in which the server was given them.
///
/// It can be written as `async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()>`.
pub trait Policy: Send + Sync + 'static {
    /// Serves one connection, through `next`.
    fn apply(&self, conn: Connection, cx: Context, next: Next<'_>)
    -> impl Future<Output = Result<()>> + Send;

    /// This policy as a value of one type, whatever it is.
    fn boxed(self) -> BoxPolicy
    where
        Self: Sized,
    {
        BoxPolicy(Arc::new(self))
    }
}

/// Any [`Policy`]. Clones share it, and so its counts.
#[derive(Clone)]
pub struct BoxPolicy(Arc<dyn DynPolicy>);

type Served<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

trait DynPolicy: Send + Sync {
    fn apply<'a>(&'a self, conn: Connection, cx: Context, next: Next<'a>) -> Served<'a>;
}

impl<P: Policy> DynPolicy for P {
    fn apply<'a>(&'a self, conn: Connection, cx: Context, next: Next<'a>) -> Served<'a> {
        Box::pin(Policy::apply(self, conn, cx, next))
    }
}

impl Policy for BoxPolicy {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        self.0.apply(conn, cx, next).await
    }

    fn boxed(self) -> BoxPolicy {
        self
    }
}

/// The policies that are still to come, and the protocol behind them.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    policies: &'a [BoxPolicy],
    protocol: &'a BoxProtocol,
}

impl<'a> Next<'a> {
    /// All of these policies in order, then the protocol.
    pub fn new(policies: &'a [BoxPolicy], protocol: &'a BoxProtocol) -> Self {
        Self { policies, protocol }
    }

    /// Serves the connection to its end.
    ///
    /// # Errors
    /// What the policies and the protocol say.
    pub async fn run(self, conn: Connection, cx: Context) -> Result<()> {
        match self.policies.split_first() {
            Some((first, rest)) => first.0.apply(conn, cx, Next { policies: rest, ..self }).await,
            None => self.protocol.serve(conn, cx).await,
        }
    }
}
