//! RFC 6455 §5: the client's frames, and what it makes of the server's.

use super::answer::established;
use crate::case::{Verdict, cases, check};
use crate::websocket::frame::{BINARY, CLOSE, Frame, PING, PONG, TEXT};
use crate::websocket::socket::{Event, Socket};
use crate::{Broken, Outcome, Peer};

const FRAME: &str = "a frame";

/// Each of these sequences of frames makes the client fail the connection.
async fn fails_each(peer: &mut Peer, wrong: &[&[Frame]]) -> Verdict {
    for frames in wrong {
        let mut socket = established(peer).await?;
        socket.send(frames).await?;
        socket.fails().await.map_err(|broken| crate::websocket::socket::after(broken, frames))?;
    }
    Ok(Outcome::Pass)
}

/// The next frame's key and length.
async fn key(socket: &mut Socket<'_>) -> Result<[u8; 4], Broken> {
    let (head, _) = socket.frame(FRAME).await?.map_err(|end| Broken::new(FRAME, format!("{end:?}")))?;
    head.key.ok_or_else(|| Broken::new("a masked frame", format!("{head:?}")))
}

cases! {
    /// The client masks every frame.
    Must "websocket-client/6455/5.1/masks" = async |peer| {
        let mut socket = established(peer).await?;
        for frame in [Frame::text("a"), Frame::binary(""), Frame::ping("a"), Frame::close(1000, "")] {
            socket.send(&[frame]).await?;
            key(&mut socket).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A masked frame makes the client close the connection.
    Must "websocket-client/6455/5.1/masked-frame" = async |peer| {
        for frame in [Frame::text("masked"), Frame::ping("")] {
            let mut socket = established(peer).await?;
            socket.peer.send(frame.bytes()).await?;
            socket.fails().await?;
        }
        Ok(Outcome::Pass)
    }

    /// The client has a fresh masking key for each frame.
    Must "websocket-client/6455/5.3/fresh-mask" = async |peer| {
        let mut socket = established(peer).await?;
        let mut keys = std::collections::HashSet::new();
        for _ in 0..8 {
            socket.send(&[Frame::text("same")]).await?;
            let key = key(&mut socket).await?;
            check(keys.insert(key), "a key that was not used before", format!("{key:?}"))?;
        }
        Ok(Outcome::Pass)
    }

    /// A reserved bit makes the client fail the connection.
    Must "websocket-client/6455/5.2/reserved-bits" = async |peer| {
        fails_each(peer, &[&[Frame::text("a").reserved(2)], &[Frame::binary("a").reserved(1)]]).await
    }

    /// An unknown opcode makes the client fail the connection.
    Must "websocket-client/6455/5.2/unknown-opcode" = async |peer| {
        fails_each(peer, &[&[Frame::new(3, "a")], &[Frame::new(7, "")], &[Frame::new(0xb, "")], &[Frame::new(0xf, "")]]).await
    }

    /// The client reads and writes lengths of all three forms, and writes the shortest.
    Must "websocket-client/6455/5.2/lengths" = async |peer| {
        let mut socket = established(peer).await?;
        for octets in [0, 1, 125, 126, 127, 65_535, 65_536] {
            socket.echoes(BINARY, vec![0x5a; octets]).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A message in fragments is one message, with control frames amid it.
    Must "websocket-client/6455/5.4/fragments" = async |peer| {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::text("a").unfinished(), Frame::ping("now")]).await?;
        socket.hears_pong(b"now").await?;
        socket.send(&[Frame::next("").unfinished(), Frame::pong("x"), Frame::next("b")]).await?;
        socket.hears(TEXT, "ab").await?;
        socket.is_usable().await
    }

    /// A fragment out of place makes the client fail the connection.
    Must "websocket-client/6455/5.4/misplaced" = async |peer| {
        let first = Frame::text("a").unfinished();
        fails_each(peer, &[&[Frame::next("a")], &[first, Frame::text("b")]]).await
    }

    /// A control frame in fragments, or of more than 125 octets, makes the client fail the connection.
    Must "websocket-client/6455/5.5/control-frames" = async |peer| {
        fails_each(peer, &[&[Frame::new(PING, "a").unfinished()], &[Frame::new(PING, [b'a'; 126])]]).await
    }

    /// The client answers a Close, and sends nothing after it.
    Must "websocket-client/6455/5.5.1/close" = async |peer| {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::close(1000, ""), Frame::text("late"), Frame::ping("late")]).await?;
        socket.hears_close().await?;
        socket.peer.finish().await;
        socket.ends().await
    }

    /// The client answers a Close without a code, with no code or with one of a normal end.
    Must "websocket-client/6455/5.5.1/no-code" = async |peer| {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::new(CLOSE, "")]).await?;
        let code = socket.hears_close().await?;
        check(matches!(code, None | Some(1000 | 1001)), "a Close without a code, or 1000", format!("{code:?}"))
    }

    /// A Close with a body of one octet makes the client fail the connection.
    Must "websocket-client/6455/5.5.1/one-octet" = async |peer| {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::new(CLOSE, [3])]).await?;
        let event = socket.event("a Close that says an error, or the end").await?;
        let met = matches!(event, Event::End(_) | Event::Close(Some(1002 | 1007 | 1008), _));
        check(met, "a Close that says an error, or the end", event)
    }

    /// The client answers a Ping with a Pong that has its data.
    Must "websocket-client/6455/5.5.2/ping" = async |peer| {
        let mut socket = established(peer).await?;
        let data: [&[u8]; 4] = [b"", b"Hello", &[0, 0xff], &[b'p'; 125]];
        for payload in data {
            socket.send(&[Frame::ping(payload)]).await?;
            socket.hears_pong(payload).await?;
        }
        Ok(Outcome::Pass)
    }

    /// The client does not answer a Pong.
    Must "websocket-client/6455/5.5.3/pong" = async |peer| {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::new(PONG, "x"), Frame::text("after")]).await?;
        let event = socket.event("the echo of the text and nothing before it").await?;
        check(event == Event::Message(TEXT, b"after".to_vec()), "the echo of the text and nothing before it", event)
    }

    /// Text is text to the client and binary is binary, and both may be empty.
    Must "websocket-client/6455/5.6/types" = async |peer| {
        let mut socket = established(peer).await?;
        for text in ["Κόσμε 🪢", "", "\u{0}"] {
            socket.echoes(TEXT, text).await?;
            socket.echoes(BINARY, text).await?;
        }
        socket.echoes(BINARY, [0xff, 0xfe]).await
    }
}
