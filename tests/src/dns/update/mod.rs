//! UPDATE (RFC 2136): cases are scripts of updates and of what is found afterwards.
//!
//! Each case has a label of its own below `update.test`, made of its id, which the first of its steps clears. The steps:
//!
//! - `send CODE: OPERATION; OPERATION` sends an update that is to get this code. `+NAME TTL TYPE DATA` adds,
//!   `-NAME TYPE DATA` deletes a record, `-NAME TYPE` an RRset, `-NAME` all of a name; `?NAME`, `?NAME TYPE` and `?NAME TYPE DATA` are
//!   the prerequisites that there is such a thing, `!NAME` and `!NAME TYPE` that there is none.
//! - `find NAME TYPE: TTL DATA | TTL DATA` asks, and finds these records.
//! - `none NAME TYPE` finds that the name has none of the type, `gone NAME` that it does not exist.
//!
//! `@` is the case's own name; others are below it unless a dot ends them.

mod order;
mod prerequisites;
mod rules;
mod sections;

use super::client::{Over, ask, exchange, read};
use super::rdata;
use super::text;
use super::tsig::{Key, ask_signed};
use super::wire::{ANY, IN, Message, NONE, Name, Question, Record};
use crate::case::{Verdict, check};
use crate::{Broken, Case, Outcome, Peer};

/// The opcode UPDATE in its place in the flags.
pub(super) const UPDATE: u16 = 5 << 11;

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    prerequisites::CASES.iter().chain(rules::CASES).chain(order::CASES).chain(sections::CASES)
}

fn origin() -> Name {
    Name(vec![b"update".to_vec(), b"test".to_vec()])
}

fn unreadable(why: impl Into<String>) -> Broken {
    Broken::new("a case that can be read", why)
}

/// An update of `update.test` without operations.
pub(super) fn update() -> Message {
    of_zone(origin())
}

pub(super) fn of_zone(zone: Name) -> Message {
    let mut message = Message::query(zone, rdata::SOA).with(UPDATE);
    message.question.iter_mut().for_each(|zone| zone.class = IN);
    message
}

/// Adds the operation to the section it belongs to.
pub(super) fn operate(message: &mut Message, operation: &str, below: &Name) -> Result<(), Broken> {
    let operation = operation.trim();
    let (sign, rest) = operation.split_at_checked(1).ok_or_else(|| unreadable(operation))?;
    let words: Vec<_> = rest.splitn(3, ' ').collect();
    let name = |word: &str| text::name(word, below).map_err(unreadable);
    let bare = |class, name: Name, kind| Record { name, kind, class, ttl: 0, data: Vec::new() };
    let kind = |word: &str| rdata::kind(word).ok_or_else(|| unreadable(word));
    let whole = |class| -> Result<Record, Broken> {
        let record = text::record(rest, below, 0).map_err(unreadable)?;
        Ok(Record { class, ttl: 0, ..record })
    };
    let (prerequisite, record) = match (sign, words.as_slice()) {
        ("+", _) => (false, text::record(rest, below, 300).map_err(unreadable)?),
        ("-", [owner]) => (false, bare(ANY, name(owner)?, ANY)),
        ("-", [owner, of]) => (false, bare(ANY, name(owner)?, kind(of)?)),
        ("-", _) => (false, whole(NONE)?),
        ("?", [owner]) => (true, bare(ANY, name(owner)?, ANY)),
        ("?", [owner, of]) => (true, bare(ANY, name(owner)?, kind(of)?)),
        ("?", _) => (true, whole(IN)?),
        ("!", [owner]) => (true, bare(NONE, name(owner)?, ANY)),
        ("!", [owner, of]) => (true, bare(NONE, name(owner)?, kind(of)?)),
        _ => return Err(unreadable(operation)),
    };
    if prerequisite { &mut message.answer } else { &mut message.authority }.push(record);
    Ok(())
}

/// Sends an update that the key signs, and gives the answer, which it has signed too.
pub(super) async fn send(peer: &mut Peer, message: &Message) -> Result<Message, Broken> {
    let key = Key::main(peer)?;
    ask_signed(peer, Over::Tcp, message, &key).await
}

/// Sends an update that gets this code, and nothing in its sections but what the query had.
pub(super) async fn gets(peer: &mut Peer, message: &Message, code: &str) -> Verdict {
    let answer = send(peer, message).await?;
    check(text::rcode(answer.rcode()) == code, code, &answer)
}

/// The answer to an update that nobody, or another key, has signed.
pub(super) async fn unsigned(
    peer: &mut Peer,
    message: &Message,
    key: Option<&Key>,
) -> Result<Message, Broken> {
    let wire =
        key.map_or_else(|| message.to_wire(), |key| key.sign(message, key.signature(message), |_| {}).0);
    read(message, &exchange(peer, Over::Tcp, &wire).await?)
}

/// Asks for records of the zone.
pub(super) async fn look(peer: &mut Peer, name: Name, kind: u16) -> Result<Message, Broken> {
    ask(peer, Over::Tcp, &Message::query(name, kind)).await
}

/// The serial of the zone.
pub(super) async fn serial(peer: &mut Peer, zone: Name) -> Result<u32, Broken> {
    let answer = look(peer, zone, rdata::SOA).await?;
    let soa = answer.answer.iter().find_map(|record| rdata::soa(&record.data));
    soa.map(|[serial, ..]| serial).ok_or_else(|| Broken::new("a SOA record", answer.to_string()))
}

/// RFC 1982 §3.2: whether one serial comes after another.
pub(super) fn is_after(later: u32, earlier: u32) -> bool {
    (1..1 << 31).contains(&later.wrapping_sub(earlier))
}

/// Runs the steps of a case.
async fn run(peer: &mut Peer, id: &str, steps: &str) -> Verdict {
    let below = origin().child(id.replace(['/', '.'], "-").as_bytes());
    let mut clear = update();
    for name in ["@", "x", "y", "z", "*", "deep.x"] {
        operate(&mut clear, &format!("-{name}"), &below)?;
    }
    gets(peer, &clear, "NOERROR").await?;
    for line in steps.lines().map(str::trim).filter(|line| !line.is_empty()) {
        step(peer, line, &below)
            .await
            .map_err(|broken| Broken::new(format!("{} after `{line}`", broken.expected), broken.actual))?;
    }
    Ok(Outcome::Pass)
}

async fn step(peer: &mut Peer, line: &str, below: &Name) -> Verdict {
    let (word, rest) = line.split_once(' ').ok_or_else(|| unreadable(line))?;
    let (subject, wanted) = rest.split_once(':').unwrap_or((rest, ""));
    if word == "send" {
        let mut message = update();
        for operation in wanted.split(';').filter(|text| !text.trim().is_empty()) {
            operate(&mut message, operation, below)?;
        }
        return gets(peer, &message, subject).await;
    }
    let (owner, kind) = subject.split_once(' ').unwrap_or((subject, "A"));
    let name = text::name(owner, below).map_err(unreadable)?;
    let kind = rdata::kind(kind).ok_or_else(|| unreadable(kind))?;
    let answer = look(peer, name.clone(), kind).await?;
    match word {
        "gone" => check(answer.rcode() == 3, format!("NXDOMAIN for {name}"), &answer),
        "none" => check(
            answer.rcode() == 0 && answer.answer.is_empty(),
            format!("no such records of {name}"),
            &answer,
        ),
        "find" => {
            let record = |data: &str| {
                let (ttl, data) = data.trim().split_once(' ').unwrap_or_default();
                text::record(&format!("{owner} {ttl} {} {data}", rdata::mnemonic(kind)), below, 0)
                    .map_err(unreadable)
            };
            let records = wanted.split('|').map(record).collect::<Result<Vec<_>, _>>()?;
            let same = super::client::is_same_set(&answer.answer, &records);
            check(same, format!("{records:?}"), &answer)
        }
        _ => Err(unreadable(line)),
    }
}

/// Declares cases that are scripts.
macro_rules! update_cases {
    ($(
        $(#[doc = $demand:literal])+
        $level:ident $id:literal: $steps:literal
    )*) => {
        $crate::case::cases! {
            $(
                $(#[doc = $demand])+
                $level $id [Fixture, Account, Update] = async |peer| { $crate::dns::update::run(peer, $id, $steps).await }
            )*
        }
    };
}
use update_cases;

/// A message with another zone section.
fn with_zone(zone: Vec<Question>) -> Message {
    Message { question: zone, ..update() }
}
