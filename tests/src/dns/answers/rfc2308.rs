//! RFC 2308 and RFC 8020: negative answers.

use crate::dns::expect::answer_cases;

answer_cases! {
    /// An alias to a name that does not exist is answered NXDOMAIN, with the alias.
    Must "dns/2308/2.1/alias-no-name": "dangling A" => "NXDOMAIN aa
        answer dangling CNAME nothing
        soa"

    /// An alias to a name without the type is answered NOERROR, with the alias and the SOA record.
    Must "dns/2308/2.2/alias-no-data": "poor AAAA" => "NOERROR aa
        answer poor CNAME mail
        soa"

    /// The SOA record of a negative answer has the last of its numbers as its TTL, where that is less.
    Must "dns/2308/3/minimum": "nothing.child A" => "NXDOMAIN aa
        soa child.rope.test."

    /// The SOA record of a negative answer keeps its TTL where that is less than the last of its numbers.
    Must "dns/2308/3/ttl": "nothing.strand.test. A" => "NXDOMAIN aa
        soa strand.test."

    /// The SOA record stands in the authority section where a name has no such records.
    Must "dns/2308/3/soa-of-no-data": "www.child MX" => "NOERROR aa
        soa child.rope.test."

    /// Below a name that does not exist nothing exists.
    Must "dns/8020/2/below-nothing": "a.b.nothing A" => "NXDOMAIN aa
        soa"

    /// A name without records that has names below it exists.
    Must "dns/8020/3.1/empty": "b.ent A" => "NOERROR aa
        soa"

    /// Every name above a name exists.
    Must "dns/8020/3.1/empty-above": "ent A" => "NOERROR aa
        soa"

    /// The names below an empty one are those of the zone.
    Must "dns/8020/3.1/below-empty": "a.b.ent A" => "NOERROR aa
        answer a.b.ent A 192.0.2.30"

    /// A name below an empty one that is not of the zone does not exist.
    Must "dns/8020/3.1/beside-empty": "c.b.ent A" => "NXDOMAIN aa
        soa"
}
