//! RFC 1996: a server that is told of changes by somebody it has no reason to listen to.

use crate::case::{cases, check};
use crate::dns::client::{BOTH, Over, exchange, is_alive, read, silence};
use crate::dns::rdata::SOA;
use crate::dns::wire::{AA, Message, QR};
use crate::{Broken, Outcome};

/// The opcode NOTIFY in its place in the flags.
const NOTIFY: u16 = 4 << 11;

fn notify(zone: &str) -> Result<Message, Broken> {
    Ok(Message::query(crate::dns::name(zone)?, SOA).with(NOTIFY | AA))
}

cases! {
    /// NOTIFY is answered by NOTIFY, with the ID that it had.
    Must "dns/1996/3.12/answered" [Fixture] = async |peer| {
        for over in BOTH {
            let told = notify("rope.test.")?;
            let answer = read(&told, &exchange(peer, over, &told.to_wire()).await?)?;
            check(answer.opcode() == 4 && answer.answer.is_empty(), "an answer without records", &answer)?;
        }
        Ok(Outcome::Pass)
    }

    /// NOTIFY of a zone that the server does not have is not answered NOERROR.
    Robust "dns/1996/3.10/other-zone" [Fixture] = async |peer| {
        let told = notify("elsewhere.example.")?;
        let answer = read(&told, &exchange(peer, Over::Udp, &told.to_wire()).await?)?;
        check(matches!(answer.rcode(), 4 | 5 | 9), "NOTAUTH or REFUSED", &answer)
    }

    /// NOTIFY from somebody who is no primary of the zone is not answered NOERROR.
    Robust "dns/1996/3.10/stranger" [Fixture] = async |peer| {
        let told = notify("rope.test.")?;
        let answer = read(&told, &exchange(peer, Over::Udp, &told.to_wire()).await?)?;
        check(matches!(answer.rcode(), 4 | 5 | 9), "NOTAUTH or REFUSED", &answer)
    }

    /// NOTIFY without a zone is malformed.
    Robust "dns/1996/3.7/no-zone" [Fixture] = async |peer| {
        let told = Message { question: Vec::new(), ..notify("rope.test.")? };
        let answer = read(&told, &exchange(peer, Over::Udp, &told.to_wire()).await?)?;
        check(matches!(answer.rcode(), 1 | 4 | 5), "FORMERR", &answer)
    }

    /// An answer to NOTIFY is not answered.
    Must "dns/1996/4.7/answer" [Fixture] = async |peer| {
        silence(peer, Over::Udp, &notify("rope.test.")?.with(QR).to_wire()).await
    }

    /// A storm of NOTIFY does no harm.
    Robust "dns/1996/3.11/storm" [Fixture] = async |peer| {
        let mut socket = crate::dns::client::open(peer).await?;
        for _ in 0..200 {
            crate::dns::client::send(&mut socket, &notify("rope.test.")?.to_wire()).await?;
        }
        is_alive(peer, Over::Udp).await
    }
}
