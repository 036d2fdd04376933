//! An answer for people: comments, and records as zone text.

use std::fmt::Write as _;
use std::net::SocketAddr;

use ropewalk_dns::client::{Reply, Transferred};
use ropewalk_dns::wire::Type;
use ropewalk_dns::wire::rdata::Text;
use ropewalk_dns::zone::Record;

use super::{option, transport};

pub(super) fn reply(reply: &Reply, server: SocketAddr, is_signed: bool) -> String {
    let message = &reply.message;
    let sections =
        [("ANSWER", &message.answer), ("AUTHORITY", &message.authority), ("ADDITIONAL", &message.additional)];
    let mut out = format!(
        ";; status: {}, opcode: {}, id: {}\n;; flags: {}; question: {}, answer: {}, authority: {}, additional: {}\n",
        message.rcode,
        message.opcode,
        message.id,
        message.flags,
        usize::from(message.question.is_some()),
        message.answer.len(),
        message.authority.len(),
        message.additional.len(),
    );
    if let Some(edns) = &message.edns {
        let dnssec = if edns.dnssec { " do" } else { "" };
        put(
            &mut out,
            format_args!(";; EDNS: version: {}, flags:{dnssec}; udp: {}\n", edns.version, edns.size),
        );
        for (code, value) in &edns.options {
            let (name, value) = option(*code, value);
            put(&mut out, format_args!(";; {name}: {value}\n"));
        }
    }
    if let Some(question) = &message.question {
        put(
            &mut out,
            format_args!("\n;; QUESTION\n;{}\t{}\t{}\n", question.name, question.qclass, question.qtype),
        );
    }
    for (name, records) in sections {
        if records.is_empty() {
            continue;
        }
        put(&mut out, format_args!("\n;; {name}\n"));
        for one in records {
            match one.rtype {
                Type::TSIG => {
                    let checked = if is_signed { "its signature is good" } else { "nobody has looked at it" };
                    put(&mut out, format_args!(";; TSIG: {}, {checked}\n", one.name));
                }
                _ => out += &record(one),
            }
        }
    }
    let came = transport(reply.transport);
    let took = reply.took.as_secs_f64() * 1e3;
    put(&mut out, format_args!("\n;; {} octets from {server} over {came} in {took:.1} ms\n", reply.octets));
    out
}

/// One line of zone text.
pub(super) fn record(record: &Record) -> String {
    let text = Text { rtype: record.rtype, rdata: &record.rdata };
    format!("{}\t{}\t{}\t{}\t{text}\n", record.name, record.ttl, record.class, record.rtype)
}

/// What the records say, and nothing else.
pub(super) fn short(records: &[Record]) -> String {
    records.iter().map(|record| format!("{}\n", Text { rtype: record.rtype, rdata: &record.rdata })).collect()
}

pub(super) fn transferred(done: &Transferred, server: SocketAddr) -> String {
    format!(
        ";; {} records in {} messages, {} octets, from {server} over {} in {:.1} ms\n",
        done.records,
        done.messages,
        done.octets,
        transport(done.transport),
        done.took.as_secs_f64() * 1e3,
    )
}

/// Writing to a string does not fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}
