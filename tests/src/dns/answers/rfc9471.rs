//! RFC 9471: glue in referrals.

use crate::case::{cases, check};
use crate::dns::client::{Over, ask};
use crate::dns::expect;
use crate::dns::query;
use crate::dns::wire::{Edns, Message, TC};

/// How many addresses the name servers of `many` have.
const ADDRESSES: usize = 28;

fn glue(answer: &Message) -> usize {
    answer.extra().filter(|record| expect::is_in_zones(record)).count()
}

cases! {
    /// A referral by TCP has all glue of name servers below the delegation.
    Must "dns/9471/3.1/all-by-tcp" [Fixture] = async |peer| {
        let answer = ask(peer, Over::Tcp, &query("x.many A")?).await?;
        check(glue(&answer) == ADDRESSES && !answer.has(TC), format!("{ADDRESSES} addresses"), &answer)
    }

    /// A referral that fits has all glue of name servers below the delegation.
    Must "dns/9471/3.1/all" [Fixture] = async |peer| {
        let answer = ask(peer, Over::Udp, &query("x.many A")?.edns(&Edns::of(1232))).await?;
        check(glue(&answer) == ADDRESSES && !answer.has(TC), format!("{ADDRESSES} addresses"), &answer)
    }

    /// A referral whose glue does not fit says that it was truncated.
    Must "dns/9471/3.1/truncated" [Fixture] = async |peer| {
        let answer = ask(peer, Over::Udp, &query("x.many A")?).await?;
        check(answer.has(TC), "tc", &answer)
    }

    /// A referral has the glue of name servers below another delegation of the zone.
    Should "dns/9471/3.2/sibling" [Fixture] = async |peer| {
        let answer = ask(peer, Over::Udp, &query("x.sibling A")?).await?;
        expect::is(&answer, "NOERROR
            authority sibling 800 NS ns.sub
            additional ns.sub 800 A 192.0.2.50
            additional ns.sub 800 AAAA 2001:db8::50")
    }
}
