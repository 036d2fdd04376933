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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use crate::net::{Endpoint, Transport as _};

    #[tokio::test(start_paused = true)]
    async fn there_is_exactly_one_connection_however_often_it_is_listened_on() {
        let bound = "stdio:".parse::<Endpoint>().unwrap().claim().unwrap();
        let first = bound.listen().unwrap();
        let conn = first.accept().await.unwrap().establish().await.unwrap();
        assert_eq!(conn.info().peer.to_string(), "stdio");
        for listener in [first, bound.listen().unwrap()] {
            assert!(timeout(Duration::from_secs(1000), listener.accept()).await.is_err());
        }
    }
}
