//! RFC 2136 §3.4.2: what is added, and what deleted.

use super::update_cases;

update_cases! {
    /// A record is added.
    Must "dns/2136/3.4.2.2/add": "send NOERROR: +x 300 A 192.0.2.1
        find x A: 300 192.0.2.1"

    /// A record is added to its RRset.
    Must "dns/2136/3.4.2.2/add-second": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: +x 300 A 192.0.2.2
        find x A: 300 192.0.2.1 | 300 192.0.2.2"

    /// A record that is there is not added again.
    Must "dns/2136/3.4.2.2/add-again": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: +x 300 A 192.0.2.1
        find x A: 300 192.0.2.1"

    /// A record that is there gets the TTL of the one that is added.
    Must "dns/2136/3.4.2.2/ttl": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: +x 600 A 192.0.2.1
        find x A: 600 192.0.2.1"

    /// Records of unknown types are added.
    Must "dns/2136/3.4.2.2/unknown-type": "send NOERROR: +x 300 TYPE731 \\# 3 010203
        find x TYPE731: 300 \\# 3 010203"

    /// A wildcard that is added stands for names.
    Must "dns/2136/3.4.2.2/wildcard": "send NOERROR: +* 300 A 192.0.2.1
        find z A: 300 192.0.2.1"

    /// A wildcard that is deleted stands for none.
    Must "dns/2136/3.4.2.2/wildcard-deleted": "send NOERROR: +* 300 A 192.0.2.1
        send NOERROR: -* A
        gone z"

    /// An alias is not added to a name with other records.
    Must "dns/2136/3.4.2.2/alias-beside-data": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: +x 300 CNAME y
        find x A: 300 192.0.2.1
        none x CNAME"

    /// A record is not added to an alias.
    Must "dns/2136/3.4.2.2/data-beside-alias": "send NOERROR: +x 300 CNAME y
        send NOERROR: +x 300 A 192.0.2.1
        find x CNAME: 300 y"

    /// An alias replaces the alias that is there.
    Must "dns/2136/3.4.2.2/alias-replaced": "send NOERROR: +x 300 CNAME y
        send NOERROR: +x 300 CNAME z
        find x CNAME: 300 z"

    /// A SOA record is not added below the apex.
    Must "dns/2136/3.4.2.2/soa-below": "send NOERROR: +x 300 SOA ns1 h 1 2 3 4 5; +y 300 A 192.0.2.1
        gone x
        find y A: 300 192.0.2.1"

    /// The names above one that is added exist.
    Must "dns/2136/3.4.2.2/empty-above": "send NOERROR: +deep.x 300 A 192.0.2.1
        none x A"

    /// A name in another case is the same name.
    Must "dns/2136/3.4.2.2/case": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: +X 300 A 192.0.2.2
        find x A: 300 192.0.2.1 | 300 192.0.2.2"

    /// An RRset is deleted, and others stay.
    Must "dns/2136/3.4.2.3/set": "send NOERROR: +x 300 A 192.0.2.1; +x 300 A 192.0.2.2; +x 300 TXT text
        send NOERROR: -x A
        none x A
        find x TXT: 300 text"

    /// A name whose last RRset is deleted does not exist.
    Must "dns/2136/3.4.2.3/last-set": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: -x A
        gone x"

    /// All of a name is deleted.
    Must "dns/2136/3.4.2.3/name": "send NOERROR: +x 300 A 192.0.2.1; +x 300 TXT text
        send NOERROR: -x
        gone x"

    /// The names below one that is deleted stay.
    Must "dns/2136/3.4.2.3/name-above": "send NOERROR: +x 300 A 192.0.2.1; +deep.x 300 A 192.0.2.2
        send NOERROR: -x
        none x A
        find deep.x A: 300 192.0.2.2"

    /// A record is deleted, and the rest of its RRset stays.
    Must "dns/2136/3.4.2.4/record": "send NOERROR: +x 300 A 192.0.2.1; +x 300 A 192.0.2.2
        send NOERROR: -x A 192.0.2.1
        find x A: 300 192.0.2.2"

    /// A name whose last record is deleted does not exist.
    Must "dns/2136/3.4.2.4/last-record": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: -x A 192.0.2.1
        gone x"

    /// A record that is not there is deleted without an error.
    Must "dns/2136/3.4.2.4/absent": "send NOERROR: +x 300 A 192.0.2.1
        send NOERROR: -x A 192.0.2.9
        find x A: 300 192.0.2.1"

    /// A name that is not there is deleted without an error.
    Must "dns/2136/3.4.2.4/absent-name": "send NOERROR: -x; -y A; -z A 192.0.2.1"

    /// The data of a record that is deleted match in any case of the letters of names.
    Must "dns/2136/3.4.2.4/case": "send NOERROR: +x 300 CNAME target
        send NOERROR: -x CNAME TARGET
        gone x"

    /// A name above one that is deleted does not exist where nothing else is below it.
    Must "dns/2136/3.4.2.3/empty-end": "send NOERROR: +deep.x 300 A 192.0.2.1
        send NOERROR: -deep.x
        gone x"
}
