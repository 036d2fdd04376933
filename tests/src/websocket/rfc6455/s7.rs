//! RFC 6455 §7.1: closing, and failing, the connection.

use crate::case::{cases, check};
use crate::peer::End;
use crate::websocket::frame::{CLOSE, Frame, Length, TEXT};
use crate::websocket::socket::{Event, Socket, after};
use crate::{Broken, Outcome, Peer};

/// Each of these is answered with a Close that has this code.
async fn says(peer: &mut Peer, code: u16, wrong: &[&[Frame]]) -> crate::case::Verdict {
    for frames in wrong {
        let mut socket = Socket::open(peer).await?;
        socket.send(frames).await?;
        socket.fails_saying(&[code]).await.map_err(|broken| after(broken, frames))?;
    }
    Ok(Outcome::Pass)
}

cases! {
    /// The server closes the connection of TCP first, and does not wait for the client to.
    Should "websocket/6455/7.1.1/server-first" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::close(1000, "")]).await?;
        socket.hears_close().await?;
        socket.ends().await
    }

    /// The connection ends cleanly, and what came behind the Close is discarded: there is no reset.
    Should "websocket/6455/7.1.1/clean-end" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let trailing: Vec<_> = (0..50).map(|_| Frame::text([b't'; 1000])).collect();
        socket.send(&[vec![Frame::close(1000, "")], trailing].concat()).await?;
        socket.hears_close().await?;
        let event = socket.event("an orderly end").await?;
        check(event == Event::End(End::Closed), "an orderly end", event)
    }

    /// A client whose half of the connection ends without a Close gets it closed.
    Must "websocket/6455/7.1.1/end-without-close" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.echoes(TEXT, "first").await?;
        socket.peer.finish().await;
        socket.fails().await
    }

    /// A client whose half of the connection ends amid a frame or a message gets it closed, and no echo.
    Must "websocket/6455/7.1.1/end-amid-a-message" = async |peer| {
        for frames in [vec![Frame::text("half").unfinished()], vec![Frame::text("x").length(Length::Says(70_000))]] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&frames).await?;
            socket.peer.finish().await;
            socket.fails().await?;
        }
        Ok(Outcome::Pass)
    }

    /// After a failure nothing more is processed: not what came with it, and not what comes after it.
    Must "websocket/6455/7.1.7/nothing-after-failure" = async |peer| {
        for wrong in [Frame::text("a").reserved(2), Frame::next("a"), Frame::text([0xff])] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&[wrong, Frame::text("late"), Frame::ping("late"), Frame::close(1000, "")]).await?;
            socket.fails().await?;
        }
        Ok(Outcome::Pass)
    }

    /// A failure does not wait for the client's Close.
    Must "websocket/6455/7.1.7/does-not-wait" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::new(3, "a")]).await?;
        if let Event::Close(..) = socket.event("a Close or the end").await? {
            peer.closed().await?;
        }
        Ok(Outcome::Pass)
    }

    /// A reserved bit is told by a Close with 1002.
    Should "websocket/6455/7.1.7/1002-for-reserved-bits" = async |peer| {
        says(peer, 1002, &[&[Frame::text("a").reserved(4)], &[Frame::ping("a").reserved(1)]]).await
    }

    /// An unknown opcode is told by a Close with 1002.
    Should "websocket/6455/7.1.7/1002-for-opcodes" = async |peer| {
        says(peer, 1002, &[&[Frame::new(3, "a")], &[Frame::new(0xb, "")]]).await
    }

    /// A frame that is not masked is told by a Close with 1002.
    Should "websocket/6455/7.1.7/1002-for-unmasked" = async |peer| {
        says(peer, 1002, &[&[Frame::text("a").unmasked()]]).await
    }

    /// A fragment out of place is told by a Close with 1002.
    Should "websocket/6455/7.1.7/1002-for-fragments" = async |peer| {
        let first = Frame::text("a").unfinished();
        says(peer, 1002, &[&[Frame::next("a")], &[first, Frame::text("b")]]).await
    }

    /// A control frame that is too long or in fragments is told by a Close with 1002.
    Should "websocket/6455/7.1.7/1002-for-control-frames" = async |peer| {
        says(peer, 1002, &[&[Frame::ping([b'a'; 126])], &[Frame::ping("a").unfinished()]]).await
    }

    /// A Close with a body of one octet is told by a Close with 1002.
    Should "websocket/6455/7.1.7/1002-for-half-a-code" = async |peer| {
        says(peer, 1002, &[&[Frame::new(CLOSE, [3])]]).await
    }

    /// Text that is not UTF-8 is told by a Close with 1007.
    Should "websocket/6455/7.1.7/1007-for-text" = async |peer| {
        says(peer, 1007, &[&[Frame::text([0xff])], &[Frame::text([0xc3])]]).await
    }

    /// A reason that is not UTF-8 is told by a Close with an error: 1007 or 1002.
    Should "websocket/6455/7.1.7/1007-for-reasons" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::close(1000, [0xff])]).await?;
        socket.fails_saying(&[1007, 1002]).await
    }

    /// A failure is told by a Close also where it comes amid other messages.
    Robust "websocket/6455/7.1.7/echoes-before-failure" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::text("good"), Frame::text("bad").reserved(4)]).await?;
        match socket.event("the echo, a Close or the end").await? {
            Event::Message(TEXT, text) if text == b"good" => socket.fails().await,
            // RFC 6455 does not say that what came before is still answered.
            Event::Close(..) | Event::End(_) => Ok(Outcome::Choice("drops what came before")),
            other => Err(Broken::new("the echo, a Close or the end", other.to_string())),
        }
    }
}
