//! RFC 8945: what a server makes of signatures.

use super::client::{BOTH, Over, exchange, is_error, read};
use super::query;
use super::tsig::{BADKEY, BADSIG, BADTIME, BADTRUNC, Key, Signature, ask_signed, now};
use super::wire::{Edns, Message, Name, Record, TC};
use crate::case::{Verdict, cases, check};
use crate::{Broken, Case, Outcome, Peer};

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    right::CASES.iter().chain(wrong::CASES).chain(malformed::CASES)
}

fn soa() -> Result<Message, Broken> {
    query("@ SOA")
}

/// Sends a query that is signed with the changes of `before`, and formed with those of `after`; gives the answer, its octets
/// and the MAC of the query.
async fn formed(
    peer: &mut Peer,
    before: impl FnOnce(&mut Signature),
    after: impl FnOnce(&mut Signature),
) -> Result<(Message, Vec<u8>, Vec<u8>), Broken> {
    let key = Key::main(peer)?;
    let asked = soa()?;
    let mut signature = key.signature(&asked);
    before(&mut signature);
    let (wire, mac) = key.sign(&asked, signature, after);
    let came = exchange(peer, Over::Udp, &wire).await?;
    Ok((read(&asked, &came)?, came, mac))
}

/// NOTAUTH with this error in its TSIG; gives that.
fn refused(answer: &Message, error: u16) -> Result<Signature, Broken> {
    let expected = format!("NOTAUTH with a TSIG of the error {error}");
    is_error(answer, &[9])?;
    let record = answer.tsig().ok_or_else(|| Broken::new(&*expected, answer.to_string()))?;
    let signature = Signature::read(record).map_err(|why| Broken::new(&*expected, why))?;
    check(signature.error == error, expected, format!("the error {}", signature.error))?;
    Ok(signature)
}

/// RFC 8945 §5.3.2: such an error is not signed.
fn unsigned(signature: &Signature) -> Verdict {
    check(signature.mac.is_empty(), "an empty MAC", format!("{} octets", signature.mac.len()))
}

/// A signed query with these records behind it is malformed.
async fn is_malformed(peer: &mut Peer, form: impl FnOnce(&mut Message, Record)) -> Verdict {
    let key = Key::main(peer)?;
    let asked = soa()?;
    let (wire, _) = key.sign(&asked, key.signature(&asked), |_| {});
    let mut signed = Message::read(&wire).map_err(|why| Broken::new("a message of our own", why))?;
    let record = signed.additional.pop().ok_or_else(|| Broken::new("a record of our own", "none"))?;
    form(&mut signed, record);
    let came = exchange(peer, Over::Udp, &signed.to_wire()).await?;
    is_error(&read(&asked, &came)?, &[1])
}

mod right {
    use super::*;

    cases! {
        /// A signed query is answered by a signed answer. By UDP.
        Must "dns/8945/5.3/signed-udp" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            let answer = ask_signed(peer, Over::Udp, &soa()?, &key).await?;
            check(answer.rcode() == 0 && answer.answer.len() == 1, "the SOA record", &answer)
        }

        /// A signed query is answered by a signed answer. By TCP.
        Must "dns/8945/5.3/signed-tcp" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            let answer = ask_signed(peer, Over::Tcp, &soa()?, &key).await?;
            check(answer.rcode() == 0 && answer.answer.len() == 1, "the SOA record", &answer)
        }

        /// Each key signs the answers to its own queries.
        Must "dns/8945/5.3/other-key" [Fixture, Account, Other] = async |peer| {
            let key = Key::other(peer)?;
            let answer = ask_signed(peer, Over::Udp, &soa()?, &key).await?;
            check(answer.rcode() == 0, "the SOA record", &answer)
        }

        /// An unsigned query is answered without TSIG.
        Must "dns/8945/5.3/unsigned" [Fixture, Account] = async |peer| {
            let asked = soa()?;
            for over in BOTH {
                let answer = read(&asked, &exchange(peer, over, &asked.to_wire()).await?)?;
                check(answer.tsig().is_none(), "no TSIG", &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// The name of a key is the same in any case of its letters.
        Must "dns/8945/4.3.3/case" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            let upper = Key { name: Name(key.name.0.iter().map(|label| label.to_ascii_uppercase()).collect()), ..key };
            let answer = ask_signed(peer, Over::Udp, &soa()?, &upper).await?;
            check(answer.rcode() == 0, "NOERROR", &answer)
        }

        /// A query that was given another ID on its way is verified with the one it was signed with.
        Must "dns/8945/5.5/original-id" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |signature| signature.original_id ^= 0x5a5a, |_| {}).await?;
            check(answer.rcode() == 0 && answer.answer.len() == 1, "the SOA record", &answer)
        }

        /// EDNS and TSIG go together.
        Must "dns/8945/5.1/edns" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            let answer = ask_signed(peer, Over::Udp, &soa()?.edns(&Edns::of(1232)), &key).await?;
            check(answer.rcode() == 0 && answer.opt().is_some(), "OPT and TSIG", &answer)
        }

        /// An answer NXDOMAIN is signed too.
        Must "dns/8945/5.3/no-name" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            let answer = ask_signed(peer, Over::Udp, &query("nothing A")?, &key).await?;
            check(answer.rcode() == 3, "NXDOMAIN", &answer)
        }

        /// A refusal that has nothing to do with TSIG is signed.
        Must "dns/8945/5.3.2/other-error" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            let answer = ask_signed(peer, Over::Udp, &query("www.elsewhere.example. A")?, &key).await?;
            check(answer.rcode() == 5, "REFUSED", &answer)
        }

        /// A truncated answer is signed.
        Must "dns/8945/5.3/truncated" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            let answer = ask_signed(peer, Over::Udp, &query("large TXT")?, &key).await?;
            check(answer.has(TC), "tc", &answer)
        }

        /// An answer and its TSIG together are not larger than the client said.
        Must "dns/8945/5.3/size" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            let asked = query("medium TXT")?.edns(&Edns::of(700));
            let (wire, _) = key.sign(&asked, key.signature(&asked), |_| {});
            let came = exchange(peer, Over::Udp, &wire).await?;
            check(came.len() <= 700, "at most 700 octets", came.len())
        }

        /// A time that is off by less than the fudge of the query is accepted.
        Must "dns/8945/5.2.3/within-fudge" [Fixture, Account] = async |peer| {
            for off in [-200_i64, 200] {
                let (answer, ..) = formed(peer, |it| it.time = it.time.saturating_add_signed(off), |_| {}).await?;
                check(answer.rcode() == 0, format!("NOERROR to a time that is off by {off} s"), &answer)?;
            }
            Ok(Outcome::Pass)
        }

        /// Several signed queries on one connection are each answered and signed.
        Must "dns/8945/5.3/several" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            peer.reconnect();
            for _ in 0..3 {
                let asked = soa()?;
                let (wire, mac) = key.sign(&asked, key.signature(&asked), |_| {});
                peer.send(super::super::client::framed(&wire)).await?;
                let came = super::super::client::frame(peer).await?.unwrap_or_default();
                key.verify(&came, &mac, &[], false)?;
            }
            Ok(Outcome::Pass)
        }

        /// The answer has the algorithm, the ID and no error in its TSIG.
        Must "dns/8945/5.3/fields" [Fixture, Account] = async |peer| {
            let (answer, came, mac) = formed(peer, |_| {}, |_| {}).await?;
            let signature = Key::main(peer)?.verify(&came, &mac, &[], false)?;
            let well = signature.error == 0 && signature.original_id == answer.id && signature.other.is_empty();
            check(well && signature.algorithm == Name(vec![b"hmac-sha256".to_vec()]), "hmac-sha256, the ID and no error", format!("{signature:?}"))
        }

        /// A MAC that was cut to half is accepted, or answered BADTRUNC.
        May "dns/8945/5.2.4/half" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |_| {}, |it| it.mac.truncate(16)).await?;
            if answer.rcode() == 0 {
                return Ok(Outcome::Choice("accepted"));
            }
            refused(&answer, BADTRUNC)?;
            Ok(Outcome::Choice("BADTRUNC"))
        }
    }
}

mod wrong {
    use super::*;

    cases! {
        /// A key that the server does not know is answered BADKEY.
        Must "dns/8945/5.2.1/unknown-key" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |it| it.key = Name(vec![b"no-such-key".to_vec()]), |_| {}).await?;
            unsigned(&refused(&answer, BADKEY)?)
        }

        /// An algorithm that the server does not know is answered BADKEY.
        Must "dns/8945/5.2.1/unknown-algorithm" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |it| it.algorithm = Name(vec![b"hmac-rope".to_vec()]), |_| {}).await?;
            unsigned(&refused(&answer, BADKEY)?)
        }

        /// Another algorithm than the key's is answered BADKEY.
        Must "dns/8945/5.2.1/other-algorithm" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |it| it.algorithm = Name(vec![b"hmac-sha512".to_vec()]), |_| {}).await?;
            unsigned(&refused(&answer, BADKEY)?)
        }

        /// A MAC that is wrong is answered BADSIG, unsigned.
        Must "dns/8945/5.2.2/mac" [Fixture, Account] = async |peer| {
            let flip = |it: &mut Signature| it.mac.iter_mut().for_each(|octet| *octet ^= 1);
            let (answer, ..) = formed(peer, |_| {}, flip).await?;
            unsigned(&refused(&answer, BADSIG)?)
        }

        /// An error tells of the key that the query was signed with, and no other.
        Robust "dns/8945/5.3.2/same-key" [Fixture, Account] = async |peer| {
            let flip = |it: &mut Signature| it.mac.iter_mut().for_each(|octet| *octet ^= 1);
            let (answer, ..) = formed(peer, |_| {}, flip).await?;
            let (named, own) = (refused(&answer, BADSIG)?.key, Key::main(peer)?.name);
            check(named.lower() == own.lower(), own.to_string(), named)
        }

        /// One octet of the MAC that is wrong is enough, be it the last.
        Must "dns/8945/5.2.2/last-octet" [Fixture, Account] = async |peer| {
            let flip = |it: &mut Signature| it.mac.last_mut().into_iter().for_each(|octet| *octet ^= 1);
            let (answer, ..) = formed(peer, |_| {}, flip).await?;
            unsigned(&refused(&answer, BADSIG)?)
        }

        /// A query that was changed after it was signed is answered BADSIG.
        Must "dns/8945/5.2.2/changed" [Fixture, Account] = async |peer| {
            let key = Key::main(peer)?;
            let asked = soa()?;
            let (wire, _) = key.sign(&asked, key.signature(&asked), |_| {});
            let mut signed = Message::read(&wire).map_err(|why| Broken::new("a message of our own", why))?;
            signed.question = query("@ NS")?.question;
            let answer = read(&signed, &exchange(peer, Over::Udp, &signed.to_wire()).await?)?;
            unsigned(&refused(&answer, BADSIG)?)
        }

        /// The secret of another key is answered BADSIG.
        Must "dns/8945/5.2.2/other-secret" [Fixture, Account, Other] = async |peer| {
            let key = Key { name: Key::main(peer)?.name, ..Key::other(peer)? };
            let asked = soa()?;
            let (wire, _) = key.sign(&asked, key.signature(&asked), |_| {});
            let answer = read(&asked, &exchange(peer, Over::Udp, &wire).await?)?;
            unsigned(&refused(&answer, BADSIG)?)
        }

        /// A time that was changed after the query was signed is answered BADSIG.
        Must "dns/8945/5.2.2/changed-time" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |_| {}, |it| it.time += 1).await?;
            unsigned(&refused(&answer, BADSIG)?)
        }

        /// A fudge that was changed after the query was signed is answered BADSIG.
        Must "dns/8945/5.2.2/changed-fudge" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |_| {}, |it| it.fudge += 1).await?;
            unsigned(&refused(&answer, BADSIG)?)
        }

        /// A time that is long ago is answered BADTIME.
        Must "dns/8945/5.2.3/past" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |it| it.time -= 3600, |_| {}).await?;
            refused(&answer, BADTIME).map(|_| Outcome::Pass)
        }

        /// A time that is far ahead is answered BADTIME.
        Must "dns/8945/5.2.3/future" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |it| it.time += 3600, |_| {}).await?;
            refused(&answer, BADTIME).map(|_| Outcome::Pass)
        }

        /// The fudge of the query says how far off its time may be.
        Must "dns/8945/5.2.3/small-fudge" [Fixture, Account] = async |peer| {
            let late = |it: &mut Signature| (it.fudge, it.time) = (10, it.time - 60);
            let (answer, ..) = formed(peer, late, |_| {}).await?;
            refused(&answer, BADTIME).map(|_| Outcome::Pass)
        }

        /// BADTIME is signed, over the MAC of the query.
        Should "dns/8945/5.3.2/time-signed" [Fixture, Account] = async |peer| {
            let (answer, came, mac) = formed(peer, |it| it.time -= 3600, |_| {}).await?;
            refused(&answer, BADTIME)?;
            Key::main(peer)?.verify(&came, &mac, &[], false).map(|_| Outcome::Pass)
        }

        /// BADTIME says the server's time in six octets, and repeats the client's.
        Must "dns/8945/5.2.3/times" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |it| it.time -= 3600, |_| {}).await?;
            let signature = refused(&answer, BADTIME)?;
            let theirs = signature.other.iter().fold(0_u64, |time, octet| time << 8 | u64::from(*octet));
            let well = signature.other.len() == 6 && theirs.abs_diff(now()) < 300;
            check(well, "a time of six octets near now", format!("{signature:?}"))?;
            check(signature.time.abs_diff(now() - 3600) < 60, "the time of the query", format!("{signature:?}"))
        }

        /// The MAC is looked at before the time.
        Must "dns/8945/5.2/mac-before-time" [Fixture, Account] = async |peer| {
            let flip = |it: &mut Signature| it.mac.iter_mut().for_each(|octet| *octet ^= 1);
            let (answer, ..) = formed(peer, |it| it.time -= 3600, flip).await?;
            unsigned(&refused(&answer, BADSIG)?)
        }

        /// The key is looked at before the time.
        Must "dns/8945/5.2/key-before-time" [Fixture, Account] = async |peer| {
            let form = |it: &mut Signature| (it.key, it.time) = (Name(vec![b"no-such-key".to_vec()]), it.time - 3600);
            let (answer, ..) = formed(peer, form, |_| {}).await?;
            unsigned(&refused(&answer, BADKEY)?)
        }
    }
}

mod malformed {
    use super::*;

    cases! {
        /// A MAC of less than half of what the algorithm gives is malformed.
        Must "dns/8945/5.2.2.1/short" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |_| {}, |it| it.mac.truncate(15)).await?;
            is_error(&answer, &[1])
        }

        /// A MAC of less than ten octets is malformed.
        Must "dns/8945/5.2.2.1/nine" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |_| {}, |it| it.mac.truncate(9)).await?;
            is_error(&answer, &[1])
        }

        /// A MAC that is longer than the algorithm gives is malformed.
        Must "dns/8945/5.2.2.1/long" [Fixture, Account] = async |peer| {
            let (answer, ..) = formed(peer, |_| {}, |it| it.mac.extend([0; 8])).await?;
            is_error(&answer, &[1])
        }

        /// Two TSIG records are malformed.
        Must "dns/8945/5.2/two" [Fixture, Account] = async |peer| {
            is_malformed(peer, |message, record| message.additional.extend([record.clone(), record])).await
        }

        /// TSIG that is not the last record is malformed.
        Must "dns/8945/5.1/not-last" [Fixture, Account] = async |peer| {
            is_malformed(peer, |message, record| message.additional.extend([record, Edns::of(1232).record()])).await
        }

        /// TSIG in another section is malformed.
        Must "dns/8945/5.1/other-section" [Fixture, Account] = async |peer| {
            is_malformed(peer, |message, record| message.authority.push(record)).await
        }

        /// TSIG that is cut off is malformed.
        Must "dns/8945/4.2/cut" [Fixture, Account] = async |peer| {
            is_malformed(peer, |message, mut record| {
                record.data.truncate(20);
                message.additional.push(record);
            }).await
        }

        /// TSIG without data is malformed.
        Robust "dns/8945/4.2/no-data" [Fixture, Account] = async |peer| {
            is_malformed(peer, |message, mut record| {
                record.data.clear();
                message.additional.push(record);
            }).await
        }

        /// TSIG whose MAC is longer than the record is malformed.
        Robust "dns/8945/4.2/mac-beyond" [Fixture, Account] = async |peer| {
            is_malformed(peer, |message, mut record| {
                // The size of the MAC, behind the algorithm, the time and the fudge.
                if let Some(size) = record.data.get_mut(21..23) {
                    size.fill(0xff);
                }
                message.additional.push(record);
            }).await
        }
    }
}
