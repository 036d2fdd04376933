use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Connection, Incoming, Info, Listener};
use crate::{Address, Error, Result};

/// Names at once.
const NAMES: usize = 1024;

/// Connections of one name that wait to be accepted.
const BACKLOG: usize = 128;

/// The names that are listened on in this process.
fn names() -> MutexGuard<'static, HashMap<String, mpsc::Sender<Connection>>> {
    static MAP: LazyLock<Mutex<HashMap<String, mpsc::Sender<Connection>>>> = LazyLock::new(Mutex::default);
    MAP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name that is bound. Dropping it frees the name.
pub(super) struct Port {
    name: String,
    queue: tokio::sync::Mutex<mpsc::Receiver<Connection>>,
}

impl Port {
    pub(super) fn bind(name: &str) -> Result<Self> {
        let mut names = names();
        if names.len() >= NAMES {
            return Err(Error::local(format!("more than {NAMES} names in memory")));
        }
        let Entry::Vacant(free) = names.entry(name.into()) else {
            return Err(Error::local(format!("memory:{name} is taken")));
        };
        let (sender, queue) = mpsc::channel(BACKLOG);
        free.insert(sender);
        Ok(Self { name: name.into(), queue: queue.into() })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        names().remove(&self.name);
    }
}

pub(super) fn connect(name: &str) -> Result<Connection> {
    let (near, far) = Connection::pair();
    let queue = names().get(name).cloned();
    let queue = queue.ok_or_else(|| Error::local(format!("nobody listens on memory:{name}")))?;
    let there = Connection::new(far, Info::new(Address::Memory, Address::Memory));
    queue.try_send(there).map_err(|_| Error::local(format!("the queue of memory:{name} is full")))?;
    Ok(near)
}

pub(super) fn listen(port: Arc<Port>) -> impl Listener {
    MemoryPort(port)
}

struct MemoryPort(Arc<Port>);

#[async_trait]
impl Listener for MemoryPort {
    async fn accept(&self) -> Result<Box<dyn Incoming>> {
        match self.0.queue.lock().await.recv().await {
            Some(connection) => Ok(Box::new(connection)),
            // The sender is in the table as long as the port lives.
            None => std::future::pending().await,
        }
    }

    fn local(&self) -> Address {
        Address::Memory
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
