//! RFC 5936: whole zones.

use super::{AXFR, Key, Over, SOA, TC, asks, exchange, frame, framed, is_refused, read, take, transfer};
use crate::case::{cases, check};
use crate::dns::client::{ask, is_alive, is_same_set};
use crate::dns::expect::ZONES;
use crate::dns::fixture::MANY;
use crate::dns::rdata::{A, NS};
use crate::dns::wire::{AA, CHAOS, Edns, QR, Record};
use crate::dns::{name, query};
use crate::{Broken, Outcome};

/// The records of a zone of the suite.
fn fixture(zone: &str) -> Result<Vec<Record>, Broken> {
    let apex = name(zone)?;
    let zone = ZONES.iter().find(|zone| zone.apex == apex);
    zone.map(|zone| zone.records.clone()).ok_or_else(|| Broken::new("a zone of the suite", apex.to_string()))
}

cases! {
    /// A transfer begins and ends with the SOA record of the zone.
    Must "dns/5936/2.2/soa" [Fixture, Account, Transfer] = async |peer| {
        let records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        let (first, last) = (records.first(), records.last());
        check(first == last && first.is_some_and(|record| record.kind == SOA) && records.len() > 2, "SOA at both ends", format!("{first:?} and {last:?}"))
    }

    /// Between them there is no SOA record.
    Must "dns/5936/2.2/soa-twice" [Fixture, Account, Transfer] = async |peer| {
        let records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        let soas = records.iter().filter(|record| record.kind == SOA).count();
        check(soas == 2, "two SOA records", soas)
    }

    /// A transfer has every record of the zone, and no other.
    Must "dns/5936/3.1/all" [Fixture, Account, Transfer] = async |peer| {
        let mut records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        records.pop();
        let zone = fixture("rope.test.")?;
        let missing: Vec<_> = zone.iter().filter(|record| !records.contains(record)).collect();
        let more: Vec<_> = records.iter().filter(|record| !zone.contains(record)).collect();
        check(missing.is_empty() && more.is_empty(), "the records of the zone", format!("without {missing:?}, and with {more:?}"))
    }

    /// Each record is sent once.
    Should "dns/5936/2.2/once" [Fixture, Account, Transfer] = async |peer| {
        let mut records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        records.pop();
        check(is_same_set(&records, &fixture("rope.test.")?), "each record once", format!("{} records", records.len()))
    }

    /// Glue is part of the zone.
    Must "dns/5936/3.3/glue" [Fixture, Account, Transfer] = async |peer| {
        let records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        let glue = name("ns.sub")?;
        check(records.iter().filter(|record| record.name == glue).count() == 2, "the two addresses of ns.sub", "others")
    }

    /// Records below a delegation that are no glue are part of the zone.
    Must "dns/5936/3.5/occluded" [Fixture, Account, Transfer] = async |peer| {
        let records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        let occluded = name("occluded.sub")?;
        check(records.iter().any(|record| record.name == occluded), "the record of occluded.sub", "none")
    }

    /// The NS records of a delegation are the parent's own, also where the server has the child.
    Must "dns/5936/3.2/delegation" [Fixture, Account, Transfer] = async |peer| {
        let records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        let child = name("child")?;
        let ttls: Vec<_> = records.iter().filter(|record| record.name == child && record.kind == NS).map(|record| record.ttl).collect();
        check(ttls == [800], "the NS record of the parent, of the TTL 800", format!("{ttls:?}"))
    }

    /// Glue is the parent's own, also where the server has the child.
    Must "dns/5936/3.3/own-glue" [Fixture, Account, Transfer] = async |peer| {
        let records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        let glue = name("ns.child")?;
        let ttls: Vec<_> = records.iter().filter(|record| record.name == glue && record.kind == A).map(|record| record.ttl).collect();
        check(ttls == [800], "the address of the parent, of the TTL 800", format!("{ttls:?}"))
    }

    /// A child zone is transferred without its parent's records.
    Must "dns/5936/3.1/child" [Fixture, Account, Transfer] = async |peer| {
        let mut records = transfer(peer, &asks("child.rope.test.", AXFR)?).await?.records();
        records.pop();
        check(is_same_set(&records, &fixture("child.rope.test.")?), "the records of child.rope.test", format!("{records:?}"))
    }

    /// Wildcards are transferred as they are.
    Must "dns/5936/3.1/wildcards" [Fixture, Account, Transfer] = async |peer| {
        let records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        let wildcard = name("*.wild")?;
        let found = records.iter().filter(|record| record.name == wildcard).count();
        check(found == 3, "three records of *.wild", found)
    }

    /// The case of the letters of names is kept.
    Should "dns/5936/3.4/case" [Fixture, Account, Transfer] = async |peer| {
        let records = transfer(peer, &asks("rope.test.", AXFR)?).await?.records();
        let kept = records.iter().any(|record| record.name.0.first().is_some_and(|label| label == b"MixedCase"));
        check(kept, "MixedCase", "another case")
    }

    /// A zone that is larger than a message goes in several.
    Must "dns/5936/2.2/several-messages" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &asks("big.test.", AXFR)?).await?;
        let records = came.records().len();
        check(came.messages.len() > 1 && records == MANY + 3, format!("{} records in several messages", MANY + 3), format!("{records} in {}", came.messages.len()))
    }

    /// A message has as many records as fit into it, more or less.
    Should "dns/5936/2.2/full-messages" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &asks("big.test.", AXFR)?).await?;
        check(came.messages.len() <= 100, "a hundred messages at most", came.messages.len())
    }

    /// The first message has the question.
    Must "dns/5936/2.2.2/question" [Fixture, Account, Transfer] = async |peer| {
        let query = asks("big.test.", AXFR)?;
        let came = transfer(peer, &query).await?;
        check(came.first()?.question == query.question, "the question", came.first()?)
    }

    /// Later messages have the question or none.
    Must "dns/5936/2.2.1/later-questions" [Fixture, Account, Transfer] = async |peer| {
        let query = asks("big.test.", AXFR)?;
        let came = transfer(peer, &query).await?;
        let well = came.messages.iter().all(|message| message.question.is_empty() || message.question == query.question);
        check(well && came.messages.len() > 1, "the question or none", "another")
    }

    /// Every message has AA.
    Must "dns/5936/2.2.1/aa" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &asks("big.test.", AXFR)?).await?;
        check(came.messages.iter().all(|message| message.has(AA)), "aa", "a message without")
    }

    /// No message has TC.
    Must "dns/5936/2.2.1/tc" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &asks("big.test.", AXFR)?).await?;
        check(came.messages.iter().all(|message| !message.has(TC)), "no tc", "a message with it")
    }

    /// The authority section of every message is empty.
    Must "dns/5936/2.2.4/authority" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &asks("big.test.", AXFR)?).await?;
        check(came.messages.iter().all(|message| message.authority.is_empty()), "empty authority sections", "records there")
    }

    /// The additional section has no records but OPT and TSIG.
    Must "dns/5936/2.2.5/additional" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &asks("rope.test.", AXFR)?).await?;
        check(came.messages.iter().all(|message| message.extra().count() == 0), "no additional records", "some")
    }

    /// A query with EDNS is answered with EDNS in the first message.
    Should "dns/5936/2.2.5/edns" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &asks("rope.test.", AXFR)?.edns(&Edns::of(1232))).await?;
        check(came.first()?.opt().is_some(), "OPT", came.first()?)
    }

    /// Every message of a signed transfer is signed.
    Must "dns/8945/5.3.1/every-message" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &asks("big.test.", AXFR)?).await?;
        check(came.signed == came.messages.len() && came.signed > 1, "TSIG on every message", format!("{} of {}", came.signed, came.messages.len()))
    }

    /// A signed message is not larger than a message can be.
    Must "dns/8945/5.3.1/size" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &asks("big.test.", AXFR)?).await?;
        check(came.longest > 512 && came.longest <= 65535, "messages of 65535 octets at most", came.longest)
    }

    /// A transfer that nobody has signed is refused where only the key may transfer.
    Must "dns/5936/5/unsigned" [Fixture, Account, Transfer] = async |peer| {
        is_refused(peer, &asks("rope.test.", AXFR)?, None, &[5, 9]).await
    }

    /// A transfer that another key has signed is refused.
    Must "dns/5936/5/other-key" [Fixture, Account, Transfer, Other] = async |peer| {
        let key = Key::other(peer)?;
        is_refused(peer, &asks("rope.test.", AXFR)?, Some(&key), &[5, 9]).await
    }

    /// A transfer that is signed by another secret is refused.
    Must "dns/5936/5/other-secret" [Fixture, Account, Transfer, Other] = async |peer| {
        let key = Key { name: Key::main(peer)?.name, ..Key::other(peer)? };
        is_refused(peer, &asks("rope.test.", AXFR)?, Some(&key), &[9]).await
    }

    /// A zone that the server does not have is answered NOTAUTH.
    Should "dns/5936/2.2.1/other-zone" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        is_refused(peer, &asks("elsewhere.example.", AXFR)?, Some(&key), &[9]).await
    }

    /// A name that is no apex is not transferred.
    Must "dns/5936/2.2.1/below-apex" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        is_refused(peer, &asks("www.rope.test.", AXFR)?, Some(&key), &[5, 9]).await
    }

    /// Another class is not transferred.
    Must "dns/5936/2.1.2/class" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        let mut query = asks("rope.test.", AXFR)?;
        query.question.iter_mut().for_each(|question| question.class = CHAOS);
        is_refused(peer, &query, Some(&key), &[1, 4, 5, 9]).await
    }

    /// The name of the zone is the same in any case of its letters.
    Must "dns/5936/2.1.2/case" [Fixture, Account, Transfer] = async |peer| {
        let mut records = transfer(peer, &asks("STRAND.tesT.", AXFR)?).await?.records();
        records.pop();
        check(is_same_set(&records, &fixture("strand.test.")?), "the records of strand.test", format!("{records:?}"))
    }

    /// A zone is not transferred by UDP.
    Must "dns/5936/4.2/udp" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        let query = asks("strand.test.", AXFR)?;
        let (wire, _) = key.sign(&query, key.signature(&query), |_| {});
        let answer = read(&query, &exchange(peer, Over::Udp, &wire).await?)?;
        let records = answer.answer.iter().filter(|record| record.kind != SOA).count();
        check(records == 0 && answer.has(QR), "no records of the zone", &answer)
    }

    /// A connection is used for more once a transfer is done.
    Should "dns/5936/4.1.2/usable" [Fixture, Account, Transfer] = async |peer| {
        transfer(peer, &asks("big.test.", AXFR)?).await?;
        let next = query("www A")?;
        peer.send(framed(&next.to_wire())).await?;
        let wire = frame(peer).await?.ok_or_else(|| Broken::new("an answer on the same connection", "its end"))?;
        let answer = read(&next, &wire)?;
        check(answer.answer.len() == 2, "the records", &answer)
    }

    /// A second transfer on one connection is done as well.
    Should "dns/5936/4.1.2/twice" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        transfer(peer, &asks("rope.test.", AXFR)?).await?;
        let query = asks("strand.test.", AXFR)?;
        let (wire, mac) = key.sign(&query, key.signature(&query), |_| {});
        peer.send(framed(&wire)).await?;
        let came = take(peer, &query, &key, mac).await?;
        check(came.records().len() == 4, "four records of strand.test", came.records().len())
    }

    /// Who leaves amid a transfer does no harm to others.
    Robust "dns/5936/2.3/abort" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        for _ in 0..10 {
            let query = asks("big.test.", AXFR)?;
            let (wire, _) = key.sign(&query, key.signature(&query), |_| {});
            peer.reconnect();
            peer.send(framed(&wire)).await?;
            frame(peer).await?;
        }
        is_alive(peer, Over::Tcp).await
    }

    /// Others are answered while a client does not take what it has asked for.
    Robust "dns/5936/4.1/slow-client" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        let mut held = Vec::new();
        for _ in 0..4 {
            let query = asks("big.test.", AXFR)?;
            let (wire, _) = key.sign(&query, key.signature(&query), |_| {});
            let mut io = peer.subject().dial().await.map_err(|error| Broken::new("a connection", error.to_string()))?;
            tokio::io::AsyncWriteExt::write_all(&mut io, &framed(&wire)).await.map_err(|error| Broken::new("a query sent", error.to_string()))?;
            held.push(io);
        }
        let answer = ask(peer, Over::Tcp, &query("www A")?).await?;
        check(answer.answer.len() == 2, "the records", &answer)?;
        is_alive(peer, Over::Udp).await?;
        drop(held);
        Ok(Outcome::Pass)
    }
}
