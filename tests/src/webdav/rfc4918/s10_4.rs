//! RFC 4918 §10.4: the field If.

use crate::case::{Verdict, check};
use crate::http::expect::status;
use crate::webdav::client::{Dav, locking};
use crate::webdav::{dav_cases, refused};
use crate::{Broken, Outcome, Reason};

/// What PUT may answer where the condition is met.
const MET: &[u16] = &[200, 201, 204];

/// A token that no lock has.
const NONE: &str = "urn:uuid:00000000-0000-4000-8000-000000000000";

/// The ETag of a file, as it is sent.
async fn etag(dav: &mut Dav<'_>, name: &str) -> Result<Option<String>, Broken> {
    let response = dav.ask("GET", name, &[], "").await?;
    Ok(response.field("etag").map(str::to_owned))
}

const NO_ETAG: Outcome = Outcome::Skip(Reason::Unsupported("ETag"));

/// PUT of a file with this If.
async fn put(dav: &mut Dav<'_>, name: &str, condition: &str, allowed: &[u16]) -> Verdict {
    dav.writes(name, &[&format!("If: {condition}")], allowed).await
}

dav_cases! {
    /// A list is met by the file's ETag, and no list by another.
    Must "webdav/4918/10.4.4/etag" = async |dav| {
        dav.put("a.txt", "a").await?;
        let Some(etag) = etag(dav, "a.txt").await? else { return Ok(NO_ETAG) };
        put(dav, "a.txt", "([\"no-such-tag\"])", &[412]).await?;
        put(dav, "a.txt", &format!("([{etag}])"), MET).await
    }

    /// A list is met by the token of the file's lock, and by no token that it does not have.
    Must "webdav/4918/10.4.4/token" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        put(dav, "a.txt", &format!("(<{NONE}>)"), &[412]).await?;
        put(dav, "a.txt", &format!("(<{}>)", lock.token), MET).await
    }

    /// A token that no lock has fails the request, where nothing is locked too.
    Must "webdav/4918/10.4.3/false" = async |dav| {
        dav.put("a.txt", "a").await?;
        put(dav, "a.txt", &format!("(<{NONE}>)"), &[412]).await
    }

    /// Not turns a condition round, and only the one behind it.
    Must "webdav/4918/10.4.3/not" = async |dav| {
        dav.put("a.txt", "a").await?;
        let Some(etag) = etag(dav, "a.txt").await? else { return Ok(NO_ETAG) };
        put(dav, "a.txt", &format!("(Not [{etag}])"), &[412]).await?;
        put(dav, "a.txt", &format!("(Not <{NONE}> [\"no-such-tag\"])"), &[412]).await?;
        put(dav, "a.txt", &format!("(Not [\"no-such-tag\"] [{etag}])"), MET).await
    }

    /// All conditions of a list have to be met.
    Must "webdav/4918/10.4.3/and" = async |dav| {
        dav.put("a.txt", "a").await?;
        let Some(etag) = etag(dav, "a.txt").await? else { return Ok(NO_ETAG) };
        for list in [format!("([{etag}] <{NONE}>)"), format!("(<{NONE}> [{etag}])")] {
            put(dav, "a.txt", &list, &[412]).await?;
        }
        put(dav, "a.txt", &format!("([{etag}] Not <{NONE}>)"), MET).await
    }

    /// One of the lists has to be met.
    Must "webdav/4918/10.4.3/or" = async |dav| {
        dav.put("a.txt", "a").await?;
        let Some(first) = etag(dav, "a.txt").await? else { return Ok(NO_ETAG) };
        put(dav, "a.txt", &format!("(<{NONE}>) ([{first}])"), MET).await?;
        let Some(second) = etag(dav, "a.txt").await? else { return Ok(NO_ETAG) };
        put(dav, "a.txt", &format!("([{second}])(<{NONE}>)"), MET).await?;
        put(dav, "a.txt", &format!("(<{NONE}>) ([\"no-such-tag\"])"), &[412]).await
    }

    /// (Not <DAV:no-lock>) is always met.
    Must "webdav/4918/10.4.8/no-lock" = async |dav| {
        dav.put("a.txt", "a").await?;
        put(dav, "a.txt", "(<DAV:no-lock>)", &[412]).await?;
        put(dav, "a.txt", "(Not <DAV:no-lock>)", MET).await?;
        if dav.locks().await? {
            let lock = dav.exclusive("a.txt").await?;
            put(dav, "a.txt", "(<DAV:no-lock>)", &[412]).await?;
            put(dav, "a.txt", "(Not <DAV:no-lock>)", &[423]).await?;
            put(dav, "a.txt", &format!("(<{}>) (Not <DAV:no-lock>)", lock.token), MET).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A token is submitted even by a list that is not met.
    Must "webdav/4918/10.4.1/submitted" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        put(dav, "a.txt", &format!("(<{}> [\"no-such-tag\"]) (Not <DAV:no-lock>)", lock.token), MET).await
    }

    /// A list behind a tag is about the resource of the tag.
    Must "webdav/4918/10.4.2/tagged" = async |dav| {
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "other").await?;
        let Some(of_b) = etag(dav, "b.txt").await? else { return Ok(NO_ETAG) };
        let Some(of_a) = etag(dav, "a.txt").await? else { return Ok(NO_ETAG) };
        let (a, b) = (dav.url("a.txt"), dav.url("b.txt"));
        put(dav, "a.txt", &format!("<{b}> ([{of_a}])"), &[412]).await?;
        put(dav, "a.txt", &format!("<{a}> ([{of_b}])"), &[412]).await?;
        put(dav, "a.txt", &format!("<{b}> ([{of_b}])"), MET).await
    }

    /// A tag may be an absolute path.
    Must "webdav/4918/10.4.2/tagged-path" = async |dav| {
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "other").await?;
        let Some(of_b) = etag(dav, "b.txt").await? else { return Ok(NO_ETAG) };
        let b = dav.at("b.txt");
        put(dav, "a.txt", &format!("<{b}> ([\"no-such-tag\"])"), &[412]).await?;
        put(dav, "a.txt", &format!("<{b}> ([{of_b}])"), MET).await
    }

    /// A tag is for all lists up to the next one, and one of all lists has to be met.
    Must "webdav/4918/10.4.2/tag-of-several" = async |dav| {
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "other").await?;
        let Some(of_b) = etag(dav, "b.txt").await? else { return Ok(NO_ETAG) };
        let (a, b) = (dav.url("a.txt"), dav.url("b.txt"));
        put(dav, "a.txt", &format!("<{b}> ([\"x\"]) ([{of_b}])"), MET).await?;
        put(dav, "a.txt", &format!("<{a}> ([\"x\"]) <{b}> ([{of_b}])"), MET).await?;
        put(dav, "a.txt", &format!("<{b}> ([{of_b}]) <{a}> ([\"x\"])"), MET).await?;
        put(dav, "a.txt", &format!("<{b}> ([\"x\"]) <{a}> ([\"x\"])"), &[412]).await
    }

    /// What does not exist has no ETag and no lock.
    Must "webdav/4918/10.4.4/unmapped" = async |dav| {
        put(dav, "new.txt", "([\"no-such-tag\"])", &[412]).await?;
        put(dav, "new.txt", &format!("(<{NONE}>)"), &[412]).await?;
        let other = dav.url("missing.txt");
        put(dav, "new.txt", &format!("<{other}> ([\"4217\"])"), &[412]).await?;
        put(dav, "new.txt", &format!("<{other}> (Not [\"4217\"])"), &[201]).await?;
        put(dav, "other.txt", "(Not [\"4217\"])", &[201]).await
    }

    /// A collection is locked by its own token only: that of a collection beside it fails the condition.
    Must "webdav/4918/10.4.10/collection" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.mkcol("d/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", crate::webdav::lock::Scope::Exclusive).await?;
        let (c, d) = (dav.url("c/"), dav.url("d/"));
        let field = format!("If: <{d}> (<{}>)", lock.token);
        status(&dav.ask("DELETE", "c/a.txt", &[&field], "").await?, &[412])?;
        let field = format!("If: <{c}> (<{}>)", lock.token);
        status(&dav.ask("DELETE", "c/a.txt", &[&field], "").await?, &[200, 204])
    }

    /// If is a condition of every method that changes something.
    Must "webdav/4918/10.4.1/methods" = async |dav| {
        dav.put("a.txt", "a").await?;
        let to = dav.to("b.txt");
        let instructions = "<D:propertyupdate xmlns:D=\"DAV:\"><D:remove><D:prop><D:displayname/></D:prop></D:remove></D:propertyupdate>";
        for (method, name, body) in [
            ("DELETE", "a.txt", ""),
            ("COPY", "a.txt", ""),
            ("MOVE", "a.txt", ""),
            ("MKCOL", "c/", ""),
            ("PROPPATCH", "a.txt", instructions),
        ] {
            let response = dav.ask(method, name, &["If: ([\"no-such-tag\"])", &to], body).await?;
            check(response.status == 412, format!("412 to {method}"), response.brief())?;
        }
        dav.holds("a.txt", "a").await
    }

    /// An If that cannot be read is refused, and the request is not carried out.
    Robust "webdav/4918/10.4.2/malformed" = async |dav| {
        dav.put("a.txt", "a").await?;
        for field in [
            "If: nonsense",
            "If: (",
            "If: ()",
            "If: (<urn:a)",
            "If: ([\"a\"]) nonsense",
            "If: <urn:a>",
            "If: (Not)",
        ] {
            refused(&dav.ask("PUT", "a.txt", &[field], "b").await?)?;
        }
        dav.holds("a.txt", "a").await
    }
}
