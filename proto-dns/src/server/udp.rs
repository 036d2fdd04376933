//! DNS over UDP: queries and answers in batches, in memory that is allocated once.

use std::pin::pin;
use std::sync::Arc;

use ropewalk_core::Result;
use ropewalk_core::app::Context;
use ropewalk_core::net::{Batch, DatagramSocket};

use super::tally::Tally;
use super::{Engine, Peer, Transport, respond};

/// Octets of a request, and of an answer, at most.
pub(super) const LONGEST: usize = 4096;

/// Serves one socket until the service stops. It waits for nobody but the socket.
pub(super) async fn serve(engine: Arc<Engine>, socket: DatagramSocket, cx: Context) -> Result<()> {
    let (mut requests, mut replies) = (Batch::new(LONGEST), Batch::new(LONGEST));
    let mut reply = Vec::with_capacity(LONGEST);
    let mut tally = Tally::new(&cx);
    let octets = cx.metrics().bytes(super::PROTO);
    let mut stopping = pin!(cx.stopping());
    loop {
        tokio::select! {
            biased;
            () = &mut stopping => return Ok(()),
            received = socket.recv(&mut requests) => received?,
        }
        replies.clear();
        let (mut read, mut written) = (0, 0);
        for request in requests.iter() {
            read += request.payload.len();
            let peer = Peer { addr: request.peer, transport: Transport::Udp, idle: None };
            reply.clear();
            let is_reply = respond(&engine, request.payload, &peer, &mut reply);
            tally.count(request.payload, &reply, is_reply);
            if is_reply {
                written += reply.len();
                replies.push(&reply, request.peer, request.local)?;
            }
        }
        socket.send(&replies).await?;
        octets.read(read as u64);
        octets.written(written as u64);
        tally.flush();
    }
}

#[cfg(test)]
#[path = "udp_tests.rs"]
mod tests;
