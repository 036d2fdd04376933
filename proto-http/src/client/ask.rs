use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use ropewalk_core::Error as Cause;

use super::content::again;
use super::origin::Origin;
use super::proxy::basic;
use super::{Options, reference};
use crate::Body;

/// What is asked for, through all redirects.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) origin: Origin,
    headers: HeaderMap,
    /// None once it has been sent and cannot be sent again.
    content: Option<Body>,
    /// Whether content may be decoded.
    pub(super) decode: bool,
    /// Whether a server may be asked if it wants the content.
    pub(super) may_expect: bool,
}

impl Ask {
    pub(super) fn new(head: http::request::Parts, content: Body) -> Result<Self, Cause> {
        if head.method == Method::CONNECT {
            return Err(Cause::local("CONNECT is for proxies"));
        }
        let origin = Origin::of(&head.uri)?;
        let mut headers = head.headers;
        if let Some((name, password)) = reference::credentials(&head.uri)
            && !headers.contains_key(header::AUTHORIZATION)
        {
            headers.insert(header::AUTHORIZATION, basic(&name, &password));
        }
        for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let decode = !headers.contains_key(header::ACCEPT_ENCODING) && !headers.contains_key(header::RANGE);
        let uri = reference::strip_credentials(head.uri);
        Ok(Self {
            method: head.method,
            uri,
            origin,
            headers,
            content: Some(content),
            decode,
            may_expect: true,
        })
    }

    /// The content, as often as it can be had.
    pub(super) fn content(&mut self) -> Option<Body> {
        match self.content.as_ref().and_then(again) {
            Some(copy) => Some(copy),
            None => self.content.take(),
        }
    }

    /// Nothing of this content was sent after all.
    pub(super) fn not_sent(&mut self, content: Body) {
        self.content = Some(content);
    }

    /// The header fields, with those that the client adds.
    pub(super) fn fields(&self, options: &Options, cookies: Option<HeaderValue>) -> Result<HeaderMap, Cause> {
        let mut fields = self.headers.clone();
        if !fields.contains_key(header::HOST) {
            let host = HeaderValue::from_str(&self.origin.authority());
            fields.insert(header::HOST, host.map_err(|error| Cause::local("not a host").caused_by(error))?);
        }
        let mut add = |name, value: Option<HeaderValue>| {
            if let (false, Some(value)) = (fields.contains_key(&name), value) {
                fields.insert(name, value);
            }
        };
        add(header::USER_AGENT, options.agent.clone());
        add(header::ACCEPT, Some(HeaderValue::from_static("*/*")));
        add(header::COOKIE, cookies);
        if options.decode && self.decode {
            add(header::ACCEPT_ENCODING, Some(HeaderValue::from_static("gzip, br")));
        }
        Ok(fields)
    }

    /// Becomes what this redirect asks for (RFC 9110 §15.4).
    pub(super) fn follow(
        &mut self,
        status: StatusCode,
        to: &HeaderValue,
        downgrade: bool,
    ) -> Result<(), Cause> {
        let text = std::str::from_utf8(to.as_bytes())
            .map_err(|error| Cause::peer("Location is not text").caused_by(error))?;
        let uri = reference::strip_credentials(reference::resolve(&self.uri, text)?);
        let origin = Origin::of(&uri).map_err(|error| Cause::peer(format!("{text:?}: {error}")))?;
        if self.origin.secure && !origin.secure && !downgrade {
            return Err(Cause::peer(format!("{uri} is not secure, unlike what led there")));
        }
        let changes = match status {
            StatusCode::SEE_OTHER => self.method != Method::GET && self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        if changes {
            self.method = Method::GET;
            self.content = Some(Body::empty());
            let content: Vec<_> =
                self.headers.keys().filter(|name| name.as_str().starts_with("content-")).cloned().collect();
            for name in content {
                self.headers.remove(name);
            }
        } else if self.is_spent() {
            return Err(Cause::local("the content was a stream, and cannot be sent a second time"));
        }
        if origin != self.origin {
            for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::HOST] {
                self.headers.remove(name);
            }
        }
        self.uri = uri;
        self.origin = origin;
        Ok(())
    }

    /// After a 417: whether the request can be sent without the expectation (RFC 9110 §10.1.1), that of the caller or the one
    /// that was `added`.
    pub(super) fn expects_less(&mut self, added: bool) -> bool {
        self.may_expect = false;
        !self.is_spent() && (self.headers.remove(header::EXPECT).is_some() || added)
    }

    /// Whether the content has been sent and cannot be had again.
    pub(super) fn is_spent(&self) -> bool {
        self.content.is_none()
    }
}

/// The statuses whose `Location` is followed.
pub(super) fn redirects(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
