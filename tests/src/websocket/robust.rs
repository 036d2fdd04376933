//! What no sentence demands and no server survives without.

use std::time::Duration;

use super::frame::{BINARY, Frame, TEXT, joined};
use super::opening::{Opening, switched};
use super::socket::Socket;
use crate::case::{cases, check};
use crate::{Broken, Outcome, Reason};

cases! {
    /// Frames that come right behind the opening handshake are read.
    Robust "websocket/robust/wire/behind-the-handshake" = async |peer| {
        let frames = joined(&[Frame::text("early"), Frame::text("bird")]);
        let bytes = [Opening::to(peer).text().into_bytes(), frames].concat();
        peer.send(bytes).await?;
        switched(&peer.response("GET").await?)?;
        let mut socket = Socket::on(peer);
        socket.hears(TEXT, "early").await?;
        socket.hears(TEXT, "bird").await?;
        socket.is_usable().await
    }

    /// A frame that comes octet by octet is the same frame.
    Robust "websocket/robust/wire/octet-by-octet" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let long = vec![b'l'; 130];
        for octet in joined(&[Frame::text("slow").unfinished(), Frame::ping("p"), Frame::next(&long)]) {
            socket.peer.send([octet]).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        socket.hears_pong(b"p").await?;
        socket.hears(TEXT, [b"slow".to_vec(), long].concat()).await
    }

    /// An opening handshake that comes octet by octet is the same handshake.
    Robust "websocket/robust/wire/handshake-octet-by-octet" = async |peer| {
        for octet in Opening::to(peer).text().bytes() {
            peer.send([octet]).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        switched(&peer.response("GET").await?)?;
        Socket::on(peer).is_usable().await
    }

    /// A Ping right behind the opening handshake is answered after the handshake is.
    Robust "websocket/robust/wire/ping-behind-the-handshake" = async |peer| {
        let bytes = [Opening::to(peer).text().into_bytes(), Frame::ping("bird").bytes()].concat();
        peer.send(bytes).await?;
        switched(&peer.response("GET").await?)?;
        let mut socket = Socket::on(peer);
        socket.hears_pong(b"bird").await?;
        socket.is_usable().await
    }

    /// Where the network cuts the frames does not matter.
    Robust "websocket/robust/wire/any-cut" = async |peer| {
        let frames = joined(&[Frame::text("cut"), Frame::ping("x"), Frame::binary([0xff; 126])]);
        for cut in 1..frames.len().min(30) {
            let mut socket = Socket::open(peer).await?;
            let (front, back) = frames.split_at(cut);
            socket.peer.send(front).await?;
            tokio::time::sleep(Duration::from_millis(2)).await;
            socket.peer.send(back).await?;
            socket.hears(TEXT, "cut").await?;
            // `hears` passes over the Pong.
            socket.hears(BINARY, [0xff; 126]).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A thousand small frames in one segment are a thousand messages.
    Robust "websocket/robust/wire/many-frames" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let frames: Vec<_> = (0..1000_u32).map(|n| Frame::text(n.to_string())).collect();
        socket.send(&frames).await?;
        for n in 0..1000_u32 {
            socket.hears(TEXT, n.to_string()).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A client that sends much before it reads gets all its echoes.
    Robust "websocket/robust/wire/reads-late" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let data = vec![0x5a; 60_000];
        let frames: Vec<_> = (0..50).map(|_| Frame::binary(&data)).collect();
        socket.send(&frames).await?;
        for _ in 0..50 {
            socket.hears(BINARY, &data).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Two connections do not disturb one another: one that fails leaves the service as it was.
    Robust "websocket/robust/wire/next-connection" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::text("half").unfinished(), Frame::text([0xff])]).await?;
        socket.fails().await?;
        Socket::open(peer).await?.is_usable().await
    }

    /// A 101 has no content and no Content-Length.
    Robust "websocket/robust/http/101-without-content" = async |peer| {
        let response = Opening::to(peer).send(peer).await?;
        switched(&response)?;
        let fields = ["content-length", "transfer-encoding"].into_iter().filter_map(|name| response.field(name));
        check(fields.count() == 0, "no Content-Length and no Transfer-Encoding", response.brief())
    }

    /// A 426 names the protocol to upgrade to.
    Robust "websocket/robust/http/426-names-upgrade" = async |peer| {
        let response = Opening::to(peer).but("Sec-WebSocket-Version", "8").send(peer).await?;
        if response.status != 426 {
            check((400..600).contains(&response.status), "an error", response.brief())?;
            return Ok(Outcome::Skip(Reason::Unsupported("426 to an unknown version")));
        }
        check(response.lists("upgrade", "websocket"), "Upgrade: websocket", response.brief())
    }

    /// A request body does not become frames, nor frames a body.
    Robust "websocket/robust/http/body-in-handshake" = async |peer| {
        let opening = Opening::to(peer).with("Content-Length: 5").text();
        let bytes = [opening.into_bytes(), b"12345".to_vec(), Frame::text("after").bytes()].concat();
        peer.send(bytes).await?;
        let response = peer.response("GET").await?;
        if response.status != 101 {
            check((400..600).contains(&response.status), "an error, or 101", response.brief())?;
            return Ok(Outcome::Choice("refuses a body"));
        }
        let expected = "the echo of the frame behind the body";
        match Socket::on(peer).hears(TEXT, "after").await {
            Ok(_) => Ok(Outcome::Choice("reads the body first")),
            Err(broken) => Err(Broken::new(expected, broken.actual)),
        }
    }
}
