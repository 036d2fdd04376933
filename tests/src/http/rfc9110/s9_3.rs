//! RFC 9110 §9.3: PUT and DELETE, and what conditions and ranges do to them.

use super::AFTER;
use crate::case::{Verdict, cases, check};
use crate::http::Response;
use crate::http::expect::{content, status};
use crate::{Broken, Outcome, Peer};

async fn put(peer: &mut Peer, target: &str, fields: &[&str], text: &str) -> Result<Response, Broken> {
    let length = format!("Content-Length: {}", text.len());
    let fields: Vec<_> = fields.iter().copied().chain(["Content-Type: text/plain", &length]).collect();
    let request = peer.request("PUT", target, &fields) + text;
    peer.exchange(request).await
}

async fn made(peer: &mut Peer, target: &str) -> Verdict {
    let response = put(peer, target, &[], "first\n").await?;
    check(response.is_success(), "2xx to PUT", response.brief())
}

/// A second PUT with these fields is answered so, and the content is that of the first where it failed.
async fn conditional(peer: &mut Peer, target: &str, fields: &[&str], allowed: &[u16]) -> Verdict {
    made(peer, target).await?;
    let response = put(peer, target, fields, "second\n").await?;
    status(&response, allowed)?;
    let expected = if response.is_success() { "second\n" } else { "first\n" };
    content(&peer.get(target, &[]).await?, expected)
}

cases! {
    /// PUT that makes a resource is answered with 201.
    Must "http/9110/9.3.4/created" [Put] = async |peer| {
        status(&put(peer, "/store/created.txt", &[], "first\n").await?, &[201])?;
        content(&peer.get("/store/created.txt", &[]).await?, "first\n")
    }

    /// PUT that replaces a resource is answered with 200 or 204.
    Must "http/9110/9.3.4/replaced" [Put] = async |peer| {
        conditional(peer, "/store/replaced.txt", &[], &[200, 204]).await
    }

    /// A validator in the answer to PUT belongs to the content as it was sent.
    Must "http/9110/9.3.4/validator" [Put] = async |peer| {
        let put = put(peer, "/store/validator.txt", &[], "first\n").await?;
        let get = peer.get("/store/validator.txt", &[]).await?;
        let met = put.field("etag").is_none_or(|etag| get.field("etag") == Some(etag));
        check(met, "no ETag, or the one that GET shows", put.brief())
    }

    /// PUT twice with the same content leaves what PUT once would leave.
    Robust "http/9110/9.2.2/idempotent" [Put] = async |peer| {
        made(peer, "/store/twice.txt").await?;
        made(peer, "/store/twice.txt").await?;
        content(&peer.get("/store/twice.txt", &[]).await?, "first\n")
    }

    /// DELETE that succeeds is answered with 200, 202 or 204, and the resource is gone.
    Should "http/9110/9.3.5/deleted" [Put] = async |peer| {
        made(peer, "/store/deleted.txt").await?;
        let response = peer.ask("DELETE", "/store/deleted.txt", &[]).await?;
        status(&response, &[200, 202, 204])?;
        let after = peer.get("/store/deleted.txt", &[]).await?;
        check(response.status == 202 || matches!(after.status, 404 | 410), "404 after DELETE", after.brief())
    }

    /// PUT is answered with 412, and not carried out, where If-Match fails.
    Must "http/9110/13.1.1/put-412" [Put] = async |peer| {
        conditional(peer, "/store/if-match.txt", &["If-Match: \"no-such-tag\""], &[412]).await
    }

    /// PUT is answered with 412, and not carried out, where If-None-Match fails.
    Must "http/9110/13.1.2/put-412" [Put] = async |peer| {
        conditional(peer, "/store/if-none-match.txt", &["If-None-Match: *"], &[412]).await
    }

    /// If-None-Match with `*` lets PUT make a resource that there is not.
    Must "http/9110/13.1.2/put-new" [Put] = async |peer| {
        status(&put(peer, "/store/new.txt", &["If-None-Match: *"], "first\n").await?, &[201])
    }

    /// PUT is answered with 412, and not carried out, where the resource has changed since If-Unmodified-Since.
    Must "http/9110/13.1.4/put-412" [Put] = async |peer| {
        let since = format!("If-Unmodified-Since: {}", super::BEFORE);
        conditional(peer, "/store/unmodified.txt", &[&since], &[412]).await
    }

    /// If-Modified-Since is ignored with PUT.
    Must "http/9110/13.1.3/ignored-with-put" [Put] = async |peer| {
        let later = AFTER.replace("2025", "2031");
        let since = format!("If-Modified-Since: {later}");
        conditional(peer, "/store/modified.txt", &[&since], &[200, 204]).await
    }

    /// Range is ignored with PUT: the whole resource is replaced.
    Must "http/9110/14.2/not-with-put" [Put] = async |peer| {
        conditional(peer, "/store/range.txt", &["Range: bytes=0-1"], &[200, 204]).await
    }

    /// PUT with Content-Range is answered with 400 where partial PUT is not supported.
    Should "http/9110/14.5/partial-put" [Put] = async |peer| {
        made(peer, "/store/partial.txt").await?;
        let response = put(peer, "/store/partial.txt", &["Content-Range: bytes 0-1/6"], "FI").await?;
        if response.is_success() {
            return content(&peer.get("/store/partial.txt", &[]).await?, "FIrst\n");
        }
        status(&response, &[400])?;
        Ok(Outcome::Pass)
    }
}
