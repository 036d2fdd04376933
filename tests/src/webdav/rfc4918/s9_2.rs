//! RFC 4918 §9.2: PROPPATCH.

use crate::Broken;
use crate::Outcome;
use crate::case::{Verdict, check};
use crate::http::expect::status;
use crate::webdav::client::{Dav, keeping, removing, setting};
use crate::webdav::multistatus::{Member, Multistatus};
use crate::webdav::xml::{DAV, OWN};
use crate::webdav::{condition, dav_cases, refused};

/// Sets a property of WebDAV beside one of a client's, which is to fail.
async fn protected(dav: &mut Dav<'_>, name: &str, value: &str) -> Result<Member, Broken> {
    let instructions = setting(&format!("<c:beside>new</c:beside><D:{name}>{value}</D:{name}>"));
    dav.patch("a.txt", &instructions).await
}

/// A property of WebDAV cannot be set: its value stays, and the answer says 4xx for it.
async fn is_protected(dav: &mut Dav<'_>, name: &str, value: &str) -> Verdict {
    dav.put("a.txt", "a").await?;
    let Some(before) = dav.live("a.txt", name).await? else {
        return Ok(Outcome::Skip(crate::Reason::Unsupported("the property")));
    };
    let response = dav.proppatch("a.txt", &setting(&format!("<D:{name}>{value}</D:{name}>"))).await?;
    if response.status == 207 {
        let member = Multistatus::of(&response)?.one()?;
        check((400..500).contains(&member.code(DAV, name)), format!("4xx for {name}"), member.brief())?;
    } else {
        refused(&response)?;
    }
    let after = dav.live("a.txt", name).await?;
    let met = after.as_ref().is_some_and(|after| after.same_content(&before));
    check(met, before.write(), after.map_or("none".into(), |after| after.write()))
}

dav_cases! {
    /// A property of any name can be set.
    Should "webdav/4918/9.2/any-property" = async |dav| {
        dav.put("a.txt", "a").await?;
        let response = dav.proppatch("a.txt", &setting("<c:note>text</c:note>")).await?;
        let member = Multistatus::of(&response)?.one()?;
        check(member.code(OWN, "note") == 200, "200 for note", member.brief())?;
        dav.own_is("a.txt", "note", Some("text")).await
    }

    /// The answer to PROPPATCH tells of each property, and no values.
    Must "webdav/4918/9.2/answer" = async |dav| {
        dav.put("a.txt", "a").await?;
        let instructions = setting("<c:one>1</c:one><c:two>2</c:two>") + &removing("<c:three/>");
        let response = dav.proppatch("a.txt", &instructions).await?;
        status(&response, &[207])?;
        let member = Multistatus::of(&response)?.one()?;
        check(dav.named(&member.href)? == "a.txt", "a.txt", member.brief())?;
        let told = ["one", "two", "three"].map(|name| member.code(OWN, name) > 0);
        check(told == [true; 3], "one, two and three", member.brief())
    }

    /// A property is removed.
    Must "webdav/4918/9.2/remove" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:note>text</c:note><c:other>stays</c:other>").await?;
        let member = dav.patch("a.txt", &removing("<c:note/>")).await?;
        check(member.code(OWN, "note") == 200, "200 for note", member.brief())?;
        dav.own_is("a.txt", "note", None).await?;
        dav.own_is("a.txt", "other", Some("stays")).await
    }

    /// To remove a property that does not exist is no error.
    Must "webdav/4918/14.23/remove-missing" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        let member = dav.patch("a.txt", &removing("<c:missing/>")).await?;
        check(member.code(OWN, "missing") == 200, "200 for missing", member.brief())
    }

    /// Instructions are carried out in their order.
    Must "webdav/4918/9.2/order" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        let set = |value: &str| setting(&format!("<c:note>{value}</c:note>"));
        dav.patch("a.txt", &(set("one") + &removing("<c:note/>"))).await?;
        dav.own_is("a.txt", "note", None).await?;
        dav.patch("a.txt", &(removing("<c:note/>") + &set("two"))).await?;
        dav.own_is("a.txt", "note", Some("two")).await?;
        dav.patch("a.txt", &(set("three") + &removing("<c:note/>") + &set("four"))).await?;
        dav.own_is("a.txt", "note", Some("four")).await
    }

    /// Where one instruction fails, none is carried out, and what was there before is there again.
    Must "webdav/4918/9.2/all-or-nothing" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:beside>old</c:beside><c:gone>old</c:gone>").await?;
        let failing = setting("<D:getetag>\"x\"</D:getetag>");
        let instructions = setting("<c:beside>new</c:beside>")
            + &removing("<c:gone/>")
            + &failing
            + &setting("<c:late>new</c:late>");
        let response = dav.proppatch("a.txt", &instructions).await?;
        check(response.status >= 207, "a failure", response.brief())?;
        for (name, value) in [("beside", Some("old")), ("gone", Some("old")), ("late", None)] {
            dav.own_is("a.txt", name, value).await?;
        }
        Ok(Outcome::Pass)
    }

    /// What would have succeeded without the instruction that failed is told as 424.
    Must "webdav/4918/11.4/failed-dependency" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        let member = protected(dav, "getetag", "\"x\"").await?;
        check(member.code(OWN, "beside") == 424, "424 for beside", member.brief())
    }

    /// That a protected property cannot be set is told as 403.
    Should "webdav/4918/9.2.1/forbidden" = async |dav| {
        dav.put("a.txt", "a").await?;
        let member = protected(dav, "getetag", "\"x\"").await?;
        check(member.code(DAV, "getetag") == 403, "403 for getetag", member.brief())
    }

    /// That a property is protected is said by cannot-modify-protected-property.
    Should "webdav/4918/9.2.1/cannot-modify" = async |dav| {
        dav.put("a.txt", "a").await?;
        let response = dav.proppatch("a.txt", &setting("<D:getetag>\"x\"</D:getetag>")).await?;
        if response.status == 403 {
            return condition(&response, "cannot-modify-protected-property").map(|_| Outcome::Pass);
        }
        let member = Multistatus::of(&response)?.one()?;
        let stat = member.stats.iter().find(|stat| stat.props.iter().any(|prop| prop.is(DAV, "getetag")));
        let met = stat
            .is_some_and(|stat| stat.errors.iter().any(|it| it.is(DAV, "cannot-modify-protected-property")));
        check(met, "cannot-modify-protected-property beside getetag", member.brief())
    }

    /// getetag is protected.
    Must "webdav/4918/15.6/protected" = async |dav| {
        is_protected(dav, "getetag", "\"x\"").await
    }

    /// getcontentlength is protected.
    Must "webdav/4918/15.4/protected" = async |dav| {
        is_protected(dav, "getcontentlength", "77").await
    }

    /// lockdiscovery is protected.
    Must "webdav/4918/15.8/protected" = async |dav| {
        is_protected(dav, "lockdiscovery", "<c:x/>").await
    }

    /// supportedlock is protected.
    Must "webdav/4918/15.10/protected" = async |dav| {
        is_protected(dav, "supportedlock", "").await
    }

    /// getlastmodified is protected.
    Should "webdav/4918/15.7/protected" = async |dav| {
        is_protected(dav, "getlastmodified", "Mon, 12 Jan 1998 09:25:56 GMT").await
    }

    /// resourcetype is protected.
    Should "webdav/4918/15.9/protected" = async |dav| {
        is_protected(dav, "resourcetype", "<D:collection/>").await
    }

    /// displayname can be set.
    Should "webdav/4918/15.2/not-protected" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.patch("a.txt", &setting("<D:displayname>A &amp; B</D:displayname>")).await?;
        let name = dav.live("a.txt", "displayname").await?.map(|name| name.text());
        check(name.as_deref() == Some("A & B"), "the displayname that was set", format!("{name:?}"))
    }

    /// getcontentlanguage can be set.
    Should "webdav/4918/15.3/not-protected" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.patch("a.txt", &setting("<D:getcontentlanguage>de</D:getcontentlanguage>")).await?;
        let language = dav.live("a.txt", "getcontentlanguage").await?.map(|language| language.text());
        check(language.as_deref() == Some("de"), "the language that was set", format!("{language:?}"))
    }
}
