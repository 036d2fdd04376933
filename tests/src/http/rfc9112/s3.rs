//! RFC 9112 §3 and §4: the request line and the status line.

use crate::case::{cases, check};
use crate::http::expect::{content, status};
use crate::http::fixture::HELLO;
use crate::peer::quote;

cases! {
    /// A method longer than any known one is answered with 501.
    Should "http/9112/3/long-method" = async |peer| {
        let request = peer.request(&"A".repeat(60), "/hello.txt", &[]);
        status(&peer.exchange(request).await?, &[501])
    }

    /// A request target longer than the server wishes to read is answered with 414.
    Must "http/9112/3/long-target" = async |peer| {
        let request = peer.request("GET", &format!("/{}", "a".repeat(128 * 1024)), &[]);
        status(&peer.exchange(request).await?, &[414])
    }

    /// A request line of 8000 octets is read.
    Should "http/9112/3/line-of-8000" [Fixture] = async |peer| {
        let fixed = "GET /hello.txt? HTTP/1.1".len();
        let target = format!("/hello.txt?{}", "a".repeat(8000 - fixed));
        content(&peer.get(&target, &[]).await?, HELLO)
    }

    /// The status line has a space after the code, whether or not a reason follows.
    Must "http/9112/4/space-after-code" = async |peer| {
        let request = peer.request("GET", "/hello.txt", &[]);
        peer.send(request).await?;
        while peer.buffer.len() < 13 && peer.fill().await? == crate::peer::Filled::Some {}
        let met = matches!(
            peer.buffer.as_ref(),
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9', b' ', b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ', ..]
        );
        check(met, "HTTP/1.x, a space, three digits, a space", quote(&peer.buffer))
    }

    /// The words of a request line may be divided at more whitespace than one space, or the line refused.
    May "http/9112/3/whitespace" [Fixture] = async |peer| {
        let mut seen = None;
        for line in ["GET  /hello.txt HTTP/1.1", "GET\t/hello.txt\tHTTP/1.1", "GET /hello.txt HTTP/1.1 "] {
            peer.reconnect();
            let response = peer.exchange(format!("{line}\r\nHost: {}\r\n\r\n", peer.host())).await?;
            status(&response, &[200, 400])?;
            seen = match (seen, response.status) {
                (None | Some("divides it"), 200) => Some("divides it"),
                (None | Some("refuses it"), 400) => Some("refuses it"),
                _ => Some("divides at some, refuses some"),
            };
        }
        Ok(crate::Outcome::Choice(seen.unwrap_or_default()))
    }
}
