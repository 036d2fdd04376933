//! RFC 9110 §15.4: how a client follows redirects, where it does.

use super::{content, get, hello, post, reply};
use crate::case::{Verdict, cases, check};
use crate::client::{Fetch, Part};
use crate::{Outcome, Peer};

fn redirect(status: u16, location: &str) -> Vec<Part> {
    reply(format!("HTTP/1.1 {status} Rope\r\nLocation: {location}\r\nContent-Length: 6\r\n\r\nmoved\n"))
}

fn following(fetch: Fetch) -> Vec<Fetch> {
    vec![Fetch { follow: true, ..fetch }]
}

/// A POST that is redirected so, is a request with one of these methods and with its content, or not, then.
async fn posted(peer: &mut Peer, status: u16, method: &str, sent: &[u8]) -> Verdict {
    let played = peer
        .play(
            |authority| following(post(authority, "/one", b"hello")),
            vec![redirect(status, "/two"), hello()],
        )
        .await?;
    content(played.fetched(0)?, "hello")?;
    let second = played.heard(1)?;
    let met = second.line().starts_with(&format!("{method} /two ")) && second.content == sent;
    check(
        met,
        format!("{method} /two with {} octets", sent.len()),
        format!("{} with {} octets", second.line(), second.content.len()),
    )
}

cases! {
    /// A GET that is redirected is repeated there, whatever the code.
    Robust "http-client/9110/15.4/get" [Client] = async |peer| {
        for status in [301, 302, 303, 307, 308] {
            let played = peer.play(|authority| following(get(authority, "/one")), vec![redirect(status, "/two"), hello()]).await?;
            content(played.fetched(0)?, "hello")?;
            check(played.heard(1)?.line().starts_with("GET /two "), "GET /two", played.heard(1)?.line())?;
        }
        Ok(Outcome::Pass)
    }

    /// A Location that is relative is one below the target that was asked for.
    Robust "http-client/9110/10.2.2/relative" [Client] = async |peer| {
        let played = peer.play(|authority| following(get(authority, "/a/b?c")), vec![redirect(302, "../d?e"), hello()]).await?;
        check(played.heard(1)?.line().starts_with("GET /d?e "), "GET /d?e", played.heard(1)?.line())
    }

    /// A POST that is redirected by 303 is a GET then, without content.
    Robust "http-client/9110/15.4.4/post" [Client] = async |peer| {
        posted(peer, 303, "GET", b"").await
    }

    /// A POST that is redirected by 307 is a POST then, with its content.
    Must "http-client/9110/15.4.8/post" [Client] = async |peer| {
        posted(peer, 307, "POST", b"hello").await
    }

    /// A POST that is redirected by 308 is a POST then, with its content.
    Robust "http-client/9110/15.4.9/post" [Client] = async |peer| {
        posted(peer, 308, "POST", b"hello").await
    }

    /// A HEAD that is redirected is a HEAD then.
    Robust "http-client/9110/15.4/head" [Client] = async |peer| {
        let head = |authority: &str| following(super::fetch("HEAD", format!("http://{authority}/one")));
        let moved = reply("HTTP/1.1 302 Rope\r\nLocation: /two\r\nContent-Length: 6\r\n\r\n");
        let played = peer.play(head, vec![moved, reply("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")]).await?;
        check(played.heard(1)?.line().starts_with("HEAD /two "), "HEAD /two", played.heard(1)?.line())
    }

    /// Redirects that lead round in a ring are given up.
    Should "http-client/9110/15.4/ring" [Client] = async |peer| {
        let ring = (0..200).map(|_| redirect(302, "/one")).collect();
        let played = peer.play(|authority| following(get(authority, "/one")), ring).await?;
        let fetched = played.fetched(0)?;
        let met = (fetched.failed || fetched.status == 302) && played.heard.len() < 200;
        check(met, "an end before 200 requests", format!("{} requests, {}", played.heard.len(), super::shown(fetched)))
    }

    /// Credentials are not sent along to another origin.
    Robust "http-client/9110/15.4/no-credentials-elsewhere" [Client] = async |peer| {
        // Another origin is one with another port: `localhost` and the address differ as well.
        let fetches = |authority: &str| {
            let fields = vec!["Authorization: Basic cm9wZTpzdHJhbmQ=".into(), "Cookie: rope=strand".into()];
            following(Fetch { fields, ..get(authority, "/one") })
        };
        let elsewhere = |authority: &str| format!("http://localhost:{}/two", authority.rsplit(':').next().unwrap_or_default());
        let played = peer.play_to(fetches, |authority| vec![redirect(302, &elsewhere(authority)), hello()]).await?;
        let Some(second) = played.heard.get(1) else { return Ok(Outcome::Pass) };
        let met = second.field("authorization").is_none() && second.field("cookie").is_none();
        check(met, "neither Authorization nor Cookie", &second.head)
    }
}
