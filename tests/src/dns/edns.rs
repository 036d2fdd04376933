//! EDNS (RFC 6891), and its options that concern a server for zones.

use super::client::{BOTH, Over, ask, exchange, is_error, read};
use super::query;
use super::wire::{AA, DO, Edns, Message, Record, TC};
use crate::case::{Verdict, cases, check};
use crate::{Broken, Case, Outcome, Peer, Reason};

const NSID: u16 = 3;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;
const EDE: u16 = 15;

/// A client cookie.
const CLIENT: &[u8] = b"ropecook";
const NO_COOKIES: Outcome = Outcome::Skip(Reason::Unsupported("cookies"));

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    sizes::CASES.iter().chain(options::CASES).chain(cookies::CASES)
}

fn with(edns: &Edns) -> Result<Message, Broken> {
    Ok(query("www A")?.edns(edns))
}

/// Asks for `www A` with this OPT, by each transport, which gets FORMERR.
async fn is_malformed(peer: &mut Peer, records: &[Record]) -> Verdict {
    for over in BOTH {
        let mut asked = query("www A")?;
        asked.additional.extend_from_slice(records);
        let answer = read(&asked, &exchange(peer, over, &asked.to_wire()).await?)?;
        is_error(&answer, &[1])?;
    }
    Ok(Outcome::Pass)
}

/// The cookie of an answer to a query with this option, where the server has cookies.
async fn cookie(peer: &mut Peer, over: Over, sent: &[u8]) -> Result<(Message, Option<Vec<u8>>), Broken> {
    let answer = ask(peer, over, &with(&Edns::of(1232).option(COOKIE, sent))?).await?;
    let cookie = answer.opt().and_then(|edns| edns.find(COOKIE).map(<[u8]>::to_vec));
    Ok((answer, cookie))
}

mod sizes {
    use super::*;

    cases! {
        /// Two OPT records are a malformed message.
        Must "dns/6891/6.1.1/two" [Fixture] = async |peer| {
            is_malformed(peer, &[Edns::of(1232).record(), Edns::of(1232).record()]).await
        }

        /// OPT belongs to the root, and to no other name.
        Must "dns/6891/6.1.2/owner" [Fixture] = async |peer| {
            let record = Record { name: super::super::name("www")?, ..Edns::of(1232).record() };
            is_malformed(peer, &[record]).await
        }

        /// An option that is longer than its OPT is a malformed message.
        Must "dns/6891/6.1.2/option-too-long" [Fixture] = async |peer| {
            is_malformed(peer, &[Record { data: vec![0, 100, 0, 9, 1], ..Edns::of(1232).record() }]).await
        }

        /// An option without room for its length is a malformed message.
        Must "dns/6891/6.1.2/option-cut" [Fixture] = async |peer| {
            is_malformed(peer, &[Record { data: vec![0, 100, 0], ..Edns::of(1232).record() }]).await
        }

        /// A size of less than 512 octets means 512.
        Must "dns/6891/6.2.3/small" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &query("@ SOA")?.edns(&Edns::of(10))).await?;
            check(!answer.has(TC) && answer.answer.len() == 1, "the SOA record without tc", &answer)
        }

        /// An answer by UDP is not larger than the client said.
        Must "dns/6891/6.2.4/kept" [Fixture] = async |peer| {
            let asked = query("medium TXT")?.edns(&Edns::of(600));
            let wire = exchange(peer, Over::Udp, &asked.to_wire()).await?;
            let answer = read(&asked, &wire)?;
            check(answer.has(TC) && wire.len() <= 600, "tc, and at most 600 octets", format!("{} octets: {answer}", wire.len()))
        }

        /// An answer of more than 512 octets goes by UDP where the client has room for it.
        Should "dns/6891/6.2.4/used" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &query("medium TXT")?.edns(&Edns::of(1232))).await?;
            check(!answer.has(TC) && answer.answer.len() == 3, "three records without tc", &answer)
        }

        /// An answer by UDP is kept small enough not to be fragmented, whatever the client has room for.
        Robust "dns/9715/3.1/no-fragments" [Fixture] = async |peer| {
            let asked = query("large TXT")?.edns(&Edns::of(65535));
            let wire = exchange(peer, Over::Udp, &asked.to_wire()).await?;
            let answer = read(&asked, &wire)?;
            check(answer.has(TC) && wire.len() <= 1472, "tc, and at most 1472 octets", format!("{} octets", wire.len()))
        }

        /// A truncated answer has whole RRsets, or none of them.
        Must "dns/2181/9/whole-sets" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &query("large TXT")?.edns(&Edns::of(1232))).await?;
            check(answer.has(TC), "tc", &answer)
        }

        /// OPT is answered by OPT where the name does not exist.
        Must "dns/6891/7/no-name" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &query("nothing A")?.edns(&Edns::of(1232))).await?;
            check(answer.opt().is_some() && answer.rcode() == 3, "NXDOMAIN with OPT", &answer)
        }

        /// OPT is answered by OPT where the query is refused.
        Must "dns/6891/7/refused" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &query("www.elsewhere.example. A")?.edns(&Edns::of(1232))).await?;
            check(answer.opt().is_some() && answer.rcode() == 5, "REFUSED with OPT", &answer)
        }

        /// OPT is answered by OPT in a referral.
        Must "dns/6891/7/referral" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &query("x.sub A")?.edns(&Edns::of(1232))).await?;
            check(answer.opt().is_some() && !answer.has(AA), "a referral with OPT", &answer)
        }

        /// The size that the server says is at least 512.
        Must "dns/6891/6.2.3/own-size" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns::of(1232))?).await?;
            check(answer.opt().is_some_and(|edns| edns.size >= 512), "a size of at least 512", &answer)
        }

        /// Version 255 of EDNS is answered BADVERS like version 1.
        Must "dns/6891/6.1.3/version-255" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns { version: 255, ..Edns::of(1232) })?).await?;
            check(answer.rcode() == 16 && answer.answer.is_empty(), "BADVERS", &answer)?;
            check(answer.opt().is_some_and(|edns| edns.version == 0), "version 0", &answer)
        }

        /// What an unknown option holds does not matter.
        Must "dns/6891/6.1.2/unknown-option-data" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns::of(1232).option(65001, &[0xff; 200]))?).await?;
            let echoed = answer.opt().is_some_and(|edns| edns.find(65001).is_some());
            check(answer.rcode() == 0 && !echoed, "NOERROR without the option", &answer)
        }

        /// DO is repeated in the answer.
        Must "dns/3225/3/do" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns { flags: DO, ..Edns::of(1232) })?).await?;
            check(answer.opt().is_some_and(|edns| edns.flags == DO), "DO", &answer)
        }
    }
}

mod options {
    use super::*;

    cases! {
        /// NSID is not sent to who did not ask for it.
        Must "dns/5001/2.1/unasked" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns::of(1232))?).await?;
            check(answer.opt().is_some_and(|edns| edns.find(NSID).is_none()), "OPT without NSID", &answer)
        }

        /// NSID is sent to who asks for it, where the server has one.
        May "dns/5001/2.2/asked" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns::of(1232).option(NSID, b""))?).await?;
            check(answer.rcode() == 0, "NOERROR", &answer)?;
            let nsid = answer.opt().and_then(|edns| edns.find(NSID).map(<[u8]>::to_vec));
            Ok(Outcome::Choice(match nsid.as_deref() {
                None => "no NSID",
                Some(b"") => "an empty NSID",
                Some(_) => "an NSID",
            }))
        }

        /// What a client puts into NSID is ignored.
        Must "dns/5001/2.2/payload" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns::of(1232).option(NSID, b"payload"))?).await?;
            let nsid = answer.opt().and_then(|edns| edns.find(NSID).map(<[u8]>::to_vec));
            check(answer.rcode() == 0 && nsid.as_deref() != Some(b"payload"), "an answer without that NSID", &answer)
        }

        /// Padding of any octets is accepted.
        Must "dns/7830/3/octets" [Fixture] = async |peer| {
            for over in BOTH {
                let answer = ask(peer, over, &with(&Edns::of(1232).option(PADDING, &[0xa5; 60]))?).await?;
                check(answer.rcode() == 0, "NOERROR", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// Who did not pad the query gets no padding.
        Must "dns/7830/4/unasked" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Tcp, &with(&Edns::of(1232))?).await?;
            check(answer.opt().is_some_and(|edns| edns.find(PADDING).is_none()), "OPT without padding", &answer)
        }

        /// An answer in the clear is not padded.
        Must "dns/7830/6/in-the-clear" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns::of(1232).option(PADDING, b""))?).await?;
            check(answer.opt().is_some_and(|edns| edns.find(PADDING).is_none()), "OPT without padding", &answer)
        }

        /// Keepalive by UDP is ignored, and not answered.
        Must "dns/7828/3.3.1/udp" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns::of(1232).option(KEEPALIVE, b""))?).await?;
            check(answer.rcode() == 0, "NOERROR", &answer)?;
            check(answer.opt().is_some_and(|edns| edns.find(KEEPALIVE).is_none()), "OPT without keepalive", &answer)
        }

        /// Keepalive by TCP is answered by the time that the server waits, where it has the option.
        Must "dns/7828/3.3.2/tcp" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Tcp, &with(&Edns::of(1232).option(KEEPALIVE, b""))?).await?;
            check(answer.rcode() == 0, "NOERROR", &answer)?;
            match answer.opt().and_then(|edns| edns.find(KEEPALIVE).map(<[u8]>::len)) {
                None => Ok(Outcome::Skip(Reason::Unsupported("keepalive"))),
                length => check(length == Some(2), "two octets of keepalive", &answer),
            }
        }

        /// An error that EDE explains is explained by two octets at least, and by UTF-8.
        Must "dns/8914/2/form" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &query("www.elsewhere.example. A")?.edns(&Edns::of(1232))).await?;
            match answer.opt().and_then(|edns| edns.find(EDE).map(<[u8]>::to_vec)) {
                None => Ok(Outcome::Skip(Reason::Unsupported("extended errors"))),
                Some(ede) => {
                    let text = ede.get(2..).map(std::str::from_utf8);
                    check(matches!(text, Some(Ok(_))), "a code, and text in UTF-8", &answer)
                }
            }
        }

        /// EDE is no option of queries: there it changes nothing.
        Robust "dns/8914/3/in-query" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns::of(1232).option(EDE, &[0, 6]))?).await?;
            check(answer.rcode() == 0 && answer.answer.len() == 2, "the records", &answer)
        }

        /// Without OPT in the query there are no options in the answer.
        Must "dns/6891/7/none" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &query("www.elsewhere.example. A")?).await?;
            check(answer.opt().is_none(), "no OPT", &answer)
        }
    }
}

mod cookies {
    use super::*;

    cases! {
        /// A client cookie is answered by itself and a server cookie of 8 to 32 octets.
        Must "dns/7873/5.2.3/server-cookie" [Fixture] = async |peer| {
            let (answer, Some(cookie)) = cookie(peer, Over::Udp, CLIENT).await? else { return Ok(NO_COOKIES) };
            check(cookie.starts_with(CLIENT) && (16..=40).contains(&cookie.len()), "the client cookie and a server cookie", &answer)
        }

        /// A server cookie that comes back is accepted.
        Must "dns/7873/5.2.5/right" [Fixture] = async |peer| {
            let (_, Some(first)) = cookie(peer, Over::Udp, CLIENT).await? else { return Ok(NO_COOKIES) };
            let (answer, again) = cookie(peer, Over::Udp, &first).await?;
            check(answer.rcode() == 0 && answer.answer.len() == 2, "the records", &answer)?;
            check(again.is_some_and(|cookie| cookie.starts_with(CLIENT) && cookie.len() >= 16), "a cookie", &answer)
        }

        /// A wrong server cookie is answered by a right one, with BADCOOKIE or with the records.
        Must "dns/7873/5.2.4/wrong" [Fixture] = async |peer| {
            let (_, Some(right)) = cookie(peer, Over::Udp, CLIENT).await? else { return Ok(NO_COOKIES) };
            let wrong: Vec<_> = right.iter().take(8).copied().chain(right.iter().skip(8).map(|octet| octet ^ 0x5a)).collect();
            let (answer, cookie) = cookie(peer, Over::Udp, &wrong).await?;
            check(matches!(answer.rcode(), 0 | 23), "NOERROR or BADCOOKIE", &answer)?;
            let fresh = cookie.is_some_and(|cookie| cookie.starts_with(CLIENT) && cookie.len() >= 16 && cookie != wrong);
            check(fresh, "a right cookie", &answer)
        }

        /// The cookie of another client is answered by a right one, with BADCOOKIE or with the records.
        Must "dns/7873/5.2.4/other-client" [Fixture] = async |peer| {
            let (_, Some(right)) = cookie(peer, Over::Udp, CLIENT).await? else { return Ok(NO_COOKIES) };
            let other: Vec<_> = b"yarncook".iter().chain(right.iter().skip(8)).copied().collect();
            let (answer, cookie) = cookie(peer, Over::Udp, &other).await?;
            let fresh = cookie.is_some_and(|cookie| cookie.starts_with(b"yarncook") && cookie.len() >= 16 && cookie != other);
            check(fresh && matches!(answer.rcode(), 0 | 23), "a right cookie", &answer)
        }

        /// A cookie of a length that none has is a malformed message.
        Must "dns/7873/5.2.2/length" [Fixture] = async |peer| {
            let (_, Some(_)) = cookie(peer, Over::Udp, CLIENT).await? else { return Ok(NO_COOKIES) };
            for length in [0, 1, 7, 9, 15, 41] {
                let asked = with(&Edns::of(1232).option(COOKIE, &vec![7; length]))?;
                let answer = read(&asked, &exchange(peer, Over::Udp, &asked.to_wire()).await?)?;
                check(answer.rcode() == 1, format!("FORMERR to {length} octets of cookie"), &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// Who sends no cookie gets none.
        Must "dns/7873/5.2.1/none" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &with(&Edns::of(1232))?).await?;
            check(answer.opt().is_some_and(|edns| edns.find(COOKIE).is_none()), "OPT without a cookie", &answer)
        }

        /// A message without a question, but with a cookie, asks for a cookie.
        Must "dns/7873/5.4/no-question" [Fixture] = async |peer| {
            let (_, Some(_)) = cookie(peer, Over::Udp, CLIENT).await? else { return Ok(NO_COOKIES) };
            let mut asked = with(&Edns::of(1232).option(COOKIE, CLIENT))?;
            asked.question.clear();
            let answer = ask(peer, Over::Udp, &asked).await?;
            let fresh = answer.opt().is_some_and(|edns| edns.find(COOKIE).is_some_and(|cookie| cookie.len() >= 16));
            check(fresh && answer.rcode() == 0, "NOERROR with a cookie", &answer)
        }

        /// Cookies are answered by TCP as by UDP.
        Must "dns/7873/5.2.3/tcp" [Fixture] = async |peer| {
            let (_, Some(_)) = cookie(peer, Over::Udp, CLIENT).await? else { return Ok(NO_COOKIES) };
            let (answer, cookie) = cookie(peer, Over::Tcp, CLIENT).await?;
            check(cookie.is_some_and(|cookie| cookie.starts_with(CLIENT) && cookie.len() >= 16), "a cookie", &answer)
        }

        /// A server cookie is of version 1, 16 octets long, with its time.
        Should "dns/9018/4/form" [Fixture] = async |peer| {
            let (answer, Some(cookie)) = cookie(peer, Over::Udp, CLIENT).await? else { return Ok(NO_COOKIES) };
            check(matches!(cookie.get(8..12), Some([1, 0, 0, 0])) && cookie.len() == 24, "a server cookie of version 1", &answer)?;
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let stamp = cookie.iter().skip(12).take(4).fold(0_u64, |time, octet| time << 8 | u64::from(*octet));
            check((now & 0xffff_ffff).abs_diff(stamp) <= 300, format!("a time near {now}"), stamp)
        }

        /// Two clients get server cookies that differ.
        Must "dns/7873/4.2/differs" [Fixture] = async |peer| {
            let (_, Some(one)) = cookie(peer, Over::Udp, CLIENT).await? else { return Ok(NO_COOKIES) };
            let (answer, Some(two)) = cookie(peer, Over::Udp, b"yarncook").await? else { return Ok(NO_COOKIES) };
            check(one.get(8..) != two.get(8..), "another server cookie", &answer)
        }
    }
}
