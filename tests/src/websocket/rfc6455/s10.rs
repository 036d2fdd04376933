//! RFC 6455 §10: what a server protects itself from.

use crate::case::{cases, check};
use crate::websocket::frame::{BINARY, Frame, Length};
use crate::websocket::socket::{Event, Socket};
use crate::{Broken, Outcome};

cases! {
    /// A frame of an exabyte is refused when its head has come.
    Should "websocket/6455/10.4/huge-frame" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::binary([0; 1000]).length(Length::Says(1 << 60))]).await?;
        socket.fails().await
    }

    /// A frame that is too large is told by a Close with 1009, or 1002.
    Should "websocket/6455/10.7/1009-for-huge-frames" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::binary([0; 1000]).length(Length::Says(1 << 60))]).await?;
        socket.fails_saying(&[1009, 1002]).await
    }

    /// A fragmented message that grows beyond what the server takes is told by a Close with 1009, or taken.
    May "websocket/6455/10.4/large-message" = async |peer| {
        const FRAGMENTS: usize = 40;
        const OCTETS: usize = 100_000;
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::binary("").unfinished()]).await?;
        for _ in 0..FRAGMENTS {
            socket.send(&[Frame::next([7; OCTETS]).unfinished()]).await?;
            if !socket.peer.buffer.is_empty() {
                break;
            }
        }
        socket.send(&[Frame::next("")]).await?;
        let expected = "the message of 4 MB, or a Close with 1009";
        match socket.event(expected).await? {
            Event::Message(BINARY, data) if data.len() == FRAGMENTS * OCTETS && data.iter().all(|octet| *octet == 7) => {
                socket.is_usable().await?;
                Ok(Outcome::Choice("takes 4 MB"))
            }
            Event::Close(Some(1009), _) => Ok(Outcome::Choice("refuses 4 MB with 1009")),
            other => Err(Broken::new(expected, other.to_string())),
        }
    }

    /// A message that is never finished is not kept without end: at 40 MB the server takes it or has refused it.
    May "websocket/6455/10.4/endless-message" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::binary("").unfinished()]).await?;
        for _ in 0..400 {
            socket.send(&[Frame::next([7; 100_000]).unfinished()]).await?;
            if !socket.peer.buffer.is_empty() {
                break;
            }
        }
        socket.send(&[Frame::ping("?")]).await?;
        let expected = "a Close with 1009, the end, or a Pong";
        match socket.event(expected).await? {
            Event::Pong(_) => Ok(Outcome::Choice("takes 40 MB of one message")),
            Event::Close(Some(1009), _) | Event::End(_) => Ok(Outcome::Choice("refuses 40 MB of one message")),
            other => Err(Broken::new(expected, other.to_string())),
        }
    }

    /// Invalid data in the opening handshake is answered with a status code of HTTP.
    Should "websocket/6455/10.7/status-for-invalid-handshake" = async |peer| {
        peer.send(format!("GET {} HTTP/1.1\r\nHost: a\r\nUpgrade websocket\r\n\r\n", peer.path())).await?;
        let response = peer.response("GET").await?;
        check(response.status == 400, "400", response.brief())
    }
}
