//! RFC 9250: DNS over QUIC. What it leaves to RFC 7766 is tried here again, since another path may serve it.

mod early;
mod wrong;

use std::time::Duration;

use tokio::time::timeout;

use super::client::{Over, ask, exchange, framed, is_alive, is_error, is_like, read, same_question};
use super::quic::{DOQ, ERROR_RESERVED, Line, REQUEST_CANCELLED, Stream};
use super::rdata::AXFR;
use super::tcp::queries;
use super::transfer;
use super::tsig::Key;
use super::wire::{Edns, Message, TC};
use super::{fixture, query};
use crate::case::{Verdict, cases, check};
use crate::{Broken, Case, Outcome, Peer};

const PADDING: u16 = 12;
const KEEPALIVE: u16 = 11;
/// How long silence is listened to.
const MOMENT: Duration = Duration::from_millis(300);

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    exchanges::CASES.iter().chain(streams::CASES).chain(wrong::CASES).chain(early::CASES)
}

/// With the ID that is asked for (RFC 9250 §4.2.1).
fn asks(asked: &str) -> Result<Message, Broken> {
    Ok(Message { id: 0, ..query(asked)? })
}

/// The answer that comes on the stream, which belongs to this query.
async fn answer(stream: &mut Stream, asked: &Message) -> Result<Message, Broken> {
    let wire = stream.message().await?.ok_or_else(|| Broken::new("an answer", "the end of the stream"))?;
    let answer = read(asked, &wire)?;
    same_question(asked, &answer)?;
    Ok(answer)
}

/// The stream ends, and nothing comes before that.
async fn ends(stream: &mut Stream) -> Verdict {
    let more = stream.message().await?;
    check(more.is_none(), "the end of the stream", "another message")
}

/// The connection is of use still.
async fn goes_on(line: &Line) -> Verdict {
    let asked = asks("www A")?;
    let answer = read(&asked, &line.ask(&asked.to_wire()).await?)?;
    check(answer.rcode() == 0 && answer.answer.len() == 2, "the records", &answer)
}

mod exchanges {
    use super::*;

    cases! {
        /// The protocol that is agreed on is doq, whatever else a client speaks.
        Must "dns/9250/4.1/alpn" [Fixture, Doq] = async |peer| {
            let opening = Line::offering(peer, &["rope-other", DOQ]);
            let agreed = opening.await?.protocol();
            check(agreed.as_deref() == Some(DOQ), DOQ, format!("{agreed:?}"))
        }

        /// A client that does not speak doq is refused by the handshake.
        Must "dns/9001/8.1/other-protocol" [Fixture, Doq] = async |peer| {
            let opening = Line::offering(peer, &["rope-other"]);
            match opening.await {
                Err(Broken { actual, .. }) => check(actual != "silence", "a refusal", actual)?,
                Ok(line) => return check(false, "a refusal", format!("a connection of {:?}", line.protocol())),
            };
            is_alive(peer, Over::Quic).await
        }

        /// A query is answered on its stream, behind its length, and that is all.
        Must "dns/9250/4.2/framed" [Fixture, Doq] = async |peer| {
            let asked = asks("www A")?;
            let opening = Line::open(peer);
            let line = opening.await?;
            let mut stream = line.say(&framed(&asked.to_wire())).await?;
            let answer = answer(&mut stream, &asked).await?;
            check(answer.rcode() == 0 && answer.answer.len() == 2, "the records", &answer)
        }

        /// After the answer the stream ends.
        Must "dns/9250/4.2/end" [Fixture, Doq] = async |peer| {
            let opening = Line::open(peer);
            let line = opening.await?;
            for asked in queries()? {
                let asked = Message { id: 0, ..asked };
                let mut stream = line.say(&framed(&asked.to_wire())).await?;
                answer(&mut stream, &asked).await?;
                ends(&mut stream).await?;
            }
            Ok(Outcome::Pass)
        }

        /// The ID of an answer is 0, as that of its query is.
        Must "dns/9250/4.2.1/id" [Fixture, Doq] = async |peer| {
            let wire = exchange(peer, Over::Quic, &asks("www A")?.to_wire()).await?;
            check(wire.starts_with(&[0, 0]), "the ID 0", format!("{:?}", wire.get(..2)))
        }

        /// What comes over QUIC is what comes by TCP.
        Robust "dns/9250/4.2/same-as-tcp" [Fixture, Doq] = async |peer| {
            for asked in queries()? {
                let asked = Message { id: 0, ..asked };
                let tcp = read(&asked, &exchange(peer, Over::Tcp, &asked.to_wire()).await?)?;
                let quic = ask(peer, Over::Quic, &asked).await?;
                check(is_like(&tcp, &quic), format!("{tcp}, as by TCP"), &quic)?;
            }
            Ok(Outcome::Pass)
        }

        /// The size of OPT is ignored, and what is longer than a datagram is sent as a whole.
        Must "dns/9250/4.6/size" [Fixture, Doq] = async |peer| {
            for asked in [asks("large TXT")?, asks("large TXT")?.edns(&Edns::of(512))] {
                let answer = ask(peer, Over::Quic, &asked).await?;
                check(!answer.has(TC) && answer.answer.len() == 30, "30 records without tc", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// Errors of DNS are answers, and no errors of QUIC.
        Should "dns/9250/4.3.2/errors" [Fixture, Doq] = async |peer| {
            for (asked, code) in [("nothing A", 3), ("www.elsewhere.example. A", 5)] {
                let answer = ask(peer, Over::Quic, &asks(asked)?).await?;
                check(answer.rcode() == code, format!("the code {code}"), &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// Nobody is told over QUIC how long a connection over TCP is kept.
        Must "dns/9250/5.5.2/no-keepalive" [Fixture, Doq] = async |peer| {
            let answer = ask(peer, Over::Quic, &asks("www A")?.edns(&Edns::of(1232))).await?;
            let says = answer.opt().is_some_and(|edns| edns.find(KEEPALIVE).is_some());
            check(!says, "no keepalive", &answer)
        }

        /// A query that is padded is answered with padding, by QUIC too.
        Must "dns/7830/4/quic" [Fixture, Doq] = async |peer| {
            let asked = asks("www A")?.edns(&Edns::of(1232).option(PADDING, &[0; 40]));
            let answer = ask(peer, Over::Quic, &asked).await?;
            check(answer.opt().is_some_and(|edns| edns.find(PADDING).is_some()), "padding", &answer)
        }

        /// A zone is transferred on the stream on which it was asked for, which ends behind the last message of it.
        Robust "dns/9250/4.2/transfer" [Fixture, Account, Transfer, Doq] = async |peer| {
            let asked = Message { id: 0, ..transfer::asks("big.test.", AXFR)? };
            let key = Key::main(peer)?;
            let (wire, _) = key.sign(&asked, key.signature(&asked), |_| {});
            let opening = Line::open(peer);
            let line = opening.await?;
            let mut stream = line.say(&framed(&wire)).await?;
            let mut records = 0;
            while let Some(wire) = stream.message().await? {
                let message = read(&asked, &wire)?;
                check(message.rcode() == 0, "NOERROR", &message)?;
                records += message.answer.len();
            }
            let wanted = fixture::MANY + 3;
            check(records == wanted, format!("{wanted} records"), records)
        }

        /// What cannot be read as one query is answered FORMERR.
        Robust "dns/9250/4.3.2/malformed" [Fixture, Doq] = async |peer| {
            let mut two = asks("www A")?;
            two.question.extend(asks("mail A")?.question);
            let answer = Message::read(&exchange(peer, Over::Quic, &two.to_wire()).await?);
            let answer = answer.map_err(|why| Broken::new("a message that can be read", why))?;
            is_error(&answer, &[1])?;
            is_alive(peer, Over::Quic).await
        }
    }
}

mod streams {
    use super::*;

    cases! {
        /// Several queries, one after the other, go over one connection of QUIC.
        Should "dns/9250/5.5.1/reuse" [Fixture, Doq] = async |peer| {
            let opening = Line::open(peer);
            let line = opening.await?;
            for asked in queries()? {
                let asked = Message { id: 0, ..asked };
                let mut stream = line.say(&framed(&asked.to_wire())).await?;
                answer(&mut stream, &asked).await?;
            }
            Ok(Outcome::Pass)
        }

        /// Queries that are sent without waiting are answered, each on its stream.
        Must "dns/9250/4.2/concurrent" [Fixture, Doq] = async |peer| {
            let opening = Line::open(peer);
            let line = opening.await?;
            let mut waiting = Vec::new();
            for asked in queries()? {
                let asked = Message { id: 0, ..asked };
                waiting.push((line.say(&framed(&asked.to_wire())).await?, asked));
            }
            for (stream, asked) in waiting.iter_mut().rev() {
                answer(stream, asked).await?;
            }
            Ok(Outcome::Pass)
        }

        /// However many streams were used, there are others.
        Robust "dns/9250/5.5.1/hundreds" [Fixture, Doq] = async |peer| {
            let opening = Line::open(peer);
            let line = opening.await?;
            for _ in 0..40 {
                let mut streams = Vec::new();
                for _ in 0..8 {
                    streams.push(line.say(&framed(&asks("www A")?.to_wire())).await?);
                }
                for mut stream in streams {
                    answer(&mut stream, &asks("www A")?).await?;
                }
            }
            Ok(Outcome::Pass)
        }

        /// A query may come octet by octet.
        Must "dns/9250/4.2/split" [Fixture, Doq] = async |peer| {
            let asked = asks("www A")?;
            let opening = Line::open(peer);
            let line = opening.await?;
            let mut stream = line.stream().await?;
            for octet in framed(&asked.to_wire()) {
                stream.say(&[octet]).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            stream.end();
            answer(&mut stream, &asked).await.map(|_| Outcome::Pass)
        }

        /// A query that has not come as a whole does not hold up another.
        Should "dns/9250/4.2/half-query" [Fixture, Doq] = async |peer| {
            let asked = asks("www A")?;
            let whole = framed(&asked.to_wire());
            let (first, rest) = whole.split_at(whole.len() / 2);
            let opening = Line::open(peer);
            let line = opening.await?;
            let mut half = line.stream().await?;
            half.say(first).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            goes_on(&line).await?;
            half.say(rest).await;
            half.end();
            answer(&mut half, &asked).await.map(|_| Outcome::Pass)
        }

        /// A query whose stream has not ended is answered, or waited for.
        May "dns/9250/4.2/no-end" [Fixture, Doq] = async |peer| {
            let asked = asks("www A")?;
            let opening = Line::open(peer);
            let line = opening.await?;
            let mut stream = line.stream().await?;
            stream.say(&framed(&asked.to_wire())).await;
            if let Ok(came) = timeout(MOMENT, answer(&mut stream, &asked)).await {
                came?;
                return Ok(Outcome::Choice("answered"));
            }
            stream.end();
            answer(&mut stream, &asked).await?;
            Ok(Outcome::Choice("waited for"))
        }

        /// A query that is given up amid its octets is given up by the server too.
        Must "dns/9250/4.3.1/reset" [Fixture, Doq] = async |peer| {
            let whole = framed(&asks("www A")?.to_wire());
            let opening = Line::open(peer);
            let line = opening.await?;
            let mut stream = line.stream().await?;
            stream.say(whole.get(..9).unwrap_or_default()).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            // It has not ended, so that it can be given up.
            let _ = stream.send.reset(REQUEST_CANCELLED.into());
            match timeout(line.patience, stream.recv.read_chunk(512, true)).await {
                Ok(Err(quinn::ReadError::Reset(_))) => goes_on(&line).await,
                Ok(came) => check(false, "the stream reset", format!("{came:?}")),
                Err(_) => check(false, "the stream reset", "silence"),
            }
        }

        /// Queries that are cancelled do not end the connection.
        Robust "dns/9250/4.3.1/cancelled" [Fixture, Doq] = async |peer| {
            let whole = framed(&asks("large TXT")?.to_wire());
            let opening = Line::open(peer);
            let line = opening.await?;
            for length in [whole.len(), 0, 1, 9] {
                let mut stream = line.stream().await?;
                stream.say(whole.get(..length).unwrap_or_default()).await;
                stream.cancel(REQUEST_CANCELLED);
            }
            goes_on(&line).await
        }

        /// A stream may be given up with a code that nobody knows.
        Must "dns/9250/4.3.4/reserved" [Fixture, Doq] = async |peer| {
            let whole = framed(&asks("www A")?.to_wire());
            let opening = Line::open(peer);
            let line = opening.await?;
            let mut stream = line.stream().await?;
            stream.say(whole.get(..9).unwrap_or_default()).await;
            stream.cancel(ERROR_RESERVED);
            goes_on(&line).await
        }

        /// A server opens no streams.
        Must "dns/9250/4.3.3/server-streams" [Fixture, Doq] = async |peer| {
            let opening = Line::open(peer);
            let line = opening.await?;
            goes_on(&line).await?;
            let opened = tokio::select! {
                opened = line.conn.accept_bi() => format!("{opened:?}"),
                opened = line.conn.accept_uni() => format!("{opened:?}"),
                () = tokio::time::sleep(MOMENT) => return Ok(Outcome::Pass),
            };
            check(false, "no stream of the server", opened)
        }

        /// Many connections of QUIC on which nothing is said do not keep others from being answered.
        Robust "dns/9250/5.5.2/many-idle" [Fixture, Doq] = async |peer| {
            let mut held = Vec::new();
            for _ in 0..20 {
                let opening = Line::open(peer);
                held.push(opening.await?);
            }
            is_alive(peer, Over::Quic).await
        }

        /// A connection of QUIC on which nothing is said is closed in the end.
        Robust "dns/9250/5.5.2/idle" [Fixture, Doq, ShortTimeouts] = async |peer| {
            let opening = Line::open(peer);
            let line = opening.await?;
            goes_on(&line).await?;
            let closed = timeout(Duration::from_secs(10), line.conn.closed()).await;
            check(closed.is_ok(), "the end of the connection", "silence")
        }
    }
}
