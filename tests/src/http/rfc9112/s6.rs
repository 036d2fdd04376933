//! RFC 9112 §6: message body, where request smuggling lives.

use crate::case::{cases, check};
use crate::http::expect::{both_answered, refused_and_closed, second_unanswered, status};
use crate::{Outcome, Reason};

/// A GET with these fields and this body.
macro_rules! with_body {
    ($peer:ident, $fields:expr, $body:expr) => {
        $peer.request("GET", "/hello.txt", $fields) + $body
    };
}

cases! {
    /// After a request with both Content-Length and Transfer-Encoding, the connection is closed.
    Must "http/9112/6.1/length-and-coding" [Fixture] = async |peer| {
        let request = with_body!(peer, &["Content-Length: 5", "Transfer-Encoding: chunked"], "0\r\n\r\n");
        second_unanswered(peer, request).await
    }

    /// After a request of HTTP/1.0 with Transfer-Encoding, the connection is closed.
    Must "http/9112/6.1/coding-in-1.0" [Fixture] = async |peer| {
        let request = format!(
            "GET /hello.txt HTTP/1.0\r\nHost: {}\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            peer.host()
        );
        second_unanswered(peer, request).await
    }

    /// A transfer coding that the server does not know is answered with 501.
    Should "http/9112/6.1/unknown-coding" = async |peer| {
        let request = with_body!(peer, &["Transfer-Encoding: rope, chunked"], "0\r\n\r\n");
        status(&peer.exchange(request).await?, &[501])
    }

    /// A response to HTTP/1.0 has no Transfer-Encoding.
    Must "http/9112/6.1/no-coding-to-1.0" [Fixture] = async |peer| {
        for target in ["/hello.txt", "/list/", "/missing"] {
            peer.reconnect();
            let request = format!("GET {target} HTTP/1.0\r\nHost: {}\r\n\r\n", peer.host());
            let response = peer.exchange(request).await?;
            check(response.field("transfer-encoding").is_none(), "no Transfer-Encoding", response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A 204 has no Transfer-Encoding.
    Must "http/9112/6.1/no-coding-in-204" [Fixture] = async |peer| {
        let response = peer.ask("OPTIONS", "/hello.txt", &[]).await?;
        if response.status != 204 {
            return Ok(Outcome::Skip(Reason::Unsupported("a 204 to OPTIONS")));
        }
        check(response.field("transfer-encoding").is_none(), "no Transfer-Encoding", response.brief())
    }

    /// A request whose last transfer coding is not chunked is answered with 400, and the connection is closed.
    Must "http/9112/6.3/chunked-not-last" = async |peer| {
        let request = with_body!(peer, &["Transfer-Encoding: chunked, gzip"], "0\r\n\r\n");
        refused_and_closed(peer, request).await
    }

    /// A Content-Length that is no number is answered with 400, and the connection is closed.
    Must "http/9112/6.3/length-no-number" = async |peer| {
        for length in ["five", "5 5", "0x5", "5.", "", "5;"] {
            peer.reconnect();
            let request = with_body!(peer, &[&format!("Content-Length: {length}")], "hello");
            let response = peer.exchange(request).await?;
            check(response.status == 400, format!("400 to Content-Length: {length:?}"), response.brief())?;
            peer.closed().await?;
        }
        Ok(Outcome::Pass)
    }

    /// A Content-Length with a sign is answered with 400, and the connection is closed.
    Must "http/9112/6.3/signed-length" = async |peer| {
        for length in ["Content-Length: +5", "Content-Length: -5"] {
            peer.reconnect();
            let request = with_body!(peer, &[length], "hello");
            refused_and_closed(peer, request).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Two Content-Length lines that differ are answered with 400, and the connection is closed.
    Must "http/9112/6.3/two-lengths" = async |peer| {
        let request = with_body!(peer, &["Content-Length: 5", "Content-Length: 0"], "hello");
        refused_and_closed(peer, request).await
    }

    /// A Content-Length list whose members differ is answered with 400, and the connection is closed.
    Must "http/9112/6.3/length-list-differs" = async |peer| {
        let request = with_body!(peer, &["Content-Length: 5, 0"], "hello");
        refused_and_closed(peer, request).await
    }

    /// A Content-Length list of one repeated number may be read as this number, or refused.
    May "http/9112/6.3/length-repeated" [Fixture] = async |peer| {
        let request = with_body!(peer, &["Content-Length: 5, 5"], "hello");
        let response = peer.exchange(request).await?;
        status(&response, &[200, 400])?;
        Ok(Outcome::Choice(if response.status == 200 { "reads it as one" } else { "refuses it" }))
    }

    /// A client that ends the connection amid a request body gets it closed.
    Must "http/9112/6.3/incomplete-body" = async |peer| {
        let request = with_body!(peer, &["Content-Length: 10"], "hello");
        peer.send(request).await?;
        peer.finish().await;
        if peer.response_or_end("GET").await?.is_some() {
            peer.closed().await?;
        }
        Ok(Outcome::Pass)
    }

    /// A body of the length that Content-Length says is read to its end, and no further.
    Robust "http/9112/6.3/length-delimits" [Fixture] = async |peer| {
        let request = with_body!(peer, &["Content-Length: 5"], "hello");
        both_answered(peer, request).await
    }
}
