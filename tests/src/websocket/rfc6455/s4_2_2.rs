//! RFC 6455 §4.2.2 and §4.4: the server's answer to an opening handshake.

use crate::case::{cases, check};
use crate::http::Response;
use crate::websocket::opening::{KEY, Opening, accept, refused, switched};
use crate::websocket::socket::Socket;
use crate::websocket::{ORIGIN, SUBPROTOCOLS};
use crate::{Broken, Outcome};

/// The field stands once, with this value in any case.
fn says(response: &Response, name: &str, value: &str) -> crate::case::Verdict {
    let all: Vec<_> = response.all(name).collect();
    let met = matches!(all.as_slice(), [one] if one.eq_ignore_ascii_case(value));
    check(met, format!("{name}: {value}"), response.brief())
}

cases! {
    /// A good opening handshake is answered with 101 of HTTP/1.1.
    Must "websocket/6455/4.2.2/status" = async |peer| {
        let response = Opening::to(peer).send(peer).await?;
        check(response.status == 101 && response.minor == 1, "HTTP/1.1 101", response.brief())
    }

    /// The answer has Upgrade with the value websocket.
    Must "websocket/6455/4.2.2/upgrade" = async |peer| {
        says(&Opening::to(peer).send(peer).await?, "upgrade", "websocket")
    }

    /// The answer has Connection with the token Upgrade.
    Must "websocket/6455/4.2.2/connection" = async |peer| {
        let response = Opening::to(peer).send(peer).await?;
        switched(&response)?;
        check(response.lists("connection", "upgrade"), "Connection: Upgrade", response.brief())
    }

    /// The answer accepts by the hash of the key.
    Must "websocket/6455/4.2.2/accept" = async |peer| {
        for key in [KEY, "AAAAAAAAAAAAAAAAAAAAAA==", "/+/+/+/+/+/+/+/+/+/+/w=="] {
            let response = Opening::to(peer).but("Sec-WebSocket-Key", key).send(peer).await?;
            let all: Vec<_> = response.all("sec-websocket-accept").collect();
            let expected = format!("Sec-WebSocket-Accept: {}", accept(key));
            check(all.first() == Some(&accept(key).as_str()), expected, response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// The hash is of the key as it was sent, and not of what base64 would make of it.
    Must "websocket/6455/4.2.2/key-as-sent" = async |peer| {
        // Bits of the last digit are beyond the 16 octets, as in the example of RFC 6455 §4.1.
        let key = "AQIDBAUGBwgJCgsMDQ4PEC==";
        let response = Opening::to(peer).but("Sec-WebSocket-Key", key).send(peer).await?;
        if response.status != 101 {
            refused(&response)?;
            return Ok(Outcome::Choice("refuses bits that base64 leaves over"));
        }
        check(
            response.field("sec-websocket-accept") == Some(accept(key).as_str()),
            format!("Sec-WebSocket-Accept: {}", accept(key)),
            response.brief(),
        )
    }

    /// A handshake for a service that there is not is answered with an error.
    Must "websocket/6455/4.2.2/unknown-service" [OnePath] = async |peer| {
        refused(&Opening::to(peer).target("/no-such-service").send(peer).await?)
    }

    /// A handshake of a version that the server does not speak is answered with an error.
    Must "websocket/6455/4.2.2/other-version" = async |peer| {
        for version in ["0", "8", "12", "14", "255"] {
            refused(&Opening::to(peer).but("Sec-WebSocket-Version", version).send(peer).await?)?;
        }
        Ok(Outcome::Pass)
    }

    /// An answer to a version that the server does not speak names those that it does.
    Must "websocket/6455/4.4/versions-named" = async |peer| {
        for version in ["0", "8", "12", "14", "255"] {
            let response = Opening::to(peer).but("Sec-WebSocket-Version", version).send(peer).await?;
            let met = response.lists("sec-websocket-version", "13");
            check(met, format!("Sec-WebSocket-Version with 13 to version {version}"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// An answer to a handshake that offered no subprotocol names none.
    Must "websocket/6455/4.2.2/no-protocol-unasked" = async |peer| {
        let response = Opening::to(peer).send(peer).await?;
        switched(&response)?;
        check(response.field("sec-websocket-protocol").is_none(), "no Sec-WebSocket-Protocol", response.brief())
    }

    /// A subprotocol that the server does not speak is not agreed to.
    Must "websocket/6455/4.2.2/no-unknown-protocol" = async |peer| {
        let response = Opening::to(peer).with("Sec-WebSocket-Protocol: x-no-rope-speaks-this").send(peer).await?;
        let met = response.field("sec-websocket-protocol").is_none();
        check(met, "no Sec-WebSocket-Protocol", response.brief())
    }

    /// The subprotocol that is agreed to is one that was offered.
    Must "websocket/6455/4.2.2/protocol-of-those-offered" [Subprotocols] = async |peer| {
        let [one, two] = SUBPROTOCOLS;
        for offer in [one, two] {
            let line = format!("Sec-WebSocket-Protocol: x-unknown, {offer}");
            let response = Opening::to(peer).with(&line).send(peer).await?;
            check(
                response.field("sec-websocket-protocol") == Some(offer),
                format!("Sec-WebSocket-Protocol: {offer}"),
                response.brief(),
            )?;
        }
        Ok(Outcome::Pass)
    }

    /// Of several subprotocols that the server speaks it agrees to exactly one.
    Must "websocket/6455/4.2.2/one-protocol" [Subprotocols] = async |peer| {
        let [one, two] = SUBPROTOCOLS;
        let response = Opening::to(peer).with(&format!("Sec-WebSocket-Protocol: {two}, {one}")).send(peer).await?;
        let all: Vec<_> = response.all("sec-websocket-protocol").collect();
        match all.as_slice() {
            [chosen] if *chosen == two => Ok(Outcome::Choice("takes the client's first")),
            [chosen] if *chosen == one => Ok(Outcome::Choice("takes its own first")),
            _ => Err(Broken::new("one of the two offered", response.brief())),
        }
    }

    /// Offers of subprotocols in two lines are one list.
    Must "websocket/6455/11.3.4/protocol-lines" [Subprotocols] = async |peer| {
        let [one, _] = SUBPROTOCOLS;
        let opening = Opening::to(peer).with("Sec-WebSocket-Protocol: x-unknown");
        let response = opening.with(&format!("Sec-WebSocket-Protocol: {one}")).send(peer).await?;
        check(
            response.field("sec-websocket-protocol") == Some(one),
            format!("Sec-WebSocket-Protocol: {one}"),
            response.brief(),
        )
    }

    /// An offer of subprotocols that is no list of tokens is answered with an error.
    Must "websocket/6455/4.2.2/malformed-protocol" = async |peer| {
        for offer in ["two words", "a/b", "\"quoted\"", "a;b=c"] {
            let response = Opening::to(peer).but("Sec-WebSocket-Protocol", offer).send(peer).await?;
            refused(&response).map_err(|broken| Broken::new(broken.expected, format!("{} to {offer}", broken.actual)))?;
        }
        Ok(Outcome::Pass)
    }

    /// A script of an origin that the server does not accept gets an error.
    Must "websocket/6455/4.2.2/foreign-origin" [OneOrigin] = async |peer| {
        for origin in ["http://evil.test", "null", "http://conform.test.evil.test", "http://conform.test:81"] {
            refused(&Opening::to(peer).but("Origin", origin).send(peer).await?)?;
        }
        Ok(Outcome::Pass)
    }

    /// A script of the origin that the server accepts gets its connection.
    Robust "websocket/6455/4.2.2/own-origin" [OneOrigin] = async |peer| {
        switched(&Opening::to(peer).but("Origin", ORIGIN).send(peer).await?)?;
        Socket::on(peer).is_usable().await
    }

    /// An origin that the server does not accept is answered with 403.
    Should "websocket/6455/10.2/foreign-origin-is-403" [OneOrigin] = async |peer| {
        let response = Opening::to(peer).but("Origin", "http://evil.test").send(peer).await?;
        check(response.status == 403, "403", response.brief())
    }
}
