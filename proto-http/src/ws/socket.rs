use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use ropewalk_core::app::Context;
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Result};
use tokio::time::timeout;

use super::close::{Close, CloseCode};
use super::frame::Role;
use super::message::{Message, Payload};
use super::options::Options;
use super::pump::Pump;
use super::shared::Shared;

/// One WebSocket, as the application has it.
///
/// What is sent is queued, and written by what moves the connection beside the application, several messages in one write where
/// they are there; that also answers pings, pings a silent peer, and closes when the context stops. What comes is read
/// ahead, up to 64 KiB and one message; then the peer is held back. A Close, or what breaks the protocol, is answered once
/// the messages before it have been taken and the next is asked for, or [`Options::close`] has passed.
///
/// Dropping a client's closes it; a server's is closed when its function returns.
#[derive(Debug)]
pub struct WebSocket {
    sender: Sender,
    protocol: Option<String>,
}

/// The sending side of a [`WebSocket`], for other tasks. Clones share it.
#[derive(Clone)]
pub struct Sender(Arc<Shared>);

impl WebSocket {
    /// The next message; `None` once the WebSocket is closed. Safe to cancel.
    ///
    /// # Errors
    /// Once, after all messages that came before: where the peer broke the protocol (it has been told), went away
    /// without a Close, does not answer, or sends more than the [`Options`] allow.
    pub async fn recv(&mut self) -> Result<Option<Message>> {
        poll_fn(|task| self.sender.0.poll_recv(task)).await
    }

    /// Queues a message, and waits for room for it: a peer that reads nothing is waited for until its time is
    /// over. Safe to cancel: a message is queued as a whole or not at all.
    ///
    /// # Errors
    /// Where the WebSocket is closed.
    pub async fn send<'a>(&self, message: impl Into<Payload<'a>>) -> Result<()> {
        self.sender.send(message).await
    }

    /// The sending side by itself.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The subprotocol that was agreed on (RFC 6455 §1.9).
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// What the peer's Close said, once it has come.
    pub fn closed(&self) -> Option<Close> {
        self.sender.0.closed()
    }

    /// Closes: what was sent goes first, what still comes is dropped. Waits for the peer's Close.
    ///
    /// # Errors
    /// As [`recv`](Self::recv). A peer that does not answer the Close is no error.
    pub async fn close(mut self, code: CloseCode, reason: &str) -> Result<()> {
        self.sender.close(code, reason);
        self.sender.0.be_deaf();
        while self.recv().await?.is_some() {}
        Ok(())
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.sender.0.be_deaf();
    }
}

impl Sender {
    /// As [`WebSocket::send`].
    ///
    /// # Errors
    /// Where the WebSocket is closed.
    pub async fn send<'a>(&self, message: impl Into<Payload<'a>>) -> Result<()> {
        self.0.send_in_time(message.into()).await
    }

    /// Queues a message if there is room at once, and says whether there was: for one message to many, of whom the
    /// slow are not to hold up the others.
    ///
    /// # Errors
    /// Where the WebSocket is closed.
    pub fn try_send<'a>(&self, message: impl Into<Payload<'a>>) -> Result<bool> {
        self.0.send(message.into())
    }

    /// Begins to close, after what was sent. Nothing can be sent any more.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.0.close(code, reason);
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Both halves of a WebSocket on a connection whose handshake is over.
pub(super) fn open(
    conn: Connection,
    role: Role,
    protocol: Option<String>,
    options: &Options,
    cx: &Context,
) -> (WebSocket, Pump) {
    let shared = Arc::new(Shared::new(role, options.queue));
    let pump = Pump::new(conn, role, Arc::clone(&shared), options, cx);
    (WebSocket { sender: Sender(shared), protocol }, pump)
}

/// Serves a WebSocket by what `app` makes of it, in one task with what moves the connection.
pub(super) async fn serve<R: Future<Output = Result<()>>>(
    conn: Connection,
    protocol: Option<String>,
    options: &Options,
    cx: Context,
    app: impl FnOnce(WebSocket) -> R,
) -> Result<()> {
    let (socket, pump) = open(conn, Role::Server, protocol, options, &cx);
    let sender = socket.sender();
    let mut app = pin!(app(socket));
    let mut pump = pin!(pump.run(cx));
    tokio::select! {
        biased;
        result = &mut app => {
            sender.0.close_with(&result);
            pump.await;
            result
        }
        () = &mut pump => timeout(options.close, app).await.unwrap_or_else(|_| {
            Err(Error::local("a WebSocket's function goes on without its connection"))
        }),
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
