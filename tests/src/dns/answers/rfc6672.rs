//! RFC 6672: DNAME.

use crate::Case;
use crate::case::cases;
use crate::dns::expect::{answer_cases, is_bounded};

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    substitution::CASES.iter().chain(loops::CASES)
}

mod substitution {
    use super::answer_cases;

    answer_cases! {
        /// A name below a DNAME is answered by it, by the alias it makes, and by the records that this leads to.
        Must "dns/6672/3.2/substitution": "www.dn A" => "NOERROR aa
            answer dn 400 DNAME target
            answer www.dn 400 CNAME www.target
            answer www.target A 192.0.2.70"

        /// The owner of a DNAME is not redirected.
        Must "dns/6672/2.3/owner": "dn TXT" => "NOERROR aa
            answer dn TXT \"the owner of a DNAME\""

        /// The owner of a DNAME without the type is answered NOERROR and no records.
        Must "dns/6672/2.3/owner-no-data": "dn A" => "NOERROR aa
            soa"

        /// A query for the DNAME gets it, and no alias.
        Must "dns/6672/2.3/owner-itself": "dn DNAME" => "NOERROR aa
            answer dn 400 DNAME target"

        /// A DNAME that leads to a name that does not exist is answered NXDOMAIN.
        Must "dns/6672/3.2/no-name": "nothing.dn A" => "NXDOMAIN aa
            answer dn 400 DNAME target
            answer nothing.dn 400 CNAME nothing.target
            soa"

        /// A DNAME that leads to a name without the type is answered NOERROR.
        Must "dns/6672/3.2/no-data": "www.dn AAAA" => "NOERROR aa
            answer dn 400 DNAME target
            answer www.dn 400 CNAME www.target
            soa"

        /// An alias behind a DNAME is followed.
        Must "dns/6672/3.2/alias-behind": "a.dn A" => "NOERROR aa
            answer dn 400 DNAME target
            answer a.dn 400 CNAME a.target
            answer a.target CNAME www
            answer www 600 A 192.0.2.10
            answer www 600 A 192.0.2.11"

        /// A DNAME behind an alias is followed.
        Must "dns/6672/3.2/alias-before": "dnalias A" => "NOERROR aa
            answer dnalias CNAME www.dn
            answer dn 400 DNAME target
            answer www.dn 400 CNAME www.target
            answer www.target A 192.0.2.70"

        /// A DNAME to no zone here is answered by it and the alias it makes.
        Must "dns/6672/3.2/away": "x.y.dnaway A" => "NOERROR aa
            answer dnaway DNAME elsewhere.example.
            answer x.y.dnaway CNAME x.y.elsewhere.example.
            no-additional"

        /// A query for CNAME below a DNAME gets the alias that it makes.
        Must "dns/6672/3.1/query-for-cname": "www.dn CNAME" => "NOERROR aa
            answer dn 400 DNAME target
            answer www.dn 400 CNAME www.target"

        /// A DNAME that leads below a delegation is answered with the referral.
        Must "dns/6672/3.2/into-delegation": "x.dnsub A" => "NOERROR aa
            answer dnsub DNAME sub
            answer x.dnsub CNAME x.sub
            authority sub 800 NS ns.sub
            authority sub 800 NS ns.elsewhere.example.
            additional ns.sub 800 A 192.0.2.50
            additional ns.sub 800 AAAA 2001:db8::50"

        /// A name that the substitution makes too long is answered YXDOMAIN, with the DNAME.
        Must "dns/6672/2.2/too-long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.dnlong A" => "YXDOMAIN aa
            answer dnlong 3600 DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.target"

        /// A name that the substitution makes of 256 octets is answered YXDOMAIN.
        Must "dns/6672/2.2/one-too-long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.dnlong A" => "YXDOMAIN aa
            answer dnlong 3600 DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.target"

        /// A name that the substitution makes of 255 octets is a name.
        Must "dns/6672/2.2/longest": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.dnlong A" => "NXDOMAIN aa
            answer dnlong 3600 DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.target
            answer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.dnlong CNAME xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.target
            soa"
    }
}

mod loops {
    use super::*;

    cases! {
        /// DNAMEs that lead to each other do not lead on for ever.
        Robust "dns/6672/3.2/loop" [Fixture] = async |peer| {
            is_bounded(peer, "x.dnloop A", "dnloop DNAME x.dnloop2").await
        }
    }
}
