//! RFC 6455 §5.6 and §6: messages.

use crate::Outcome;
use crate::case::cases;
use crate::websocket::frame::{BINARY, Frame, TEXT};
use crate::websocket::socket::Socket;

cases! {
    /// A text message is a text message at the other end, with the same data.
    Must "websocket/6455/5.6/text" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        for text in ["Hello", "Κόσμε 中文 🪢", "\u{0}", "\u{feff}bom", "\u{fffe}\u{ffff}\u{10ffff}", "\r\n"] {
            socket.echoes(TEXT, text).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A binary message is a binary message at the other end, whatever its octets are.
    Must "websocket/6455/5.6/binary" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let all: Vec<u8> = (0..=255).collect();
        for data in [all.as_slice(), &[0xc3, 0x28], &[0xff], b"text"] {
            socket.echoes(BINARY, data).await?;
        }
        Ok(Outcome::Pass)
    }

    /// An empty text message is a message.
    Must "websocket/6455/5.6/empty-text" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.echoes(TEXT, "").await?;
        socket.is_usable().await
    }

    /// An empty binary message is a message.
    Must "websocket/6455/5.6/empty-binary" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.echoes(BINARY, "").await?;
        socket.is_usable().await
    }

    /// A text message may be cut amid a character: only the whole has to be UTF-8.
    Must "websocket/6455/5.6/character-cut" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let text = "é中🪢";
        let octets = text.as_bytes();
        for cut in 0..=octets.len() {
            let (front, back) = octets.split_at(cut);
            socket.send(&[Frame::text(front).unfinished(), Frame::next(back)]).await?;
            socket.hears(TEXT, text).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Messages are echoed in the order in which they came, each with its own type.
    Must "websocket/6455/6.2/order" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        let frames: Vec<_> =
            (0..200_u32).map(|n| Frame::new(if n % 3 == 0 { BINARY } else { TEXT }, n.to_string())).collect();
        socket.send(&frames).await?;
        for n in 0..200_u32 {
            socket.hears(if n % 3 == 0 { BINARY } else { TEXT }, n.to_string()).await?;
        }
        Ok(Outcome::Pass)
    }

    /// What comes after a fragmented message is a new message.
    Must "websocket/6455/6.2/new-after-last" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        for n in 0..5_u8 {
            socket.send(&[Frame::binary([n]).unfinished(), Frame::next([n])]).await?;
            socket.hears(BINARY, [n, n]).await?;
            socket.echoes(TEXT, "between").await?;
        }
        Ok(Outcome::Pass)
    }
}
