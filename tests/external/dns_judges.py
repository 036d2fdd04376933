#!/usr/bin/env python3
"""Asks our server by dnspython for every name and type of the suite's zones, by UDP, TCP, TLS and HTTPS, and transfers them.

Usage: dns_judges.py PORT TLS-PORT HTTPS-PORT CERTIFICATE FOLDER-OF-ZONES; dns_judges.sh starts the server.
"""

import pathlib
import ssl
import sys

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.zone

PORT, TLS, HTTPS = (int(port) for port in sys.argv[1:4])
CERTIFICATE, FOLDER = sys.argv[4], pathlib.Path(sys.argv[5])
KEYS = dns.tsigkeyring.from_text({"rope-key": "cm9wZXdhbGsga2V5IGZvciB0ZXN0cyBvbmx5ISEhISE="})
TRUST = ssl.create_default_context(cafile=CERTIFICATE)
HERE = "127.0.0.1"
NSEC3 = dns.rdatatype.NSEC3

WAYS = {
    "UDP": lambda query: dns.query.udp_with_fallback(query, HERE, port=PORT, timeout=5)[0],
    "TCP": lambda query: dns.query.tcp(query, HERE, port=PORT, timeout=5),
    "TLS": lambda query: dns.query.tls(query, HERE, port=TLS, timeout=5, ssl_context=TRUST, server_hostname="localhost"),
    "HTTPS": lambda query: dns.query.https(
        query, f"https://localhost:{HTTPS}/dns-query", timeout=5, verify=CERTIFICATE, bootstrap_address=HERE
    ),
}


def questions(zone):
    """Names and types that the zone answers itself."""
    cuts = [name for name, node in zone.nodes.items() if name != zone.origin and node.get_rdataset(1, dns.rdatatype.NS)]
    cuts += [name for name, node in zone.nodes.items() if node.get_rdataset(1, dns.rdatatype.DNAME)]
    for name, node in zone.nodes.items():
        if not any(name.is_subdomain(cut) for cut in cuts):
            # Nobody can ask for an NSEC3 by its name (RFC 5155 §7.2.8).
            yield from ((name, rdataset) for rdataset in node.rdatasets if NSEC3 not in (rdataset.rdtype, rdataset.covers))


def ask_for(name, rdataset):
    """The question for a set: for signatures, that for what they cover, with DO."""
    signed = rdataset.rdtype == dns.rdatatype.RRSIG
    return dns.message.make_query(name, rdataset.covers if signed else rdataset.rdtype, use_edns=True, want_dnssec=signed)


def main():
    wrong = 0
    for file in sorted(FOLDER.glob("*.zone")):
        origin = dns.name.from_text(file.stem)
        zone = dns.zone.from_file(str(file), origin=origin, relativize=False)
        came = dns.zone.from_xfr(
            dns.query.xfr(HERE, origin, port=PORT, keyring=KEYS, relativize=False, lifetime=30), relativize=False
        )
        if came != zone:
            wrong += 1
            print(f"AXFR {file.stem}: another zone")
        asked = list(questions(zone))
        for name, rdataset in asked if len(asked) < 500 else asked[:20]:
            for way, ask in WAYS.items():
                answer = ask(ask_for(name, rdataset))
                found = answer.get_rrset(dns.message.ANSWER, name, 1, rdataset.rdtype, rdataset.covers)
                if answer.rcode() != dns.rcode.NOERROR or found is None or set(found) != set(rdataset):
                    wrong += 1
                    print(f"{way}: {name} {rdataset.rdtype}: {found} is not {rdataset}")
        print(f"dnspython: {file.stem} with {len(asked)} sets, by {', '.join(WAYS)} and AXFR")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
