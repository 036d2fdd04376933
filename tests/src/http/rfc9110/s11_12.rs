//! RFC 9110 §8.4, §11 and §12: content codings, logins and negotiation.

use super::part;
use crate::case::{Verdict, cases, check};
use crate::http::expect::{content, field, status};
use crate::http::{Response, fixture, gzip};
use crate::{Broken, Outcome, Peer, Reason};

const SECRET: &str = "/login/hello.txt";
/// `rope:strand`, and with another password.
const RIGHT: &str = "cm9wZTpzdHJhbmQ=";
const WRONG: &str = "cm9wZTp5YXJu";

/// The request for what needs a login is answered with 401, and shows nothing of it.
async fn unauthorized(peer: &mut Peer, fields: &[&str]) -> Result<Response, Broken> {
    let response = peer.get(SECRET, fields).await?;
    status(&response, &[401])?;
    check(response.body != fixture::HELLO.as_bytes(), "none of the content", response.brief())?;
    Ok(response)
}

fn verse() -> Vec<u8> {
    fixture::FILES
        .iter()
        .find(|file| file.path == "coded.txt")
        .map(fixture::File::content)
        .unwrap_or_default()
}

async fn coded(peer: &mut Peer, accept: &str) -> Result<Response, Broken> {
    let response = peer.get("/coded.txt", &[&format!("Accept-Encoding: {accept}")]).await?;
    status(&response, &[200])?;
    Ok(response)
}

/// The content is the text itself, and said to be.
async fn plain(peer: &mut Peer, accept: &str) -> Verdict {
    let response = coded(peer, accept).await?;
    let met = response.body == verse() && response.field("content-encoding").is_none();
    check(met, format!("the text without a coding for {accept:?}"), response.brief())
}

fn is_coded(response: &Response) -> bool {
    gzip::is_of(&response.body, &verse())
}

cases! {
    /// A content coding that was applied is named in Content-Encoding.
    Must "http/9110/8.4/named" [Coded] = async |peer| {
        let response = coded(peer, "gzip").await?;
        let met = match response.field("content-encoding") {
            None => response.body == verse(),
            Some(_) => response.lists("content-encoding", "gzip") && is_coded(&response),
        };
        check(met, "the text, or its gzip with Content-Encoding: gzip", response.brief())
    }

    /// The coding identity is not named in Content-Encoding.
    Should "http/9110/8.4/identity" [Fixture] = async |peer| {
        let response = peer.get("/hello.txt", &["Accept-Encoding: identity"]).await?;
        status(&response, &[200])?;
        check(!response.lists("content-encoding", "identity"), "no Content-Encoding: identity", response.brief())
    }

    /// The name of a content coding is compared without regard to case.
    Robust "http/9110/8.4.1/coding-case" [Coded] = async |peer| {
        let response = coded(peer, "GZip").await?;
        check(is_coded(&response), "the gzip of the text", response.brief())
    }

    /// The coding x-gzip is taken for gzip.
    Should "http/9110/8.4.1.3/x-gzip" [Coded] = async |peer| {
        let response = coded(peer, "x-gzip").await?;
        check(is_coded(&response), "the gzip of the text", response.brief())
    }

    /// A strong ETag belongs to one coding: the text and its gzip do not have the same.
    Must "http/9110/8.8.3/tag-per-coding" [Coded] = async |peer| {
        let coded = coded(peer, "gzip").await?;
        let plain = peer.get("/coded.txt", &[]).await?;
        let (Some(tag), true) = (coded.field("etag"), is_coded(&coded)) else {
            return Ok(Outcome::Skip(Reason::Unsupported("ETag with a coding")));
        };
        let met = tag.starts_with("W/") || plain.field("etag") != Some(tag);
        check(met, "another tag, or a weak one", coded.brief())
    }

    /// A response to HEAD has the Content-Encoding, and says no other length, than GET with the same Accept-Encoding.
    Must "http/9110/8.6/head-length-of-coding" [Coded] = async |peer| {
        let get = coded(peer, "gzip").await?;
        let head = peer.ask("HEAD", "/coded.txt", &["Accept-Encoding: gzip"]).await?;
        let length = get.body.len().to_string();
        let met = head.field("content-length").is_none_or(|said| said == length);
        check(met, format!("no length, or {length}"), head.brief())
    }

    /// A request without credentials is answered with 401.
    Should "http/9110/11.4/no-credentials" [Login] = async |peer| {
        unauthorized(peer, &[]).await.map(|_| Outcome::Pass)
    }

    /// A request with invalid credentials is answered with 401.
    Should "http/9110/11.4/wrong-password" [Login] = async |peer| {
        unauthorized(peer, &[&format!("Authorization: Basic {WRONG}")]).await.map(|_| Outcome::Pass)
    }

    /// Credentials by a scheme that the server does not know count as none.
    Should "http/9110/11.4/unknown-scheme" [Login] = async |peer| {
        unauthorized(peer, &[&format!("Authorization: Rope {RIGHT}")]).await.map(|_| Outcome::Pass)
    }

    /// Credentials that are malformed let nobody in.
    Robust "http/9110/11.4/malformed" [Login] = async |peer| {
        for credentials in ["Basic", "Basic ", "Basic %%%", "Basic cm9wZQ==", "Basic =", RIGHT] {
            peer.reconnect();
            let response = peer.get(SECRET, &[&format!("Authorization: {credentials}")]).await?;
            let met = matches!(response.status, 400 | 401);
            check(met, format!("400 or 401 to {credentials}"), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// Right credentials let in, and the name of the scheme is read without regard to case.
    Robust "http/9110/11.1/scheme-case" [Login] = async |peer| {
        for scheme in ["Basic", "basic", "BASIC"] {
            content(&peer.get(SECRET, &[&format!("Authorization: {scheme} {RIGHT}")]).await?, fixture::HELLO)?;
        }
        Ok(Outcome::Pass)
    }

    /// A realm is sent as a quoted string.
    Must "http/9110/11.5/realm-quoted" [Login] = async |peer| {
        let response = unauthorized(peer, &[]).await?;
        let challenge = field(&response, "www-authenticate")?;
        let Some((_, realm)) = challenge.to_ascii_lowercase().split_once("realm=").map(|(a, b)| (a.to_owned(), b.to_owned())) else {
            return Ok(Outcome::Skip(Reason::Unsupported("a realm")));
        };
        check(realm.starts_with('"') && realm.matches('"').count() >= 2, "realm=\"…\"", challenge)
    }

    /// A 401 to a request without credentials has a challenge.
    Must "http/9110/11.6.1/challenge" [Login] = async |peer| {
        let response = unauthorized(peer, &[]).await?;
        let challenge = field(&response, "www-authenticate")?;
        check(challenge.to_ascii_lowercase().starts_with("basic"), "a challenge of the scheme Basic", challenge)
    }

    /// A 401 to a request with invalid credentials has a challenge.
    Must "http/9110/15.5.2/challenge" [Login] = async |peer| {
        let response = unauthorized(peer, &[&format!("Authorization: Basic {WRONG}")]).await?;
        field(&response, "www-authenticate").map(|_| Outcome::Pass)
    }

    /// Preconditions are ignored where the answer is 401 without them.
    Must "http/9110/13.2.1/ignored-with-401" [Login] = async |peer| {
        for precondition in ["If-None-Match: *", "If-Match: \"no-such-tag\""] {
            unauthorized(peer, &[precondition]).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A coding with the weight 0 is not acceptable, however many digits it has.
    Should "http/9110/12.5.3/weight-zero" [Coded] = async |peer| {
        for accept in ["gzip;q=0", "gzip;q=0.0", "gzip; q=0.000"] {
            plain(peer, accept).await?;
        }
        Ok(Outcome::Pass)
    }

    /// An empty Accept-Encoding asks for no coding.
    Should "http/9110/12.5.3/empty" [Coded] = async |peer| {
        plain(peer, "").await
    }

    /// A coding that is excluded by `*` is not acceptable.
    Should "http/9110/12.5.3/star-zero" [Coded] = async |peer| {
        plain(peer, "identity, *;q=0").await
    }

    /// A coding that is listed with a weight is acceptable, also where `*` excludes the others.
    Robust "http/9110/12.5.3/listed-beside-star" [Coded] = async |peer| {
        let response = coded(peer, "gzip;q=0.5, *;q=0").await?;
        check(is_coded(&response), "the gzip of the text", response.brief())
    }

    /// A response in a coding that the client asked for says so in Vary.
    Should "http/9110/12.5.5/vary-with-coding" [Coded] = async |peer| {
        let response = coded(peer, "gzip").await?;
        let met = response.lists("vary", "accept-encoding") || response.lists("vary", "*") || !is_coded(&response);
        check(met, "Vary: Accept-Encoding", response.brief())
    }

    /// A response without the coding that another client would get says so in Vary too.
    Should "http/9110/12.5.5/vary-without-coding" [Coded] = async |peer| {
        let response = peer.get("/coded.txt", &[]).await?;
        status(&response, &[200])?;
        check(response.lists("vary", "accept-encoding") || response.lists("vary", "*"), "Vary: Accept-Encoding", response.brief())
    }

    /// A part of a response in a coding is a part of the coded content, and says the coding.
    Must "http/9110/15.3.7.1/part-of-coding" [Coded] = async |peer| {
        let response = peer.get("/coded.txt", &["Accept-Encoding: gzip", "Range: bytes=0-1"]).await?;
        if response.status == 200 {
            return Ok(Outcome::Skip(Reason::Unsupported("ranges of codings")));
        }
        if response.lists("content-encoding", "gzip") {
            return check(response.body == [0x1f, 0x8b], "the first octets of a gzip", response.brief());
        }
        part(&response, "bytes 0-1/8000", "a ")
    }

    /// A 304 for a response in a coding has its ETag and its Vary.
    Must "http/9110/15.4.5/304-of-coding" [Coded] = async |peer| {
        let coded = coded(peer, "gzip").await?;
        let Some(tag) = coded.field("etag") else {
            return Ok(Outcome::Skip(Reason::Unsupported("ETag with a coding")));
        };
        let fields = ["Accept-Encoding: gzip", &format!("If-None-Match: {tag}")];
        let response = peer.get("/coded.txt", &fields).await?;
        status(&response, &[304])?;
        let same = response.field("etag") == Some(tag) && response.field("vary") == coded.field("vary");
        check(same, format!("ETag: {tag} and Vary as in the 200"), response.brief())
    }
}
