//! What several cases expect.

use super::Response;
use crate::case::{Verdict, check};
use crate::peer::Filled;
use crate::{Broken, Outcome, Peer};

/// One of these status codes.
pub(crate) fn status(response: &Response, allowed: &[u16]) -> Verdict {
    let names: Vec<_> = allowed.iter().map(u16::to_string).collect();
    check(allowed.contains(&response.status), names.join(" or "), response.brief())
}

/// A 200 with this content.
pub(super) fn content(response: &Response, content: &str) -> Verdict {
    let met = response.status == 200 && response.body == content.as_bytes();
    check(met, format!("200 with {content:?}"), response.brief())
}

/// The value of a field that must be there.
pub(crate) fn field<'a>(response: &'a Response, name: &str) -> Result<&'a str, Broken> {
    response
        .fields
        .iter()
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .ok_or_else(|| Broken::new(format!("the field {name}"), response.brief()))
}

/// The request is answered with 400.
pub(super) async fn refused(peer: &mut Peer, request: impl AsRef<[u8]>) -> Verdict {
    let response = peer.exchange(request).await?;
    status(&response, &[400])
}

/// The request is answered with 400 and the connection is closed, whatever follows the request on it.
pub(super) async fn refused_and_closed(peer: &mut Peer, request: impl AsRef<[u8]>) -> Verdict {
    refused(peer, request).await?;
    peer.closed().await?;
    Ok(Outcome::Pass)
}

/// A second request on the present connection works.
pub(super) async fn still_usable(peer: &mut Peer) -> Verdict {
    let response = peer.get("/digits.txt", &[]).await?;
    content(&response, super::fixture::DIGITS)
}

/// Two requests were sent in one go, and the first has a body: both are answered, in order, which shows
/// that the body was read to its end and no further.
pub(super) async fn both_answered(peer: &mut Peer, first: String) -> Verdict {
    let second = peer.request("GET", "/digits.txt", &[]);
    peer.send(first + &second).await?;
    let response = peer.final_response("GET").await?;
    status(&response, &[200])?;
    let response = peer.final_response("GET").await?;
    content(&response, super::fixture::DIGITS)
}

/// Of two requests sent in one go the second is never answered: the connection ends after at most one response.
pub(super) async fn second_unanswered(peer: &mut Peer, first: String) -> Verdict {
    let second = peer.request("GET", "/digits.txt", &[]);
    peer.send(first + &second).await?;
    if let Some(response) = peer.response_or_end("GET").await? {
        let expected = "an answer to the first request only";
        check(response.body != super::fixture::DIGITS.as_bytes(), expected, response.brief())?;
        peer.closed().await?;
    }
    Ok(Outcome::Pass)
}

/// Nothing that comes on the present connection answers a request for `/digits.txt`: what was meant for a
/// body was not read as a request. Waiting for the rest of the body is as good as refusing it.
pub(super) async fn digits_never_come(peer: &mut Peer, after: &str) -> Verdict {
    for _ in 0..16 {
        if peer.buffer.is_empty() && peer.fill().await? != Filled::Some {
            return Ok(Outcome::Pass);
        }
        let response = peer.response("GET").await?;
        let is_second = response.body == super::fixture::DIGITS.as_bytes();
        check(!is_second, format!("no second request after {after}"), response.brief())?;
    }
    Err(Broken::new("an end of answers", "16 of them"))
}
