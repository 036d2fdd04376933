//! What a peer says to prove who it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use ropewalk_core::data::cred::Credential;
use zeroize::Zeroizing;

use super::Scheme;

/// The credentials in an `Authorization` field. Wiped when dropped; there is no `Debug`.
pub(super) enum Said {
    /// User and password, with the first colon between them (RFC 7617 §2).
    Basic {
        both: Zeroizing<Vec<u8>>,
        colon: usize,
    },
    Bearer(Zeroizing<Vec<u8>>),
}

impl Said {
    /// None where it is of no scheme that is known here, or is not written as its scheme wants.
    pub(super) fn parse(field: &HeaderValue) -> Option<Self> {
        let field = field.as_bytes();
        let space = field.iter().position(|byte| *byte == b' ')?;
        let (scheme, rest) = field.split_at_checked(space)?;
        let token = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case(b"basic") {
            let both = Zeroizing::new(STANDARD.decode(token).ok()?);
            // RFC 7617 §2: neither has control characters.
            let is_text = !both.iter().any(u8::is_ascii_control);
            let colon = both.iter().position(|byte| *byte == b':').filter(|_| is_text)?;
            return Some(Self::Basic { both, colon });
        }
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return is_token(token).then(|| Self::Bearer(Zeroizing::new(token.to_vec())));
        }
        None
    }

    pub(super) fn scheme(&self) -> Scheme {
        match self {
            Self::Basic { .. } => Scheme::Basic,
            Self::Bearer(_) => Scheme::Bearer,
        }
    }

    /// As the credential that authenticators know.
    pub(super) fn credential(&self) -> Credential<'_> {
        match self {
            Self::Basic { both, colon } => {
                let (user, password) = both.split_at_checked(*colon).unwrap_or_default();
                // A name in another encoding is nobody's, and is refused as slowly as any.
                let user = std::str::from_utf8(user).unwrap_or_default();
                Credential::Password { user, password: password.get(1..).unwrap_or_default() }
            }
            Self::Bearer(token) => Credential::Token { token },
        }
    }
}

/// `b64token` (RFC 6750 §2.1).
fn is_token(token: &[u8]) -> bool {
    let end = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let (token, _) = token.split_at_checked(end).unwrap_or_default();
    !token.is_empty() && token.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(field: &str) -> Option<(String, Vec<u8>)> {
        match Said::parse(&HeaderValue::try_from(field).ok()?)?.credential() {
            Credential::Password { user, password } => Some((user.to_owned(), password.to_vec())),
            Credential::Token { token } => Some(("(token)".to_owned(), token.to_vec())),
            _ => None,
        }
    }

    #[test]
    fn a_name_ends_at_the_first_colon() {
        let basic = |text: &str| parse(&format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(basic("ann:sword:fish"), Some(("ann".into(), b"sword:fish".to_vec())));
        assert_eq!(basic("jürgen:ß"), Some(("jürgen".into(), "ß".into())));
        assert_eq!(basic(":"), Some((String::new(), Vec::new())));
        assert_eq!(basic("ann"), None);
        assert_eq!(basic("ann:sword\nfish"), None);
    }

    #[test]
    fn a_scheme_has_no_case_and_all_else_is_none_of_ours() {
        assert!(parse("bAsIc YTpi").is_some() && parse("BEARER abc==").is_some());
        for field in [
            "",
            "Basic",
            "Basic ",
            "YTpi",
            "Basic !",
            "Basic YTpi=",
            "Basic YTp",
            "Bearer a b",
            "Bearer a=b",
            "Bearer =",
            "Digest username=\"a\"",
            "BasicYTpi",
        ] {
            assert_eq!(parse(field), None, "{field}");
        }
    }

    proptest! {
        #[test]
        fn any_login_comes_back(user in "[^:\\pC]{0,20}", password in "[^\\pC]{0,20}") {
            let field = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            prop_assert_eq!(parse(&field), Some((user, password.into_bytes())));
        }

        #[test]
        fn no_field_panics(field in "(basic|bearer)? ?[ -~]{0,30}") {
            parse(&field);
        }
    }
}
