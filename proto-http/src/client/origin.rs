use std::fmt;

use http::Uri;
use ropewalk_core::Error as Cause;

/// A scheme, a host and a port (RFC 9110 §4.3.1): what connections and credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// Whether the scheme is https.
    pub(crate) secure: bool,
    /// In lower case; an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    pub(crate) fn of(uri: &Uri) -> Result<Self, Cause> {
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(other) => return Err(Cause::local(format!("{other}: is neither http: nor https:"))),
            None => return Err(Cause::local("the URL does not begin with http:// or https://")),
        };
        let host =
            uri.host().filter(|host| !host.is_empty()).ok_or_else(|| Cause::local("the URL has no host"))?;
        let written =
            uri.authority().and_then(|it| it.as_str().rsplit_once(host)).map_or("", |(_, port)| port);
        let port = match (written, secure) {
            ("" | ":", false) => 80,
            ("" | ":", true) => 443,
            // The type leaves a number that is no port unsaid.
            _ => uri.port_u16().ok_or_else(|| Cause::local("the URL has no valid port"))?,
        };
        if port == 0 {
            return Err(Cause::local("nothing can be connected to on port 0"));
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Ok(Self { secure, host: bare.to_ascii_lowercase(), port })
    }

    /// Host and port, as CONNECT wants it.
    pub(crate) fn host_port(&self) -> String {
        format!("{}:{}", Bracketed(&self.host), self.port)
    }

    /// The value of `Host`, without the port that the scheme implies.
    pub(crate) fn authority(&self) -> String {
        match (self.secure, self.port) {
            (false, 80) | (true, 443) => Bracketed(&self.host).to_string(),
            _ => self.host_port(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str) -> Result<Origin, Cause> {
        Origin::of(&uri.parse().unwrap())
    }

    #[test]
    fn case_and_the_implied_port_make_no_difference() {
        assert_eq!(of("http://EXAMPLE.org/a").unwrap(), of("http://example.org:80/b").unwrap());
        assert_eq!(of("http://a:b@example.org:/").unwrap().port, 80);
        assert_eq!(of("https://x.example:443").unwrap().to_string(), "https://x.example");
        assert_ne!(of("https://x.example").unwrap(), of("http://x.example:443").unwrap());
    }

    #[test]
    fn an_address_of_ipv6_has_brackets_in_texts_only() {
        let origin = of("http://[::1]:8080/").unwrap();
        assert_eq!(origin.host, "::1");
        assert_eq!(origin.host_port(), "[::1]:8080");
        assert_eq!(of("http://[::1]/").unwrap().authority(), "[::1]");
    }

    #[test]
    fn other_schemes_and_no_host_are_refused() {
        for wrong in
            ["ftp://x.example/", "/path", "x.example:80", "http://x.example:0/", "http://x.example:65536/"]
        {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
