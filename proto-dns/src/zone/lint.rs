//! Records that a zone may have, and that do not lead where they are meant to.

use super::problem::{Problem, TOLD};
use super::{Found, Node, Zone};
use crate::wire::key::Key;
use crate::wire::{NameRef, Type};

/// What leads nowhere, in no order: at most as much as is told of a zone. It takes one pass over its names.
pub(super) fn lint(zone: &Zone) -> Vec<Problem> {
    let mut found: Vec<_> = mailbox(zone).into_iter().collect();
    for node in zone.nodes() {
        look(zone, node, &mut found);
        if found.len() >= TOLD {
            found.truncate(TOLD);
            break;
        }
    }
    found
}

/// An `@` in the name that stands for a mailbox.
fn mailbox(zone: &Zone) -> Option<Problem> {
    let rdata = zone.soa()?.rdata().next()?;
    let (_, rest) = NameRef::split(rdata).ok()?;
    let (rname, _) = NameRef::split(rest).ok()?;
    let rule = "an `@` is in the name of the mailbox, where a dot stands for it (RFC 1035 §8)";
    let has_at = rname.labels().any(|label| label.contains(&b'@'));
    has_at.then(|| warning(zone.origin(), Type::SOA, rdata, rule.to_owned()))
}

fn look(zone: &Zone, node: &Node, found: &mut Vec<Problem>) {
    let mut sets = node.sets().filter(|set| before_target(set.rtype).is_some()).peekable();
    if sets.peek().is_none() {
        return;
    }
    let owner = node.name();
    let is_cut = match zone.find(&Key::new(owner), false) {
        Found::Exact(_) => false,
        Found::Cut(cut, _) if cut.name() == owner => true,
        // It is another zone's, or nobody's.
        _ => return,
    };
    for set in sets.filter(|set| !is_cut || set.rtype == Type::NS) {
        for rdata in set.rdata() {
            let target = before_target(set.rtype).and_then(|at| NameRef::from_wire(rdata.get(at..)?).ok());
            let wrong = target.and_then(|target| wrong(zone, owner, is_cut, set.rtype, target));
            found.extend(wrong.map(|rule| warning(owner, set.rtype, rdata, rule)));
        }
    }
}

/// The octets before the name that data of a type leads to, if it does.
fn before_target(rtype: Type) -> Option<usize> {
    match rtype {
        Type::NS | Type::CNAME => Some(0),
        Type::MX => Some(2),
        Type::SRV => Some(6),
        _ => None,
    }
}

/// What is wrong with the name that a record leads to.
fn wrong(zone: &Zone, owner: NameRef<'_>, is_cut: bool, rtype: Type, target: NameRef<'_>) -> Option<String> {
    if is_address(target) {
        return Some(format!(
            "{target} is a name that looks like an IPv4 address, where a host's is expected"
        ));
    }
    if rtype == Type::CNAME || target.is_root() || !target.is_within(zone.origin()) {
        return None;
    }
    let alias = || match rtype {
        Type::SRV => format!("{target} is an alias, which a target must not be (RFC 2782)"),
        _ => format!("{target} is an alias, which {rtype} must not lead to (RFC 2181 §10.3)"),
    };
    match zone.find(&Key::new(target), false) {
        Found::Exact(node) | Found::Wildcard(node) if has_address(node) => None,
        Found::Exact(node) | Found::Wildcard(node) if node.set(Type::CNAME).is_some() => Some(alias()),
        Found::Redirect(..) => Some(alias()),
        Found::Exact(_) | Found::Wildcard(_) | Found::Missing => Some(format!("{target} has no address")),
        // Who asks for a name below it has to know where the name server is already.
        Found::Cut(..) if is_cut && target.is_within(owner) => {
            let has_glue = zone.node(target).is_some_and(has_address);
            (!has_glue).then(|| {
                format!("{target} is below the delegation, and its address is not here (RFC 1034 §4.2.1)")
            })
        }
        Found::Cut(..) => None,
    }
}

fn has_address(node: &Node) -> bool {
    node.sets().any(|set| matches!(set.rtype, Type::A | Type::AAAA))
}

/// Whether a name begins as an address; those that stand for addresses do.
fn is_address(name: NameRef<'_>) -> bool {
    let is_octet = |label: &[u8]| {
        let text = std::str::from_utf8(label).unwrap_or_default();
        text.bytes().all(|octet| octet.is_ascii_digit()) && text.parse::<u8>().is_ok()
    };
    let is_reverse = || name.labels().last().is_some_and(|label| label.eq_ignore_ascii_case(b"arpa"));
    let mut labels = name.labels();
    (0..4).all(|_| labels.next().is_some_and(is_octet)) && !is_reverse()
}

fn warning(name: NameRef<'_>, rtype: Type, rdata: &[u8], rule: String) -> Problem {
    let record = format!("{name} {rtype}");
    Problem { is_warning: true, record, data: Some(rdata.into()), rule: rule.into() }
}

#[cfg(test)]
mod tests {
    use super::super::testing::records;
    use super::*;

    const APEX: &str = "example. 60 SOA ns.example. root.example. 1 2 3 4 5\nexample. 60 NS ns.example.\n\
                        ns.example. 60 A 192.0.2.1\n";

    fn told(lines: &str) -> Vec<String> {
        let origin: crate::wire::Name = "example.".parse().unwrap();
        let (zone, _) = Zone::build(origin.view(), records(&format!("{APEX}{lines}"))).unwrap();
        let mut told: Vec<_> = lint(&zone).iter().map(Problem::to_string).collect();
        told.sort();
        told
    }

    #[test]
    fn what_leads_nowhere_is_told() {
        for (lines, expected) in [
            ("example. 60 NS a.example.", "example. NS: a.example. has no address"),
            ("example. 60 MX 1 a.example.", "example. MX: a.example. has no address"),
            ("_x._tcp.example. 60 SRV 1 2 3 a.example.", "_x._tcp.example. SRV: a.example. has no address"),
            ("example. 60 MX 1 a.example.\na.example. 60 TXT a", "example. MX: a.example. has no address"),
            (
                "example. 60 MX 1 a.example.\nb.a.example. 60 A 192.0.2.1",
                "example. MX: a.example. has no address",
            ),
            (
                "example. 60 MX 1 a.example.\na.example. 60 CNAME ns.example.",
                "example. MX: a.example. is an alias",
            ),
            (
                "example. 60 NS a.example.\n*.example. 60 CNAME ns.example.",
                "example. NS: a.example. is an alias",
            ),
            (
                "_x.example. 60 SRV 1 2 3 a.d.example.\nd.example. 60 DNAME other.",
                "_x.example. SRV: a.d.example. is an alias",
            ),
            (
                "sub.example. 60 NS ns.sub.example.",
                "sub.example. NS: ns.sub.example. is below the delegation",
            ),
            ("sub.example. 60 NS sub.example.", "sub.example. NS: sub.example. is below the delegation"),
            ("sub.example. 60 NS a.example.", "sub.example. NS: a.example. has no address"),
            (
                "example. 60 MX 1 192.0.2.1.example.",
                "example. MX: 192.0.2.1.example. is a name that looks like",
            ),
            ("a.example. 60 CNAME 192.0.2.1.", "a.example. CNAME: 192.0.2.1. is a name that looks like"),
            (
                "example. 60 SOA . h@corp.example. 1 2 3 4 5",
                "example. SOA: an `@` is in the name of the mailbox",
            ),
        ] {
            let apex = if lines.contains("SOA") { records(APEX).split_off(1) } else { records(APEX) };
            let origin: crate::wire::Name = "example.".parse().unwrap();
            let (zone, _) = Zone::build(origin.view(), [apex, records(lines)].concat()).unwrap();
            let told: Vec<_> = lint(&zone).iter().map(Problem::to_string).collect();
            assert!(told.len() == 1 && told[0].starts_with(expected), "{lines}: {told:?}");
        }
    }

    #[test]
    fn what_leads_where_it_should_or_elsewhere_is_not() {
        for lines in [
            "example. 60 MX 1 ns.example.\n_x.example. 60 SRV 1 2 3 NS.EXAMPLE.",
            "example. 60 MX 0 .\n_x.example. 60 SRV 0 0 0 .",
            "example. 60 MX 1 a.example.\n*.example. 60 AAAA 2001:db8::1",
            "example. 60 MX 1 mail.other.\nexample. 60 NS ns.other.",
            "sub.example. 60 NS ns.sub.example.\nns.sub.example. 60 A 192.0.2.1",
            // What is below a cut, another knows.
            "sub.example. 60 NS ns.other.\nexample. 60 MX 1 mail.sub.example.\nx.sub.example. 60 MX 1 none.example.",
            "a.example. 60 CNAME none.example.",
            "a.example. 60 CNAME 1.2.0.192.in-addr.arpa.\nb.example. 60 CNAME 1.2.3.example.\nc.example. 60 CNAME 300.0.2.1.",
        ] {
            assert_eq!(told(lines), [""; 0], "{lines}");
        }
    }

    #[test]
    fn so_much_is_told_and_no_more() {
        let lines: String = (0..2 * TOLD).map(|n| format!("m{n}.example. 60 MX 1 none.example.\n")).collect();
        assert_eq!(told(&lines).len(), TOLD);
    }
}
