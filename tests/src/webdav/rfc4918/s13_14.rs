//! RFC 4918 §13 and §14: the form of what is answered.

use std::collections::BTreeSet;

use crate::case::{Verdict, check};
use crate::webdav::client::{ALLPROP, Dav, asking};
use crate::webdav::dav_cases;
use crate::webdav::multistatus::{Multistatus, document};
use crate::webdav::xml::{DAV, Element};
use crate::{Broken, Outcome};

/// The document that PROPFIND answers with, of a collection and a file, with properties that are there and that are not.
async fn found(dav: &mut Dav<'_>) -> Result<Element, Broken> {
    dav.put("a.txt", "a").await?;
    let response =
        dav.propfind("", "1", &asking("<D:resourcetype/><D:getcontentlength/><c:missing/>")).await?;
    Multistatus::of(&response)?;
    document(&response)
}

/// Each response of the document is like this.
fn each(root: &Element, expected: &str, met: impl Fn(&Element) -> bool) -> Verdict {
    let wrong = root.elements().filter(|it| it.is(DAV, "response")).find(|response| !met(response));
    check(wrong.is_none(), expected, wrong.map(Element::write).unwrap_or_default())
}

fn count(element: &Element, name: &str) -> usize {
    element.elements().filter(|it| it.is(DAV, name)).count()
}

dav_cases! {
    /// Each response of a 207 has one href, and for properties propstat rather than status.
    Must "webdav/4918/13/responses" = async |dav| {
        let root = found(dav).await?;
        check(count(&root, "response") == 2, "two responses", root.write())?;
        each(&root, "one href, propstat, and no status", |it| {
            count(it, "href") == 1 && count(it, "propstat") > 0 && count(it, "status") == 0
        })
    }

    /// Each propstat has one prop and one status, and every property stands in one of them.
    Must "webdav/4918/14.22/propstat" = async |dav| {
        let root = found(dav).await?;
        let well = |stat: &Element| count(stat, "prop") == 1 && count(stat, "status") == 1;
        each(&root, "one prop and one status, for three properties", |it| {
            let stats: Vec<_> = it.elements().filter(|it| it.is(DAV, "propstat")).collect();
            let props = stats
                .iter()
                .filter_map(|stat| stat.dav("prop"))
                .map(|prop| prop.elements().count())
                .sum::<usize>();
            stats.iter().all(|stat| well(stat)) && props == 3
        })
    }

    /// A status is a status line: a version, three digits, and a reason.
    Must "webdav/4918/14.28/status" = async |dav| {
        let root = found(dav).await?;
        let line = |status: &Element| {
            let text = status.text();
            let mut words = text.splitn(3, ' ');
            let version =
                words.next().is_some_and(|word| matches!(word, "HTTP/1.1" | "HTTP/1.0" | "HTTP/2.0"));
            let code = words
                .next()
                .is_some_and(|word| word.len() == 3 && word.bytes().all(|octet| octet.is_ascii_digit()));
            version && code && words.next().is_some()
        };
        each(&root, "a status line", |it| {
            it.elements().filter(|it| it.is(DAV, "propstat")).all(|stat| stat.dav("status").is_some_and(line))
        })
    }

    /// No href stands twice.
    Must "webdav/4918/14.24/href-once" = async |dav| {
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        dav.put("b.txt", "b").await?;
        let found = Multistatus::of(&dav.propfind("", "1", ALLPROP).await?)?;
        let hrefs: BTreeSet<_> =
            found.members.iter().map(|member| member.href.trim_end_matches('/')).collect();
        check(hrefs.len() == found.members.len() && hrefs.len() == 3, "three URLs, each once", found.brief)
    }

    /// An href is an absolute path or a URI, without what has to be escaped.
    Must "webdav/4918/14.7/href" = async |dav| {
        dav.put("a%20b.txt", "a").await?;
        let found = Multistatus::of(&dav.propfind("", "1", ALLPROP).await?)?;
        let well = |href: &str| {
            (href.starts_with('/') || href.contains("://"))
                && href.bytes().all(|octet| octet.is_ascii_graphic())
        };
        check(found.members.iter().all(|member| well(&member.href)), "URLs", found.brief)
    }

    /// resourcetype of a collection has collection in it, and that of a file has not.
    Must "webdav/4918/14.3/collection" = async |dav| {
        dav.put("a.txt", "a").await?;
        let of_file = dav.live("a.txt", "resourcetype").await?;
        let of_home = dav.live("", "resourcetype").await?;
        let kind = |kind: &Option<Element>| kind.as_ref().map(|kind| kind.dav("collection").is_some());
        check(
            (kind(&of_home), kind(&of_file)) == (Some(true), Some(false)),
            "collection of the collection only",
            format!("{of_file:?} {of_home:?}"),
        )
    }

    /// A 207 has no status of 100 to 199.
    Should "webdav/4918/13/no-interim" = async |dav| {
        dav.put("a.txt", "a").await?;
        let found = Multistatus::of(&dav.propfind("", "1", ALLPROP).await?)?;
        let codes = found
            .members
            .iter()
            .flat_map(|member| member.stats.iter().map(|stat| stat.status).chain(member.status));
        check(codes.into_iter().all(|code| code >= 200), "codes from 200 up", &found.brief)
    }

    /// The elements of WebDAV stand in its namespace, and only elements that an RFC has.
    Should "webdav/4918/17/only-known" = async |dav| {
        let root = found(dav).await?;
        let known = |it: &&Element| {
            ["response", "responsedescription"].contains(&it.name.as_str()) || it.space != DAV
        };
        check(root.elements().all(|it| known(&it)), "responses", root.write())?;
        each(&root, "the parts of a response", |it| {
            it.elements().all(|part| {
                part.space != DAV
                    || ["href", "propstat", "status", "error", "responsedescription", "location"]
                        .contains(&part.name.as_str())
            })
        })?;
        Ok(Outcome::Pass)
    }
}
