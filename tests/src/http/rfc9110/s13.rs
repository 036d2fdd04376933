//! RFC 9110 §13: conditional requests.

use super::{AFTER, BEFORE, digits, etag, modified, strong_etag};
use crate::case::cases;
use crate::http::expect::status;

/// The tag as a weak one.
fn weak(etag: &str) -> String {
    if etag.starts_with("W/") { etag.into() } else { format!("W/{etag}") }
}

cases! {
    /// A request is not carried out where If-Match names no tag of the file's.
    Must "http/9110/13.1.1/no-match" [Fixture] = async |peer| {
        etag!(peer);
        digits(peer, &["If-Match: \"no-such-tag\""], &[412]).await
    }

    /// A request is carried out where If-Match names the file's strong tag.
    Must "http/9110/13.1.1/match" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        digits(peer, &[&format!("If-Match: {etag}")], &[200]).await
    }

    /// If-Match is compared strongly: a weak tag never matches.
    Must "http/9110/13.1.1/strong-comparison" [Fixture] = async |peer| {
        let etag = weak(&etag!(peer));
        digits(peer, &[&format!("If-Match: {etag}")], &[412]).await
    }

    /// If-Match is met where any member of its list matches.
    Must "http/9110/13.1.1/list" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        digits(peer, &[&format!("If-Match: \"a\", {etag}, \"b\"")], &[200]).await
    }

    /// If-Match with `*` is met by any file that exists.
    Must "http/9110/13.1.1/star" [Fixture] = async |peer| {
        digits(peer, &["If-Match: *"], &[200]).await
    }

    /// GET is answered with 304 where If-None-Match names the file's tag.
    Must "http/9110/13.1.2/get-304" [Fixture] = async |peer| {
        let etag = etag!(peer);
        digits(peer, &[&format!("If-None-Match: {etag}")], &[304]).await
    }

    /// HEAD is answered with 304 where If-None-Match names the file's tag.
    Must "http/9110/13.1.2/head-304" [Fixture] = async |peer| {
        let etag = etag!(peer);
        status(&peer.ask("HEAD", "/digits.txt", &[&format!("If-None-Match: {etag}")]).await?, &[304])
    }

    /// If-None-Match is compared weakly: a weak tag matches the strong one.
    Must "http/9110/13.1.2/weak-comparison" [Fixture] = async |peer| {
        let etag = weak(&etag!(peer));
        digits(peer, &[&format!("If-None-Match: {etag}")], &[304]).await
    }

    /// If-None-Match fails where any member of its list matches.
    Must "http/9110/13.1.2/list" [Fixture] = async |peer| {
        let etag = etag!(peer);
        digits(peer, &[&format!("If-None-Match: \"a\", {etag}, W/\"b\"")], &[304]).await
    }

    /// A list over several lines of If-None-Match is one list.
    Must "http/9110/13.1.2/lines" [Fixture] = async |peer| {
        let etag = etag!(peer);
        digits(peer, &["If-None-Match: \"a\"", &format!("If-None-Match: {etag}")], &[304]).await
    }

    /// If-None-Match with `*` fails for any file that exists.
    Must "http/9110/13.1.2/star" [Fixture] = async |peer| {
        digits(peer, &["If-None-Match: *"], &[304]).await
    }

    /// A file is sent where If-None-Match names no tag of its.
    Must "http/9110/13.1.2/no-match" [Fixture] = async |peer| {
        digits(peer, &["If-None-Match: \"no-such-tag\""], &[200]).await
    }

    /// If-Modified-Since is ignored beside If-None-Match.
    Must "http/9110/13.1.3/ignored-beside-etag" [Fixture] = async |peer| {
        let modified = modified!(peer);
        let since = format!("If-Modified-Since: {modified}");
        digits(peer, &["If-None-Match: \"no-such-tag\"", &since], &[200]).await
    }

    /// If-Modified-Since is ignored where it is no date.
    Must "http/9110/13.1.3/invalid-date" [Fixture] = async |peer| {
        digits(peer, &["If-Modified-Since: yesterday"], &[200]).await
    }

    /// If-Modified-Since is ignored where it has two dates.
    Must "http/9110/13.1.3/two-dates" [Fixture] = async |peer| {
        let modified = modified!(peer);
        digits(peer, &[&format!("If-Modified-Since: {modified}, {modified}")], &[200]).await
    }

    /// A file that has not changed since its own date is answered with 304.
    Should "http/9110/13.1.3/same-date" [Fixture] = async |peer| {
        let modified = modified!(peer);
        digits(peer, &[&format!("If-Modified-Since: {modified}")], &[304]).await
    }

    /// A file that has not changed since a later date is answered with 304.
    Should "http/9110/13.1.3/later-date" [Fixture] = async |peer| {
        modified!(peer);
        digits(peer, &[&format!("If-Modified-Since: {AFTER}")], &[304]).await
    }

    /// A file that has changed since the date is sent.
    Should "http/9110/13.1.3/earlier-date" [Fixture] = async |peer| {
        digits(peer, &[&format!("If-Modified-Since: {BEFORE}")], &[200]).await
    }

    /// A request is not carried out where the file has changed since If-Unmodified-Since.
    Must "http/9110/13.1.4/modified" [Fixture] = async |peer| {
        modified!(peer);
        digits(peer, &[&format!("If-Unmodified-Since: {BEFORE}")], &[412]).await
    }

    /// A request is carried out where the file has not changed since If-Unmodified-Since.
    Must "http/9110/13.1.4/unmodified" [Fixture] = async |peer| {
        let modified = modified!(peer);
        digits(peer, &[&format!("If-Unmodified-Since: {modified}")], &[200]).await
    }

    /// If-Unmodified-Since is ignored where it is no date.
    Must "http/9110/13.1.4/invalid-date" [Fixture] = async |peer| {
        digits(peer, &["If-Unmodified-Since: 2000-01-01"], &[200]).await
    }

    /// If-Unmodified-Since is ignored beside If-Match.
    Must "http/9110/13.1.4/ignored-beside-etag" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        let fields = [format!("If-Match: {etag}"), format!("If-Unmodified-Since: {BEFORE}")];
        digits(peer, &fields.each_ref().map(String::as_str), &[200]).await
    }

    /// Preconditions are ignored where the answer without them is an error.
    Must "http/9110/13.2.1/ignored-on-errors" [Fixture] = async |peer| {
        for field in ["If-None-Match: *", "If-Match: \"a\"", "If-Match: *"] {
            status(&peer.get("/missing", &[field]).await?, &[404])?;
        }
        Ok(crate::Outcome::Pass)
    }

    /// Preconditions are ignored with OPTIONS, which selects no representation.
    Must "http/9110/13.2.1/ignored-with-options" [Fixture] = async |peer| {
        let plain = peer.ask("OPTIONS", "/hello.txt", &[]).await?;
        let conditional = peer.ask("OPTIONS", "/hello.txt", &["If-Match: \"no-such-tag\""]).await?;
        status(&conditional, &[plain.status])
    }

    /// If-Match is evaluated before If-None-Match.
    Must "http/9110/13.2.2/if-match-first" [Fixture] = async |peer| {
        let etag = etag!(peer);
        digits(peer, &["If-Match: \"no-such-tag\"", &format!("If-None-Match: {etag}")], &[412]).await
    }

    /// If-None-Match is evaluated before Range.
    Must "http/9110/13.2.2/range-last" [Fixture] = async |peer| {
        let etag = etag!(peer);
        digits(peer, &["Range: bytes=0-1", &format!("If-None-Match: {etag}")], &[304]).await
    }
}
