//! RFC 4918 §9.1: PROPFIND.

use std::collections::BTreeSet;

use crate::case::{Verdict, check};
use crate::http::expect::{field, status};
use crate::webdav::client::{ALLPROP, Dav, PROPNAME, asking, keeping};
use crate::webdav::multistatus::{Member, Multistatus};
use crate::webdav::xml::{DAV, OWN};
use crate::webdav::{condition, dav_cases, names};
use crate::{Broken, Outcome, Reason};

/// The names of the properties that are there.
fn found(member: &Member) -> BTreeSet<(String, String)> {
    member.found().map(|prop| (prop.space.clone(), prop.name.clone())).collect()
}

/// Each property is told of once.
pub(in crate::webdav) fn is_once(member: &Member) -> bool {
    let mut seen = BTreeSet::new();
    member.stats.iter().flat_map(|stat| &stat.props).all(|prop| seen.insert((&prop.space, &prop.name)))
}

/// Two requests find properties of the same names.
async fn alike(dav: &mut Dav<'_>, name: &str, one: &str, other: &str) -> Verdict {
    let (a, b) = (dav.find(name, one).await?, dav.find(name, other).await?);
    check(found(&a) == found(&b) && !found(&a).is_empty(), a.brief(), b.brief())
}

async fn tree(dav: &mut Dav<'_>) -> Result<(), Broken> {
    dav.put("a.txt", "a").await?;
    dav.mkcol("c/").await?;
    dav.mkcol("c/d/").await?;
    dav.put("c/d/deep.txt", "deep").await?;
    Ok(())
}

const TREE: &[&str] = &["", "a.txt", "c", "c/d", "c/d/deep.txt"];

dav_cases! {
    /// Depth 0 tells of the resource alone.
    Must "webdav/4918/9.1/depth-0" = async |dav| {
        tree(dav).await?;
        names(&dav.listed("", "0").await?, &[""])?;
        names(&dav.listed("a.txt", "0").await?, &["a.txt"])
    }

    /// Depth 1 tells of a collection and its members, and not of theirs.
    Must "webdav/4918/9.1/depth-1" = async |dav| {
        tree(dav).await?;
        names(&dav.listed("", "1").await?, &["", "a.txt", "c"])
    }

    /// Depth infinity tells of everything below, or is refused with 403.
    Must "webdav/4918/9.1/depth-infinity" = async |dav| {
        tree(dav).await?;
        let response = dav.propfind("", "infinity", "").await?;
        status(&response, &[207, 403])?;
        if response.status == 403 {
            Ok(Outcome::Pass)
        } else {
            names(&dav.listed("", "infinity").await?, TREE)
        }
    }

    /// Depth infinity is served, or is not.
    May "webdav/4918/9.1/infinity-served" = async |dav| {
        let response = dav.propfind("", "infinity", "").await?;
        status(&response, &[207, 403])?;
        Ok(Outcome::Choice(if response.status == 207 {
            "serves infinite depth"
        } else {
            "refuses infinite depth"
        }))
    }

    /// That depth infinity is not served is said by propfind-finite-depth.
    Should "webdav/4918/9.1.1/finite-depth" = async |dav| {
        let response = dav.propfind("", "infinity", "").await?;
        if response.status == 207 {
            return Ok(Outcome::Skip(Reason::Unsupported("refusing infinite depth")));
        }
        status(&response, &[403])?;
        condition(&response, "propfind-finite-depth").map(|_| Outcome::Pass)
    }

    /// The depth of a file does not matter.
    Must "webdav/4918/10.2/depth-of-file" = async |dav| {
        dav.put("a.txt", "a").await?;
        for depth in ["0", "1", "infinity"] {
            names(&dav.listed("a.txt", depth).await?, &["a.txt"])?;
        }
        Ok(Outcome::Pass)
    }

    /// Without Depth, PROPFIND is answered as with infinity.
    Should "webdav/4918/9.1/no-depth" = async |dav| {
        tree(dav).await?;
        let response = dav.ask("PROPFIND", "", &[], asking("<D:resourcetype/>")).await?;
        let infinite = dav.propfind("", "infinity", "").await?;
        status(&response, &[infinite.status])?;
        if response.status == 207 {
            let found = Multistatus::of(&response)?.members.len();
            check(found == TREE.len(), format!("{} responses", TREE.len()), found)?;
        }
        Ok(Outcome::Pass)
    }

    /// Without a body, PROPFIND is answered as with allprop.
    Must "webdav/4918/9.1/no-body" = async |dav| {
        dav.put("a.txt", "twelve chars").await?;
        dav.set("a.txt", "<c:note>n</c:note>").await?;
        alike(dav, "a.txt", "", ALLPROP).await?;
        let member = dav.find("a.txt", "").await?;
        let length = member.prop(DAV, "getcontentlength").map(|(_, prop)| prop.text());
        check(length.as_deref() == Some("12"), "values", member.brief())
    }

    /// Properties that are asked for by name come back with their values.
    Must "webdav/4918/9.1/prop" = async |dav| {
        dav.put("a.txt", "twelve chars").await?;
        let member = dav.props("a.txt", "<D:getcontentlength/><D:resourcetype/>").await?;
        let length =
            member.prop(DAV, "getcontentlength").map(|(code, prop)| (code, prop.text().trim().to_owned()));
        check(length == Some((200, "12".into())), "200 and 12 for getcontentlength", member.brief())?;
        check(found(&member).len() == 2, "the two properties", member.brief())
    }

    /// A property that does not exist is told as 404, beside those that do.
    Must "webdav/4918/9.1/missing-property" = async |dav| {
        dav.put("a.txt", "a").await?;
        let member = dav.props("a.txt", "<c:missing/><D:resourcetype/>").await?;
        let met = (member.code(OWN, "missing"), member.code(DAV, "resourcetype")) == (404, 200);
        check(met, "404 for missing, 200 for resourcetype", member.brief())
    }

    /// allprop tells of properties that clients made, with their values.
    Must "webdav/4918/9.1/allprop-own" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:note>text</c:note>").await?;
        let member = dav.find("a.txt", ALLPROP).await?;
        let note = member.found().find(|prop| prop.is(OWN, "note")).map(|prop| prop.text());
        check(note.as_deref() == Some("text"), "note with its text", member.brief())
    }

    /// allprop tells of the properties of RFC 4918 that the resource has.
    Must "webdav/4918/14.2/allprop-live" = async |dav| {
        dav.put("a.txt", "a").await?;
        const LIVE: &[&str] = &[
            "creationdate",
            "displayname",
            "getcontentlanguage",
            "getcontentlength",
            "getcontenttype",
            "getetag",
            "getlastmodified",
            "lockdiscovery",
            "resourcetype",
            "supportedlock",
        ];
        let asked: String = LIVE.iter().map(|name| format!("<D:{name}/>")).collect();
        let there = found(&dav.props("a.txt", &asked).await?);
        let all = dav.find("a.txt", ALLPROP).await?;
        let told = found(&all);
        let missing: Vec<_> = there.difference(&told).map(|(_, name)| name.as_str()).collect();
        check(
            missing.is_empty() && there.len() > 3,
            "every property that is there",
            format!("without {missing:?}"),
        )
    }

    /// allprop with include tells of the included properties too.
    Must "webdav/4918/9.1/include" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:note>text</c:note>").await?;
        let body = format!(
            "<D:propfind xmlns:D=\"DAV:\" xmlns:c=\"{OWN}\"><D:allprop/><D:include><c:missing/></D:include></D:propfind>"
        );
        let member = dav.find("a.txt", &body).await?;
        let met = (member.code(OWN, "missing"), member.code(OWN, "note"), member.code(DAV, "resourcetype"))
            == (404, 200, 200);
        check(met, "404 for the included, 200 for the others", member.brief())
    }

    /// propname tells all names, of live properties and of those that clients made.
    Must "webdav/4918/9.1/propname" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:note>text</c:note>").await?;
        let member = dav.find("a.txt", PROPNAME).await?;
        let met = [(OWN, "note"), (DAV, "resourcetype"), (DAV, "getcontentlength")]
            .map(|(space, name)| member.code(space, name));
        check(met == [200; 3], "note, resourcetype and getcontentlength", member.brief())
    }

    /// propname tells no values.
    Must "webdav/4918/14.21/names-only" = async |dav| {
        dav.put("a.txt", "a").await?;
        let member = dav.find("a.txt", PROPNAME).await?;
        let met = member.found().count() > 2 && member.found().all(|prop| prop.children.is_empty());
        check(met, "names without values", member.brief())
    }

    /// PROPFIND of what does not exist is answered with 404.
    Must "webdav/4918/9.1/missing" = async |dav| {
        status(&dav.propfind("missing", "0", "").await?, &[404])
    }

    /// The answer is XML, and says so.
    Must "webdav/4918/9.1/content-type" = async |dav| {
        let response = dav.propfind("", "0", "").await?;
        let kind = field(&response, "content-type")?
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        check(
            ["application/xml", "text/xml"].contains(&kind.as_str()),
            "application/xml or text/xml",
            response.brief(),
        )
    }

    /// A property stands at most once for a resource.
    Must "webdav/4918/9.1/once" = async |dav| {
        dav.put("a.txt", "a").await?;
        for text in ["first", "second"] {
            dav.set("a.txt", &format!("<c:note>{text}</c:note>")).await?;
        }
        for body in [ALLPROP, PROPNAME] {
            let member = dav.find("a.txt", body).await?;
            check(is_once(&member), "each property once", member.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// The prefix of the namespace is the client's choice, and so is a default namespace.
    Must "webdav/4918/14/prefixes" = async |dav| {
        dav.put("a.txt", "a").await?;
        for body in [
            "<propfind xmlns=\"DAV:\"><allprop/></propfind>",
            "<x1:propfind xmlns:x1='DAV:'><allprop xmlns=\"DAV:\"></allprop></x1:propfind>",
        ] {
            alike(dav, "a.txt", body, ALLPROP).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Elements of another namespace are not those of WebDAV, whatever their names.
    Must "webdav/4918/14/other-namespace" = async |dav| {
        for body in
            ["<D:propfind xmlns:D=\"urn:other\"><D:allprop/></D:propfind>", "<propfind><allprop/></propfind>"]
        {
            status(&dav.propfind("", "0", body).await?, &[400, 415, 422])?;
        }
        Ok(Outcome::Pass)
    }

    /// propfind with both allprop and propname is answered with 400.
    Must "webdav/4918/A.3/allprop-and-propname" = async |dav| {
        let body = "<D:propfind xmlns:D=\"DAV:\"><D:allprop/><D:propname/></D:propfind>";
        status(&dav.propfind("", "0", body).await?, &[400])
    }

    /// propfind with nothing that is known is answered with 400.
    Must "webdav/4918/A.4/nothing-known" = async |dav| {
        for inner in ["<E:expired-props xmlns:E=\"urn:e\"/>", ""] {
            let body = format!("<D:propfind xmlns:D=\"DAV:\">{inner}</D:propfind>");
            status(&dav.propfind("", "0", &body).await?, &[400])?;
        }
        Ok(Outcome::Pass)
    }

    /// Elements that are not known are passed over, with what is in them.
    Must "webdav/4918/17/unknown-elements" = async |dav| {
        dav.put("a.txt", "a").await?;
        let body = "<D:propfind xmlns:D=\"DAV:\" xmlns:E=\"urn:e\"><E:leave-out>*<D:prop/></E:leave-out><D:propname/><E:more/></D:propfind>";
        alike(dav, "a.txt", body, PROPNAME).await
    }

    /// Attributes that are not known are passed over.
    Must "webdav/4918/17/unknown-attributes" = async |dav| {
        dav.put("a.txt", "a").await?;
        let body = "<D:propfind xmlns:D=\"DAV:\" xmlns:E=\"urn:e\" E:a=\"1\" b=\"2\"><D:propname E:c=\"3\"/></D:propfind>";
        alike(dav, "a.txt", body, PROPNAME).await
    }

    /// Processing instructions and comments are passed over.
    Should "webdav/4918/17/instructions" = async |dav| {
        dav.put("a.txt", "a").await?;
        let body = "<?xml version=\"1.0\"?><?ignore this?><!-- and this --><D:propfind xmlns:D=\"DAV:\"><?or this?><D:propname/><!-- too --></D:propfind>";
        alike(dav, "a.txt", body, PROPNAME).await
    }

    /// Bodies in UTF-16 are read.
    Must "webdav/4918/19/utf-16" = async |dav| {
        dav.put("a.txt", "a").await?;
        let text = format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-16\"?>{PROPNAME}");
        for (charset, octets) in [
            ("utf-16le", text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
            ("utf-16be", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ] {
            let response =
                dav.ask("PROPFIND", "a.txt", &["Depth: 0", "Content-Type: application/xml"], octets).await?;
            let member = Multistatus::of(&response)?.one()?;
            check(
                member.code(DAV, "resourcetype") == 200,
                format!("names, asked for in {charset}"),
                response.brief(),
            )?;
        }
        Ok(Outcome::Pass)
    }
}
