//! RFC 4918 §10.1 and §18: what OPTIONS says of a resource.

use crate::Outcome;
use crate::case::{Verdict, check};
use crate::http::Response;
use crate::webdav::dav_cases;
use crate::webdav::lock::Scope;

/// Whether a response says a class.
fn says(response: &Response, class: &str) -> Verdict {
    check(
        response.is_success() && response.lists("dav", class),
        format!("the class {class} in DAV"),
        response.brief(),
    )
}

dav_cases! {
    /// OPTIONS of a collection says class 1.
    Must "webdav/4918/10.1/collection" = async |dav| {
        says(&dav.ask("OPTIONS", "", &[], "").await?, "1")
    }

    /// OPTIONS of a file says class 1.
    Must "webdav/4918/10.1/file" = async |dav| {
        dav.put("a.txt", "a").await?;
        says(&dav.ask("OPTIONS", "a.txt", &[], "").await?, "1")
    }

    /// Where there are locks, OPTIONS says class 2, and where it says class 2, there are.
    Must "webdav/4918/18.2/locks" = async |dav| {
        dav.put("a.txt", "a").await?;
        let response = dav.ask("OPTIONS", "a.txt", &[], "").await?;
        let locks = dav.lock("a.txt", "0", Scope::Exclusive).await?;
        let met = response.lists("dav", "2") == locks.is_success();
        check(met, format!("{} to LOCK as DAV says", locks.status), response.brief())
    }

    /// Whoever says class 2 or 3 says class 1.
    Must "webdav/4918/18/class-1" = async |dav| {
        for name in ["", "missing"] {
            let response = dav.ask("OPTIONS", name, &[], "").await?;
            let more = response.lists("dav", "2") || response.lists("dav", "3");
            check(!more || response.lists("dav", "1"), "the class 1 in DAV", response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// DAV is a list of tokens and of URIs in angle brackets.
    Must "webdav/4918/10.1/syntax" = async |dav| {
        let response = dav.ask("OPTIONS", "", &[], "").await?;
        let token = |text: &str| {
            text.chars().all(|char| char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char))
        };
        let well = |class: &str| {
            !class.is_empty()
                && (token(class) || (class.starts_with('<') && class.ends_with('>') && class.contains(':')))
        };
        let classes: Vec<_> = response.all("dav").flat_map(|value| value.split(',')).map(str::trim).collect();
        check(
            !classes.is_empty() && classes.iter().all(|class| well(class)),
            "tokens and <URI>s",
            response.brief(),
        )
    }

    /// A server says whether it keeps to RFC 4918 rather than to its forerunner.
    May "webdav/4918/18.3/class-3" = async |dav| {
        let response = dav.ask("OPTIONS", "", &[], "").await?;
        says(&response, "1")?;
        Ok(Outcome::Choice(if response.lists("dav", "3") { "says class 3" } else { "does not say class 3" }))
    }
}
