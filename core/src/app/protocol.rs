use std::pin::Pin;
use std::sync::Arc;

use super::Context;
use crate::Result;
use crate::net::Connection;

/// What to do with a connection.
///
/// `serve` owns the connection: returning closes it, and dropping its future, as happens when the drain
/// deadline passes, closes it too. An error says whose fault it was and is logged by the server; it never
/// stops the server. Watch [`Context::stopping`] between two requests and leave when it comes.
///
/// It can be written as `async fn serve(&self, conn: Connection, cx: Context) -> Result<()>`.
pub trait Protocol: Send + Sync + 'static {
    /// Serves one connection to its end.
    fn serve(&self, conn: Connection, cx: Context) -> impl Future<Output = Result<()>> + Send;

    /// This protocol as a value of one type, whatever it is.
    fn boxed(self) -> BoxProtocol
    where
        Self: Sized,
    {
        BoxProtocol(Arc::new(self))
    }
}

/// A function of a connection is a protocol.
impl<F, R> Protocol for F
where
    F: Fn(Connection, Context) -> R + Send + Sync + 'static,
    R: Future<Output = Result<()>> + Send,
{
    fn serve(&self, conn: Connection, cx: Context) -> impl Future<Output = Result<()>> + Send {
        self(conn, cx)
    }
}

/// Any [`Protocol`]. Clones share it.
#[derive(Clone)]
pub struct BoxProtocol(Arc<dyn DynProtocol>);

trait DynProtocol: Send + Sync {
    fn serve(&self, conn: Connection, cx: Context) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

impl<P: Protocol> DynProtocol for P {
    fn serve(&self, conn: Connection, cx: Context) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(Protocol::serve(self, conn, cx))
    }
}

impl Protocol for BoxProtocol {
    fn serve(&self, conn: Connection, cx: Context) -> impl Future<Output = Result<()>> + Send {
        self.0.serve(conn, cx)
    }

    fn boxed(self) -> BoxProtocol {
        self
    }
}
