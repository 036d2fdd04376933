//! RFC 9110 §5 and §6: fields and messages.

use std::time::SystemTime;

use super::{etag, modified};
use crate::case::{cases, check};
use crate::http::expect::{content, field, status};
use crate::http::fixture::HELLO;
use crate::{Broken, Outcome};

/// Whether a date is in the one form that a sender may use.
fn is_imf_fixdate(text: &str) -> bool {
    httpdate::parse_http_date(text).is_ok_and(|time| httpdate::fmt_http_date(time) == text)
}

/// A date of the subject's in the two older forms.
fn older_forms(date: &str) -> Result<(String, String), Broken> {
    let wrong = || Broken::new("a date", date);
    let words: Vec<_> = date.split(' ').collect();
    let [day, date, month, year, time, _] = words.as_slice() else { return Err(wrong()) };
    let day = day.trim_end_matches(',');
    let long = match day {
        "Tue" => "Tuesday",
        "Wed" => "Wednesday",
        "Thu" => "Thursday",
        "Sat" => "Saturday",
        other => &format!("{other}day"),
    };
    let short = year.get(2..).ok_or_else(wrong)?;
    let padded = date.strip_prefix('0').map_or((*date).to_owned(), |digit| format!(" {digit}"));
    Ok((
        format!("{long}, {date}-{month}-{short} {time} GMT"),
        format!("{day} {month} {padded} {time} {year}"),
    ))
}

cases! {
    /// A target in absolute form with an empty host is refused.
    Must "http/9110/4.2.1/empty-host" = async |peer| {
        let request = peer.request("GET", "http:///hello.txt", &[]);
        status(&peer.exchange(request).await?, &[400])
    }

    /// Header fields that the server does not know are ignored.
    Should "http/9110/5.1/unknown-fields" [Fixture] = async |peer| {
        content(&peer.get("/hello.txt", &["X-Rope: a", "Strand-9: \"b\"", "!#$%&'*+-.^_`|~: c"]).await?, HELLO)
    }

    /// A field that is no list stands once in a response.
    Must "http/9110/5.3/single-fields-once" [Fixture] = async |peer| {
        let response = peer.get("/hello.txt", &[]).await?;
        for name in ["date", "content-type", "last-modified", "etag", "server", "expires", "content-range", "location"] {
            check(response.all(name).count() < 2, format!("{name} once"), response.brief())?;
        }
        status(&response, &[200])
    }

    /// A field line larger than the server wishes to read is answered with 4xx.
    Must "http/9110/5.4/large-field" = async |peer| {
        let response = peer.get("/hello.txt", &[&format!("X-Large: {}", "a".repeat(512 * 1024))]).await?;
        let met = response.is_success() || (400..500).contains(&response.status);
        check(met, "4xx, or an answer that shows it was read", response.brief())
    }

    /// More field lines than the server wishes to read are answered with 4xx.
    Must "http/9110/5.4/many-fields" = async |peer| {
        let lines: Vec<_> = (0..20_000).map(|n| format!("X-{n}: a")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let response = peer.get("/hello.txt", &lines).await?;
        let met = response.is_success() || (400..500).contains(&response.status);
        check(met, "4xx, or an answer that shows it was read", response.brief())
    }

    /// Whitespace around a field value is no part of it.
    Must "http/9110/5.5/whitespace-around-value" [Fixture] = async |peer| {
        let etag = etag!(peer);
        super::digits(peer, &[&format!("If-None-Match: \t  {etag}\t ")], &[304]).await
    }

    /// A NUL in a field value does not cut it: the message is refused, or the NUL counts as a space.
    Must "http/9110/5.5/nul-in-value" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["If-None-Match: *\0rope"]);
        status(&peer.exchange(request).await?, &[200, 400])
    }

    /// Octets above 127 in a field value are opaque, and no error.
    Should "http/9110/5.5/obs-text" [Fixture] = async |peer| {
        let mut request = peer.request("GET", "/hello.txt", &["X-Rope: "]).into_bytes();
        let at = request.len() - 4;
        request.splice(at..at, [0xe9, 0xff, b'a']);
        content(&peer.exchange(request).await?, HELLO)
    }

    /// Empty members of a list are ignored.
    Must "http/9110/5.6.1.2/empty-members" [Fixture] = async |peer| {
        let etag = etag!(peer);
        super::digits(peer, &[&format!("If-None-Match: , ,{etag},,")], &[304]).await
    }

    /// A date in the form of RFC 850 is read.
    Must "http/9110/5.6.7/rfc850-date" [Fixture] = async |peer| {
        let (rfc850, _) = older_forms(&modified!(peer))?;
        super::digits(peer, &[&format!("If-Modified-Since: {rfc850}")], &[304]).await
    }

    /// A date in the form of C's asctime is read.
    Must "http/9110/5.6.7/asctime-date" [Fixture] = async |peer| {
        let (_, asctime) = older_forms(&modified!(peer))?;
        super::digits(peer, &[&format!("If-Modified-Since: {asctime}")], &[304]).await
    }

    /// A year of two digits that would be more than 50 years ahead is the one in the past.
    Must "http/9110/5.6.7/two-digit-year" [Fixture] = async |peer| {
        modified!(peer);
        super::digits(peer, &["If-Unmodified-Since: Sunday, 06-Nov-94 08:49:37 GMT"], &[412]).await
    }

    /// Dates are sent in the form of IMF-fixdate only.
    Must "http/9110/5.6.7/sends-imf-fixdate" [Fixture] = async |peer| {
        let response = peer.get("/hello.txt", &[]).await?;
        for name in ["date", "last-modified", "expires"] {
            if let Some(date) = response.field(name) {
                check(is_imf_fixdate(date), format!("an IMF-fixdate in {name}"), date)?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// A request of HTTP/1.0 is answered in the server's own version, HTTP/1.1.
    Should "http/9110/6.2/answers-own-version" = async |peer| {
        let response = peer.exchange(format!("GET /hello.txt HTTP/1.0\r\nHost: {}\r\n\r\n", peer.host())).await?;
        check(response.minor == 1, "HTTP/1.1", format!("HTTP/1.{}", response.minor))
    }

    /// A minor version above the server's is taken for its highest.
    Should "http/9110/6.2/higher-minor" [Fixture] = async |peer| {
        let request = format!("GET /hello.txt HTTP/1.2\r\nHost: {}\r\n\r\n", peer.host());
        content(&peer.exchange(request).await?, HELLO)
    }

    /// Every 2xx has a Date.
    Must "http/9110/6.6.1/date-in-2xx" [Fixture] = async |peer| {
        let response = peer.get("/hello.txt", &[]).await?;
        status(&response, &[200])?;
        field(&response, "date").map(|_| Outcome::Pass)
    }

    /// Every 3xx has a Date.
    Must "http/9110/6.6.1/date-in-3xx" [Fixture] = async |peer| {
        let etag = etag!(peer);
        let response = peer.get("/digits.txt", &[&format!("If-None-Match: {etag}")]).await?;
        status(&response, &[304])?;
        field(&response, "date").map(|_| Outcome::Pass)
    }

    /// Every 4xx has a Date.
    Must "http/9110/6.6.1/date-in-4xx" [Fixture] = async |peer| {
        let response = peer.get("/missing", &[]).await?;
        status(&response, &[404])?;
        field(&response, "date").map(|_| Outcome::Pass)
    }

    /// Date is the time at which the message was made.
    Should "http/9110/6.6.1/date-is-now" [Fixture] = async |peer| {
        let response = peer.get("/hello.txt", &[]).await?;
        let date = field(&response, "date")?;
        let time = httpdate::parse_http_date(date).map_err(|_| Broken::new("a date", date))?;
        let now = SystemTime::now();
        let off = now.duration_since(time).or_else(|_| time.duration_since(now)).map(|off| off.as_secs());
        check(off.is_ok_and(|off| off < 60), "a Date within a minute of now", date)
    }

    /// Whitespace around a field value does not reach who reads it.
    Must "http/9110/5.5/trimmed" [Echo] = async |peer| {
        let response = peer.get("/echo", &["X-Echo: \t a b \t "]).await?;
        status(&response, &[200])?;
        check(response.field("x-echo") == Some("a b"), "X-Echo: a b", response.brief())
    }

    /// CR and NUL in a field value do not reach who reads it: the message is refused, or each is a space.
    Must "http/9110/5.5/control-replaced" [Echo] = async |peer| {
        for control in ['\r', '\0'] {
            peer.reconnect();
            let request = peer.request("GET", "/echo", &[&format!("X-Echo: a{control}b")]);
            let response = peer.exchange(request).await?;
            let met = response.status == 400 || response.field("x-echo") == Some("a b");
            check(met, "400, or X-Echo: a b", response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// Lists are sent without empty members.
    Must "http/9110/5.6.1.1/no-empty-members" [Fixture] = async |peer| {
        let lists = ["accept-ranges", "allow", "cache-control", "connection", "content-encoding", "upgrade", "vary"];
        for (method, target) in [("GET", "/hello.txt"), ("OPTIONS", "/hello.txt"), ("GET", "/coded.txt"), ("GET", "/missing")] {
            let response = peer.ask(method, target, &["Accept-Encoding: gzip"]).await?;
            for name in lists {
                let met = response.all(name).flat_map(|list| list.split(',')).all(|member| !member.trim().is_empty());
                check(met, format!("no empty member in {name}"), response.brief())?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// Bad whitespace, which stands for nothing, is removed: here around the parts of a chunk extension.
    Must "http/9110/5.6.3/bad-whitespace" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["Transfer-Encoding: chunked"]) + "5 ; a = b ;c\r\nhello\r\n0\r\n\r\n";
        crate::http::expect::both_answered(peer, request).await
    }

    /// A quoted pair in a quoted string is its second octet, and does not end the string.
    Must "http/9110/5.6.4/quoted-pair" [Fixture] = async |peer| {
        let body = "5;a=\"\\\"\";b=\"\\\\\"\r\nhello\r\n0\r\n\r\n";
        let request = peer.request("GET", "/hello.txt", &["Transfer-Encoding: chunked"]) + body;
        crate::http::expect::both_answered(peer, request).await
    }

    /// Octets above 127 in a field value reach who reads it unchanged.
    Robust "http/9110/5.5/obs-text-kept" [Echo] = async |peer| {
        let request: Vec<u8> = peer.request("GET", "/echo", &["X-Echo: \u{e9}"]).chars().map(|c| c as u8).collect();
        let response = peer.exchange(request).await?;
        let met = response.status == 400 || response.field("x-echo") == Some("\u{e9}");
        check(met, "the octet 0xE9, or 400", response.brief())
    }

    /// A trailer field does not reach who reads header fields.
    Must "http/9110/6.5.1/not-merged" [Echo] = async |peer| {
        let body = "5\r\nhello\r\n0\r\nX-Echo: a\r\n\r\n";
        let response = peer.exchange(peer.request("POST", "/echo", &["Transfer-Encoding: chunked"]) + body).await?;
        status(&response, &[200])?;
        check(response.field("x-echo").is_none_or(str::is_empty), "no X-Echo", response.brief())
    }
}
