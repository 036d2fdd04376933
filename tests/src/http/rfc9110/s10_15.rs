//! RFC 9110 §10, §12 and §15: control fields, negotiation and status codes.

use super::{digits, etag};
use crate::case::{cases, check};
use crate::http::expect::{field, status};
use crate::peer::Filled;
use crate::{Broken, Outcome, Reason};

cases! {
    /// A client that waits for 100 before it sends content gets 100 or a final status code.
    Must "http/9110/10.1.1/continue" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["Expect: 100-continue", "Content-Length: 5"]);
        peer.send(request).await?;
        let response = peer.response("GET").await?;
        check(response.status == 100 || response.status >= 200, "100 or a final status code", response.brief())
    }

    /// After 100 and the content comes a final status code.
    Must "http/9110/10.1.1/final-after-continue" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["Expect: 100-continue", "Content-Length: 5"]);
        peer.send(request).await?;
        if peer.response("GET").await?.status == 100 {
            peer.send("hello").await?;
            peer.final_response("GET").await?;
        }
        Ok(Outcome::Pass)
    }

    /// An expectation of 100 in HTTP/1.0 is ignored: no interim response is sent.
    Must "http/9110/10.1.1/no-continue-to-1.0" [Fixture] = async |peer| {
        let request = format!(
            "GET /hello.txt HTTP/1.0\r\nHost: {}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
            peer.host()
        );
        peer.send(request).await?;
        let response = peer.response("GET").await?;
        check(response.status >= 200, "a final status code", response.brief())
    }

    /// An expectation that the server does not know is refused with 417, or ignored.
    May "http/9110/10.1.1/unknown-expectation" [Fixture] = async |peer| {
        let response = peer.get("/hello.txt", &["Expect: rope"]).await?;
        status(&response, &[200, 417])?;
        Ok(Outcome::Choice(if response.status == 417 { "refuses it" } else { "ignores it" }))
    }

    /// A protocol that the server does not know is not switched to.
    Must "http/9110/7.8/unknown-protocol" [Fixture] = async |peer| {
        peer.send(peer.request("GET", "/hello.txt", &["Connection: upgrade", "Upgrade: rope/1"])).await?;
        let response = peer.response("GET").await?;
        check(response.status != 101, "no 101", response.brief())
    }

    /// Upgrade in HTTP/1.0 is ignored.
    Must "http/9110/7.8/upgrade-in-1.0" [Fixture] = async |peer| {
        let fields = "Connection: upgrade\r\nUpgrade: websocket, h2c";
        let request = format!("GET /hello.txt HTTP/1.0\r\nHost: {}\r\n{fields}\r\n\r\n", peer.host());
        peer.send(request).await?;
        status(&peer.response("GET").await?, &[200])
    }

    /// A 405 names the allowed methods.
    Must "http/9110/15.5.6/allow" [Fixture] = async |peer| {
        for method in ["POST", "PATCH", "TRACE"] {
            peer.reconnect();
            let response = peer.ask(method, "/hello.txt", &["Content-Length: 0"]).await?;
            if response.status == 405 {
                field(&response, "allow")?;
                return Ok(Outcome::Pass);
            }
        }
        Ok(Outcome::Skip(Reason::Unsupported("405")))
    }

    /// Where the client accepts no coding that there is, the response has none.
    Should "http/9110/12.5.3/no-acceptable-coding" [Fixture] = async |peer| {
        let response = peer.get("/page.html", &["Accept-Encoding: rope"]).await?;
        status(&response, &[200])?;
        check(response.field("content-encoding").is_none(), "no Content-Encoding", response.brief())
    }

    /// A redirect says where to.
    Should "http/9110/15.4/location" [Fixture] = async |peer| {
        let response = peer.get("/dir", &[]).await?;
        if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
            return Err(Broken::new("a redirect to /dir/", response.brief()));
        }
        let location = field(&response, "location")?;
        check(location.ends_with("/dir/"), "a Location that ends in /dir/", location)
    }

    /// A 304 has the ETag and the other fields for caches that a 200 would have.
    Must "http/9110/15.4.5/fields-of-304" [Fixture] = async |peer| {
        let etag = etag!(peer);
        let full = peer.get("/digits.txt", &[]).await?;
        let response = peer.get("/digits.txt", &[&format!("If-None-Match: {etag}")]).await?;
        status(&response, &[304])?;
        for name in ["etag", "cache-control", "content-location", "expires", "vary"] {
            if let Some(value) = full.field(name) {
                check(response.field(name) == Some(value), format!("{name}: {value}"), response.brief())?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// A 304 has no content: the next response follows its head.
    Robust "http/9110/15.4.5/no-content-in-304" [Fixture] = async |peer| {
        let etag = etag!(peer);
        digits(peer, &[&format!("If-None-Match: {etag}")], &[304]).await?;
        digits(peer, &[], &[200]).await
    }

    /// An error has content that explains it.
    Should "http/9110/15.5/explains" [Fixture] = async |peer| {
        let response = peer.get("/missing", &[]).await?;
        status(&response, &[404])?;
        check(!response.body.is_empty(), "content", response.brief())
    }

    /// A major version that the server does not speak is refused, and not served.
    Robust "http/9110/15.6.6/major-version" = async |peer| {
        for version in ["HTTP/2.0", "HTTP/3.0"] {
            peer.reconnect();
            peer.send(format!("GET /hello.txt {version}\r\nHost: {}\r\n\r\n", peer.host())).await?;
            if peer.fill().await? == Filled::Some {
                status(&peer.final_response("GET").await?, &[400, 505])?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// An expectation of 100 is read without regard to case.
    Must "http/9110/10.1.1/continue-case" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["Expect: 100-Continue", "Content-Length: 5"]);
        peer.send(request).await?;
        let response = peer.response("GET").await?;
        check(matches!(response.status, 100 | 200..417), "100 or a final status code but 417", response.brief())
    }

    /// An expectation of 100 in a request without content may be met or passed over.
    May "http/9110/10.1.1/continue-without-content" [Fixture] = async |peer| {
        peer.send(peer.request("GET", "/hello.txt", &["Expect: 100-continue"])).await?;
        let response = peer.response("GET").await?;
        status(&response, &[100, 200])?;
        Ok(Outcome::Choice(if response.status == 100 { "sends 100" } else { "sends none" }))
    }

    /// Content that follows 100 is the request's content.
    Must "http/9110/10.1.1/content-after-continue" [Echo] = async |peer| {
        peer.send(peer.request("POST", "/echo", &["Expect: 100-continue", "Content-Length: 5"])).await?;
        let response = peer.response("POST").await?;
        check(response.status == 100, "100", response.brief())?;
        peer.send("hello").await?;
        crate::http::expect::content(&peer.final_response("POST").await?, "hello")
    }

    /// A final status code that comes before the content says close, or the content is read.
    Should "http/9110/10.1.1/final-before-content" [Fixture] = async |peer| {
        peer.send(peer.request("POST", "/missing", &["Expect: 100-continue", "Content-Length: 5"])).await?;
        let response = peer.response("POST").await?;
        if response.status == 100 {
            return Ok(Outcome::Skip(Reason::Unsupported("final status codes before content")));
        }
        if response.lists("connection", "close") {
            peer.closed().await?;
            return Ok(Outcome::Pass);
        }
        peer.send("hello").await?;
        crate::http::expect::still_usable(peer).await
    }

    /// No 1xx is sent to HTTP/1.0, also where a resource has one to send.
    Must "http/9110/15.2/no-103-to-1.0" [Early] = async |peer| {
        peer.send(format!("GET /early HTTP/1.0\r\nHost: {}\r\n\r\n", peer.host())).await?;
        let response = peer.response("GET").await?;
        check(response.status >= 200, "a final status code", response.brief())
    }

    /// An interim response is followed by a final one, and the connection stays usable.
    Robust "http/9110/15.2/final-after-103" [Early] = async |peer| {
        peer.send(peer.request("GET", "/early", &[])).await?;
        status(&peer.response("GET").await?, &[103])?;
        status(&peer.final_response("GET").await?, &[200])?;
        crate::http::expect::still_usable(peer).await
    }

    /// A 1xx says no length.
    Must "http/9110/8.6/1xx-length" [Early] = async |peer| {
        peer.send(peer.request("GET", "/early", &[])).await?;
        let response = peer.response("GET").await?;
        check(response.field("content-length").is_none(), "no Content-Length", response.brief())
    }

    /// A 1xx has no Transfer-Encoding.
    Must "http/9112/6.1/no-coding-in-1xx" [Early] = async |peer| {
        peer.send(peer.request("GET", "/early", &[])).await?;
        let response = peer.response("GET").await?;
        check(response.field("transfer-encoding").is_none(), "no Transfer-Encoding", response.brief())
    }

    /// A 304 has no fields of the representation but those that caches need.
    Should "http/9110/15.4.5/no-other-fields" [Fixture] = async |peer| {
        let etag = etag!(peer);
        let response = peer.get("/digits.txt", &[&format!("If-None-Match: {etag}")]).await?;
        status(&response, &[304])?;
        for name in ["content-type", "content-encoding", "content-language", "content-range"] {
            check(response.field(name).is_none(), format!("no {name}"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A 505 says why, and which versions are spoken.
    Should "http/9110/15.6.6/says-versions" = async |peer| {
        let request = format!("GET /hello.txt HTTP/3.0\r\nHost: {}\r\n\r\n", peer.host());
        let response = peer.exchange(request).await?;
        if response.status != 505 {
            return Ok(Outcome::Skip(Reason::Unsupported("505")));
        }
        let body = String::from_utf8_lossy(&response.body);
        check(body.contains("HTTP/1.1"), "content that names HTTP/1.1", response.brief())
    }
}
