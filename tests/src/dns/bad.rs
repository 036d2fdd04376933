//! Messages that are none, and what a server that lasts makes of them.

use super::client::{BOTH, Over, ask, exchange, id, is_alive, open, receive, send, silence};
use super::rdata::{A, SOA};
use super::text;
use super::wire::{AA, Edns, Message, QR, RA, Record, TC};
use super::{name, query};
use crate::case::{Verdict, cases, check};
use crate::{Broken, Outcome, Peer};
use std::time::Duration;

/// A header with these flags and counts, and octets behind it.
fn raw(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
    let words = [id(), flags].into_iter().chain(counts);
    words.flat_map(u16::to_be_bytes).chain(rest.iter().copied()).collect()
}

/// A query whose name is these octets.
fn named(octets: &[u8]) -> Vec<u8> {
    raw(0, [1, 0, 0, 0], &[octets, &[0, 1, 0, 1]].concat())
}

/// The octets get this code, and nothing else, by each transport.
async fn gets(peer: &mut Peer, wire: &[u8], codes: &[u16]) -> Verdict {
    for over in BOTH {
        let came = exchange(peer, over, wire).await?;
        let answer = Message::read(&came).map_err(|why| Broken::new("a message that can be read", why))?;
        let names: Vec<_> = codes.iter().map(|code| text::rcode(*code)).collect();
        let code = codes.contains(&answer.rcode());
        check(code && answer.has(QR), format!("{} by {over:?}", names.join(" or ")), &answer)?;
        check(came.get(..2) == wire.get(..2), "the ID of the query", &answer)?;
        check(answer.answer.is_empty(), "no records in the answer", &answer)?;
    }
    Ok(Outcome::Pass)
}

async fn is_malformed(peer: &mut Peer, wire: &[u8]) -> Verdict {
    gets(peer, wire, &[1]).await
}

cases! {
    /// A message that is an answer is never answered.
    Must "dns/1035/7.3/answer" [Fixture] = async |peer| {
        for over in BOTH {
            silence(peer, over, &query("www A")?.with(QR).to_wire()).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A malformed message that is an answer is never answered.
    Robust "dns/robust/header/malformed-answer" [Fixture] = async |peer| {
        for over in BOTH {
            silence(peer, over, &raw(QR, [1, 0, 0, 0], &[0x40])).await?;
        }
        Ok(Outcome::Pass)
    }

    /// An answer of an unknown opcode is never answered.
    Robust "dns/robust/header/answer-of-unknown-opcode" [Fixture] = async |peer| {
        silence(peer, Over::Udp, &raw(QR | 15 << 11, [0; 4], &[])).await
    }

    /// What is shorter than a header is not answered.
    Robust "dns/robust/header/short" [Fixture] = async |peer| {
        let wire = query("www A")?.to_wire();
        for length in [0, 1, 2, 3, 11] {
            silence(peer, Over::Udp, wire.get(..length).unwrap_or_default()).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A query without a question is malformed.
    Robust "dns/robust/question/none" [Fixture] = async |peer| {
        is_malformed(peer, &raw(0, [0; 4], &[])).await
    }

    /// A query with two questions is malformed.
    Must "dns/9619/4/two" [Fixture] = async |peer| {
        let mut two = query("www A")?;
        two.question.extend(query("mail A")?.question);
        is_malformed(peer, &two.to_wire()).await
    }

    /// A question that is promised and does not come is malformed.
    Robust "dns/robust/question/missing" [Fixture] = async |peer| {
        is_malformed(peer, &raw(0, [1, 0, 0, 0], &[])).await
    }

    /// A name that is cut off is malformed.
    Robust "dns/robust/name/cut" [Fixture] = async |peer| {
        is_malformed(peer, &raw(0, [1, 0, 0, 0], b"\x03www\x04ro")).await
    }

    /// A question without its class is malformed.
    Robust "dns/robust/question/cut" [Fixture] = async |peer| {
        is_malformed(peer, &raw(0, [1, 0, 0, 0], b"\x03www\x04rope\x04test\0\0\x01")).await
    }

    /// A label of the type 01 is malformed.
    Robust "dns/robust/name/label-type-01" [Fixture] = async |peer| {
        is_malformed(peer, &named(b"\x43www\x04rope\x04test\0")).await
    }

    /// A label of the type 10 is malformed.
    Robust "dns/robust/name/label-type-10" [Fixture] = async |peer| {
        is_malformed(peer, &named(b"\x83www\x04rope\x04test\0")).await
    }

    /// A pointer to itself is malformed.
    Robust "dns/robust/name/pointer-to-itself" [Fixture] = async |peer| {
        is_malformed(peer, &named(b"\xc0\x0c")).await
    }

    /// Two pointers to each other are malformed.
    Robust "dns/robust/name/pointers-to-each-other" [Fixture] = async |peer| {
        is_malformed(peer, &named(b"\xc0\x0e\xc0\x0c")).await
    }

    /// A pointer to the label before it, which leads to the pointer again, is malformed.
    Robust "dns/robust/name/pointer-to-own-label" [Fixture] = async |peer| {
        is_malformed(peer, &named(b"\x03www\xc0\x0c")).await
    }

    /// A pointer behind the end of the message is malformed.
    Robust "dns/robust/name/pointer-beyond" [Fixture] = async |peer| {
        is_malformed(peer, &named(b"\xff\xff")).await
    }

    /// A pointer without its second octet is malformed.
    Robust "dns/robust/name/pointer-cut" [Fixture] = async |peer| {
        is_malformed(peer, &raw(0, [1, 0, 0, 0], &[0xc0])).await
    }

    /// A name of more than 255 octets is malformed.
    Must "dns/1035/2.3.4/name" [Fixture] = async |peer| {
        let labels: Vec<u8> = b"\x3f".iter().chain(&[b'a'; 63]).copied().collect();
        is_malformed(peer, &named(&[labels.repeat(4).as_slice(), &[0]].concat())).await
    }

    /// A name of 255 octets is a name.
    Must "dns/1035/2.3.4/longest-name" [Fixture] = async |peer| {
        let asked = format!("{0}.{0}.{0}.{1} A", "a".repeat(63), "b".repeat(51));
        let answer = ask(peer, Over::Udp, &query(&asked)?).await?;
        let length = name(asked.trim_end_matches(" A"))?.len();
        check(answer.rcode() == 3 && length == 255, "NXDOMAIN to a name of 255 octets", format!("{answer} to {length}"))
    }

    /// Octets behind the message are malformed.
    Robust "dns/robust/message/trailing" [Fixture] = async |peer| {
        let wire = [query("www A")?.to_wire().as_slice(), b"more"].concat();
        is_malformed(peer, &wire).await
    }

    /// Records that are promised and do not come are malformed.
    Robust "dns/robust/message/counts" [Fixture] = async |peer| {
        let question = query("www A")?.to_wire().split_off(12);
        is_malformed(peer, &raw(0, [1, 0, 0, 0xffff], &question)).await?;
        is_malformed(peer, &raw(0, [1, 0xffff, 0xffff, 0xffff], &question)).await
    }

    /// Data that are longer than the message are malformed.
    Robust "dns/robust/message/data-beyond" [Fixture] = async |peer| {
        let mut wire = query("www A")?.edns(&Edns::of(1232)).to_wire();
        let end = wire.len();
        wire.splice(end - 2.., [0xff, 0xff]);
        is_malformed(peer, &wire).await
    }

    /// A query that is cut off anywhere is not answered as if it were whole.
    Robust "dns/robust/message/every-cut" [Fixture] = async |peer| {
        let wire = query("www A")?.edns(&Edns::of(1232)).to_wire();
        let mut socket = open(peer).await?;
        for length in 12..wire.len() {
            send(&mut socket, wire.get(..length).unwrap_or_default()).await?;
            if let Some(came) = receive(&mut socket, Duration::from_millis(50)).await? {
                let answer = Message::read(&came).map_err(|why| Broken::new("a message", why))?;
                check(answer.rcode() == 1, format!("FORMERR to {length} octets"), &answer)?;
            }
        }
        is_alive(peer, Over::Udp).await
    }

    /// Octets by chance do no harm.
    Robust "dns/robust/message/noise" [Fixture] = async |peer| {
        let mut socket = open(peer).await?;
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for round in 0..500_usize {
            let mut wire = query("www A")?.edns(&Edns::of(1232)).to_wire();
            for _ in 0..=round % 5 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = usize::try_from(state >> 33).unwrap_or_default() % wire.len();
                if let Some(octet) = wire.get_mut(at) {
                    *octet = state.to_be_bytes().first().copied().unwrap_or_default();
                }
            }
            send(&mut socket, &wire).await?;
            // What it is answered by does not matter, and it is taken off so that the socket does not fill.
            receive(&mut socket, Duration::from_millis(1)).await?;
        }
        is_alive(peer, Over::Udp).await?;
        is_alive(peer, Over::Tcp).await
    }

    /// Flags that only answers have change nothing in a query.
    Robust "dns/robust/header/flags-of-answers" [Fixture] = async |peer| {
        let answer = ask(peer, Over::Udp, &query("www A")?.with(AA | TC | RA)).await?;
        check(answer.rcode() == 0 && answer.answer.len() == 2 && !answer.has(TC), "the records, without tc", &answer)
    }

    /// IQUERY is obsolete, and answered NOTIMP.
    Should "dns/1035/6.4/iquery" [Fixture] = async |peer| {
        gets(peer, &query("www A")?.with(1 << 11).to_wire(), &[4]).await
    }

    /// STATUS and opcodes that nobody has defined are answered NOTIMP.
    Should "dns/1035/4.1.1/opcodes" [Fixture] = async |peer| {
        for opcode in [2_u16, 3, 7, 14] {
            gets(peer, &query("www A")?.with(opcode << 11).to_wire(), &[4]).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A record in the answer section of a query is no reason to serve it.
    Robust "dns/robust/message/record-in-query" [Fixture] = async |peer| {
        let mut asked = query("www A")?;
        asked.answer.push(Record { name: name("www")?, kind: A, class: 1, ttl: 1, data: vec![192, 0, 2, 99] });
        let answer = super::client::read(&asked, &exchange(peer, Over::Udp, &asked.to_wire()).await?)?;
        let served = answer.answer.iter().any(|record| record.ttl == 1);
        check(!served && matches!(answer.rcode(), 0 | 1), "the records of the zone, or FORMERR", &answer)
    }

    /// Queries for types that are no records' get no records, and an answer.
    Robust "dns/robust/question/meta-types" [Fixture] = async |peer| {
        for kind in [0_u16, 41, 249, 250, 253, 254] {
            let mut asked = query("www A")?;
            for question in &mut asked.question {
                question.kind = kind;
            }
            let answer = super::client::read(&asked, &exchange(peer, Over::Udp, &asked.to_wire()).await?)?;
            check(answer.answer.is_empty() && matches!(answer.rcode(), 0 | 1 | 4 | 5), format!("no records of TYPE{kind}"), &answer)?;
        }
        Ok(Outcome::Pass)
    }

    /// An answer in the wrong direction does not make the server talk to itself.
    Robust "dns/robust/header/refusal" [Fixture] = async |peer| {
        let refusal = Message { question: query("@ SOA")?.question, ..query("@ SOA")?.with(QR | 5) };
        check(refusal.question.iter().all(|question| question.kind == SOA), "a refusal", "another")?;
        silence(peer, Over::Udp, &refusal.to_wire()).await
    }
}
