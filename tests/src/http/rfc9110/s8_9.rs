//! RFC 9110 §8 and §9: representations and methods.

use super::etag;
use crate::case::{cases, check};
use crate::http::expect::{content, field, status, still_usable};
use crate::http::fixture::HELLO;
use crate::http::message::Response;
use crate::{Broken, Outcome, Reason};

/// Last-Modified is at most the date of the message (RFC 9110 §8.8.2.1).
fn not_in_the_future(response: &Response) -> Result<Outcome, Broken> {
    status(response, &[200])?;
    let Some(modified) = response.field("last-modified") else {
        return Ok(Outcome::Skip(Reason::Unsupported("Last-Modified")));
    };
    let date = field(response, "date")?;
    let parse = |text: &str| httpdate::parse_http_date(text).map_err(|_| Broken::new("a date", text));
    check(parse(modified)? <= parse(date)?, format!("at most {date}"), modified)
}

cases! {
    /// A response with content says its media type.
    Should "http/9110/8.3/content-type" [Fixture] = async |peer| {
        for (target, kind) in [("/hello.txt", "text/plain"), ("/page.html", "text/html")] {
            let response = peer.get(target, &[]).await?;
            let said = field(&response, "content-type")?;
            check(said.split(';').next().is_some_and(|said| said.trim() == kind), format!("{kind} for {target}"), said)?;
        }
        Ok(Outcome::Pass)
    }

    /// A response whose length is known in advance says it.
    Should "http/9110/8.6/length-said" [Fixture] = async |peer| {
        for (target, length) in [("/hello.txt", "13"), ("/empty.txt", "0"), ("/big.bin", "1048576")] {
            let response = peer.get(target, &[]).await?;
            let said = field(&response, "content-length")?;
            check(said == length, format!("Content-Length: {length} for {target}"), said)?;
        }
        Ok(Outcome::Pass)
    }

    /// A Content-Length that does not fit an integer is not cut to one that does.
    Must "http/9110/8.6/length-overflow" [Fixture] = async |peer| {
        for length in ["18446744073709551621", "4294967301", "340282366920938463463374607431768211461"] {
            peer.reconnect();
            let first = peer.request("GET", "/hello.txt", &[&format!("Content-Length: {length}")]) + "hello";
            let second = peer.request("GET", "/digits.txt", &[]);
            peer.send(first + &second).await?;
            peer.finish().await;
            crate::http::expect::digits_never_come(peer, length).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A response to HEAD that says a length says the one that GET would have.
    Must "http/9110/8.6/head-length" [Fixture] = async |peer| {
        let response = peer.ask("HEAD", "/hello.txt", &[]).await?;
        status(&response, &[200])?;
        check(matches!(response.field("content-length"), None | Some("13")), "no length, or 13", response.brief())
    }

    /// A 304 that says a length says the one that a 200 would have.
    Must "http/9110/8.6/304-length" [Fixture] = async |peer| {
        let etag = etag!(peer);
        let response = peer.get("/digits.txt", &[&format!("If-None-Match: {etag}")]).await?;
        status(&response, &[304])?;
        check(matches!(response.field("content-length"), None | Some("40")), "no length, or 40", response.brief())
    }

    /// A 204 says no length.
    Must "http/9110/8.6/204-length" [Fixture] = async |peer| {
        let response = peer.ask("OPTIONS", "/hello.txt", &[]).await?;
        if response.status != 204 {
            return Ok(Outcome::Skip(Reason::Unsupported("a 204 to OPTIONS")));
        }
        check(response.field("content-length").is_none(), "no Content-Length", response.brief())
    }

    /// A file has a Last-Modified.
    Should "http/9110/8.8.2.1/last-modified" [Fixture] = async |peer| {
        let response = peer.get("/hello.txt", &[]).await?;
        field(&response, "last-modified").map(|_| Outcome::Pass)
    }

    /// Last-Modified is not later than Date.
    Must "http/9110/8.8.2.1/not-in-the-future" [Fixture] = async |peer| {
        let response = peer.get("/hello.txt", &[]).await?;
        not_in_the_future(&response)
    }

    /// A file has an ETag.
    Should "http/9110/8.8.3.1/etag" [Fixture] = async |peer| {
        let response = peer.get("/hello.txt", &[]).await?;
        field(&response, "etag").map(|_| Outcome::Pass)
    }

    /// An ETag is a quoted string of visible characters, with or without `W/`.
    Must "http/9110/8.8.3/etag-form" [Fixture] = async |peer| {
        let etag = etag!(peer);
        let opaque = etag.strip_prefix("W/").unwrap_or(&etag);
        let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let met = inner.is_some_and(|inner| inner.chars().all(|c| c > ' ' && c != '"' && c != '\u{7f}'));
        check(met, "\"…\" or W/\"…\"", etag)
    }

    /// GET is supported.
    Must "http/9110/9.1/get" [Fixture] = async |peer| {
        content(&peer.get("/hello.txt", &[]).await?, HELLO)
    }

    /// HEAD is supported.
    Must "http/9110/9.1/head" [Fixture] = async |peer| {
        status(&peer.ask("HEAD", "/hello.txt", &[]).await?, &[200])
    }

    /// A method that the server does not know is answered with 501.
    Should "http/9110/9.1/unknown-method" = async |peer| {
        status(&peer.ask("ROPE", "/hello.txt", &[]).await?, &[501])
    }

    /// The name of a method is case-sensitive.
    Robust "http/9110/9.1/method-case" [Fixture] = async |peer| {
        let response = peer.ask("get", "/hello.txt", &[]).await?;
        check(response.status >= 400, "an error", response.brief())
    }

    /// A method that is known but not allowed for a file is answered with 405.
    Should "http/9110/9.1/not-allowed" [Fixture] = async |peer| {
        let response = peer.ask("POST", "/hello.txt", &["Content-Length: 0"]).await?;
        if response.is_success() {
            return Ok(Outcome::Skip(Reason::Unsupported("files that refuse POST")));
        }
        status(&response, &[405])
    }

    /// A response to HEAD has no content, an error neither.
    Must "http/9110/9.3.2/no-content" [Fixture] = async |peer| {
        for target in ["/hello.txt", "/missing", "/dir"] {
            peer.ask("HEAD", target, &["Connection: close"]).await?;
            peer.closed().await?;
            peer.reconnect();
        }
        peer.ask("HEAD", "/hello.txt", &[]).await?;
        still_usable(peer).await
    }

    /// A response to HEAD has the fields that GET would have, but for those that come of making the content.
    Should "http/9110/9.3.2/same-fields" [Fixture] = async |peer| {
        for target in ["/hello.txt", "/dir/", "/dir"] {
            let get = peer.get(target, &[]).await?;
            let head = peer.ask("HEAD", target, &[]).await?;
            let made = ["content-length", "date", "transfer-encoding"];
            for (name, value) in get.fields.iter().filter(|(name, _)| !made.contains(&name.to_ascii_lowercase().as_str())) {
                let same = head.field(name) == get.field(name);
                check(same, format!("{name}: {value} for HEAD {target}"), head.brief())?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// CONNECT to a target without a port is refused.
    Must "http/9110/9.3.6/connect-without-port" = async |peer| {
        for target in ["other.test", "other.test:", "other.test:x"] {
            peer.reconnect();
            let response = peer.ask("CONNECT", target, &[]).await?;
            check(response.status >= 400, format!("an error to {target}"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A successful response to OPTIONS names the allowed methods.
    Should "http/9110/9.3.7/allow" [Fixture] = async |peer| {
        let response = peer.ask("OPTIONS", "/hello.txt", &[]).await?;
        if !response.is_success() {
            return Ok(Outcome::Skip(Reason::Unsupported("OPTIONS")));
        }
        check(response.lists("allow", "GET") && response.lists("allow", "HEAD"), "Allow with GET and HEAD", response.brief())
    }

    /// A file whose date lies in the future has the date of the message as its Last-Modified.
    Must "http/9110/8.8.2.1/future-file" [Fixture] = async |peer| {
        let response = peer.get("/future.txt", &[]).await?;
        not_in_the_future(&response)
    }

    /// Responses of one kind have an answer to HEAD that ends after its head, conditions and errors too.
    Must "http/9110/9.3.2/every-status" [Fixture] = async |peer| {
        for field in ["If-None-Match: *", "If-Match: \"no-such-tag\"", "Range: bytes=100-", "Expect: rope"] {
            peer.ask("HEAD", "/digits.txt", &[field, "Connection: close"]).await?;
            peer.closed().await?;
            peer.reconnect();
        }
        content(&peer.get("/hello.txt", &[]).await?, HELLO)
    }

    /// TRACE, where it is offered, sends the request back.
    Should "http/9110/9.3.8/reflects" [Fixture] = async |peer| {
        let response = peer.ask("TRACE", "/hello.txt", &["X-Rope: strand"]).await?;
        if response.status != 200 {
            return Ok(Outcome::Skip(Reason::Unsupported("TRACE")));
        }
        let body = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
        check(body.starts_with("trace ") && body.contains("x-rope: strand"), "the request", response.brief())
    }

    /// TRACE sends no credentials back.
    Should "http/9110/9.3.8/no-credentials" [Fixture] = async |peer| {
        let secret = ["Authorization: Basic cm9wZTpzdHJhbmQ=", "Cookie: strand=cm9wZTpzdHJhbmQ="];
        let response = peer.ask("TRACE", "/hello.txt", &secret).await?;
        if response.status != 200 {
            return Ok(Outcome::Skip(Reason::Unsupported("TRACE")));
        }
        let body = String::from_utf8_lossy(&response.body);
        check(!body.contains("cm9wZTpzdHJhbmQ="), "none of the credentials", response.brief())
    }
}
