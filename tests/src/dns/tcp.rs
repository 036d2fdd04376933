//! RFC 7766: several queries on one connection, and what connections go through.

use std::time::Duration;

use tokio::time::sleep;

use super::client::{Over, ask, frame, framed, is_alive, read};
use super::query;
use super::wire::Message;
use crate::case::{Verdict, cases, check};
use crate::{Broken, Peer};

/// Names with different answers, for queries that are told apart.
const ASKED: &[&str] =
    &["www A", "@ SOA", "alias A", "nothing A", "host.wild A", "large TXT", "mail A", "x.sub A"];

pub(super) fn queries() -> Result<Vec<Message>, Broken> {
    ASKED.iter().map(|asked| query(asked)).collect()
}

/// One answer comes for each query, in any order.
pub(super) async fn all_come(peer: &mut Peer, queries: &[Message]) -> Verdict {
    let mut waiting: Vec<_> = queries.iter().collect();
    while !waiting.is_empty() {
        let missing = || Broken::new(format!("{} more answers", waiting.len()), "the end of the connection");
        let wire = frame(peer).await?.ok_or_else(missing)?;
        let id = Message::read(&wire).map_err(|why| Broken::new("a message", why))?.id;
        let Some(at) = waiting.iter().position(|query| query.id == id) else {
            return check(false, "the ID of a query that waits", id);
        };
        let answer = read(waiting.swap_remove(at), &wire)?;
        check(matches!(answer.rcode(), 0 | 3), "an answer", &answer)?;
    }
    Ok(crate::Outcome::Pass)
}

/// Sends octets in pieces of this many, with a moment between them.
pub(super) async fn send_slowly(peer: &mut Peer, octets: &[u8], pieces: usize) -> Result<(), Broken> {
    for piece in octets.chunks(pieces) {
        peer.send(piece).await?;
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

cases! {
    /// A connection is used for several queries, one after the other.
    Must "dns/7766/6.2.1/reuse" [Fixture] = async |peer| {
        peer.reconnect();
        for query in queries()? {
            peer.send(framed(&query.to_wire())).await?;
            all_come(peer, &[query]).await?;
        }
        Ok(crate::Outcome::Pass)
    }

    /// Queries that are sent without waiting are all answered.
    Must "dns/7766/6.2.1.1/pipelined" [Fixture] = async |peer| {
        peer.reconnect();
        let queries = queries()?;
        for query in &queries {
            peer.send(framed(&query.to_wire())).await?;
        }
        all_come(peer, &queries).await
    }

    /// Queries that come in one segment are all answered.
    Must "dns/7766/8/one-segment" [Fixture] = async |peer| {
        peer.reconnect();
        let queries = queries()?;
        let together: Vec<_> = queries.iter().flat_map(|query| framed(&query.to_wire())).collect();
        peer.send(together).await?;
        all_come(peer, &queries).await
    }

    /// Hundreds of queries that are sent without waiting are all answered.
    Robust "dns/7766/6.2.1.1/hundreds" [Fixture] = async |peer| {
        peer.reconnect();
        let queries = (0..300).map(|_| query("www A")).collect::<Result<Vec<_>, _>>()?;
        let together: Vec<_> = queries.iter().flat_map(|query| framed(&query.to_wire())).collect();
        peer.send(together).await?;
        all_come(peer, &queries).await
    }

    /// The length may come octet by octet.
    Must "dns/7766/8/split-length" [Fixture] = async |peer| {
        peer.reconnect();
        let query = query("www A")?;
        send_slowly(peer, &framed(&query.to_wire()), 1).await?;
        all_come(peer, &[query]).await
    }

    /// A message may come in several segments.
    Must "dns/7766/8/split-message" [Fixture] = async |peer| {
        peer.reconnect();
        let query = query("www A")?;
        send_slowly(peer, &framed(&query.to_wire()), 7).await?;
        all_come(peer, &[query]).await
    }

    /// A segment may end amid the length of the next message.
    Must "dns/7766/8/split-between" [Fixture] = async |peer| {
        peer.reconnect();
        let queries = [query("www A")?, query("@ SOA")?];
        let together: Vec<_> = queries.iter().flat_map(|query| framed(&query.to_wire())).collect();
        let first = queries.first().map_or(0, |query| query.to_wire().len() + 3);
        send_slowly(peer, &together, first).await?;
        all_come(peer, &queries).await
    }

    /// A client that sends no more is still answered.
    Robust "dns/7766/6.2.4/half-closed" [Fixture] = async |peer| {
        peer.reconnect();
        let query = query("www A")?;
        peer.send(framed(&query.to_wire())).await?;
        peer.finish().await;
        all_come(peer, &[query]).await
    }

    /// Two queries with one ID and different questions are both answered.
    Robust "dns/7766/7/same-id" [Fixture] = async |peer| {
        peer.reconnect();
        let one = query("www A")?;
        let two = Message { id: one.id, ..query("@ SOA")? };
        peer.send([framed(&one.to_wire()), framed(&two.to_wire())].concat()).await?;
        let mut came = Vec::new();
        for _ in 0..2 {
            let wire = frame(peer).await?.ok_or_else(|| Broken::new("two answers", "the end of the connection"))?;
            came.push(read(&one, &wire)?);
        }
        let kinds = came.iter().filter_map(|answer| answer.question.first().map(|question| question.kind)).collect::<Vec<_>>();
        check(kinds.contains(&1) && kinds.contains(&6), "an answer to each", format!("answers of the types {kinds:?}"))
    }

    /// A message without octets does no harm to others.
    Robust "dns/7766/8/no-octets" [Fixture] = async |peer| {
        peer.reconnect();
        peer.send([0, 0]).await?;
        peer.fill_within(Duration::from_millis(100)).await?;
        is_alive(peer, Over::Tcp).await
    }

    /// A length that is never made good does no harm to others.
    Robust "dns/7766/6.2.2/length-alone" [Fixture] = async |peer| {
        peer.reconnect();
        peer.send([0xff, 0xff, 0, 0]).await?;
        check(peer.fill_within(Duration::from_millis(100)).await? != crate::peer::Filled::Some, "no answer", "octets")?;
        is_alive(peer, Over::Udp).await?;
        is_alive(peer, Over::Tcp).await
    }

    /// A connection on which nothing is said is closed in the end.
    Robust "dns/7766/6.2.3/idle" [Fixture, ShortTimeouts] = async |peer| {
        ask(peer, Over::Tcp, &query("www A")?).await?;
        peer.closed_within(Duration::from_secs(10)).await.map(|()| crate::Outcome::Pass)
    }

    /// A connection on which a length is said and nothing more is closed in the end.
    Robust "dns/7766/6.2.3/idle-within-message" [Fixture, ShortTimeouts] = async |peer| {
        peer.reconnect();
        peer.send([0, 40, 1, 2]).await?;
        peer.closed_within(Duration::from_secs(10)).await.map(|()| crate::Outcome::Pass)
    }

    /// Many connections on which nothing is said do not keep others from being answered.
    Robust "dns/7766/6.2.2/many-idle" [Fixture] = async |peer| {
        let mut held = Vec::new();
        for _ in 0..50 {
            held.push(peer.subject().dial().await.map_err(|error| Broken::new("a connection", error.to_string()))?);
        }
        is_alive(peer, Over::Tcp).await
    }
}
