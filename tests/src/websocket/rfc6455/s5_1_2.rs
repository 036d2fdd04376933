//! RFC 6455 §5.1 to §5.3: masks, reserved bits, opcodes, lengths.

use crate::case::{cases, check};
use crate::peer::End;
use crate::websocket::frame::{BINARY, CONTINUATION, Frame, Length, PING, TEXT};
use crate::websocket::socket::{Event, Socket, fails_each};
use crate::{Broken, Outcome};

const FRAME: &str = "a frame";

cases! {
    /// A data frame that is not masked makes the server close the connection.
    Must "websocket/6455/5.1/unmasked-data" = async |peer| {
        let (text, empty) = (Frame::text("bare").unmasked(), Frame::binary("").unmasked());
        fails_each(peer, &[&[text], &[empty]]).await
    }

    /// A control frame that is not masked makes the server close the connection.
    Must "websocket/6455/5.1/unmasked-control" = async |peer| {
        let (ping, pong) = (Frame::ping("bare").unmasked(), Frame::pong("").unmasked());
        fails_each(peer, &[&[ping], &[pong]]).await
    }

    /// A fragment that is not masked makes the server close the connection, though the first was.
    Must "websocket/6455/5.1/unmasked-fragment" = async |peer| {
        fails_each(peer, &[&[Frame::text("a").unfinished(), Frame::next("b").unmasked()]]).await
    }

    /// The server masks no frame.
    Must "websocket/6455/5.1/server-does-not-mask" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        for frame in [Frame::text("a"), Frame::ping("b"), Frame::binary(""), Frame::close(1000, "")] {
            socket.send(&[frame]).await?;
            let (head, _) = socket.frame(FRAME).await?.map_err(|end| Broken::new(FRAME, format!("{end:?}")))?;
            check(head.key.is_none(), "a frame without a mask", format!("{head:?}"))?;
        }
        Ok(Outcome::Pass)
    }

    /// A data frame with a reserved bit makes the server fail the connection.
    Must "websocket/6455/5.2/reserved-bit-in-data" = async |peer| {
        let frames: Vec<_> = (1..8).map(|bits| [Frame::text("a").reserved(bits)]).collect();
        fails_each(peer, &frames.iter().map(|frame| frame.as_slice()).collect::<Vec<_>>()).await
    }

    /// A control frame with a reserved bit makes the server fail the connection.
    Must "websocket/6455/5.2/reserved-bit-in-control" = async |peer| {
        let frames = [Frame::ping("a").reserved(4), Frame::pong("").reserved(2), Frame::close(1000, "").reserved(1)];
        let [ping, pong, close] = frames.map(|frame| [frame]);
        fails_each(peer, &[&ping, &pong]).await?;
        let mut socket = Socket::open(peer).await?;
        socket.send(&close).await?;
        // A Close makes the connection end in any case: the code tells how it was read.
        let event = socket.event(FRAME).await?;
        let met = matches!(event, Event::End(_) | Event::Close(Some(1001..), _));
        check(met, "the connection failed, and no Close with 1000", event)
    }

    /// A continuation with a reserved bit makes the server fail the connection.
    Must "websocket/6455/5.2/reserved-bit-in-continuation" = async |peer| {
        let first = || Frame::binary("a").unfinished();
        fails_each(peer, &[&[first(), Frame::next("b").reserved(4)], &[first(), Frame::next("b").reserved(1)]]).await
    }

    /// A data frame of an opcode that is not defined makes the server fail the connection.
    Must "websocket/6455/5.2/unknown-data-opcode" = async |peer| {
        let frames: Vec<_> = (3..8).map(|opcode| [Frame::new(opcode, "a")]).collect();
        fails_each(peer, &frames.iter().map(|frame| frame.as_slice()).collect::<Vec<_>>()).await
    }

    /// A control frame of an opcode that is not defined makes the server fail the connection.
    Must "websocket/6455/5.2/unknown-control-opcode" = async |peer| {
        let frames: Vec<_> = (0xb..=0xf).map(|opcode| [Frame::new(opcode, "")]).collect();
        fails_each(peer, &frames.iter().map(|frame| frame.as_slice()).collect::<Vec<_>>()).await
    }

    /// Payloads of up to 125 octets are read by the length in the second octet.
    Must "websocket/6455/5.2/length-of-7-bits" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        for octets in [1, 2, 3, 4, 5, 124, 125] {
            socket.echoes(BINARY, pattern(octets)).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Payloads of 126 to 65535 octets are read by a length of 16 bits.
    Must "websocket/6455/5.2/length-of-16-bits" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        for octets in [126, 127, 128, 255, 256, 32_767, 32_768, 65_535] {
            socket.echoes(BINARY, pattern(octets)).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Payloads of more than 65535 octets are read by a length of 64 bits.
    Must "websocket/6455/5.2/length-of-64-bits" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        for octets in [65_536, 65_537, 131_072] {
            socket.echoes(BINARY, pattern(octets)).await?;
        }
        Ok(Outcome::Pass)
    }

    /// The server writes every length in as few octets as possible.
    Must "websocket/6455/5.2/shortest-length" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        for octets in [0, 1, 125, 126, 65_535, 65_536] {
            socket.send(&[Frame::binary(pattern(octets))]).await?;
            let mut echoed = 0;
            while echoed < octets.max(1) {
                let (head, payload) = socket.frame(FRAME).await?.map_err(|end| Broken::new(FRAME, format!("{end:?}")))?;
                check(head.is_minimal(), "the shortest form of the length", format!("{head:?}"))?;
                echoed += payload.len().max(1);
            }
        }
        Ok(Outcome::Pass)
    }

    /// A length whose first bit is set makes the server close the connection.
    Must "websocket/6455/5.2/length-above-63-bits" = async |peer| {
        for length in [1 << 63, u64::MAX, 1 << 63 | 5] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&[Frame::binary("hello").length(Length::Says(length))]).await?;
            socket.fails().await?;
        }
        Ok(Outcome::Pass)
    }

    /// A length in more octets than it needs may be taken or refused, but not misread.
    May "websocket/6455/5.2/longer-length" = async |peer| {
        let mut taken = 0;
        for length in [Length::In16, Length::In64] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&[Frame::text("short").length(length)]).await?;
            match socket.event("the message, or the connection failed").await? {
                Event::Message(TEXT, text) if text == b"short" => {
                    taken += 1;
                    socket.is_usable().await?;
                }
                Event::Close(Some(1002), _) | Event::End(_) => {}
                other => return Err(Broken::new("the message, or the connection failed", other.to_string())),
            }
        }
        Ok(Outcome::Choice(if taken > 0 { "takes it" } else { "refuses it" }))
    }

    /// The mask of a frame is removed, whatever it is.
    Must "websocket/6455/5.3/any-key" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        for key in [[0; 4], [0xff; 4], [1, 2, 3, 4], [0, 0, 0, 0x80], [0xa5, 0, 0, 0]] {
            for octets in [1, 2, 3, 4, 5, 7, 8, 9, 1000] {
                let data = pattern(octets);
                socket.send(&[Frame::binary(&data).masked_by(key)]).await?;
                socket.hears(BINARY, &data).await?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// Every frame is unmasked by its own key, from the key's first octet on.
    Must "websocket/6455/5.3/key-of-each-frame" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let keys = [[1, 2, 3, 4], [9, 8, 7, 6], [0, 0xff, 0, 0xff]];
        let [one, two, three] = keys;
        socket
            .send(&[
                Frame::text("three").unfinished().masked_by(one),
                Frame::ping("own").masked_by(two),
                Frame::next(" different").unfinished().masked_by(three),
                Frame::next(" keys").masked_by(two),
            ])
            .await?;
        socket.hears_pong(b"own").await?;
        socket.hears(TEXT, "three different keys").await
    }

    /// A frame that is not masked is not processed: it is not answered before the close.
    Robust "websocket/6455/5.1/unmasked-is-unread" = async |peer| {
        for opcode in [TEXT, PING, CONTINUATION] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&[Frame::new(opcode, "bare").unmasked(), Frame::text("after")]).await?;
            match socket.event("a Close or the end").await? {
                Event::Close(..) | Event::End(End::Closed | End::Reset) => {}
                other => return Err(Broken::new("a Close or the end", other.to_string())),
            }
        }
        Ok(Outcome::Pass)
    }
}

/// So many octets of which no four are alike.
fn pattern(octets: usize) -> Vec<u8> {
    (0..octets).map(|at| (at % 251) as u8).collect()
}
