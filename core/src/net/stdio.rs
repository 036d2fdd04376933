use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::{Connection, Incoming, Info, Listener};
use crate::{Address, Result};

/// Both ends, from the view of a connection over our own standard streams.
pub(super) const ADDRESS: Address = Address::Process(0);

/// This process' standard input and output as a connection.
///
/// Closing its writing half flushes and no more: standard output stays open until the process ends.
pub(super) fn connection() -> Connection {
    let io = tokio::io::join(tokio::io::stdin(), tokio::io::stdout());
    Connection::new(io, Info::new(ADDRESS, ADDRESS))
}

/// The standard streams, which can be served once in the life of the process.
#[derive(Default)]
pub(super) struct Port {
    taken: AtomicBool,
}

pub(super) fn listen(port: Arc<Port>) -> impl Listener {
    StdioPort(port)
}

struct StdioPort(Arc<Port>);

#[async_trait]
impl Listener for StdioPort {
    async fn accept(&self) -> Result<Box<dyn Incoming>> {
        if self.0.taken.swap(true, Ordering::Relaxed) {
            return std::future::pending().await;
        }
        Ok(Box::new(connection()))
    }

    fn local(&self) -> Address {
        ADDRESS
    }

    fn is_single(&self) -> bool {
        true
    }
}
