use std::borrow::Cow;

use http_body::Body as _;
use percent_encoding::percent_decode;

use super::{Bad, FormLimits, content_type, utf8};
use crate::server::{Failure, Request};

/// The fields of a form as `application/x-www-form-urlencoded`, in their order; a name may be there more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Urlencoded(Vec<(String, String)>);

impl Urlencoded {
    /// The form that is the content of a request.
    ///
    /// # Errors
    /// 415 where it says to be something else, 413 where it is over a limit, 400 where it is none; and what
    /// [`Body::chunk`](crate::Body::chunk) says.
    pub async fn read(request: Request, limits: &FormLimits) -> Result<Self, Failure> {
        utf8(&content_type(&request.headers, "application/x-www-form-urlencoded")?)?;
        if request.body.size_hint().lower() > limits.total {
            return Err(Bad::Total.into());
        }
        let most = usize::try_from(limits.total).unwrap_or(usize::MAX);
        let content = request.body.read(most).await?;
        Ok(Self::decode(&content, limits)?)
    }

    /// The form that a query is; `query` is what comes after the question mark.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of_query(query: &str, limits: &FormLimits) -> Result<Self, Failure> {
        if query.len() as u64 > limits.total {
            return Err(Bad::Total.into());
        }
        Ok(Self::decode(query.as_bytes(), limits)?)
    }

    /// The first value of this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// All values of this name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Decoded once: a plus is a space, and a percent sign stands before two digits. What is then no UTF-8 is refused, so
    /// that no two values that differ become the same.
    fn decode(content: &[u8], limits: &FormLimits) -> Result<Self, Bad> {
        let mut fields = Vec::new();
        for field in content.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
            if fields.len() == limits.fields {
                return Err(Bad::Fields);
            }
            let equals = memchr::memchr(b'=', field).unwrap_or(field.len());
            let (name, value) = field.split_at(equals);
            let (name, value) = (text(name)?, text(value.strip_prefix(b"=").unwrap_or_default())?);
            if name.len() > limits.name {
                return Err(Bad::Name);
            }
            if value.len() as u64 > limits.part {
                return Err(Bad::Size);
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }
}

fn text(encoded: &[u8]) -> Result<String, Bad> {
    let mut digits = 0;
    for byte in encoded {
        digits = match (digits, byte) {
            (0, b'%') => 2,
            (0, _) => 0,
            (left, byte) if byte.is_ascii_hexdigit() => left - 1,
            _ => return Err(Bad::Encoding),
        };
    }
    if digits > 0 {
        return Err(Bad::Encoding);
    }
    let spaced: Cow<'_, [u8]> = match memchr::memchr(b'+', encoded) {
        None => encoded.into(),
        Some(_) => encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect(),
    };
    String::from_utf8(percent_decode(&spaced).collect()).map_err(|_| Bad::Utf8)
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn decode(form: &str) -> Result<Vec<(String, String)>, Bad> {
        let limits = FormLimits { fields: 3, name: 4, part: 5, ..FormLimits::default() };
        Urlencoded::decode(form.as_bytes(), &limits).map(|form| form.0)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Result<Vec<(String, String)>, Bad> {
        Ok(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn is_decoded_once() {
        assert_eq!(decode(""), pairs(&[]));
        assert_eq!(decode("a=b&&c&a=%41+%2b"), pairs(&[("a", "b"), ("c", ""), ("a", "A +")]));
        assert_eq!(decode("=x&%c3%A9=%2541"), pairs(&[("", "x"), ("é", "%41")]));
        assert_eq!(decode("a=b=c"), pairs(&[("a", "b=c")]));
        let form = Urlencoded::of_query("a=1&b=2&a=3", &FormLimits::default()).unwrap();
        assert_eq!((form.value("a"), form.value("c")), (Some("1"), None));
        assert_eq!(form.values("a").collect::<Vec<_>>(), ["1", "3"]);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for (form, bad) in [
            ("a=%", Bad::Encoding),
            ("a=%4", Bad::Encoding),
            ("a=%4&b", Bad::Encoding),
            ("a=%zz", Bad::Encoding),
            ("a=%%41", Bad::Encoding),
            ("a=%ff", Bad::Utf8),
            ("%c3=%a9", Bad::Utf8),
            ("a&b&c&d", Bad::Fields),
            ("abcde=1", Bad::Name),
            ("a=123456", Bad::Size),
        ] {
            assert_eq!(decode(form), Err(bad), "{form}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(name in ".{0,20}", value in ".{0,20}") {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let form = format!("{}={}", encode(&name), encode(&value));
            let form = Urlencoded::of_query(&form, &FormLimits::default()).unwrap();
            prop_assert_eq!(form.iter().collect::<Vec<_>>(), vec![(&*name, &*value)]);
        }
    }
}
