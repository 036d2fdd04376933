use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::StatusCode;
use ropewalk_core::{Error, Result};

use super::Site;
use crate::server::{BoxHandler, Failure, Handler, Request, Response};
use crate::wire::host;

/// Octets of the longest name of the DNS (RFC 1035 §2.3.4).
const LONGEST: usize = 253;

/// The name of a host, or of all hosts below one: `example.org`, `*.example.org`, `[2001:db8::1]`.
///
/// It has no port, and case makes no difference. Below a name are all names that end in it, however many labels
/// they have more; not the name itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    name: String,
    below: bool,
}

impl FromStr for Host {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| Error::local(format!("{text:?}: {why}"));
        let (name, below) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        let name = name.strip_suffix('.').unwrap_or(name);
        if !text.is_ascii() {
            return Err(wrong("a name in other letters than ASCII is written as it is asked for: `xn--…`"));
        }
        if name.contains('*') || name.len() > LONGEST || name.starts_with('.') || !host::valid(name) {
            return Err(wrong("a host is a name, `*.` and a name, or an address, without a port"));
        }
        let (bare, port) = host::split(name);
        match port {
            "" => Ok(Self { name: bare.to_ascii_lowercase(), below }),
            _ => Err(wrong("a site answers at every port that its service listens at: leave the port out")),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.name)
    }
}

/// What is answered to a request for a host that no site has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownHost {
    /// What the first site answers.
    #[default]
    First,
    /// 421 (RFC 9110 §15.5.20).
    Misdirected,
}

/// Several sites behind one server, told apart by the host that a request is for.
///
/// An exact name goes before one with a wildcard, and of those the longest. Over TLS a request is answered by 421 where
/// its host is nobody's, but the connection was made for a site's name; and, where the client has shown a certificate,
/// where its host is not the name that the connection was made for.
#[derive(Clone)]
pub struct Sites {
    sites: Vec<Arc<Site>>,
    exact: HashMap<String, usize>,
    below: HashMap<String, usize>,
    unknown: UnknownHost,
}

impl Sites {
    /// One site, which has every host that is no other's.
    pub fn new(first: Site) -> Self {
        let (exact, below) = (HashMap::new(), HashMap::new());
        Self { sites: vec![Arc::new(first)], exact, below, unknown: UnknownHost::default() }
    }

    /// With these names for the first site: it matters where others are [misdirected](UnknownHost::Misdirected).
    ///
    /// # Errors
    /// Where a site has one of them.
    pub fn named(mut self, names: impl IntoIterator<Item = Host>) -> Result<Self> {
        self.claim(0, names)?;
        Ok(self)
    }

    /// With one more site of these names.
    ///
    /// # Errors
    /// Where a site has one of them.
    pub fn with(mut self, names: impl IntoIterator<Item = Host>, site: Site) -> Result<Self> {
        self.claim(self.sites.len(), names)?;
        self.sites.push(Arc::new(site));
        Ok(self)
    }

    /// With this for hosts that nobody has.
    #[must_use]
    pub fn unknown(self, unknown: UnknownHost) -> Self {
        Self { unknown, ..self }
    }

    fn claim(&mut self, site: usize, names: impl IntoIterator<Item = Host>) -> Result<()> {
        for host in names {
            let names = if host.below { &mut self.below } else { &mut self.exact };
            if names.insert(host.name.clone(), site).is_some() {
                return Err(Error::local(format!("{host} is claimed twice")));
            }
        }
        Ok(())
    }

    /// The site that has this name.
    fn claimed(&self, name: &str) -> Option<usize> {
        if name.len() > LONGEST {
            return None;
        }
        let name = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(name.to_ascii_lowercase()),
            false => Cow::Borrowed(name),
        };
        if let Some(site) = self.exact.get(&*name) {
            return Some(*site);
        }
        // `.example` and `a..example` are below nothing.
        if name.split('.').any(str::is_empty) {
            return None;
        }
        let mut rest = &*name;
        while let Some((_, parent)) = rest.split_once('.').filter(|_| !self.below.is_empty()) {
            if let Some(site) = self.below.get(parent) {
                return Some(*site);
            }
            rest = parent;
        }
        None
    }

    fn find(&self, request: &Request) -> Result<&Arc<Site>, Failure> {
        let misdirected = || Failure::new(StatusCode::MISDIRECTED_REQUEST);
        let name = host::name(&request.uri, &request.headers);
        let claimed = name.and_then(|name| self.claimed(name));
        if let Some(tls) = &request.facts.info.tls {
            let served = tls.server_name.as_deref();
            if claimed.is_none() && served.is_some_and(|served| self.claimed(served).is_some()) {
                return Err(misdirected());
            }
            // No TLS name is sent for an address (RFC 6066 §3).
            let same = match (served, name) {
                (Some(served), Some(name)) => served.eq_ignore_ascii_case(name),
                (None, name) => name.is_none_or(is_address),
                (Some(_), None) => false,
            };
            if tls.peer_certificate.is_some() && self.sites.len() > 1 && !same {
                return Err(misdirected());
            }
        }
        let site = match claimed {
            Some(site) => site,
            None if self.unknown == UnknownHost::Misdirected => return Err(misdirected()),
            None => 0,
        };
        self.sites.get(site).ok_or_else(misdirected)
    }
}

fn is_address(name: &str) -> bool {
    name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok()
}

impl Handler for Sites {
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        self.find(&request)?.handle(request).await
    }

    /// One site for everything needs nobody to choose.
    fn boxed(self) -> BoxHandler {
        match (&*self.sites, self.unknown) {
            ([site], UnknownHost::First) => (**site).clone().boxed(),
            _ => BoxHandler::of(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn nothing(_: Request) -> Result<Response, Failure> {
        Err(StatusCode::NOT_FOUND.into())
    }

    fn sites(of: &[&[&str]]) -> Result<Sites> {
        of.iter().try_fold(Sites::new(Site::new(nothing)), |sites, names| {
            sites.with(names.iter().map(|name| name.parse().unwrap()), Site::new(nothing))
        })
    }

    #[test]
    fn an_exact_name_goes_first_and_then_the_longest_wildcard() {
        let sites = sites(&[
            &["a.example", "b.example"],
            &["*.example"],
            &["*.x.example", "[2001:db8::1]"],
            &["a.x.example"],
        ]);
        let sites = sites.unwrap();
        for (name, site) in [
            ("a.example", Some(1)),
            ("B.Example", Some(1)),
            ("c.example", Some(2)),
            ("d.c.example", Some(2)),
            ("x.example", Some(2)),
            ("b.x.example", Some(3)),
            ("c.b.x.example", Some(3)),
            ("a.x.example", Some(4)),
            ("[2001:db8::1]", Some(3)),
            ("example", None),
            ("ax.example.org", None),
            ("notexample", None),
            (".x.example", None),
            ("a..x.example", None),
            (".", None),
            ("", None),
        ] {
            assert_eq!(sites.claimed(name), site, "{name}");
        }
    }

    #[test]
    fn a_name_has_one_site() {
        assert!(sites(&[&["a.example"], &["A.example"]]).is_err());
        assert!(sites(&[&["*.example", "*.example."]]).is_err());
        assert!(sites(&[&["example"], &["*.example"]]).is_ok());
        let named = sites(&[&["a"]]).unwrap().named(["a".parse().unwrap()]);
        assert!(named.is_err());
    }

    #[test]
    fn what_no_request_can_name_is_no_host() {
        for text in ["", "*", "*.", "a b", "a/b", "a:80", "*.*.a", "a.*", ".a", "é.example", "u@a", "[::1"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
        for text in ["a", "a.example", "*.a.example", "xn--9ca.example", "192.0.2.1", "[::1]", "a_b"] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn any_name_is_found_in_bounded_time(name in "[a-zA-Z.*]{0,40}|(a\\.){0,40000}") {
            let sites = sites(&[&["*.a", "b.a"]]).unwrap();
            let is_below = name.to_lowercase().ends_with(".a") && !name.split('.').any(str::is_empty);
            let expected = name.len() <= LONGEST && is_below;
            prop_assert_eq!(sites.claimed(&name).is_some(), expected);
        }
    }
}
