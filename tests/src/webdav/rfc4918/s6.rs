//! RFC 4918 §6: what locks are.

use std::time::Duration;

use tokio::time::sleep;

use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::{Who, locking};
use crate::webdav::lock::{Scope, active, granted, lockinfo};
use crate::webdav::{dav_cases, refused};
use crate::{Outcome, Reason};

dav_cases! {
    /// A member that is added to a locked collection becomes locked.
    Must "webdav/4918/6.1/added-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        let field = format!("If: <{}> (<{}>)", dav.url("c/"), lock.token);
        status(&dav.ask("PUT", "c/new.txt", &[&field], "new").await?, &[201])?;
        dav.is_locked("c/new.txt").await?;
        check(dav.tokens("c/new.txt").await? == [lock.token], "the collection's lock", "another")
    }

    /// A member that leaves a locked collection is no longer locked.
    Must "webdav/4918/6.1/left-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        status(&dav.transfer("MOVE", "c/a.txt", "a.txt", &[&lock.condition()]).await?, &[201])?;
        dav.is_free("a.txt").await
    }

    /// UNLOCK frees what was locked.
    Must "webdav/4918/6.1/unlock-frees" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        dav.is_locked("a.txt").await?;
        dav.free("a.txt", &lock).await?;
        dav.is_free("a.txt").await
    }

    /// A lock ends with the mapping of its root: what is made there later is not locked.
    Must "webdav/4918/6.1/unmapped-root" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        let response = dav.ask("DELETE", "a.txt", &[&lock.condition()], "").await?;
        status(&response, &[200, 204])?;
        dav.put("a.txt", "again").await?;
        check(dav.tokens("a.txt").await?.is_empty(), "no lock", "a lock")?;
        dav.is_free("a.txt").await
    }

    /// Each shared lock has a token of its own.
    Must "webdav/4918/6.2/shared-tokens" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let one = dav.locked("a.txt", "0", Scope::Shared).await?;
        let two = dav.locked("a.txt", "0", Scope::Shared).await?;
        check(one.token != two.token, "two tokens", &two.token)?;
        let mut tokens = dav.tokens("a.txt").await?;
        let mut both = [one.token, two.token];
        tokens.sort();
        both.sort();
        check(tokens == both, format!("{both:?}"), format!("{tokens:?}"))
    }

    /// Any one of the shared locks lets its owner write.
    Must "webdav/4918/6.2/one-shared-is-enough" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.locked("a.txt", "0", Scope::Shared).await?;
        let lock = dav.locked("a.txt", "0", Scope::Shared).await?;
        dav.is_locked("a.txt").await?;
        dav.writes("a.txt", &[&lock.condition()], &[200, 204]).await
    }

    /// Who did not make a lock cannot write by its token.
    Must "webdav/4918/6.4/token-of-another" [Account, Other] = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        let response = dav.ask_as(Who::Other, "PUT", "a.txt", &[&lock.condition()], "stolen").await?;
        refused(&response)?;
        dav.holds("a.txt", "a").await
    }

    /// Tokens are never used again, nor for other resources.
    Must "webdav/4918/6.5/unique" = async |dav| {
        locking!(dav);
        let mut tokens = Vec::new();
        for name in ["a.txt", "a.txt", "b.txt"] {
            dav.put(name, "").await?;
            let lock = dav.exclusive(name).await?;
            dav.free(name, &lock).await?;
            check(!tokens.contains(&lock.token), "a new token", &lock.token)?;
            tokens.push(lock.token);
        }
        Ok(Outcome::Pass)
    }

    /// A token is an absolute URI.
    Must "webdav/4918/6.5/uri" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let token = dav.exclusive("a.txt").await?.token;
        let (scheme, rest) = token.split_once(':').unwrap_or_default();
        let well = |char: char| char.is_ascii_alphanumeric() || "+-.".contains(char);
        let met = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
            && scheme.chars().all(well)
            && !scheme.eq_ignore_ascii_case("dav")
            && !rest.is_empty()
            && rest.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>\"#".contains(&octet));
        check(met, "an absolute URI", token)
    }

    /// A lock is gone when its time is over.
    Should "webdav/4918/6.6/expires" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let body = lockinfo(Scope::Exclusive, "ann");
        let lock =
            granted(&dav.lock_by(Who::Account, "a.txt", &["Depth: 0", "Timeout: Second-2"], &body).await?)?;
        match lock.seconds() {
            Some(seconds @ 0..=4) => sleep(Duration::from_millis(seconds * 1000 + 1100)).await,
            _ => return Ok(Outcome::Skip(Reason::Unsupported("locks of a few seconds"))),
        }
        check(dav.tokens("a.txt").await?.is_empty(), "no lock", "a lock")?;
        dav.is_free("a.txt").await
    }

    /// supportedlock says which locks there can be, and those can be had.
    Must "webdav/4918/6.7/supportedlock" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let supported = dav.live("a.txt", "supportedlock").await?;
        let entries: Vec<_> =
            supported.iter().flat_map(|it| it.elements()).filter(|it| it.is("DAV:", "lockentry")).collect();
        check(!entries.is_empty(), "some lockentry", "none")?;
        for entry in entries {
            let within = |name, kind| entry.dav(name).is_some_and(|it| it.dav(kind).is_some());
            check(within("locktype", "write"), "a write lock", entry.write())?;
            let scope = if within("lockscope", "exclusive") { Scope::Exclusive } else { Scope::Shared };
            let lock = dav.locked("a.txt", "0", scope).await?;
            dav.free("a.txt", &lock).await?;
        }
        Ok(Outcome::Pass)
    }

    /// lockdiscovery lists the locks that there are, with their kind and their token.
    Must "webdav/4918/6.8/lockdiscovery" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.locked("a.txt", "0", Scope::Shared).await?;
        let Some(discovery) = dav.live("a.txt", "lockdiscovery").await? else {
            return check(false, "lockdiscovery", "none");
        };
        let met = active(&discovery).any(|active| {
            active.dav("lockscope").is_some_and(|scope| scope.dav("shared").is_some())
                && active.dav("locktype").is_some_and(|kind| kind.dav("write").is_some())
                && active.dav("depth").is_some_and(|depth| depth.text().trim() == "0")
        });
        check(met, "a shared write lock of depth 0", discovery.write())?;
        check(dav.tokens("a.txt").await? == [lock.token], "its token", discovery.write())
    }

    /// lockdiscovery is there, and empty, where there is no lock.
    Must "webdav/4918/15.8/no-locks" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        check(dav.tokens("a.txt").await?.is_empty(), "no activelock", "some")
    }
}
