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

    /// Several lines of Transfer-Encoding are one list: where it does not end in chunked, 400 and the end.
    Must "http/9112/6.3/coding-lines" = async |peer| {
        let fields = ["Transfer-Encoding: chunked", "Transfer-Encoding: gzip"];
        refused_and_closed(peer, with_body!(peer, &fields, "0\r\n\r\n")).await
    }

    /// Two Content-Length lines that agree may be read as one, or refused.
    May "http/9112/6.3/length-lines-repeated" [Fixture] = async |peer| {
        let request = with_body!(peer, &["Content-Length: 5", "Content-Length: 5"], "hello");
        let response = peer.exchange(request).await?;
        status(&response, &[200, 400])?;
        Ok(Outcome::Choice(if response.status == 200 { "reads them as one" } else { "refuses them" }))
    }

    /// A request with neither Content-Length nor Transfer-Encoding has no content, whatever its method.
    Robust "http/9112/6.3/no-length-no-content" [Fixture] = async |peer| {
        let requests = peer.request("POST", "/hello.txt", &[]) + &peer.request("GET", "/digits.txt", &[]);
        peer.send(requests).await?;
        let first = peer.final_response("POST").await?;
        check(first.status != 100, "a final status code", first.brief())?;
        match peer.response_or_end("GET").await? {
            Some(response) => crate::http::expect::content(&response, crate::http::fixture::DIGITS),
            None => check(first.lists("connection", "close"), "Connection: close, or the second answer", first.brief()),
        }
    }

    /// A coding that only looks like chunked is neither taken for it nor passed over.
    Robust "http/9112/6.1/almost-chunked" [Fixture] = async |peer| {
        for coding in ["xchunked", "\u{b}chunked", "\"chunked\"", "chunked\0", "chunk", "chunked;", ", chunked,x"] {
            peer.reconnect();
            let field = format!("Transfer-Encoding: {coding}");
            let smuggled = peer.request("GET", "/digits.txt", &[]);
            let length = format!("Content-Length: {}", smuggled.len() + 5);
            let first = with_body!(peer, &[&field, &length], "0\r\n\r\n");
            peer.send(first + &smuggled).await?;
            peer.finish().await;
            crate::http::expect::digits_never_come(peer, coding).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Content-Length and Transfer-Encoding beside each other never make two requests of what one of them has for one.
    Robust "http/9112/6.1/length-and-coding-smuggled" [Fixture] = async |peer| {
        let smuggled = peer.request("GET", "/digits.txt", &[]);
        let length = format!("Content-Length: {}", smuggled.len() + 5);
        for fields in [["Transfer-Encoding: chunked", &length], [&length, "Transfer-Encoding: chunked"]] {
            peer.reconnect();
            let first = with_body!(peer, &fields, "0\r\n\r\n");
            peer.send(first + &smuggled).await?;
            peer.finish().await;
            crate::http::expect::digits_never_come(peer, "two lengths").await?;
        }
        Ok(Outcome::Pass)
    }

    /// The content of the length that Content-Length says reaches who reads it.
    Robust "http/9112/6.3/length-content" [Echo] = async |peer| {
        for content in ["", "h", "hello\r\n\r\nGET / HTTP/1.1\r\n\r\n"] {
            let length = format!("Content-Length: {}", content.len());
            let request = peer.request("POST", "/echo", &[&length]) + content;
            crate::http::expect::content(&peer.exchange(request).await?, content)?;
        }
        Ok(Outcome::Pass)
    }
}
