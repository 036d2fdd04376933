//! RFC 4918 §5 and §8: names, collections, and what all requests have in common.

use crate::Outcome;
use crate::case::check;
use crate::http::expect::{field, status};
use crate::webdav::client::{ALLPROP, Who, asking, keeping, locking};
use crate::webdav::multistatus::Multistatus;
use crate::webdav::{dav_cases, names};

/// Names, escaped as in a URL, with what has to be escaped in URLs, in XML, or in both.
const NAMES: &[&str] = &[
    "a%20b",
    "50%25",
    "a%26b",
    "a%3Cb%3E",
    "a%23b",
    "a%3Fb",
    "gr%C3%BCn",
    "%E6%97%A5",
    "a%2525",
    "a+b",
    "a'b",
    "a;b=1,c",
];

/// A weak tag is for whoever is content with much the same.
fn is_strong(etag: &str) -> bool {
    !etag.starts_with("W/")
}

dav_cases! {
    /// A collection has each of its members once.
    Must "webdav/4918/5.2/members" = async |dav| {
        dav.put("a.txt", "a").await?;
        dav.put("a.txt", "b").await?;
        dav.mkcol("c/").await?;
        dav.put("c/deep.txt", "d").await?;
        names(&dav.listed("", "1").await?, &["", "a.txt", "c"])
    }

    /// URLs of collections end with a slash.
    Should "webdav/4918/5.2/slash" = async |dav| {
        dav.mkcol("c/").await?;
        let response = dav.propfind("", "1", &asking("<D:resourcetype/>")).await?;
        let found = Multistatus::of(&response)?;
        check(
            found.members.iter().all(|member| member.href.ends_with('/')),
            "a slash at each end",
            found.brief,
        )
    }

    /// A collection that is named without its slash is redirected from, or Content-Location names it.
    Should "webdav/4918/5.2/without-slash" = async |dav| {
        dav.mkcol("c/").await?;
        let response = dav.propfind("c", "0", &asking("<D:resourcetype/>")).await?;
        if (300..400).contains(&response.status) {
            return check(
                field(&response, "location")?.ends_with("/c/"),
                "Location with a slash",
                response.brief(),
            );
        }
        status(&response, &[207])?;
        check(
            field(&response, "content-location")?.ends_with("/c/"),
            "Content-Location with a slash",
            response.brief(),
        )
    }

    /// Who may not see a resource is told so, before locks and preconditions are looked at.
    Must "webdav/4918/8.1/authorization-first" [Account] = async |dav| {
        dav.put("a.txt", "a").await?;
        if dav.locks().await? {
            dav.exclusive("a.txt").await?;
        }
        for fields in [&[][..], &["If-Match: \"no-such-tag\""], &["If: ([\"no-such-tag\"])"]] {
            status(&dav.ask_as(Who::Nobody, "PUT", "a.txt", fields, "b").await?, &[401])?;
        }
        status(&dav.ask_as(Who::Nobody, "PROPFIND", "missing", &["Depth: 0"], "").await?, &[401])
    }

    /// Who may not change anything is told so before Overwrite is looked at.
    Must "webdav/4918/10.6/authorization-first" [Account] = async |dav| {
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "b").await?;
        let to = dav.to("b.txt");
        status(&dav.ask_as(Who::Nobody, "COPY", "a.txt", &[&to, "Overwrite: F"], "").await?, &[401])
    }

    /// PROPFIND with XML that is not well-formed is answered with 400.
    Must "webdav/4918/8.2/propfind-malformed" = async |dav| {
        for body in [
            "<D:propfind xmlns:D=\"DAV:\"><D:allprop>",
            "<D:propfind xmlns:D=\"DAV:\"></D:propname></D:propfind>",
            "propfind",
        ] {
            status(&dav.propfind("", "0", body).await?, &[400])?;
        }
        Ok(Outcome::Pass)
    }

    /// PROPPATCH with XML that is not well-formed is answered with 400, and changes nothing.
    Must "webdav/4918/8.2/proppatch-malformed" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        let response =
            dav.proppatch("a.txt", "<D:set><D:prop><c:note>n</c:note></D:prop></D:set><D:set>").await?;
        status(&response, &[400])?;
        dav.own_is("a.txt", "note", None).await
    }

    /// LOCK with XML that is not well-formed is answered with 400, and locks nothing.
    Must "webdav/4918/8.2/lock-malformed" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let body = "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>";
        status(&dav.lock_by(Who::Account, "a.txt", &["Depth: 0"], body).await?, &[400])?;
        dav.is_free("a.txt").await
    }

    /// A prefix that is not declared is answered with 400.
    Must "webdav/4918/8.2/undeclared-prefix" = async |dav| {
        let body = "<D:propfind xmlns:D=\"DAV:\"><D:prop><nowhere:a/></D:prop></D:propfind>";
        status(&dav.propfind("", "0", body).await?, &[400])
    }

    /// Bodies of the types application/xml and text/xml are taken.
    Must "webdav/4918/8.2/types" = async |dav| {
        for kind in ["application/xml", "text/xml", "text/xml; charset=\"utf-8\"", "APPLICATION/XML"] {
            let kind = format!("Content-Type: {kind}");
            status(&dav.ask("PROPFIND", "", &["Depth: 0", &kind], ALLPROP).await?, &[207])?;
        }
        Ok(Outcome::Pass)
    }

    /// XML is sent as application/xml.
    Should "webdav/4918/8.2/sends-application-xml" = async |dav| {
        let response = dav.propfind("", "0", "").await?;
        let kind = field(&response, "content-type")?
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        check(kind == "application/xml", "application/xml", response.brief())
    }

    /// Names are sent so that they can be used as URLs, with what URLs and XML escape.
    Must "webdav/4918/8.3/escapes" = async |dav| {
        for name in NAMES {
            dav.put(name, name).await?;
        }
        let response = dav.propfind("", "1", &asking("<D:resourcetype/>")).await?;
        let found = Multistatus::of(&response)?;
        let mut seen = Vec::new();
        for member in &found.members {
            let plain = |octet: u8| octet.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&octet);
            check(member.href.bytes().all(plain), "characters of URLs only", &member.href)?;
            let path = member
                .href
                .find("://")
                .and_then(|at| member.href.get(at + 3..))
                .map_or(member.href.as_str(), |rest| {
                    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
                });
            if !path.ends_with('/') {
                let response = dav.ask("GET", path, &[], "").await?;
                status(&response, &[200])?;
                seen.push(String::from_utf8_lossy(&response.body).into_owned());
            }
        }
        seen.sort();
        let mut all = NAMES.to_vec();
        all.sort_unstable();
        names(&seen, &all)
    }

    /// The URLs in a response all have the same form.
    Must "webdav/4918/8.3/one-form" = async |dav| {
        dav.put("a.txt", "a").await?;
        dav.mkcol("c/").await?;
        let found = Multistatus::of(&dav.propfind("", "1", "").await?)?;
        let paths = found.members.iter().filter(|member| member.href.starts_with('/')).count();
        let met = paths == 0 || paths == found.members.len();
        check(met && found.members.len() == 3, "three paths, or three URIs", found.brief)
    }

    /// The URLs in a response begin with that of the request, and have no dot segments.
    Must "webdav/4918/8.3/prefix" = async |dav| {
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let found = Multistatus::of(&dav.propfind("c/", "1", "").await?)?;
        let (home, uri) = (dav.at("c/"), dav.url("c/"));
        let below = |href: &str| (href.starts_with(&home) || href.starts_with(&uri)) && !href.contains("/.");
        check(found.members.iter().all(|member| below(&member.href)), format!("{home}…"), found.brief)
    }

    /// Destination may be an absolute path.
    Must "webdav/4918/8.3/destination-path" = async |dav| {
        dav.put("a.txt", "a").await?;
        let to = format!("Destination: {}", dav.at("b.txt"));
        status(&dav.ask("COPY", "a.txt", &[&to], "").await?, &[201])?;
        dav.holds("b.txt", "a").await
    }

    /// Escapes in Destination are those of a URL.
    Must "webdav/4918/8.3/destination-escapes" = async |dav| {
        dav.put("a.txt", "a").await?;
        status(&dav.transfer("COPY", "a.txt", "b%20%25%C3%BC.txt", &[]).await?, &[201])?;
        names(&dav.listed("", "1").await?, &["", "a.txt", "b %\u{fc}.txt"])
    }

    /// A body of COPY or MOVE, which means nothing, is answered with 415.
    Must "webdav/4918/8.4/copy-with-body" = async |dav| {
        dav.put("a.txt", "a").await?;
        for method in ["COPY", "MOVE"] {
            let to = dav.to("b.txt");
            let body = "<x:unknown xmlns:x=\"urn:x\"/>";
            status(&dav.ask(method, "a.txt", &[&to, "Content-Type: application/xml"], body).await?, &[415])?;
        }
        dav.holds("a.txt", "a").await
    }

    /// A body of UNLOCK, which means nothing, is answered with 415.
    Must "webdav/4918/8.4/unlock-with-body" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        let token = format!("Lock-Token: <{}>", lock.token);
        status(&dav.ask("UNLOCK", "a.txt", &[&token], "<x:unknown xmlns:x=\"urn:x\"/>").await?, &[415])?;
        dav.is_locked("a.txt").await
    }

    /// The ETag and the date of a file stay where only its properties change.
    Should "webdav/4918/8.6/properties-keep-etag" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        let before = dav.ask("GET", "a.txt", &[], "").await?;
        dav.set("a.txt", "<c:note>n</c:note>").await?;
        let after = dav.ask("GET", "a.txt", &[], "").await?;
        let same = |name| before.field(name) == after.field(name);
        check(same("etag") && same("last-modified"), before.brief(), after.brief())
    }

    /// A strong ETag is not used again for other content at the same URL, after DELETE and PUT.
    Must "webdav/4918/8.8/etag-after-delete" = async |dav| {
        // Several times, since what an ETag is made of may change just then.
        for round in 0..4 {
            dav.put("a.txt", "one").await?;
            let before = dav.ask("GET", "a.txt", &[], "").await?;
            dav.ask("DELETE", "a.txt", &[], "").await?;
            dav.put("a.txt", "two").await?;
            let after = dav.ask("GET", "a.txt", &[], "").await?;
            let met = before.field("etag").is_none_or(|etag| !is_strong(etag) || after.field("etag") != Some(etag));
            check(met, format!("another ETag in round {round}"), after.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A strong ETag is not used again for other content at the same URL, after COPY or MOVE to it.
    Must "webdav/4918/8.8/etag-after-copy" = async |dav| {
        for method in ["COPY", "MOVE", "COPY", "MOVE", "COPY", "MOVE"] {
            dav.put("b.txt", "two").await?;
            dav.put("a.txt", "one").await?;
            let before = dav.ask("GET", "b.txt", &[], "").await?;
            status(&dav.transfer(method, "a.txt", "b.txt", &[]).await?, &[204])?;
            let after = dav.ask("GET", "b.txt", &[], "").await?;
            let met = before.field("etag").is_none_or(|etag| !is_strong(etag) || after.field("etag") != Some(etag));
            check(met, format!("another ETag after {method}"), after.brief())?;
        }
        Ok(Outcome::Pass)
    }
}
