//! What no sentence demands and no server survives without.

use std::time::Duration;

use crate::case::{Verdict, cases, check};
use crate::http::expect::{content, status};
use crate::http::fixture::SECRET;
use crate::peer::Filled;
use crate::{Outcome, Peer};

/// None of these targets reaches the file beside the root, and each has an answer of 4xx, or a redirect.
async fn stays_inside(peer: &mut Peer, targets: &[&str]) -> Verdict {
    for target in targets {
        peer.reconnect();
        let response = peer.get(target, &[]).await?;
        let secret = response.body.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
        let met = !secret && (300..500).contains(&response.status);
        check(met, format!("3xx or 4xx to {target}, and not the file"), response.brief())?;
    }
    Ok(Outcome::Pass)
}

cases! {
    /// Dot segments do not lead out of the root.
    Robust "http/robust/paths/dot-dot" [Fixture] = async |peer| {
        stays_inside(peer, &["/../outside.txt", "/dir/../../outside.txt", "/list/./../../outside.txt"]).await
    }

    /// Dot segments that are percent-encoded do not lead out of the root.
    Robust "http/robust/paths/encoded-dot-dot" [Fixture] = async |peer| {
        stays_inside(peer, &["/%2e%2e/outside.txt", "/.%2E/outside.txt", "/dir/%2e%2e/%2e%2e/outside.txt"]).await
    }

    /// Slashes that are percent-encoded do not lead out of the root.
    Robust "http/robust/paths/encoded-slash" [Fixture] = async |peer| {
        stays_inside(peer, &["/..%2foutside.txt", "/dir/..%2F..%2Foutside.txt", "/%2e%2e%2foutside.txt"]).await
    }

    /// Backslashes, plain or percent-encoded, are no path separators.
    Robust "http/robust/paths/backslash" [Fixture] = async |peer| {
        stays_inside(peer, &["/..%5coutside.txt", "/dir%5c..%5c..%5coutside.txt", "/..\\outside.txt"]).await
    }

    /// A target is decoded once: what a second decoding would make of it is not served.
    Robust "http/robust/paths/double-encoding" [Fixture] = async |peer| {
        stays_inside(peer, &["/%252e%252e/outside.txt", "/hello%252etxt", "/..%252foutside.txt"]).await
    }

    /// A percent-encoded NUL does not cut the path.
    Robust "http/robust/paths/nul" [Fixture] = async |peer| {
        stays_inside(peer, &["/hello.txt%00", "/hello.txt%00.html", "/%00"]).await
    }

    /// A percent sign without two hexadecimal digits is an error of the client's.
    Robust "http/robust/paths/malformed-escape" [Fixture] = async |peer| {
        stays_inside(peer, &["/hello.txt%", "/%zz", "/hello%2"]).await
    }

    /// A percent-encoded character is the character.
    Robust "http/robust/paths/decodes" [Fixture] = async |peer| {
        content(&peer.get("/with%20space.txt", &[]).await?, "space\n")?;
        content(&peer.get("/%68ello.txt", &[]).await?, super::fixture::HELLO)
    }

    /// A redirect for a missing slash stays on this server, whatever the path begins with.
    Robust "http/robust/paths/slash-redirect" [Fixture] = async |peer| {
        for target in ["//dir", "//other.test/..//dir", "/\\other.test/%2e%2e/dir"] {
            peer.reconnect();
            let response = peer.get(target, &[]).await?;
            if let Some(location) = response.field("location") {
                let own = [format!("http://{}/", peer.host()), format!("https://{}/", peer.host())];
                let path = location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\");
                let met = path || own.iter().any(|own| location.starts_with(own));
                check(met, format!("a Location on this server for {target}"), response.brief())?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// A path that leads to nothing is answered with 404, and the connection stays usable.
    Robust "http/robust/paths/missing" [Fixture] = async |peer| {
        status(&peer.get("/missing", &[]).await?, &[404])?;
        super::expect::still_usable(peer).await
    }

    /// A file of a megabyte comes whole and unchanged.
    Robust "http/robust/content/big" [Fixture] = async |peer| {
        let response = peer.get("/big.bin", &[]).await?;
        let met = response.body.iter().enumerate().all(|(at, byte)| *byte == (at % 251) as u8);
        check(met && response.body.len() == super::fixture::BIG, "/big.bin as written", response.brief())
    }

    /// A directory's index is its content.
    Robust "http/robust/content/index" [Fixture] = async |peer| {
        content(&peer.get("/dir/", &[]).await?, super::fixture::INDEX)
    }

    /// A request that comes octet by octet is the same request.
    Robust "http/robust/slow/octet-by-octet" [Fixture] = async |peer| {
        for octet in peer.request("GET", "/hello.txt", &[]).bytes() {
            peer.send([octet]).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        content(&peer.final_response("GET").await?, super::fixture::HELLO)
    }

    /// A client that sends nothing is not waited for without end.
    Robust "http/robust/slow/silence" [ShortTimeouts] = async |peer| {
        peer.send("").await?;
        ends(peer).await
    }

    /// A client that stops amid a head is not waited for without end.
    Robust "http/robust/slow/half-a-head" [ShortTimeouts] = async |peer| {
        peer.send("GET /hello.txt HTTP/1.1\r\nHost:").await?;
        ends(peer).await
    }

    /// A client that is silent after a response is not waited for without end.
    Robust "http/robust/slow/idle" [ShortTimeouts] = async |peer| {
        peer.get("/hello.txt", &[]).await?;
        ends(peer).await
    }
}

/// The connection ends, with or without a 408 before.
async fn ends(peer: &mut Peer) -> Verdict {
    loop {
        match peer.fill().await? {
            Filled::Ended(_) if peer.buffer.is_empty() => return Ok(Outcome::Pass),
            Filled::Ended(_) => return status(&peer.final_response("GET").await?, &[408]),
            Filled::Silent => return check(false, "the end of the connection", "it is still open"),
            Filled::Some => {}
        }
    }
}
