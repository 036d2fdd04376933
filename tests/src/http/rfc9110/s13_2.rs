//! RFC 9110 §13.2.2: the order of preconditions.

use super::{AFTER, BEFORE, digits, etag, modified, part, strong_etag};
use crate::case::cases;
use crate::http::expect::{content, status};
use crate::http::fixture::DIGITS;

const OTHER: &str = "\"no-such-tag\"";

cases! {
    /// If-Unmodified-Since is evaluated before If-None-Match.
    Must "http/9110/13.2.2/unmodified-before-none-match" [Fixture] = async |peer| {
        let etag = etag!(peer);
        modified!(peer);
        let fields = [format!("If-Unmodified-Since: {BEFORE}"), format!("If-None-Match: {etag}")];
        digits(peer, &fields.each_ref().map(String::as_str), &[412]).await
    }

    /// If-Unmodified-Since is evaluated before If-Modified-Since.
    Must "http/9110/13.2.2/unmodified-before-modified" [Fixture] = async |peer| {
        modified!(peer);
        let fields = [format!("If-Modified-Since: {AFTER}"), format!("If-Unmodified-Since: {BEFORE}")];
        digits(peer, &fields.each_ref().map(String::as_str), &[412]).await
    }

    /// If-Match is evaluated before If-Modified-Since.
    Must "http/9110/13.2.2/match-before-modified" [Fixture] = async |peer| {
        etag!(peer);
        digits(peer, &[&format!("If-Modified-Since: {AFTER}"), &format!("If-Match: {OTHER}")], &[412]).await
    }

    /// Where If-Match is met, If-None-Match is evaluated.
    Must "http/9110/13.2.2/none-match-after-match" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        digits(peer, &[&format!("If-Match: {etag}"), &format!("If-None-Match: {etag}")], &[304]).await
    }

    /// Where If-Match is met, If-Modified-Since is evaluated.
    Must "http/9110/13.2.2/modified-after-match" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        let modified = modified!(peer);
        digits(peer, &[&format!("If-Match: {etag}"), &format!("If-Modified-Since: {modified}")], &[304]).await
    }

    /// Where If-Unmodified-Since is met, If-None-Match is evaluated.
    Must "http/9110/13.2.2/none-match-after-unmodified" [Fixture] = async |peer| {
        let etag = etag!(peer);
        let modified = modified!(peer);
        digits(peer, &[&format!("If-Unmodified-Since: {modified}"), &format!("If-None-Match: {etag}")], &[304]).await
    }

    /// Where If-Unmodified-Since is met, If-Modified-Since is evaluated.
    Must "http/9110/13.2.2/modified-after-unmodified" [Fixture] = async |peer| {
        let modified = modified!(peer);
        let fields = [format!("If-Unmodified-Since: {modified}"), format!("If-Modified-Since: {modified}")];
        digits(peer, &fields.each_ref().map(String::as_str), &[304]).await
    }

    /// Where If-None-Match matches, If-Modified-Since does not bring the file back.
    Must "http/9110/13.2.2/none-match-decides" [Fixture] = async |peer| {
        let etag = etag!(peer);
        digits(peer, &[&format!("If-None-Match: {etag}"), &format!("If-Modified-Since: {BEFORE}")], &[304]).await
    }

    /// If-Match is evaluated before Range.
    Must "http/9110/13.2.2/match-before-range" [Fixture] = async |peer| {
        etag!(peer);
        digits(peer, &["Range: bytes=0-1", &format!("If-Match: {OTHER}")], &[412]).await
    }

    /// If-Unmodified-Since is evaluated before Range.
    Must "http/9110/13.2.2/unmodified-before-range" [Fixture] = async |peer| {
        modified!(peer);
        digits(peer, &["Range: bytes=0-1", &format!("If-Unmodified-Since: {BEFORE}")], &[412]).await
    }

    /// If-Modified-Since is evaluated before Range.
    Must "http/9110/13.2.2/modified-before-range" [Fixture] = async |peer| {
        let modified = modified!(peer);
        digits(peer, &["Range: bytes=0-1", &format!("If-Modified-Since: {modified}")], &[304]).await
    }

    /// Where If-Match is met, Range is heeded.
    Should "http/9110/13.2.2/range-after-match" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        let response = peer.get("/digits.txt", &["Range: bytes=2-4", &format!("If-Match: {etag}")]).await?;
        part(&response, "bytes 2-4/40", "234")
    }

    /// Where If-None-Match is met, Range is heeded.
    Should "http/9110/13.2.2/range-after-none-match" [Fixture] = async |peer| {
        let response = peer.get("/digits.txt", &["Range: bytes=2-4", &format!("If-None-Match: {OTHER}")]).await?;
        part(&response, "bytes 2-4/40", "234")
    }

    /// A range that cannot be satisfied does not hide that If-Match fails.
    Must "http/9110/13.2.2/match-before-416" [Fixture] = async |peer| {
        etag!(peer);
        digits(peer, &["Range: bytes=100-", &format!("If-Match: {OTHER}")], &[412]).await
    }

    /// If-None-Match is evaluated before If-Range.
    Must "http/9110/13.2.2/none-match-before-if-range" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        let fields = [format!("If-None-Match: {etag}"), format!("If-Range: {etag}"), "Range: bytes=2-4".into()];
        digits(peer, &fields.each_ref().map(String::as_str), &[304]).await
    }

    /// If-Match is evaluated before If-Range.
    Must "http/9110/13.2.2/match-before-if-range" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        let fields = [format!("If-Match: {OTHER}"), format!("If-Range: {etag}"), "Range: bytes=2-4".into()];
        digits(peer, &fields.each_ref().map(String::as_str), &[412]).await
    }

    /// Where If-Match is met and If-Range is not, the whole is sent.
    Must "http/9110/13.2.2/if-range-after-match" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        let fields = [format!("If-Match: {etag}"), format!("If-Range: {OTHER}"), "Range: bytes=2-4".into()];
        content(&peer.get("/digits.txt", &fields.each_ref().map(String::as_str)).await?, DIGITS)
    }

    /// HEAD is answered with 412 where If-Match fails.
    Must "http/9110/13.1.1/head-412" [Fixture] = async |peer| {
        etag!(peer);
        status(&peer.ask("HEAD", "/digits.txt", &[&format!("If-Match: {OTHER}")]).await?, &[412])
    }

    /// A list over several lines of If-Match is one list.
    Must "http/9110/13.1.1/lines" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        digits(peer, &[&format!("If-Match: {OTHER}"), &format!("If-Match: {etag}")], &[200]).await
    }

    /// A comma within a tag does not divide the list.
    Must "http/9110/13.1.2/comma-in-tag" [Fixture] = async |peer| {
        let etag = strong_etag!(peer);
        let inner = etag.trim_matches('"');
        digits(peer, &[&format!("If-None-Match: \"a,{inner},b\", \",{inner}\"")], &[200]).await?;
        digits(peer, &[&format!("If-None-Match: \"a,b\", {etag}")], &[304]).await
    }

    /// HEAD is answered with 304 where the file has not changed since If-Modified-Since.
    Should "http/9110/13.1.3/head-304" [Fixture] = async |peer| {
        let modified = modified!(peer);
        status(&peer.ask("HEAD", "/digits.txt", &[&format!("If-Modified-Since: {modified}")]).await?, &[304])
    }

    /// If-Modified-Since is ignored where the resource has no date.
    Must "http/9110/13.1.3/no-date" [Echo] = async |peer| {
        status(&peer.get("/echo", &[&format!("If-Modified-Since: {AFTER}")]).await?, &[200])
    }

    /// If-Unmodified-Since is ignored where the resource has no date.
    Must "http/9110/13.1.4/no-date" [Echo] = async |peer| {
        status(&peer.get("/echo", &[&format!("If-Unmodified-Since: {BEFORE}")]).await?, &[200])
    }

    /// A request is carried out where the file has not changed since a date later than its own.
    Must "http/9110/13.1.4/later-date" [Fixture] = async |peer| {
        modified!(peer);
        digits(peer, &[&format!("If-Unmodified-Since: {AFTER}")], &[200]).await
    }

    /// The whole is sent where If-Range is neither a tag nor a date.
    Must "http/9110/13.1.5/neither" [Fixture] = async |peer| {
        for validator in ["yesterday", "no-such-tag", "*"] {
            let fields = ["Range: bytes=2-4", &format!("If-Range: {validator}")];
            content(&peer.get("/digits.txt", &fields).await?, DIGITS)?;
        }
        Ok(crate::Outcome::Pass)
    }
}
