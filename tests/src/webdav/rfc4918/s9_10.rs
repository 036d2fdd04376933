//! RFC 4918 §9.10: LOCK.

use std::time::Duration;

use tokio::time::sleep;

use crate::case::{Verdict, check};
use crate::http::expect::status;
use crate::webdav::client::{Dav, Who, locking};
use crate::webdav::lock::{Scope, active, granted, lockinfo};
use crate::webdav::multistatus::document;
use crate::webdav::xml::parse;
use crate::webdav::{condition, dav_cases, refused};
use crate::{Broken, Outcome, Reason};

/// A second lock beside a first.
async fn second(dav: &mut Dav<'_>, first: Scope, then: Scope, allowed: &[u16]) -> Verdict {
    dav.put("a.txt", "a").await?;
    let lock = dav.locked("a.txt", "0", first).await?;
    let response = dav.lock("a.txt", "0", then).await?;
    status(&response, allowed)?;
    let count = if response.is_success() { 2 } else { 1 };
    let tokens = dav.tokens("a.txt").await?;
    check(
        tokens.len() == count && tokens.contains(&lock.token),
        format!("{count} locks"),
        format!("{tokens:?}"),
    )
}

/// A lock with this Timeout is granted; its timeout is a TimeType.
async fn timeout(dav: &mut Dav<'_>, name: &str, value: &str) -> Verdict {
    dav.put(name, "").await?;
    let field = format!("Timeout: {value}");
    let response =
        dav.lock_by(Who::Account, name, &["Depth: 0", &field], &lockinfo(Scope::Exclusive, "ann")).await?;
    let lock = granted(&response)?;
    let text = lock.active.dav("timeout").map(|it| it.text().trim().to_owned()).unwrap_or_default();
    let met = text == "Infinite"
        || lock.seconds().is_some_and(|seconds| seconds > 0 && u32::try_from(seconds).is_ok());
    check(met, format!("Infinite or Second-… for {value}"), response.brief())
}

dav_cases! {
    /// A lock is granted with its token in Lock-Token, and with the whole lock in the body.
    Must "webdav/4918/9.10.1/granted" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        let within = |name, kind| lock.active.dav(name).is_some_and(|it| it.dav(kind).is_some());
        let depth = lock.active.dav("depth").map(|depth| depth.text().trim().to_owned());
        let met =
            within("lockscope", "exclusive") && within("locktype", "write") && depth.as_deref() == Some("0");
        check(met, "an exclusive write lock of depth 0", lock.active.write())
    }

    /// What the client says of the owner is kept as it is.
    Must "webdav/4918/14.17/owner" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let owner = "<D:href>http://conform.test/~ann</D:href> and <x:tel xmlns:x=\"urn:x\" x:at='work'>1 &amp; 2</x:tel>";
        let body = lockinfo(Scope::Exclusive, owner);
        let lock = granted(&dav.lock_by(Who::Account, "a.txt", &["Depth: 0"], &body).await?)?;
        let sent = parse(body.as_bytes()).map_err(|error| Broken::new("a body", error))?;
        let discovery = dav.live("a.txt", "lockdiscovery").await?;
        let found = discovery.iter().flat_map(active).next();
        for active in [Some(&lock.active), found] {
            let met = match (active.and_then(|active| active.dav("owner")), sent.dav("owner")) {
                (Some(got), Some(sent)) => got.same_content(sent),
                _ => false,
            };
            check(met, owner, active.map_or("none".into(), |active| active.write()))?;
        }
        Ok(Outcome::Pass)
    }

    /// A lock without an owner is granted.
    Must "webdav/4918/14.11/no-owner" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let body = lockinfo(Scope::Exclusive, "").replace("<D:owner></D:owner>", "");
        granted(&dav.lock_by(Who::Account, "a.txt", &["Depth: 0"], &body).await?)?;
        dav.is_locked("a.txt").await
    }

    /// lockroot is the URL that was locked, seen from the members too.
    Should "webdav/4918/14.12/lockroot" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        let discovery = dav.live("c/a.txt", "lockdiscovery").await?;
        for active in [Some(&lock.active), discovery.iter().flat_map(active).next()] {
            let root = active
                .and_then(|active| active.dav("lockroot")?.dav("href"))
                .map(|href| href.text().trim().to_owned());
            let named = root.as_deref().map(|root| dav.named(root)).transpose()?;
            check(named.as_deref() == Some("c"), "the URL of c/", format!("{root:?}"))?;
        }
        Ok(Outcome::Pass)
    }

    /// Without Depth, a collection is locked with all that is in it.
    Must "webdav/4918/9.10.3/no-depth" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = granted(&dav.lock_by(Who::Account, "c/", &[], &lockinfo(Scope::Exclusive, "ann")).await?)?;
        let depth = lock.active.dav("depth").map(|depth| depth.text().trim().to_ascii_lowercase());
        check(depth.as_deref() == Some("infinity"), "depth infinity", lock.active.write())?;
        dav.is_locked("c/a.txt").await
    }

    /// One token stands for a collection and all that is in it.
    Must "webdav/4918/9.10.3/one-token" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        for name in ["c/", "c/a.txt"] {
            check(dav.tokens(name).await? == [lock.token.as_str()], "the one token", name)?;
        }
        dav.free("c/", &lock).await?;
        dav.is_free("c/a.txt").await
    }

    /// LOCK with Depth: 1 is refused.
    Must "webdav/4918/9.10.3/depth-1" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        refused(&dav.lock("c/", "1", Scope::Exclusive).await?)?;
        check(dav.tokens("c/").await?.is_empty(), "no lock", "a lock")
    }

    /// There are any number of shared locks.
    Must "webdav/4918/9.10.5/shared-shared" = async |dav| {
        locking!(dav);
        second(dav, Scope::Shared, Scope::Shared, &[200]).await
    }

    /// There is no exclusive lock beside a shared one.
    Must "webdav/4918/9.10.5/shared-exclusive" = async |dav| {
        locking!(dav);
        second(dav, Scope::Shared, Scope::Exclusive, &[423]).await
    }

    /// There is no shared lock beside an exclusive one.
    Must "webdav/4918/9.10.5/exclusive-shared" = async |dav| {
        locking!(dav);
        second(dav, Scope::Exclusive, Scope::Shared, &[423]).await
    }

    /// There is no exclusive lock beside an exclusive one, not even for its owner.
    Must "webdav/4918/9.10.5/exclusive-exclusive" = async |dav| {
        locking!(dav);
        second(dav, Scope::Exclusive, Scope::Exclusive, &[423]).await
    }

    /// That there is a lock already is said by no-conflicting-lock.
    Should "webdav/4918/9.10.6/no-conflicting-lock" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.exclusive("a.txt").await?;
        let response = dav.lock("a.txt", "0", Scope::Exclusive).await?;
        status(&response, &[423])?;
        condition(&response, "no-conflicting-lock").map(|_| Outcome::Pass)
    }

    /// A refreshed lock is not given a new token.
    Should "webdav/4918/9.10.2/no-lock-token" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        let response = dav.refresh("a.txt", &[&lock.condition()]).await?;
        status(&response, &[200])?;
        check(response.field("lock-token").is_none(), "no Lock-Token", response.brief())
    }

    /// Depth is ignored when a lock is refreshed.
    Must "webdav/4918/9.10.2/depth-ignored" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        status(&dav.refresh("c/", &[&lock.condition(), "Depth: 0"]).await?, &[200])?;
        dav.is_locked("c/a.txt").await
    }

    /// A lock is refreshed by way of any resource that it locks.
    Must "webdav/4918/9.10.2/by-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        let response = dav.refresh("c/a.txt", &[&lock.condition()]).await?;
        status(&response, &[200])?;
        let root = document(&response)?;
        check(
            root.dav("lockdiscovery").is_some_and(|it| active(it).count() == 1),
            "the lock",
            response.brief(),
        )
    }

    /// A shared lock is refreshed whatever other shared locks there are, and those stay.
    Must "webdav/4918/9.10.2/beside-others" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let one = dav.locked("a.txt", "0", Scope::Shared).await?;
        let two = dav.locked("a.txt", "0", Scope::Shared).await?;
        status(&dav.refresh("a.txt", &[&one.condition()]).await?, &[200])?;
        let tokens = dav.tokens("a.txt").await?;
        check(tokens.len() == 2 && tokens.contains(&two.token), "both locks", format!("{tokens:?}"))
    }

    /// What there is no lock for is not refreshed: 412.
    Must "webdav/4918/9.10.6/refresh-unknown" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "b").await?;
        let other = dav.exclusive("b.txt").await?;
        for token in ["urn:uuid:00000000-0000-4000-8000-000000000000", &other.token] {
            status(&dav.refresh("a.txt", &[&format!("If: (<{token}>)")]).await?, &[412])?;
        }
        check(dav.tokens("a.txt").await?.is_empty(), "no lock", "a lock")
    }

    /// A refreshed lock lives as long as a new one.
    Must "webdav/4918/6.6/restarted" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let body = lockinfo(Scope::Exclusive, "ann");
        let lock =
            granted(&dav.lock_by(Who::Account, "a.txt", &["Depth: 0", "Timeout: Second-3"], &body).await?)?;
        if lock.seconds().is_none_or(|seconds| seconds > 3) {
            return Ok(Outcome::Skip(Reason::Unsupported("locks of a few seconds")));
        }
        for _ in 0..2 {
            sleep(Duration::from_millis(1800)).await;
            status(&dav.refresh("a.txt", &[&lock.condition(), "Timeout: Second-3"]).await?, &[200])?;
        }
        dav.is_locked("a.txt").await
    }

    /// Any Timeout may be asked for: the answer has one that the server chose.
    Must "webdav/4918/10.7/timeouts" = async |dav| {
        locking!(dav);
        let wishes = [
            "Infinite",
            "Second-600",
            "Infinite, Second-4100000000",
            "Second-4294967295",
            "Second-99999999999999999999",
        ];
        for (at, wish) in wishes.iter().enumerate() {
            timeout(dav, &format!("{at}.txt"), wish).await?;
        }
        Ok(Outcome::Pass)
    }

    /// The Timeout that is asked for is heeded.
    Should "webdav/4918/18.2/timeout" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let body = lockinfo(Scope::Exclusive, "ann");
        let lock =
            granted(&dav.lock_by(Who::Account, "a.txt", &["Depth: 0", "Timeout: Second-120"], &body).await?)?;
        check(
            lock.seconds().is_some_and(|seconds| (110..=120).contains(&seconds)),
            "Second-120",
            lock.active.write(),
        )
    }

    /// A lock of an unknown scope or type is not granted.
    Robust "webdav/4918/9.10/unknown-kind" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let body = lockinfo(Scope::Exclusive, "ann");
        for body in [
            body.replace("D:exclusive", "D:private"),
            body.replace("D:write", "D:read"),
            body.replace("D:lockinfo", "D:other"),
        ] {
            refused(&dav.lock_by(Who::Account, "a.txt", &["Depth: 0"], &body).await?)?;
        }
        dav.is_free("a.txt").await
    }
}
