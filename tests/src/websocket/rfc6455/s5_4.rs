//! RFC 6455 §5.4: fragmentation.

use crate::Outcome;
use crate::case::cases;
use crate::websocket::frame::{BINARY, Frame, TEXT};
use crate::websocket::socket::{Socket, fails_each};

cases! {
    /// A text message in fragments is one message.
    Must "websocket/6455/5.4/text" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::text("Hel").unfinished(), Frame::next("l").unfinished(), Frame::next("o")]).await?;
        socket.hears(TEXT, "Hello").await?;
        socket.is_usable().await
    }

    /// A binary message in fragments is one message, of the type that its first fragment says.
    Must "websocket/6455/5.4/binary" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::binary([0xff, 0]).unfinished(), Frame::next([0x80])]).await?;
        socket.hears(BINARY, [0xff, 0, 0x80]).await?;
        socket.is_usable().await
    }

    /// A fragment that has arrived does not make a message: only the last one does.
    Must "websocket/6455/5.4/not-before-the-last" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::text("a").unfinished(), Frame::ping("1")]).await?;
        socket.hears_pong(b"1").await?;
        socket.send(&[Frame::next("b").unfinished(), Frame::ping("2")]).await?;
        socket.hears_pong(b"2").await?;
        socket.send(&[Frame::next("c")]).await?;
        socket.hears(TEXT, "abc").await
    }

    /// Fragments may be of any size: a message of one octet in each of a thousand is one message.
    Must "websocket/6455/5.4/single-octets" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let data: Vec<u8> = (0..1000).map(|at| (at % 256) as u8).collect();
        let mut frames = vec![Frame::binary("").unfinished()];
        frames.extend(data.iter().map(|octet| Frame::next([*octet]).unfinished()));
        frames.push(Frame::next(""));
        socket.send(&frames).await?;
        socket.hears(BINARY, data).await
    }

    /// Fragments may be empty, the first, the middle and the last.
    Must "websocket/6455/5.4/empty-fragments" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        for (first, middle, last) in [("", "", ""), ("", "b", ""), ("a", "", "c"), ("", "", "c")] {
            let frames = [Frame::text(first).unfinished(), Frame::next(middle).unfinished(), Frame::next(last)];
            socket.send(&frames).await?;
            socket.hears(TEXT, [first, middle, last].concat()).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Fragments of more than 125 octets are read, and of more than 65535.
    Must "websocket/6455/5.4/large-fragments" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::binary([1; 126]).unfinished(), Frame::next([2; 65_536])]).await?;
        socket.hears(BINARY, [vec![1; 126], vec![2; 65_536]].concat()).await
    }

    /// A control frame is handled amid a fragmented message, and the message stays whole.
    Must "websocket/6455/5.4/ping-amid-fragments" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::text("be").unfinished(), Frame::ping("now")]).await?;
        socket.hears_pong(b"now").await?;
        socket.send(&[Frame::ping("again"), Frame::next("fore")]).await?;
        socket.hears_pong(b"again").await?;
        socket.hears(TEXT, "before").await
    }

    /// A Pong amid a fragmented message leaves the message whole.
    Must "websocket/6455/5.4/pong-amid-fragments" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::binary("be").unfinished(), Frame::pong("x"), Frame::pong(""), Frame::next("fore")]).await?;
        socket.hears(BINARY, "before").await
    }

    /// A Close amid a fragmented message closes, and the message is not delivered.
    Must "websocket/6455/5.4/close-amid-fragments" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::text("half").unfinished(), Frame::close(1000, "")]).await?;
        socket.hears_close().await?;
        socket.ends().await
    }

    /// A Ping in fragments makes the server fail the connection.
    Must "websocket/6455/5.4/fragmented-ping" = async |peer| {
        let ping = || Frame::ping("a").unfinished();
        fails_each(peer, &[&[ping()], &[ping(), Frame::next("b")]]).await
    }

    /// A Pong in fragments makes the server fail the connection.
    Must "websocket/6455/5.4/fragmented-pong" = async |peer| {
        fails_each(peer, &[&[Frame::pong("a").unfinished()]]).await
    }

    /// A continuation with nothing to continue makes the server fail the connection.
    Must "websocket/6455/5.4/continuation-of-nothing" = async |peer| {
        fails_each(peer, &[&[Frame::next("a")], &[Frame::next("a").unfinished()], &[Frame::next("")]]).await
    }

    /// A continuation behind a message that is whole makes the server fail the connection.
    Must "websocket/6455/5.4/continuation-of-the-whole" = async |peer| {
        for message in [vec![Frame::text("a")], vec![Frame::text("").unfinished(), Frame::next("a")]] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&message).await?;
            socket.hears(TEXT, "a").await?;
            socket.send(&[Frame::next("more")]).await?;
            socket.fails().await?;
        }
        Ok(Outcome::Pass)
    }

    /// A message that begins amid another makes the server fail the connection.
    Must "websocket/6455/5.4/message-amid-fragments" = async |peer| {
        let first = || Frame::text("a").unfinished();
        fails_each(
            peer,
            &[&[first(), Frame::text("b")], &[first(), Frame::binary("b")], &[first(), Frame::text("b").unfinished()]],
        )
        .await
    }

    /// Where a message is cut into frames does not matter.
    Must "websocket/6455/5.4/boundaries-do-not-matter" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let text = "boundaries";
        for cut in 0..=text.len() {
            let (front, back) = text.split_at(cut);
            socket.send(&[Frame::text(front).unfinished(), Frame::next(back)]).await?;
            socket.hears(TEXT, text).await?;
        }
        Ok(Outcome::Pass)
    }
}
