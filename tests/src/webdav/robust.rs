//! What no sentence of a document demands, and what servers have failed by.

use super::client::{ALLPROP, Who, keeping, removing};
use super::lock::{Scope, lockinfo};
use super::multistatus::Multistatus;
use super::{client::locking, dav_cases, names, refused};
use crate::Outcome;
use crate::case::check;
use crate::http::expect::status;

dav_cases! {
    /// A depth that there is not is refused.
    Robust "webdav/robust/depth/unknown" = async |dav| {
        dav.put("a.txt", "a").await?;
        for depth in ["2", "-1", "zero", "0, 1"] {
            status(&dav.propfind("", depth, "").await?, &[400])?;
        }
        Ok(Outcome::Pass)
    }

    /// COPY of a collection with Depth: 1 is refused.
    Robust "webdav/robust/depth/copy-1" = async |dav| {
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        refused(&dav.transfer("COPY", "c/", "d/", &["Depth: 1"]).await?)?;
        names(&dav.listed("", "1").await?, &["", "c"])
    }

    /// An Overwrite that is neither T nor F replaces nothing.
    Robust "webdav/robust/overwrite/unknown" = async |dav| {
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "b").await?;
        refused(&dav.transfer("COPY", "a.txt", "b.txt", &["Overwrite: maybe"]).await?)?;
        dav.holds("b.txt", "b").await
    }

    /// PROPPATCH without propertyupdate, or with nothing in it to do, is refused.
    Robust "webdav/robust/proppatch/nothing" = async |dav| {
        dav.put("a.txt", "a").await?;
        for body in [
            "",
            "<D:propfind xmlns:D=\"DAV:\"><D:allprop/></D:propfind>",
            "<D:propertyupdate xmlns:D=\"DAV:\"/>",
        ] {
            refused(&dav.ask("PROPPATCH", "a.txt", &[], body).await?)?;
        }
        Ok(Outcome::Pass)
    }

    /// PROPPATCH of what does not exist is answered with 404, and makes nothing.
    Robust "webdav/robust/proppatch/missing" = async |dav| {
        status(&dav.proppatch("missing", &removing("<c:note/>")).await?, &[404])?;
        dav.lacks("missing").await
    }

    /// Destination cannot leave the root by dot segments, plain or escaped.
    Robust "webdav/robust/destination/dots" = async |dav| {
        dav.put("a.txt", "a").await?;
        for up in ["/..".repeat(12), "/%2e%2e".repeat(12), format!("/{}", "..%2f".repeat(12))] {
            let field = format!("Destination: {up}/tmp/ropewalk-conform");
            let response = dav.ask("COPY", "a.txt", &[&field], "").await?;
            if response.is_success() {
                // Below the root the dots may lead nowhere: then that is where the copy is.
                let removed = dav.ask("DELETE", "/tmp/ropewalk-conform", &[], "").await?;
                check(removed.is_success(), "a copy below the root, or none", response.brief())?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// A property that is asked for twice is told of once.
    Robust "webdav/robust/properties/asked-twice" = async |dav| {
        dav.put("a.txt", "a").await?;
        let member = dav.props("a.txt", "<D:resourcetype/><c:note/><D:resourcetype/><c:note/>").await?;
        check(super::rfc4918::is_once(&member), "each property once", member.brief())
    }

    /// Many properties of one file are kept, and told of together.
    Robust "webdav/robust/properties/many" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        let props: String = (0..100).map(|at| format!("<c:p{at}>{at}</c:p{at}>")).collect();
        check(dav.set("a.txt", &props).await?, "200 for all", "a failure")?;
        let member = dav.find("a.txt", ALLPROP).await?;
        let met = (0..100).all(|at: u32| {
            member
                .found()
                .any(|prop| prop.is(super::xml::OWN, &format!("p{at}")) && prop.text() == at.to_string())
        });
        check(met, "100 properties", member.found().count())
    }

    /// A body of deeply nested elements is answered, and the server goes on.
    Robust "webdav/robust/xml/deep" = async |dav| {
        let depth = 20_000;
        let body = format!(
            "<D:propfind xmlns:D=\"DAV:\"><D:prop>{}{}</D:prop></D:propfind>",
            "<a>".repeat(depth),
            "</a>".repeat(depth)
        );
        let response = dav.propfind("", "0", &body).await?;
        check(
            response.status == 207 || (400..500).contains(&response.status),
            "207 or 4xx",
            response.status,
        )?;
        Multistatus::of(&dav.propfind("", "0", "").await?)?;
        Ok(Outcome::Pass)
    }

    /// The same name with another case is another resource, or the same everywhere.
    Robust "webdav/robust/names/case" = async |dav| {
        dav.put("a.txt", "small").await?;
        dav.put("A.txt", "large").await?;
        let small = dav.ask("GET", "a.txt", &[], "").await?;
        let listed = dav.listed("", "1").await?;
        let two = small.body == b"small" && listed == ["", "A.txt", "a.txt"];
        check(
            two || (small.body == b"large" && listed.len() == 2),
            "two files, or one",
            format!("{listed:?}"),
        )
    }

    /// What is locked by a name is locked by every name of it.
    Robust "webdav/robust/lock/other-names" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.exclusive("a.txt").await?;
        for name in ["%61.txt", "a%2Etxt", "/./a.txt", "x/../a.txt"] {
            let name = name.strip_prefix("/./").map_or(name.to_owned(), |rest| dav.at(&format!("./{rest}")));
            let response = dav.ask("PUT", &name, &[], "b").await?;
            check(!response.is_success(), "a refusal", response.brief())?;
        }
        dav.holds("a.txt", "a").await
    }

    /// A lock with an owner of great length is granted or refused, and the server goes on.
    Robust "webdav/robust/lock/long-owner" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let body = lockinfo(Scope::Exclusive, &"ann ".repeat(256 * 1024));
        let response = dav.lock_by(Who::Account, "a.txt", &["Depth: 0"], &body).await?;
        check(
            response.status < 500 || response.status == 507,
            "an answer that is no failure",
            response.status,
        )?;
        dav.holds("a.txt", "a").await
    }
}
