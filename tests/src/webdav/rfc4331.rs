//! RFC 4331: how much space is used, and how much there is.

use super::client::{ALLPROP, Dav, PROPNAME, setting};
use super::multistatus::Multistatus;
use super::xml::DAV;
use super::{condition, dav_cases};
use crate::case::{Verdict, check};
use crate::{Broken, Outcome, Reason};

const BOTH: [&str; 2] = ["quota-available-bytes", "quota-used-bytes"];

/// The two numbers that a collection has, where it has them.
async fn quota(dav: &mut Dav<'_>, name: &str) -> Result<[Option<u64>; 2], Broken> {
    let member = dav.props(name, &BOTH.map(|prop| format!("<D:{prop}/>")).concat()).await?;
    let mut found = [None, None];
    for (prop, found) in BOTH.iter().zip(&mut found) {
        if let Some((200, value)) = member.prop(DAV, prop) {
            let number = value
                .text()
                .parse()
                .map_err(|_| Broken::new(format!("a number for {prop}"), value.text()))?;
            *found = Some(number);
        }
    }
    Ok(found)
}

const NONE: Outcome = Outcome::Skip(Reason::Unsupported("quotas"));

/// Setting a property is refused, with this status code or this condition.
async fn refuses(dav: &mut Dav<'_>, met: impl Fn(u16, bool) -> bool, expected: &str) -> Verdict {
    let found = quota(dav, "").await?;
    for (prop, _) in BOTH.iter().zip(found).filter(|(_, found)| found.is_some()) {
        let response = dav.proppatch("", &setting(&format!("<D:{prop}>1</D:{prop}>"))).await?;
        let (code, said) = if response.status == 207 {
            let member = Multistatus::of(&response)?.one()?;
            let said = member.stats.iter().flat_map(|stat| &stat.errors);
            (
                member.code(DAV, prop),
                said.into_iter().any(|it| it.is(DAV, "cannot-modify-protected-property")),
            )
        } else {
            (response.status, condition(&response, "cannot-modify-protected-property").is_ok())
        };
        check(met(code, said), format!("{expected} for {prop}"), response.brief())?;
    }
    Ok(if found == [None, None] { NONE } else { Outcome::Pass })
}

dav_cases! {
    /// Where a collection has one of the two properties it has both, unless there is no limit.
    Must "webdav/4331/3/numbers" = async |dav| {
        match quota(dav, "").await? {
            [None, None] => Ok(NONE),
            [available, used] => check(used.is_some(), "quota-used-bytes", format!("{available:?} {used:?}")),
        }
    }

    /// allprop does not tell of quotas.
    Should "webdav/4331/2/not-in-allprop" = async |dav| {
        if quota(dav, "").await? == [None, None] {
            return Ok(NONE);
        }
        let member = dav.find("", ALLPROP).await?;
        check(BOTH.iter().all(|prop| member.code(DAV, prop) == 0), "no quotas", member.brief())
    }

    /// propname tells of quotas where there are any.
    Must "webdav/4331/2/in-propname" = async |dav| {
        let found = quota(dav, "").await?;
        if found == [None, None] {
            return Ok(NONE);
        }
        let member = dav.find("", PROPNAME).await?;
        let met =
            BOTH.iter().zip(found).all(|(prop, found)| found.is_none() || member.code(DAV, prop) == 200);
        check(met, "the names of quotas", member.brief())
    }

    /// Quotas are protected: to set one is answered with 403.
    Should "webdav/4331/3/forbidden" = async |dav| {
        refuses(dav, |code, _| code == 403, "403").await
    }

    /// That quotas are protected is said by cannot-modify-protected-property.
    Should "webdav/4331/3/cannot-modify" = async |dav| {
        refuses(dav, |_, said| said, "cannot-modify-protected-property").await
    }

    /// What is used counts what collections below have.
    Must "webdav/4331/4/below" = async |dav| {
        dav.mkcol("c/").await?;
        let size = 2 * 1024 * 1024;
        let mut told = Vec::new();
        // What is told may be of a whole disk, where others are at work.
        for name in ["c/a.bin", "c/b.bin", "c/c.bin"] {
            let [_, Some(before)] = quota(dav, "").await? else { return Ok(NONE) };
            dav.put(name, &"r".repeat(size)).await?;
            let [_, after] = quota(dav, "").await?;
            if after.is_some_and(|after| after >= before + size as u64 / 2) {
                return Ok(Outcome::Pass);
            }
            told.push((before, after));
        }
        check(false, format!("some {size} more"), format!("{told:?}"))
    }
}
