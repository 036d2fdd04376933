//! RFC 2136 §3.2: the prerequisites, each where it holds and where it does not.

use super::update_cases;

update_cases! {
    /// An update that asks for a name in use is done where it is.
    Must "dns/2136/3.2/used-yes": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: ?x; +y 300 A 192.0.2.2
        find y A: 300 192.0.2.2"

    /// An update that asks for a name in use gets NXDOMAIN where it is not, and is not done.
    Must "dns/2136/3.2/used-no": "send NXDOMAIN: ?x; +y 300 A 192.0.2.2
        gone y"

    /// An update that asks for a name not in use is done where it is not.
    Must "dns/2136/3.2/unused-yes": "send NOERROR: !x; +x 300 A 192.0.2.1
        find x A: 300 192.0.2.1"

    /// An update that asks for a name not in use gets YXDOMAIN where it is, and is not done.
    Must "dns/2136/3.2/unused-no": "send NOERROR: +x 300 A 192.0.2.1
        send YXDOMAIN: !x; +y 300 A 192.0.2.2
        gone y"

    /// An update that asks for an RRset is done where it exists.
    Must "dns/2136/3.2/set-yes": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: ?x A; +y 300 A 192.0.2.2
        find y A: 300 192.0.2.2"

    /// An update that asks for an RRset gets NXRRSET where the name does not exist.
    Must "dns/2136/3.2/set-no-name": "send NXRRSET: ?x A; +y 300 A 192.0.2.2
        gone y"

    /// An update that asks for an RRset gets NXRRSET where the name has others only.
    Must "dns/2136/3.2/set-no-type": "send NOERROR: +x 300 TXT text
        send NXRRSET: ?x A; +y 300 A 192.0.2.2
        gone y"

    /// An update that asks for no RRset is done where there is none.
    Must "dns/2136/3.2/no-set-yes": "send NOERROR: !x A; +x 300 A 192.0.2.1
        find x A: 300 192.0.2.1"

    /// An update that asks for no RRset is done where the name has others only.
    Must "dns/2136/3.2/no-set-other-type": "send NOERROR: +x 300 TXT text
        send NOERROR: !x A; +y 300 A 192.0.2.2
        find y A: 300 192.0.2.2"

    /// An update that asks for no RRset gets YXRRSET where there is one.
    Must "dns/2136/3.2/no-set-no": "send NOERROR: +x 300 A 192.0.2.1
        send YXRRSET: !x A; +y 300 A 192.0.2.2
        gone y"

    /// An update that asks for records is done where the RRset is these.
    Must "dns/2136/3.2/value-yes": "send NOERROR: +x 300 A 192.0.2.1; +x 300 A 192.0.2.2
        send NOERROR: ?x A 192.0.2.1; ?x A 192.0.2.2; +y 300 A 192.0.2.3
        find y A: 300 192.0.2.3"

    /// An update that asks for records is done in whatever order they are listed.
    Must "dns/2136/3.2/value-order": "send NOERROR: +x 300 A 192.0.2.1; +x 300 A 192.0.2.2
        send NOERROR: ?x A 192.0.2.2; ?x A 192.0.2.1; +y 300 A 192.0.2.3
        find y A: 300 192.0.2.3"

    /// An update that asks for some records of an RRset gets NXRRSET.
    Must "dns/2136/3.2/value-fewer": "send NOERROR: +x 300 A 192.0.2.1; +x 300 A 192.0.2.2
        send NXRRSET: ?x A 192.0.2.1; +y 300 A 192.0.2.3
        gone y"

    /// An update that asks for more records than an RRset has gets NXRRSET.
    Must "dns/2136/3.2/value-more": "send NOERROR: +x 300 A 192.0.2.1
        send NXRRSET: ?x A 192.0.2.1; ?x A 192.0.2.2; +y 300 A 192.0.2.3
        gone y"

    /// An update that asks for other records than an RRset has gets NXRRSET.
    Must "dns/2136/3.2/value-other": "send NOERROR: +x 300 A 192.0.2.1
        send NXRRSET: ?x A 192.0.2.9; +y 300 A 192.0.2.3
        gone y"

    /// An update that asks for records of a name that does not exist gets NXRRSET.
    Must "dns/2136/3.2/value-none": "send NXRRSET: ?x A 192.0.2.1; +y 300 A 192.0.2.3
        gone y"

    /// Names within the records that are asked for match in any case of their letters.
    Must "dns/2136/3.2/value-case": "send NOERROR: +x 300 CNAME target
        send NOERROR: ?x CNAME TARGET; +y 300 A 192.0.2.3
        find y A: 300 192.0.2.3"

    /// The names that are asked for match in any case of their letters.
    Must "dns/2136/3.2/name-case": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: ?X A; +y 300 A 192.0.2.3
        find y A: 300 192.0.2.3"

    /// Records that are asked for are compared by RRset.
    Must "dns/2136/3.2/several-sets": "send NOERROR: +x 300 A 192.0.2.1; +z 300 A 192.0.2.2
        send NOERROR: ?x A 192.0.2.1; ?z A 192.0.2.2; +y 300 A 192.0.2.3
        find y A: 300 192.0.2.3"

    /// Every prerequisite is to hold.
    Must "dns/2136/3.2/all": "send NOERROR: +x 300 A 192.0.2.1
        send YXRRSET: ?x; ?x A; !x A; +y 300 A 192.0.2.3
        gone y"

    /// An update without operations whose prerequisites hold is done.
    Must "dns/2136/3.2/none": "send NOERROR: !x"

    /// Prerequisites without operations are a question.
    Must "dns/2136/3.2/alone": "send NXDOMAIN: ?x"

    /// Prerequisites are compared with the zone as it is before the update.
    Must "dns/2136/3.2/before": "send NXDOMAIN: ?x; +x 300 A 192.0.2.1
        gone x"

    /// A name that has only names below it is not in use.
    Must "dns/2136/3.2/empty": "send NOERROR: +deep.x 300 A 192.0.2.1
        send NXDOMAIN: ?x; +y 300 A 192.0.2.2
        gone y"

    /// A wildcard does not make the names in use that it stands for.
    Must "dns/2136/3.2/not-by-wildcard": "send NOERROR: +* 300 A 192.0.2.1
        send NXDOMAIN: ?x; +y 300 A 192.0.2.2
        find y A: 300 192.0.2.1"

    /// A prerequisite about a name outside of the zone gets NOTZONE.
    Must "dns/2136/3.2/outside": "send NOTZONE: ?www.rope.test. A; +y 300 A 192.0.2.2
        gone y"
}
