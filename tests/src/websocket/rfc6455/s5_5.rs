//! RFC 6455 §5.5: control frames.

use crate::case::{cases, check};
use crate::websocket::frame::{CLOSE, Frame, TEXT};
use crate::websocket::socket::{Event, Socket, fails_each};
use crate::{Broken, Outcome};

cases! {
    /// A Ping of more than 125 octets makes the server fail the connection.
    Must "websocket/6455/5.5/long-ping" = async |peer| {
        fails_each(peer, &[&[Frame::ping([b'a'; 126])], &[Frame::ping([b'a'; 65_536])]]).await
    }

    /// A Pong of more than 125 octets makes the server fail the connection.
    Must "websocket/6455/5.5/long-pong" = async |peer| {
        fails_each(peer, &[&[Frame::pong([b'a'; 126])]]).await
    }

    /// A Close of more than 125 octets makes the server fail the connection: it is no Close.
    Must "websocket/6455/5.5/long-close" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::close(3000, [b'a'; 124])]).await?;
        not_echoed(&mut socket, 3000).await
    }

    /// A Close that is not the last of its fragments makes the server fail the connection: it is no Close.
    Must "websocket/6455/5.5/fragmented-close" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::close(3000, "a").unfinished(), Frame::next("b")]).await?;
        not_echoed(&mut socket, 3000).await
    }

    /// A Close is answered with a Close.
    Must "websocket/6455/5.5.1/answered" = async |peer| {
        for close in [Frame::close(1000, ""), Frame::close(1001, "leaving"), Frame::new(CLOSE, "")] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&[close]).await?;
            socket.hears_close().await?;
        }
        Ok(Outcome::Pass)
    }

    /// The code of a Close is echoed, or the server says its own.
    May "websocket/6455/5.5.1/code-echoed" = async |peer| {
        let mut echoed = 0;
        for code in [1000, 1001, 3456, 4321] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&[Frame::close(code, "")]).await?;
            match socket.hears_close().await? {
                Some(said) if said == code => echoed += 1,
                None | Some(1000..=1001) => {}
                Some(other) => return Err(Broken::new(format!("a Close with {code} or 1000"), other.to_string())),
            }
        }
        Ok(Outcome::Choice(if echoed == 4 { "echoes it" } else { "says its own" }))
    }

    /// A Close without a code is answered, with no code or with one of a normal end.
    Must "websocket/6455/5.5.1/no-code" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::new(CLOSE, "")]).await?;
        let code = socket.hears_close().await?;
        check(matches!(code, None | Some(1000 | 1001)), "a Close without a code, or 1000", format!("{code:?}"))?;
        socket.ends().await
    }

    /// A Close with a body of one octet makes the server fail the connection: that is no code.
    Must "websocket/6455/5.5.1/one-octet" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::new(CLOSE, [3])]).await?;
        // A Close makes the connection end in any case: the code tells how it was read.
        let event = socket.event("a Close that says an error, or the end").await?;
        let met = matches!(event, Event::End(_) | Event::Close(Some(1002 | 1007 | 1008), _));
        check(met, "a Close that says an error, or the end", event)?;
        Ok(Outcome::Pass)
    }

    /// A reason of as many octets as a Close can have is taken.
    Must "websocket/6455/5.5.1/longest-reason" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::close(1000, [b'r'; 123])]).await?;
        let code = socket.hears_close().await?;
        check(matches!(code, None | Some(1000 | 1001)), "a Close with 1000", format!("{code:?}"))?;
        socket.ends().await
    }

    /// After the Closes of both the server closes the connection of TCP at once.
    Must "websocket/6455/5.5.1/closes-tcp" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::close(1000, "")]).await?;
        socket.hears_close().await?;
        peer.closed().await?;
        Ok(Outcome::Pass)
    }

    /// After its Close the server sends nothing more.
    Must "websocket/6455/5.5.1/nothing-after-close" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let frames = [
            Frame::close(1000, ""),
            Frame::text("late"),
            Frame::ping("late"),
            Frame::close(1000, ""),
            Frame::text("later").unfinished(),
        ];
        socket.send(&frames).await?;
        socket.hears_close().await?;
        socket.ends().await
    }

    /// What comes behind a Close is not taken for a message, whether or not it could be one.
    Must "websocket/6455/5.5.1/nothing-read-after-close" = async |peer| {
        for late in [Frame::text([0xff]), Frame::new(5, "?"), Frame::text("bare").unmasked(), Frame::text("late")] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&[Frame::close(1000, ""), late]).await?;
            let code = socket.hears_close().await?;
            check(matches!(code, None | Some(1000 | 1001)), "a Close with 1000", format!("{code:?}"))?;
            socket.ends().await?;
        }
        Ok(Outcome::Pass)
    }

    /// Messages before a Close are answered before it.
    Robust "websocket/6455/5.5.1/answers-before-close" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::text("one"), Frame::text("two"), Frame::close(1000, "")]).await?;
        socket.hears(TEXT, "one").await?;
        socket.hears(TEXT, "two").await?;
        socket.hears_close().await?;
        socket.ends().await
    }

    /// A Ping is answered with a Pong.
    Must "websocket/6455/5.5.2/answered" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::ping("")]).await?;
        socket.hears_pong(b"").await?;
        socket.is_usable().await
    }

    /// A Ping behind a message is answered as soon as it has come.
    Should "websocket/6455/5.5.2/answered-soon" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.echoes(TEXT, "first").await?;
        for payload in ["1", "2", "3"] {
            socket.send(&[Frame::ping(payload)]).await?;
            socket.hears_pong(payload.as_bytes()).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A Ping that has come before a Close is answered.
    Robust "websocket/6455/5.5.2/answered-before-close" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::ping("last"), Frame::close(1000, "")]).await?;
        socket.hears_pong(b"last").await?;
        socket.hears_close().await?;
        Ok(Outcome::Pass)
    }

    /// A Pong has the data of its Ping.
    Must "websocket/6455/5.5.3/same-data" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let data: [&[u8]; 5] = [b"Hello", &[0], &[0xff, 0xfe, 0, 0x80], &[b'p'; 125], b"\r\n"];
        for payload in data {
            socket.send(&[Frame::ping(payload)]).await?;
            socket.hears_pong(payload).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Of several Pings that wait the last is answered, in any case.
    May "websocket/6455/5.5.3/several-pings" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let pings: Vec<_> = (0..10).map(|n| Frame::ping([b'0' + n])).collect();
        socket.send(&pings).await?;
        let mut last = b'/';
        let mut pongs = 0;
        while last != b'9' {
            let expected = "Pongs in the order of the Pings, up to that of the last";
            match socket.event(expected).await? {
                Event::Pong(data) if matches!(data.as_slice(), [n @ b'0'..=b'9'] if *n > last) => {
                    last = data.first().copied().unwrap_or_default();
                    pongs += 1;
                }
                other => return Err(Broken::new(expected, other.to_string())),
            }
        }
        Ok(Outcome::Choice(if pongs == 10 { "answers each" } else { "leaves some out" }))
    }

    /// A Pong that nobody asked for is not answered.
    Must "websocket/6455/5.5.3/unsolicited" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::pong(""), Frame::pong("heartbeat"), Frame::pong([b'p'; 125]), Frame::text("after")]).await?;
        let event = socket.event("the echo of the text and nothing before it").await?;
        let met = event == Event::Message(TEXT, b"after".to_vec());
        check(met, "the echo of the text and nothing before it", event)?;
        socket.is_usable().await
    }
}

/// The connection fails or is closed with a code of an error, but not with the code that was sent.
async fn not_echoed(socket: &mut Socket<'_>, code: u16) -> crate::case::Verdict {
    let expected = "a Close that says an error, or the end";
    match socket.event(expected).await? {
        Event::Close(Some(said), _) if said != code && said != 1000 => socket.ends().await,
        Event::End(_) => Ok(Outcome::Pass),
        other => Err(Broken::new(expected, other.to_string())),
    }
}
