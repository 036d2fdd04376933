//! RFC 9112 §9: connections.

use crate::case::{cases, check};
use crate::http::expect::{content, second_unanswered, status, still_usable};
use crate::http::fixture::{BIG, DIGITS, HELLO};
use crate::peer::{End, Filled};
use crate::{Outcome, Reason};

cases! {
    /// A connection serves one request after the other.
    Should "http/9112/9.3/persistent" [Fixture] = async |peer| {
        for _ in 0..5 {
            content(&peer.get("/hello.txt", &[]).await?, HELLO)?;
            still_usable(peer).await?;
        }
        Ok(Outcome::Pass)
    }

    /// After a request of HTTP/1.0 that does not ask for more, the connection is closed.
    Robust "http/9112/9.3/closes-after-1.0" [Fixture] = async |peer| {
        content(&peer.exchange(format!("GET /hello.txt HTTP/1.0\r\nHost: {}\r\n\r\n", peer.host())).await?, HELLO)?;
        peer.closed().await?;
        Ok(Outcome::Pass)
    }

    /// A connection kept open for HTTP/1.0 is said to be so.
    Robust "http/9112/9.3/keep-alive-for-1.0" [Fixture] = async |peer| {
        let request = format!("GET /hello.txt HTTP/1.0\r\nHost: {}\r\nConnection: keep-alive\r\n\r\n", peer.host());
        let response = peer.exchange(request).await?;
        if response.lists("connection", "keep-alive") {
            return still_usable(peer).await;
        }
        peer.closed().await?;
        Ok(Outcome::Pass)
    }

    /// A request body that nobody asked for is read or the connection closed: it is never the next request.
    Must "http/9112/9.3/body-is-no-request" [Fixture] = async |peer| {
        let inner = peer.request("GET", "/page.html", &[]);
        let length = format!("Content-Length: {}", inner.len());
        let first = peer.request("GET", "/hello.txt", &[&length]) + &inner;
        let second = peer.request("GET", "/digits.txt", &[]);
        peer.send(first + &second).await?;
        content(&peer.final_response("GET").await?, HELLO)?;
        match peer.response_or_end("GET").await? {
            Some(response) => content(&response, DIGITS),
            None => Ok(Outcome::Pass),
        }
    }

    /// The body of a request that is refused is read or the connection closed: it is never the next request.
    Robust "http/9112/9.3/refused-body-is-no-request" [Fixture] = async |peer| {
        let inner = peer.request("GET", "/hello.txt", &[]);
        let length = format!("Content-Length: {}", inner.len());
        let request = peer.request("POST", "/missing", &[&length]) + &inner;
        peer.send(request).await?;
        let response = peer.final_response("POST").await?;
        check(response.status >= 400, "an error", response.brief())?;
        peer.finish().await;
        match peer.response_or_end("GET").await? {
            Some(response) => Err(crate::Broken::new("no second response", response.brief())),
            None => Ok(Outcome::Pass),
        }
    }

    /// Responses to pipelined requests come in the order of the requests.
    Must "http/9112/9.3.2/pipeline-order" [Fixture] = async |peer| {
        let requests: String =
            ["/big.bin", "/hello.txt", "/missing", "/digits.txt"].map(|t| peer.request("GET", t, &[])).concat();
        peer.send(requests).await?;
        let big = peer.final_response("GET").await?;
        check(big.status == 200 && big.body.len() == BIG, "all of /big.bin first", big.brief())?;
        content(&peer.final_response("GET").await?, HELLO)?;
        status(&peer.final_response("GET").await?, &[404])?;
        content(&peer.final_response("GET").await?, DIGITS)
    }

    /// A connection whose client asked for its close is closed after the response.
    Must "http/9112/9.6/close-honoured" = async |peer| {
        peer.get("/hello.txt", &["Connection: close"]).await?;
        peer.closed().await?;
        Ok(Outcome::Pass)
    }

    /// The last response on a connection whose client asked for its close says close.
    Should "http/9112/9.6/close-said" = async |peer| {
        let response = peer.get("/hello.txt", &["Connection: close"]).await?;
        check(response.lists("connection", "close"), "Connection: close", response.brief())
    }

    /// A request sent after one that asked for close is not processed.
    Must "http/9112/9.6/nothing-after-close" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["Connection: close"]);
        second_unanswered(peer, request).await
    }

    /// After a response that says close, the connection is closed.
    Must "http/9112/9.6/said-is-done" = async |peer| {
        let requests = [
            peer.request("GET", "/hello.txt", &[]),
            peer.request("GET", "/hello.txt", &["Connection: close"]),
            "GET /hello.txt HTTP/1.1\r\n\r\n".to_owned(),
        ];
        for request in requests {
            peer.reconnect();
            if peer.exchange(request).await?.lists("connection", "close") {
                peer.closed().await?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// The close option is found in a list, and without regard to case.
    Robust "http/9112/9.6/close-in-a-list" = async |peer| {
        peer.get("/hello.txt", &["Connection: x-rope, CLOSE"]).await?;
        peer.closed().await?;
        Ok(Outcome::Pass)
    }

    /// A connection that the server does not keep is said to be closed in the response before.
    Must "http/9112/9.3/close-said-before" [Fixture] = async |peer| {
        for _ in 0..3 {
            let response = peer.get("/hello.txt", &[]).await?;
            // Long before a server gives up on an idle client.
            let at_once = peer.patience() / 20;
            let closed = peer.closed_within(at_once).await.is_ok();
            let met = !closed || response.lists("connection", "close");
            check(met, "Connection: close, or an open connection", response.brief())?;
            if closed {
                peer.reconnect();
            }
        }
        Ok(Outcome::Pass)
    }

    /// A hundred requests in one go are answered, each in its turn.
    Robust "http/9112/9.3.2/pipeline-of-100" [Fixture] = async |peer| {
        let pair = peer.request("GET", "/hello.txt", &[]) + &peer.request("GET", "/digits.txt", &[]);
        peer.send(pair.repeat(50)).await?;
        for _ in 0..50 {
            content(&peer.final_response("GET").await?, HELLO)?;
            content(&peer.final_response("GET").await?, DIGITS)?;
        }
        Ok(Outcome::Pass)
    }

    /// Where the client is silent for too long, the connection is closed, and not reset.
    Should "http/9112/9.5/orderly-timeout" [Fixture, ShortTimeouts] = async |peer| {
        content(&peer.get("/hello.txt", &[]).await?, HELLO)?;
        let ended = peer.fill().await?;
        let met = ended == Filled::Ended(End::Closed);
        check(met, "an orderly end", format!("{ended:?}"))
    }

    /// Where the client closes an idle connection, the server closes it too, and soon.
    Should "http/9112/9.5/close-seen" [Fixture] = async |peer| {
        content(&peer.get("/hello.txt", &[]).await?, HELLO)?;
        peer.finish().await;
        peer.closed().await?;
        Ok(Outcome::Pass)
    }

    /// A request that follows one whose answer says close is not processed.
    Must "http/9112/9.6/nothing-after-said" [Fixture] = async |peer| {
        let wrong = "GET /hello.txt HTTP/1.1\r\n\r\n".to_owned();
        peer.send(wrong + &peer.request("GET", "/digits.txt", &[])).await?;
        let first = peer.final_response("GET").await?;
        if !first.lists("connection", "close") {
            return Ok(Outcome::Skip(Reason::Unsupported("closing of its own accord")));
        }
        peer.closed().await?;
        Ok(Outcome::Pass)
    }

    /// The answer to a request whose content the server does not want arrives, though the client still sends.
    Robust "http/9112/9.6/answer-arrives" [Fixture] = async |peer| {
        let content = "a".repeat(512 * 1024);
        let length = format!("Content-Length: {}", content.len());
        let request = peer.request("POST", "/missing", &[&length]) + &content;
        peer.send(request).await?;
        let response = peer.final_response("POST").await?;
        check(response.status >= 400, "an error", response.brief())
    }

    /// A connection of HTTP/1.0 that is kept serves further requests.
    Robust "http/9112/9.3/persistent-1.0" [Fixture] = async |peer| {
        let request = format!("GET /hello.txt HTTP/1.0\r\nHost: {}\r\nConnection: Keep-Alive\r\n\r\n", peer.host());
        for _ in 0..3 {
            let response = peer.exchange(&request).await?;
            content(&response, HELLO)?;
            if !response.lists("connection", "keep-alive") {
                break;
            }
        }
        Ok(Outcome::Pass)
    }
}
