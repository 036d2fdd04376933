//! RFC 8906 §8: what every server answers, however unusual the query is. Each probe goes by UDP, TCP, TLS and HTTPS.

use super::client::{Over, ask};
use super::rdata::SOA;
use super::wire::{AA, AD, CD, CHAOS, DO, Edns, Message, RD, TC, Z};
use super::{Name, query};
use crate::case::{Verdict, cases, check};
use crate::{Broken, Outcome, Peer};

/// An option and a type that nobody has defined.
const UNKNOWN: u16 = 100;

fn soa() -> Result<Message, Broken> {
    query("@ SOA")
}

fn edns() -> Edns {
    Edns::of(4096)
}

/// Sends a probe, and sees that the answer is what its header, type and OPT call for.
async fn probe(peer: &mut Peer, over: Over, probe: Result<Message, Broken>) -> Verdict {
    let probe = probe?;
    let answer = ask(peer, over, &probe).await?;
    let well = |met: bool, expected: &str| check(met, expected, &answer);
    let asked = probe.opt();
    let refused = probe.opcode() != 0 || asked.as_ref().is_some_and(|edns| edns.version > 0);
    let code = if probe.opcode() != 0 {
        4
    } else if refused {
        16
    } else {
        0
    };
    // RFC 7873 §5.2.3: who has no server cookie yet may be asked for it.
    let cookie = |edns: Edns| edns.find(10).is_some();
    if answer.rcode() == 23 && over == Over::Udp && asked.clone().is_some_and(cookie) {
        return well(answer.answer.is_empty() && answer.opt().is_some_and(cookie), "a cookie, and no answer");
    }
    well(answer.rcode() == code, &super::text::rcode(code))?;
    well(answer.has(AA) != refused, if refused { "no aa" } else { "aa" })?;
    well(answer.has(RD) == probe.has(RD), "rd as in the query")?;
    well(probe.has(AD) || !answer.has(AD), "no ad")?;
    well(!answer.has(TC), "no tc")?;
    let has_soa = answer.answer.iter().any(|record| record.kind == SOA);
    let wants_soa = !refused && probe.question.iter().all(|question| question.kind == SOA);
    well(
        has_soa == wants_soa && answer.answer.len() == usize::from(wants_soa),
        if wants_soa { "the SOA record" } else { "no records in the answer" },
    )?;
    match (asked, answer.opt()) {
        (None, None) => Ok(Outcome::Pass),
        (None, Some(_)) => well(false, "no OPT"),
        (Some(_), None) => well(false, "OPT"),
        (Some(asked), Some(edns)) => {
            well(edns.version == 0, "version 0 of EDNS")?;
            well(edns.flags & !(asked.flags & DO) == 0, "no flag of EDNS but DO")?;
            // RFC 7830 §4: who sends OPT may get padding where nobody reads along.
            let pads = |code: u16| code == 12 && matches!(over, Over::Tls | Over::Get | Over::Post);
            let known =
                |(code, _): &(u16, Vec<u8>)| *code != UNKNOWN && (asked.find(*code).is_some() || pads(*code));
            well(edns.options.iter().all(known), "no option that was not asked for, and none that is unknown")
        }
    }
}

macro_rules! probes {
    ($(
        $(#[doc = $demand:literal])+
        $level:ident $udp:literal $tcp:literal $tls:literal $https:literal = $probe:expr;
    )*) => {
        cases! {
            $(
                $(#[doc = $demand])+
                #[doc = " By UDP."]
                $level $udp [Fixture] = async |peer| { probe(peer, Over::Udp, $probe).await }

                $(#[doc = $demand])+
                #[doc = " By TCP."]
                $level $tcp [Fixture] = async |peer| { probe(peer, Over::Tcp, $probe).await }

                $(#[doc = $demand])+
                #[doc = " By TLS."]
                $level $tls [Fixture, Dot] = async |peer| { probe(peer, Over::Tls, $probe).await }

                $(#[doc = $demand])+
                #[doc = " By HTTPS."]
                $level $https [Fixture, Doh] = async |peer| { probe(peer, Over::Get, $probe).await }
            )*
        }
    };
}

probes! {
    /// A plain query is answered with authority and without OPT.
    Must "dns/8906/8.1.1/soa-udp" "dns/8906/8.1.5/soa-tcp" "dns/8906/8.1.5/soa-tls" "dns/8906/8.1.5/soa-https" = soa();

    /// A query for an unknown type is answered without records, and not with an error.
    Must "dns/8906/8.1.2/unknown-type-udp" "dns/8906/8.1.2/unknown-type-tcp" "dns/8906/8.1.2/unknown-type-tls" "dns/8906/8.1.2/unknown-type-https" = query("@ TYPE1000");

    /// A query for another unknown type is answered without records, and not with an error.
    Must "dns/8906/8.1.2/type666-udp" "dns/8906/8.1.2/type666-tcp" "dns/8906/8.1.2/type666-tls" "dns/8906/8.1.2/type666-https" = query("@ TYPE666");

    /// A query with CD is answered.
    Must "dns/8906/8.1.3.1/cd-udp" "dns/8906/8.1.3.1/cd-tcp" "dns/8906/8.1.3.1/cd-tls" "dns/8906/8.1.3.1/cd-https" = Ok(soa()?.with(CD));

    /// A query with AD is answered.
    Must "dns/8906/8.1.3.2/ad-udp" "dns/8906/8.1.3.2/ad-tcp" "dns/8906/8.1.3.2/ad-tls" "dns/8906/8.1.3.2/ad-https" = Ok(soa()?.with(AD));

    /// A query with the reserved bit is answered, without that bit.
    Must "dns/8906/8.1.3.3/z-udp" "dns/8906/8.1.3.3/z-tcp" "dns/8906/8.1.3.3/z-tls" "dns/8906/8.1.3.3/z-https" = Ok(soa()?.with(Z));

    /// A query with RD is answered, with that bit.
    Must "dns/8906/8.1.3.4/rd-udp" "dns/8906/8.1.3.4/rd-tcp" "dns/8906/8.1.3.4/rd-tls" "dns/8906/8.1.3.4/rd-https" = Ok(soa()?.with(RD));

    /// A header with an unknown opcode and nothing else is answered NOTIMP.
    Must "dns/8906/8.1.4/opcode-udp" "dns/8906/8.1.4/opcode-tcp" "dns/8906/8.1.4/opcode-tls" "dns/8906/8.1.4/opcode-https" = Ok(Message { question: Vec::new(), ..soa()?.with(15 << 11) });

    /// A query with EDNS is answered with EDNS.
    Must "dns/8906/8.2.1/edns-udp" "dns/8906/8.2.1/edns-tcp" "dns/8906/8.2.1/edns-tls" "dns/8906/8.2.1/edns-https" = Ok(soa()?.edns(&edns()));

    /// A query with version 1 of EDNS is answered BADVERS, with version 0.
    Must "dns/8906/8.2.2/edns1-udp" "dns/8906/8.2.2/edns1-tcp" "dns/8906/8.2.2/edns1-tls" "dns/8906/8.2.2/edns1-https" = Ok(soa()?.edns(&Edns { version: 1, ..edns() }));

    /// An unknown option is ignored, and not sent back.
    Must "dns/8906/8.2.3/option-udp" "dns/8906/8.2.3/option-tcp" "dns/8906/8.2.3/option-tls" "dns/8906/8.2.3/option-https" = Ok(soa()?.edns(&edns().option(UNKNOWN, b"")));

    /// Unknown flags of EDNS are ignored, and not sent back.
    Must "dns/8906/8.2.4/flags-udp" "dns/8906/8.2.4/flags-tcp" "dns/8906/8.2.4/flags-tls" "dns/8906/8.2.4/flags-https" = Ok(soa()?.edns(&Edns { flags: 0x40, ..edns() }));

    /// Unknown flags beside version 1 of EDNS are not sent back.
    Must "dns/8906/8.2.5/edns1-flags-udp" "dns/8906/8.2.5/edns1-flags-tcp" "dns/8906/8.2.5/edns1-flags-tls" "dns/8906/8.2.5/edns1-flags-https" = Ok(soa()?.edns(&Edns { version: 1, flags: 0x40, ..edns() }));

    /// An unknown option beside version 1 of EDNS is not sent back.
    Must "dns/8906/8.2.6/edns1-option-udp" "dns/8906/8.2.6/edns1-option-tcp" "dns/8906/8.2.6/edns1-option-tls" "dns/8906/8.2.6/edns1-option-https" = Ok(soa()?.edns(&Edns { version: 1, ..edns() }.option(UNKNOWN, b"")));

    /// A query with DO is answered.
    Must "dns/8906/8.2.8/do-udp" "dns/8906/8.2.8/do-tcp" "dns/8906/8.2.8/do-tls" "dns/8906/8.2.8/do-https" = Ok(soa()?.edns(&Edns { flags: DO, ..edns() }));

    /// DO beside version 1 of EDNS is answered BADVERS.
    Must "dns/8906/8.2.9/edns1-do-udp" "dns/8906/8.2.9/edns1-do-tcp" "dns/8906/8.2.9/edns1-do-tls" "dns/8906/8.2.9/edns1-do-https" = Ok(soa()?.edns(&Edns { version: 1, flags: DO, ..edns() }));

    /// Several options that are defined do no harm to each other.
    Must "dns/8906/8.2.10/options-udp" "dns/8906/8.2.10/options-tcp" "dns/8906/8.2.10/options-tls" "dns/8906/8.2.10/options-https" = Ok(soa()?.edns(&edns().option(3, b"").option(10, b"ropecook").option(9, b"").option(8, &[0, 1, 0, 0])));

    /// DO and a cookie are answered together.
    Must "dns/8906/8.2.10/do-cookie-udp" "dns/8906/8.2.10/do-cookie-tcp" "dns/8906/8.2.10/do-cookie-tls" "dns/8906/8.2.10/do-cookie-https" = Ok(soa()?.edns(&Edns { flags: DO, ..edns() }.option(10, b"ropecook")));
}

pub(super) mod others {
    use super::*;

    cases! {
        /// An answer that was truncated to the size that the client said has OPT too.
        Must "dns/8906/8.2.7/truncated" [Fixture] = async |peer| {
            let asked = query("large TXT")?.edns(&Edns { flags: DO, ..Edns::of(512) });
            let answer = ask(peer, Over::Udp, &asked).await?;
            check(answer.has(TC) && answer.rcode() == 0, "tc", &answer)?;
            check(answer.opt().is_some_and(|edns| edns.version == 0), "OPT of version 0", &answer)
        }

        /// The size that the client said does not truncate what goes by TCP.
        Must "dns/8906/8.2.7/whole-by-tcp" [Fixture] = async |peer| {
            let asked = query("large TXT")?.edns(&Edns { flags: DO, ..Edns::of(512) });
            let answer = ask(peer, Over::Tcp, &asked).await?;
            check(!answer.has(TC) && answer.answer.len() == 30, "30 records without tc", &answer)?;
            check(answer.opt().is_some(), "OPT", &answer)
        }

        /// A query of the class CHAOS for the version is answered, or refused, but not passed over.
        Should "dns/4892/2/version-bind" [Fixture] = async |peer| {
            let name = Name(vec![b"version".to_vec(), b"bind".to_vec()]);
            let mut asked = Message::query(name, super::super::rdata::TXT);
            for question in &mut asked.question {
                question.class = CHAOS;
            }
            for over in super::super::client::BOTH {
                let answer = ask(peer, over, &asked).await?;
                let chaos = answer.answer.iter().all(|record| record.class == CHAOS);
                check(matches!(answer.rcode(), 0 | 3 | 4 | 5) && chaos, "TXT of the class CHAOS, or a refusal", &answer)?;
            }
            Ok(Outcome::Pass)
        }
    }
}
