//! Requests that are not as they should be.

use super::*;

fn get(peer: &Peer, query: &str) -> Asked {
    let url = format!("{}{query}", peer.subject().url());
    Asked { method: Method::GET, url, fields: vec![("accept", MESSAGE.into())], content: None }
}

web_cases! {
    /// Content of another type is refused, with 415.
    Should "dns/8484/4.2.1/other-type" [Fixture, Doh] = async |peer| {
        let asked = Asked::new(peer, Over::Post, &asks("www A")?.to_wire()).field("content-type", "text/plain");
        is_refused(&web(peer, asked).await?, &[415])
    }

    /// Content without a type is refused, or taken for a message.
    May "dns/8484/4.1/no-type" [Fixture, Doh] = async |peer| {
        let asked = Asked::new(peer, Over::Post, &asks("www A")?.to_wire()).field("content-type", "");
        let response = web(peer, asked).await?;
        if response.status == 200 {
            message(response)?;
            return Ok(Outcome::Choice("taken for a message"));
        }
        is_refused(&response, CLIENTS)?;
        Ok(Outcome::Choice("refused"))
    }

    /// GET without a message is refused.
    Robust "dns/8484/4.1/no-dns" [Fixture, Doh] = async |peer| {
        for query in ["", "?dns=", "?name=www.rope.test"] {
            let asked = get(peer, query);
            is_refused(&web(peer, asked).await?, CLIENTS)?;
        }
        is_alive(peer).await
    }

    /// GET of what is no base64url is refused.
    Robust "dns/8484/6/no-base64url" [Fixture, Doh] = async |peer| {
        for query in ["?dns=%21%21%21%21", "?dns=AAAB*AAB", "?dns=A"] {
            let asked = get(peer, query);
            is_refused(&web(peer, asked).await?, CLIENTS)?;
        }
        is_alive(peer).await
    }

    /// What is shorter than a header is refused.
    Robust "dns/8484/6/short" [Fixture, Doh] = async |peer| {
        for over in WAYS {
            let asked = Asked::new(peer, over, &[0, 0, 1, 0, 0, 1]);
            is_refused(&web(peer, asked).await?, CLIENTS)?;
        }
        is_alive(peer).await
    }

    /// A message that cannot be read is refused, by HTTP or by FORMERR.
    Robust "dns/8484/4.2.1/malformed" [Fixture, Doh] = async |peer| {
        let mut wire = asks("www A")?.to_wire();
        wire.truncate(wire.len() - 3);
        for over in WAYS {
            let asked = Asked::new(peer, over, &wire);
            let response = web(peer, asked).await?;
            if response.status == 200 {
                let answer = Message::read(&message(response)?).map_err(|why| Broken::new("a message", why))?;
                check(answer.rcode() == 1 && answer.has(QR), "FORMERR", &answer)?;
            } else {
                is_refused(&response, CLIENTS)?;
            }
        }
        is_alive(peer).await
    }

    /// A message that is an answer is not answered by another.
    Robust "dns/1035/7.3/answer-in-https" [Fixture, Doh] = async |peer| {
        for over in WAYS {
            let asked = asks("www A")?.with(QR);
            let response = response(peer, over, &asked).await?;
            let came = if response.status == 200 { Message::read(&message(response)?).ok() } else { None };
            check(came.is_none_or(|answer| answer.answer.is_empty()), "no records", "records")?;
        }
        is_alive(peer).await
    }

    /// Content that is longer than a message can be is refused.
    Robust "dns/8484/6/too-long" [Fixture, Doh] = async |peer| {
        let mut wire = asks("www A")?.to_wire();
        wire.resize(70_000, 0);
        let asked = Asked::new(peer, Over::Post, &wire);
        match web(peer, asked).await {
            Ok(response) => is_refused(&response, &[400, 413, 414])?,
            // The stream may be reset instead.
            Err(_) => Outcome::Pass,
        };
        is_alive(peer).await
    }

    /// A method that is neither is refused.
    Robust "dns/8484/4.1/other-method" [Fixture, Doh] = async |peer| {
        let asked = Asked { method: Method::PUT, ..Asked::new(peer, Over::Post, &asks("www A")?.to_wire()) };
        is_refused(&web(peer, asked).await?, &[400, 403, 404, 405, 501])?;
        is_alive(peer).await
    }

    /// Another path has no answers.
    Robust "dns/8484/4.1/other-path" [Fixture, Doh] = async |peer| {
        let asked = Asked::new(peer, Over::Get, &asks("www A")?.to_wire());
        let url = asked.url.replacen("?dns=", "/no-such-place?dns=", 1);
        is_refused(&web(peer, Asked { url, ..asked }).await?, &[400, 403, 404, 405, 410])
    }

    /// A transfer, which takes several messages, is refused rather than begun.
    Robust "dns/8484/5.4/transfer" [Fixture, Doh] = async |peer| {
        let asked = Message { id: 0, ..Message::query(super::super::name("big.test.")?, AXFR) };
        let response = response(peer, Over::Post, &asked).await?;
        if response.status == 200 {
            let answer = read(&asked, &message(response)?)?;
            check(answer.rcode() != 0 && answer.answer.is_empty(), "an error", &answer)?;
        }
        is_alive(peer).await
    }

    /// A request that is begun and does not go on does not keep others from being answered.
    Robust "dns/8484/5.2/half-request" [Fixture, Doh] = async |peer| {
        let mut held = Vec::new();
        for _ in 0..20 {
            let opening = Web::open(peer);
            held.push(opening.await?);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        is_alive(peer).await
    }
}
