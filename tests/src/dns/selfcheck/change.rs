//! What the faults change: queries on their way to the server, and answers on their way back.

use super::fault::Fault;
use super::signing;
use crate::dns::rdata::{A, AXFR, CNAME, DNAME, IXFR, NS, SOA};
use crate::dns::tsig::{BADKEY, BADSIG, BADTIME, Signature};
use crate::dns::wire::{AA, AD, ANY, Edns, IN, Message, NONE, Name, OPCODE, OPT, RD, Record, TC, TSIG, Z};

/// The code of the option that pads.
const PADDING: u16 = 12;

/// Faults about what is no query: the answers, where the fault has its own.
pub(super) fn unread(fault: Fault, query: Option<&Message>, wire: &[u8]) -> Option<Vec<Vec<u8>>> {
    let short = wire.len() < 12;
    let is_answer = wire.get(2).is_some_and(|octet| octet & 0x80 != 0);
    let malformed = query.is_none() && !short && !is_answer;
    let header = |code: u8| {
        let mut made = wire.get(..12).map_or_else(|| vec![0; 12], <[u8]>::to_vec);
        made.splice(2..4, [made.get(2).copied().unwrap_or_default() | 0x80, code]);
        made.splice(4.., [0; 8]);
        Some(vec![made])
    };
    match fault {
        Fault::AnswersAnswers if is_answer && !short => header(1),
        Fault::AnswersShort if short => header(1),
        Fault::AnswersMalformed if malformed => header(0),
        Fault::SilentMalformed if malformed || query.is_some_and(|query| query.question.is_empty()) => {
            Some(Vec::new())
        }
        Fault::TakesFirst if malformed => header(0),
        _ => None,
    }
}

/// The query with the fault in it, where it has one.
pub(super) fn query(fault: Fault, query: &Message) -> Option<Message> {
    let mut made = query.clone();
    let update = query.opcode() == 5;
    let first = |question: &mut Vec<_>| question.truncate(1);
    match fault {
        Fault::IgnoresOpt => made.additional.retain(|record| record.kind != OPT),
        Fault::TakesFirst => first(&mut made.question),
        Fault::AnyOpcode if !matches!(query.opcode(), 0 | 4 | 5) => made.flags &= !OPCODE,
        Fault::AnyClass => made.question.iter_mut().for_each(|question| question.class = IN),
        Fault::AlwaysWhole => made.question.iter_mut().filter(|it| it.kind == IXFR).for_each(|it| {
            it.kind = AXFR;
            made.authority.clear();
        }),
        Fault::NoPrerequisites if update => made.answer.clear(),
        Fault::UpdatesNothing if update => made.authority.clear(),
        Fault::LastOperationMissing if update => drop(made.authority.pop()),
        Fault::OtherOrder if update => made.authority.reverse(),
        Fault::DeletesNothing if update => made.authority.retain(|record| record.class == IN),
        Fault::AddsOtherTtl if update => {
            made.authority.iter_mut().filter(|record| record.class == IN).for_each(|record| record.ttl += 1);
        }
        Fault::SkipsWrong if update => skip_wrong(&mut made),
        _ => return signing::query(fault, query),
    }
    Some(made).filter(|made| made.to_wire() != query.to_wire())
}

fn skip_wrong(update: &mut Message) {
    let Some(zone) = update.question.first().map(|question| question.name.clone()) else { return };
    let right = |record: &Record| match record.class {
        ANY => record.ttl == 0 && record.data.is_empty() && !matches!(record.kind, AXFR),
        NONE => record.ttl == 0 && record.kind != ANY,
        IN => !matches!(record.kind, ANY | AXFR) && (record.kind != A || record.data.len() == 4),
        _ => false,
    };
    update.answer.retain(|record| {
        record.name.is_under(&zone)
            && record.class != 3
            && record.ttl == 0
            && (record.class == IN || record.data.is_empty())
    });
    update.authority.retain(|record| record.name.is_under(&zone) && right(record));
}

/// The answers with the fault in them, where it changes any.
pub(super) fn answers(fault: Fault, query: &Message, came: &[Message]) -> Option<Vec<Message>> {
    let transfers = query.question.first().is_some_and(|it| matches!(it.kind, AXFR | IXFR));
    let mut made = came.to_vec();
    if transfers {
        transfer(fault, &mut made);
    }
    made.iter_mut().for_each(|message| one(fault, query, message));
    let same = |(one, other): (&Message, &Message)| one.to_wire() == other.to_wire();
    let signs = matches!(fault, Fault::NoSignature | Fault::SignsAlone | Fault::FewSignatures);
    let changed = made.len() != came.len()
        || !made.iter().zip(came).all(same)
        || signs && came.iter().any(|it| it.tsig().is_some());
    changed.then_some(made)
}

fn foreign() -> Record {
    Record { name: Name(vec![b"foreign".to_vec()]), kind: A, class: IN, ttl: 1, data: vec![127, 0, 0, 9] }
}

fn one(fault: Fault, query: &Message, message: &mut Message) {
    header(fault, query, message);
    code(fault, query, message);
    sections(fault, query, message);
    edns(fault, query, message);
    signature(fault, message);
    signing::answer(fault, query, message);
}

fn header(fault: Fault, query: &Message, message: &mut Message) {
    match fault {
        Fault::NoAa => message.flags &= !AA,
        Fault::AlwaysAa => message.flags |= AA,
        Fault::AlwaysTc => message.flags |= TC,
        Fault::NoTc => message.flags &= !TC,
        Fault::EchoesZ => message.flags |= query.flags & Z,
        Fault::NoRd => message.flags &= !RD,
        Fault::AlwaysAd => message.flags |= AD,
        Fault::OtherId => message.id ^= 0x0101,
        Fault::OpcodeQuery => message.flags &= !OPCODE,
        Fault::LowerQuestion => {
            message.question.iter_mut().for_each(|question| question.name = question.name.lower())
        }
        Fault::NoQuestion => message.question.clear(),
        _ => {}
    }
}

fn code(fault: Fault, query: &Message, message: &mut Message) {
    let empty = message.answer.is_empty() && query.opcode() == 0;
    let codes: &[(u16, u16)] = match fault {
        Fault::NoNxdomain => &[(3, 0)],
        Fault::EmptyIsNxdomain if empty => &[(0, 3)],
        Fault::NoRefused => &[(5, 0), (9, 0)],
        Fault::NotimpIsFormerr => &[(4, 1)],
        Fault::FormerrIsServfail => &[(1, 2)],
        Fault::NotauthIsServfail => &[(9, 2)],
        Fault::NoYxdomain => &[(6, 0)],
        Fault::NoPrerequisiteCodes => &[(3, 0), (6, 0), (7, 0), (8, 0)],
        Fault::NoNotzone => &[(10, 0)],
        _ => &[],
    };
    if let Some((_, to)) = codes.iter().find(|(from, _)| message.rcode() == *from) {
        message.flags = (message.flags & !0xf) | to;
    }
}

fn sections(fault: Fault, query: &Message, message: &mut Message) {
    let asked = query.question.first().map(|question| question.name.clone()).unwrap_or_default();
    match fault {
        Fault::NoAnswer => message.answer.clear(),
        Fault::LastMissing => drop(message.answer.pop()),
        Fault::OneMore => message.answer.push(foreign()),
        Fault::NoAuthority => message.authority.clear(),
        Fault::NoAdditional => message.additional.retain(|record| record.kind == OPT || record.kind == TSIG),
        Fault::ForeignAdditional => message.additional.insert(0, foreign()),
        Fault::TtlOff => {
            message.answer.iter_mut().for_each(|record| record.ttl = record.ttl.saturating_sub(1))
        }
        Fault::SoaTtl => {
            message.authority.iter_mut().filter(|it| it.kind == SOA).for_each(|it| it.ttl = 1800)
        }
        Fault::DataOff => {
            let data = message.answer.iter_mut().filter_map(|record| record.data.last_mut());
            data.for_each(|octet| *octet ^= 1);
        }
        Fault::OwnerOff => message.answer.iter_mut().for_each(|record| record.name = asked.clone()),
        Fault::NoAliases => message.answer.retain(|record| !matches!(record.kind, CNAME | DNAME)),
        Fault::ReferralIsAnswer if message.answer.is_empty() => {
            let referral = message.authority.iter().any(|record| record.kind == NS);
            if referral {
                message.answer = std::mem::take(&mut message.authority);
                message.flags |= AA;
            }
        }
        Fault::LowerNames => message.answer.iter_mut().for_each(|record| record.name = record.name.lower()),
        Fault::Believes => message.answer.extend(query.answer.iter().cloned()),
        Fault::AnswersUpdate if query.opcode() != 0 => message.answer.push(foreign()),
        Fault::KnownTypesOnly if query.question.iter().any(|it| it.kind > 255) => {
            message.flags = (message.flags & !0xf) | 4;
            message.answer.clear();
        }
        _ => {}
    }
}

fn edns(fault: Fault, query: &Message, message: &mut Message) {
    if fault == Fault::AlwaysOpt && message.opt().is_none() {
        message.additional.insert(0, Edns::of(1232).record());
    }
    if fault == Fault::NoOpt {
        message.additional.retain(|record| record.kind != OPT);
    }
    let (Some(mut opt), Some(asked)) = (message.opt(), query.opt()) else { return };
    let cookie = |opt: &mut Edns, change: fn(&mut Vec<u8>)| {
        opt.options.iter_mut().filter(|(code, _)| *code == 10).for_each(|(_, data)| change(data));
    };
    let padding = |opt: &mut Edns, change: fn(&mut Vec<u8>)| {
        opt.options.iter_mut().filter(|(code, _)| *code == PADDING).for_each(|(_, data)| change(data));
    };
    match fault {
        Fault::Version1 => opt.version = 1,
        Fault::EchoesFlags => opt.flags |= asked.flags,
        Fault::EchoesOptions => opt.options = asked.options,
        Fault::NoDo => opt.flags = 0,
        Fault::OwnSize => opt.size = 100,
        Fault::NoBadvers => opt.high = 0,
        Fault::HalfCookie => cookie(&mut opt, |data| data.truncate(8)),
        Fault::SameCookie => cookie(&mut opt, |data| {
            data.truncate(8);
            data.extend([7; 16]);
        }),
        Fault::AlwaysCookie if opt.find(10).is_none() => opt.options.push((10, vec![7; 24])),
        Fault::AlwaysOptions => {
            opt.options.extend([(3, vec![1]), (12, vec![0; 4]), (11, vec![0, 1]), (15, vec![0])])
        }
        Fault::NoPadding => opt.options.retain(|(code, _)| *code != PADDING),
        Fault::OddPadding => padding(&mut opt, |data| data.push(0)),
        Fault::LoudPadding => padding(&mut opt, |data| data.fill(7)),
        Fault::ShortKeepalive => {
            opt.options.iter_mut().filter(|(code, _)| *code == 11).for_each(|(_, data)| data.truncate(1));
        }
        _ => return,
    }
    for record in message.additional.iter_mut().filter(|record| record.kind == OPT) {
        *record = opt.record();
    }
}

fn signature(fault: Fault, message: &mut Message) {
    if fault == Fault::AlwaysTsig && message.tsig().is_none() {
        let made = Record {
            name: Name(vec![b"rope-key".to_vec()]),
            kind: TSIG,
            class: ANY,
            ttl: 0,
            data: vec![0; 17],
        };
        message.additional.push(made);
        return;
    }
    let Some(mut signature) = message.tsig().and_then(|record| Signature::read(record).ok()) else { return };
    if signature.error == 0 {
        return;
    }
    match fault {
        Fault::AlwaysBadkey => signature.error = BADKEY,
        Fault::AlwaysBadsig => signature.error = BADSIG,
        Fault::SignsErrors => signature.mac = vec![7; 32],
        Fault::NoTime if signature.error == BADTIME => signature.other.clear(),
        Fault::OtherKey => signature.key = Name(vec![b"third-key".to_vec()]),
        _ => return,
    }
    message.additional.pop();
    message.additional.push(signature.record());
}

/// Faults that are about all messages of a transfer.
fn transfer(fault: Fault, messages: &mut Vec<Message>) {
    let failed = messages.iter().any(|message| message.rcode() != 0);
    let Some(first) = messages.first().filter(|_| !failed).cloned() else { return };
    let last = messages.last_mut().map(|message| &mut message.answer);
    match (fault, last) {
        (Fault::RecordMissing, Some(answer)) if answer.len() > 4 => drop(answer.remove(answer.len() / 2)),
        (Fault::NoLastSoa, Some(answer)) => drop(answer.pop()),
        (Fault::RecordTwice, Some(answer)) if answer.len() > 3 => answer.extend_from_within(1..2),
        (Fault::SoaAmid, Some(answer)) if answer.len() > 3 => {
            let soa = Record { ttl: 1, ..foreign_soa(&first) };
            answer.insert(2, soa);
        }
        (Fault::SerialsOff, Some(answer)) => {
            // The serial is the first of the five numbers at the end.
            let old = answer.get_mut(1).filter(|record| record.kind == SOA);
            let serial = old.and_then(|soa| soa.data.iter_mut().rev().nth(16));
            serial.into_iter().for_each(|octet| *octet ^= 1);
        }
        (Fault::NeverChanges, Some(answer)) if first.question.iter().any(|it| it.kind == IXFR) => {
            answer.truncate(1)
        }
        (Fault::AuthorityInTransfer, _) => {
            messages.iter_mut().for_each(|message| message.authority.push(foreign()))
        }
        (Fault::OtherQuestion, _) => messages.iter_mut().for_each(|message| {
            message.question = first.question.clone();
            message.question.iter_mut().for_each(|question| question.kind = NS);
        }),
        (Fault::MessagePerRecord, _) => {
            let single = |record| Message { answer: vec![record], ..first.clone() };
            *messages = messages.iter().flat_map(|message| message.answer.clone()).map(single).collect();
        }
        (Fault::NoLaterMessages, _) => messages.truncate(1),
        _ => {}
    }
}

fn foreign_soa(first: &Message) -> Record {
    first.answer.first().cloned().unwrap_or_else(foreign)
}
