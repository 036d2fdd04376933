//! A client of WebDAV in a collection of its own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::lock::Lock;
use super::multistatus::{Member, Multistatus};
use super::xml::{DAV, Element, OWN};
use crate::case::{Verdict, check};
use crate::http::Response;
use crate::http::expect::status;
use crate::{Broken, Peer};

/// Asks for all names of properties.
pub(super) const PROPNAME: &str = "<D:propfind xmlns:D=\"DAV:\"><D:propname/></D:propfind>";
/// Asks for all properties.
pub(super) const ALLPROP: &str = "<D:propfind xmlns:D=\"DAV:\"><D:allprop/></D:propfind>";

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Account,
    /// The second account.
    Other,
    Nobody,
}

/// A case's client, and the collection that it works in.
pub(super) struct Dav<'a> {
    pub(super) peer: &'a mut Peer,
    home: String,
    held: Vec<(String, String)>,
}

impl<'a> Dav<'a> {
    /// Makes a collection for the case of this id, in which nothing is.
    pub(super) async fn begin(peer: &'a mut Peer, id: &str) -> Result<Self, Broken> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let slug = id.trim_start_matches("webdav/").replace('/', "-");
        let base = peer.path().trim_end_matches('/');
        let home = format!("{base}/{slug}-{now:x}-{}/", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut dav = Self { peer, home, held: Vec::new() };
        let made = dav.ask("MKCOL", "", &[], "").await?;
        status(&made, &[201])?;
        Ok(dav)
    }

    /// Removes the collection, and the locks that the case may have left: what comes of it is not the case's matter.
    pub(super) async fn end(&mut self) {
        for (target, token) in std::mem::take(&mut self.held) {
            let field = format!("Lock-Token: <{token}>");
            let _gone = self.send(Who::Account, "UNLOCK", &target, &[&field], b"").await;
        }
        let _gone = self.ask("DELETE", "", &[], "").await;
    }

    /// The path of what has this name in the collection; of the collection itself without one.
    pub(super) fn at(&self, name: &str) -> String {
        if name.starts_with('/') { name.into() } else { format!("{}{name}", self.home) }
    }

    /// The URL of what has this name.
    pub(super) fn url(&self, name: &str) -> String {
        format!("http://{}{}", self.peer.host(), self.at(name))
    }

    /// The field Destination for this name.
    pub(super) fn to(&self, name: &str) -> String {
        format!("Destination: {}", self.url(name))
    }

    /// A request for what has this name, by the account.
    pub(super) async fn ask(
        &mut self,
        method: &str,
        name: &str,
        fields: &[&str],
        content: impl AsRef<[u8]>,
    ) -> Result<Response, Broken> {
        self.ask_as(Who::Account, method, name, fields, content).await
    }

    pub(super) async fn ask_as(
        &mut self,
        who: Who,
        method: &str,
        name: &str,
        fields: &[&str],
        content: impl AsRef<[u8]>,
    ) -> Result<Response, Broken> {
        let target = self.at(name);
        let response = self.send(who, method, &target, fields, content.as_ref()).await;
        response.map_err(|broken| {
            Broken::new(broken.expected, format!("{} after {method} {name}", broken.actual))
        })
    }

    async fn send(
        &mut self,
        who: Who,
        method: &str,
        target: &str,
        fields: &[&str],
        content: &[u8],
    ) -> Result<Response, Broken> {
        let (name, password) = match who {
            Who::Other => self.peer.subject().second(),
            _ => self.peer.subject().login(),
        };
        let login = STANDARD.encode(format!("{name}:{password}"));
        let authorization = format!("Authorization: Basic {login}");
        let length = format!("Content-Length: {}", content.len());
        let mut all = fields.to_vec();
        if !name.is_empty() && who != Who::Nobody {
            all.push(&authorization);
        }
        if !content.is_empty() || method == "PUT" {
            all.push(&length);
            if !fields.iter().any(|field| field.starts_with("Content-Type:")) {
                let xml = matches!(method, "PROPFIND" | "PROPPATCH" | "LOCK");
                all.push(if xml {
                    "Content-Type: application/xml; charset=\"utf-8\""
                } else {
                    "Content-Type: text/plain"
                });
            }
        }
        let head = self.peer.request(method, target, &all);
        self.peer.send([head.as_bytes(), content].concat()).await?;
        let response = self.peer.final_response(method).await?;
        if response.lists("connection", "close")
            || (response.minor == 0 && !response.lists("connection", "keep-alive"))
        {
            self.peer.reconnect();
        }
        Ok(response)
    }

    /// Makes a file.
    pub(super) async fn put(&mut self, name: &str, text: &str) -> Verdict {
        let response = self.ask("PUT", name, &[], text).await?;
        check(response.is_success(), format!("2xx to PUT of {name}"), response.brief())
    }

    /// Makes a collection.
    pub(super) async fn mkcol(&mut self, name: &str) -> Verdict {
        status(&self.ask("MKCOL", name, &[], "").await?, &[201])
    }

    /// A file of this name has this content.
    pub(super) async fn holds(&mut self, name: &str, text: &str) -> Verdict {
        let response = self.ask("GET", name, &[], "").await?;
        let met = response.status == 200 && response.body == text.as_bytes();
        check(met, format!("200 with {text:?} for {name}"), response.brief())
    }

    /// There is nothing of this name.
    pub(super) async fn lacks(&mut self, name: &str) -> Verdict {
        let response = self.ask("GET", name, &[], "").await?;
        check(response.status == 404, format!("404 for {name}"), response.brief())
    }

    /// Copies or moves, with further fields.
    pub(super) async fn transfer(
        &mut self,
        method: &str,
        from: &str,
        to: &str,
        fields: &[&str],
    ) -> Result<Response, Broken> {
        let destination = self.to(to);
        let fields: Vec<_> = fields.iter().copied().chain([destination.as_str()]).collect();
        self.ask(method, from, &fields, "").await
    }

    /// PROPFIND with this body.
    pub(super) async fn propfind(&mut self, name: &str, depth: &str, body: &str) -> Result<Response, Broken> {
        let depth = format!("Depth: {depth}");
        self.ask("PROPFIND", name, &[&depth], body).await
    }

    /// What PROPFIND of depth 0 says of a resource.
    pub(super) async fn find(&mut self, name: &str, body: &str) -> Result<Member, Broken> {
        let response = self.propfind(name, "0", body).await?;
        Multistatus::of(&response)?.one()
    }

    /// What a resource has of these properties, which are empty elements with the prefix `D` for WebDAV or `c` for the cases.
    pub(super) async fn props(&mut self, name: &str, props: &str) -> Result<Member, Broken> {
        self.find(name, &asking(props)).await
    }

    /// One property of WebDAV, if the resource has it.
    pub(super) async fn live(&mut self, name: &str, prop: &str) -> Result<Option<Element>, Broken> {
        let member = self.props(name, &format!("<D:{prop}/>")).await?;
        Ok(member.prop(DAV, prop).filter(|(code, _)| *code == 200).map(|(_, prop)| prop.clone()))
    }

    /// One of the cases' properties, if the resource has it.
    pub(super) async fn own(&mut self, name: &str, prop: &str) -> Result<Option<Element>, Broken> {
        let member = self.props(name, &format!("<c:{prop}/>")).await?;
        Ok(member.prop(OWN, prop).filter(|(code, _)| *code == 200).map(|(_, prop)| prop.clone()))
    }

    /// The text of one of the cases' properties is this, or it is not there.
    pub(super) async fn own_is(&mut self, name: &str, prop: &str, text: Option<&str>) -> Verdict {
        let value = self.own(name, prop).await?.map(|value| value.text());
        check(value.as_deref() == text, format!("{text:?} for {prop} of {name}"), format!("{value:?}"))
    }

    /// The members of a collection and it itself, as PROPFIND of this depth lists them: paths relative to the case's
    /// collection, without escapes and without the slash of collections, in order.
    pub(super) async fn listed(&mut self, name: &str, depth: &str) -> Result<Vec<String>, Broken> {
        let response = self.propfind(name, depth, &asking("<D:resourcetype/>")).await?;
        let mut listed = Vec::new();
        for member in Multistatus::of(&response)?.members {
            listed.push(self.named(&member.href)?);
        }
        listed.sort();
        Ok(listed)
    }

    /// The name in the case's collection that a URL has.
    pub(super) fn named(&self, href: &str) -> Result<String, Broken> {
        let wrong = || Broken::new(format!("a URL below {}", self.home), href);
        let path = match href.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None => href,
        };
        let (path, home) = (unescaped(path), unescaped(&self.home));
        if format!("{path}/") == home {
            return Ok(String::new());
        }
        Ok(path.strip_prefix(&home).ok_or_else(wrong)?.trim_end_matches('/').to_owned())
    }

    /// PROPPATCH with these instructions, as a response.
    pub(super) async fn proppatch(&mut self, name: &str, instructions: &str) -> Result<Response, Broken> {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:propertyupdate xmlns:D=\"DAV:\" xmlns:c=\"{OWN}\">\
             {instructions}</D:propertyupdate>"
        );
        self.ask("PROPPATCH", name, &[], body).await
    }

    /// PROPPATCH that is carried out, or not, property by property.
    pub(super) async fn patch(&mut self, name: &str, instructions: &str) -> Result<Member, Broken> {
        let response = self.proppatch(name, instructions).await?;
        Multistatus::of(&response)?.one()
    }

    /// Sets properties, and says whether all were.
    pub(super) async fn set(&mut self, name: &str, props: &str) -> Result<bool, Broken> {
        let response = self.proppatch(name, &setting(props)).await?;
        Ok(response.status == 207
            && Multistatus::of(&response)?.one()?.stats.iter().all(|stat| stat.status == 200))
    }

    /// Notes a lock, to be freed with the case.
    pub(super) fn hold(&mut self, name: &str, lock: &Lock) {
        self.held.push((self.at(name), lock.token.clone()));
    }
}

/// PROPFIND for these properties.
pub(super) fn asking(props: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:propfind xmlns:D=\"DAV:\" xmlns:c=\"{OWN}\">\
         <D:prop>{props}</D:prop></D:propfind>"
    )
}

/// An instruction of PROPPATCH that sets these properties.
pub(super) fn setting(props: &str) -> String {
    format!("<D:set><D:prop>{props}</D:prop></D:set>")
}

/// An instruction of PROPPATCH that removes these properties.
pub(super) fn removing(props: &str) -> String {
    format!("<D:remove><D:prop>{props}</D:prop></D:remove>")
}

/// Text without its escapes of URLs.
pub(super) fn unescaped(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        octets.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// The case does not apply to a server that keeps no properties of clients.
macro_rules! keeping {
    ($dav:ident) => {
        $dav.put("keeps", "").await?;
        if !$dav.set("keeps", "<c:kept>yes</c:kept>").await? {
            return Ok($crate::Outcome::Skip($crate::Reason::Unsupported("properties of clients")));
        }
        $dav.ask("DELETE", "keeps", &[], "").await?;
    };
}
/// The case does not apply to a server without locks.
macro_rules! locking {
    ($dav:ident) => {
        if !$dav.locks().await? {
            return Ok($crate::Outcome::Skip($crate::Reason::Unsupported("locks")));
        }
    };
}
pub(super) use {keeping, locking};
