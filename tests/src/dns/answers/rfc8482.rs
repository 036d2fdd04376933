//! RFC 8482: queries for ANY.

use crate::case::{Verdict, cases, check};
use crate::dns::client::ask_both;
use crate::dns::expect::{self, is_in_zones};
use crate::dns::query;
use crate::dns::rdata::HINFO;
use crate::dns::wire::{AA, Message};
use crate::{Broken, Outcome, Peer};

/// RFC 8482 §4: all of the RRsets, some, or one HINFO record.
fn is_some_of_it(answer: &Message, owner: &str) -> Verdict {
    let owner = crate::dns::name(owner)?;
    let made_up = matches!(answer.answer.as_slice(), [only] if only.kind == HINFO);
    let well = !answer.answer.is_empty()
        && answer.answer.iter().all(|record| record.name == owner && (made_up || is_in_zones(record)));
    check(
        well && answer.rcode() == 0 && answer.has(AA),
        format!("some records of {owner}, or one HINFO"),
        answer,
    )
}

async fn any(peer: &mut Peer, owner: &str) -> Result<Message, Broken> {
    ask_both(peer, &query(&format!("{owner} ANY"))?).await
}

cases! {
    /// A query for ANY gets some of the records of the name, or a HINFO record in their place.
    Must "dns/8482/4/any" [Fixture] = async |peer| {
        is_some_of_it(&any(peer, "mail").await?, "mail")
    }

    /// A query for ANY is answered with one RRset, with a made-up HINFO record, or with all.
    May "dns/8482/4.1/subset" [Fixture] = async |peer| {
        let answer = any(peer, "www").await?;
        is_some_of_it(&answer, "www")?;
        let mut kinds: Vec<_> = answer.answer.iter().map(|record| record.kind).collect();
        kinds.dedup();
        Ok(Outcome::Choice(match kinds.as_slice() {
            [HINFO] => "a made-up HINFO",
            [_] => "one RRset",
            _ => "several RRsets",
        }))
    }

    /// Every RRset in an answer to ANY is whole.
    Must "dns/8482/4.1/whole-sets" [Fixture] = async |peer| {
        let answer = any(peer, "www").await?;
        is_some_of_it(&answer, "www")?;
        let addresses = answer.answer.iter().filter(|record| record.kind == 1).count();
        check(addresses != 1, "both A records, or none", &answer)
    }

    /// A query for ANY of a name that does not exist is answered NXDOMAIN.
    Must "dns/8482/4/no-name" [Fixture] = async |peer| {
        expect::is(&any(peer, "nothing").await?, "NXDOMAIN aa\nsoa")
    }

    /// A query for ANY of a name without records is answered NOERROR and no records.
    Must "dns/8482/4/empty" [Fixture] = async |peer| {
        expect::is(&any(peer, "b.ent").await?, "NOERROR aa\nsoa")
    }

    /// A query for ANY of an alias is answered by the alias.
    Must "dns/8482/4.3/alias" [Fixture] = async |peer| {
        let answer = any(peer, "alias").await?;
        is_some_of_it(&answer, "alias")
    }

    /// A query for ANY below a delegation is answered by the referral.
    Must "dns/8482/4/referral" [Fixture] = async |peer| {
        expect::is(&any(peer, "x.plain").await?, "NOERROR\nauthority plain 800 NS ns1")
    }

    /// A query for ANY of a name that a wildcard stands for is answered by records of the wildcard.
    Must "dns/8482/4/wildcard" [Fixture] = async |peer| {
        let mut answer = any(peer, "x.wild").await?;
        check(!answer.answer.is_empty(), "records of the wildcard", &answer)?;
        let (asked, owner) = (crate::dns::name("x.wild")?, crate::dns::name("*.wild")?);
        check(answer.answer.iter().all(|record| record.name == asked), "the name that was asked for", &answer)?;
        for record in &mut answer.answer {
            record.name = owner.clone();
        }
        is_some_of_it(&answer, "*.wild")
    }
}
