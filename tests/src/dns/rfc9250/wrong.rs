//! What no client may do on a connection: it ends it (RFC 9250 §4.3.3).

use quinn::ConnectionError;

use super::*;
use crate::dns::quic::{PROTOCOL_ERROR, code};
use crate::dns::wire::QR;

/// These octets, as all of a stream, end the connection with an error of the protocol, and bring no answer.
async fn is_fatal(peer: &mut Peer, octets: &[u8]) -> Verdict {
    let opening = Line::open(peer);
    let line = opening.await?;
    let mut stream = line.say(octets).await?;
    let came = stream.message().await;
    check(!matches!(came, Ok(Some(_))), "no answer", "an answer")?;
    is_closed(&line).await?;
    is_alive(peer, Over::Quic).await
}

/// The server closes the connection with the code of an error of the protocol, or forgets it.
async fn is_closed(line: &Line) -> Verdict {
    let wanted = "the connection closed with DOQ_PROTOCOL_ERROR";
    match line.closed().await {
        Some(ConnectionError::TimedOut | ConnectionError::Reset) => Ok(Outcome::Pass),
        Some(closed) => check(code(&closed) == Some(PROTOCOL_ERROR.into()), wanted, closed),
        None => check(false, wanted, "an open connection"),
    }
}

cases! {
    /// A query whose ID is not 0 ends the connection.
    Should "dns/9250/4.3.3/id" [Fixture, Doq] = async |peer| {
        let asked = Message { id: 7, ..asks("www A")? };
        is_fatal(peer, &framed(&asked.to_wire())).await
    }

    /// A stream that ends amid a query ends the connection.
    Should "dns/9250/4.3.3/early-end" [Fixture, Doq] = async |peer| {
        let whole = framed(&asks("www A")?.to_wire());
        is_fatal(peer, whole.get(..whole.len() - 1).unwrap_or_default()).await
    }

    /// A second query on a stream ends the connection.
    Should "dns/9250/4.3.3/two-queries" [Fixture, Doq] = async |peer| {
        let whole = framed(&asks("www A")?.to_wire());
        is_fatal(peer, &[whole.clone(), whole].concat()).await
    }

    /// A query that says how long a connection over TCP is kept ends the connection.
    Should "dns/9250/4.3.3/keepalive" [Fixture, Doq] = async |peer| {
        let asked = asks("www A")?.edns(&Edns::of(1232).option(KEEPALIVE, b""));
        is_fatal(peer, &framed(&asked.to_wire())).await
    }

    /// A client cannot open a stream for one direction, or that ends the connection.
    Should "dns/9250/4.3.3/one-direction" [Fixture, Doq] = async |peer| {
        let opening = Line::open(peer);
        let line = opening.await?;
        if let Ok(Ok(mut send)) = timeout(MOMENT, line.conn.open_uni()).await {
            // Whether it is taken does not matter.
            let _ = send.write_all(&framed(&asks("www A")?.to_wire())).await;
            let _ = send.finish();
            return is_closed(&line).await;
        }
        goes_on(&line).await
    }

    /// A message that is an answer is not answered.
    Must "dns/1035/7.3/answer-in-quic" [Fixture, Doq] = async |peer| {
        let opening = Line::open(peer);
        let line = opening.await?;
        let mut stream = line.say(&framed(&asks("www A")?.with(QR).to_wire())).await?;
        let came = timeout(MOMENT, stream.message()).await;
        check(!matches!(came, Ok(Ok(Some(_)))), "no answer", "an answer")?;
        is_alive(peer, Over::Quic).await
    }

    /// A stream on which nothing is said brings no answer, and does others no harm.
    Robust "dns/9250/4.3.3/nothing" [Fixture, Doq] = async |peer| {
        let opening = Line::open(peer);
        let line = opening.await?;
        let mut stream = line.say(b"").await?;
        let came = timeout(MOMENT, stream.message()).await;
        check(!matches!(came, Ok(Ok(Some(_)))), "no answer", "an answer")?;
        is_alive(peer, Over::Quic).await
    }
}
