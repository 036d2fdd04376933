//! RFC 7858: DNS over TLS. What it leaves to RFC 7766 is tried here again, since another path may serve it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::client::{
    Over, again, ask, exchange, framed, id, is_alive, is_error, is_like, read, same_question,
};
use super::query;
use super::rdata::AXFR;
use super::tcp::{all_come, queries, send_slowly};
use super::transfer;
use super::wire::{Edns, Message, QR, TC};
use crate::case::{cases, check};
use crate::doors::Door;
use crate::peer::{Filled, quote};
use crate::{Broken, Outcome, Peer, Reason};

const PADDING: u16 = 12;
const KEEPALIVE: u16 = 11;
/// What answers are padded to a multiple of (RFC 8467 §4.1).
const BLOCK: usize = 468;

/// Asks for `www A` with this OPT, by TLS: the answer, and its octets.
async fn padded(peer: &mut Peer, edns: &Edns) -> Result<(Message, Vec<u8>), Broken> {
    let asked = query("www A")?.edns(edns);
    let wire = exchange(peer, Over::Tls, &asked.to_wire()).await?;
    let answer = read(&asked, &wire)?;
    check(answer.rcode() == 0 && answer.answer.len() == 2, "the records", &answer)?;
    Ok((answer, wire))
}

fn pads(answer: &Message) -> bool {
    answer.opt().is_some_and(|edns| edns.find(PADDING).is_some())
}

cases! {
    /// A query inside TLS is answered, behind its length.
    Must "dns/7858/3.3/framed" [Fixture, Dot] = async |peer| {
        let asked = query("www A")?;
        let answer = ask(peer, Over::Tls, &asked).await?;
        check(answer.rcode() == 0 && answer.answer.len() == 2 && peer.buffer.is_empty(), "the records, and nothing else", &answer)
    }

    /// What comes inside TLS is what comes by TCP.
    Robust "dns/7858/3.3/same-as-tcp" [Fixture, Dot] = async |peer| {
        for asked in queries()? {
            let tcp = exchange(peer, Over::Tcp, &asked.to_wire()).await?;
            let tls = exchange(peer, Over::Tls, &asked.to_wire()).await?;
            let (tcp, tls) = (read(&asked, &tcp)?, read(&asked, &tls)?);
            check(is_like(&tcp, &tls), format!("{tcp}, as by TCP"), &tls)?;
        }
        Ok(Outcome::Pass)
    }

    /// A query in the clear is not answered where TLS is spoken.
    Must "dns/7858/3.1/cleartext" [Fixture, Dot] = async |peer| {
        peer.reconnect_at(Door::Bare);
        peer.send(framed(&query("www A")?.to_wire())).await?;
        let came = match peer.fill_within(Duration::from_millis(500)).await? {
            // An alert of TLS is no answer.
            Filled::Some => Message::read(peer.buffer.get(2..).unwrap_or_default()).is_ok(),
            Filled::Ended(_) | Filled::Silent => false,
        };
        check(!came, "no answer in the clear", quote(&peer.buffer))?;
        is_alive(peer, Over::Tls).await
    }

    /// After a handshake that fails nothing is answered in the clear.
    Must "dns/7858/3.1/failed-handshake" [Fixture, Dot] = async |peer| {
        peer.reconnect_at(Door::Bare);
        peer.send([22, 3, 1, 0, 4, 1, 0, 0, 0]).await?;
        peer.send(framed(&query("www A")?.to_wire())).await?;
        peer.fill_within(Duration::from_millis(500)).await?;
        let answers = (0..peer.buffer.len()).any(|at| Message::read(peer.buffer.get(at..).unwrap_or_default()).is_ok());
        check(!answers, "no answer in the clear", quote(&peer.buffer))?;
        is_alive(peer, Over::Tls).await
    }

    /// A session of TLS is used for several queries, one after the other.
    Should "dns/7858/3.4/reuse" [Fixture, Dot] = async |peer| {
        peer.reconnect_at(Door::Tls);
        for asked in queries()? {
            let answer = read(&asked, &again(peer, &asked.to_wire()).await?)?;
            same_question(&asked, &answer)?;
        }
        Ok(Outcome::Pass)
    }

    /// A connection is not closed right after an answer.
    Should "dns/7858/3.4/stays-open" [Fixture, Dot] = async |peer| {
        ask(peer, Over::Tls, &query("www A")?).await?;
        let filled = peer.fill_within(Duration::from_millis(400)).await?;
        check(filled == Filled::Silent, "a connection that stays open", format!("{filled:?}"))
    }

    /// Queries that are sent inside TLS without waiting are all answered.
    Must "dns/7858/3.3/pipelined" [Fixture, Dot] = async |peer| {
        peer.reconnect_at(Door::Tls);
        let queries = queries()?;
        for query in &queries {
            peer.send(framed(&query.to_wire())).await?;
        }
        all_come(peer, &queries).await
    }

    /// Queries that come in one record of TLS are all answered.
    Must "dns/7858/3.3/one-record" [Fixture, Dot] = async |peer| {
        peer.reconnect_at(Door::Tls);
        let queries = queries()?;
        let together: Vec<_> = queries.iter().flat_map(|query| framed(&query.to_wire())).collect();
        peer.send(together).await?;
        all_come(peer, &queries).await
    }

    /// A query may come in a record of TLS for each octet.
    Must "dns/7858/3.3/split" [Fixture, Dot] = async |peer| {
        peer.reconnect_at(Door::Tls);
        let query = query("www A")?;
        send_slowly(peer, &framed(&query.to_wire()), 1).await?;
        all_come(peer, &[query]).await
    }

    /// Hundreds of queries inside TLS that are sent without waiting are all answered.
    Robust "dns/7858/3.3/hundreds" [Fixture, Dot] = async |peer| {
        peer.reconnect_at(Door::Tls);
        let queries = (0..300).map(|_| query("www A")).collect::<Result<Vec<_>, _>>()?;
        let together: Vec<_> = queries.iter().flat_map(|query| framed(&query.to_wire())).collect();
        peer.send(together).await?;
        all_come(peer, &queries).await
    }

    /// A client that ends its half of TLS is still answered.
    Robust "dns/7858/3.4/half-closed" [Fixture, Dot] = async |peer| {
        peer.reconnect_at(Door::Tls);
        let query = query("www A")?;
        peer.send(framed(&query.to_wire())).await?;
        peer.finish().await;
        all_come(peer, &[query]).await
    }

    /// Where the client ends TLS, the server ends it as well, by an alert and not by the end of TCP alone.
    Should "dns/7858/3.4/close-notify" [Fixture, Dot] = async |peer| {
        let mut io = peer.dial(Door::Tls).await?;
        let broken = |error: std::io::Error| Broken::new("an orderly end", error.to_string());
        io.write_all(&framed(&query("www A")?.to_wire())).await.map_err(broken)?;
        io.flush().await.map_err(broken)?;
        let mut length = [0; 2];
        io.read_exact(&mut length).await.map_err(broken)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        io.read_exact(&mut answer).await.map_err(broken)?;
        io.shutdown().await.map_err(broken)?;
        match timeout(peer.patience(), io.read(&mut answer)).await {
            Ok(Ok(0)) => Ok(Outcome::Pass),
            Ok(Ok(octets)) => check(false, "an orderly end", format!("{octets} octets")),
            Ok(Err(error)) => Err(broken(error)),
            Err(_) => check(false, "an orderly end", "silence"),
        }
    }

    /// An answer of more than 512 octets goes inside TLS as a whole, whatever size the client says.
    Must "dns/6891/6.2.3/tls" [Fixture, Dot] = async |peer| {
        for asked in [query("large TXT")?, query("large TXT")?.edns(&Edns::of(512))] {
            let answer = ask(peer, Over::Tls, &asked).await?;
            check(!answer.has(TC) && answer.answer.len() == 30, "30 records without tc", &answer)?;
        }
        Ok(Outcome::Pass)
    }

    /// A padded query inside TLS is answered with padding.
    Must "dns/7830/4/asked" [Fixture, Dot] = async |peer| {
        let (answer, _) = padded(peer, &Edns::of(1232).option(PADDING, &[0; 40])).await?;
        check(pads(&answer), "padding", &answer)
    }

    /// An answer is padded to a multiple of 468 octets.
    Should "dns/8467/4.1/block" [Fixture, Dot] = async |peer| {
        let (answer, wire) = padded(peer, &Edns::of(1232).option(PADDING, &[0; 40])).await?;
        check(!pads(&answer) || wire.len() % BLOCK == 0, format!("a multiple of {BLOCK} octets"), wire.len())
    }

    /// The octets that pad are zero.
    Should "dns/7830/3/zero" [Fixture, Dot] = async |peer| {
        let (answer, _) = padded(peer, &Edns::of(1232).option(PADDING, &[7; 40])).await?;
        let padding = answer.opt().and_then(|edns| edns.find(PADDING).map(<[u8]>::to_vec));
        check(padding.is_none_or(|octets| octets.iter().all(|octet| *octet == 0)), "zeros", &answer)
    }

    /// Who sent no OPT gets no padding, inside TLS neither.
    Must "dns/7830/4/no-opt" [Fixture, Dot] = async |peer| {
        let answer = ask(peer, Over::Tls, &query("www A")?).await?;
        check(answer.opt().is_none(), "no OPT", &answer)
    }

    /// Keepalive inside TLS is answered by the time that the server waits, where it has the option.
    Must "dns/7828/3.3.2/tls" [Fixture, Dot] = async |peer| {
        let answer = ask(peer, Over::Tls, &query("www A")?.edns(&Edns::of(1232).option(KEEPALIVE, b""))).await?;
        check(answer.rcode() == 0, "NOERROR", &answer)?;
        match answer.opt().and_then(|edns| edns.find(KEEPALIVE).map(<[u8]>::len)) {
            None => Ok(Outcome::Skip(Reason::Unsupported("keepalive"))),
            length => check(length == Some(2), "two octets of keepalive", &answer),
        }
    }

    /// What cannot be read is answered FORMERR inside TLS, too.
    Robust "dns/7858/3.3/malformed" [Fixture, Dot] = async |peer| {
        let mut two = query("www A")?;
        two.question.extend(query("mail A")?.question);
        let answer = Message::read(&exchange(peer, Over::Tls, &two.to_wire()).await?);
        let answer = answer.map_err(|why| Broken::new("a message that can be read", why))?;
        is_error(&answer, &[1])?;
        is_alive(peer, Over::Tls).await
    }

    /// A message inside TLS that is an answer is never answered.
    Must "dns/1035/7.3/answer-in-tls" [Fixture, Dot] = async |peer| {
        super::client::silence(peer, Over::Tls, &query("www A")?.with(QR).to_wire()).await
    }

    /// Clients that begin TLS and do not go on do not keep others from being answered.
    Robust "dns/7858/3.4/many-half-handshakes" [Fixture, Dot] = async |peer| {
        let mut held = Vec::new();
        for _ in 0..50 {
            let mut io = peer.dial(Door::Bare).await?;
            let _unsent = io.write_all(&[22, 3, 1]).await;
            held.push(io);
        }
        is_alive(peer, Over::Tls).await
    }

    /// Many sessions of TLS on which nothing is said do not keep others from being answered.
    Robust "dns/7858/3.4/many-idle" [Fixture, Dot] = async |peer| {
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(peer.dial(Door::Tls).await?);
        }
        is_alive(peer, Over::Tls).await
    }

    /// A session of TLS on which nothing is said is closed in the end.
    Robust "dns/7858/3.4/idle" [Fixture, Dot, ShortTimeouts] = async |peer| {
        ask(peer, Over::Tls, &query("www A")?).await?;
        peer.closed_within(Duration::from_secs(10)).await.map(|()| Outcome::Pass)
    }

    /// A zone is transferred inside TLS as a whole, each message of it signed as by TCP.
    Robust "dns/9103/7.1/transfer" [Fixture, Account, Transfer, Dot] = async |peer| {
        peer.reconnect_at(Door::Tls);
        let asked = Message { id: id(), ..transfer::asks("big.test.", AXFR)? };
        let records = transfer::transfer(peer, &asked).await?.records();
        let wanted = super::fixture::MANY + 3;
        check(records.len() == wanted, format!("{wanted} records"), records.len())
    }
}
