//! Records from lines `NAME TTL IN TYPE DATA`.

use super::{Class, Name, Record, Type};

pub(crate) fn records(text: &str) -> Vec<Record> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(record).collect()
}

pub(crate) fn record(line: &str) -> Record {
    let mut words = line.split_whitespace();
    let mut word = || words.next().unwrap();
    let (name, ttl, _, rtype) = (word(), word(), word(), word());
    let rtype: Type = rtype.parse().unwrap();
    let rest: Vec<&str> = words.collect();
    Record {
        name: name.parse().unwrap(),
        class: Class::IN,
        rtype,
        ttl: ttl.parse().unwrap(),
        rdata: rdata(rtype, &rest).into(),
    }
}

fn rdata(rtype: Type, words: &[&str]) -> Vec<u8> {
    let name = |text: &str| text.parse::<Name>().unwrap().wire().to_vec();
    let number = |text: &str| text.parse::<u16>().unwrap().to_be_bytes().to_vec();
    let long = |text: &str| text.parse::<u32>().unwrap().to_be_bytes().to_vec();
    match rtype {
        Type::A => words[0].parse::<std::net::Ipv4Addr>().unwrap().octets().to_vec(),
        Type::AAAA => words[0].parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec(),
        Type::NS | Type::CNAME | Type::DNAME | Type::PTR => name(words[0]),
        Type::MX => [number(words[0]), name(words[1])].concat(),
        Type::SVCB | Type::HTTPS => [number(words[0]), name(words[1])].concat(),
        Type::SRV => [number(words[0]), number(words[1]), number(words[2]), name(words[3])].concat(),
        Type::SOA => {
            let numbers = words[2..].iter().flat_map(|word| long(word));
            name(words[0]).into_iter().chain(name(words[1])).chain(numbers).collect()
        }
        Type::TXT => {
            let text = words.join(" ");
            let text = text.trim_matches('"');
            [&[text.len() as u8], text.as_bytes()].concat()
        }
        Type::DS => [number(words[0]), vec![8, 2], vec![7; 32]].concat(),
        _ => unimplemented!("{rtype}"),
    }
}
