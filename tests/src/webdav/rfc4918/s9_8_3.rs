//! RFC 4918 §9.8.3, §9.8.4 and §9.9.2: COPY and MOVE of collections.

use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::{Dav, keeping, locking};
use crate::webdav::multistatus::Multistatus;
use crate::webdav::{dav_cases, names};
use crate::{Broken, Outcome};

/// A collection with members of two levels.
async fn tree(dav: &mut Dav<'_>) -> Result<(), Broken> {
    dav.mkcol("c/").await?;
    dav.put("c/a.txt", "a").await?;
    dav.mkcol("c/d/").await?;
    dav.put("c/d/b.txt", "b").await?;
    Ok(())
}

dav_cases! {
    /// COPY of a collection copies all that is in it, with Depth: infinity and without Depth.
    Must "webdav/4918/9.8.3/infinity" = async |dav| {
        tree(dav).await?;
        for (fields, to) in [(&[][..], "e/"), (&["Depth: infinity"][..], "f/")] {
            status(&dav.transfer("COPY", "c/", to, fields).await?, &[201])?;
            dav.holds(&format!("{to}a.txt"), "a").await?;
            dav.holds(&format!("{to}d/b.txt"), "b").await?;
        }
        dav.holds("c/d/b.txt", "b").await
    }

    /// COPY of a collection with Depth: 0 copies none of its members.
    Must "webdav/4918/9.8.3/depth-0" = async |dav| {
        tree(dav).await?;
        status(&dav.transfer("COPY", "c/", "e/", &["Depth: 0"]).await?, &[201])?;
        names(&dav.listed("e/", "1").await?, &["e"])
    }

    /// COPY of a collection copies the properties of it and of its members.
    Should "webdav/4918/9.8.3/properties" = async |dav| {
        keeping!(dav);
        tree(dav).await?;
        dav.set("c/", "<c:note>of c</c:note>").await?;
        dav.set("c/d/b.txt", "<c:note>of b</c:note>").await?;
        dav.transfer("COPY", "c/", "e/", &[]).await?;
        dav.own_is("e/", "note", Some("of c")).await?;
        dav.own_is("e/d/b.txt", "note", Some("of b")).await?;
        dav.transfer("COPY", "c/", "f/", &["Depth: 0"]).await?;
        dav.own_is("f/", "note", Some("of c")).await
    }

    /// A collection that is copied over has the members of the source, and no others.
    Must "webdav/4918/9.8.4/not-merged" = async |dav| {
        tree(dav).await?;
        dav.mkcol("e/").await?;
        dav.put("e/old.txt", "old").await?;
        dav.mkcol("e/d/").await?;
        dav.put("e/d/old.txt", "old").await?;
        status(&dav.transfer("COPY", "c/", "e/", &[]).await?, &[204])?;
        names(&dav.listed("e/", "1").await?, &["e", "e/a.txt", "e/d"])?;
        names(&dav.listed("e/d/", "1").await?, &["e/d", "e/d/b.txt"])
    }

    /// A file takes the place of a collection, and a collection that of a file.
    Must "webdav/4918/9.8.4/other-kind" = async |dav| {
        tree(dav).await?;
        dav.put("x.txt", "x").await?;
        status(&dav.transfer("COPY", "x.txt", "c/d", &[]).await?, &[204])?;
        dav.holds("c/d", "x").await?;
        status(&dav.transfer("COPY", "c/", "x.txt", &[]).await?, &[204])?;
        dav.holds("x.txt/a.txt", "a").await
    }

    /// COPY of a collection with Overwrite: F is answered with 412 where something is, and changes nothing.
    Must "webdav/4918/9.8.4/overwrite-f" = async |dav| {
        tree(dav).await?;
        dav.mkcol("e/").await?;
        dav.put("e/old.txt", "old").await?;
        status(&dav.transfer("COPY", "c/", "e/", &["Overwrite: F"]).await?, &[412])?;
        names(&dav.listed("e/", "1").await?, &["e", "e/old.txt"])
    }

    /// COPY of a collection into itself comes to an end, and leaves what was there.
    Must "webdav/4918/9.8.3/into-itself" = async |dav| {
        tree(dav).await?;
        let response = dav.transfer("COPY", "c/", "c/d/e/", &[]).await?;
        check(response.status < 500 || response.status == 507, "an answer", response.brief())?;
        dav.holds("c/a.txt", "a").await?;
        dav.holds("c/d/b.txt", "b").await
    }

    /// MOVE of a collection into itself is refused, and loses nothing.
    Robust "webdav/4918/9.9.2/into-itself" = async |dav| {
        tree(dav).await?;
        let response = dav.transfer("MOVE", "c/", "c/d/e/", &[]).await?;
        check(!response.is_success() || response.status == 207, "a refusal", response.brief())?;
        dav.holds("c/a.txt", "a").await?;
        dav.holds("c/d/b.txt", "b").await
    }

    /// COPY and MOVE over the collection that the source is in lose nothing.
    Robust "webdav/4918/9.8.4/over-parent" = async |dav| {
        tree(dav).await?;
        for method in ["COPY", "MOVE"] {
            let response = dav.transfer(method, "c/d/", "c/", &[]).await?;
            if !response.is_success() {
                dav.holds("c/a.txt", "a").await?;
                dav.holds("c/d/b.txt", "b").await?;
                continue;
            }
            return dav.holds("c/b.txt", "b").await;
        }
        Ok(Outcome::Pass)
    }

    /// A locked member of the destination stays, and is told of, where COPY had to replace it.
    Must "webdav/4918/9.8.3/locked-member" = async |dav| {
        locking!(dav);
        tree(dav).await?;
        dav.mkcol("e/").await?;
        dav.put("e/a.txt", "old").await?;
        dav.exclusive("e/a.txt").await?;
        let response = dav.transfer("COPY", "c/", "e/", &[]).await?;
        status(&response, &[207, 423])?;
        dav.holds("e/a.txt", "old").await?;
        if response.status == 207 {
            let found = Multistatus::of(&response)?;
            let mut told = false;
            for member in &found.members {
                told |= dav.named(&member.href)? == "e/a.txt" && member.status == Some(423);
            }
            return check(told, "423 for e/a.txt", found.brief);
        }
        Ok(Outcome::Pass)
    }

    /// MOVE of a collection takes all that is in it along, with Depth: infinity and without Depth.
    Must "webdav/4918/9.9.2/infinity" = async |dav| {
        tree(dav).await?;
        status(&dav.transfer("MOVE", "c/", "e/", &[]).await?, &[201])?;
        status(&dav.transfer("MOVE", "e/", "f/", &["Depth: infinity"]).await?, &[201])?;
        dav.holds("f/a.txt", "a").await?;
        dav.holds("f/d/b.txt", "b").await?;
        names(&dav.listed("", "1").await?, &["", "f"])
    }

    /// MOVE of a collection is never of the collection alone: another depth than infinity is refused, or passed over.
    Must "webdav/4918/9.9.2/depth" = async |dav| {
        tree(dav).await?;
        let response = dav.transfer("MOVE", "c/", "e/", &["Depth: 0"]).await?;
        let at = if response.is_success() { "e/" } else { "c/" };
        dav.holds(&format!("{at}d/b.txt"), "b").await?;
        names(&dav.listed("", "1").await?, &["", at.trim_end_matches('/')])
    }

    /// MOVE over a collection removes what was in it.
    Must "webdav/4918/9.9.3/replaced" = async |dav| {
        tree(dav).await?;
        dav.mkcol("e/").await?;
        dav.put("e/old.txt", "old").await?;
        status(&dav.transfer("MOVE", "c/", "e/", &["Overwrite: T"]).await?, &[204])?;
        names(&dav.listed("e/", "1").await?, &["e", "e/a.txt", "e/d"])?;
        names(&dav.listed("", "1").await?, &["", "e"])
    }

    /// A collection with a locked member is not moved without the token: the member stays where it is.
    Must "webdav/4918/9.9.2/locked-member" = async |dav| {
        locking!(dav);
        tree(dav).await?;
        dav.exclusive("c/d/b.txt").await?;
        let response = dav.transfer("MOVE", "c/", "e/", &[]).await?;
        status(&response, &[207, 423])?;
        dav.holds("c/d/b.txt", "b").await
    }
}
