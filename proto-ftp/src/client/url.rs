use std::fmt;
use std::str::FromStr;

use ropewalk_core::Error as Cause;

use super::{Error, Phase};

/// A URL of ftp or ftps (RFC 1738): `ftp://ann:secret@host:2121/pub/file`.
///
/// Its path begins where the login leads; `//` or `/%2F` behind the host begins at the root.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Url {
    /// `ftps`: TLS from the first octet on.
    pub secure: bool,
    /// Who logs in.
    pub user: Option<String>,
    /// And how that is proved.
    pub password: Option<String>,
    /// A name or an address, that without brackets.
    pub host: String,
    /// Where it is said.
    pub port: Option<u16>,
    /// What is meant there, without escapes; empty for where the login leads.
    pub path: Vec<u8>,
}

impl Url {
    /// The last name of the path, where there is one.
    pub fn name(&self) -> Option<&[u8]> {
        self.path.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty())
    }
}

impl FromStr for Url {
    type Err = Error;

    /// Reads a URL; what cannot stand in one, such as a space, stands for itself.
    ///
    /// # Errors
    /// [`Phase::Request`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |says: &'static str| Phase::Request.failed(Cause::local(says));
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("not a URL: it has no scheme"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "ftp" => false,
            "ftps" => true,
            _ => return Err(wrong("the URL is neither of ftp nor of ftps")),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, authority),
        };
        let (user, password) = match credentials.map(|it| it.split_once(':').ok_or(it)) {
            Some(Ok((user, password))) => (Some(user), Some(password)),
            Some(Err(user)) => (Some(user), None),
            None => (None, None),
        };
        let words = |escaped: &str| {
            String::from_utf8(decoded(escaped))
                .map_err(|_| wrong("the name or password in the URL is no text"))
        };
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':').or(rest.is_empty().then_some(""))),
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, Some("")),
            },
        };
        let port = match port.ok_or_else(|| wrong("the URL has no valid port"))? {
            "" => None,
            digits if digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(
                digits
                    .parse()
                    .ok()
                    .filter(|port| *port > 0)
                    .ok_or_else(|| wrong("the URL has no valid port"))?,
            ),
            _ => return Err(wrong("the URL has no valid port")),
        };
        if host.is_empty() || host.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(wrong("the URL has no host"));
        }
        let path = path.strip_suffix(";type=i").or(path.strip_suffix(";type=a")).unwrap_or(path);
        let path = decoded(path);
        if path.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(wrong("a path with a CR, a LF or a NUL cannot be said in FTP"));
        }
        Ok(Self {
            secure,
            user: user.map(words).transpose()?,
            password: password.map(words).transpose()?,
            host: host.to_ascii_lowercase(),
            port,
            path,
        })
    }
}

/// Percent-encoded octets as what they stand for.
fn decoded(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let two = after.get(..2).filter(|two| *first == b'%' && two.iter().all(u8::is_ascii_hexdigit));
        let octet = two.and_then(|two| u8::from_str_radix(str::from_utf8(two).ok()?, 16).ok());
        octets.push(octet.unwrap_or(*first));
        rest = octet.and_then(|_| after.get(2..)).unwrap_or(after);
    }
    octets
}

/// Without the name and password.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "ftps" } else { "ftp" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]", self.host)?,
            false => write!(f, "{scheme}://{}", self.host)?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str("/")?;
        for (at, byte) in self.path.iter().enumerate() {
            let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@/".contains(byte);
            match plain && !(at == 0 && *byte == b'/') {
                true => write!(f, "{}", char::from(*byte))?,
                false => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_parts_of_a_url() {
        let url: Url = "ftp://ann:s%40cret@EXAMPLE.org:2121/pub/a%20b".parse().unwrap();
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("ann"), Some("s@cret")));
        assert_eq!((url.host.as_str(), url.port, &*url.path), ("example.org", Some(2121), &b"pub/a b"[..]));
        assert_eq!(url.name(), Some(&b"a b"[..]));
        assert_eq!(url.to_string(), "ftp://example.org:2121/pub/a%20b");
        let url: Url = "ftps://[::1]//etc/%ff".parse().unwrap();
        assert_eq!(
            (url.secure, url.host.as_str(), url.port, &*url.path),
            (true, "::1", None, &b"/etc/\xff"[..])
        );
        assert_eq!(url.to_string(), "ftps://[::1]/%2Fetc/%FF");
        let url: Url = "ftp://h".parse().unwrap();
        assert_eq!((url.path.is_empty(), url.name(), &url.user), (true, None, &None));
        assert_eq!("ftp://h/a/".parse::<Url>().unwrap().name(), None);
    }

    #[test]
    fn what_is_none_is_refused() {
        for wrong in [
            "http://h/",
            "h/a",
            "ftp:///a",
            "ftp://h:0/",
            "ftp://h:65536/",
            "ftp://h:+1/",
            "ftp://[::1]x/",
            "ftp://h/a%0d%0aDELE%20b",
            "ftp://h/a%00",
            "ftp://%ff@h/",
        ] {
            assert_eq!(
                wrong.parse::<Url>().err().map(|error| error.phase()),
                Some(Phase::Request),
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(path in prop::collection::vec(1_u8.., 0..20), port: Option<u16>) {
            prop_assume!(!path.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
            let url = Url { secure: false, user: None, password: None, host: "h".into(), port: port.filter(|p| *p > 0), path };
            prop_assert_eq!(url.to_string().parse::<Url>().unwrap(), url);
        }
    }
}
