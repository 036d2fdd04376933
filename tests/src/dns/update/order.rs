//! RFC 2136 §3.4: operations are done in their order, all or none.

use super::update_cases;

update_cases! {
    /// Operations are done in their order: what is added and then deleted is not there.
    Must "dns/2136/3.4.2/add-then-delete": "send NOERROR: +x 300 A 192.0.2.1; -x A
        gone x"

    /// Operations are done in their order: what is deleted and then added is there.
    Must "dns/2136/3.4.2/delete-then-add": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: -x A; +x 300 A 192.0.2.2
        find x A: 300 192.0.2.2"

    /// An RRset is deleted and an alias added in one update.
    Must "dns/2136/3.4.2/alias-for-data": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: -x A; +x 300 CNAME y
        find x CNAME: 300 y"

    /// An alias is deleted and a record added in one update.
    Must "dns/2136/3.4.2/data-for-alias": "send NOERROR: +x 300 CNAME y
        send NOERROR: -x CNAME; +x 300 A 192.0.2.1
        find x A: 300 192.0.2.1"

    /// A record outside of the zone gets NOTZONE, and nothing is done.
    Must "dns/2136/3.4.1/outside": "send NOTZONE: +y 300 A 192.0.2.1; +www.rope.test. 300 A 192.0.2.2
        gone y"

    /// A deletion outside of the zone gets NOTZONE, and nothing is done.
    Must "dns/2136/3.4.1/outside-deleted": "send NOTZONE: +y 300 A 192.0.2.1; -www.rope.test. A
        gone y"

    /// A name that ends like the zone's within a label is outside of it.
    Must "dns/2136/3.4.1/suffix-within-label": "send NOTZONE: +xupdate.test. 300 A 192.0.2.1"

    /// Many operations are one update.
    Must "dns/2136/3.4.2/many": "send NOERROR: +x 300 A 192.0.2.1; +x 300 A 192.0.2.2; +x 300 A 192.0.2.3; +x 300 A 192.0.2.4; +x 300 A 192.0.2.5; +x 300 A 192.0.2.6; +x 300 A 192.0.2.7; +x 300 A 192.0.2.8; +x 300 A 192.0.2.9; +x 300 A 192.0.2.10; +x 300 A 192.0.2.11; +x 300 A 192.0.2.12; +x 300 A 192.0.2.13; +x 300 A 192.0.2.14; +x 300 A 192.0.2.15; +x 300 A 192.0.2.16; +x 300 A 192.0.2.17; +x 300 A 192.0.2.18; +x 300 A 192.0.2.19; +x 300 A 192.0.2.20; +x 300 A 192.0.2.21; +x 300 A 192.0.2.22; +x 300 A 192.0.2.23; +x 300 A 192.0.2.24; +x 300 A 192.0.2.25; +x 300 A 192.0.2.26; +x 300 A 192.0.2.27; +x 300 A 192.0.2.28; +x 300 A 192.0.2.29; +x 300 A 192.0.2.30; +x 300 A 192.0.2.31; +x 300 A 192.0.2.32; +x 300 A 192.0.2.33; +x 300 A 192.0.2.34; +x 300 A 192.0.2.35; +x 300 A 192.0.2.36; +x 300 A 192.0.2.37; +x 300 A 192.0.2.38; +x 300 A 192.0.2.39; +x 300 A 192.0.2.40
        send NOERROR: -x A 192.0.2.1; -x A 192.0.2.2; -x A 192.0.2.3; -x A 192.0.2.4; -x A 192.0.2.5; -x A 192.0.2.6; -x A 192.0.2.7; -x A 192.0.2.8; -x A 192.0.2.9; -x A 192.0.2.10; -x A 192.0.2.11; -x A 192.0.2.12; -x A 192.0.2.13; -x A 192.0.2.14; -x A 192.0.2.15; -x A 192.0.2.16; -x A 192.0.2.17; -x A 192.0.2.18; -x A 192.0.2.19; -x A 192.0.2.20; -x A 192.0.2.21; -x A 192.0.2.22; -x A 192.0.2.23; -x A 192.0.2.24; -x A 192.0.2.25; -x A 192.0.2.26; -x A 192.0.2.27; -x A 192.0.2.28; -x A 192.0.2.29; -x A 192.0.2.30; -x A 192.0.2.31; -x A 192.0.2.32; -x A 192.0.2.33; -x A 192.0.2.34; -x A 192.0.2.35; -x A 192.0.2.36; -x A 192.0.2.37; -x A 192.0.2.38; -x A 192.0.2.39
        find x A: 300 192.0.2.40"
}
