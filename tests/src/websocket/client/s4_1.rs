//! RFC 6455 §4.1: the client's opening handshake, and what it makes of the answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::{Answer, Asked, established};
use crate::case::{Verdict, cases, check};
use crate::peer::Filled;
use crate::websocket::frame::{Frame, TEXT};
use crate::websocket::socket::Socket;
use crate::{Outcome, Peer};

/// The client fails the connection at this answer, and nothing that came behind it is read.
async fn fails_at(peer: &mut Peer, made: impl Fn(Answer) -> Answer) -> Verdict {
    let answer = made(Asked::by(peer).await?.answer()?);
    let bytes = [answer.text().into_bytes(), Frame::text("behind").unmasked().bytes()].concat();
    peer.send(bytes).await?;
    Socket::of_client(peer).ends().await
}

/// The client takes this answer.
async fn takes(peer: &mut Peer, made: impl Fn(Answer) -> Answer) -> Verdict {
    let answer = made(Asked::by(peer).await?.answer()?);
    peer.send(answer.text()).await?;
    Socket::of_client(peer).is_usable().await
}

cases! {
    /// The client asks by GET of HTTP/1.1 or later.
    Must "websocket-client/6455/4.1/get" = async |peer| {
        let asked = Asked::by(peer).await?;
        let met = asked.line.starts_with("GET /") && asked.line.ends_with(" HTTP/1.1");
        check(met, "GET /… HTTP/1.1", asked.line)
    }

    /// The client names the host.
    Must "websocket-client/6455/4.1/host" = async |peer| {
        let asked = Asked::by(peer).await?;
        check(!asked.one("Host")?.is_empty(), "Host with a value", "an empty one")
    }

    /// The client asks for an upgrade to websocket.
    Must "websocket-client/6455/4.1/upgrade" = async |peer| {
        check(Asked::by(peer).await?.lists("Upgrade", "websocket"), "Upgrade: websocket", "none")
    }

    /// The client says Upgrade in Connection.
    Must "websocket-client/6455/4.1/connection" = async |peer| {
        check(Asked::by(peer).await?.lists("Connection", "upgrade"), "Connection: Upgrade", "none")
    }

    /// The client sends one key of 16 octets in base64.
    Must "websocket-client/6455/4.1/key" = async |peer| {
        let asked = Asked::by(peer).await?;
        let key = asked.one("Sec-WebSocket-Key")?;
        let octets = STANDARD.decode(key).map(|octets| octets.len()).ok();
        check(octets == Some(16), "16 octets in base64", key)
    }

    /// The client has a fresh key for each connection.
    Must "websocket-client/6455/4.1/fresh-key" = async |peer| {
        let mut keys = std::collections::HashSet::new();
        for _ in 0..4 {
            let asked = Asked::by(peer).await?;
            let key = asked.one("Sec-WebSocket-Key")?;
            check(keys.insert(key.to_owned()), "a key that was not used before", key)?;
        }
        Ok(Outcome::Pass)
    }

    /// The client says the version 13, once.
    Must "websocket-client/6455/4.1/version" = async |peer| {
        let asked = Asked::by(peer).await?;
        let version = asked.one("Sec-WebSocket-Version")?;
        check(version == "13", "13", version)
    }

    /// The client sends nothing before it has been answered.
    Must "websocket-client/6455/4.1/waits" = async |peer| {
        Asked::by(peer).await?;
        let soon = peer.patience() / 4;
        let met = peer.buffer.is_empty() && peer.fill_within(soon).await? == Filled::Silent;
        check(met, "silence", "bytes behind the handshake, or the end")
    }

    /// An answer that is as it is to be makes a connection.
    Robust "websocket-client/6455/4.1/established" = async |peer| {
        established(peer).await?.is_usable().await
    }

    /// An answer with another status code makes no connection.
    Must "websocket-client/6455/4.1/other-status" = async |peer| {
        for status in ["200 OK", "400 Bad Request", "204 No Content"] {
            fails_at(peer, |answer| answer.status(status).with("Content-Length: 0").with("Connection: close")).await?;
        }
        Ok(Outcome::Pass)
    }

    /// An answer without Upgrade makes the client fail.
    Must "websocket-client/6455/4.1/no-upgrade" = async |peer| {
        fails_at(peer, |answer| answer.without("Upgrade")).await
    }

    /// An answer with another Upgrade makes the client fail.
    Must "websocket-client/6455/4.1/other-upgrade" = async |peer| {
        for value in ["websocket2", "h2c", "web socket"] {
            fails_at(peer, |answer| answer.but("Upgrade", value)).await?;
        }
        Ok(Outcome::Pass)
    }

    /// An answer without Connection makes the client fail.
    Must "websocket-client/6455/4.1/no-connection" = async |peer| {
        fails_at(peer, |answer| answer.without("Connection")).await
    }

    /// An answer whose Connection does not say Upgrade makes the client fail.
    Must "websocket-client/6455/4.1/other-connection" = async |peer| {
        for value in ["keep-alive", "upgraded"] {
            fails_at(peer, |answer| answer.but("Connection", value)).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Upgrade and Connection in the answer are read whatever their case, and so are the names of fields.
    Must "websocket-client/6455/4.1/any-case" = async |peer| {
        takes(peer, |answer| answer.but("Upgrade", "WebSocket").but("Connection", "UPGRADE")).await?;
        takes(peer, |answer| {
            answer.form(|line| line.split_once(':').map_or(String::new(), |(name, value)| format!("{}:{value}", name.to_ascii_lowercase())))
        })
        .await
    }

    /// An answer without Accept makes the client fail.
    Must "websocket-client/6455/4.1/no-accept" = async |peer| {
        fails_at(peer, |answer| answer.without("Sec-WebSocket-Accept")).await
    }

    /// An answer with a wrong Accept makes the client fail.
    Must "websocket-client/6455/4.1/wrong-accept" = async |peer| {
        for value in ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", ""] {
            fails_at(peer, |answer| answer.but("Sec-WebSocket-Accept", value)).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Whitespace around Accept does not matter.
    Must "websocket-client/6455/4.1/space-around-accept" = async |peer| {
        takes(peer, |answer| answer.form(|line| line.replacen(": ", ": \t ", 1) + " \t")).await
    }

    /// An extension that the client did not ask for makes it fail.
    Must "websocket-client/6455/4.1/extension-unasked" = async |peer| {
        fails_at(peer, |answer| answer.with("Sec-WebSocket-Extensions: x-rope-knot")).await
    }

    /// A subprotocol that the client did not offer makes it fail.
    Must "websocket-client/6455/4.1/protocol-unasked" = async |peer| {
        fails_at(peer, |answer| answer.with("Sec-WebSocket-Protocol: x-rope")).await
    }

    /// Frames that come right behind the answer are read.
    Robust "websocket-client/6455/4.1/behind-the-answer" = async |peer| {
        let answer = Asked::by(peer).await?.answer()?;
        peer.send([answer.text().into_bytes(), Frame::text("early").unmasked().bytes()].concat()).await?;
        Socket::of_client(peer).hears(TEXT, "early").await
    }
}
