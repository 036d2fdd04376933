//! RFC 1995, with the serials of RFC 1982: what has changed.

use super::{IXFR, Key, Over, SOA, asks, exchange, is_refused, read, since, transfer};
use crate::case::{Verdict, cases, check};
use crate::dns::client::is_same_set;
use crate::dns::rdata::{self, AXFR};
use crate::dns::tsig::ask_signed;
use crate::dns::update::{of_zone, operate, send, serial};
use crate::dns::wire::{Name, Record};
use crate::{Broken, Outcome, Peer};

const ZONE: &str = "ixfr.test.";

fn origin() -> Name {
    Name(vec![b"ixfr".to_vec(), b"test".to_vec()])
}

/// The serial in a SOA record.
fn number(record: &Record) -> Option<u32> {
    rdata::soa(&record.data).map(|[serial, ..]| serial).filter(|_| record.kind == SOA)
}

/// Changes the zone by these operations, below a name of the case's own.
async fn change(peer: &mut Peer, label: &str, operations: &[&str]) -> Verdict {
    let below = origin().child(label.as_bytes());
    let mut message = of_zone(origin());
    for operation in operations {
        operate(&mut message, operation, &below)?;
    }
    let answer = send(peer, &message).await?;
    check(answer.rcode() == 0, "NOERROR to the update", &answer)
}

/// The zone as a whole.
async fn whole(peer: &mut Peer) -> Result<Vec<Record>, Broken> {
    let mut records = transfer(peer, &asks(ZONE, AXFR)?).await?.records();
    records.pop();
    Ok(records)
}

/// A zone from what it was and what an incremental transfer says of it (RFC 1995 §4).
fn applied(mut zone: Vec<Record>, transfer: &[Record]) -> Result<Vec<Record>, Broken> {
    let wrong = |why: String| Broken::new("changes that can be made to the zone as it was", why);
    let changes = transfer.get(1..transfer.len().saturating_sub(1)).unwrap_or_default();
    let mut deleting = false;
    for record in changes {
        if record.kind == SOA {
            deleting = !deleting;
        }
        match zone.iter().position(|found| found == record) {
            Some(at) if deleting => drop(zone.swap_remove(at)),
            None if !deleting => zone.push(record.clone()),
            Some(_) => return Err(wrong(format!("{record} is added, and is there"))),
            None => return Err(wrong(format!("{record} is deleted, and is not there"))),
        }
    }
    check(!deleting, "as many additions as deletions", "a deletion at the end")?;
    Ok(zone)
}

/// Makes changes, and sees that the transfer since before them leads to the zone as it is after them. Others may change the
/// zone meanwhile, so it is looked at between two changes of none.
async fn leads_on(peer: &mut Peer, label: &str, changes: &[&[&str]]) -> Verdict {
    change(peer, label, &["-@", "-x", "-y"]).await?;
    change(peer, label, &["+@ 300 TXT text"]).await?;
    let before = whole(peer).await?;
    let from = before.iter().find_map(number).ok_or_else(|| Broken::new("a SOA record", "none"))?;
    for operations in changes {
        change(peer, label, operations).await?;
    }
    for _ in 0..10 {
        let came = transfer(peer, &since(ZONE, from)?).await?.records();
        let after = whole(peer).await?;
        if came.first() != after.iter().find(|record| record.kind == SOA) {
            continue;
        }
        let incremental = came.get(1).is_some_and(|second| second.kind == SOA);
        let made = if incremental {
            applied(before.clone(), &came)?
        } else {
            came.get(..came.len().saturating_sub(1)).unwrap_or_default().to_vec()
        };
        return check(
            is_same_set(&made, &after),
            format!("the zone as it is: {after:?}"),
            format!("{made:?}"),
        );
    }
    check(false, "a zone that is left alone for a moment", "changes")
}

cases! {
    /// Who has the zone as it is gets its SOA record alone.
    Must "dns/1995/2/current" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &since("rope.test.", 2_026_010_101)?).await?.records();
        check(came.len() == 1 && came.iter().all(|record| record.kind == SOA), "one SOA record", format!("{} records", came.len()))
    }

    /// Who has a later serial gets the SOA record alone.
    Must "dns/1995/2/later" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &since("rope.test.", 2_026_010_102)?).await?.records();
        check(came.len() == 1, "one SOA record", format!("{} records", came.len()))
    }

    /// A serial is later by RFC 1982 where the numbers have wrapped around.
    Must "dns/1982/3.2/wrapped" [Fixture, Account, Transfer] = async |peer| {
        let serial = 2_026_010_101_u32.wrapping_add((1 << 31) - 1);
        let came = transfer(peer, &since("rope.test.", serial)?).await?.records();
        check(came.len() == 1, "one SOA record", format!("{} records", came.len()))
    }

    /// A number that is greater is an earlier serial by RFC 1982 where it is more than half of them away.
    Must "dns/1982/3.2/earlier" [Fixture, Account, Transfer] = async |peer| {
        let serial = 2_026_010_101_u32.wrapping_add((1 << 31) + 5);
        let came = transfer(peer, &since("rope.test.", serial)?).await?.records();
        check(came.len() > 2, "the zone", format!("{} records", came.len()))
    }

    /// Who has a version that the server knows nothing of gets the whole zone.
    Must "dns/1995/4/whole" [Fixture, Account, Transfer] = async |peer| {
        let mut came = transfer(peer, &since("strand.test.", 4_294_967_000)?).await?.records();
        came.pop();
        let zone = transfer(peer, &asks("strand.test.", AXFR)?).await?.records();
        check(is_same_set(&came, zone.get(1..).unwrap_or_default()), "the zone", format!("{came:?}"))
    }

    /// A transfer of the whole zone for an incremental one is that of AXFR.
    Must "dns/1995/4/whole-soa" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &since("strand.test.", 4_294_967_000)?).await?.records();
        let second = came.get(1).is_some_and(|record| record.kind != SOA);
        check(second && came.first() == came.last(), "SOA at both ends, and no other", format!("{came:?}"))
    }

    /// A whole zone that is larger than a message goes in several.
    Must "dns/1995/4/several-messages" [Fixture, Account, Transfer] = async |peer| {
        let came = transfer(peer, &since("big.test.", 1)?).await?;
        check(came.messages.len() > 1, "several messages", came.messages.len())
    }

    /// A query for changes without the SOA record that the client has is malformed.
    Must "dns/1995/3/no-soa" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        is_refused(peer, &asks("rope.test.", IXFR)?, Some(&key), &[1]).await
    }

    /// By UDP, who has the zone as it is gets its SOA record alone.
    Must "dns/1995/2/udp-current" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        let answer = ask_signed(peer, Over::Udp, &since("rope.test.", 2_026_010_101)?, &key).await?;
        check(answer.answer.len() == 1 && answer.rcode() == 0, "one SOA record", &answer)
    }

    /// By UDP, what does not fit is answered by the SOA record as it is now, so that the client asks by TCP.
    Must "dns/1995/2/udp-too-large" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        let answer = ask_signed(peer, Over::Udp, &since("big.test.", 1)?, &key).await?;
        let soa = answer.answer.iter().filter_map(number).collect::<Vec<_>>();
        check(answer.answer.len() == 1 && soa == [5], "one SOA record of the serial 5", &answer)
    }

    /// An incremental transfer that nobody has signed is refused where only the key may transfer.
    Must "dns/1995/2/unsigned" [Fixture, Account, Transfer] = async |peer| {
        is_refused(peer, &since("rope.test.", 1)?, None, &[5, 9]).await
    }

    /// An incremental transfer that another key has signed is refused.
    Must "dns/1995/2/other-key" [Fixture, Account, Transfer, Other] = async |peer| {
        let key = Key::other(peer)?;
        is_refused(peer, &since("rope.test.", 1)?, Some(&key), &[5, 9]).await
    }

    /// By UDP as well, a transfer that nobody has signed is refused.
    Must "dns/1995/2/udp-unsigned" [Fixture, Account, Transfer] = async |peer| {
        let asked = since("rope.test.", 1)?;
        let answer = read(&asked, &exchange(peer, Over::Udp, &asked.to_wire()).await?)?;
        crate::dns::client::is_error(&answer, &[5, 9])
    }

    /// Changes of a zone that the server does not have are not transferred.
    Must "dns/1995/2/other-zone" [Fixture, Account, Transfer] = async |peer| {
        let key = Key::main(peer)?;
        is_refused(peer, &since("elsewhere.example.", 1)?, Some(&key), &[5, 9]).await
    }

    /// What was added leads from the zone as it was to the zone as it is.
    Must "dns/1995/4/added" [Fixture, Account, Transfer, Update] = async |peer| {
        leads_on(peer, "added", &[&["+x 300 A 192.0.2.1", "+y 300 TXT text"]]).await
    }

    /// What was deleted leads from the zone as it was to the zone as it is.
    Must "dns/1995/4/deleted" [Fixture, Account, Transfer, Update] = async |peer| {
        leads_on(peer, "deleted", &[&["-@ TXT", "+x 300 A 192.0.2.1"]]).await
    }

    /// Several changes lead from the zone as it was to the zone as it is.
    Must "dns/1995/4/several" [Fixture, Account, Transfer, Update] = async |peer| {
        let changes: [&[&str]; 4] = [&["+x 300 A 192.0.2.1"], &["+x 300 A 192.0.2.2"], &["-x A 192.0.2.1"], &["+y 300 A 192.0.2.3"]];
        leads_on(peer, "several", &changes).await
    }

    /// A change that was undone leads from the zone as it was to the zone as it is.
    Must "dns/1995/4/undone" [Fixture, Account, Transfer, Update] = async |peer| {
        leads_on(peer, "undone", &[&["+x 300 A 192.0.2.1"], &["-x A"], &["+x 300 A 192.0.2.1"], &["-x"]]).await
    }

    /// A TTL that was changed leads from the zone as it was to the zone as it is.
    Must "dns/1995/4/ttl" [Fixture, Account, Transfer, Update] = async |peer| {
        leads_on(peer, "ttl", &[&["+x 300 A 192.0.2.1"], &["-x A", "+x 900 A 192.0.2.1"]]).await
    }

    /// After a change, the transfer since before it is incremental, or of the whole zone.
    May "dns/1995/4/incremental" [Fixture, Account, Transfer, Update] = async |peer| {
        let before = serial(peer, origin()).await?;
        change(peer, "incremental", &["-@"]).await?;
        change(peer, "incremental", &["+@ 300 A 192.0.2.1"]).await?;
        let came = transfer(peer, &since(ZONE, before)?).await?.records();
        let incremental = came.get(1).is_some_and(|second| second.kind == SOA);
        Ok(Outcome::Choice(if incremental { "what has changed" } else { "the whole zone" }))
    }

    /// An incremental transfer names the old serial first, then the new one.
    Must "dns/1995/4/serials" [Fixture, Account, Transfer, Update] = async |peer| {
        change(peer, "serials", &["-@"]).await?;
        let before = serial(peer, origin()).await?;
        change(peer, "serials", &["+@ 300 A 192.0.2.1"]).await?;
        let came = transfer(peer, &since(ZONE, before)?).await?.records();
        if came.get(1).is_none_or(|second| second.kind != SOA) {
            return Ok(Outcome::Skip(crate::Reason::Unsupported("incremental transfers")));
        }
        let serials: Vec<_> = came.iter().filter_map(number).collect();
        let well = serials.get(1) == Some(&before) && serials.first() == serials.last() && serials.len() % 2 == 0;
        check(well, format!("the new serial, {before}, and the new one twice at the end"), format!("{serials:?}"))
    }
}
