use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use ropewalk_core::Result;
use ropewalk_core::app::Context;
use ropewalk_core::net::{Batch, Datagram, DatagramSocket};
use tokio::sync::{Semaphore, mpsc};

use super::tally::Tally;
use super::{Desk, Peer, Transport, Verdict, Views};
use crate::wire::Rcode;

/// Octets of a request, and of an answer, at most.
pub(super) const LONGEST: usize = 4096;
/// Questions for others, and other requests, of one socket that are worked off at once; what comes besides is dropped, and
/// asked again by its client. Others may be slow: what is ours to do does not wait for them.
const AT_ONCE: usize = 1024;
/// Their replies that wait for the socket.
const WAITING: usize = 64;

/// Requests that take longer, and where their replies come back.
struct Later {
    forwarded: Arc<Semaphore>,
    room: Arc<Semaphore>,
    replies: mpsc::Sender<Reply>,
    cx: Context,
}

/// A reply, who gets it, and the address that it comes from.
struct Reply {
    message: Vec<u8>,
    to: SocketAddr,
    local: Option<IpAddr>,
}

/// Serves one socket until the service stops. It waits for nobody but the socket.
pub(super) async fn serve(views: Arc<Views>, socket: DatagramSocket, cx: Context) -> Result<()> {
    let (mut requests, mut replies) = (Batch::new(LONGEST), Batch::new(LONGEST));
    let mut reply = Vec::with_capacity(LONGEST);
    let mut tally = Tally::new(&cx);
    let octets = cx.metrics().bytes(super::PROTO);
    let (sender, mut ready) = mpsc::channel(WAITING);
    let room = || Arc::new(Semaphore::new(AT_ONCE));
    let later = Later { forwarded: room(), room: room(), replies: sender, cx: cx.clone() };
    let mut stopping = pin!(cx.stopping());
    loop {
        replies.clear();
        let mut written = 0;
        tokio::select! {
            biased;
            () = &mut stopping => {
                drop(later);
                return finish(&socket, replies, ready).await;
            }
            received = socket.recv(&mut requests) => received?,
            Some(reply) = ready.recv() => {
                requests.clear();
                written += reply.message.len();
                reply.push(&mut replies);
            }
        }
        let mut read = 0;
        for request in requests.iter() {
            read += request.payload.len();
            let peer = Peer { addr: request.peer, transport: Transport::Udp, idle: None };
            reply.clear();
            match views.respond(request.payload, &peer, &mut reply) {
                (Verdict::Silence, _) => tally.count(request.payload, None),
                (Verdict::Reply, _) => {
                    tally.count(request.payload, Rcode::of(&reply));
                    written += reply.len();
                    replies.push(&reply, request.peer, request.local)?;
                }
                (verdict, desk) => later.begin(verdict, desk, &request, peer),
            }
        }
        socket.send(&replies).await?;
        written += send_ready(&socket, &mut replies, &mut ready).await?;
        octets.read(read as u64);
        octets.written(written as u64);
        tally.flush();
    }
}

/// Sends the replies to what was begun: an update that was made, above all, is not left without one.
async fn finish(socket: &DatagramSocket, mut batch: Batch, mut ready: mpsc::Receiver<Reply>) -> Result<()> {
    while let Some(reply) = ready.recv().await {
        batch.clear();
        reply.push(&mut batch);
        socket.send(&batch).await?;
    }
    Ok(())
}

/// Sends the replies that are ready by now, as many as a batch has; their octets.
async fn send_ready(
    socket: &DatagramSocket,
    batch: &mut Batch,
    ready: &mut mpsc::Receiver<Reply>,
) -> Result<usize> {
    let mut written = 0;
    batch.clear();
    while let Some(reply) = if batch.is_full() { None } else { ready.try_recv().ok() } {
        written += reply.message.len();
        reply.push(batch);
    }
    if !batch.is_empty() {
        socket.send(batch).await?;
    }
    Ok(written)
}

impl Reply {
    fn push(&self, batch: &mut Batch) {
        // One that is too long is nobody else's loss.
        if let Err(error) = batch.push(&self.message, self.to, self.local) {
            error.log("reply not sent");
        }
    }
}

impl Later {
    /// Works off a request in a task of its own, if there is room for it.
    fn begin(&self, verdict: Verdict, desk: &Arc<Desk>, request: &Datagram<'_>, peer: Peer) {
        let mut tally = Tally::new(&self.cx);
        let room = if verdict == Verdict::Forward { &self.forwarded } else { &self.room };
        let Ok(permit) = Arc::clone(room).try_acquire_owned() else {
            tally.count(request.payload, None);
            return tally.flush();
        };
        let (desk, replies) = (Arc::clone(desk), self.replies.clone());
        let (request, to, local) = (request.payload.to_vec(), request.peer, request.local);
        let work = async move {
            let (sender, mut ready) = mpsc::channel(1);
            let answering = async {
                let rcode = desk.answer(verdict, &request, &peer, &sender).await;
                drop(sender);
                tally.count(&request, rcode);
                tally.flush();
            };
            let sending = async {
                while let Some(message) = ready.recv().await {
                    if replies.send(Reply { message, to, local }).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(answering, sending);
            drop(permit);
        };
        self.cx.spawn(work).detach();
    }
}

#[cfg(test)]
#[path = "udp_tests.rs"]
mod tests;
