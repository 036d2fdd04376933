//! RFC 9112 §2: messages.

use crate::Outcome;
use crate::case::{cases, check};
use crate::http::expect::{content, refused_and_closed, status, still_usable};
use crate::http::fixture::HELLO;

cases! {
    /// An empty line before the request line is skipped.
    Should "http/9112/2.2/leading-empty-line" [Fixture] = async |peer| {
        let request = format!("\r\n{}", peer.request("GET", "/hello.txt", &[]));
        content(&peer.exchange(request).await?, HELLO)
    }

    /// An empty line between two requests on one connection is skipped.
    Should "http/9112/2.2/empty-line-between-requests" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &[]) + "\r\n";
        content(&peer.exchange(request).await?, HELLO)?;
        still_usable(peer).await
    }

    /// A CR alone does not end a field line: it makes the field invalid or counts as a space.
    Must "http/9112/2.2/bare-cr-is-no-line-end" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["X-A: a\rIf-None-Match: *"]);
        status(&peer.exchange(request).await?, &[200, 400])
    }

    /// A line that ends in LF alone may be read as a line, or refused.
    May "http/9112/2.2/bare-lf" [Fixture] = async |peer| {
        let request = format!("GET /hello.txt HTTP/1.1\nHost: {}\n\n", peer.host());
        let response = peer.exchange(request).await?;
        status(&response, &[200, 400])?;
        Ok(Outcome::Choice(if response.status == 200 { "reads it as a line" } else { "refuses it" }))
    }

    /// A line that begins with whitespace, right after the request line, is refused or ignored, never read as a field.
    Must "http/9112/2.2/whitespace-before-first-field" [Fixture] = async |peer| {
        let request = format!("GET /hello.txt HTTP/1.1\r\n If-None-Match: *\r\nHost: {}\r\n\r\n", peer.host());
        status(&peer.exchange(request).await?, &[200, 400])
    }

    /// Bytes that are no HTTP are answered with 400, and the connection is closed.
    Should "http/9112/2.2/garbage" = async |peer| {
        refused_and_closed(peer, "?!\u{1}\u{2} garbage of no protocol at all\r\n\r\n").await
    }

    /// A field line without a colon is answered with 400, and the connection is closed.
    Should "http/9112/2.2/field-without-colon" = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["no colon here"]);
        refused_and_closed(peer, request).await
    }

    /// A field line with an empty name is answered with 400, and the connection is closed.
    Should "http/9112/2.2/empty-field-name" = async |peer| {
        let request = peer.request("GET", "/hello.txt", &[": nameless"]);
        refused_and_closed(peer, request).await
    }

    /// A field name with a character that no token has is answered with 400, and the connection is closed.
    Should "http/9112/2.2/field-name-no-token" = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["X(A): b"]);
        refused_and_closed(peer, request).await
    }

    /// The protocol's name is case-sensitive: another spelling is answered with 400 and never served.
    Should "http/9112/2.3/lowercase-name" = async |peer| {
        let request = format!("GET /hello.txt http/1.1\r\nHost: {}\r\n\r\n", peer.host());
        refused_and_closed(peer, request).await
    }

    /// A version that is not digit, dot, digit is answered with 400 or 505, and not served.
    Should "http/9112/2.3/malformed-version" = async |peer| {
        for version in ["HTTP/1", "HTTP/1.1.1", "HTTP/1.x", "HTTP/ 1.1"] {
            peer.reconnect();
            let request = format!("GET /hello.txt {version}\r\nHost: {}\r\n\r\n", peer.host());
            let response = peer.exchange(request).await?;
            let met = matches!(response.status, 400 | 505);
            check(met, format!("400 or 505 to {version}"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A CR alone in a field value does not reach who reads it, and ends no line: it is refused, or a space.
    Must "http/9112/2.2/bare-cr-replaced" [Echo] = async |peer| {
        let request = peer.request("GET", "/echo", &["X-Echo: a\rX-Echo: b"]);
        let response = peer.exchange(request).await?;
        let met = response.status == 400 || response.field("x-echo") == Some("a X-Echo: b");
        check(met, "400, or X-Echo: a X-Echo: b", response.brief())
    }
}
