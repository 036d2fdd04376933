use super::super::testing::{record, records};
use super::*;
use crate::zone::Record;

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 7 2 3 4 300
    example. 3600 IN NS ns.example.
";

/// Problems of the records that are added to a good zone.
fn problems(lines: &str) -> Vec<String> {
    let all = [records(ZONE), records(lines)].concat();
    match Zone::build("example.".parse::<Name>().unwrap().view(), all) {
        Ok((_, warnings)) => warnings.iter().map(|problem| format!("warning: {problem}")).collect(),
        Err(problems) => problems.iter().map(Problem::to_string).collect(),
    }
}

#[test]
fn a_good_zone_has_no_problems() {
    assert_eq!(problems("www.example. 60 IN A 192.0.2.1"), <[&str; 0]>::default());
    // What occurs twice is one record (RFC 2181 §5).
    let (zone, _) = Zone::build(
        "example.".parse::<Name>().unwrap().view(),
        [records(ZONE), records("example. 3600 IN NS NS.example.")].concat(),
    )
    .unwrap();
    assert_eq!(zone.apex().set(Type::NS).unwrap().rdata().count(), 1);
    assert_eq!(problems("example. 3600 IN DNAME other."), <[&str; 0]>::default());
}

#[test]
fn each_problem_names_its_record_and_rule() {
    for (lines, expected) in [
        ("www.other. 60 IN A 192.0.2.1", "www.other. A: a record is at the zone's name or below it"),
        ("a.example. 60 IN SOA a. b. 1 2 3 4 5", "a.example. SOA: an SOA record is at the zone's name only"),
        ("example. 3600 IN SOA a. b. 1 2 3 4 5", "example. SOA: a zone has one SOA record"),
        (
            "a.example. 60 IN CNAME b.\na.example. 60 IN CNAME c.",
            "a.example. CNAME: a name has one CNAME record",
        ),
        (
            "a.example. 60 IN CNAME b.\na.example. 60 IN A 192.0.2.1",
            "a.example. CNAME: a CNAME record is alone",
        ),
        ("example. 60 IN CNAME b.", "example. CNAME: a CNAME record is alone"),
        (
            "a.example. 60 IN DNAME b.\na.example. 60 IN DNAME c.",
            "a.example. DNAME: a name has one DNAME record",
        ),
        (
            "a.example. 60 IN DNAME b.\na.example. 60 IN NS c.",
            "a.example. DNAME: a DNAME record is not beside NS",
        ),
    ] {
        let problems = problems(lines);
        assert!(problems.len() == 1 && problems[0].starts_with(expected), "{lines}: {problems:?}");
    }
    let all = problems("www.other. 60 IN A 192.0.2.1\nexample. 60 IN CNAME b.\nwww.other. 60 IN AAAA ::1");
    assert_eq!(all.len(), 3);
}

#[test]
fn soa_and_ns_must_be_there() {
    let origin: Name = "example.".parse().unwrap();
    for (without, expected) in
        [("SOA", "example. SOA: a zone has an SOA"), ("NS", "example. NS: a zone has an NS")]
    {
        let left = records(ZONE).into_iter().filter(|record| record.rtype.to_string() != without);
        let problems = Zone::build(origin.view(), left).unwrap_err();
        assert!(problems.len() == 1 && problems[0].to_string().starts_with(expected), "{problems:?}");
    }
    assert_eq!(Zone::build(origin.view(), []).unwrap_err().len(), 2);
}

#[test]
fn what_is_no_record_of_a_zone_is_refused() {
    let good = record("a.example. 60 IN A 192.0.2.1");
    for (bad, expected) in [
        (Record { class: Class(3), ..good.clone() }, "the class of a zone's records is IN"),
        (Record { rtype: Type::ANY, ..good.clone() }, "the type is one for questions and messages only"),
        (Record { rdata: [1, 2, 3].into(), ..good.clone() }, "the data is not of the form of its type"),
    ] {
        let problems =
            Zone::build("example.".parse::<Name>().unwrap().view(), [records(ZONE), vec![bad]].concat());
        assert_eq!(problems.unwrap_err()[0].rule, expected);
    }
}

#[test]
fn a_set_has_the_lowest_of_its_ttls() {
    let lines = "a.example. 60 IN A 192.0.2.1\na.example. 30 IN A 192.0.2.2\na.example. 90 IN A 192.0.2.3";
    let (zone, warnings) =
        Zone::build("example.".parse::<Name>().unwrap().view(), [records(ZONE), records(lines)].concat())
            .unwrap();
    let set = zone.node("A.example.".parse::<Name>().unwrap().view()).unwrap().set(Type::A).unwrap();
    assert_eq!((set.ttl, set.rdata().count()), (30, 3));
    assert_eq!(warnings.len(), 2);
    assert!(warnings.iter().all(|problem| problem.is_warning));
}

#[test]
fn problems_are_told_up_to_a_number() {
    let lines: String = (0..3000).map(|n| format!("a{n}.other. 60 IN A 192.0.2.1\n")).collect();
    assert_eq!(problems(&lines).len(), 1000);
}
