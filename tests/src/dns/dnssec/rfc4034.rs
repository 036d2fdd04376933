//! RFC 4034: what the records say that signing makes.

use super::denial::shown;
use super::signature::Rrsig;
use super::signed::{BOTH, BY_NSEC, Signed, answered, asking, denied, query, signatures};
use crate::case::{Verdict, cases, check};
use crate::dns::client::{Over, ask};
use crate::dns::rdata::{A, AAAA, DS, NS, NSEC, RRSIG, SOA};
use crate::dns::wire::{Message, Record};
use crate::{Outcome, Peer};

/// Asks the same of both zones, and looks at every signature that comes.
async fn each(
    peer: &mut Peer,
    asked: &str,
    wanted: &str,
    is_well: impl Fn(&Signed, &Message, &Record, &Rrsig) -> bool,
) -> Verdict {
    for zone in BOTH {
        let query = query(zone, asked, Some(&asking(1232)))?;
        let zone = Signed::open(peer, zone).await?;
        let answer = ask(peer, Over::Tcp, &query).await?;
        let all = signatures(&answer)?;
        check(!all.is_empty(), "signatures", &answer)?;
        for (record, signature) in all {
            check(is_well(&zone, &answer, &record, &signature), wanted, format!("{signature:?}"))?;
        }
    }
    Ok(Outcome::Pass)
}

/// The labels of the signatures that come with the answer are as many.
async fn labels(peer: &mut Peer, asked: &str, count: u8) -> Verdict {
    let wanted = format!("{count} labels");
    each(peer, asked, &wanted, |_, answer, record, signature| {
        signature.labels == count || !answer.answer.contains(record)
    })
    .await
}

/// The record of this name lists these types, and no others.
async fn lists(peer: &mut Peer, asked: &str, owner: &str, kinds: &[u16]) -> Verdict {
    let zone = Signed::open(peer, BY_NSEC).await?;
    let answer = zone.ask(peer, asked).await?;
    let denial = zone.denial(&answer)?;
    check(denial.types(owner)? == kinds, shown(kinds), shown(denial.types(owner)?))
}

cases! {
    /// What signs the records of a zone is a key of zones, of protocol 3.
    Must "dns/4034/2.1.1/zone-key" [Fixture] = async |peer| {
        for zone in BOTH {
            let zone = Signed::open(peer, zone).await?;
            let well = zone.keys.iter().all(|key| key.flags & 0x0100 != 0 && key.flags & !0x0181 == 0 && key.protocol == 3);
            check(well, "flags 256 or 257, and protocol 3", format!("{:?}", zone.keys))?;
        }
        Ok(Outcome::Pass)
    }

    /// A signature has the TTL of the records.
    Must "dns/4034/3/ttl" [Fixture] = async |peer| {
        each(peer, "www A", "a TTL of 600", |_, answer, record, _| {
            record.ttl == 600 || !answer.answer.contains(record)
        }).await
    }

    /// A signature says the type of the records.
    Must "dns/4034/3.1.1/covered" [Fixture] = async |peer| {
        each(peer, "www AAAA", "AAAA", |_, answer, record, signature| {
            signature.covered == AAAA || !answer.answer.contains(record)
        }).await
    }

    /// A signature says the algorithm of a key of the zone.
    Must "dns/4034/3.1.2/algorithm" [Fixture] = async |peer| {
        each(peer, "www A", "the algorithm of a key", |zone, _, _, signature| {
            zone.keys.iter().any(|key| key.algorithm == signature.algorithm)
        }).await
    }

    /// A signature says how many labels the name has.
    Must "dns/4034/3.1.3/labels" [Fixture] = async |peer| {
        labels(peer, "www A", 3).await?;
        labels(peer, "a.b.ent A", 5).await
    }

    /// The asterisk of a wildcard is no label to signatures.
    Must "dns/4034/3.1.3/asterisk" [Fixture] = async |peer| {
        labels(peer, "*.wild A", 3).await
    }

    /// What a wildcard stands for has the wildcard's signature, which has fewer labels.
    Must "dns/4034/3.1.3/wildcard" [Fixture] = async |peer| {
        labels(peer, "x.y.wild A", 3).await
    }

    /// A signature says the TTL that the records have in the zone.
    Must "dns/4034/3.1.4/original-ttl" [Fixture] = async |peer| {
        each(peer, "www A", "600", |_, answer, record, signature| {
            signature.original_ttl == 600 || !answer.answer.contains(record)
        }).await
    }

    /// The SOA record of a negative answer is signed with the TTL that it has in the zone, whatever its own.
    Must "dns/4034/3.1.4/negative" [Fixture] = async |peer| {
        each(peer, "www TXT", "3600", |_, _, _, signature| {
            signature.covered != SOA || signature.original_ttl == 3600
        }).await
    }

    /// Signatures count at the time when they are sent.
    Must "dns/4034/3.1.5/times" [Fixture] = async |peer| {
        each(peer, "www A", "times around now", |_, _, _, signature| signature.is_current()).await
    }

    /// A signature says the tag of a key of the zone.
    Must "dns/4034/3.1.6/key-tag" [Fixture] = async |peer| {
        each(peer, "www A", "the tag of a key", |zone, _, _, signature| {
            zone.keys.iter().any(|key| key.tag == signature.tag)
        }).await
    }

    /// The signer is the zone.
    Must "dns/4034/3.1.7/signer" [Fixture] = async |peer| {
        each(peer, "www A", "the zone as signer", |zone, _, _, signature| signature.signer == zone.apex).await
    }

    /// The records are signed by a key of the zone.
    Must "dns/4034/3.1.8.1/signed" [Fixture] = async |peer| {
        answered(peer, "www A", "NOERROR aa
            answer www 600 A 192.0.2.10
            answer www 600 A 192.0.2.11").await
    }

    /// What is signed is the name in small letters, whichever were asked for.
    Must "dns/4034/6.2/owner" [Fixture] = async |peer| {
        answered(peer, "WwW AAAA", "NOERROR aa
            answer www 700 AAAA 2001:db8::10").await
    }

    /// What is signed has names in small letters within the data.
    Must "dns/4034/6.2/names-within" [Fixture] = async |peer| {
        answered(peer, "MixedCase MX", "NOERROR aa
            answer MixedCase MX 10 mail
            additional mail A 192.0.2.20").await
    }

    /// The records of an RRset are signed in the order of their data.
    Must "dns/4034/6.3/order" [Fixture] = async |peer| {
        answered(peer, "texts TXT", "NOERROR aa
            answer texts TXT \"one\"
            answer texts TXT \"one\" \"two\"
            answer texts TXT \"on\" \"etwo\"").await
    }

    /// Records of a type that nobody knows are signed as they are.
    Must "dns/3597/7/signed" [Fixture] = async |peer| {
        answered(peer, "unknown TYPE731", "NOERROR aa
            answer unknown TYPE731 \\# 4 01020304").await
    }

    /// The last NSEC record leads back to the zone's own name.
    Must "dns/4034/4.1.1/last" [Fixture] = async |peer| {
        let denial = denied(peer, BY_NSEC, "zzz A", "NXDOMAIN aa\nsoa").await?;
        denial.covers("zzz")?;
        let apex = denial.place(&crate::dns::name(BY_NSEC)?);
        check(denial.gaps.iter().any(|gap| gap.to == apex), "a record that leads to the zone's name", &denial)
    }

    /// An NSEC record lists the types of its name, and no others.
    Must "dns/4034/4.1.2/types" [Fixture] = async |peer| {
        lists(peer, "www TXT", "www", &[A, AAAA, RRSIG, NSEC]).await
    }

    /// The NSEC record of a delegation lists what is the parent's.
    Must "dns/4034/4.1.2/delegation" [Fixture] = async |peer| {
        lists(peer, "plain DS", "plain", &[NS, RRSIG, NSEC]).await?;
        // Nothing but what comes before it leads to the secure one.
        lists(peer, "secura A", "plain", &[NS, RRSIG, NSEC]).await?;
        lists(peer, "securf A", "secure", &[NS, DS, RRSIG, NSEC]).await
    }

    /// An NSEC record has the lesser of the two TTLs of the SOA record.
    Must "dns/9077/3.1/nsec-ttl" [Fixture] = async |peer| {
        let zone = Signed::open(peer, BY_NSEC).await?;
        let answer = zone.ask(peer, "www TXT").await?;
        let ttls: Vec<_> = answer.authority.iter().filter(|it| it.kind == NSEC).map(|it| it.ttl).collect();
        check(ttls == [300], "an NSEC record with a TTL of 300", &answer)
    }
}
