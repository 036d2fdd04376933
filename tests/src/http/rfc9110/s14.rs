//! RFC 9110 §13.1.5, §14 and §15.3.7: ranges.

use super::{AFTER, BEFORE, digits, etag, modified, part, strong_etag};
use crate::case::{cases, check};
use crate::http::expect::{content, field, status};
use crate::http::{Response, fixture::DIGITS};
use crate::{Broken, Outcome, Reason};

/// The parts of a multipart response: the fields in lower case, and the content.
fn parts(response: &Response) -> Result<Vec<(String, String)>, Broken> {
    status(response, &[206])?;
    let kind = field(response, "content-type")?;
    let boundary = kind
        .to_ascii_lowercase()
        .starts_with("multipart/byteranges")
        .then(|| kind.split_once("boundary="))
        .flatten()
        .map(|(_, boundary)| {
            boundary.split(';').next().unwrap_or_default().trim().trim_matches('"').to_owned()
        })
        .filter(|boundary| !boundary.is_empty())
        .ok_or_else(|| Broken::new("multipart/byteranges with a boundary", kind))?;
    let body = String::from_utf8_lossy(&response.body);
    let body = format!("\r\n{body}");
    let wrong = || Broken::new("parts between boundaries, each a head and content", response.brief());
    let delimiter = format!("\r\n--{boundary}");
    let (inner, _) = body.split_once(&format!("{delimiter}--")).ok_or_else(wrong)?;
    inner
        .split(&delimiter)
        .skip(1)
        .map(|part| {
            let (head, content) = part.split_once("\r\n\r\n").ok_or_else(wrong)?;
            Ok((head.to_ascii_lowercase(), content.to_owned()))
        })
        .collect()
}

/// A request for two ranges that no server has a reason to merge. Not applicable where the answer is the whole.
macro_rules! two_ranges {
    ($peer:ident) => {{
        let response = $peer.get("/numbers.txt", &["Range: bytes=1-3,7021-7024"]).await?;
        if response.status == 200 {
            return Ok(Outcome::Skip(Reason::Unsupported("several ranges")));
        }
        response
    }};
}

cases! {
    /// A range is sent where If-Range has the file's strong tag.
    Should "http/9110/13.1.5/same-etag" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        let response = peer.get("/digits.txt", &["Range: bytes=2-4", &format!("If-Range: {etag}")]).await?;
        part(&response, "bytes 2-4/40", "234")
    }

    /// The whole is sent where If-Range has another tag.
    Must "http/9110/13.1.5/other-etag" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &["Range: bytes=2-4", "If-Range: \"no-such-tag\""]).await?;
        content(&response, DIGITS)
    }

    /// If-Range is compared strongly: the whole is sent for a weak tag.
    Must "http/9110/13.1.5/weak-etag" [Fixture] = async |peer| {
        let etag = etag!(peer);
        let weak = format!("If-Range: W/{}", etag.trim_start_matches("W/"));
        content(&peer.get("/digits.txt", &["Range: bytes=2-4", &weak]).await?, DIGITS)
    }

    /// A range is sent where If-Range has the file's date.
    Should "http/9110/13.1.5/same-date" [Fixture] = async |peer| {
        let modified = modified!(peer);
        let response = peer.get("/digits.txt", &["Range: bytes=2-4", &format!("If-Range: {modified}")]).await?;
        part(&response, "bytes 2-4/40", "234")
    }

    /// The whole is sent where If-Range has any other date, also a later one.
    Must "http/9110/13.1.5/other-date" [Fixture] = async |peer| {
        for date in [BEFORE, AFTER] {
            let response = peer.get("/digits.txt", &["Range: bytes=2-4", &format!("If-Range: {date}")]).await?;
            content(&response, DIGITS)?;
        }
        Ok(Outcome::Pass)
    }

    /// If-Range without Range is ignored.
    Must "http/9110/13.1.5/without-range" [Fixture] = async |peer| {
        content(&peer.get("/digits.txt", &["If-Range: \"no-such-tag\""]).await?, DIGITS)
    }

    /// A position that does not fit an integer is not cut to one that does.
    Must "http/9110/14.1.2/overflow" [Fixture] = async |peer| {
        for last in ["4294967297", "18446744073709551617", "340282366920938463463374607431768211457"] {
            let response = peer.get("/digits.txt", &[&format!("Range: bytes=0-{last}")]).await?;
            let whole = response.body == DIGITS.as_bytes() || response.status == 416;
            check(whole, format!("all of it, or 416, for 0-{last}"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A range of two positions is sent as 206, both ends included.
    Should "http/9110/14.2/first-last" [Fixture] = async |peer| {
        part(&peer.get("/digits.txt", &["Range: bytes=7-12"]).await?, "bytes 7-12/40", "789012")
    }

    /// A range without an end reaches to the end.
    Should "http/9110/14.2/open" [Fixture] = async |peer| {
        part(&peer.get("/digits.txt", &["Range: bytes=35-"]).await?, "bytes 35-39/40", "56789")
    }

    /// A suffix range counts from the end.
    Should "http/9110/14.2/suffix" [Fixture] = async |peer| {
        part(&peer.get("/digits.txt", &["Range: bytes=-3"]).await?, "bytes 37-39/40", "789")
    }

    /// A suffix range longer than the file is all of it.
    Should "http/9110/14.2/long-suffix" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &["Range: bytes=-100"]).await?;
        check(response.body == DIGITS.as_bytes(), "all of it, as 200 or 206", response.brief())
    }

    /// A range that ends beyond the file is cut to it.
    Should "http/9110/14.2/clipped" [Fixture] = async |peer| {
        part(&peer.get("/digits.txt", &["Range: bytes=38-100"]).await?, "bytes 38-39/40", "89")
    }

    /// The name of the unit is read without regard to case.
    Robust "http/9110/14.1/unit-case" [Fixture] = async |peer| {
        part(&peer.get("/digits.txt", &["Range: Bytes=7-8"]).await?, "bytes 7-8/40", "78")
    }

    /// A range beyond the file is answered with 416.
    Should "http/9110/14.2/unsatisfiable" [Fixture] = async |peer| {
        digits(peer, &["Range: bytes=40-"], &[416]).await
    }

    /// Of several ranges, those that can be satisfied are sent.
    Should "http/9110/14.2/some-satisfiable" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &["Range: bytes=50-60,1-3"]).await?;
        part(&response, "bytes 1-3/40", "123")
    }

    /// A range unit that the server does not know is ignored.
    Must "http/9110/14.2/unknown-unit" [Fixture] = async |peer| {
        content(&peer.get("/digits.txt", &["Range: ropes=0-1"]).await?, DIGITS)
    }

    /// Range is ignored with HEAD, for which ranges are not defined.
    Must "http/9110/14.2/not-with-head" [Fixture] = async |peer| {
        status(&peer.ask("HEAD", "/digits.txt", &["Range: bytes=0-1"]).await?, &[200])
    }

    /// A range whose end is before its start is invalid, and never sent as 206.
    Robust "http/9110/14.2/invalid" [Fixture] = async |peer| {
        for range in ["bytes=5-2", "bytes=", "bytes=a-b", "bytes=--3", "bytes 0-1", "bytes=-"] {
            let response = peer.get("/digits.txt", &[&format!("Range: {range}")]).await?;
            let met = matches!(response.status, 200 | 400 | 416);
            check(met, format!("200 or 416 to {range}"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// Accept-Ranges may say that ranges are supported.
    May "http/9110/14.3/accept-ranges" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &[]).await?;
        status(&response, &[200])?;
        Ok(Outcome::Choice(if response.lists("accept-ranges", "bytes") { "says bytes" } else { "says nothing" }))
    }

    /// Content-Range has the complete length.
    Should "http/9110/14.4/complete-length" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &["Range: bytes=0-0"]).await?;
        status(&response, &[206])?;
        let range = field(&response, "content-range")?;
        check(range.ends_with("/40"), "a complete length of 40", range)
    }

    /// A 416 has a Content-Range with the present length.
    Should "http/9110/15.5.17/content-range" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &["Range: bytes=100-200"]).await?;
        status(&response, &[416])?;
        let range = field(&response, "content-range")?;
        check(range == "bytes */40", "bytes */40", range)
    }

    /// A 206 has the ETag and the other fields for caches that a 200 would have.
    Must "http/9110/15.3.7/fields-of-206" [Fixture] = async |peer| {
        let full = peer.get("/digits.txt", &[]).await?;
        let response = peer.get("/digits.txt", &["Range: bytes=0-1"]).await?;
        status(&response, &[206])?;
        field(&response, "date")?;
        for name in ["etag", "cache-control", "content-location", "expires", "vary"] {
            if let Some(value) = full.field(name) {
                check(response.field(name) == Some(value), format!("{name}: {value}"), response.brief())?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// A 206 to a request without If-Range has all fields of the representation that a 200 would have.
    Must "http/9110/15.3.7/representation-of-206" [Fixture] = async |peer| {
        let full = peer.get("/digits.txt", &[]).await?;
        let response = peer.get("/digits.txt", &["Range: bytes=0-1"]).await?;
        status(&response, &[206])?;
        for name in ["content-type", "content-encoding", "content-language", "last-modified"] {
            let same = response.field(name) == full.field(name);
            check(same, format!("{name} as in a 200"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A single part has a Content-Range that says which octets it is.
    Must "http/9110/15.3.7.1/content-range" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &["Range: bytes=10-14"]).await?;
        status(&response, &[206])?;
        let range = field(&response, "content-range")?;
        let said = range.strip_prefix("bytes ").and_then(|range| range.split_once('/')).map(|(said, _)| said);
        check(said == Some("10-14") && response.body == b"01234", "bytes 10-14/… and these octets", response.brief())
    }

    /// Several ranges are sent as parts of a multipart/byteranges response with a boundary.
    Must "http/9110/15.3.7.2/multipart" [Fixture] = async |peer| {
        let response = two_ranges!(peer);
        let contents: Vec<_> = parts(&response)?.into_iter().map(|(_, content)| content).collect();
        let all = contents.iter().any(|c| c == "123") && contents.iter().any(|c| c == "1234");
        check(all && contents.len() == 2, "the two parts asked for", response.brief())
    }

    /// The head of a multipart response has no Content-Range.
    Must "http/9110/15.3.7.2/no-content-range" [Fixture] = async |peer| {
        let response = two_ranges!(peer);
        status(&response, &[206])?;
        check(response.field("content-range").is_none(), "no Content-Range in the head", response.brief())
    }

    /// Each part has a Content-Range of its own.
    Must "http/9110/15.3.7.2/part-range" [Fixture] = async |peer| {
        let response = two_ranges!(peer);
        let heads: Vec<_> = parts(&response)?.into_iter().map(|(head, _)| head).collect();
        for range in ["content-range: bytes 1-3/8000", "content-range: bytes 7021-7024/8000"] {
            check(heads.iter().any(|head| head.contains(range)), range, response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// Each part has the Content-Type of the whole.
    Should "http/9110/15.3.7.2/part-type" [Fixture] = async |peer| {
        let response = two_ranges!(peer);
        let met = parts(&response)?.iter().all(|(head, _)| head.contains("content-type: text/plain"));
        check(met, "Content-Type: text/plain in each part", response.brief())
    }

    /// Parts come in the order in which they were asked for.
    Should "http/9110/15.3.7.2/part-order" [Fixture] = async |peer| {
        let response = two_ranges!(peer);
        let contents: Vec<_> = parts(&response)?.into_iter().map(|(_, content)| content).collect();
        check(contents == ["123", "1234"], "octets 1-3 before 7021-7024", response.brief())
    }

    /// A request for one range is never answered with parts.
    Must "http/9110/15.3.7.2/one-is-no-multipart" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &["Range: bytes=0-1"]).await?;
        status(&response, &[200, 206])?;
        let kind = response.field("content-type").unwrap_or_default();
        check(!kind.starts_with("multipart/"), "no multipart", response.brief())
    }

    /// Very many small ranges never make more octets than the file and its heads would.
    Robust "http/9110/17.15/many-ranges" [Fixture] = async |peer| {
        let ranges = vec!["0-"; 1000].join(",");
        let response = peer.get("/digits.txt", &[&format!("Range: bytes={ranges}")]).await?;
        check(response.body.len() < 4096, "fewer octets than 4096 for a file of 40", response.body.len())
    }

    /// A 206 to If-Range has no fields of the representation that the client has already.
    Should "http/9110/15.3.7/no-other-fields" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        let response = peer.get("/digits.txt", &["Range: bytes=2-4", &format!("If-Range: {etag}")]).await?;
        status(&response, &[206])?;
        for name in ["content-type", "content-language", "content-encoding", "last-modified"] {
            check(response.field(name).is_none(), format!("no {name}"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A suffix of no octets cannot be satisfied.
    Should "http/9110/14.1.2/suffix-of-none" [Fixture] = async |peer| {
        digits(peer, &["Range: bytes=-0"], &[416]).await
    }

    /// A range of a file without content is never sent as 206, unless it is a suffix.
    Should "http/9110/14.1.2/empty-file" [Fixture] = async |peer| {
        for range in ["bytes=0-0", "bytes=0-", "bytes=0-100"] {
            status(&peer.get("/empty.txt", &[&format!("Range: {range}")]).await?, &[200, 416])?;
        }
        Ok(Outcome::Pass)
    }

    /// Several ranges of which none can be satisfied are answered with 416.
    Should "http/9110/14.2/none-satisfiable" [Fixture] = async |peer| {
        digits(peer, &["Range: bytes=40-50,100-"], &[416]).await
    }

    /// Whitespace within a list of ranges is no part of them.
    Should "http/9110/14.2/whitespace" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &["Range: bytes= 1-3, 50-60"]).await?;
        part(&response, "bytes 1-3/40", "123")
    }

    /// Range is ignored with POST.
    Must "http/9110/14.2/not-with-post" [Echo] = async |peer| {
        let request = peer.request("POST", "/echo", &["Range: bytes=0-1", "Content-Length: 5"]) + "hello";
        content(&peer.exchange(request).await?, "hello")
    }

    /// Content-Range in a request for which it is not defined is ignored.
    Must "http/9110/14.4/ignored-with-get" [Fixture] = async |peer| {
        for range in ["bytes 0-1/40", "bytes */0", "rope"] {
            content(&peer.get("/digits.txt", &[&format!("Content-Range: {range}")]).await?, DIGITS)?;
        }
        Ok(Outcome::Pass)
    }
}
