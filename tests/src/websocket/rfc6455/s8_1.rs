//! RFC 6455 §8.1: text that is not UTF-8.

use crate::case::{Verdict, cases};
use crate::websocket::frame::{Frame, Length};
use crate::websocket::socket::{Event, Socket, fails_each};
use crate::{Broken, Outcome, Peer};

/// Each of these, as a text message and amid good text, fails the connection.
async fn no_text(peer: &mut Peer, wrong: &[&[u8]]) -> Verdict {
    for octets in wrong {
        let amid = [b"good ", *octets, b" good"].concat();
        fails_each(peer, &[&[Frame::text(octets)], &[Frame::text(amid)]]).await?;
    }
    Ok(Outcome::Pass)
}

cases! {
    /// Octets that begin no character make the server fail the connection.
    Must "websocket/6455/8.1/no-beginning" = async |peer| {
        no_text(peer, &[b"\x80", b"\xbf", b"\xff", b"\xfe", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]).await
    }

    /// A character that is broken off within the text makes the server fail the connection.
    Must "websocket/6455/8.1/broken-off" = async |peer| {
        no_text(peer, &[b"\xc3(", b"\xe2\x82(", b"\xe2(\xa1", b"\xf0\x9f\xaa(", b"\xf0(\x8c\xbc"]).await
    }

    /// A character in more octets than it needs makes the server fail the connection.
    Must "websocket/6455/8.1/overlong" = async |peer| {
        no_text(peer, &[b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xe0\x9f\xbf", b"\xf0\x80\x80\xaf", b"\xf0\x8f\xbf\xbf", b"\xc0\x80"]).await
    }

    /// A surrogate makes the server fail the connection, alone or in a pair.
    Must "websocket/6455/8.1/surrogates" = async |peer| {
        no_text(peer, &[b"\xed\xa0\x80", b"\xed\xaf\xbf", b"\xed\xb0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80"]).await
    }

    /// A character above U+10FFFF makes the server fail the connection.
    Must "websocket/6455/8.1/above-the-last" = async |peer| {
        no_text(peer, &[b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf7\xbf\xbf\xbf"]).await
    }

    /// A text that ends amid a character makes the server fail the connection.
    Must "websocket/6455/8.1/cut-at-the-end" = async |peer| {
        let texts: [&[u8]; 4] = [b"a\xc3", b"a\xe2\x82", b"a\xf0\x9f\xaa", b"\xf0"];
        for text in texts {
            fails_each(peer, &[&[Frame::text(text)], &[Frame::text("").unfinished(), Frame::next(text)]]).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A character that the next fragment does not complete makes the server fail the connection.
    Must "websocket/6455/8.1/not-completed" = async |peer| {
        let first = || Frame::text([b'a', 0xc3]).unfinished();
        fails_each(
            peer,
            &[&[first(), Frame::next("b")], &[first(), Frame::next([0x28])], &[first(), Frame::next("")]],
        )
        .await
    }

    /// A wrong character is found in any fragment.
    Must "websocket/6455/8.1/in-any-fragment" = async |peer| {
        let [a, b] = ["a", "b"];
        fails_each(
            peer,
            &[
                &[Frame::text([0xff]).unfinished(), Frame::next(b)],
                &[Frame::text(a).unfinished(), Frame::next([0xff]).unfinished(), Frame::next(b)],
                &[Frame::text(a).unfinished(), Frame::next(b).unfinished(), Frame::next([0xff])],
            ],
        )
        .await
    }

    /// A surrogate is found where a fragment ends within it.
    Must "websocket/6455/8.1/surrogate-across-fragments" = async |peer| {
        fails_each(peer, &[&[Frame::text([0xed]).unfinished(), Frame::next([0xa0, 0x80])]]).await
    }

    /// A reason that is not UTF-8 makes the server fail the connection: it is not echoed.
    Must "websocket/6455/8.1/reason" = async |peer| {
        for reason in [&[0xff][..], &[0xc3], &[0xed, 0xa0, 0x80]] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&[Frame::close(3000, reason)]).await?;
            let expected = "a Close that says an error, or the end";
            match socket.event(expected).await? {
                Event::End(_) => {}
                Event::Close(Some(1002 | 1007), _) => {
                    socket.ends().await?;
                }
                other => return Err(Broken::new(expected, other.to_string())),
            }
        }
        Ok(Outcome::Pass)
    }

    /// A reason in UTF-8 is taken, of any characters.
    Must "websocket/6455/8.1/good-reason" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::close(3000, "Κόσμε 🪢")]).await?;
        match socket.event("a Close").await? {
            Event::Close(None | Some(1000 | 3000), _) => socket.ends().await,
            other => Err(Broken::new("a Close with 3000", other.to_string())),
        }
    }

    /// Text that cannot become UTF-8 any more fails the connection at once, or at its end.
    May "websocket/6455/8.1/at-once" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::text([b'a', 0xff, b'b']).unfinished(), Frame::ping("?")]).await?;
        match socket.event("a Pong, a Close or the end").await? {
            Event::Close(..) | Event::End(_) => return Ok(Outcome::Choice("at once, in fragments")),
            Event::Pong(_) => {}
            other => return Err(Broken::new("a Pong, a Close or the end", other.to_string())),
        }
        socket.send(&[Frame::next("b")]).await?;
        socket.fails().await?;
        Ok(Outcome::Choice("at the end of the message"))
    }

    /// Text that is wrong within a frame whose end does not come fails the connection at once, or waits for it.
    May "websocket/6455/8.1/at-once-in-a-frame" = async |peer| {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::text([0xff; 20]).length(Length::Says(70_000))]).await?;
        let early = peer.patience() / 4;
        if peer.fill_within(early).await? != crate::peer::Filled::Silent {
            Socket::on(peer).fails().await?;
            return Ok(Outcome::Choice("at once, within a frame"));
        }
        let mut rest = vec![0xff; 70_000 - 20];
        crate::websocket::frame::mask([0x37, 0xfa, 0x21, 0x3d], &mut rest);
        peer.send(rest).await?;
        Socket::on(peer).fails().await?;
        Ok(Outcome::Choice("at the end of the frame"))
    }
}
