//! RFC 1035 and RFC 3597: the data of records; chains that do not end.

use crate::case::{cases, check};
use crate::dns::client::{Over, ask, ask_both, is_error};
use crate::dns::expect::{answer_cases, is_bounded};
use crate::dns::query;
use crate::dns::wire::{CHAOS, TC};
use crate::{Case, Outcome};

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    data::CASES.iter().chain(others::CASES)
}

mod data {
    use super::answer_cases;

    answer_cases! {
        /// A TXT record keeps its strings apart.
        Must "dns/1035/3.3.14/strings": "www TXT" => "NOERROR aa
            answer www TXT \"one\" \"two\""

        /// The address of a mail exchange of this zone is an additional record.
        Should "dns/1035/3.3.9/mx-additional": "mx MX" => "NOERROR aa
            answer mx MX 10 mail
            answer mx MX 20 mail.elsewhere.example.
            additional mail A 192.0.2.20"

        /// HINFO records are served.
        Must "dns/1035/3.3.2/hinfo": "hinfo HINFO" => "NOERROR aa
            answer hinfo HINFO \"PDP-11\" \"UNIX\""

        /// Records of a type that the server does not know are served.
        Must "dns/3597/3/unknown-type": "odd TYPE731" => "NOERROR aa
            answer odd TYPE731 \\# 4 01020304"

        /// Records without data are served.
        Must "dns/3597/5/no-octets": "empty TYPE731" => "NOERROR aa
            answer empty TYPE731 \\# 0"

        /// A type that nobody knows is a type of which a name has no records.
        Must "dns/3597/3/unknown-type-no-data": "odd TYPE732" => "NOERROR aa
            soa"

        /// The names in RP records, which came after RFC 1035, are not compressed.
        Must "dns/3597/4/rp": "rp RP" => "NOERROR aa
            answer rp RP hostmaster odd"

        /// The target of a SRV record is not compressed.
        Must "dns/3597/4/srv": "_sip._tcp SRV" => "NOERROR aa
            answer _sip._tcp SRV 0 5 5060 www"
    }
}

mod others {
    use super::*;

    cases! {
        /// A query for a name of no zone here is refused: the server is no resolver for everybody.
        Should "dns/1034/4.3.1/other-zone" [Fixture] = async |peer| {
            is_error(&ask_both(peer, &query("www.elsewhere.example. A")?).await?, &[5])
        }

        /// A query for the root is refused where the root is no zone here.
        Should "dns/1034/4.3.1/root" [Fixture] = async |peer| {
            is_error(&ask_both(peer, &query(". NS")?).await?, &[5])
        }

        /// The parent of a zone is another zone.
        Should "dns/1034/4.3.1/above-zone" [Fixture] = async |peer| {
            is_error(&ask_both(peer, &query("test. SOA")?).await?, &[5])
        }

        /// A name that ends like a zone's, within a label, is not of the zone.
        Must "dns/1034/3.1/suffix-within-label" [Fixture] = async |peer| {
            is_error(&ask_both(peer, &query("xrope.test. A")?).await?, &[5])
        }

        /// A class that the zone is not of is not answered by the zone's records.
        Must "dns/1034/3.7.1/class" [Fixture] = async |peer| {
            let mut query = query("www A")?;
            for question in &mut query.question {
                question.class = CHAOS;
            }
            let answer = ask_both(peer, &query).await?;
            check(answer.answer.is_empty(), "no records of another class", &answer)?;
            is_error(&answer, &[5, 4, 3, 9, 1])
        }

        /// Two aliases that lead to each other do not lead on for ever.
        Robust "dns/1034/5.2.2/loop" [Fixture] = async |peer| {
            is_bounded(peer, "loop1 A", "loop1 CNAME loop2").await
        }

        /// An alias of itself does not lead on for ever.
        Robust "dns/1034/5.2.2/self" [Fixture] = async |peer| {
            is_bounded(peer, "self A", "self CNAME self").await
        }

        /// An alias that a wildcard makes of itself does not lead on for ever.
        Robust "dns/1034/5.2.2/wildcard-loop" [Fixture] = async |peer| {
            is_bounded(peer, "y.loop-wild A", "y.loop-wild CNAME x.loop-wild").await
        }

        /// An alias into another zone of the server leads there, or not.
        May "dns/1034/4.3.2/alias-into-other-zone" [Fixture] = async |peer| {
            let answer = ask_both(peer, &query("strand A")?).await?;
            check(answer.rcode() == 0, "NOERROR", &answer)?;
            match answer.answer.len() {
                1 => Ok(Outcome::Choice("the alias alone")),
                2 => Ok(Outcome::Choice("the alias and the records of the other zone")),
                _ => check(false, "one record or two", &answer),
            }
        }

        /// A message by UDP without EDNS has at most 512 octets, and says that it was truncated.
        Must "dns/1035/4.2.1/512" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Udp, &query("medium TXT")?).await?;
            check(answer.has(TC) && answer.to_wire().len() <= 512 + 200, "tc", &answer)
        }

        /// What did not fit by UDP is whole by TCP.
        Must "dns/1035/4.2.2/whole-by-tcp" [Fixture] = async |peer| {
            let answer = ask(peer, Over::Tcp, &query("large TXT")?).await?;
            check(!answer.has(TC) && answer.answer.len() == 30, "30 records, and no tc", &answer)
        }
    }
}
