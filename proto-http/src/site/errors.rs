use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use http::{StatusCode, header};
use ropewalk_core::data::files::VPath;
use ropewalk_core::{Error, Result};

use crate::server::{BoxHandler, Handler as _, Request, Response};

/// The statuses that an error page is for: one (`404`) or a class (`4xx`, `5xx`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(RangeInclusive<u16>);

impl FromStr for Statuses {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let range = match text {
            "4xx" => 400..=499,
            "5xx" => 500..=599,
            _ => {
                let one = text.parse().ok().filter(|one| text.len() == 3 && (400..=599).contains(one));
                let one = one.ok_or_else(|| {
                    Error::local(format!("{text:?}: an error is a status from 400 to 599, `4xx` or `5xx`"))
                })?;
                one..=one
            }
        };
        Ok(Self(range))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.start(), self.0.end()) {
            (start, end) if start == end => start.fmt(f),
            (start, _) => write!(f, "{}xx", start / 100),
        }
    }
}

/// The site's own pages for errors.
#[derive(Clone, Debug, Default)]
pub(super) struct ErrorPages(Vec<(Statuses, VPath)>);

impl ErrorPages {
    pub(super) fn add(&mut self, statuses: Statuses, path: VPath) {
        self.0.push((statuses, path));
        // One status before its class.
        self.0.sort_by_key(|(statuses, _)| statuses.0.len());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, status: StatusCode) -> Option<&VPath> {
        let status = status.as_u16();
        self.0.iter().find(|(statuses, _)| statuses.0.contains(&status)).map(|(_, path)| path)
    }

    /// Puts the page in place of the small one that this answer is, if there is one. A page that fails in its turn is
    /// told of in the log, and the small one stays.
    pub(super) async fn put(&self, small: Response, handler: &BoxHandler, mut asked: Request) -> Response {
        let status = small.status();
        let Some(path) = self.of(status) else { return small };
        (asked.path, asked.rest, asked.slash) = (path.clone(), path.clone(), false);
        let page = match handler.handle(asked).await {
            Ok(page) if page.status() == StatusCode::OK => page,
            _ => {
                tracing::warn!(%path, status = status.as_u16(), "there is no such error page");
                return small;
            }
        };
        let (small, _) = small.into_parts();
        let (mut head, body) = page.into_parts();
        head.status = status;
        // What is said of the page is not to be taken for what was asked for (RFC 9110 §8.8), nor kept as long.
        for name in [header::ETAG, header::LAST_MODIFIED, header::ACCEPT_RANGES, header::CACHE_CONTROL] {
            head.headers.remove(name);
        }
        for (name, value) in &small.headers {
            let is_of_content = [header::CONTENT_TYPE, header::CONTENT_SECURITY_POLICY].contains(name);
            if !is_of_content && *name != header::X_CONTENT_TYPE_OPTIONS {
                head.headers.append(name, value.clone());
            }
        }
        Response::from_parts(head, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_status_or_a_class() {
        for text in ["400", "404", "599", "4xx", "5xx"] {
            assert_eq!(text.parse::<Statuses>().unwrap().to_string(), text);
        }
        for text in ["", "200", "399", "600", "3xx", "4XX", "+404", "0404", "x"] {
            assert!(text.parse::<Statuses>().is_err(), "{text}");
        }
    }

    #[test]
    fn one_status_goes_before_its_class() {
        let path = |text: &str| {
            VPath::ROOT.join(&ropewalk_core::data::files::Name::new(text.to_owned()).unwrap()).unwrap()
        };
        let mut pages = ErrorPages::default();
        pages.add("4xx".parse().unwrap(), path("class"));
        pages.add("404".parse().unwrap(), path("one"));
        assert_eq!(pages.of(StatusCode::NOT_FOUND), Some(&path("one")));
        assert_eq!(pages.of(StatusCode::FORBIDDEN), Some(&path("class")));
        assert_eq!(pages.of(StatusCode::BAD_GATEWAY), None);
    }
}
