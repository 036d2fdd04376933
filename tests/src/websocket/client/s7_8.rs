//! RFC 6455 §7 to §10: how a client closes and fails.

use super::answer::established;
use crate::case::{Verdict, cases, check};
use crate::peer::Filled;
use crate::websocket::frame::{CLOSE, Frame, Length, TEXT};
use crate::websocket::socket::{Event, after};
use crate::{Broken, Outcome, Peer};

/// Each of these is answered with a Close that has this code.
async fn says(peer: &mut Peer, code: u16, wrong: &[&[Frame]]) -> Verdict {
    for frames in wrong {
        let mut socket = established(peer).await?;
        socket.send(frames).await?;
        socket.fails_saying(&[code]).await.map_err(|broken| after(broken, frames))?;
    }
    Ok(Outcome::Pass)
}

/// A Close with any of these bodies is an error.
async fn refuses(peer: &mut Peer, bodies: &[(u16, &[u8])]) -> Verdict {
    for (code, reason) in bodies {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::close(*code, reason)]).await?;
        let expected = format!("to {code}, a Close that says an error, or the end");
        match socket.event(&expected).await? {
            Event::End(_) | Event::Close(Some(1002 | 1007 | 1008), _) => {}
            other => return Err(Broken::new(expected, other.to_string())),
        }
    }
    Ok(Outcome::Pass)
}

cases! {
    /// After the closing handshake the client leaves it to the server to close the connection of TCP.
    Should "websocket-client/6455/7.1.1/server-first" = async |peer| {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::close(1000, "")]).await?;
        socket.hears_close().await?;
        let soon = peer.patience() / 4;
        check(peer.fill_within(soon).await? == Filled::Silent, "an open connection", "its end, or more bytes")
    }

    /// After a failure the client processes nothing more.
    Must "websocket-client/6455/7.1.7/nothing-after-failure" = async |peer| {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::text("a").reserved(2), Frame::text("late"), Frame::ping("late")]).await?;
        socket.fails().await
    }

    /// The client tells a failure of the framing by a Close with 1002.
    Should "websocket-client/6455/7.1.7/1002" = async |peer| {
        says(peer, 1002, &[&[Frame::new(3, "a")], &[Frame::next("a")]]).await
    }

    /// The client tells text that is not UTF-8 by a Close with 1007.
    Should "websocket-client/6455/7.1.7/1007" = async |peer| {
        says(peer, 1007, &[&[Frame::text([0xff])]]).await
    }

    /// A Close with a code that is defined is answered, and not as an error.
    Must "websocket-client/6455/7.4.1/defined-codes" = async |peer| {
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
            let mut socket = established(peer).await?;
            socket.send(&[Frame::close(code, "because")]).await?;
            let said = socket.hears_close().await?;
            let met = said == Some(code) || matches!(said, None | Some(1000 | 1001));
            check(met, format!("a Close with {code} or of a normal end"), format!("{said:?}"))?;
        }
        Ok(Outcome::Pass)
    }

    /// A Close with a code that may not be sent makes the client fail.
    Must "websocket-client/6455/7.4.1/codes-not-to-be-sent" = async |peer| {
        refuses(peer, &[(1005, b""), (1006, b""), (1015, b"")]).await
    }

    /// A Close with a code below 1000 makes the client fail.
    Must "websocket-client/6455/7.4.2/codes-below-1000" = async |peer| {
        refuses(peer, &[(0, b""), (999, b"")]).await
    }

    /// Text that is not UTF-8 makes the client fail the connection.
    Must "websocket-client/6455/8.1/text" = async |peer| {
        let texts: [&[u8]; 6] = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xe2\x82", b"\x80"];
        for text in texts {
            let mut socket = established(peer).await?;
            socket.send(&[Frame::text(text)]).await?;
            socket.fails().await?;
        }
        Ok(Outcome::Pass)
    }

    /// Text may be cut amid a character.
    Must "websocket-client/6455/8.1/cut-character" = async |peer| {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::text([0xc3]).unfinished(), Frame::next([0xa9])]).await?;
        socket.hears(TEXT, "é").await
    }

    /// A reason that is not UTF-8 makes the client fail.
    Must "websocket-client/6455/8.1/reason" = async |peer| {
        refuses(peer, &[(1000, b"\xff"), (3000, b"\xed\xa0\x80")]).await
    }

    /// A frame of an exabyte is refused when its head has come.
    Should "websocket-client/6455/10.4/huge-frame" = async |peer| {
        let mut socket = established(peer).await?;
        socket.send(&[Frame::binary([0; 1000]).length(Length::Says(1 << 60))]).await?;
        socket.fails().await
    }

    /// Frames that come octet by octet are the same frames.
    Robust "websocket-client/6455/10.4/octet-by-octet" = async |peer| {
        let mut socket = established(peer).await?;
        for frame in [Frame::text("slow").unmasked(), Frame::new(CLOSE, "").unmasked()] {
            for octet in frame.bytes() {
                socket.peer.send([octet]).await?;
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        socket.hears(TEXT, "slow").await?;
        socket.hears_close().await?;
        Ok(Outcome::Pass)
    }

    /// Frames that come together are read one after the other.
    Robust "websocket-client/6455/10.4/together" = async |peer| {
        let mut socket = established(peer).await?;
        let frames: Vec<_> = (0..100_u32).map(|n| Frame::text(n.to_string())).collect();
        socket.send(&frames).await?;
        for n in 0..100_u32 {
            socket.hears(TEXT, n.to_string()).await?;
        }
        Ok(Outcome::Pass)
    }
}
