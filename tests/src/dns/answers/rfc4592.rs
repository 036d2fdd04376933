//! RFC 4592: wildcards.

use crate::dns::expect::answer_cases;

answer_cases! {
    /// A name that does not exist gets the records of the wildcard, as its own.
    Must "dns/4592/3.3.1/synthesis": "x.wild A" => "NOERROR aa
        answer x.wild 500 A 192.0.2.40"

    /// A wildcard stands for several labels.
    Must "dns/4592/3.3.1/labels": "x.y.z.wild A" => "NOERROR aa
        answer x.y.z.wild 500 A 192.0.2.40"

    /// Each type of the wildcard is synthesised.
    Must "dns/4592/3.3.1/other-type": "x.wild TXT" => "NOERROR aa
        answer x.wild TXT \"wild\""

    /// The data of a synthesised record are not changed.
    Must "dns/4592/3.3.1/mx": "x.wild MX" => "NOERROR aa
        answer x.wild MX 10 host.wild"

    /// A wildcard without the type is answered NOERROR and no records.
    Must "dns/4592/2.2.1/no-data": "x.wild AAAA" => "NOERROR aa
        soa"

    /// A name that exists is not the wildcard's.
    Must "dns/4592/2.2.1/exists": "host.wild A" => "NOERROR aa
        answer host.wild A 192.0.2.41"

    /// A name that exists has no records of the wildcard, whatever the type is.
    Must "dns/4592/2.2.1/exists-no-data": "host.wild TXT" => "NOERROR aa
        soa"

    /// Below a name that exists the wildcard beside it does not apply.
    Must "dns/4592/2.2.1/below-name": "x.host.wild A" => "NXDOMAIN aa
        soa"

    /// A name that exists without records is not the wildcard's.
    Must "dns/4592/2.2.2/empty": "ent.wild A" => "NOERROR aa
        soa"

    /// Below a name that exists without records the wildcard beside it does not apply.
    Must "dns/4592/2.2.2/below-empty": "x.ent.wild A" => "NXDOMAIN aa
        soa"

    /// A query for the wildcard's own name is answered by its records.
    Must "dns/4592/2.1.1/asterisk": "*.wild A" => "NOERROR aa
        answer *.wild 500 A 192.0.2.40"

    /// Below the wildcard's own name it does not apply.
    Must "dns/4592/2.2.1/below-asterisk": "x.*.wild A" => "NXDOMAIN aa
        soa"

    /// The parent of a wildcard exists.
    Must "dns/4592/2.1.1/parent": "wild A" => "NOERROR aa
        soa"

    /// A wildcard without records, but with a name below it, is answered NOERROR and no records.
    Must "dns/4592/2.2.1/empty-wildcard": "x.mid A" => "NOERROR aa
        soa"

    /// A wildcard without records stands for several labels like others.
    Must "dns/4592/2.2.1/empty-wildcard-below": "a.x.mid A" => "NOERROR aa
        soa"

    /// An asterisk that is not the first label is a label like others.
    Must "dns/4592/2.1.1/within": "a.*.mid A" => "NOERROR aa
        answer a.*.mid A 192.0.2.43"

    /// A wildcard that is an alias leads on.
    Must "dns/4592/3.3.3/alias": "x.alias-wild A" => "NOERROR aa
        answer x.alias-wild CNAME www
        answer www 600 A 192.0.2.10
        answer www 600 A 192.0.2.11"

    /// A query for CNAME gets the wildcard's, and is not led on.
    Must "dns/4592/3.3.3/alias-itself": "x.alias-wild CNAME" => "NOERROR aa
        answer x.alias-wild CNAME www"

    /// An alias to a name that a wildcard stands for is followed.
    Must "dns/4592/3.3.1/alias-to": "starred A" => "NOERROR aa
        answer starred CNAME any.wild
        answer any.wild 500 A 192.0.2.40"
}
