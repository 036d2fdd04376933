//! RFC 2181 §6.1 and RFC 4035 §3.1.4: what is the parent's, and what the child's.

use crate::dns::expect::answer_cases;

answer_cases! {
    /// A zone below another of the same server answers for its own names.
    Must "dns/2181/6.1/child": "www.child A" => "NOERROR aa
        answer www.child 1800 A 192.0.2.61"

    /// The NS records of a child zone of the same server are its own, with authority.
    Must "dns/2181/6.1/child-ns": "child NS" => "NOERROR aa
        answer child 1800 NS ns.child"

    /// The apex of a child zone of the same server is the child's.
    Must "dns/2181/6.1/child-soa": "child SOA" => "NOERROR aa
        answer child 1800 SOA ns.child hostmaster.child 7 7200 900 1209600 120"

    /// The address of the child's name server is answered by the child.
    Must "dns/2181/6.1/child-glue": "ns.child A" => "NOERROR aa
        answer ns.child 1800 A 192.0.2.60"

    /// DS is of the parent, also where the server has the child.
    Must "dns/4035/3.1.4.1/ds-of-both": "child DS" => "NOERROR aa
        answer child DS 23456 13 2 ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

    /// DS of a delegation is answered by the parent, with authority.
    Must "dns/4035/3.1.4.1/ds": "sub DS" => "NOERROR aa
        answer sub DS 12345 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

    /// A delegation without DS is answered by the parent's SOA record.
    Must "dns/4035/3.1.4.1/no-ds": "plain DS" => "NOERROR aa
        soa"

    /// DS below a delegation is the delegated zone's to answer.
    Must "dns/4035/3.1.4.1/ds-below": "x.sub DS" => "NOERROR
        authority sub 800 NS ns.sub
        authority sub 800 NS ns.elsewhere.example.
        additional ns.sub 800 A 192.0.2.50
        additional ns.sub 800 AAAA 2001:db8::50"

    /// DS of an apex whose parent is elsewhere is answered without records.
    Must "dns/4035/3.1.4.1/ds-of-apex": "strand.test. DS" => "NOERROR aa
        soa strand.test."
}
