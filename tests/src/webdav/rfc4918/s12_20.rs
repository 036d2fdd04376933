//! RFC 4918 §12, §16 and §20: what errors say, and what is not to be trusted.

use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::{keeping, locking};
use crate::webdav::lock::Scope;
use crate::webdav::multistatus::document;
use crate::webdav::xml::{DAV, Node};
use crate::webdav::{condition, dav_cases};
use crate::{Outcome, Reason};

dav_cases! {
    /// That something is locked is said by a condition.
    Should "webdav/4918/11.3/condition" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.exclusive("a.txt").await?;
        for (method, body) in [("PUT", "b"), ("DELETE", "")] {
            let response = dav.ask(method, "a.txt", &[], body).await?;
            status(&response, &[423])?;
            condition(&response, "lock-token-submitted")?;
        }
        Ok(Outcome::Pass)
    }

    /// lock-token-submitted names a resource that is locked: the collection that a member is locked by.
    Must "webdav/4918/16/lock-token-submitted" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        dav.locked("c/", "infinity", Scope::Exclusive).await?;
        let response = dav.ask("DELETE", "c/a.txt", &[], "").await?;
        status(&response, &[423])?;
        let Ok(said) = condition(&response, "lock-token-submitted") else {
            return Ok(Outcome::Skip(Reason::Unsupported("lock-token-submitted")));
        };
        let hrefs: Vec<_> =
            said.elements().filter(|it| it.is(DAV, "href")).map(|it| it.text().trim().to_owned()).collect();
        check(!hrefs.is_empty(), "an href at least", response.brief())?;
        for href in hrefs {
            let name = dav.named(&href)?;
            check(["c", "c/a.txt"].contains(&name.as_str()), "what is locked", response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// The body of an error has error as its root, elements in it, and no text.
    Must "webdav/4918/14.5/error" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.exclusive("a.txt").await?;
        let response = dav.ask("PUT", "a.txt", &[], "b").await?;
        status(&response, &[423])?;
        let xml =
            response.field("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("xml"));
        if !xml || response.body.is_empty() {
            return Ok(Outcome::Skip(Reason::Unsupported("errors in XML")));
        }
        let root = document(&response)?;
        let text: String = root
            .children
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) => Some(text.trim()),
                Node::Element(_) => None,
            })
            .collect();
        check(
            root.is(DAV, "error") && root.elements().count() > 0 && text.is_empty(),
            "error with elements only",
            response.brief(),
        )
    }

    /// 412 is for requests with a condition: without one it is not answered.
    Must "webdav/4918/12.1/no-condition" = async |dav| {
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "b").await?;
        for (method, name) in [
            ("PUT", "missing/a"),
            ("MKCOL", "a.txt"),
            ("DELETE", "missing"),
            ("PROPFIND", "missing"),
            ("UNLOCK", "a.txt"),
        ] {
            let response = dav.ask(method, name, &["Depth: 0"], "").await?;
            check(response.status != 412, format!("no 412 to {method}"), response.brief())?;
        }
        status(&dav.transfer("COPY", "a.txt", "b.txt", &[]).await?, &[204])
    }

    /// What was made is not answered with a redirect.
    Must "webdav/4918/12/no-redirect" = async |dav| {
        for (method, name) in [("MKCOL", "c"), ("PUT", "a.txt"), ("MKCOL", "d/")] {
            let response = dav.ask(method, name, &[], "").await?;
            let made = dav.propfind(name.trim_end_matches('/'), "0", "").await?.status != 404;
            check(!made || response.is_success(), format!("2xx to {method}"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// External entities are not read.
    Robust "webdav/4918/20.6/external-entities" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        let body = "<?xml version=\"1.0\"?><!DOCTYPE D:propertyupdate [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\
                    <D:propertyupdate xmlns:D=\"DAV:\" xmlns:c=\"http://conform.test/ns\"><D:set><D:prop><c:note>&x;</c:note></D:prop></D:set></D:propertyupdate>";
        dav.ask("PROPPATCH", "a.txt", &[], body).await?;
        let found = dav.own("a.txt", "note").await?.map(|note| note.text()).unwrap_or_default();
        check(!found.contains("root:"), "nothing of the file", found)
    }

    /// That external entities are not taken is said by no-external-entities.
    Should "webdav/4918/20.6/no-external-entities" = async |dav| {
        let body = "<?xml version=\"1.0\"?><!DOCTYPE D:propfind [<!ENTITY x SYSTEM \"http://other.invalid/\">]>\
                    <D:propfind xmlns:D=\"DAV:\"><D:prop><D:getetag>&x;</D:getetag></D:prop></D:propfind>";
        let response = dav.propfind("", "0", body).await?;
        if response.status < 400 {
            return Ok(Outcome::Skip(Reason::Unsupported("refusing external entities")));
        }
        condition(&response, "no-external-entities").map(|_| Outcome::Pass)
    }

    /// Entities that grow without end are refused at once, and the server goes on.
    Robust "webdav/4918/20.6/growing-entities" = async |dav| {
        let mut body = String::from(
            "<?xml version=\"1.0\"?><!DOCTYPE D:propertyupdate [<!ENTITY a0 \"ropes ropes ropes\">",
        );
        for at in 1..20 {
            let before = format!("&a{};", at - 1).repeat(10);
            body += &format!("<!ENTITY a{at} \"{before}\">");
        }
        body += "]><D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><x xmlns=\"urn:x\">&a19;</x></D:prop></D:set></D:propertyupdate>";
        dav.put("a.txt", "a").await?;
        crate::webdav::refused(&dav.ask("PROPPATCH", "a.txt", &[], body).await?)?;
        dav.holds("a.txt", "a").await
    }
}
