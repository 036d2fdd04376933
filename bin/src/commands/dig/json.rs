//! An answer for programs, with the names of RFC 8427.

use std::net::SocketAddr;

use ropewalk_dns::client::{Reply, Transferred};
use ropewalk_dns::wire::Flags;
use ropewalk_dns::wire::rdata::Text;
use ropewalk_dns::zone::Record;
use serde_json::{Map, Value, json};

use super::{option, transport};

pub(super) fn reply(reply: &Reply, server: SocketAddr) -> Value {
    json!({
        "version": 1,
        "server": server.to_string(),
        "transport": transport(reply.transport),
        "octets": reply.octets,
        "seconds": reply.took.as_secs_f64(),
        "responseMessage": message(reply),
    })
}

fn message(reply: &Reply) -> Value {
    let message = &reply.message;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.into(), value);
    };
    put("ID", message.id.into());
    put("Opcode", message.opcode.0.into());
    put("RCODE", message.rcode.0.into());
    put("RCODEname", message.rcode.to_string().into());
    for (name, flag) in [
        ("QR", Flags::QR),
        ("AA", Flags::AA),
        ("TC", Flags::TC),
        ("RD", Flags::RD),
        ("RA", Flags::RA),
        ("AD", Flags::AD),
        ("CD", Flags::CD),
    ] {
        put(name, u8::from(message.flags.has(flag)).into());
    }
    if let Some(question) = &message.question {
        put("QNAME", question.name.to_string().into());
        put("QTYPE", question.qtype.0.into());
        put("QTYPEname", question.qtype.to_string().into());
        put("QCLASS", question.qclass.0.into());
        put("QCLASSname", question.qclass.to_string().into());
    }
    put("QDCOUNT", usize::from(message.question.is_some()).into());
    let sections = [
        ("ANCOUNT", "answerRRs", &message.answer, 0),
        ("NSCOUNT", "authorityRRs", &message.authority, 0),
        // OPT is counted there, and told by itself.
        ("ARCOUNT", "additionalRRs", &message.additional, usize::from(message.edns.is_some())),
    ];
    for (count, name, records, more) in sections {
        put(count, (records.len() + more).into());
        put(name, records.iter().map(record).collect());
    }
    if let Some(edns) = &message.edns {
        let options: Vec<_> = edns
            .options
            .iter()
            .map(|(code, value)| {
                let (name, shown) = option(*code, value);
                json!({"code": code, "name": name, "HEX": hex(value), "value": shown})
            })
            .collect();
        put(
            "EDNS",
            json!({"version": edns.version, "size": edns.size, "DO": u8::from(edns.dnssec), "options": options}),
        );
    }
    Value::Object(out)
}

pub(super) fn record(record: &Record) -> Value {
    let mut out = json!({
        "NAME": record.name.to_string(),
        "TYPE": record.rtype.0,
        "TYPEname": record.rtype.to_string(),
        "CLASS": record.class.0,
        "CLASSname": record.class.to_string(),
        "TTL": record.ttl,
        "RDLENGTH": record.rdata.len(),
        "RDATAHEX": hex(&record.rdata),
    });
    let text = Text { rtype: record.rtype, rdata: &record.rdata }.to_string();
    if let Some(out) = out.as_object_mut() {
        out.insert(format!("rdata{}", record.rtype), text.into());
    }
    out
}

pub(super) fn transfer(records: Vec<Value>, done: &Transferred, server: SocketAddr) -> Value {
    json!({
        "version": 1,
        "server": server.to_string(),
        "transport": transport(done.transport),
        "octets": done.octets,
        "seconds": done.took.as_secs_f64(),
        "messages": done.messages,
        "answerRRs": records,
    })
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}
