//! RFC 9112 §7: transfer codings.

use crate::Outcome;
use crate::Peer;
use crate::case::{Verdict, cases};
use crate::http::expect::{both_answered, refused_and_closed, second_unanswered};

fn chunked(peer: &Peer, body: &str) -> String {
    peer.request("GET", "/hello.txt", &["Transfer-Encoding: chunked"]) + body
}

/// The body is refused, and nothing behind it is taken for a request.
async fn refuses(peer: &mut Peer, body: &str) -> Verdict {
    let request = chunked(peer, body) + &peer.request("GET", "/digits.txt", &[]);
    refused_and_closed(peer, request).await
}

/// A body that is too long in what is no content: the next request on the connection is not answered.
async fn unread(peer: &mut Peer, body: &str) -> Verdict {
    let request = chunked(peer, body) + &peer.request("GET", "/digits.txt", &[]);
    peer.send(request).await?;
    for _ in 0..16 {
        if peer.buffer.is_empty() && peer.fill().await? != crate::peer::Filled::Some {
            return Ok(Outcome::Pass);
        }
        // A reset may cut what was answered: the server has not read it all.
        let Ok(response) = peer.response("GET").await else { return Ok(Outcome::Pass) };
        let is_second = response.body == crate::http::fixture::DIGITS.as_bytes();
        crate::case::check(!is_second, "no answer behind so long a body", response.brief())?;
    }
    Err(crate::Broken::new("an end of answers", "16 of them"))
}

cases! {
    /// A chunked request body is decoded, and the next request is found behind it.
    Must "http/9112/7.1/decodes" [Fixture] = async |peer| {
        let request = chunked(peer, "5\r\nhello\r\n00A\r\n0123456789\r\n1\r\n!\r\n000\r\n\r\n");
        both_answered(peer, request).await
    }

    /// The name of the chunked coding is read without regard to case.
    Robust "http/9112/7/coding-name-case" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["transfer-encoding: Chunked"]) + "5\r\nhello\r\n0\r\n\r\n";
        both_answered(peer, request).await
    }

    /// A chunk size that does not fit an integer is not cut to one that does.
    Must "http/9112/7.1/size-overflow" [Fixture] = async |peer| {
        for size in ["10000000000000005", "100000005", "FFFFFFFFFFFFFFFFFFFFFFFF5"] {
            peer.reconnect();
            let request = chunked(peer, &format!("{size}\r\nhello\r\n0\r\n\r\n"));
            let second = peer.request("GET", "/digits.txt", &[]);
            peer.send(request + &second).await?;
            peer.finish().await;
            crate::http::expect::digits_never_come(peer, size).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A chunk size that is not hexadecimal is answered with 400, and the connection is closed.
    Should "http/9112/7.1/size-not-hex" [Fixture] = async |peer| {
        refuses(peer, "xyz\r\nhello\r\n0\r\n\r\n").await
    }

    /// A chunk size with a sign or a prefix is answered with 400, and the connection is closed.
    Should "http/9112/7.1/size-with-prefix" [Fixture] = async |peer| {
        for size in ["0x5", "+5", "-5"] {
            peer.reconnect();
            refuses(peer, &format!("{size}\r\nhello\r\n0\r\n\r\n")).await?;
        }
        Ok(Outcome::Pass)
    }

    /// An empty chunk size is answered with 400, and the connection is closed.
    Should "http/9112/7.1/size-missing" [Fixture] = async |peer| {
        refuses(peer, "\r\nhello\r\n0\r\n\r\n").await
    }

    /// A chunk longer than its size is answered with 400, and the connection is closed.
    Should "http/9112/7.1/chunk-too-long" [Fixture] = async |peer| {
        refuses(peer, "5\r\nhello world\r\n0\r\n\r\n").await
    }

    /// A chunk size line that ends in LF alone is not taken for a whole line.
    Robust "http/9112/7.1/size-line-bare-lf" [Fixture] = async |peer| {
        let request = chunked(peer, "5\nhello\r\n0\r\n\r\n");
        second_unanswered(peer, request).await
    }

    /// Chunk extensions that the server does not know are ignored.
    Must "http/9112/7.1.1/extensions-ignored" [Fixture] = async |peer| {
        let request = chunked(peer, "5;a;b=c;d=\"e f\"\r\nhello\r\n0;last=1\r\n\r\n");
        both_answered(peer, request).await
    }

    /// A trailer section is read to its end, and the next request is found behind it.
    Robust "http/9112/7.1.2/trailers-read" [Fixture] = async |peer| {
        let request = chunked(peer, "5\r\nhello\r\n0\r\nX-Trailer: a\r\nX-Other: b\r\n\r\n");
        both_answered(peer, request).await
    }

    /// A trailer field is not merged into the head: a precondition there has no effect.
    Must "http/9112/7.1.2/trailers-not-merged" [Fixture] = async |peer| {
        let request = chunked(peer, "5\r\nhello\r\n0\r\nIf-None-Match: *\r\n\r\n");
        let response = peer.exchange(request).await?;
        crate::http::expect::status(&response, &[200, 400])
    }

    /// The content of a chunked request is what its chunks hold, and nothing else.
    Must "http/9112/7.1/content" [Echo] = async |peer| {
        let body = "5\r\nhello\r\n00A\r\n, rope 012\r\n1\r\n!\r\n000\r\n\r\n";
        let request = peer.request("POST", "/echo", &["Transfer-Encoding: chunked"]) + body;
        crate::http::expect::content(&peer.exchange(request).await?, "hello, rope 012!")
    }

    /// Parameters of the coding chunked, which has none, are an error.
    Should "http/9112/7.1/parameters" = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["Transfer-Encoding: chunked;a=b"]) + "0\r\n\r\n";
        crate::http::expect::status(&peer.exchange(request).await?, &[400, 501])
    }

    /// Parameters of a compression coding, which has none, are an error.
    Should "http/9112/7.2/parameters" = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["Transfer-Encoding: gzip;a=b, chunked"]) + "0\r\n\r\n";
        crate::http::expect::status(&peer.exchange(request).await?, &[400, 501])
    }

    /// Chunk extensions are no part of the content.
    Must "http/9112/7.1.1/no-content" [Echo] = async |peer| {
        let body = "5;rope=strand\r\nhello\r\n0;rope\r\n\r\n";
        let request = peer.request("POST", "/echo", &["Transfer-Encoding: chunked"]) + body;
        crate::http::expect::content(&peer.exchange(request).await?, "hello")
    }

    /// Trailer fields are no part of the content.
    Robust "http/9112/7.1.2/no-content" [Echo] = async |peer| {
        let body = "5\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n";
        let request = peer.request("POST", "/echo", &["Transfer-Encoding: chunked"]) + body;
        crate::http::expect::content(&peer.exchange(request).await?, "hello")
    }

    /// Chunk extensions are not read without end.
    Robust "http/9112/7.1.1/limited" [Fixture] = async |peer| {
        let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a;".repeat(128 * 1024));
        unread(peer, &long).await
    }

    /// A trailer section is not read without end.
    Robust "http/9112/7.1.2/limited" [Fixture] = async |peer| {
        let long = format!("5\r\nhello\r\n0\r\n{}\r\n", "X-Trailer: a\r\n".repeat(20_000));
        unread(peer, &long).await
    }
}
