//! The host of a request (RFC 9110 §7.2).

use http::uri::Authority;
use http::{HeaderMap, Uri, Version, header};

/// Why a request has no host that could be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHost {
    Missing,
    Repeated,
    Invalid,
    /// The target names another than the field.
    Mismatch,
}

/// Checks that a request names exactly one valid host.
///
/// RFC 9112 §3.2: an HTTP/1.1 request without a Host, with two, or with an invalid one is answered by 400. RFC
/// 9113 §8.3.1: a Host beside `:authority` must not name another. RFC 9112 §3.2.2: in HTTP/1 the authority of an
/// absolute-form target wins over a Host that differs.
pub(crate) fn check(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), BadHost> {
    let mut fields = headers.get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(BadHost::Repeated);
    }
    let authority = uri.authority();
    if authority.is_some_and(|authority| !valid(authority.as_str())) {
        return Err(BadHost::Invalid);
    }
    let Some(field) = field else {
        let may_lack = match version {
            Version::HTTP_09 | Version::HTTP_10 => true,
            Version::HTTP_11 => false,
            _ => authority.is_some(),
        };
        return if may_lack { Ok(()) } else { Err(BadHost::Missing) };
    };
    let field = field.to_str().map_err(|_| BadHost::Invalid)?;
    // An empty Host is right where the target has no authority; with a path, a name is asked for.
    if !field.is_empty() && !valid(field) {
        return Err(BadHost::Invalid);
    }
    match authority.filter(|_| version >= Version::HTTP_2) {
        Some(authority) if !same(authority.as_str(), field, uri.scheme_str()) => Err(BadHost::Mismatch),
        _ => Ok(()),
    }
}

/// The authority that a request which was [checked](check) is for, as it was written.
pub(crate) fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let field = || headers.get(header::HOST).and_then(|field| field.to_str().ok());
    uri.authority().map(Authority::as_str).or_else(field).filter(|authority| !authority.is_empty())
}

/// Its host without the port, as it was written, but for the dot that ends a name at the root of the DNS.
pub(crate) fn name<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let (name, _) = split(authority(uri, headers)?);
    Some(name.strip_suffix('.').unwrap_or(name)).filter(|name| !name.is_empty())
}

/// The host, and the port with its colon.
pub(crate) fn split(authority: &str) -> (&str, &str) {
    let colon = authority.rfind(':').filter(|_| !authority.ends_with(']'));
    authority.split_at(colon.unwrap_or(authority.len()))
}

/// `uri-host [ ":" port ]` without user information.
pub(crate) fn valid(text: &str) -> bool {
    let (host, port) = split(text);
    let port = port.strip_prefix(':').unwrap_or(port);
    let port_fits =
        port.is_empty() || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    port_fits && !host.is_empty() && host_fits(host)
}

/// An IPv6 literal in brackets, or a reg-name (RFC 3986 §3.2.2).
fn host_fits(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(literal) => literal.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&b);
            let escape =
                |after: &[u8]| matches!(after, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
            host.bytes().all(fits) && host.as_bytes().split(|b| *b == b'%').skip(1).all(escape)
        }
    }
}

/// Whether two authorities are one, where a port that is not said is that of the scheme.
pub(crate) fn same(authority: &str, field: &str, scheme: Option<&str>) -> bool {
    let default = match scheme {
        Some("https") => ":443",
        _ => ":80",
    };
    let bare = |text: &str| {
        let text = text.strip_suffix(default).or(text.strip_suffix(':')).unwrap_or(text);
        text.to_ascii_lowercase()
    };
    bare(authority) == bare(field)
}

/// Whether an origin (RFC 6454) is the host and port that were asked for. Its scheme may be another than ours: TLS
/// may have ended before us.
pub(crate) fn is_origin(origin: &str, uri: &Uri, headers: &HeaderMap) -> bool {
    match (origin.split_once("://"), authority(uri, headers)) {
        (Some((scheme @ ("http" | "https"), origin)), Some(asked)) => same(origin, asked, Some(scheme)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_11(uri: &str, hosts: &[&str]) -> Result<(), BadHost> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        check(Version::HTTP_11, &uri.parse().unwrap(), &headers)
    }

    #[test]
    fn version_1_1_needs_exactly_one() {
        assert_eq!(check_11("/", &[]), Err(BadHost::Missing));
        assert_eq!(check_11("/", &["a", "b"]), Err(BadHost::Repeated));
        assert_eq!(check_11("/", &["a", "a"]), Err(BadHost::Repeated));
        assert_eq!(check_11("/", &["a"]), Ok(()));
    }

    #[test]
    fn only_a_host_and_a_port_are_a_host() {
        for good in
            ["a", "a.example", "a:80", "a:", "127.0.0.1:8080", "[::1]", "[::1]:8080", "A-b_c.d", "a%20b"]
        {
            assert_eq!(check_11("/", &[good]), Ok(()), "{good}");
        }
        for bad in [
            "a b",
            "a/b",
            "u@a",
            "u@a:80",
            "a%zz",
            "a%2",
            "[::1]a",
            "[::1]a:80",
            "a:80:80",
            "a:+80",
            "\u{e9}",
            "a:b",
            "a:99999",
            "[::1",
            "[zz]",
            "::1",
            "a,b:c",
            "a#b",
            "a?b",
            ":80",
        ] {
            assert_eq!(check_11("/", &[bad]), Err(BadHost::Invalid), "{bad}");
        }
    }

    #[test]
    fn a_host_may_lack_or_be_empty_where_there_is_another_way_to_know_it() {
        let none = |version, uri: &str| check(version, &uri.parse().unwrap(), &HeaderMap::new());
        assert_eq!(none(Version::HTTP_10, "/"), Ok(()));
        assert_eq!(none(Version::HTTP_11, "http://a.example/"), Err(BadHost::Missing));
        assert_eq!(none(Version::HTTP_2, "http://a.example/"), Ok(()));
        assert_eq!(none(Version::HTTP_2, "/"), Err(BadHost::Missing));
        assert_eq!(check_11("/", &[""]), Ok(()));
    }

    #[test]
    fn an_absolute_target_wins_in_version_1() {
        assert_eq!(check_11("http://a.example/", &["b.example"]), Ok(()));
        assert_eq!(check_11("http://a.example/", &[]), Err(BadHost::Missing));
        assert_eq!(check_11("http://u@a.example/", &["a.example"]), Err(BadHost::Invalid));
    }

    #[test]
    fn in_version_2_both_name_the_same() {
        let check_2 = |uri: &str, host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            check(Version::HTTP_2, &uri.parse().unwrap(), &headers)
        };
        assert_eq!(check_2("http://a.example/", "A.example"), Ok(()));
        assert_eq!(check_2("http://a.example:80/", "a.example"), Ok(()));
        assert_eq!(check_2("https://a.example/", "a.example:443"), Ok(()));
        assert_eq!(check_2("http://a.example/", "b.example"), Err(BadHost::Mismatch));
        assert_eq!(check_2("http://a.example/", "a.example:81"), Err(BadHost::Mismatch));
    }
}
