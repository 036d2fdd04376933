//! RFC 6455 §9.1 and §11.3: extensions, and how often a field may stand.

use crate::case::{cases, check};
use crate::websocket::opening::{Opening, refused, switched};
use crate::websocket::socket::Socket;
use crate::{Broken, Outcome};

const OFFER: &str = "Sec-WebSocket-Extensions";

cases! {
    /// An answer to a handshake that asked for no extension names none.
    Must "websocket/6455/9/no-extension-unasked" = async |peer| {
        let response = Opening::to(peer).send(peer).await?;
        switched(&response)?;
        check(response.field("sec-websocket-extensions").is_none(), "no extensions", response.brief())
    }

    /// An extension that the server does not know is not agreed to, and the connection is made without it.
    Must "websocket/6455/9/no-unknown-extension" = async |peer| {
        for offer in ["x-rope-knot", "x-rope-knot; a=1; b", "x-rope-knot; a=\"1\", x-rope-hitch"] {
            let response = Opening::to(peer).but(OFFER, offer).send(peer).await?;
            switched(&response)?;
            check(response.field("sec-websocket-extensions").is_none(), "no extensions", response.brief())?;
            Socket::on(peer).is_usable().await?;
        }
        Ok(Outcome::Pass)
    }

    /// Of the extensions that were asked for the server agrees to those that it knows, and to no others.
    Must "websocket/6455/9/extensions-of-those-asked-for" = async |peer| {
        let response = Opening::to(peer).but(OFFER, "x-rope-knot, permessage-deflate").send(peer).await?;
        switched(&response)?;
        let agreed: Vec<_> = response.all("sec-websocket-extensions").flat_map(|line| line.split(',')).collect();
        let known = |extension: &&str| extension.split(';').next().is_some_and(|name| name.trim() == "permessage-deflate");
        check(agreed.iter().all(known) && agreed.len() <= 1, "permessage-deflate or nothing", response.brief())
    }

    /// A client that asked for compression and then does not compress is understood.
    Must "websocket/6455/9.1/offer-is-no-use" = async |peer| {
        switched(&Opening::to(peer).but(OFFER, "permessage-deflate").send(peer).await?)?;
        let mut socket = Socket::on(peer);
        socket.send(&[crate::websocket::frame::Frame::ping("plain")]).await?;
        socket.hears_pong(b"plain").await
    }

    /// A reserved bit whose extension was asked for and not agreed to makes the server fail the connection.
    Must "websocket/6455/9.1/not-agreed-is-not-used" = async |peer| {
        let response = Opening::to(peer).but(OFFER, "x-rope-knot").send(peer).await?;
        switched(&response)?;
        let mut socket = Socket::on(peer);
        socket.send(&[crate::websocket::frame::Frame::text("a").reserved(2)]).await?;
        socket.fails().await
    }

    /// Extensions that are not a list of tokens with parameters are answered with an error.
    Must "websocket/6455/9.1/malformed-extensions" = async |peer| {
        for offer in ["=", "two words", "a; =b", "a; b=", "a; b=\"c", "a; b c", "a; b=c d", "a/b"] {
            let response = Opening::to(peer).but(OFFER, offer).send(peer).await?;
            refused(&response)
                .map_err(|broken| Broken::new(broken.expected, format!("{} to {offer}", broken.actual)))?;
        }
        Ok(Outcome::Pass)
    }

    /// Extensions in several lines are one list.
    Must "websocket/6455/9.1/extension-lines" = async |peer| {
        let opening = Opening::to(peer).with(&format!("{OFFER}: x-rope-knot")).with(&format!("{OFFER}: x-rope-hitch; a=2"));
        let response = opening.send(peer).await?;
        switched(&response)?;
        Socket::on(peer).is_usable().await
    }

    /// The answer has one Sec-WebSocket-Accept.
    Must "websocket/6455/11.3.3/one-accept" = async |peer| {
        let response = Opening::to(peer).send(peer).await?;
        let times = response.all("sec-websocket-accept").count();
        check(times == 1, "one Sec-WebSocket-Accept", response.brief())
    }
}
