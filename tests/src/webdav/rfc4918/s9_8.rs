//! RFC 4918 §9.8: COPY, of files, and what COPY and MOVE have in common.

use crate::Outcome;
use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::{keeping, locking};
use crate::webdav::{condition, dav_cases, names, refused};

/// Both methods, each with files of its own.
const BOTH: [(&str, &str); 2] = [("COPY", "a.txt"), ("MOVE", "b.txt")];

dav_cases! {
    /// COPY makes a file with the same content, says so by 201, and leaves the first.
    Must "webdav/4918/9.8.5/created" = async |dav| {
        dav.put("a.txt", "text").await?;
        status(&dav.transfer("COPY", "a.txt", "b.txt", &[]).await?, &[201])?;
        dav.holds("b.txt", "text").await?;
        dav.holds("a.txt", "text").await
    }

    /// COPY and MOVE over what is there are answered with 204.
    Must "webdav/4918/9.8.5/replaced" = async |dav| {
        for (method, from) in BOTH {
            dav.put(from, "text").await?;
            dav.put("to.txt", "old, and longer").await?;
            status(&dav.transfer(method, from, "to.txt", &[]).await?, &[204])?;
            dav.holds("to.txt", "text").await?;
        }
        Ok(Outcome::Pass)
    }

    /// A copy is independent of what it was made of.
    Must "webdav/4918/9.8.1/independent" = async |dav| {
        dav.put("a.txt", "text").await?;
        dav.set("a.txt", "<c:note>old</c:note>").await?;
        dav.transfer("COPY", "a.txt", "b.txt", &[]).await?;
        dav.put("a.txt", "new a").await?;
        dav.holds("b.txt", "text").await?;
        dav.put("b.txt", "new b").await?;
        dav.holds("a.txt", "new a").await
    }

    /// A copy has the properties that clients made.
    Should "webdav/4918/9.8.2/properties" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "text").await?;
        dav.set("a.txt", "<c:note>text</c:note>").await?;
        dav.transfer("COPY", "a.txt", "b.txt", &[]).await?;
        dav.own_is("b.txt", "note", Some("text")).await?;
        dav.own_is("a.txt", "note", Some("text")).await
    }

    /// A copy over what is there has the properties of its source only.
    Should "webdav/4918/9.8.2/old-properties" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "text").await?;
        dav.set("a.txt", "<c:note>new</c:note>").await?;
        dav.put("b.txt", "old").await?;
        dav.set("b.txt", "<c:note>old</c:note>").await?;
        dav.transfer("COPY", "a.txt", "b.txt", &[]).await?;
        dav.own_is("b.txt", "note", Some("new")).await
    }

    /// COPY and MOVE with Overwrite: F are answered with 412 where something is, and leave it.
    Must "webdav/4918/10.6/overwrite-f" = async |dav| {
        for (method, from) in BOTH {
            dav.put(from, "text").await?;
            dav.put("to.txt", "old").await?;
            status(&dav.transfer(method, from, "to.txt", &["Overwrite: F"]).await?, &[412])?;
            dav.holds("to.txt", "old").await?;
            dav.holds(from, "text").await?;
        }
        Ok(Outcome::Pass)
    }

    /// COPY and MOVE with Overwrite: F are done where nothing is.
    Must "webdav/4918/10.6/overwrite-f-free" = async |dav| {
        for (method, from) in BOTH {
            dav.put(from, "text").await?;
            let to = format!("to-{from}");
            status(&dav.transfer(method, from, &to, &["Overwrite: F"]).await?, &[201])?;
            dav.holds(&to, "text").await?;
        }
        Ok(Outcome::Pass)
    }

    /// COPY and MOVE with Overwrite: T replace what is there, as those without Overwrite do.
    Must "webdav/4918/10.6/overwrite-t" = async |dav| {
        for (method, from) in BOTH {
            dav.put(from, "text").await?;
            dav.put("to.txt", "old").await?;
            status(&dav.transfer(method, from, "to.txt", &["Overwrite: T"]).await?, &[204])?;
            dav.holds("to.txt", "text").await?;
        }
        Ok(Outcome::Pass)
    }

    /// COPY and MOVE to a collection that does not exist are answered with 409, and make none.
    Must "webdav/4918/9.8.5/no-parent" = async |dav| {
        dav.put("a.txt", "text").await?;
        dav.mkcol("c/").await?;
        for (method, from) in [("COPY", "a.txt"), ("MOVE", "a.txt"), ("COPY", "c/"), ("MOVE", "c/")] {
            status(&dav.transfer(method, from, "missing/to", &[]).await?, &[409])?;
        }
        names(&dav.listed("", "1").await?, &["", "a.txt", "c"])
    }

    /// COPY and MOVE onto the resource itself are answered with 403.
    Should "webdav/4918/9.8.5/onto-itself" = async |dav| {
        dav.put("a.txt", "text").await?;
        for method in ["COPY", "MOVE"] {
            status(&dav.transfer(method, "a.txt", "a.txt", &[]).await?, &[403])?;
        }
        Ok(Outcome::Pass)
    }

    /// COPY and MOVE onto the resource itself lose nothing.
    Robust "webdav/4918/9.8.5/itself-stays" = async |dav| {
        dav.put("a.txt", "text").await?;
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "in c").await?;
        for method in ["COPY", "MOVE"] {
            dav.transfer(method, "a.txt", "a.txt", &[]).await?;
            dav.transfer(method, "c/", "c/", &[]).await?;
        }
        dav.holds("a.txt", "text").await?;
        dav.holds("c/a.txt", "in c").await
    }

    /// COPY and MOVE to another server fail, where they cannot be done, and leave everything.
    Must "webdav/4918/10.3/other-server" = async |dav| {
        dav.put("a.txt", "text").await?;
        for method in ["COPY", "MOVE"] {
            let to = format!("Destination: http://other.invalid{}", dav.at("b.txt"));
            let response = dav.ask(method, "a.txt", &[&to], "").await?;
            check(response.status >= 400, "4xx or 5xx", response.brief())?;
        }
        dav.holds("a.txt", "text").await?;
        dav.lacks("b.txt").await
    }

    /// That the destination is on another server is said by 502.
    Should "webdav/4918/9.8.5/bad-gateway" = async |dav| {
        dav.put("a.txt", "text").await?;
        let to = format!("Destination: http://other.invalid{}", dav.at("b.txt"));
        status(&dav.ask("COPY", "a.txt", &[&to], "").await?, &[502])
    }

    /// COPY and MOVE without Destination are refused.
    Must "webdav/4918/9.8/no-destination" = async |dav| {
        dav.put("a.txt", "text").await?;
        for method in ["COPY", "MOVE"] {
            refused(&dav.ask(method, "a.txt", &[], "").await?)?;
        }
        dav.holds("a.txt", "text").await
    }

    /// A Destination that is no URL is answered with 400.
    Should "webdav/4918/10.3/malformed" = async |dav| {
        dav.put("a.txt", "text").await?;
        for to in ["Destination: b.txt", "Destination: http://", "Destination: /%zz"] {
            status(&dav.ask("COPY", "a.txt", &[to], "").await?, &[400])?;
        }
        Ok(Outcome::Pass)
    }

    /// COPY and MOVE of what does not exist are answered with 404.
    Must "webdav/4918/9.8/missing" = async |dav| {
        dav.put("to.txt", "old").await?;
        for method in ["COPY", "MOVE"] {
            status(&dav.transfer(method, "missing", "to.txt", &[]).await?, &[404])?;
        }
        dav.holds("to.txt", "old").await
    }

    /// That the destination is locked is said by lock-token-submitted.
    Should "webdav/4918/9.8.5/lock-token-submitted" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "text").await?;
        dav.put("b.txt", "old").await?;
        dav.exclusive("b.txt").await?;
        for method in ["COPY", "MOVE"] {
            let response = dav.transfer(method, "a.txt", "b.txt", &[]).await?;
            status(&response, &[423])?;
            let href = condition(&response, "lock-token-submitted")?.text();
            check(dav.named(href.trim())? == "b.txt", "b.txt", response.brief())?;
        }
        Ok(Outcome::Pass)
    }
}
