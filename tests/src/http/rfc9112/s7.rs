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
}
