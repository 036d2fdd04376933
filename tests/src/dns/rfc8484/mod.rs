//! RFC 8484: DNS over HTTPS. Each case is tried by HTTP/2, and once more by HTTP/1.1 where the server speaks it.

mod wrong;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;

use super::client::{Over, ask, exchange, is_like, read};
use super::rdata::{AXFR, SOA};
use super::tcp::queries;
use super::web::{Asked, MESSAGE, Web, message, speaks_old};
use super::wire::{Edns, Message, QR, TC};
use super::{query, rdata};
use crate::case::{Verdict, check};
use crate::doors::Door;
use crate::http::Response;
use crate::{BoxFuture, Broken, Case, Outcome, Peer, Reason};

const WAYS: [Over; 2] = [Over::Get, Over::Post];
const PADDING: u16 = 12;

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    exchanges::CASES.iter().chain(caching::CASES).chain(wrong::CASES)
}

/// Runs a case by both versions of HTTP.
async fn by_both(peer: &mut Peer, run: fn(&mut Peer) -> BoxFuture<'_, Verdict>) -> Verdict {
    let outcome = run(peer).await?;
    let asking = speaks_old(peer);
    if !matches!(outcome, Outcome::Skip(_)) && asking.await {
        peer.reconnect();
        peer.ask_web_at(Door::OldWeb);
        run(peer).await.map_err(|it| Broken::new(format!("{} by HTTP/1.1", it.expected), it.actual))?;
    }
    Ok(outcome)
}

/// Declares cases of DNS over HTTPS.
macro_rules! web_cases {
    ($(
        $(#[doc = $demand:literal])+
        $level:ident $id:literal $needs:tt = async |$peer:ident| $body:block
    )*) => {
        $crate::case::cases! {
            $(
                $(#[doc = $demand])+
                $level $id $needs = async |peer| {
                    async fn body($peer: &mut $crate::Peer) -> $crate::case::Verdict $body
                    $crate::dns::rfc8484::by_both(peer, |peer| Box::pin(body(peer))).await
                }
            )*
        }
    };
}
use web_cases;

/// With the ID that is recommended (RFC 8484 §4.1).
fn asks(asked: &str) -> Result<Message, Broken> {
    Ok(Message { id: 0, ..query(asked)? })
}

async fn web(peer: &mut Peer, asked: Asked) -> Result<Response, Broken> {
    let opening = Web::open(peer);
    opening.await?.ask(&asked).await
}

async fn response(peer: &mut Peer, over: Over, asked: &Message) -> Result<Response, Broken> {
    let asked = Asked::new(peer, over, &asked.to_wire());
    web(peer, asked).await
}

/// A refusal of HTTP: one of these codes, and no message.
fn is_refused(response: &Response, codes: &[u16]) -> Verdict {
    let no_message = response.field("content-type").is_none_or(|kind| !kind.starts_with(MESSAGE));
    let wanted = format!("one of {codes:?}, and no message");
    check(codes.contains(&response.status) && no_message, wanted, response.brief())
}

/// Any refusal of what the client did.
const CLIENTS: &[u16] = &[400, 404, 405, 406, 411, 413, 414, 415, 422];

async fn is_alive(peer: &mut Peer) -> Verdict {
    let answer = ask(peer, Over::Post, &asks("@ SOA")?).await?;
    check(answer.rcode() == 0, "NOERROR to a usual query", &answer)
}

/// How long the response may be kept, where it says so.
fn freshness(response: &Response) -> Option<u64> {
    let directives = response.all("cache-control").flat_map(|value| value.split(',')).map(str::trim);
    let mut ages = Vec::new();
    for directive in directives {
        match directive.to_ascii_lowercase().split_once('=') {
            Some(("max-age" | "s-maxage", age)) => {
                ages.push(age.trim_matches('"').parse().unwrap_or(u64::MAX))
            }
            None if directive.eq_ignore_ascii_case("no-store")
                || directive.eq_ignore_ascii_case("no-cache") =>
            {
                ages.push(0)
            }
            _ => {}
        }
    }
    ages.into_iter().max()
}

mod exchanges {
    use super::*;

    web_cases! {
        /// A query by GET is answered.
        Must "dns/8484/4.1/get" [Fixture, Doh] = async |peer| {
            let answer = ask(peer, Over::Get, &asks("www A")?).await?;
            check(answer.rcode() == 0 && answer.answer.len() == 2, "the records", &answer)
        }

        /// A query by POST is answered.
        Must "dns/8484/4.1/post" [Fixture, Doh] = async |peer| {
            let answer = ask(peer, Over::Post, &asks("www A")?).await?;
            check(answer.rcode() == 0 && answer.answer.len() == 2, "the records", &answer)
        }

        /// GET and POST bring the same message, and it is the one that comes by TCP.
        Robust "dns/8484/4.1/same" [Fixture, Doh] = async |peer| {
            for asked in queries()? {
                let asked = Message { id: 0, ..asked };
                let tcp = read(&asked, &exchange(peer, Over::Tcp, &asked.to_wire()).await?)?;
                for over in WAYS {
                    let web = ask(peer, over, &asked).await?;
                    check(is_like(&tcp, &web), format!("{tcp}, as by TCP"), &web)?;
                }
            }
            Ok(Outcome::Pass)
        }

        /// A query without Accept is answered.
        Should "dns/8484/4.1/no-accept" [Fixture, Doh] = async |peer| {
            for over in WAYS {
                let asked = Asked::new(peer, over, &asks("www A")?.to_wire()).field("accept", "");
                message(web(peer, asked).await?)?;
            }
            Ok(Outcome::Pass)
        }

        /// A query whose Accept names anything is answered.
        Should "dns/8484/4.1/accept-any" [Fixture, Doh] = async |peer| {
            for over in WAYS {
                let asked = Asked::new(peer, over, &asks("www A")?.to_wire()).field("accept", "*/*");
                message(web(peer, asked).await?)?;
            }
            Ok(Outcome::Pass)
        }

        /// Content whose length is not said is taken.
        Robust "dns/9113/8.1.1/no-length" [Fixture, Doh] = async |peer| {
            let asked = Asked::new(peer, Over::Post, &asks("www A")?.to_wire()).field("content-length", "");
            message(web(peer, asked).await?).map(|_| Outcome::Pass)
        }

        /// The type of an answer is that of messages.
        Must "dns/8484/4.2/type" [Fixture, Doh] = async |peer| {
            for over in WAYS {
                message(response(peer, over, &asks("www A")?).await?)?;
            }
            Ok(Outcome::Pass)
        }

        /// The letters of the type of a query may be of either case.
        Robust "dns/9110/8.3.1/type-case" [Fixture, Doh] = async |peer| {
            let asked = Asked::new(peer, Over::Post, &asks("www A")?.to_wire()).field("content-type", "Application/DNS-Message");
            message(web(peer, asked).await?).map(|_| Outcome::Pass)
        }

        /// A name that does not exist is a success of HTTP.
        Must "dns/8484/4.2.1/nxdomain" [Fixture, Doh] = async |peer| {
            for over in WAYS {
                let answer = ask(peer, over, &asks("nothing A")?).await?;
                check(answer.rcode() == 3, "NXDOMAIN", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// A query that DNS refuses is a success of HTTP.
        Must "dns/8484/4.2.1/refused" [Fixture, Doh] = async |peer| {
            for over in WAYS {
                let answer = ask(peer, over, &asks("www.elsewhere.example. A")?).await?;
                check(answer.rcode() == 5, "REFUSED", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// A code beyond the header is a success of HTTP.
        Must "dns/8484/4.2.1/badvers" [Fixture, Doh] = async |peer| {
            let asked = asks("www A")?.edns(&Edns { version: 1, ..Edns::of(1232) });
            for over in WAYS {
                let answer = ask(peer, over, &asked).await?;
                check(answer.rcode() == 16, "BADVERS", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// The size of OPT is ignored.
        Must "dns/8484/6/size" [Fixture, Doh] = async |peer| {
            for over in WAYS {
                for asked in [asks("large TXT")?, asks("large TXT")?.edns(&Edns::of(512))] {
                    let answer = ask(peer, over, &asked).await?;
                    check(!answer.has(TC) && answer.answer.len() == 30, "30 records without tc", &answer)?;
                }
            }
            Ok(Outcome::Pass)
        }

        /// An ID that is not zero is repeated.
        Must "dns/8484/4.1/id" [Fixture, Doh] = async |peer| {
            for over in WAYS {
                ask(peer, over, &query("www A")?).await?;
            }
            Ok(Outcome::Pass)
        }

        /// The letters by which base64url differs from base64 are read.
        Must "dns/8484/6/base64url" [Fixture, Doh] = async |peer| {
            let mut asked = asks("www A")?.edns(&Edns::of(1232).option(65_001, &[0xfb, 0xff, 0xfe, 0xfb, 0xef, 0xbf]));
            let mut found = String::new();
            // At one of three places of the octets both letters stand.
            for more in 0..3 {
                asked.additional.clear();
                asked = asked.edns(&Edns::of(1232).option(65_001, &[vec![0; more], [0xfb, 0xff].repeat(6)].concat()));
                found = URL_SAFE_NO_PAD.encode(asked.to_wire());
                let answer = ask(peer, Over::Get, &asked).await?;
                check(answer.rcode() == 0 && answer.answer.len() == 2, "the records", &answer)?;
            }
            check(found.contains(['-', '_']), "a case that tries what it says", found)
        }

        /// A message of several thousand octets is taken by POST.
        Robust "dns/8484/6/long-query" [Fixture, Doh] = async |peer| {
            let asked = asks("www A")?.edns(&Edns::of(1232).option(PADDING, &[0; 4000]));
            let answer = ask(peer, Over::Post, &asked).await?;
            check(answer.rcode() == 0 && answer.answer.len() == 2, "the records", &answer)
        }

        /// A padded query is answered with padding.
        Must "dns/7830/4/https" [Fixture, Doh] = async |peer| {
            for over in WAYS {
                let answer = ask(peer, over, &asks("www A")?.edns(&Edns::of(1232).option(PADDING, &[0; 40]))).await?;
                check(answer.opt().is_some_and(|edns| edns.find(PADDING).is_some()), "padding", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// Many queries at once on one connection are all answered, each by its own stream.
        Must "dns/8484/4.2/streams" [Fixture, Doh] = async |peer| {
            let all: Vec<_> = queries()?.into_iter().map(|asked| Message { id: 0, ..asked }).collect();
            let asked: Vec<_> = (0..10).flat_map(|_| &all).collect();
            let requests: Vec<_> = asked.iter().enumerate().map(|(at, query)| {
                Asked::new(peer, if at % 2 == 0 { Over::Get } else { Over::Post }, &query.to_wire())
            }).collect();
            let opening = Web::open(peer);
            let responses = opening.await?.ask_all(&requests).await?;
            for (asked, response) in asked.iter().zip(responses) {
                super::super::client::same_question(asked, &read(asked, &message(response)?)?)?;
            }
            Ok(Outcome::Pass)
        }

        /// Several queries, one after the other, go over one connection.
        Must "dns/8484/5.2/reuse" [Fixture, Doh] = async |peer| {
            let all = queries()?;
            let requests: Vec<_> = all.iter().map(|query| Asked::new(peer, Over::Post, &query.to_wire())).collect();
            let opening = Web::open(peer);
            let mut open = opening.await?;
            for (asked, request) in all.iter().zip(&requests) {
                read(asked, &message(open.ask(request).await?)?)?;
            }
            Ok(Outcome::Pass)
        }
    }
}

mod caching {
    use super::*;

    /// The freshness of the response to this query by GET, and the answer.
    async fn fresh(peer: &mut Peer, asked: &str) -> Result<(Option<u64>, Message), Broken> {
        let asked = asks(asked)?;
        let response = response(peer, Over::Get, &asked).await?;
        let age = freshness(&response);
        Ok((age, read(&asked, &message(response)?)?))
    }

    /// The least TTL of the answer section.
    fn least(answer: &Message) -> Result<u64, Broken> {
        let least = answer.answer.iter().map(|record| u64::from(record.ttl)).min();
        least.ok_or_else(|| Broken::new("an answer", answer.to_string()))
    }

    web_cases! {
        /// An answer says how long it is fresh.
        Should "dns/8484/5.1/explicit" [Fixture, Doh] = async |peer| {
            let (age, answer) = fresh(peer, "www A").await?;
            check(age.is_some(), "a lifetime", &answer)
        }

        /// An answer is not fresh for longer than the least TTL of its answer section.
        Must "dns/8484/5.1/least-ttl" [Fixture, Doh] = async |peer| {
            // The alias has a longer TTL than what it leads to.
            for asked in ["www A", "alias A", "any.wild A", "@ SOA", "alias AAAA"] {
                let (age, answer) = fresh(peer, asked).await?;
                let least = least(&answer)?;
                check(age.is_none_or(|age| age <= least), format!("{least} s at most"), format!("{age:?}"))?;
            }
            Ok(Outcome::Pass)
        }

        /// An answer is fresh for as long as the least TTL of its answer section.
        Should "dns/8484/5.1/equal-ttl" [Fixture, Doh] = async |peer| {
            for asked in ["www A", "alias A", "any.wild A"] {
                let (age, answer) = fresh(peer, asked).await?;
                let least = least(&answer)?;
                check(age == Some(least), format!("{least} s"), format!("{age:?}"))?;
            }
            Ok(Outcome::Pass)
        }

        /// An answer without records is not fresh for longer than the last number of its SOA record.
        Must "dns/8484/5.1/negative" [Fixture, Doh] = async |peer| {
            for asked in ["nothing A", "www HINFO", "b.ent A"] {
                let (age, answer) = fresh(peer, asked).await?;
                let soa = answer.authority.iter().find(|record| record.kind == SOA);
                let minimum = soa.and_then(|soa| rdata::soa(&soa.data)).map(|[.., minimum]| u64::from(minimum));
                let minimum = minimum.ok_or_else(|| Broken::new("an SOA record", answer.to_string()))?;
                check(age.is_none_or(|age| age <= minimum), format!("{minimum} s at most"), format!("{age:?}"))?;
            }
            Ok(Outcome::Pass)
        }

        /// A refusal is not kept, or not for long.
        Robust "dns/8484/5.1/refused" [Fixture, Doh] = async |peer| {
            let (age, answer) = fresh(peer, "www.elsewhere.example. A").await?;
            check(age.is_none_or(|age| age <= 300) && answer.rcode() == 5, "300 s at most", format!("{age:?}"))
        }

        /// HEAD says what GET says, without the message.
        Must "dns/9110/9.3.2/head" [Fixture, Doh] = async |peer| {
            let wire = asks("www A")?.to_wire();
            let get = Asked::new(peer, Over::Get, &wire);
            let head = Asked { method: Method::HEAD, ..get.clone() };
            let (get, head) = (web(peer, get).await?, web(peer, head).await?);
            if matches!(head.status, 405 | 501) {
                return Ok(Outcome::Skip(Reason::Unsupported("HEAD")));
            }
            let same = ["content-type", "cache-control"].iter().all(|name| get.field(name) == head.field(name));
            check(head.status == 200 && head.body.is_empty() && same, get.brief(), head.brief())
        }

        /// The length of the content is that of the message.
        Must "dns/9110/8.6/length" [Fixture, Doh] = async |peer| {
            let response = response(peer, Over::Get, &asks("www A")?).await?;
            let length = response.field("content-length").map(str::to_owned);
            let well = length.as_ref().is_none_or(|length| *length == response.body.len().to_string());
            check(well, response.body.len().to_string(), format!("{length:?}"))
        }
    }
}
