//! A word with parameters behind it: `form-data; name="x"`.

/// A media type or a disposition, with its parameters. None of them is there twice.
#[derive(Debug, PartialEq)]
pub(super) struct Typed {
    pub(super) word: String,
    params: Vec<(String, Vec<u8>)>,
}

impl Typed {
    /// RFC 9110 §5.6.6, with one concession: a backslash in a quoted string counts only before a quote or another one,
    /// for there are clients that send the paths of Windows as they are.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let (word, mut rest) = until(value, |byte| byte == b';');
        let word = String::from_utf8(word.trim_ascii().to_vec()).ok().filter(|word| !word.is_empty())?;
        let mut params: Vec<(String, Vec<u8>)> = Vec::new();
        while let Some(after) = rest.strip_prefix(b";") {
            let after = after.trim_ascii_start();
            if after.is_empty() || after.starts_with(b";") {
                rest = after;
                continue;
            }
            let (name, after) = until(after, |byte| !is_token(byte));
            let name = String::from_utf8(name.to_ascii_lowercase()).ok().filter(|name| !name.is_empty())?;
            let after = after.strip_prefix(b"=")?;
            let (value, after) = match after.strip_prefix(b"\"") {
                Some(quoted) => unquote(quoted)?,
                None => {
                    let (value, after) = until(after, |byte| !is_token(byte));
                    (Some(value.to_vec()).filter(|value| !value.is_empty())?, after)
                }
            };
            if params.iter().any(|(known, _)| *known == name) {
                return None;
            }
            params.push((name, value));
            rest = after.trim_ascii_start();
        }
        rest.is_empty().then_some(Self { word, params })
    }

    /// The value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<&[u8]> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// What comes before the first byte that is one of those, and the rest.
fn until(bytes: &[u8], stop: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| stop(*byte)).unwrap_or(bytes.len());
    bytes.split_at(end)
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The value of a string whose opening quote is gone, and what comes after its closing one.
fn unquote(quoted: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut rest = quoted;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some((value, after)),
            [b'\\', escaped @ (b'"' | b'\\'), after @ ..] => {
                value.push(*escaped);
                after
            }
            [byte, after @ ..] => {
                value.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(value: &str) -> Option<Vec<(String, String)>> {
        let Typed { params, .. } = Typed::parse(value.as_bytes())?;
        Some(params.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn parameters_are_read() {
        assert_eq!(params("a/b"), pairs(&[]));
        assert_eq!(params("a/b ;; X=y ; z=\"\";"), pairs(&[("x", "y"), ("z", "")]));
        assert_eq!(params(r#"f; a="b\"c\\d;e\f"; n=1"#), pairs(&[("a", r#"b"c\d;e\f"#), ("n", "1")]));
        assert_eq!(params(r#"f; filename="C:\dir\x.txt""#), pairs(&[("filename", r"C:\dir\x.txt")]));
        assert_eq!(params("f; a=é"), None);
        assert_eq!(params("f; a=\"é\""), pairs(&[("a", "é")]));
    }

    #[test]
    fn what_two_programs_read_in_two_ways_is_refused() {
        for value in ["", ";a=b", "f; a", "f; a=", "f; =b", "f; a=b c", "f; a=\"b", "f; a=b; A=c", "f; a =b"]
        {
            assert_eq!(params(value), None, "{value}");
        }
    }
}
