//! RFC 4918 §9.9: MOVE, of files.

use std::time::Duration;

use tokio::time::sleep;

use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::keeping;
use crate::webdav::{dav_cases, names};
use crate::{Outcome, Reason};

dav_cases! {
    /// MOVE gives a file another name, says so by 201, and leaves nothing at the first.
    Must "webdav/4918/9.9.4/created" = async |dav| {
        dav.put("a.txt", "text").await?;
        status(&dav.transfer("MOVE", "a.txt", "b.txt", &[]).await?, &[201])?;
        dav.holds("b.txt", "text").await?;
        dav.lacks("a.txt").await?;
        names(&dav.listed("", "1").await?, &["", "b.txt"])
    }

    /// MOVE into another collection takes a file out of the first.
    Must "webdav/4918/9.9/collection" = async |dav| {
        dav.mkcol("c/").await?;
        dav.put("a.txt", "text").await?;
        status(&dav.transfer("MOVE", "a.txt", "c/a.txt", &[]).await?, &[201])?;
        names(&dav.listed("", "1").await?, &["", "c"])?;
        dav.holds("c/a.txt", "text").await
    }

    /// Properties that clients made go along with what is moved, files and collections with their members.
    Must "webdav/4918/9.9.1/properties" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "text").await?;
        dav.mkcol("c/").await?;
        dav.put("c/b.txt", "b").await?;
        for (name, note) in [("a.txt", "of a"), ("c/", "of c"), ("c/b.txt", "of b")] {
            dav.set(name, &format!("<c:note>{note}</c:note>")).await?;
        }
        dav.transfer("MOVE", "a.txt", "x.txt", &[]).await?;
        dav.transfer("MOVE", "c/", "d/", &[]).await?;
        for (name, note) in [("x.txt", "of a"), ("d/", "of c"), ("d/b.txt", "of b")] {
            dav.own_is(name, "note", Some(note)).await?;
        }
        Ok(Outcome::Pass)
    }

    /// Properties do not stay behind: what is made at the old name has none of them.
    Must "webdav/4918/9.9.1/none-behind" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "text").await?;
        dav.set("a.txt", "<c:note>old</c:note>").await?;
        dav.transfer("MOVE", "a.txt", "b.txt", &[]).await?;
        dav.put("a.txt", "new").await?;
        dav.own_is("a.txt", "note", None).await
    }

    /// MOVE over a file leaves none of the properties that it had.
    Must "webdav/4918/9.9.3/old-properties" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "text").await?;
        dav.put("b.txt", "old").await?;
        dav.set("b.txt", "<c:note>old</c:note>").await?;
        status(&dav.transfer("MOVE", "a.txt", "b.txt", &[]).await?, &[204])?;
        dav.own_is("b.txt", "note", None).await
    }

    /// The date of creation stays when a file is moved.
    Should "webdav/4918/9.9.1/creationdate" = async |dav| {
        dav.put("a.txt", "text").await?;
        let Some(before) = dav.live("a.txt", "creationdate").await? else {
            return Ok(Outcome::Skip(Reason::Unsupported("creationdate")));
        };
        sleep(Duration::from_millis(1100)).await;
        dav.transfer("MOVE", "a.txt", "b.txt", &[]).await?;
        let after = dav.live("b.txt", "creationdate").await?.map(|date| date.text());
        check(after.as_ref() == Some(&before.text()), before.text(), format!("{after:?}"))
    }
}
