//! PATCH: a part of a file is written, so that an upload that was cut can go on.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body::Body as _;
use ropewalk_core::data::files::{Kind, Open, Write};

use super::Static;
use super::write::{Writer, conditions, measured, plain, receive, written};
use crate::dav::{Guard, Stop, View};
use crate::server::{Failure, Request, Response};

/// The format of a patch that is nothing but octets; where they go is in a field.
pub(super) const FORMAT: &str = "application/x-sabredav-partialupdate";

/// RFC 5789 §3.1.
pub(super) const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

impl Static {
    /// PATCH (RFC 5789), of which the content takes the place that `X-Update-Range` says: `append`, `bytes=N-` or
    /// `bytes=N-M`. It begins in the file, or at its end. It is no atomic change: what has come stays.
    pub(super) async fn patch(&self, mut request: Request) -> Result<Response, Stop> {
        let view = View::of(self, &request);
        let (path, headers) = (&view.path, &request.headers);
        // Programs that know no type say one of these, or none.
        let known = [FORMAT, "application/octet-stream", "application/x-www-form-urlencoded"];
        let is_known = |value: &HeaderValue| known.iter().any(|known| *value == known);
        if !headers.get_all(header::CONTENT_TYPE).iter().all(is_known) {
            let failure = Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            return Err(failure.with(ACCEPT_PATCH, HeaderValue::from_static(FORMAT)).into());
        }
        plain(headers)?;
        measured(&request)?;
        let place = Place::of(headers).ok_or_else(|| {
            Failure::bad_request().saying("X-Update-Range is `append`, `bytes=N-` or `bytes=N-M`.")
        })?;
        let there = self.files.stat(path, false).await.map_err(Stop::find)?;
        match there.kind {
            Kind::Dir => return Err(self.not_allowed(&view.path).into()),
            _ if view.slash => return Err(StatusCode::NOT_FOUND.into()),
            _ => {}
        }
        conditions(headers, Some(&there))?;
        let length = request.body.size_hint().exact();
        let offset = match place {
            Place::End => there.len,
            // What is between would be zeros that nobody sent.
            Place::At { first, .. } if first > there.len => {
                let failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE);
                let current = HeaderValue::try_from(format!("bytes */{}", there.len));
                let current = current.map_err(|_| Failure::bad_request())?;
                return Err(failure.with(header::CONTENT_RANGE, current).into());
            }
            Place::At { last: Some(last), first } if length != Some(last - first + 1) => {
                return Err(Failure::bad_request().into());
            }
            Place::At { first, .. } => first,
        };
        let guard = Guard::of(&view, headers).await?;
        let change = guard.content(&view, path).await?;
        let mut how = Open::write(Write::Update);
        how.append = matches!(place, Place::End);
        if headers.contains_key(header::IF_MATCH) {
            how.if_match = there.etag;
        }
        let file = self.files.open(path, &how).await.map_err(Stop::change)?;
        drop(change);
        let writer = Writer::new(&*file, offset).guarded((&guard, &view, path));
        receive(&mut request.body, writer).await?;
        let meta = file.commit().await.map_err(Stop::change)?;
        Ok(written(&meta, false))
    }
}

/// Where the content goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    End,
    At { first: u64, last: Option<u64> },
}

impl Place {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all("x-update-range").iter();
        let (field, None) = (fields.next()?, fields.next()) else { return None };
        let field = field.to_str().ok()?.trim_ascii();
        if field.eq_ignore_ascii_case("append") {
            return Some(Self::End);
        }
        let (first, last) = field.strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
        let first = number(first)?;
        let last = if last.is_empty() { None } else { Some(number(last)?) };
        last.is_none_or(|last: u64| last >= first && last < u64::MAX).then_some(Self::At { first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_end_or_a_first_octet() {
        let of = |text: &'static str| {
            Place::of(&HeaderMap::from_iter([(
                "x-update-range".parse().unwrap(),
                HeaderValue::from_static(text),
            )]))
        };
        assert_eq!(of("append"), Some(Place::End));
        assert_eq!(of("bytes=5-"), Some(Place::At { first: 5, last: None }));
        assert_eq!(of("bytes=5-5"), Some(Place::At { first: 5, last: Some(5) }));
        for bad in
            ["", "bytes=-5", "bytes=6-5", "bytes=+1-2", "bytes=1-2,4-5", "5-", "bytes=18446744073709551616-"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(of("bytes=0-18446744073709551615"), None);
        assert_eq!(Place::of(&HeaderMap::new()), None);
    }
}
