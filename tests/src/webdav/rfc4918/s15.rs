//! RFC 4918 §15: the properties that every server knows.

use crate::case::{Verdict, check};
use crate::http::expect::status;
use crate::webdav::client::{Dav, keeping, setting};
use crate::webdav::dav_cases;
use crate::{Outcome, Reason};

/// A property has the value of the field of GET, where there is one.
async fn like_get(dav: &mut Dav<'_>, prop: &str, field: &'static str) -> Verdict {
    dav.put("a.txt", "a").await?;
    let response = dav.ask("GET", "a.txt", &[], "").await?;
    status(&response, &[200])?;
    let Some(value) = response.field(field) else { return Ok(Outcome::Skip(Reason::Unsupported(field))) };
    let found = dav.live("a.txt", prop).await?.map(|it| it.text());
    check(found.as_deref() == Some(value), format!("{value:?} for {prop}"), format!("{found:?}"))
}

/// Two digits at each of these places of a text are in this range.
fn within(text: &str, at: usize, low: u32, high: u32) -> bool {
    let digits = text.get(at..at + 2).filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()));
    digits.and_then(|digits| digits.parse::<u32>().ok()).is_some_and(|number| (low..=high).contains(&number))
}

/// A `date-time` of RFC 3339: a date, a time and its offset.
fn is_date_time(text: &str) -> bool {
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    let whole = marks
        .iter()
        .all(|(at, mark)| text.get(*at..at + 1).is_some_and(|char| char.eq_ignore_ascii_case(mark)))
        && within(text, 0, 0, 99)
        && within(text, 2, 0, 99)
        && within(text, 5, 1, 12)
        && within(text, 8, 1, 31)
        && within(text, 11, 0, 23)
        && within(text, 14, 0, 59)
        && within(text, 17, 0, 60);
    let rest = text.get(19..).unwrap_or_default();
    let zone = rest
        .strip_prefix('.')
        .map_or(rest, |rest| rest.trim_start_matches(|char: char| char.is_ascii_digit()));
    let offset = matches!(zone.as_bytes(), [b'+' | b'-', _, _, b':', _, _])
        && within(zone, 1, 0, 23)
        && within(zone, 4, 0, 59);
    whole && rest != "." && (zone.eq_ignore_ascii_case("z") || offset)
}

dav_cases! {
    /// creationdate is a time of RFC 3339.
    Must "webdav/4918/15.1/date-time" = async |dav| {
        dav.put("a.txt", "a").await?;
        let Some(date) = dav.live("a.txt", "creationdate").await? else {
            return Ok(Outcome::Skip(Reason::Unsupported("creationdate")));
        };
        check(is_date_time(&date.text()), "a time of RFC 3339", date.text())
    }

    /// getcontentlength is the Content-Length of GET.
    Must "webdav/4918/15.4/getcontentlength" = async |dav| {
        like_get(dav, "getcontentlength", "content-length").await
    }

    /// getcontenttype is the Content-Type of GET.
    Must "webdav/4918/15.5/getcontenttype" = async |dav| {
        like_get(dav, "getcontenttype", "content-type").await
    }

    /// getetag is the ETag of GET.
    Must "webdav/4918/15.6/getetag" = async |dav| {
        like_get(dav, "getetag", "etag").await
    }

    /// getlastmodified is the Last-Modified of GET.
    Must "webdav/4918/15.7/getlastmodified" = async |dav| {
        like_get(dav, "getlastmodified", "last-modified").await
    }

    /// getcontentlanguage is the Content-Language of GET.
    Must "webdav/4918/15.3/getcontentlanguage" = async |dav| {
        dav.put("a.txt", "a").await?;
        dav.patch("a.txt", &setting("<D:getcontentlanguage>de</D:getcontentlanguage>")).await?;
        let response = dav.ask("GET", "a.txt", &[], "").await?;
        let Some(value) = response.field("content-language") else {
            return Ok(Outcome::Skip(Reason::Unsupported("Content-Language")));
        };
        let found = dav.live("a.txt", "getcontentlanguage").await?.map(|it| it.text());
        check(found.as_deref() == Some(value), format!("{value:?}"), format!("{found:?}"))
    }

    /// resourcetype is there, and holds no text.
    Must "webdav/4918/15.9/resourcetype" = async |dav| {
        dav.put("a.txt", "a").await?;
        for name in ["", "a.txt"] {
            let found = dav.live(name, "resourcetype").await?;
            let met = found.as_ref().is_some_and(|it| it.text().trim().is_empty());
            check(met, "resourcetype without text", found.map_or("none".into(), |it| it.write()))?;
        }
        Ok(Outcome::Pass)
    }

    /// The properties of a file follow its content.
    Must "webdav/4918/15/follow-content" = async |dav| {
        dav.put("a.txt", "a").await?;
        let before = dav.live("a.txt", "getetag").await?.map(|it| it.text());
        dav.put("a.txt", "longer").await?;
        let length = dav.live("a.txt", "getcontentlength").await?.map(|it| it.text());
        let after = dav.live("a.txt", "getetag").await?.map(|it| it.text());
        check(length.as_deref() == Some("6"), "6 for getcontentlength", format!("{length:?}"))?;
        check(before.is_none() || before != after, "another getetag", format!("{after:?}"))
    }

    /// displayname goes along with a copy, and with what is moved.
    Should "webdav/4918/15.2/copied" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        if !dav.set("a.txt", "<D:displayname>Name</D:displayname>").await? {
            return Ok(Outcome::Skip(Reason::Unsupported("setting displayname")));
        }
        dav.transfer("COPY", "a.txt", "b.txt", &[]).await?;
        dav.transfer("MOVE", "a.txt", "c.txt", &[]).await?;
        for name in ["b.txt", "c.txt"] {
            let found = dav.live(name, "displayname").await?.map(|it| it.text());
            check(
                found.as_deref() == Some("Name"),
                format!("the displayname of {name}"),
                format!("{found:?}"),
            )?;
        }
        Ok(Outcome::Pass)
    }

    /// getcontenttype goes along with a copy, and with what is moved.
    Should "webdav/4918/15.5/copied" = async |dav| {
        dav.put("a.txt", "a").await?;
        let Some(before) = dav.live("a.txt", "getcontenttype").await? else {
            return Ok(Outcome::Skip(Reason::Unsupported("getcontenttype")));
        };
        dav.transfer("COPY", "a.txt", "b.txt", &[]).await?;
        dav.transfer("MOVE", "a.txt", "c.txt", &[]).await?;
        for name in ["b.txt", "c.txt"] {
            let found = dav.live(name, "getcontenttype").await?.map(|it| it.text());
            check(
                found == Some(before.text()),
                format!("{} for {name}", before.text()),
                format!("{found:?}"),
            )?;
        }
        Ok(Outcome::Pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_rfc_3339_are_known() {
        for time in [
            "1997-12-01T17:42:21-08:00",
            "2026-11-21T22:00:00Z",
            "2026-02-03T04:05:06.789Z",
            "2026-02-03t04:05:60+00:00",
        ] {
            assert!(is_date_time(time), "{time}");
        }
        for time in [
            "",
            "1997-12-01",
            "1997-12-01T17:42:21",
            "1997-13-01T17:42:21Z",
            "Mon, 12 Jan 1998 09:25:56 GMT",
            "1997-12-01 17:42:21Z",
        ] {
            assert!(!is_date_time(time), "{time}");
        }
    }
}
