//! RFC 9110 §4 and §7: identifiers, connections and upgrades.

use crate::case::{cases, check};
use crate::http::expect::{content, field, status};
use crate::http::fixture::HELLO;
use crate::{Broken, Outcome, Peer, Reason};

const SWITCH: &[&str] = &["Connection: upgrade", "Upgrade: rope"];

/// Answers of several kinds, interesting for what they say about the connection.
async fn answers(peer: &mut Peer) -> Result<Vec<crate::http::Response>, Broken> {
    let old = format!("GET /hello.txt HTTP/1.0\r\nHost: {}\r\nConnection: keep-alive\r\n\r\n", peer.host());
    let requests = [
        peer.request("GET", "/hello.txt", &[]),
        peer.request("GET", "/missing", &[]),
        peer.request("OPTIONS", "/hello.txt", &[]),
        peer.request("GET", "/hello.txt", &["Connection: close"]),
        old,
    ];
    let mut answers = Vec::new();
    for request in requests {
        peer.reconnect();
        answers.push(peer.exchange(request).await?);
    }
    Ok(answers)
}

cases! {
    /// The scheme of a target in absolute form is read without regard to case.
    Should "http/9110/4.2.3/scheme-case" [Fixture] = async |peer| {
        let target = format!("HTTP://{}/hello.txt", peer.host());
        content(&peer.get(&target, &[]).await?, HELLO)
    }

    /// A target in absolute form without a path is the one with the path `/`.
    Should "http/9110/4.2.3/empty-path" = async |peer| {
        let slash = peer.get("/", &[]).await?;
        peer.reconnect();
        let target = format!("http://{}", peer.host());
        status(&peer.get(&target, &[]).await?, &[slash.status])
    }

    /// A character that is not reserved and its percent-encoding make one identifier.
    Should "http/9110/4.2.3/encoded-unreserved" [Fixture] = async |peer| {
        content(&peer.get("/%68ell%6F%2Et%78t", &[]).await?, HELLO)
    }

    /// A target in absolute form that names a user is treated as an error.
    Should "http/9110/4.2.4/userinfo" = async |peer| {
        let target = format!("http://user@{}/hello.txt", peer.host());
        status(&peer.get(&target, &[]).await?, &[400])
    }

    /// A request for an https resource is rejected where it came over a connection that is not secured.
    Must "http/9110/7.4/https-in-the-clear" [Fixture] = async |peer| {
        let target = format!("https://{}/hello.txt", peer.host());
        let response = peer.get(&target, &[]).await?;
        check((400..500).contains(&response.status), "4xx", response.brief())
    }

    /// Connection names no field that is meant for all recipients.
    Must "http/9110/7.6.1/no-end-to-end-options" [Fixture] = async |peer| {
        let all = ["cache-control", "content-length", "content-type", "date", "etag", "expires", "last-modified", "vary"];
        for response in answers(peer).await? {
            let named = all.iter().find(|name| response.lists("connection", name));
            check(named.is_none(), "options for the connection only", response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// Fields about the connection that are sent are named in Connection.
    Must "http/9110/7.6.1/connection-fields-named" [Fixture] = async |peer| {
        for response in answers(peer).await? {
            for name in ["keep-alive", "upgrade", "proxy-connection", "te"] {
                let met = response.field(name).is_none() || response.lists("connection", name);
                check(met, format!("{name} named in Connection"), response.brief())?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// Upgrade is nothing to act upon where Connection does not name it.
    Robust "http/9110/7.8/option-missing" [Switch] = async |peer| {
        peer.send(peer.request("GET", "/switch", &["Upgrade: rope"])).await?;
        let response = peer.response("GET").await?;
        check(response.status != 101, "no 101", response.brief())
    }

    /// A 101 names the protocol that was switched to.
    Must "http/9110/7.8/101-upgrade" [Switch] = async |peer| {
        peer.send(peer.request("GET", "/switch", SWITCH)).await?;
        let response = peer.response("GET").await?;
        status(&response, &[101])?;
        check(response.lists("upgrade", "rope"), "Upgrade: rope", response.brief())
    }

    /// Where Upgrade is sent in a 101, Connection names it.
    Must "http/9110/7.8/101-connection" [Switch] = async |peer| {
        peer.send(peer.request("GET", "/switch", SWITCH)).await?;
        let response = peer.response("GET").await?;
        status(&response, &[101])?;
        check(response.lists("connection", "upgrade"), "Connection: upgrade", response.brief())
    }

    /// The name of a protocol to switch to is compared without regard to case.
    Should "http/9110/7.8/protocol-case" [Switch] = async |peer| {
        peer.send(peer.request("GET", "/switch", &["Connection: Upgrade", "Upgrade: ROPE"])).await?;
        status(&peer.response("GET").await?, &[101])
    }

    /// Of several protocols that the client names, one is switched to that the server knows.
    Robust "http/9110/7.8/protocol-list" [Switch] = async |peer| {
        peer.send(peer.request("GET", "/switch", &["Connection: upgrade", "Upgrade: yarn/2, rope"])).await?;
        let response = peer.response("GET").await?;
        let met = response.status != 101 || !response.lists("upgrade", "yarn/2");
        check(met, "no switch to yarn/2", response.brief())
    }

    /// After a 101 the connection belongs to the new protocol, from the octet behind the empty line.
    Robust "http/9110/7.8/new-protocol" [Switch] = async |peer| {
        peer.send(peer.request("GET", "/switch", SWITCH) + "strand").await?;
        status(&peer.response("GET").await?, &[101])?;
        while peer.buffer.len() < 6 && peer.fill().await? == crate::peer::Filled::Some {}
        check(peer.buffer.as_ref() == b"strand", "\"strand\" sent back", crate::peer::quote(&peer.buffer))
    }

    /// A 426 names the protocols that would do.
    Must "http/9110/7.8/426-upgrade" [Switch] = async |peer| {
        let response = peer.get("/switch", &[]).await?;
        if response.status != 426 {
            return Ok(Outcome::Skip(Reason::Unsupported("426")));
        }
        field(&response, "upgrade").map(|_| Outcome::Pass)
    }

    /// Where Upgrade is sent in a 426, Connection names it.
    Must "http/9110/7.8/426-connection" [Switch] = async |peer| {
        let response = peer.get("/switch", &[]).await?;
        if response.status != 426 {
            return Ok(Outcome::Skip(Reason::Unsupported("426")));
        }
        check(response.lists("connection", "upgrade"), "Connection: upgrade", response.brief())
    }

    /// Where 100 and 101 are both due, 100 is sent first.
    Must "http/9110/7.8/continue-first" [Switch] = async |peer| {
        let fields = ["Connection: upgrade", "Upgrade: rope", "Expect: 100-continue", "Content-Length: 5"];
        peer.send(peer.request("GET", "/switch", &fields)).await?;
        let response = peer.response("GET").await?;
        check(response.status != 101, "100 or a final status code before 101", response.brief())
    }
}
