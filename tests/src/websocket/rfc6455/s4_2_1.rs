//! RFC 6455 §4.2.1: reading the client's opening handshake.

use crate::case::cases;
use crate::websocket::opening::{KEY, Opening, refused, refuses, switched};
use crate::websocket::socket::Socket;
use crate::{Outcome, Peer};

/// The handshake is taken, and messages are echoed after it.
async fn taken(peer: &mut Peer, opening: Opening) -> crate::case::Verdict {
    switched(&opening.send(peer).await?)?;
    Socket::on(peer).is_usable().await
}

cases! {
    /// An opening handshake whose method is not GET is answered with an error.
    Must "websocket/6455/4.2.1/method" = async |peer| {
        for method in ["POST", "PUT", "DELETE"] {
            refused(&Opening::to(peer).method(method).send(peer).await?)?;
        }
        Ok(Outcome::Pass)
    }

    /// An opening handshake of HTTP/1.0 is answered with an error.
    Must "websocket/6455/4.2.1/http-1.0" = async |peer| {
        refused(&Opening::to(peer).version("HTTP/1.0").send(peer).await?)
    }

    /// An opening handshake whose target is in absolute form is taken.
    Must "websocket/6455/4.2.1/absolute-form" = async |peer| {
        let target = format!("http://{}{}", peer.host(), peer.path());
        let opening = Opening::to(peer).target(&target);
        taken(peer, opening).await
    }

    /// An opening handshake without Host is answered with an error.
    Must "websocket/6455/4.2.1/no-host" = async |peer| {
        refused(&Opening::to(peer).without("Host").send(peer).await?)
    }

    /// An opening handshake without Upgrade is answered with an error.
    Must "websocket/6455/4.2.1/no-upgrade" = async |peer| {
        refused(&Opening::to(peer).without("Upgrade").send(peer).await?)
    }

    /// An opening handshake whose Upgrade does not name websocket is answered with an error.
    Must "websocket/6455/4.2.1/other-upgrade" = async |peer| {
        refuses(peer, "Upgrade", &["h2c", "websocket2", "web socket", "websockets", "x-websocket"]).await
    }

    /// The name websocket is found in Upgrade whatever its case.
    Must "websocket/6455/4.2.1/upgrade-in-any-case" = async |peer| {
        for value in ["WebSocket", "WEBSOCKET"] {
            let opening = Opening::to(peer).but("Upgrade", value);
            taken(peer, opening).await?;
        }
        Ok(Outcome::Pass)
    }

    /// An Upgrade that lists websocket beside another protocol may be taken or refused.
    May "websocket/6455/4.2.1/upgrade-list" = async |peer| {
        let response = Opening::to(peer).but("Upgrade", "rope/1, websocket").send(peer).await?;
        if response.status == 101 {
            Socket::on(peer).is_usable().await?;
            return Ok(Outcome::Choice("takes it"));
        }
        refused(&response)?;
        Ok(Outcome::Choice("refuses it"))
    }

    /// An opening handshake without Connection is answered with an error.
    Must "websocket/6455/4.2.1/no-connection" = async |peer| {
        refused(&Opening::to(peer).without("Connection").send(peer).await?)
    }

    /// An opening handshake whose Connection does not name Upgrade is answered with an error.
    Must "websocket/6455/4.2.1/other-connection" = async |peer| {
        refuses(peer, "Connection", &["keep-alive", "upgraded", "not-upgrade", "keep-alive, up grade"]).await
    }

    /// The token Upgrade is found in Connection whatever its case.
    Must "websocket/6455/4.2.1/connection-in-any-case" = async |peer| {
        for value in ["upgrade", "UPGRADE"] {
            let opening = Opening::to(peer).but("Connection", value);
            taken(peer, opening).await?;
        }
        Ok(Outcome::Pass)
    }

    /// The token Upgrade is found in a list.
    Must "websocket/6455/4.2.1/connection-list" = async |peer| {
        for value in ["keep-alive, Upgrade", "Upgrade,keep-alive", "a ,\tUpgrade , b"] {
            let opening = Opening::to(peer).but("Connection", value);
            taken(peer, opening).await?;
        }
        Ok(Outcome::Pass)
    }

    /// The token Upgrade is found in a second line of Connection.
    Must "websocket/6455/4.2.1/connection-lines" = async |peer| {
        let opening = Opening::to(peer).but("Connection", "keep-alive").with("Connection: Upgrade");
        taken(peer, opening).await
    }

    /// An opening handshake without a key is answered with an error.
    Must "websocket/6455/4.2.1/no-key" = async |peer| {
        refused(&Opening::to(peer).without("Sec-WebSocket-Key").send(peer).await?)
    }

    /// A key that is not base64 is answered with an error.
    Must "websocket/6455/4.2.1/key-no-base64" = async |peer| {
        let keys = ["", "dGhlIHNhbXBsZSBub25j?Q==", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=="];
        let spaced = keys.map(|key| if key == KEY { "dGhlIHNhbXBs ZSBub25jZQ==" } else { key });
        refuses(peer, "Sec-WebSocket-Key", &spaced).await
    }

    /// A key that is not 16 octets long is answered with an error.
    Must "websocket/6455/4.2.1/key-length" = async |peer| {
        let keys = ["AAAA", "AAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"];
        refuses(peer, "Sec-WebSocket-Key", &keys).await
    }

    /// Two keys are answered with an error.
    Must "websocket/6455/4.2.1/two-keys" = async |peer| {
        refused(&Opening::to(peer).with("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==").send(peer).await?)
    }

    /// An opening handshake without a version is answered with an error.
    Must "websocket/6455/4.2.1/no-version" = async |peer| {
        refused(&Opening::to(peer).without("Sec-WebSocket-Version").send(peer).await?)
    }

    /// A version that is not a number of at most three digits without leading zeros is answered with an error.
    Must "websocket/6455/4.2.1/malformed-version" = async |peer| {
        refuses(peer, "Sec-WebSocket-Version", &["013", "13, 8", "+13", "13.0", "0x0d", "", "269", "13;"]).await
    }

    /// Two versions are answered with an error, though one of them be 13.
    Must "websocket/6455/4.2.1/two-versions" = async |peer| {
        refused(&Opening::to(peer).with("Sec-WebSocket-Version: 8").send(peer).await?)
    }

    /// The order of the fields does not matter.
    Must "websocket/6455/4.2.1/any-order" = async |peer| {
        let opening = Opening::to(peer).reversed();
        taken(peer, opening).await
    }

    /// Field names are found whatever their case.
    Must "websocket/6455/4.2.1/names-in-any-case" = async |peer| {
        for form in [str::to_ascii_lowercase, str::to_ascii_uppercase] {
            let opening = Opening::to(peer).names(form);
            taken(peer, opening).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Fields that the server does not know are passed over.
    Must "websocket/6455/4.2.1/unknown-fields" = async |peer| {
        let opening = Opening::to(peer).with("Sec-WebSocket-Rope: 3").with("X-Rope: knot").with("Cookie: a=b");
        taken(peer, opening).await
    }
}
