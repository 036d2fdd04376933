//! RFC 4035 §3: what an authoritative server adds to its answers for who asks for signatures, and for nobody else.

use super::denial::Denial;
use super::signed::{BOTH, BY_NSEC, Signed, answered, asking, denied, is_bare, query, signatures};
use crate::case::{Verdict, cases, check};
use crate::dns::client::{Over, ask, exchange, read};
use crate::dns::expect;
use crate::dns::rdata::{AAAA, CNAME, DNSKEY, DS, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG, SOA, TXT};
use crate::dns::wire::{AD, CD, DO, Edns, Message, TC};
use crate::{Broken, Case, Outcome, Peer};

const NO_NAME: &str = "NXDOMAIN aa\nsoa";
const NO_DATA: &str = "NOERROR aa\nsoa";
const WWW: &str = "NOERROR aa
    answer www 600 A 192.0.2.10
    answer www 600 A 192.0.2.11";
const PLAIN: &str = "NOERROR
    authority plain 800 NS ns.plain
    additional ns.plain 800 A 192.0.2.51";
const SECURE: &str = "NOERROR
    authority secure 800 NS ns.secure
    authority secure 800 DS 12345 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
    additional ns.secure 800 A 192.0.2.50";

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    unasked::CASES.iter().chain(signatures_sent::CASES).chain(denials::CASES).chain(cuts::CASES)
}

/// Asks the same of both zones, without DO, and sees that the answer is as wanted and has nothing of signing.
async fn bare(peer: &mut Peer, asked: &str, wanted: &str) -> Verdict {
    for zone in BOTH {
        for edns in [None, Some(Edns::of(1232))] {
            for over in crate::dns::client::BOTH {
                let answer = ask(peer, over, &query(zone, asked, edns.as_ref())?).await?;
                is_bare(&answer)?;
                expect::is_in(&crate::dns::name(zone)?, &answer, wanted)?;
            }
        }
    }
    Ok(Outcome::Pass)
}

async fn denies(peer: &mut Peer, asked: &str, wanted: &str) -> Result<Denial, Broken> {
    let denial = denied(peer, BY_NSEC, asked, wanted).await?;
    check(denial.hash.is_none() && !denial.gaps.is_empty(), "NSEC records", &denial)?;
    Ok(denial)
}

/// Asks by UDP of both zones, with room for this much.
async fn by_udp(peer: &mut Peer, asked: &str, size: u16) -> Result<[(Message, usize); 2], Broken> {
    let mut came = Vec::new();
    for zone in BOTH {
        let query = query(zone, asked, Some(&asking(size)))?;
        let wire = exchange(peer, Over::Udp, &query.to_wire()).await?;
        came.push((read(&query, &wire)?, wire.len()));
    }
    came.try_into().map_err(|_| Broken::new("two answers", "others"))
}

mod unasked {
    use super::*;

    cases! {
        /// Who does not ask for signatures gets none with an answer.
        Must "dns/4035/3/answer" [Fixture] = async |peer| { bare(peer, "www A", WWW).await }

        /// Who does not ask for them gets none with what a wildcard stands for.
        Must "dns/4035/3/wildcard" [Fixture] = async |peer| {
            bare(peer, "x.wild A", "NOERROR aa\nanswer x.wild 500 A 192.0.2.40").await
        }

        /// Who does not ask for them gets no proof that a name is not there.
        Must "dns/4035/3/no-name" [Fixture] = async |peer| { bare(peer, "nothing A", NO_NAME).await }

        /// Who does not ask for them gets no proof that a name has no such records.
        Must "dns/4035/3/no-data" [Fixture] = async |peer| { bare(peer, "www TXT", NO_DATA).await }

        /// Who does not ask for them gets the NS records of a delegation, and no DS.
        Must "dns/4035/3/referral" [Fixture] = async |peer| {
            let wanted = "NOERROR\nauthority secure 800 NS ns.secure\nadditional ns.secure 800 A 192.0.2.50";
            bare(peer, "a.secure A", wanted).await?;
            bare(peer, "a.plain A", PLAIN).await
        }

        /// Who asks for DNSKEY or NSEC and not for signatures gets them like any others.
        Must "dns/4035/3/as-others" [Fixture] = async |peer| {
            for (asked, kind) in [("@ DNSKEY", DNSKEY), ("www NSEC", NSEC)] {
                let answer = ask(peer, Over::Tcp, &query(BY_NSEC, asked, None)?).await?;
                let well = !answer.answer.is_empty() && answer.answer.iter().all(|record| record.kind == kind);
                check(well, format!("{asked} without signatures"), &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// DO is said where the client says it, whatever is answered, and not where it does not.
        Must "dns/6840/5.6/do" [Fixture] = async |peer| {
            for asked in ["www A", "www TXT", "nothing A", "a.secure A"] {
                for edns in [asking(1232), Edns::of(1232)] {
                    let answer = ask(peer, Over::Tcp, &query(BY_NSEC, asked, Some(&edns))?).await?;
                    let same = answer.opt().is_some_and(|opt| opt.flags & DO == edns.flags & DO);
                    check(same, format!("the flag DO of the query for {asked}"), &answer)?;
                }
            }
            Ok(Outcome::Pass)
        }

        /// The answer of the authority does not say that somebody has verified it, asked for that or not.
        Must "dns/4035/3.1.6/ad" [Fixture] = async |peer| {
            for zone in BOTH {
                for flags in [0, AD, AD | CD] {
                    for asked in ["www A", "nothing A"] {
                        let query = query(zone, asked, Some(&asking(1232)))?.with(flags);
                        let answer = ask(peer, Over::Tcp, &query).await?;
                        check(!answer.has(AD), "no ad", &answer)?;
                    }
                }
            }
            Ok(Outcome::Pass)
        }

        /// Whoever has not asked for them is sent the same with CD, which the documents say to copy and to clear.
        May "dns/4035/3.1.6/cd" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Tcp, &query(BY_NSEC, "www A", None)?.with(CD)).await?;
            expect::is_in(&crate::dns::name(BY_NSEC)?, &answer, WWW)?;
            Ok(Outcome::Choice(if answer.has(CD) { "copied" } else { "cleared" }))
        }
    }
}

mod signatures_sent {
    use super::*;

    cases! {
        /// The keys of a zone are signed by one of them.
        Must "dns/4035/2.2/keys" [Fixture] = async |peer| {
            for zone in BOTH {
                let zone = Signed::open(peer, zone).await?;
                let answer = zone.ask(peer, "@ DNSKEY").await?;
                check(answer.answer.iter().any(|record| record.kind == DNSKEY), "keys", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// The records of the zone's own name are signed.
        Must "dns/4035/3.1.1/apex" [Fixture] = async |peer| {
            let soa = "NOERROR aa\nanswer @ SOA ns1 hostmaster 2026010101 7200 900 1209600 300";
            answered(peer, "@ SOA", soa).await?;
            answered(peer, "@ NS", "NOERROR aa\nanswer @ NS ns1\nanswer @ NS ns2").await
        }

        /// Each RRset of an answer has its signatures beside it.
        Must "dns/4035/3.1.1/alias" [Fixture] = async |peer| {
            answered(peer, "alias A", &WWW.replacen("aa", "aa\nanswer alias CNAME www", 1)).await
        }

        /// A wildcard that is an alias leads on, and both are signed.
        Must "dns/4035/3.1.1/wildcard-alias" [Fixture] = async |peer| {
            answered(peer, "x.alias-wild A", &WWW.replacen("aa", "aa\nanswer x.alias-wild CNAME www", 1)).await
        }

        /// Additional records are signed like others, where there is room.
        Must "dns/4035/3.1.1/additional" [Fixture] = async |peer| {
            answered(peer, "@ MX", "NOERROR aa\nanswer @ MX 10 mail\nadditional mail A 192.0.2.20").await
        }

        /// A negative answer has its SOA record signed.
        Must "dns/4035/3.1.1/authority" [Fixture] = async |peer| { answered(peer, "www TXT", NO_DATA).await }

        /// Each RRset in an answer to ANY is signed.
        Must "dns/4035/3.1.1/any" [Fixture] = async |peer| {
            for zone in BOTH {
                let zone = Signed::open(peer, zone).await?;
                let answer = zone.ask(peer, "www ANY").await?;
                let beside = answer.answer.iter().any(|record| record.kind != RRSIG);
                check(beside && !signatures(&answer)?.is_empty(), "records with their signatures", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// A query for the signatures themselves is answered with some of them, or all, or otherwise.
        May "dns/4035/3.1/rrsig" [Fixture] = async |peer| {
            let zone = Signed::open(peer, BY_NSEC).await?;
            let answer = zone.ask(peer, "www RRSIG").await?;
            let count = signatures(&answer)?.len();
            Ok(Outcome::Choice(match (answer.rcode(), count) {
                (0, 0) => "none",
                (0, 3) => "all",
                (0, _) => "some",
                _ => "an error",
            }))
        }

        /// Where the signatures have no room, the answer is truncated, and whole by TCP.
        Must "dns/4035/3.1.1/truncated" [Fixture] = async |peer| {
            for (answer, length) in by_udp(peer, "close TXT", 512).await? {
                check(answer.has(TC) && length <= 512, "tc, and at most 512 octets", format!("{length} octets: {answer}"))?;
            }
            for zone in BOTH {
                let zone = Signed::open(peer, zone).await?;
                let answer = ask(peer, Over::Tcp, &query(&zone.apex.to_string(), "close TXT", Some(&asking(512)))?).await?;
                zone.verify(&answer)?;
                check(!answer.has(TC) && answer.answer.len() == 2, "one record and its signature", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// Without its signature the same answer has room.
        Must "dns/4035/3.1.1/not-truncated" [Fixture] = async |peer| {
            for zone in BOTH {
                let answer = ask(peer, Over::Udp, &query(zone, "close TXT", None)?).await?;
                check(!answer.has(TC) && answer.answer.len() == 1, "one record without tc", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// A server for signed zones sends datagrams of 1220 octets.
        Must "dns/4035/3/size" [Fixture] = async |peer| {
            for (answer, length) in by_udp(peer, "medium TXT", 1220).await? {
                check(!answer.has(TC) && answer.answer.len() == 3, "two records and their signature", format!("{length} octets: {answer}"))?;
            }
            Ok(Outcome::Pass)
        }

        /// What is too long for any datagram is truncated, and whole by TCP.
        Must "dns/4035/3.1.1/long" [Fixture] = async |peer| {
            for (answer, _) in by_udp(peer, "large TXT", 1232).await? {
                check(answer.has(TC), "tc", &answer)?;
            }
            for zone in BOTH {
                let zone = Signed::open(peer, zone).await?;
                let answer = zone.ask(peer, "large TXT").await?;
                check(answer.answer.len() == 4, "three records and their signature", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// An alias for all names below another is signed, and the alias that is made from it is not.
        Must "dns/6672/5.3.1/made" [Fixture] = async |peer| {
            answered(peer, "www.dname A", "NOERROR aa
                answer dname DNAME target
                answer www.dname CNAME www.target
                answer www.target A 192.0.2.45").await
        }
    }
}

mod denials {
    use super::*;

    cases! {
        /// That a name has no such records is shown by the types that it has.
        Must "dns/4035/3.1.3.1/no-data" [Fixture] = async |peer| {
            let denial = denies(peer, "www TXT", NO_DATA).await?;
            denial.lacks("www", &[TXT])?;
            denial.has(1)
        }

        /// So it is for the zone's own name.
        Must "dns/4035/3.1.3.1/apex" [Fixture] = async |peer| {
            let denial = denies(peer, "@ TXT", NO_DATA).await?;
            denial.lacks("@", &[TXT, NSEC3PARAM, NSEC3])?;
            let well = [NS, SOA, RRSIG, NSEC, DNSKEY].iter().all(|kind| denial.types("@").is_ok_and(|it| it.contains(kind)));
            check(well, "NS SOA RRSIG NSEC DNSKEY", &denial)
        }

        /// So it is for a wildcard that is asked for by its own name.
        Must "dns/4035/3.1.3.1/asterisk" [Fixture] = async |peer| {
            denies(peer, "*.wild AAAA", NO_DATA).await?.lacks("*.wild", &[AAAA])
        }

        /// That there are only names below a name is shown by the record that leads to one of them.
        Must "dns/4035/3.1.3.2/empty" [Fixture] = async |peer| {
            denies(peer, "ent A", NO_DATA).await?.is_empty_name("ent")?;
            denies(peer, "b.ent A", NO_DATA).await?.is_empty_name("b.ent")
        }

        /// That a name is not there is shown by what is before and after it, and by the wildcard that is not there.
        Must "dns/4035/3.1.3.2/no-name" [Fixture] = async |peer| {
            let denial = denies(peer, "nothing A", NO_NAME).await?;
            denial.covers("nothing")?;
            denial.covers("*")
        }

        /// Below a name that is there, it is the wildcard below that one.
        Must "dns/4035/3.1.3.2/below-name" [Fixture] = async |peer| {
            let denial = denies(peer, "y.x.www A", NO_NAME).await?;
            denial.covers("y.x.www")?;
            denial.covers("*.www")
        }

        /// Beside a wildcard, below a name that is there, it is too.
        Must "dns/4035/3.1.3.2/beside-wildcard" [Fixture] = async |peer| {
            let denial = denies(peer, "x.host.wild A", NO_NAME).await?;
            denial.covers("x.host.wild")?;
            denial.covers("*.host.wild")
        }

        /// What shows both is sent once.
        Should "dns/4035/3.1.3.2/once" [Fixture] = async |peer| {
            let denial = denies(peer, "aa A", NO_NAME).await?;
            denial.covers("aa")?;
            denial.covers("*")?;
            denial.has(1)
        }

        /// Where an alias leads to no name, that is shown too.
        Must "dns/4035/3.1.3.2/alias" [Fixture] = async |peer| {
            let denial = denies(peer, "dangling A", "NXDOMAIN aa\nanswer dangling CNAME nothing\nsoa").await?;
            denial.covers("nothing")?;
            denial.covers("*")
        }

        /// That a wildcard stands for a name is shown by the name that is not there.
        Must "dns/4035/3.1.3.3/wildcard" [Fixture] = async |peer| {
            denies(peer, "x.wild A", "NOERROR aa\nanswer x.wild 500 A 192.0.2.40").await?.covers("x.wild")
        }

        /// So it is where it stands for several labels.
        Must "dns/4035/3.1.3.3/labels" [Fixture] = async |peer| {
            denies(peer, "y.x.wild TXT", "NOERROR aa\nanswer y.x.wild TXT \"wild\"").await?.covers("y.x.wild")
        }

        /// So it is where an alias leads there.
        Must "dns/4035/3.1.3.3/alias" [Fixture] = async |peer| {
            let wanted = "NOERROR aa\nanswer starred CNAME any.wild\nanswer any.wild 500 A 192.0.2.40";
            denies(peer, "starred A", wanted).await?.covers("any.wild")
        }

        /// Where the wildcard has no such records, that is shown too.
        Must "dns/4035/3.1.3.4/wildcard-no-data" [Fixture] = async |peer| {
            let denial = denies(peer, "x.wild AAAA", NO_DATA).await?;
            denial.covers("x.wild")?;
            denial.lacks("*.wild", &[AAAA])
        }
    }
}

mod cuts {
    use super::*;

    cases! {
        /// A referral to a zone that is signed has its DS record, which is signed; the NS records and addresses are not.
        Must "dns/4035/3.1.4/ds" [Fixture] = async |peer| { answered(peer, "a.secure A", SECURE).await }

        /// So it is where the delegated name itself is asked for.
        Must "dns/4035/3.1.4/ds-at-cut" [Fixture] = async |peer| { answered(peer, "secure NS", SECURE).await }

        /// Another referral shows that there is no DS.
        Must "dns/4035/3.1.4/no-ds" [Fixture] = async |peer| {
            let denial = denies(peer, "a.plain A", PLAIN).await?;
            denial.is_insecure("plain")?;
            denial.has(1)
        }

        /// So it does below names without records.
        Must "dns/4035/3.1.4/below-empty" [Fixture] = async |peer| {
            denies(peer, "x.hidden A", "NOERROR\nauthority x.hidden 800 NS ns1").await?.is_insecure("x.hidden")
        }

        /// So it does where an alias leads there.
        Must "dns/4035/3.1.4/alias" [Fixture] = async |peer| {
            let wanted = PLAIN.replacen("NOERROR", "NOERROR aa\nanswer into CNAME x.plain", 1);
            let denial = denies(peer, "into A", &wanted).await?;
            denial.is_insecure("plain")
        }

        /// NS records come before what shows that there is no DS.
        Must "dns/4035/3.1.4/order" [Fixture] = async |peer| {
            for zone in BOTH {
                let answer = Signed::open(peer, zone).await?.ask(peer, "a.plain A").await?;
                let at = |kinds: &[u16]| answer.authority.iter().position(|record| kinds.contains(&record.kind));
                let (ns, denial) = (at(&[NS]), at(&[NSEC, NSEC3]));
                check(ns.is_some() && denial.is_some() && ns < denial, "NS records, then others", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// The DS record of a delegation is the parent's, and signed.
        Must "dns/4035/3.1.4.1/signed" [Fixture] = async |peer| {
            answered(peer, "secure DS", "NOERROR aa
                answer secure 800 DS 12345 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff").await
        }

        /// That a delegation has none is shown by the parent.
        Must "dns/4035/3.1.4.1/shown" [Fixture] = async |peer| {
            denies(peer, "plain DS", NO_DATA).await?.is_insecure("plain")
        }

        /// That the zone's own name has none is shown by itself, where the parent is elsewhere.
        Must "dns/4035/3.1.4.1/apex" [Fixture] = async |peer| {
            let denial = denies(peer, "@ DS", NO_DATA).await?;
            denial.lacks("@", &[DS, CNAME])?;
            check(denial.types("@")?.contains(&SOA), "the types of the zone's own name", &denial)
        }
    }
}
