//! RFC 1034: exact matches, aliases, delegations, and what is not there.

use crate::dns::expect::answer_cases;

answer_cases! {
    /// The records of the name and the type are the answer, all of them.
    Must "dns/1034/4.3.2/exact": "www A" => "NOERROR aa
        answer www 600 A 192.0.2.10
        answer www 600 A 192.0.2.11"

    /// Another type of the same name has its own records.
    Must "dns/1034/4.3.2/type": "www AAAA" => "NOERROR aa
        answer www 700 AAAA 2001:db8::10"

    /// The SOA record of the zone is answered at its apex.
    Must "dns/1034/4.3.2/apex-soa": "@ SOA" => "NOERROR aa
        answer @ SOA ns1 hostmaster 2026010101 7200 900 1209600 300"

    /// The NS records of the apex are an answer, not a referral.
    Must "dns/1034/4.3.2/apex-ns": "@ NS" => "NOERROR aa
        answer @ NS ns1
        answer @ NS ns.elsewhere.example."

    /// The addresses of the name servers stand in the additional section where the zone has them.
    Should "dns/1034/4.3.2/apex-ns-additional": "@ NS" => "NOERROR aa
        answer @ NS ns1
        answer @ NS ns.elsewhere.example.
        additional ns1 A 192.0.2.1
        additional ns1 AAAA 2001:db8::1"

    /// A name that does not exist is answered NXDOMAIN, with authority.
    Must "dns/1034/4.3.2/no-name": "nothing A" => "NXDOMAIN aa
        soa"

    /// A name below one that exists and has no such child is answered NXDOMAIN.
    Must "dns/1034/4.3.2/no-name-below": "below.www A" => "NXDOMAIN aa
        soa"

    /// A name without records of the type is answered NOERROR and no records.
    Must "dns/1034/4.3.2/no-data": "www MX" => "NOERROR aa
        soa"

    /// The apex without records of the type is answered NOERROR and no records.
    Must "dns/1034/4.3.2/apex-no-data": "@ AAAA" => "NOERROR aa
        soa"

    /// Names match whatever the case of their letters, and the question is repeated as it was.
    Must "dns/1034/4.3.1/case": "wWw.RoPe.TeSt. A" => "NOERROR aa
        answer www 600 A 192.0.2.10
        answer www 600 A 192.0.2.11"

    /// A name that was written in mixed case is found by lower case.
    Must "dns/1034/3.1/case-stored": "mixedcase TXT" => "NOERROR aa
        answer mixedcase TXT \"Mixed Case\""

    /// A dot within a label is no border between labels.
    Must "dns/1034/3.1/dot-in-label": "a\\.b TXT" => "NOERROR aa
        answer a\\.b TXT \"a dot within a label\""

    /// A border between labels is no dot within a label.
    Must "dns/1034/3.1/dot-between-labels": "a.b TXT" => "NXDOMAIN aa
        soa"

    /// Any octets make a label.
    Must "dns/1034/3.1/any-octet": "\\000\\255 TXT" => "NOERROR aa
        answer \\000\\255 TXT \"octets\""

    /// A space is an octet of a label like others.
    Must "dns/1034/3.1/space": "sp\\032ace TXT" => "NOERROR aa
        answer sp\\032ace TXT \"a space within a label\""

    /// An alias is answered by its CNAME record and the records of the name it leads to.
    Must "dns/1034/3.6.2/alias": "alias A" => "NOERROR aa
        answer alias CNAME www
        answer www 600 A 192.0.2.10
        answer www 600 A 192.0.2.11"

    /// A query for CNAME is not led on by it.
    Must "dns/1034/3.6.2/alias-itself": "alias CNAME" => "NOERROR aa
        answer alias CNAME www"

    /// A chain of aliases is followed to its end.
    Must "dns/1034/3.6.2/chain": "one A" => "NOERROR aa
        answer one CNAME two
        answer two CNAME three
        answer three CNAME www
        answer www 600 A 192.0.2.10
        answer www 600 A 192.0.2.11"

    /// An alias to a name of no zone here is answered by its CNAME record alone.
    Must "dns/1034/3.6.2/away": "away A" => "NOERROR aa
        answer away CNAME www.elsewhere.example.
        no-additional"

    /// An alias into a delegated zone is answered by its CNAME record and the referral.
    Must "dns/1034/4.3.2/alias-below-cut": "into A" => "NOERROR aa
        answer into CNAME www.sub
        authority sub 800 NS ns.sub
        authority sub 800 NS ns.elsewhere.example.
        additional ns.sub 800 A 192.0.2.50
        additional ns.sub 800 AAAA 2001:db8::50"

    /// A name below a delegation is answered by a referral, without authority.
    Must "dns/1034/4.3.2/referral": "host.sub A" => "NOERROR
        authority sub 800 NS ns.sub
        authority sub 800 NS ns.elsewhere.example.
        additional ns.sub 800 A 192.0.2.50
        additional ns.sub 800 AAAA 2001:db8::50"

    /// The name of a delegation is answered by the referral.
    Must "dns/1034/4.3.2/referral-at-cut": "sub A" => "NOERROR
        authority sub 800 NS ns.sub
        authority sub 800 NS ns.elsewhere.example.
        additional ns.sub 800 A 192.0.2.50
        additional ns.sub 800 AAAA 2001:db8::50"

    /// A query for the NS records of a delegation is answered by the referral: they are not authoritative here.
    Must "dns/1034/4.3.2/referral-ns": "sub NS" => "NOERROR
        authority sub 800 NS ns.sub
        authority sub 800 NS ns.elsewhere.example.
        additional ns.sub 800 A 192.0.2.50
        additional ns.sub 800 AAAA 2001:db8::50"

    /// A name far below a delegation is answered by the referral.
    Must "dns/1034/4.3.2/referral-deep": "a.b.c.d.sub TXT" => "NOERROR
        authority sub 800 NS ns.sub
        authority sub 800 NS ns.elsewhere.example.
        additional ns.sub 800 A 192.0.2.50
        additional ns.sub 800 AAAA 2001:db8::50"

    /// The address of a name server below the delegation is no answer, but glue.
    Must "dns/1034/4.2.1/glue": "ns.sub A" => "NOERROR
        authority sub 800 NS ns.sub
        authority sub 800 NS ns.elsewhere.example.
        additional ns.sub 800 A 192.0.2.50
        additional ns.sub 800 AAAA 2001:db8::50"

    /// Records below a delegation that are no glue are not answered.
    Must "dns/1034/4.3.2/occluded": "occluded.sub A" => "NOERROR
        authority sub 800 NS ns.sub
        authority sub 800 NS ns.elsewhere.example.
        additional ns.sub 800 A 192.0.2.50
        additional ns.sub 800 AAAA 2001:db8::50"

    /// A delegation to a name server within this zone is a referral like others.
    Must "dns/1034/4.3.2/referral-in-zone-server": "x.plain A" => "NOERROR
        authority plain 800 NS ns1"

    /// A referral has the addresses of name servers that this zone has.
    Should "dns/1034/4.3.2/referral-addresses": "x.plain A" => "NOERROR
        authority plain 800 NS ns1
        additional ns1 A 192.0.2.1
        additional ns1 AAAA 2001:db8::1"

    /// A delegation to a name server elsewhere is a referral without addresses.
    Must "dns/1034/4.3.2/referral-without-addresses": "z.x.y.deep A" => "NOERROR
        authority x.y.deep 800 NS ns.elsewhere.example.
        no-additional"

    /// A name above a delegation, without records, exists.
    Must "dns/1034/4.3.2/above-cut": "y.deep A" => "NOERROR aa
        soa"

    /// A name beside a delegation is not referred.
    Must "dns/1034/4.3.2/beside-cut": "z.y.deep A" => "NXDOMAIN aa
        soa"
}
