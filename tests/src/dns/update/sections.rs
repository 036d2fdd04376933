//! RFC 2136 §3.1 and §3.4.1: sections that are malformed; the apex; who may update.

use super::{Key, gets, is_after, look, of_zone, operate, origin, send, serial, unsigned, update, with_zone};
use crate::case::{Verdict, cases, check};
use crate::dns::client::{Over, exchange, is_error, read};
use crate::dns::rdata::{self, A, AXFR, NS, SOA};
use crate::dns::text;
use crate::dns::tsig::ask_signed;
use crate::dns::wire::{ANY, CHAOS, IN, NONE, Name, Question, Record};
use crate::{Broken, Outcome, Peer};

fn child(label: &str) -> Name {
    origin().child(label.as_bytes())
}

/// A record of `malformed.update.test`.
fn record(kind: u16, class: u16, ttl: u32, data: &[u8]) -> Record {
    Record { name: child("malformed"), kind, class, ttl, data: data.to_vec() }
}

const ADDRESS: &[u8] = &[192, 0, 2, 7];

/// An update with this record beside a right one, none of which is done.
async fn is_malformed(peer: &mut Peer, prerequisite: bool, wrong: Record, right: &str) -> Verdict {
    let mut message = update();
    operate(&mut message, &format!("+{right} 300 A 192.0.2.1"), &origin())?;
    if prerequisite { &mut message.answer } else { &mut message.authority }.push(wrong);
    gets(peer, &message, "FORMERR").await?;
    let found = look(peer, child(right), A).await?;
    check(found.rcode() == 3, "nothing done", &found)
}

/// An update of one name, which is not done: its answer.
async fn forbidden(peer: &mut Peer, label: &str, key: Option<Key>) -> Verdict {
    let mut message = update();
    operate(&mut message, &format!("+{label} 300 A 192.0.2.1"), &origin())?;
    let answer = unsigned(peer, &message, key.as_ref()).await?;
    check(matches!(answer.rcode(), 5 | 9), "REFUSED or NOTAUTH", &answer)?;
    let found = look(peer, child(label), A).await?;
    check(found.rcode() == 3, "nothing done", &found)
}

fn question(name: Name, kind: u16, class: u16) -> Question {
    Question { name, kind, class }
}

/// The data of the NS records of the zone.
async fn servers(peer: &mut Peer) -> Result<Vec<Name>, Broken> {
    let answer = look(peer, origin(), NS).await?;
    let mut names: Vec<_> =
        answer.answer.iter().filter_map(|record| rdata::target(NS, &record.data)).collect();
    names.sort();
    Ok(names)
}

async fn does(peer: &mut Peer, operations: &[&str]) -> Verdict {
    let mut message = update();
    for operation in operations {
        operate(&mut message, operation, &origin())?;
    }
    gets(peer, &message, "NOERROR").await
}

cases! {
    /// An update without a zone is malformed.
    Must "dns/2136/3.1.1/no-zone" [Fixture, Account, Update] = async |peer| {
        gets(peer, &with_zone(Vec::new()), "FORMERR").await
    }

    /// An update of two zones is malformed.
    Must "dns/2136/3.1.1/two-zones" [Fixture, Account, Update] = async |peer| {
        gets(peer, &with_zone(vec![question(origin(), SOA, IN); 2]), "FORMERR").await
    }

    /// The type of the zone section is SOA.
    Must "dns/2136/3.1.1/zone-type" [Fixture, Account, Update] = async |peer| {
        gets(peer, &with_zone(vec![question(origin(), A, IN)]), "FORMERR").await
    }

    /// An update of a zone that the server does not have is answered NOTAUTH, or refused.
    Must "dns/2136/3.1.2/other-zone" [Fixture, Account, Update] = async |peer| {
        let zone = crate::dns::name("elsewhere.example.")?;
        let answer = send(peer, &of_zone(zone)).await?;
        check(matches!(answer.rcode(), 5 | 9), "NOTAUTH", &answer)
    }

    /// The zone section names the apex, and no other name of the zone.
    Must "dns/2136/3.1.2/below-apex" [Fixture, Account, Update] = async |peer| {
        let answer = send(peer, &of_zone(child("ns1"))).await?;
        check(matches!(answer.rcode(), 5 | 9), "NOTAUTH", &answer)
    }

    /// An update of another class is refused.
    Must "dns/2136/3.1.2/class" [Fixture, Account, Update] = async |peer| {
        let answer = send(peer, &with_zone(vec![question(origin(), SOA, CHAOS)])).await?;
        check(matches!(answer.rcode(), 1 | 4 | 5 | 9), "NOTAUTH or another refusal", &answer)
    }

    /// A prerequisite with a TTL is malformed.
    Must "dns/2136/3.2.5/ttl" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, true, record(A, ANY, 5, &[]), "prerequisite-ttl").await
    }

    /// A prerequisite of the class ANY with data is malformed.
    Must "dns/2136/3.2.5/any-data" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, true, record(A, ANY, 0, ADDRESS), "prerequisite-any-data").await
    }

    /// A prerequisite of the class NONE with data is malformed.
    Must "dns/2136/3.2.5/none-data" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, true, record(A, NONE, 0, ADDRESS), "prerequisite-none-data").await
    }

    /// A prerequisite of another class is malformed.
    Must "dns/2136/3.2.5/class" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, true, record(A, CHAOS, 0, ADDRESS), "prerequisite-class").await
    }

    /// A record of another class is malformed.
    Must "dns/2136/3.4.1.3/class" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(A, CHAOS, 300, ADDRESS), "update-class").await
    }

    /// A deletion of an RRset with a TTL is malformed.
    Must "dns/2136/3.4.1.3/any-ttl" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(A, ANY, 300, &[]), "update-any-ttl").await
    }

    /// A deletion of an RRset with data is malformed.
    Must "dns/2136/3.4.1.3/any-data" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(A, ANY, 0, ADDRESS), "update-any-data").await
    }

    /// A deletion of a record with a TTL is malformed.
    Must "dns/2136/3.4.1.3/none-ttl" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(A, NONE, 300, ADDRESS), "update-none-ttl").await
    }

    /// A deletion of a record of the type ANY is malformed.
    Must "dns/2136/3.4.1.3/none-type" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(ANY, NONE, 0, &[]), "update-none-type").await
    }

    /// A record of the type ANY is malformed.
    Must "dns/2136/3.4.1.3/add-any" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(ANY, IN, 300, &[]), "update-add-any").await
    }

    /// A record of the type AXFR, which is a question, is malformed.
    Must "dns/2136/3.4.1.3/add-axfr" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(AXFR, IN, 300, &[]), "update-add-axfr").await
    }

    /// A deletion of the type AXFR is malformed.
    Must "dns/2136/3.4.1.3/delete-axfr" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(AXFR, ANY, 0, &[]), "update-delete-axfr").await
    }

    /// An address of five octets is malformed.
    Robust "dns/2136/3.4.1.3/address" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(A, IN, 300, &[1, 2, 3, 4, 5]), "update-address").await
    }

    /// A record that is added without data, of a type that has some, is malformed.
    Robust "dns/2136/3.4.1.3/add-nothing" [Fixture, Account, Update] = async |peer| {
        is_malformed(peer, false, record(A, IN, 300, &[]), "update-add-nothing").await
    }

    /// A zone that changes gets a later serial.
    Must "dns/2136/3.6/serial" [Fixture, Account, Update] = async |peer| {
        let before = serial(peer, origin()).await?;
        does(peer, &["-serial", "+serial 300 A 192.0.2.1"]).await?;
        does(peer, &["+serial 300 A 192.0.2.2"]).await?;
        let after = serial(peer, origin()).await?;
        check(is_after(after, before), format!("a serial after {before}"), after)
    }

    /// A SOA record with a later serial replaces the zone's; one with an earlier serial is passed over.
    Must "dns/2136/3.4.2.2/soa" [Fixture, Account, Update] = async |peer| {
        let before = serial(peer, origin()).await?;
        let later = before.wrapping_add(1000);
        does(peer, &[&format!("+@ 3600 SOA ns1 hostmaster {later} 7200 900 1209600 300")]).await?;
        let after = serial(peer, origin()).await?;
        check(after == later || is_after(after, later), format!("the serial {later}"), after)?;
        let earlier = after.wrapping_sub(500);
        does(peer, &[&format!("+@ 3600 SOA ns1 hostmaster {earlier} 7200 900 1209600 300")]).await?;
        let last = serial(peer, origin()).await?;
        check(last == after || is_after(last, after), format!("no serial before {after}"), last)
    }

    /// The SOA record is not deleted.
    Must "dns/2136/3.4.2.3/soa" [Fixture, Account, Update] = async |peer| {
        does(peer, &["-@ SOA"]).await?;
        serial(peer, origin()).await.map(|_| Outcome::Pass)
    }

    /// All of the apex is deleted but for SOA and NS; the NS records are not deleted together, and the last one not at all.
    Must "dns/2136/3.4.2.4/last-ns" [Fixture, Account, Update] = async |peer| {
        does(peer, &["+@ 3600 NS ns1", "+@ 3600 NS ns2", "+@ 300 TXT text"]).await?;
        does(peer, &["-@"]).await?;
        let both = [child("ns1"), child("ns2")];
        let left = servers(peer).await?;
        check(left == both, format!("{both:?} after all of the apex was deleted"), format!("{left:?}"))?;
        let text = look(peer, origin(), rdata::TXT).await?;
        check(text.answer.is_empty(), "no TXT record after all of the apex was deleted", &text)?;
        does(peer, &["-@ NS"]).await?;
        let left = servers(peer).await?;
        check(left == both, format!("{both:?} after NS was deleted"), format!("{left:?}"))?;
        does(peer, &["-@ NS ns1"]).await?;
        let left = servers(peer).await?;
        check(left == both.get(1..).unwrap_or_default(), "ns2 after ns1 was deleted", format!("{left:?}"))?;
        does(peer, &["-@ NS ns2"]).await?;
        let left = servers(peer).await?;
        check(left == both.get(1..).unwrap_or_default(), "ns2 still", format!("{left:?}"))?;
        does(peer, &["+@ 3600 NS ns1"]).await
    }

    /// An update that nobody has signed is refused where only the key may update.
    Must "dns/2136/3.3/unsigned" [Fixture, Account, Update] = async |peer| {
        forbidden(peer, "unsigned", None).await
    }

    /// An update that another key has signed is refused.
    Must "dns/2136/3.3/other-key" [Fixture, Account, Update, Other] = async |peer| {
        let key = Key::other(peer)?;
        forbidden(peer, "other-key", Some(key)).await
    }

    /// An update that is signed by another secret is refused.
    Must "dns/2136/3.3/other-secret" [Fixture, Account, Update, Other] = async |peer| {
        let key = Key { name: Key::main(peer)?.name, ..Key::other(peer)? };
        forbidden(peer, "other-secret", Some(key)).await
    }

    /// An update of a zone that the key may not update is refused.
    Must "dns/2136/3.3/other-zone" [Fixture, Account, Update] = async |peer| {
        let mut message = of_zone(crate::dns::name("@")?);
        operate(&mut message, "+added 300 A 192.0.2.1", &crate::dns::name("@")?)?;
        let answer = send(peer, &message).await?;
        check(matches!(answer.rcode(), 5 | 9), "REFUSED", &answer)?;
        let found = look(peer, crate::dns::name("added")?, A).await?;
        check(found.rcode() == 3, "nothing done", &found)
    }

    /// An update goes by UDP as by TCP.
    Must "dns/2136/6.2/udp" [Fixture, Account, Update] = async |peer| {
        let key = Key::main(peer)?;
        for operation in ["-by-udp", "+by-udp 300 A 192.0.2.1"] {
            let mut message = update();
            operate(&mut message, operation, &origin())?;
            let answer = ask_signed(peer, Over::Udp, &message, &key).await?;
            check(answer.rcode() == 0, "NOERROR", &answer)?;
        }
        let found = look(peer, child("by-udp"), A).await?;
        check(found.answer.len() == 1, "the record", &found)
    }

    /// An update that is cut off amid a record is malformed, and not done.
    Robust "dns/2136/3.4.1.3/cut" [Fixture, Account, Update] = async |peer| {
        let mut message = update();
        operate(&mut message, "+cut 300 A 192.0.2.1", &origin())?;
        let mut wire = message.to_wire();
        wire.truncate(wire.len() - 2);
        let answer = read(&message, &exchange(peer, Over::Tcp, &wire).await?)?;
        is_error(&answer, &[1, 5])
    }

    /// The answer to an update has its ID and its opcode, and no answer section of records that were made up.
    Must "dns/2136/3.8/answer" [Fixture, Account, Update] = async |peer| {
        let mut message = update();
        operate(&mut message, "-answered", &origin())?;
        let answer = send(peer, &message).await?;
        let well = answer.answer.is_empty() && answer.authority.iter().all(|record| message.authority.contains(record));
        check(well && text::rcode(answer.rcode()) == "NOERROR", "the sections of the update, or none", &answer)
    }
}
